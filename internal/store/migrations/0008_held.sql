-- +goose Up

-- What was done with a file that is held by the protocol with the prosecutor: that it was handed to the
-- authorities, and who asks that it be destroyed, which a second person does.
ALTER TABLE attachment_hold ADD COLUMN handed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attachment_hold ADD COLUMN handed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE attachment_hold ADD COLUMN destroy_asked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attachment_hold ADD COLUMN destroy_asked_by TEXT NOT NULL DEFAULT '';
