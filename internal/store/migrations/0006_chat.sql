-- +goose Up

-- The words of a conversation. seq counts from 1 without a gap within a contact and is given at commit;
-- id is made by whoever may resend. The body is sealed under the contact's key.
CREATE TABLE message (
    id          TEXT PRIMARY KEY,
    contact_id  TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    seq         BIGINT NOT NULL,
    sender      TEXT NOT NULL CHECK (sender IN ('visitor', 'staff', 'system')),
    author_id   TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('text', 'card', 'ask', 'attachment', 'line')),
    sent_at     BIGINT NOT NULL,
    body_sealed BLOB NOT NULL,
    UNIQUE (contact_id, seq)
);

-- Up to which message each side was reached, and has read. It only grows.
CREATE TABLE message_mark (
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    who        TEXT NOT NULL CHECK (who IN ('visitor', 'staff')),
    delivered  BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    PRIMARY KEY (contact_id, who)
);

-- One named proof that a counsellor asked for, and the one file that came for it. What opens the file,
-- its name and its hash are in content_sealed, under a key of the attachment's own (key_id).
CREATE TABLE attachment (
    id             TEXT PRIMARY KEY,
    contact_id     TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    state          TEXT NOT NULL CHECK (state IN ('asked', 'expired', 'withdrawn', 'received', 'illegal', 'destroyed')),
    label          TEXT NOT NULL,
    label_sealed   BLOB NOT NULL,
    asked_by       TEXT NOT NULL,
    asked_at       BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    claim          TEXT NOT NULL DEFAULT '',
    claim_until    BIGINT NOT NULL DEFAULT 0,
    received_at    BIGINT NOT NULL DEFAULT 0,
    media          TEXT NOT NULL DEFAULT '',
    size           BIGINT NOT NULL DEFAULT 0,
    blob_id        TEXT NOT NULL DEFAULT '',
    key_id         TEXT NOT NULL DEFAULT '',
    content_sealed BLOB,
    covered_at     BIGINT NOT NULL DEFAULT 0,
    marked_at      BIGINT NOT NULL DEFAULT 0,
    marked_by      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX attachment_by_contact ON attachment (contact_id, asked_at);
-- One proof at a time.
CREATE UNIQUE INDEX attachment_asked ON attachment (contact_id) WHERE state = 'asked';
CREATE INDEX attachment_by_blob ON attachment (blob_id);

-- What was marked "possibly illegal" and is held, because the helpline's written protocol with the
-- prosecutor says so. No cascade: a hold stops an erasure.
CREATE TABLE attachment_hold (
    attachment_id  TEXT PRIMARY KEY REFERENCES attachment (id),
    contact_id     TEXT NOT NULL REFERENCES contact (id),
    blob_id        TEXT NOT NULL,
    key_id         TEXT NOT NULL,
    held_at        BIGINT NOT NULL,
    held_by        TEXT NOT NULL,
    content_sealed BLOB NOT NULL
);
