-- +goose Up

-- A hold keeps a case file from being erased, whoever asks and whatever rule says so, until somebody lifts it. Why is sealed.
CREATE TABLE case_hold (
    id         TEXT PRIMARY KEY,
    file_id    TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id     TEXT   NOT NULL,
    placed_at  BIGINT NOT NULL,
    placed_by  TEXT   NOT NULL,
    lifted_at  BIGINT NOT NULL DEFAULT 0, -- 0 while it holds
    lifted_by  TEXT   NOT NULL DEFAULT '',
    why_sealed BLOB   NOT NULL
);
CREATE INDEX case_hold_by_file ON case_hold (file_id, lifted_at);
