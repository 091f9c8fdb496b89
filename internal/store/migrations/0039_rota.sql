-- +goose Up

-- Who works when. A shift is a day of the house and two times of its wall clock, in minutes since that day's midnight; to_min over
-- 1440 is the next day. from_at and to_at are the same as moments, written with it, so that "who is on" is one comparison. seq
-- grows with each change that a calendar must notice; what was published is cancelled and never deleted before its time.
CREATE TABLE rota_shift (
    id         TEXT PRIMARY KEY,
    staff_id   TEXT   NOT NULL,
    day        TEXT   NOT NULL,
    from_min   BIGINT NOT NULL CHECK (from_min >= 0 AND from_min < 1440),
    to_min     BIGINT NOT NULL CHECK (to_min > from_min),
    from_at    BIGINT NOT NULL,
    to_at      BIGINT NOT NULL,
    post       TEXT   NOT NULL CHECK (post IN ('both', 'phone', 'chat', 'tutor', 'supervisor', 'oncall')),
    state      TEXT   NOT NULL CHECK (state IN ('draft', 'published', 'cancelled')),
    seq        BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL
);
CREATE INDEX rota_shift_by_time ON rota_shift (from_at, to_at);
CREATE INDEX rota_shift_by_staff ON rota_shift (staff_id, from_at);

-- One row that every change of the rota writes, so that two of them cannot at the same moment plan one person twice.
CREATE TABLE rota_turn (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    rev BIGINT NOT NULL
);
INSERT INTO rota_turn (one, rev) VALUES (1, 0);

-- Days on which somebody cannot be planned. Why is nobody's business here and is kept nowhere.
CREATE TABLE rota_absence (
    id        TEXT PRIMARY KEY,
    staff_id  TEXT   NOT NULL,
    first_day TEXT   NOT NULL,
    last_day  TEXT   NOT NULL,
    made_at   BIGINT NOT NULL,
    made_by   TEXT   NOT NULL
);
CREATE INDEX rota_absence_by_day ON rota_absence (last_day, first_day);

-- A usual week, to be laid onto weeks to come. Its code is one of a few (A to F).
CREATE TABLE rota_pattern (
    code     TEXT   NOT NULL,
    weekday  BIGINT NOT NULL, -- 0 is Monday
    staff_id TEXT   NOT NULL,
    from_min BIGINT NOT NULL,
    to_min   BIGINT NOT NULL,
    post     TEXT   NOT NULL,
    PRIMARY KEY (code, weekday, staff_id, from_min)
);

-- A shift that somebody would like another to take. The index is the rule: one such wish a shift.
CREATE TABLE rota_swap (
    id         TEXT PRIMARY KEY,
    shift_id   TEXT   NOT NULL REFERENCES rota_shift (id) ON DELETE CASCADE,
    offered_by TEXT   NOT NULL,
    to_id      TEXT   NOT NULL DEFAULT '', -- '' for whoever can
    state      TEXT   NOT NULL CHECK (state IN ('open', 'taken', 'agreed', 'refused', 'withdrawn')),
    made_at    BIGINT NOT NULL,
    taken_by   TEXT   NOT NULL DEFAULT '',
    taken_at   BIGINT NOT NULL DEFAULT 0,
    decided_by TEXT   NOT NULL DEFAULT '', -- '' where it broke no rule and nobody had to decide
    decided_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX rota_swap_once ON rota_swap (shift_id) WHERE state IN ('open', 'taken');
CREATE INDEX rota_swap_by_offerer ON rota_swap (offered_by, state);

-- The secret address of somebody's calendar: SHA-256, the address itself is only with her.
CREATE TABLE rota_feed (
    staff_id   TEXT PRIMARY KEY,
    token_hash BLOB   NOT NULL UNIQUE,
    made_at    BIGINT NOT NULL
);

-- What arrived in an hour that is over, and the median time that it took: numbers, which stay when the contacts are erased.
CREATE TABLE rota_hour (
    hour_at   BIGINT NOT NULL, -- its beginning by the wall clock of the house
    kind      TEXT   NOT NULL CHECK (kind IN ('call', 'chat')),
    arrived   BIGINT NOT NULL,
    handled   BIGINT NOT NULL,
    median_ms BIGINT NOT NULL,
    PRIMARY KEY (hour_at, kind)
);
CREATE TABLE rota_folded (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    until BIGINT NOT NULL
);
INSERT INTO rota_folded (one, until) VALUES (1, 0);

-- What a shift tells the next one, under a key of its own that dies with it.
CREATE TABLE handover_note (
    id          TEXT PRIMARY KEY,
    key_id      TEXT   NOT NULL,
    written_at  BIGINT NOT NULL,
    written_by  TEXT   NOT NULL,
    text_sealed BLOB   NOT NULL
);
CREATE INDEX handover_note_by_time ON handover_note (written_at);

-- Who said that she has read a note, and up to when somebody has read the handover page.
CREATE TABLE handover_seen (
    note_id  TEXT   NOT NULL REFERENCES handover_note (id) ON DELETE CASCADE,
    staff_id TEXT   NOT NULL,
    seen_at  BIGINT NOT NULL,
    PRIMARY KEY (note_id, staff_id)
);
CREATE TABLE handover_read (
    staff_id TEXT PRIMARY KEY,
    read_at  BIGINT NOT NULL,
    before   BIGINT NOT NULL DEFAULT 0 -- the time before that
);
