-- +goose Up

-- A workbook with a line for each contact that is still there, which somebody asked for: made in the background, sealed, hers alone, and
-- gone a day later.
CREATE TABLE stat_file (
    id         TEXT PRIMARY KEY,
    staff_id   TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    from_day   BIGINT NOT NULL,
    until_day  BIGINT NOT NULL, -- not in it
    chosen     TEXT   NOT NULL, -- JSON: channels, and answers of forms; codes only
    lang       TEXT   NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('making', 'ready', 'failed')),
    done       BIGINT NOT NULL DEFAULT 0,
    whole      BIGINT NOT NULL DEFAULT 0,
    asked_at   BIGINT NOT NULL,
    blob_id    TEXT   NOT NULL DEFAULT '',
    size       BIGINT NOT NULL DEFAULT 0,
    identity_sealed BLOB
);
CREATE INDEX stat_file_by_staff ON stat_file (staff_id, asked_at);
CREATE INDEX stat_file_by_time ON stat_file (asked_at);
