-- +goose Up

-- A contact that waits to be called at a time: until then it is offered to nobody and stands in no list. 0 for any other.
ALTER TABLE contact ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;

-- A call-back that was asked for on the site has a letter to read; one that was asked for on the telephone has nothing.
ALTER TABLE phone_callback ADD COLUMN by_form BOOLEAN NOT NULL DEFAULT FALSE;
-- Why a call-back was cancelled, a code; '' for one that was not.
ALTER TABLE phone_callback ADD COLUMN why TEXT NOT NULL DEFAULT '';

-- The appeal of a surge to whoever is off duty: how its last call went, and whose turn it is to make it.
INSERT INTO routing_setting (name) VALUES ('appeal');
