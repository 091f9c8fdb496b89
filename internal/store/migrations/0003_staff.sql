-- +goose Up

-- Who works here. The real name is sealed with the key of its person; the login and the alias (what
-- children see) are in clear, because one is looked up and the other shown.
CREATE TABLE staff (
    id             TEXT NOT NULL PRIMARY KEY,
    login          TEXT NOT NULL UNIQUE,
    alias          TEXT NOT NULL,
    alias_fold     TEXT NOT NULL UNIQUE,     -- lower case, no accents: two aliases never look alike
    key_id         TEXT NOT NULL,
    name_sealed    BLOB NOT NULL,
    roles          TEXT NOT NULL,            -- codes separated by spaces, as are langs and skills
    langs          TEXT NOT NULL,
    skills         TEXT NOT NULL,
    chat_capacity  BIGINT NOT NULL CHECK (chat_capacity >= 0),  -- 0: the house's own
    active         BOOLEAN NOT NULL,
    rev            BIGINT NOT NULL,
    epoch          BIGINT NOT NULL,          -- a session or half log-in of another epoch is over
    password       TEXT NOT NULL,            -- PHC string of the peppered password; '' for none
    password_given BOOLEAN NOT NULL,         -- chosen by somebody else: to be changed at first log-in
    code_failures  BIGINT NOT NULL,          -- wrong codes in a row, and when the next is heard
    code_next_at   BIGINT NOT NULL,
    theme          TEXT NOT NULL DEFAULT '', -- how her screens are lit: light, dark, '' as the computer asks
    screen_lang    TEXT NOT NULL DEFAULT '', -- the language of her screens: fr, en, '' as the browser asks
    created_at     BIGINT NOT NULL
);

-- One row that is written by every change of roles, so that two administrators cannot at the same
-- moment each take away the other's and leave the house without any.
CREATE TABLE staff_turn (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    rev BIGINT NOT NULL
);
INSERT INTO staff_turn (one, rev) VALUES (1, 0);

CREATE TABLE staff_session (
    id           TEXT NOT NULL PRIMARY KEY,
    staff_id     TEXT NOT NULL REFERENCES staff (id),
    token_hash   BLOB NOT NULL UNIQUE,       -- SHA-256: the token itself is only in the browser
    epoch        BIGINT NOT NULL,
    how          TEXT NOT NULL,
    device       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL
);
CREATE INDEX staff_session_staff ON staff_session (staff_id);
CREATE INDEX staff_session_seen ON staff_session (seen_at);

-- What was begun and waits for its second half, on whatever node: a log-in after its password, a
-- passkey or a code generator being enrolled.
CREATE TABLE staff_ceremony (
    id         TEXT NOT NULL PRIMARY KEY,    -- SHA-256 of the token, hexadecimal
    kind       TEXT NOT NULL,
    staff_id   TEXT NOT NULL REFERENCES staff (id),
    epoch      BIGINT NOT NULL,
    body_sealed BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX staff_ceremony_expires ON staff_ceremony (expires_at);

-- Passkey log-ins that were finished, until their challenge is too old to be shown again.
CREATE TABLE staff_spent (
    challenge  TEXT NOT NULL PRIMARY KEY,    -- SHA-256, hexadecimal
    expires_at BIGINT NOT NULL
);
CREATE INDEX staff_spent_expires ON staff_spent (expires_at);

CREATE TABLE staff_totp (
    staff_id   TEXT NOT NULL PRIMARY KEY REFERENCES staff (id),
    secret_sealed BLOB NOT NULL,
    step       BIGINT NOT NULL,              -- the last one used: a code is never taken twice
    created_at BIGINT NOT NULL
);

CREATE TABLE staff_recovery (
    staff_id  TEXT NOT NULL REFERENCES staff (id),
    code_hash BLOB NOT NULL,
    used_at   BIGINT NOT NULL,               -- 0: not yet
    PRIMARY KEY (staff_id, code_hash)
);

CREATE TABLE staff_passkey (
    id            TEXT NOT NULL PRIMARY KEY,
    staff_id      TEXT NOT NULL REFERENCES staff (id),
    credential_id BLOB NOT NULL UNIQUE,
    credential_sealed BLOB NOT NULL,
    name_sealed   BLOB NOT NULL,             -- "iPhone de …"
    sign_count    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT NOT NULL
);
CREATE INDEX staff_passkey_staff ON staff_passkey (staff_id);
