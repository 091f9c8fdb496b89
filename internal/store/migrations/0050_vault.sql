-- +goose Up

-- When a file that was handed over was first opened by anybody: until then who gave it may take it back. And when she did.
ALTER TABLE attachment ADD COLUMN opened_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attachment ADD COLUMN taken_back_at BIGINT NOT NULL DEFAULT 0;
UPDATE attachment SET opened_at = covered_at WHERE covered_at > 0;
