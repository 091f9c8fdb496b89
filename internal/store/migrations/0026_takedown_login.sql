-- +goose Up

-- How the helpline is known to a network's API: a token, a password. Sealed under a key of its own.
CREATE TABLE takedown_login (
    id            TEXT PRIMARY KEY,
    route         TEXT   NOT NULL, -- mastodon, atproto, youtube
    server        TEXT   NOT NULL, -- the host that it is for, '' where a network has one
    key_id        TEXT   NOT NULL,
    set_at        BIGINT NOT NULL,
    set_by        TEXT   NOT NULL,
    secret_sealed BLOB   NOT NULL,
    UNIQUE (route, server)
);
