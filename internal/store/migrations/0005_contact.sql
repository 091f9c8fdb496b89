-- +goose Up

-- A contact: one conversation, one message left, one note by hand. In clear are ids, codes, numbers and
-- times, because queues, sweeps and counts work on them; every word is sealed under key_id.
CREATE TABLE contact (
    id               TEXT PRIMARY KEY,
    key_id           TEXT NOT NULL,
    person_id        TEXT NOT NULL,
    channel          TEXT NOT NULL CHECK (channel IN ('chat', 'message', 'note')),
    state            TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'talking', 'parked', 'left', 'wrapup', 'closed')),
    rev              BIGINT NOT NULL DEFAULT 1,
    lang             TEXT NOT NULL,
    public           TEXT NOT NULL DEFAULT '',
    age_band         TEXT NOT NULL DEFAULT '',
    topic            TEXT NOT NULL DEFAULT '',
    queue            TEXT NOT NULL DEFAULT '',
    priority         BIGINT NOT NULL DEFAULT 0,
    grave            BOOLEAN NOT NULL DEFAULT FALSE,
    danger           BOOLEAN NOT NULL DEFAULT FALSE,
    counsellor_id    TEXT NOT NULL DEFAULT '',
    sticky_id        TEXT NOT NULL DEFAULT '',
    offered_to       TEXT NOT NULL DEFAULT '',
    opened_at        BIGINT NOT NULL,
    waiting_since    BIGINT NOT NULL DEFAULT 0,
    state_since      BIGINT NOT NULL,
    offer_until      BIGINT NOT NULL DEFAULT 0,
    answered_at      BIGINT NOT NULL DEFAULT 0,
    closed_at        BIGINT NOT NULL DEFAULT 0,
    ended_by         TEXT NOT NULL DEFAULT '',
    closing          TEXT NOT NULL DEFAULT '',
    shown_after      BIGINT NOT NULL DEFAULT 0,
    past_released_at BIGINT NOT NULL DEFAULT 0,
    reasons_sealed   BLOB
);
CREATE INDEX contact_by_state ON contact (state, state_since);
CREATE INDEX contact_by_time ON contact (opened_at, id);
CREATE INDEX contact_by_counsellor ON contact (counsellor_id, state);
CREATE INDEX contact_by_person ON contact (person_id, opened_at);

-- The network address of an open contact, under a key of its own: destroying that key is destroying it.
-- The columns after it are the danger protocol: who asked that it be kept, who agreed, who looked.
CREATE TABLE contact_network (
    contact_id   TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    key_id       TEXT NOT NULL,
    address_sealed BLOB NOT NULL,
    purpose      TEXT NOT NULL DEFAULT '',
    held_at      BIGINT NOT NULL DEFAULT 0,
    held_by      TEXT NOT NULL DEFAULT '',
    confirmed_at BIGINT NOT NULL DEFAULT 0,
    confirmed_by TEXT NOT NULL DEFAULT '',
    read_at      BIGINT NOT NULL DEFAULT 0,
    read_by      TEXT NOT NULL DEFAULT '',
    reviewed_at  BIGINT NOT NULL DEFAULT 0,
    reviewed_by  TEXT NOT NULL DEFAULT ''
);

-- One row a field of the contact form, so that two tabs never write over one another's fields.
CREATE TABLE contact_answer (
    contact_id   TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    field        TEXT NOT NULL,
    value_sealed BLOB NOT NULL,
    form_version BIGINT NOT NULL,
    rev          BIGINT NOT NULL,
    saved_at     BIGINT NOT NULL,
    saved_by     TEXT NOT NULL,
    PRIMARY KEY (contact_id, field)
);

-- What may be counted and searched: the codes of structured fields, never a free text, never the danger grid.
CREATE TABLE contact_fact (
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    field      TEXT NOT NULL,
    code       TEXT NOT NULL,
    PRIMARY KEY (contact_id, field, code)
);
CREATE INDEX contact_fact_by_code ON contact_fact (field, code, contact_id);

CREATE TABLE contact_note (
    id         TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    author_id  TEXT NOT NULL,
    rev        BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    saved_at   BIGINT NOT NULL,
    text_sealed BLOB NOT NULL
);
CREATE INDEX contact_note_by_contact ON contact_note (contact_id, written_at, id);

-- How a person who left a message wishes to be called back.
CREATE TABLE contact_callback (
    contact_id  TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    wish_sealed BLOB NOT NULL
);

CREATE TABLE contact_satisfaction (
    contact_id  TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    code        TEXT NOT NULL,
    answered_at BIGINT NOT NULL,
    text_sealed BLOB NOT NULL
);

-- "I know this person": every contact of that person is closed to that member of staff.
CREATE TABLE person_barred (
    person_id TEXT NOT NULL,
    staff_id  TEXT NOT NULL,
    since     BIGINT NOT NULL,
    PRIMARY KEY (person_id, staff_id)
);

-- The look-up value of four words; the words are nowhere. One code a person.
CREATE TABLE resume_code (
    lookup    BLOB PRIMARY KEY,
    person_id TEXT NOT NULL UNIQUE,
    made_at   BIGINT NOT NULL
);

-- A visitor's session; the token is only in her cookie.
CREATE TABLE visitor_session (
    token_hash BLOB PRIMARY KEY,
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    made_at    BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL
);
CREATE INDEX visitor_session_by_contact ON visitor_session (contact_id);
CREATE INDEX visitor_session_by_end ON visitor_session (ends_at);

-- Which steps of an emergency protocol were done, by whom and when.
CREATE TABLE contact_protocol (
    contact_id   TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    rev          BIGINT NOT NULL,
    steps_sealed BLOB NOT NULL
);
