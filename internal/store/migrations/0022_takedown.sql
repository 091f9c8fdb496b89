-- +goose Up

-- A notice to a platform (DSA Art. 16). In clear are ids, codes and times: the desk works by what is due, and the yearly report
-- counts by platform, ground and action. Where the content is, what is said of it and what the platform answered are sealed
-- under a key of the file's ring.
CREATE TABLE takedown_notice (
    id              TEXT PRIMARY KEY,
    file_id         TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id          TEXT   NOT NULL,
    number          BIGINT NOT NULL, -- in its file, from 1
    state           TEXT   NOT NULL CHECK (state IN ('draft', 'ready', 'sending', 'unknown', 'submitted', 'acknowledged', 'decided', 'removed', 'watching', 'reappeared', 'closed', 'withdrawn')),
    rev             BIGINT NOT NULL DEFAULT 1,
    platform        TEXT   NOT NULL DEFAULT '', -- code of the catalogue, '' for a host that it does not know
    kind            TEXT   NOT NULL DEFAULT '', -- profile, post, message, short
    ground          TEXT   NOT NULL DEFAULT '',
    route           TEXT   NOT NULL DEFAULT '',
    minor           BOOLEAN NOT NULL DEFAULT TRUE,
    consent         TEXT   NOT NULL DEFAULT '' CHECK (consent IN ('', 'yes', 'overridden')),
    consent_by      TEXT   NOT NULL DEFAULT '',
    police          TEXT   NOT NULL DEFAULT '' CHECK (police IN ('', 'asked', 'not_needed')),
    drafted_at      BIGINT NOT NULL,
    drafted_by      TEXT   NOT NULL,
    reviewed_by     TEXT   NOT NULL DEFAULT '',
    reviewed_at     BIGINT NOT NULL DEFAULT 0,
    tried_at        BIGINT NOT NULL DEFAULT 0, -- when a sending by machine began: from then on it may have arrived
    submitted_at    BIGINT NOT NULL DEFAULT 0,
    submitted_by    TEXT   NOT NULL DEFAULT '',
    acknowledged_at BIGINT NOT NULL DEFAULT 0,
    decided_at      BIGINT NOT NULL DEFAULT 0, -- when we were told (DSA Art. 16(5)): Art. 20 gives six months from here
    action          TEXT   NOT NULL DEFAULT '',
    gone_at         BIGINT NOT NULL DEFAULT 0, -- when our check first found it gone
    removed_at      BIGINT NOT NULL DEFAULT 0, -- when a second check said so again
    reappeared_at   BIGINT NOT NULL DEFAULT 0,
    reminded_at     BIGINT NOT NULL DEFAULT 0,
    escalated       TEXT   NOT NULL DEFAULT '',
    due_at          BIGINT NOT NULL DEFAULT 0, -- when somebody has to look at it, 0 for never
    check_at        BIGINT NOT NULL DEFAULT 0, -- when our next check is
    closed_at       BIGINT NOT NULL DEFAULT 0,
    content_sealed  BLOB   NOT NULL,
    UNIQUE (file_id, number)
);
CREATE INDEX takedown_notice_by_file ON takedown_notice (file_id, number);
CREATE INDEX takedown_notice_by_due ON takedown_notice (state, due_at);
CREATE INDEX takedown_notice_by_platform ON takedown_notice (platform, submitted_at);

-- Each look at whether the content is still there: by machine, or by somebody who looked. Of what cannot be read by machine a
-- person says it.
CREATE TABLE takedown_check (
    id        TEXT PRIMARY KEY,
    notice_id TEXT   NOT NULL REFERENCES takedown_notice (id) ON DELETE CASCADE,
    at        BIGINT NOT NULL,
    found     TEXT   NOT NULL CHECK (found IN ('gone', 'there', 'unsure')),
    why       TEXT   NOT NULL DEFAULT '',
    staff_id  TEXT   NOT NULL DEFAULT '' -- who looked; '' for our machine
);
CREATE INDEX takedown_check_by_notice ON takedown_check (notice_id, at);
