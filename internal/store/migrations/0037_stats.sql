-- +goose Up

-- Counts, and nothing else: how often a thing was on a day. Nothing here leads to anybody, and it stays when contacts are erased.
CREATE TABLE stat_cell (
    dim     TEXT   NOT NULL, -- what is counted by: 'all', 'hour', 'category'…
    day     BIGINT NOT NULL, -- 20261128; the first of the month where a dimension is counted by the month
    channel TEXT   NOT NULL,
    code    TEXT   NOT NULL, -- of the dimension, '' for 'all'
    measure TEXT   NOT NULL, -- 'entered', 'treated'…
    n       BIGINT NOT NULL,
    PRIMARY KEY (dim, day, channel, code, measure)
);

-- What a contact that is there has been counted as, so that it can be counted anew. It goes with the contact, and the counts stay.
CREATE TABLE stat_counted (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    talked     BIGINT NOT NULL, -- milliseconds in conversation
    gone_at    BIGINT NOT NULL, -- when she left unanswered, 0 for not
    cells      TEXT   NOT NULL
);

-- Contacts to be counted (again). turn tells two changes apart, so that whoever counts the first takes nothing from the second.
CREATE TABLE stat_due (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    turn       BIGINT NOT NULL,
    talked     BIGINT NOT NULL,
    gone_at    BIGINT NOT NULL
);

-- Calls that ended before they were a contact, to be counted once.
CREATE TABLE stat_due_call (
    call_id TEXT PRIMARY KEY REFERENCES phone_call (id) ON DELETE CASCADE
);

-- A choice of figures that somebody keeps under a name, for herself or for all.
CREATE TABLE stat_view (
    id       TEXT PRIMARY KEY,
    staff_id TEXT    NOT NULL,
    shared   BOOLEAN NOT NULL,
    name     TEXT    NOT NULL,
    query    TEXT    NOT NULL,
    made_at  BIGINT  NOT NULL
);
CREATE INDEX stat_view_by_staff ON stat_view (staff_id);

-- A screen on a wall. code_hash lets a browser become it once, until code_until; token_hash is that of its cookie from then on.
CREATE TABLE wall_screen (
    id         TEXT PRIMARY KEY,
    place      TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    made_by    TEXT   NOT NULL,
    code_hash  BLOB,
    code_until BIGINT NOT NULL,
    token_hash BLOB,
    opened_at  BIGINT NOT NULL DEFAULT 0,
    seen_at    BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX wall_screen_by_token ON wall_screen (token_hash);
CREATE UNIQUE INDEX wall_screen_by_code ON wall_screen (code_hash);
