-- +goose Up

-- What is handed on to a partner, and what was decided about it. In clear are ids, codes and times; what is sent, to whom by name, why,
-- and what the child was told are under a key of the file's ring.
CREATE TABLE referral (
    id             TEXT PRIMARY KEY,
    file_id        TEXT   NOT NULL REFERENCES case_file (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    rev            BIGINT NOT NULL DEFAULT 1,
    state          TEXT   NOT NULL CHECK (state IN ('draft', 'decided', 'declined', 'confirmed', 'sent', 'acknowledged', 'closed', 'withdrawn')),
    state_since    BIGINT NOT NULL,
    last_event     TEXT   NOT NULL DEFAULT '',
    last_by        TEXT   NOT NULL DEFAULT '',
    partner        TEXT   NOT NULL, -- code of the catalogue
    channel        TEXT   NOT NULL DEFAULT '',
    consent        TEXT   NOT NULL DEFAULT '' CHECK (consent IN ('', 'yes', 'no', 'not_asked', 'overridden')),
    receipt        TEXT   NOT NULL UNIQUE, -- in capitals, without its dashes: "R7K4M29"
    made_at        BIGINT NOT NULL,
    made_by        TEXT   NOT NULL,
    called_at      BIGINT NOT NULL DEFAULT 0, -- the emergency call that came before the paper
    decided_at     BIGINT NOT NULL DEFAULT 0,
    decided_by     TEXT   NOT NULL DEFAULT '',
    read_at        BIGINT NOT NULL DEFAULT 0, -- by the second reader of a decision not to refer
    read_by        TEXT   NOT NULL DEFAULT '',
    sent_at        BIGINT NOT NULL DEFAULT 0,
    sent_by        TEXT   NOT NULL DEFAULT '',
    acknowledged_at BIGINT NOT NULL DEFAULT 0,
    send_due       BIGINT NOT NULL DEFAULT 0,
    chase_due      BIGINT NOT NULL DEFAULT 0,
    chases         BIGINT NOT NULL DEFAULT 0,
    send_task      TEXT   NOT NULL DEFAULT '',
    chase_task     TEXT   NOT NULL DEFAULT '',
    content_sealed BLOB   NOT NULL
);
CREATE INDEX referral_by_file ON referral (file_id, made_at, id);
CREATE INDEX referral_by_state ON referral (state, send_due, chase_due);

-- A sealed envelope that a partner fetches once, by a link and a code that is told by another way.
CREATE TABLE referral_link (
    token           TEXT PRIMARY KEY, -- by chance; it says nothing of the file
    referral_id     TEXT   NOT NULL REFERENCES referral (id) ON DELETE CASCADE,
    key_id          TEXT   NOT NULL,
    made_at         BIGINT NOT NULL,
    until           BIGINT NOT NULL,
    failures        BIGINT NOT NULL DEFAULT 0,
    fetched_at      BIGINT NOT NULL DEFAULT 0,
    revoked_at      BIGINT NOT NULL DEFAULT 0,
    code_sealed     BLOB   NOT NULL,
    envelope_sealed BLOB   NOT NULL -- closed to the partner's key already
);
CREATE INDEX referral_link_by_referral ON referral_link (referral_id, made_at);
