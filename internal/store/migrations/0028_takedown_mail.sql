-- +goose Up

-- The letter of a notice that went by e-mail. In clear is by what its answers are known, and the platform's mailbox; what it said
-- is sealed under the notice's key.
CREATE TABLE takedown_letter (
    notice_id      TEXT PRIMARY KEY REFERENCES takedown_notice (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    message_id     TEXT   NOT NULL UNIQUE,
    mark           TEXT   NOT NULL UNIQUE,
    contact        TEXT   NOT NULL,
    written_at     BIGINT NOT NULL,
    content_sealed BLOB   NOT NULL
);

-- What came into the mailbox of answers. On its notice it is sealed under the notice's key; before a person has said whose it is,
-- under a key of its own.
CREATE TABLE takedown_reply (
    id             TEXT PRIMARY KEY,
    source         TEXT   NOT NULL UNIQUE, -- the message in its mailbox, hashed: what is read twice is kept once
    notice_id      TEXT            REFERENCES takedown_notice (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('loose', 'waits', 'dealt', 'set_aside')),
    kind           TEXT   NOT NULL, -- answer, automatic, bounce
    why            TEXT   NOT NULL DEFAULT '', -- why it was not threaded by itself
    delivery       TEXT   NOT NULL DEFAULT '', -- of a bounce: failed, delayed
    received_at    BIGINT NOT NULL,
    kept_at        BIGINT NOT NULL,
    dealt_at       BIGINT NOT NULL DEFAULT 0,
    dealt_by       TEXT   NOT NULL DEFAULT '',
    content_sealed BLOB   NOT NULL
);
CREATE INDEX takedown_reply_by_notice ON takedown_reply (notice_id, received_at);
CREATE INDEX takedown_reply_by_state ON takedown_reply (state, received_at);

-- When the mailbox of answers was last read, and the key of the sentence when that came to nothing.
CREATE TABLE takedown_mailbox (
    id      TEXT PRIMARY KEY,
    read_at BIGINT NOT NULL DEFAULT 0,
    trouble TEXT   NOT NULL DEFAULT ''
);
