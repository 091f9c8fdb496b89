-- +goose Up

-- To whom a held file goes: one person writes the authority's key and the number of its request, a second
-- one agrees (handed_at, handed_by). From then on the file can be fetched, closed under that key.
ALTER TABLE attachment_hold ADD COLUMN handover_asked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attachment_hold ADD COLUMN handover_asked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE attachment_hold ADD COLUMN handover_sealed BLOB;
