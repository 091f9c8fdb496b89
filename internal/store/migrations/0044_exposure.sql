-- +goose Up

-- How long somebody heard and read hard material on a day. No contact is named; older than thirty days it is gone.
CREATE TABLE exposure_day (
    staff_id TEXT   NOT NULL,
    day      TEXT   NOT NULL,
    kind     TEXT   NOT NULL CHECK (kind IN ('heard', 'read')),
    seconds  BIGINT NOT NULL,
    PRIMARY KEY (staff_id, day, kind)
);
CREATE INDEX exposure_day_old ON exposure_day (day);

-- How long somebody has been with a contact that is not over. Whether it was hard is known when it is: then the seconds go to the
-- day, or nowhere, and the row is gone.
CREATE TABLE exposure_open (
    contact_id TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    staff_id   TEXT   NOT NULL,
    day        TEXT   NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('heard', 'read')),
    seconds    BIGINT NOT NULL,
    PRIMARY KEY (contact_id, staff_id, day)
);
CREATE INDEX exposure_open_staff ON exposure_open (staff_id);

-- When it was last counted, by one node for all.
CREATE TABLE exposure_turn (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    at  BIGINT NOT NULL
);
INSERT INTO exposure_turn (one, at) VALUES (1, 0);

-- Who is spared contacts with images, until when.
CREATE TABLE routing_ease (
    staff_id TEXT PRIMARY KEY,
    until    BIGINT NOT NULL
);
