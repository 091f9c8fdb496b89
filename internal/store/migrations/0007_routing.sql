-- +goose Up

-- Who is at a desk, and how. A desk lives as long as it beats: lease_until is when it counts as gone.
-- turn is raised by every act that gives this person something to do, so that two such acts never
-- pass one another (a row lock on PostgreSQL).
CREATE TABLE presence (
    staff_id    TEXT PRIMARY KEY,
    state       TEXT   NOT NULL CHECK (state IN ('available', 'busy', 'wrapup', 'pause', 'away')),
    reason      TEXT   NOT NULL DEFAULT '', -- of a pause: its code; of away: 'silent', 'lost' or ''
    before      TEXT   NOT NULL DEFAULT '', -- what she was when her desk was lost
    since       BIGINT NOT NULL,
    idle_since  BIGINT NOT NULL,            -- end of her last contact, or the moment she became available
    paused_at   BIGINT NOT NULL DEFAULT 0,  -- when she last began a pause
    lease_until BIGINT NOT NULL,
    turn        BIGINT NOT NULL DEFAULT 0
);

-- Offers are leases: whoever crashes, an offer ends at until. The two indexes are the rule itself: one
-- open offer a person, one person a contact.
CREATE TABLE offer (
    id         TEXT PRIMARY KEY,
    contact_id TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    staff_id   TEXT   NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('queue', 'handover', 'taken')),
    from_id    TEXT   NOT NULL DEFAULT '', -- of a hand-over: who has the contact
    state      TEXT   NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'passed', 'silent', 'withdrawn')),
    lang       TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL DEFAULT 0,
    waited     BIGINT NOT NULL DEFAULT 0   -- of a first answer: milliseconds since the contact began to wait
);
CREATE UNIQUE INDEX offer_one_a_person ON offer (staff_id) WHERE state = 'open';
CREATE UNIQUE INDEX offer_one_a_contact ON offer (contact_id) WHERE state = 'open';
CREATE INDEX offer_by_contact ON offer (contact_id, made_at);
CREATE INDEX offer_by_end ON offer (state, ended_at);

-- What a waiting person was told, so that her place is never shown to grow.
CREATE TABLE waiting_place (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    shown      BIGINT NOT NULL
);

-- A keyed hash of the address an open contact comes from; it goes when the contact closes.
CREATE TABLE network_mark (
    contact_id TEXT PRIMARY KEY REFERENCES contact (id) ON DELETE CASCADE,
    mark       BLOB NOT NULL
);
CREATE INDEX network_mark_by_mark ON network_mark (mark);

-- Two contacts that a human says are of one person, or of one family. Nothing is merged by it.
CREATE TABLE contact_link (
    id        TEXT PRIMARY KEY,
    a         TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    b         TEXT   NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    kind      TEXT   NOT NULL CHECK (kind IN ('same', 'family')),
    joined_at BIGINT NOT NULL,
    joined_by TEXT   NOT NULL,
    undone_at BIGINT NOT NULL DEFAULT 0,
    undone_by TEXT   NOT NULL DEFAULT '',
    CHECK (a < b)
);
CREATE UNIQUE INDEX contact_link_once ON contact_link (a, b) WHERE undone_at = 0;
CREATE INDEX contact_link_by_b ON contact_link (b);

-- Whom we do not let in for a while, by keyed hash: of a person's id, or of a network for a day at most.
CREATE TABLE block (
    id        TEXT PRIMARY KEY,
    kind      TEXT   NOT NULL CHECK (kind IN ('person', 'network')),
    mark      BLOB   NOT NULL,
    reason    TEXT   NOT NULL CHECK (reason <> ''),
    set_at    BIGINT NOT NULL,
    set_by    TEXT   NOT NULL CHECK (set_by <> ''),
    until     BIGINT NOT NULL CHECK (until > set_at),
    lifted_at BIGINT NOT NULL DEFAULT 0,
    lifted_by TEXT   NOT NULL DEFAULT '',
    CHECK (kind <> 'network' OR until - set_at <= 86400000)
);
CREATE INDEX block_by_mark ON block (mark, until);

-- What a supervisor switches for all nodes at once, and the rows that make nodes take turns.
CREATE TABLE routing_setting (
    name   TEXT PRIMARY KEY,
    value  TEXT   NOT NULL DEFAULT '{}',
    rev    BIGINT NOT NULL DEFAULT 0,
    set_at BIGINT NOT NULL DEFAULT 0,
    set_by TEXT   NOT NULL DEFAULT ''
);
INSERT INTO routing_setting (name) VALUES ('surge'), ('proof'), ('floor'), ('ring');
