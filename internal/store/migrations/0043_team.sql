-- +goose Up

-- A hand that somebody at work has raised: who, why by a code, and perhaps of which contact. One a person while it is up.
-- No word is kept. rung is how far it has rung: at the supervisors who are free, at all of them, at the one on call.
CREATE TABLE team_hand (
    id         TEXT PRIMARY KEY,
    staff_id   TEXT   NOT NULL,
    contact_id TEXT REFERENCES contact (id) ON DELETE SET NULL,
    reason     TEXT   NOT NULL CHECK (reason IN ('advice', 'danger', 'take_over', 'technical', 'break', 'debrief')),
    raised_at  BIGINT NOT NULL,
    rung       BIGINT NOT NULL DEFAULT 0,
    taken_by   TEXT   NOT NULL DEFAULT '',
    taken_at   BIGINT NOT NULL DEFAULT 0,
    lowered_at BIGINT NOT NULL DEFAULT 0,
    lowered_by TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX team_hand_once ON team_hand (staff_id) WHERE lowered_at = 0;
CREATE INDEX team_hand_up ON team_hand (raised_at) WHERE lowered_at = 0;
CREATE INDEX team_hand_contact ON team_hand (contact_id);

-- What the team writes on one day is sealed under one key, which is destroyed with the day.
CREATE TABLE team_day (
    id     TEXT PRIMARY KEY,
    day    TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL
);

-- A supervisor's word to all who work, or to those of a queue.
CREATE TABLE team_notice (
    id           TEXT PRIMARY KEY,
    day_id       TEXT    NOT NULL REFERENCES team_day (id) ON DELETE CASCADE,
    by_id        TEXT    NOT NULL,
    urgent       BOOLEAN NOT NULL,
    must_read    BOOLEAN NOT NULL,
    audience     TEXT    NOT NULL,
    sent_at      BIGINT  NOT NULL,
    until        BIGINT  NOT NULL,
    withdrawn_at BIGINT  NOT NULL DEFAULT 0,
    withdrawn_by TEXT    NOT NULL DEFAULT '',
    words_sealed BLOB    NOT NULL
);
CREATE INDEX team_notice_day ON team_notice (day_id);
CREATE INDEX team_notice_until ON team_notice (until);

CREATE TABLE team_notice_read (
    notice_id TEXT   NOT NULL REFERENCES team_notice (id) ON DELETE CASCADE,
    staff_id  TEXT   NOT NULL,
    read_at   BIGINT NOT NULL,
    PRIMARY KEY (notice_id, staff_id)
);

-- The team room: what colleagues write to one another.
CREATE TABLE team_message (
    id           TEXT PRIMARY KEY,
    day_id       TEXT   NOT NULL REFERENCES team_day (id) ON DELETE CASCADE,
    by_id        TEXT   NOT NULL,
    sent_at      BIGINT NOT NULL,
    removed_at   BIGINT NOT NULL DEFAULT 0,
    removed_by   TEXT   NOT NULL DEFAULT '',
    words_sealed BLOB
);
CREATE INDEX team_message_day ON team_message (day_id);
CREATE INDEX team_message_sent ON team_message (sent_at);

-- How far somebody has read the room.
CREATE TABLE team_mark (
    staff_id TEXT PRIMARY KEY,
    seen_at  BIGINT NOT NULL
);
