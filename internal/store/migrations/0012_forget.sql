-- +goose Up

-- That the person of a contact asked us to forget it, until a supervisor carries it out or refuses. Both,
-- and the asking, are in the log.
CREATE TABLE forget_request (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    asked_at   BIGINT NOT NULL,
    asked_by   TEXT NOT NULL
);
