-- +goose Up

-- The keys of archived case files. They are wrapped as all others and given to nobody who asks as everybody does. It lies with the
-- data and not with the keys, so that a file's state and its keys change in one transaction on either engine.
CREATE TABLE key_shelf (
    key_id TEXT PRIMARY KEY,
    since  BIGINT NOT NULL
);

-- Who looks into an archived file, for what, and until when.
CREATE TABLE case_archive_look (
    id       TEXT PRIMARY KEY,
    file_id  TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    staff_id TEXT   NOT NULL,
    purpose  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE INDEX case_archive_look_by_file ON case_archive_look (file_id, staff_id, until);
