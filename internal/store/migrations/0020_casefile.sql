-- +goose Up

-- A case file gathers what belongs to one story: contacts of every channel, people, notes, tasks. In clear are ids, codes
-- and times, because lists, due times and counts work on them; every word is sealed under a key of the file's ring.
CREATE TABLE case_file (
    id          TEXT PRIMARY KEY,
    key_id      TEXT   NOT NULL, -- what is written now is sealed under it; what came by a merge keeps its own
    reference   TEXT   NOT NULL UNIQUE,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'closed', 'merged')),
    rev         BIGINT NOT NULL DEFAULT 1,
    topic       TEXT   NOT NULL DEFAULT '',
    owner_id    TEXT   NOT NULL,
    merged_into TEXT   NOT NULL DEFAULT '',
    opened_at   BIGINT NOT NULL,
    opened_by   TEXT   NOT NULL,
    state_since BIGINT NOT NULL,
    contact_at  BIGINT NOT NULL DEFAULT 0, -- when its people were last in contact with us
    moved_at    BIGINT NOT NULL            -- when anything of it was last written
);
CREATE INDEX case_file_by_owner ON case_file (owner_id, state, moved_at);
CREATE INDEX case_file_by_state ON case_file (state, moved_at, id);

-- The ring: every key that opens something of the file. A merge moves keys from one ring to another and re-encrypts nothing.
CREATE TABLE case_key (
    key_id   TEXT PRIMARY KEY,
    file_id  TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    made_for TEXT   NOT NULL, -- the file that it was made for
    since    BIGINT NOT NULL
);
CREATE INDEX case_key_by_file ON case_key (file_id);

-- A contact belongs to one file at most, and in it to one room: the child's, a parent's, somebody else's. What was said in
-- one room is not said in another.
CREATE TABLE case_contact (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    file_id    TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    room       TEXT   NOT NULL CHECK (room IN ('child', 'parent', 'other')),
    added_at   BIGINT NOT NULL,
    added_by   TEXT   NOT NULL
);
CREATE INDEX case_contact_by_file ON case_contact (file_id, added_at);

CREATE TABLE case_person (
    id             TEXT PRIMARY KEY,
    file_id        TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    part           TEXT   NOT NULL CHECK (part IN ('child', 'parent', 'author', 'witness', 'other')),
    rev            BIGINT NOT NULL DEFAULT 1,
    saved_at       BIGINT NOT NULL,
    saved_by       TEXT   NOT NULL,
    content_sealed BLOB   NOT NULL
);
CREATE INDEX case_person_by_file ON case_person (file_id, saved_at);

CREATE TABLE case_note (
    id          TEXT PRIMARY KEY,
    file_id     TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id      TEXT   NOT NULL,
    author_id   TEXT   NOT NULL,
    written_at  BIGINT NOT NULL,
    text_sealed BLOB   NOT NULL
);
CREATE INDEX case_note_by_file ON case_note (file_id, written_at);

CREATE TABLE case_task (
    id          TEXT PRIMARY KEY,
    file_id     TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id      TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('open', 'done', 'dropped')),
    rev         BIGINT NOT NULL DEFAULT 1,
    staff_id    TEXT   NOT NULL, -- who is to do it
    due_at      BIGINT NOT NULL,
    made_at     BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    ended_by    TEXT   NOT NULL DEFAULT '',
    reminded_at BIGINT NOT NULL DEFAULT 0,
    text_sealed BLOB   NOT NULL
);
CREATE INDEX case_task_by_file ON case_task (file_id, due_at);
CREATE INDEX case_task_by_staff ON case_task (staff_id, state, due_at);
CREATE INDEX case_task_by_due ON case_task (state, due_at);

-- The danger grid as it was judged each time; the newest row is what holds now.
CREATE TABLE case_danger (
    id          TEXT PRIMARY KEY,
    file_id     TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id      TEXT   NOT NULL,
    judged_at   BIGINT NOT NULL,
    judged_by   TEXT   NOT NULL,
    grid_sealed BLOB   NOT NULL
);
CREATE INDEX case_danger_by_file ON case_danger (file_id, judged_at);

-- Who may read a file besides its owner and the supervisors. A broken glass ends by itself.
CREATE TABLE case_reader (
    id         TEXT PRIMARY KEY,
    file_id    TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id     TEXT   NOT NULL,
    staff_id   TEXT   NOT NULL,
    how        TEXT   NOT NULL CHECK (how IN ('given', 'glass')),
    given_at   BIGINT NOT NULL,
    given_by   TEXT   NOT NULL,
    until      BIGINT NOT NULL, -- 0 for no end
    seen_at    BIGINT NOT NULL DEFAULT 0, -- when a supervisor saw that the glass was broken
    seen_by    TEXT   NOT NULL DEFAULT '',
    why_sealed BLOB   NOT NULL
);
CREATE INDEX case_reader_by_file ON case_reader (file_id, staff_id);
CREATE INDEX case_reader_by_staff ON case_reader (staff_id, until);

-- The timeline, in codes: what happened, when, by whom, and to which row.
CREATE TABLE case_event (
    id         TEXT PRIMARY KEY,
    file_id    TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL,
    actor_kind TEXT   NOT NULL,
    actor_id   TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    ref        TEXT   NOT NULL DEFAULT '',
    code       TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX case_event_by_file ON case_event (file_id, at, id);
