-- +goose Up

-- A grid that a supervisor has filled after a listening, about one contact; marks, words and answer are sealed under a key of its own.
CREATE TABLE quality_review (
    id           TEXT PRIMARY KEY,
    key_id       TEXT   NOT NULL,
    contact_id   TEXT REFERENCES contact (id) ON DELETE SET NULL,
    listening_id TEXT   NOT NULL DEFAULT '',
    about_id     TEXT   NOT NULL,
    by_id        TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('draft', 'shared', 'answered', 'discussed')),
    rev          BIGINT NOT NULL DEFAULT 0,
    edition      BIGINT NOT NULL,
    begun_at     BIGINT NOT NULL,
    shared_at    BIGINT NOT NULL DEFAULT 0,
    answered_at  BIGINT NOT NULL DEFAULT 0,
    discussed_at BIGINT NOT NULL DEFAULT 0,
    words_sealed BLOB   NOT NULL
);
CREATE INDEX quality_review_about ON quality_review (about_id, begun_at);
CREATE INDEX quality_review_by ON quality_review (by_id, begun_at);
CREATE INDEX quality_review_contact ON quality_review (contact_id);
CREATE INDEX quality_review_old ON quality_review (begun_at);

-- Each time that a surge began and ended, and by whom.
CREATE TABLE routing_surge (
    id       TEXT PRIMARY KEY,
    began_at BIGINT NOT NULL,
    began_by TEXT   NOT NULL,
    extra    BIGINT NOT NULL,
    ended_at BIGINT NOT NULL DEFAULT 0,
    ended_by TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX routing_surge_began ON routing_surge (began_at);

-- Since when there have been so many that a surge is proposed; 0 in its value for not.
INSERT INTO routing_setting (name) VALUES ('surge_due');
