-- +goose Up

-- Who listens to a call, or reads a conversation along: why, how, from when to when. Its rows are the history that those
-- entitled read; the same acts stand in the log, which nobody changes.
CREATE TABLE listening (
    id            TEXT PRIMARY KEY,
    contact_id    TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    channel       TEXT   NOT NULL,
    staff_id      TEXT   NOT NULL,
    counsellor_id TEXT   NOT NULL,
    purpose       TEXT   NOT NULL,
    mode          TEXT   NOT NULL CHECK (mode IN ('invited', 'listener', 'whisperer', 'joined')),
    beside_id     TEXT   NOT NULL DEFAULT '', -- the listening beside which a colleague listens, '' for one of her own
    began_at      BIGINT NOT NULL,
    until_at      BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL, -- when a page of hers was last there
    ended_at      BIGINT NOT NULL DEFAULT 0,
    ended_why     TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX listening_one ON listening (contact_id, staff_id) WHERE ended_at = 0;
CREATE UNIQUE INDEX listening_one_call ON listening (staff_id) WHERE ended_at = 0 AND channel = 'phone';
CREATE INDEX listening_by_contact ON listening (contact_id, began_at);
CREATE INDEX listening_open ON listening (until_at) WHERE ended_at = 0;

-- A note that the counsellor reads beside her conversation, and nobody else but who listens: sealed under the contact's key.
CREATE TABLE whisper (
    id          TEXT PRIMARY KEY,
    contact_id  TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    author_id   TEXT   NOT NULL,
    to_id       TEXT   NOT NULL,
    said_at     BIGINT NOT NULL,
    text_sealed BLOB   NOT NULL
);
CREATE INDEX whisper_by_contact ON whisper (contact_id, said_at, id);

-- Whoever writes refused a supervisor's eye. (Of a call it is the call's row that says so.)
CREATE TABLE listening_refusal (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    refused_at BIGINT NOT NULL
);

-- The periods in which staff are told that they may be listened to for quality, training or a visit.
CREATE TABLE listening_period (
    id           TEXT PRIMARY KEY,
    from_at      BIGINT NOT NULL,
    until_at     BIGINT NOT NULL,
    set_by       TEXT   NOT NULL,
    set_at       BIGINT NOT NULL,
    withdrawn_at BIGINT NOT NULL DEFAULT 0,
    withdrawn_by TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX listening_period_by_end ON listening_period (until_at);

-- A supervisor who writes along in a conversation that stays its counsellor's.
CREATE TABLE message_guest (
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    staff_id   TEXT NOT NULL,
    PRIMARY KEY (contact_id, staff_id)
);
