-- +goose Up

-- Slow work that was promised in the transaction of the data it is for. A row is here until its work is
-- done; what failed for good stays until somebody decides. The columns are in clear: args are ids, codes and
-- counts, and the room refuses anything else.
CREATE TABLE job (
    id          TEXT PRIMARY KEY,
    kind        TEXT   NOT NULL CHECK (kind <> ''),
    args        TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('waiting', 'running', 'failed')),
    unique_key  TEXT   NOT NULL DEFAULT '',  -- '' for none
    made_at     BIGINT NOT NULL,
    run_at      BIGINT NOT NULL,             -- waiting: not before
    tries       BIGINT NOT NULL DEFAULT 0,   -- begun, without those that said "again at" or were stopped
    claim       TEXT   NOT NULL DEFAULT '',  -- running: which run of it, so that one that was given up cannot end the next
    lease_until BIGINT NOT NULL DEFAULT 0,   -- running: when its process counts as dead
    last_error  TEXT   NOT NULL DEFAULT '',  -- a code, never a text
    failed_at   BIGINT NOT NULL DEFAULT 0,
    CHECK ((state = 'running') = (claim <> ''))
);

-- The two rules of a unique key: one that waits, and one that is worked on.
CREATE UNIQUE INDEX job_one_waiting ON job (kind, unique_key) WHERE state = 'waiting' AND unique_key <> '';
CREATE UNIQUE INDEX job_one_running ON job (kind, unique_key) WHERE state = 'running' AND unique_key <> '';
CREATE INDEX job_due ON job (run_at, id) WHERE state = 'waiting';
CREATE INDEX job_leased ON job (lease_until) WHERE state = 'running';
