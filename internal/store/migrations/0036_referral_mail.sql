-- +goose Up

-- A referral on its way by sealed e-mail. The letter, its reader's mailbox and the envelope, which is closed to the partner's key
-- already, are under a key of the file's ring.
CREATE TABLE referral_mail (
    id            TEXT PRIMARY KEY,
    referral_id   TEXT   NOT NULL REFERENCES referral (id) ON DELETE CASCADE,
    key_id        TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'unknown', 'refused', 'dropped')),
    made_at       BIGINT NOT NULL,
    made_by       TEXT   NOT NULL,
    tried_at      BIGINT NOT NULL DEFAULT 0, -- the moment of a try, written before anything leaves; 0 while nothing has
    trouble       TEXT   NOT NULL DEFAULT '', -- why it was refused: the key of a sentence
    letter_sealed BLOB   NOT NULL
);
CREATE INDEX referral_mail_by_referral ON referral_mail (referral_id, made_at, id);
