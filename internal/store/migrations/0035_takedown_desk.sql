-- +goose Up

-- whole says that a notice lacks nothing that is written in it, so that a draft which waits for a second reader is told from one
-- that is being written. Drafts from before are told at their next change.
ALTER TABLE takedown_notice ADD COLUMN whole BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX takedown_notice_by_closed ON takedown_notice (closed_at);

-- A notice has several letters: one that came back and is sent anew, a reminder, a complaint. Each has its own Message-ID, and all
-- of a notice's have its mark. The letters from before have the id of their notice, under which they are sealed.
ALTER TABLE takedown_letter RENAME TO takedown_letter_before;
CREATE TABLE takedown_letter (
    id             TEXT PRIMARY KEY,
    notice_id      TEXT   NOT NULL REFERENCES takedown_notice (id) ON DELETE CASCADE,
    key_id         TEXT   NOT NULL,
    kind           TEXT   NOT NULL CHECK (kind IN ('notice', 'reminder', 'contact', 'art20')),
    state          TEXT   NOT NULL CHECK (state IN ('sending', 'sent', 'refused', 'unknown', 'not_there', 'returned')),
    message_id     TEXT   NOT NULL UNIQUE,
    mark           TEXT   NOT NULL,
    contact        TEXT   NOT NULL,
    written_at     BIGINT NOT NULL,
    written_by     TEXT   NOT NULL DEFAULT '',
    tried_at       BIGINT NOT NULL DEFAULT 0, -- when its sending began: from then on it may have gone
    sent_at        BIGINT NOT NULL DEFAULT 0,
    trouble        TEXT   NOT NULL DEFAULT '', -- the key of the sentence of why it did not go
    content_sealed BLOB   NOT NULL
);
INSERT INTO takedown_letter (id, notice_id, key_id, kind, state, message_id, mark, contact, written_at, written_by, tried_at, sent_at, content_sealed)
    SELECT l.notice_id, l.notice_id, l.key_id, 'notice',
        CASE WHEN n.state IN ('sending', 'unknown') THEN n.state WHEN n.state IN ('draft', 'ready', 'withdrawn') THEN 'returned' ELSE 'sent' END,
        l.message_id, l.mark, l.contact, l.written_at, n.submitted_by, n.tried_at, n.submitted_at, l.content_sealed
    FROM takedown_letter_before l JOIN takedown_notice n ON n.id = l.notice_id;
DROP TABLE takedown_letter_before;
CREATE INDEX takedown_letter_by_notice ON takedown_letter (notice_id, written_at, id);
CREATE INDEX takedown_letter_by_mark ON takedown_letter (mark);
CREATE INDEX takedown_letter_by_state ON takedown_letter (state);

-- What was drawn from a reply: nothing yet, that the notice arrived, a decision. What was drawn stands in the way of moving it.
ALTER TABLE takedown_reply ADD COLUMN drawn TEXT NOT NULL DEFAULT '' CHECK (drawn IN ('', 'nothing', 'returned', 'received', 'decided'));
