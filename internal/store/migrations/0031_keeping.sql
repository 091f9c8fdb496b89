-- +goose Up

-- What stands on the preview of what the durations erase. A row is here while its object is due soon, and is erased only once it
-- has stood here for the notice of the rules; what is held stands here anew from when the hold ends.
CREATE TABLE keeping_due (
    rule        TEXT   NOT NULL, -- code of the rule, which is also the kind of the object
    object_id   TEXT   NOT NULL,
    shown_since BIGINT NOT NULL,
    PRIMARY KEY (rule, object_id)
);
CREATE INDEX keeping_due_by_time ON keeping_due (rule, shown_since);

-- How many were erased, and nothing of which: all that is left of them beside the log.
CREATE TABLE keeping_done (
    rule   TEXT   NOT NULL, -- or 'person': whoever asked with her four words
    month  TEXT   NOT NULL, -- 2026-11
    erased BIGINT NOT NULL,
    PRIMARY KEY (rule, month)
);

-- When the durations were last gone through to the end.
CREATE TABLE keeping_round (
    one    BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    ran_at BIGINT NOT NULL
);

-- A person who asked with her four words that all she told us be erased. She may take it back until then.
CREATE TABLE person_erasure (
    person_id TEXT PRIMARY KEY,
    asked_at  BIGINT NOT NULL,
    due_at    BIGINT NOT NULL
);
CREATE INDEX person_erasure_by_due ON person_erasure (due_at);

-- A case file that was hers alone, and that a running notice or referral keeps a while: it goes when they end.
CREATE TABLE keeping_file (
    file_id TEXT PRIMARY KEY REFERENCES case_file (id) ON DELETE CASCADE,
    since   BIGINT NOT NULL
);
