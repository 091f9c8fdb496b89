-- +goose Up

-- What happened to a counsellor. It stays with the supervisors until one of them has closed it with a note,
-- sealed under the contact's key.
CREATE TABLE incident (
    id          TEXT PRIMARY KEY,
    contact_id  TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    kind        TEXT   NOT NULL CHECK (kind IN ('threat')),
    opened_at   BIGINT NOT NULL,
    opened_by   TEXT   NOT NULL,
    closed_at   BIGINT NOT NULL DEFAULT 0,
    closed_by   TEXT   NOT NULL DEFAULT '',
    note_sealed BLOB
);
CREATE INDEX incident_by_contact ON incident (contact_id);
CREATE INDEX incident_open ON incident (opened_at) WHERE closed_at = 0;
