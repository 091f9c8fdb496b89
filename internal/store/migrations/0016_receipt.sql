-- +goose Up

-- What a partner line gets for a caller whom it sends: a short code that can be said by telephone. It opens the times of
-- the contact to a supervisor, for the partner's ears, and nothing else. It goes with the contact.
CREATE TABLE phone_receipt (
    lookup     TEXT PRIMARY KEY, -- the code in capitals, without its dash: "1197K4M"
    contact_id TEXT   NOT NULL UNIQUE REFERENCES contact (id) ON DELETE CASCADE,
    call_id    TEXT   NOT NULL,
    partner    TEXT   NOT NULL, -- code of the line in the catalogue, as it was then
    made_at    BIGINT NOT NULL
);

-- Who says to be the police, or a network, is called back on a number that the helpline has listed. number is its code in
-- the catalogue; call_id is the newest call that was made for it.
CREATE TABLE phone_check (
    id          TEXT PRIMARY KEY,
    contact_id  TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    number      TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('booked', 'reached', 'confirmed', 'denied')),
    asked_at    BIGINT NOT NULL,
    asked_by    TEXT   NOT NULL,
    call_id     TEXT   NOT NULL DEFAULT '',
    tries       BIGINT NOT NULL DEFAULT 0,
    outcome     TEXT   NOT NULL DEFAULT '', -- of the last try that did not reach it
    reached_at  BIGINT NOT NULL DEFAULT 0,
    answered_at BIGINT NOT NULL DEFAULT 0,  -- when the service confirmed or denied
    answered_by TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX phone_check_by_contact ON phone_check (contact_id, asked_at);
CREATE INDEX phone_check_by_call ON phone_check (call_id);
