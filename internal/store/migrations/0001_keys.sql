-- +goose Up

-- The schema "keys" (keys.db beside SQLite) holds what is worthless without the custodian and without
-- which the data is worthless: it is backed up apart, and its backups live one epoch at most.
-- Its only indexes are primary keys: the engines do not agree on how to name an index in a schema.

-- One row: the epoch under which new keys are wrapped. A key is inserted only while this row still
-- says the epoch it was wrapped under, so a rotation can never miss one.
CREATE TABLE keys.epoch (
    number       BIGINT NOT NULL PRIMARY KEY,
    began_at     BIGINT NOT NULL,
    proof_sealed BLOB   NOT NULL -- opens only with the custodian that this record belongs to
);

CREATE TABLE keys.wrapped_key (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL CHECK (kind <> ''), -- contact, network, staff, file
    owner      TEXT   NOT NULL CHECK (owner <> ''), -- id of the row that the key protects
    epoch      BIGINT NOT NULL,
    key_sealed BLOB   NOT NULL,
    created_at BIGINT NOT NULL
);

-- Blind indexes: an exact value is found by its keyed hash. The hash's key belongs to the epoch, and
-- the value is sealed beside it so that a rotation can compute the next hash.
CREATE TABLE lookup (
    id           TEXT   NOT NULL PRIMARY KEY,
    field        TEXT   NOT NULL,
    hash         BLOB   NOT NULL,
    epoch        BIGINT NOT NULL,
    owner        TEXT   NOT NULL,
    key_id       TEXT   NOT NULL,
    value_sealed BLOB   NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX lookup_by_hash ON lookup (field, hash);
CREATE INDEX lookup_by_key ON lookup (key_id);
