-- +goose Up

-- How long somebody looked at a piece of evidence uncovered. A row is a look of its custody, and stays when the evidence is erased:
-- it tells of the one who looked, and of nothing that she saw.
CREATE TABLE evidence_seen (
    id       TEXT PRIMARY KEY, -- that of the look in the custody
    staff_id TEXT   NOT NULL,
    began_at BIGINT NOT NULL,
    seconds  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX evidence_seen_by_staff ON evidence_seen (staff_id, began_at);
CREATE INDEX evidence_seen_by_time ON evidence_seen (began_at);
