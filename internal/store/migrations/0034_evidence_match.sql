-- +goose Up

-- Pictures are known again by their PDQ hash. The hash and its quality are under the item's key; in clear is how far it is. What
-- was kept before is hashed when the program starts.
ALTER TABLE evidence_item ADD COLUMN pdq TEXT NOT NULL DEFAULT 'none' CHECK (pdq IN ('none', 'queued', 'hashed', 'poor', 'unreadable'));
ALTER TABLE evidence_item ADD COLUMN pdq_sealed BLOB;
UPDATE evidence_item SET pdq = 'queued' WHERE kind = 'file' AND media LIKE 'image/%' AND NOT no_capture;
CREATE INDEX evidence_item_hashed ON evidence_item (file_id, id, key_id) WHERE pdq = 'hashed';
CREATE INDEX evidence_item_to_hash ON evidence_item (id) WHERE pdq = 'queued';

-- Two kept pictures whose hashes are near: a lead, until somebody has looked and says what it is. A pair is one row, whichever of
-- the two was hashed first, and by whom.
CREATE TABLE evidence_match (
    id         TEXT PRIMARY KEY,
    earlier_id TEXT   NOT NULL REFERENCES evidence_item (id) ON DELETE CASCADE, -- the one that was kept first
    later_id   TEXT   NOT NULL REFERENCES evidence_item (id) ON DELETE CASCADE,
    distance   BIGINT NOT NULL, -- bits of 256
    form       TEXT   NOT NULL, -- how the later one lies beside the earlier: turned, mirrored
    state      TEXT   NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'same', 'other')),
    found_at   BIGINT NOT NULL,
    judged_at  BIGINT NOT NULL DEFAULT 0,
    judged_by  TEXT   NOT NULL DEFAULT '',
    UNIQUE (earlier_id, later_id)
);
CREATE INDEX evidence_match_by_later ON evidence_match (later_id);
CREATE INDEX evidence_match_open ON evidence_match (found_at, id) WHERE state = 'open';
