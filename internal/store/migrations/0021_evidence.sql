-- +goose Up

-- What is kept as proof in a case file. In clear are ids, codes, a size and times; the address, the account, the statement, the
-- hash and what opens the sealed original are under a key of the file's ring.
CREATE TABLE evidence_item (
    id             TEXT PRIMARY KEY,
    file_id        TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    number         BIGINT NOT NULL, -- in its file, from 1: how people speak of it
    kind           TEXT   NOT NULL CHECK (kind IN ('link', 'statement', 'file')),
    category       TEXT   NOT NULL DEFAULT '',
    no_capture     BOOLEAN NOT NULL DEFAULT FALSE, -- the address, the account, the time and a statement, and never the thing itself
    blob_id        TEXT   NOT NULL DEFAULT '',
    source         TEXT   NOT NULL DEFAULT '', -- the proof of a conversation that it was taken from
    media          TEXT   NOT NULL DEFAULT '',
    size           BIGINT NOT NULL DEFAULT 0,
    added_at       BIGINT NOT NULL,
    added_by       TEXT   NOT NULL,
    stamp          TEXT   NOT NULL DEFAULT 'none' CHECK (stamp IN ('none', 'queued', 'stamped')),
    stamped_at     BIGINT NOT NULL DEFAULT 0,
    content_sealed BLOB   NOT NULL,
    stamp_sealed   BLOB,
    UNIQUE (file_id, number)
);
CREATE INDEX evidence_item_by_file ON evidence_item (file_id, number);
CREATE INDEX evidence_item_by_blob ON evidence_item (blob_id);
CREATE INDEX evidence_item_by_source ON evidence_item (source);

-- The chain of custody: every look, export and handing over of an item, in order.
CREATE TABLE evidence_custody (
    id         TEXT PRIMARY KEY,
    item_id    TEXT   NOT NULL REFERENCES evidence_item (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL,
    actor_kind TEXT   NOT NULL,
    actor_id   TEXT   NOT NULL,
    act        TEXT   NOT NULL CHECK (act IN ('added', 'described', 'looked', 'opened', 'exported', 'handed_over', 'moved')),
    purpose    TEXT   NOT NULL DEFAULT '',
    seconds    BIGINT NOT NULL DEFAULT 0 -- of a look: how long it lasted, as the page said
);
CREATE INDEX evidence_custody_by_item ON evidence_custody (item_id, at, id);
