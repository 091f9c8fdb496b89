-- +goose Up

-- What the helpline writes for everybody to read, where it differs from what Vigie brings. A page has at most one version that is being
-- written and one that is shown, or was taken off the site.
CREATE TABLE guide_version (
    slug       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    rev        BIGINT NOT NULL DEFAULT 1,
    state      TEXT   NOT NULL CHECK (state IN ('draft', 'review', 'published', 'replaced', 'archived')),
    sources    TEXT   NOT NULL, -- JSON: the text by language
    seed       TEXT   NOT NULL DEFAULT '', -- the hash of Vigie's own text when this one was begun; '' where there was none
    written_by TEXT   NOT NULL,
    written_at BIGINT NOT NULL,
    decided_by TEXT   NOT NULL DEFAULT '', -- who published it, or took it off the site
    decided_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (slug, version)
);
CREATE UNIQUE INDEX guide_version_written ON guide_version (slug) WHERE state IN ('draft', 'review');
CREATE UNIQUE INDEX guide_version_shown ON guide_version (slug) WHERE state IN ('published', 'archived');

-- Pictures of guides and news, drawn anew from what was given, so that nothing else that was in the file is in it.
CREATE TABLE guide_picture (
    id       TEXT PRIMARY KEY,
    kind     TEXT   NOT NULL, -- image/jpeg, image/png
    width    BIGINT NOT NULL,
    height   BIGINT NOT NULL,
    body     BLOB   NOT NULL,
    added_by TEXT   NOT NULL,
    added_at BIGINT NOT NULL
);
