-- +goose Up

-- Who did and who looked: ids and codes only, never a word or a name. mark is the row's own seal (a
-- keyed hash made when the row is written); block is set once, when the row enters the chain.
CREATE TABLE audit (
    id         TEXT   NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    actor_kind TEXT   NOT NULL CHECK (actor_kind <> ''),
    actor_id   TEXT   NOT NULL,
    act        TEXT   NOT NULL CHECK (act <> ''),
    object     TEXT   NOT NULL,
    object_id  TEXT   NOT NULL,
    purpose    TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    mark       BLOB   NOT NULL,
    block      BIGINT
);
CREATE INDEX audit_by_block ON audit (block, id);
CREATE INDEX audit_by_object ON audit (object_id, id);
CREATE INDEX audit_by_staff ON audit (actor_id, id) WHERE actor_kind <> 'visitor';

-- The chain: each block's mac covers its rows and the block before.
CREATE TABLE audit_block (
    number    BIGINT NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    mac       BLOB   NOT NULL
);

-- Which node seals; one row.
CREATE TABLE audit_lease (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);
INSERT INTO audit_lease (name, holder, until) VALUES ('sealer', '', 0);
