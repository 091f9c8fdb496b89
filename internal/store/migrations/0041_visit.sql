-- +goose Up

-- A visit: somebody from outside looks on at a supervisor's own screen. In clear are ids, codes, times and counts; who the guest is
-- and what she signed are under a key of the visit. Nothing that a child wrote is here, not even masked.
CREATE TABLE visit (
    id             TEXT PRIMARY KEY,
    key_id         TEXT   NOT NULL,
    rev            BIGINT NOT NULL DEFAULT 1,
    state          TEXT   NOT NULL CHECK (state IN ('planned', 'signed', 'following', 'cut', 'ended')),
    purpose        TEXT   NOT NULL,
    lang           TEXT   NOT NULL,
    host_id        TEXT   NOT NULL,
    session_id     TEXT   NOT NULL DEFAULT '', -- of the host, in which the guest signed: no other may show the guest's screen
    planned_at     BIGINT NOT NULL,
    planned_on     TEXT   NOT NULL, -- a day of the house's calendar
    pledge         TEXT   NOT NULL DEFAULT '', -- which text was signed
    signed_at      BIGINT NOT NULL DEFAULT 0,
    rehearsal      TEXT   NOT NULL DEFAULT '', -- what is followed: an invented contact, by its code
    contact_id     TEXT   NOT NULL DEFAULT '', -- or a live one
    consent        TEXT   NOT NULL DEFAULT '' CHECK (consent IN ('', 'asked', 'yes', 'no')),
    consent_at     BIGINT NOT NULL DEFAULT 0,
    consent_by     TEXT   NOT NULL DEFAULT '',
    from_seq       BIGINT NOT NULL DEFAULT 0,  -- what was written before she agreed is never shown
    released       BIGINT NOT NULL DEFAULT 0,  -- how many messages were shown
    began_at       BIGINT NOT NULL DEFAULT 0,
    ended_at       BIGINT NOT NULL DEFAULT 0,
    ended_why      TEXT   NOT NULL DEFAULT '',
    guest_sealed   BLOB   NOT NULL
);
CREATE INDEX visit_by_day ON visit (planned_on, id);
CREATE INDEX visit_by_contact ON visit (contact_id) WHERE contact_id <> '';

-- What a guest may read now: numbers of messages, and of the words taken away besides. Gone when the visit is over.
CREATE TABLE visit_release (
    visit_id    TEXT   NOT NULL REFERENCES visit (id) ON DELETE CASCADE,
    seq         BIGINT NOT NULL,
    also        TEXT   NOT NULL DEFAULT '',
    released_at BIGINT NOT NULL,
    PRIMARY KEY (visit_id, seq)
);

-- Who learns, and with whom.
CREATE TABLE trainee (
    staff_id TEXT PRIMARY KEY,
    tutor_id TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    until    BIGINT NOT NULL DEFAULT 0, -- 0 while she is one
    set_by   TEXT   NOT NULL
);

-- A contact that a trainee wrote up waits for her tutor's signature.
CREATE TABLE countersign (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    trainee_id TEXT   NOT NULL,
    tutor_id   TEXT   NOT NULL,
    waits_at   BIGINT NOT NULL,
    signed_at  BIGINT NOT NULL DEFAULT 0,
    signed_by  TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX countersign_waits ON countersign (tutor_id, waits_at) WHERE signed_at = 0;

-- Exercises on invented contacts. They are in tables of their own, so no figure, queue, search or alarm can find them.
CREATE TABLE exercise (
    id         TEXT PRIMARY KEY,
    key_id     TEXT   NOT NULL,
    rehearsal  TEXT   NOT NULL,
    node       TEXT   NOT NULL,
    trainee_id TEXT   NOT NULL,
    tutor_id   TEXT   NOT NULL,
    began_at   BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX exercise_by_trainee ON exercise (trainee_id, began_at);

CREATE TABLE exercise_line (
    id          TEXT PRIMARY KEY,
    exercise_id TEXT   NOT NULL REFERENCES exercise (id) ON DELETE CASCADE,
    seq         BIGINT NOT NULL,
    who         TEXT   NOT NULL CHECK (who IN ('child', 'trainee', 'tutor', 'intent')),
    at          BIGINT NOT NULL,
    text_sealed BLOB   NOT NULL,
    UNIQUE (exercise_id, seq)
);
