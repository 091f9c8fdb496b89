-- +goose Up

-- A browser that asked to be told when somebody answers a contact. Its address at the browser's push service is sealed under the contact's key;
-- mark is a keyed hash of it with the contact, so that asking twice is asking once. The row goes with the wait: when the contact is over, erased, or
-- its message answered.
CREATE TABLE push_subscription (
    id              TEXT PRIMARY KEY,
    contact_id      TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    mark            TEXT   NOT NULL,
    made_at         BIGINT NOT NULL,
    told_seq        BIGINT NOT NULL DEFAULT 0, -- up to which message of the contact it was told
    told_at         BIGINT NOT NULL DEFAULT 0,
    endpoint_sealed BLOB   NOT NULL,
    UNIQUE (contact_id, mark)
);
