-- +goose Up

-- What rings at the supervisors' until one of them has seen it. One row a contact and cause while nobody
-- has; rung_again is when the desks were last told, called_at when the supervisor on call was.
CREATE TABLE alarm (
    id         TEXT PRIMARY KEY,
    contact_id TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    cause      TEXT   NOT NULL CHECK (cause IN ('words', 'hand', 'threat')),
    rung_at    BIGINT NOT NULL,
    rung_again BIGINT NOT NULL,
    called_at  BIGINT NOT NULL DEFAULT 0,
    seen_at    BIGINT NOT NULL DEFAULT 0,
    seen_by    TEXT   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX alarm_once ON alarm (contact_id, cause) WHERE seen_at = 0;
CREATE INDEX alarm_unseen ON alarm (rung_at) WHERE seen_at = 0;

-- When the supervisor on call was last called, and whether it failed.
INSERT INTO routing_setting (name) VALUES ('on_call');

-- Whoever is in danger when this comes rings like whoever is from now on.
INSERT INTO alarm (id, contact_id, cause, rung_at, rung_again)
    SELECT id, id, 'words', state_since, state_since FROM contact WHERE danger AND state <> 'closed' AND state <> 'wrapup';
