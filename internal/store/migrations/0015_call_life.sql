-- +goose Up

-- Two posts at the same instant make one call: of the calls that we make to the person of a contact one goes on at a
-- time. Should a crash have left two, the older one is over.
UPDATE phone_call SET rev = rev + 1, state = 'ended', ended_at = began_at, outcome = 'node_lost'
    WHERE direction = 'out' AND ended_at = 0 AND EXISTS (SELECT 1 FROM phone_call newer
        WHERE newer.contact_id = phone_call.contact_id AND newer.direction = 'out' AND newer.ended_at = 0 AND newer.id > phone_call.id);
CREATE UNIQUE INDEX phone_call_one_out ON phone_call (contact_id) WHERE direction = 'out' AND ended_at = 0;

-- Who of us was in a call is forgotten after some weeks: of many lines these are few.
CREATE INDEX phone_leg_by_staff ON phone_leg (ended_at) WHERE staff_id <> '';
