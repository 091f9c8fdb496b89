-- +goose Up

-- A call, whether it reached anybody or not: the figures count it. It is anchored on one node, which holds its
-- lines and beats for it; when the lease ends the node is gone, and the call with it. The number is nowhere
-- here: mark is a keyed hash that recognises it for a while, and is cleared afterwards.
CREATE TABLE phone_call (
    id          TEXT PRIMARY KEY,
    contact_id  TEXT   NOT NULL DEFAULT '', -- '' until it is in line, or leaves a message
    node        TEXT   NOT NULL,
    trunk       TEXT   NOT NULL,
    direction   TEXT   NOT NULL CHECK (direction IN ('in', 'out')),
    state       TEXT   NOT NULL CHECK (state IN ('greeting', 'waiting', 'dialling', 'talking', 'held', 'parked', 'voicemail', 'passed', 'ended')),
    rev         BIGINT NOT NULL DEFAULT 1,
    lang        TEXT   NOT NULL,
    mark        BLOB,
    staff_id    TEXT   NOT NULL DEFAULT '', -- of an outbound call: who dialled
    introducing TEXT   NOT NULL DEFAULT '', -- who hands it over and speaks first with the colleague who took it
    no_listening BOOLEAN NOT NULL DEFAULT FALSE, -- she pressed the key that refuses a supervisor's ear
    began_at    BIGINT NOT NULL,
    queued_at   BIGINT NOT NULL DEFAULT 0,
    answered_at BIGINT NOT NULL DEFAULT 0,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    lease_until BIGINT NOT NULL,
    outcome     TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX phone_call_by_contact ON phone_call (contact_id, began_at);
CREATE INDEX phone_call_by_lease ON phone_call (ended_at, lease_until);
CREATE INDEX phone_call_by_mark ON phone_call (mark, ended_at);
CREATE INDEX phone_call_by_time ON phone_call (began_at);

-- How each line of a call did, for whoever must find out why a child could not be understood.
CREATE TABLE phone_leg (
    id         TEXT PRIMARY KEY,
    call_id    TEXT   NOT NULL REFERENCES phone_call (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL CHECK (kind IN ('caller', 'counsellor', 'colleague', 'outside', 'listener')),
    staff_id   TEXT   NOT NULL DEFAULT '',
    began_at   BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    received   BIGINT NOT NULL,
    lost       BIGINT NOT NULL,
    late       BIGINT NOT NULL,
    jitter_us  BIGINT NOT NULL,
    round_trip_us BIGINT NOT NULL,
    mos_hundredths BIGINT NOT NULL
);
CREATE INDEX phone_leg_by_call ON phone_leg (call_id);

-- What was spoken onto the tape while we were closed: a sealed file, opened by what is in content_sealed.
CREATE TABLE phone_voicemail (
    contact_id     TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    blob_id        TEXT   NOT NULL,
    length_ms      BIGINT NOT NULL,
    saved_at       BIGINT NOT NULL,
    heard_at       BIGINT NOT NULL DEFAULT 0,
    heard_by       TEXT   NOT NULL DEFAULT '',
    content_sealed BLOB   NOT NULL
);
CREATE INDEX phone_voicemail_by_blob ON phone_voicemail (blob_id);

-- A conversation that was recorded, where the helpline records: a sealed file.
CREATE TABLE phone_recording (
    id             TEXT PRIMARY KEY,
    contact_id     TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    call_id        TEXT   NOT NULL,
    blob_id        TEXT   NOT NULL,
    length_ms      BIGINT NOT NULL,
    saved_at       BIGINT NOT NULL,
    content_sealed BLOB   NOT NULL
);
CREATE INDEX phone_recording_by_contact ON phone_recording (contact_id, saved_at);
CREATE INDEX phone_recording_by_blob ON phone_recording (blob_id);

-- Whom we promised to call. The number is sealed and nobody reads it: the machine dials it.
CREATE TABLE phone_callback (
    contact_id    TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'reached', 'given_up', 'cancelled')),
    asked_at      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    tries         BIGINT NOT NULL DEFAULT 0,
    tried_at      BIGINT NOT NULL DEFAULT 0,
    outcome       TEXT   NOT NULL DEFAULT '',
    number_sealed BLOB   NOT NULL
);
CREATE INDEX phone_callback_by_due ON phone_callback (state, due_at);

-- Announcements and music that an administrator gave us, as the telephone carries them (A-law, 8,000 a second).
CREATE TABLE phone_prompt (
    code      TEXT   NOT NULL,
    lang      TEXT   NOT NULL,
    rev       BIGINT NOT NULL,
    sound     BLOB   NOT NULL,
    length_ms BIGINT NOT NULL,
    set_at    BIGINT NOT NULL,
    set_by    TEXT   NOT NULL,
    PRIMARY KEY (code, lang)
);

-- A desk that takes calls has a microphone; the others are offered chats only.
ALTER TABLE presence ADD COLUMN phone BOOLEAN NOT NULL DEFAULT FALSE;
