-- +goose Up

-- The keys of archived case files. They are wrapped as all others and given to nobody who asks as everybody does. It lies with the
-- data and not with the keys, so that a file's state and its keys change in one transaction on either engine.
CREATE TABLE key_shelf (
    key_id TEXT PRIMARY KEY,
    since  BIGINT NOT NULL
);

-- Who looks into an archived file, for what, and until when.
CREATE TABLE case_archive_look (
    id       TEXT PRIMARY KEY,
    file_id  TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    staff_id TEXT   NOT NULL,
    purpose  TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE INDEX case_archive_look_by_file ON case_archive_look (file_id, staff_id, until);

-- A request about somebody's data (GDPR Art. 15 to 21): who asks for what, until when it has to be answered, and what became of it. In
-- clear are ids, codes, days and times; what was written, by whom and where the answer goes are under a key of the request.
CREATE TABLE data_request (
    id             TEXT PRIMARY KEY,
    key_id         TEXT   NOT NULL,
    reference      TEXT   NOT NULL UNIQUE,
    rev            BIGINT NOT NULL DEFAULT 1,
    state          TEXT   NOT NULL CHECK (state IN ('received', 'identity', 'answering', 'answered', 'refused', 'closed')),
    state_since    BIGINT NOT NULL,
    kind           TEXT   NOT NULL,
    who            TEXT   NOT NULL,
    way            TEXT   NOT NULL,
    lang           TEXT   NOT NULL,
    received_on    TEXT   NOT NULL, -- a day of the house's calendar, "2026-11-28"
    due_on         TEXT   NOT NULL,
    extended_on    TEXT   NOT NULL DEFAULT '',
    asked_on       TEXT   NOT NULL DEFAULT '', -- since when she is asked who she is, '' when she is not
    waited         BIGINT NOT NULL DEFAULT 0,  -- days for which the time stood still
    ground         TEXT   NOT NULL DEFAULT '', -- of a refusal
    person_id      TEXT   NOT NULL DEFAULT '', -- whose four words were given
    erased_at      BIGINT NOT NULL DEFAULT 0,
    reminded       TEXT   NOT NULL DEFAULT '',
    booked_at      BIGINT NOT NULL,
    booked_by      TEXT   NOT NULL,
    content_sealed BLOB   NOT NULL
);
CREATE INDEX data_request_by_due ON data_request (state, due_on);

CREATE TABLE data_request_event (
    id         TEXT PRIMARY KEY,
    request_id TEXT   NOT NULL REFERENCES data_request (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL,
    actor_kind TEXT   NOT NULL,
    actor_id   TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    code       TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX data_request_event_by_request ON data_request_event (request_id, at, id);

CREATE TABLE data_request_letter (
    id          TEXT PRIMARY KEY,
    request_id  TEXT   NOT NULL REFERENCES data_request (id) ON DELETE CASCADE,
    key_id      TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    lang        TEXT   NOT NULL,
    rev         BIGINT NOT NULL DEFAULT 1,
    written_at  BIGINT NOT NULL,
    written_by  TEXT   NOT NULL,
    sent_on     TEXT   NOT NULL DEFAULT '',
    sent_by     TEXT   NOT NULL DEFAULT '',
    text_sealed BLOB   NOT NULL
);
CREATE INDEX data_request_letter_by_request ON data_request_letter (request_id, written_at);

-- The copy of somebody's data, made for her: under a key of its own, which goes with it.
CREATE TABLE data_request_copy (
    id          TEXT PRIMARY KEY,
    request_id  TEXT   NOT NULL UNIQUE REFERENCES data_request (id) ON DELETE CASCADE,
    key_id      TEXT   NOT NULL,
    person_id   TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    shown_to    TEXT   NOT NULL DEFAULT '', -- the contact in which her counsellor opened it to her
    shown_by    TEXT   NOT NULL DEFAULT '',
    fetched_at  BIGINT NOT NULL DEFAULT 0,
    copy_sealed BLOB   NOT NULL
);
CREATE INDEX data_request_copy_by_person ON data_request_copy (person_id);
