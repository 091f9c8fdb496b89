package routing

import "vigie/internal/store"

const presenceColumns = `staff_id, state, reason, before, since, idle_since, paused_at, phone, lease_until`

const selectPresence = `SELECT ` + presenceColumns + ` FROM presence`

func scanPresence(r store.Row) (Presence, error) {
	var p Presence
	return p, r.Scan(&p.StaffID, &p.State, &p.Reason, &p.before, &p.Since, &p.IdleSince, &p.PausedAt, &p.Phone, &p.LeaseUntil)
}

// $1 staff, $2 state, $3 reason, $4 now, $5 lease, $6 now for a pause, else 0. Being available again
// without having been anything else does not send her to the end of the line of the idle.
const setPresence = `INSERT INTO presence (staff_id, state, reason, since, idle_since, lease_until, paused_at)
	VALUES ($1, $2, $3, $4, $4, $5, $6)
	ON CONFLICT (staff_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, before = '', since = excluded.since,
		idle_since = CASE WHEN presence.state = 'available' AND excluded.state = 'available' THEN presence.idle_since ELSE excluded.idle_since END,
		paused_at = CASE WHEN excluded.paused_at > 0 THEN excluded.paused_at ELSE presence.paused_at END,
		lease_until = excluded.lease_until, turn = presence.turn + 1`

// $1 staff, $2 lease. It touches nobody whose desk was lost: reviveLost decides what she is then.
const beatPresence = `UPDATE presence SET lease_until = $2
	WHERE staff_id = $1 AND NOT (state = 'away' AND reason = 'lost' AND before <> '')`

// $1 staff, $2 lease.
const shortenLease = `UPDATE presence SET lease_until = $2 WHERE staff_id = $1 AND lease_until > $2`

// $1 staff, $2 now, $3 lease, $4 the moment from which a lost desk still has its conversations.
const reviveLost = `UPDATE presence SET state = before, reason = '', before = '', since = $2, lease_until = $3, turn = turn + 1
	WHERE staff_id = $1 AND state = 'away' AND reason = 'lost' AND before <> '' AND since > $4`

// $1 staff, $2 now, $3 lease.
const firstBeat = `INSERT INTO presence (staff_id, state, since, idle_since, lease_until) VALUES ($1, 'away', $2, $2, $3)
	ON CONFLICT (staff_id) DO UPDATE SET lease_until = excluded.lease_until, before = ''`

// $1 staff, $2 now.
const setLost = `UPDATE presence SET before = state, state = 'away', reason = 'lost', since = $2, turn = turn + 1
	WHERE staff_id = $1 AND state <> 'away' AND lease_until <= $2`

// $1 staff, $2 now.
const setSilent = `UPDATE presence SET state = 'away', reason = 'silent', since = $2, turn = turn + 1
	WHERE staff_id = $1 AND state = 'available'`

// $1 staff, $2 now.
const setAway = `UPDATE presence SET state = 'away', reason = '', before = '', since = $2, turn = turn + 1
	WHERE staff_id = $1 AND state <> 'away'`

// $1 staff, $2 whether, $3 now, $4 lease. The row of whoever was never here is made by her first beat.
const setPhone = `INSERT INTO presence (staff_id, state, phone, since, idle_since, lease_until) VALUES ($1, 'away', $2, $3, $3, $4)
	ON CONFLICT (staff_id) DO UPDATE SET phone = excluded.phone, turn = presence.turn + 1 WHERE presence.phone <> excluded.phone`

const lockPresence = `UPDATE presence SET turn = turn + 1 WHERE staff_id = $1 RETURNING ` + presenceColumns

// $1 staff, $2 now. Whoever is given a contact is no longer idle; when it ends is read from the contact,
// and after half an hour without another this is what is left of it.
const touchIdle = `UPDATE presence SET idle_since = $2 WHERE staff_id = $1 AND idle_since < $2`

// What counsellors hold. $1: contacts that ended after it tell how long one has been idle; $2: a grave
// contact whose person went quiet after it still takes all of its counsellor. Two ranges of one index,
// each read apart, so that years of closed contacts cost nothing. Whoever calls somebody back is on a call too,
// whatever the contact came by, and so is who introduces a caller to a colleague.
const selectLoads = `SELECT counsellor_id,
	count(*) FILTER (WHERE state = 'talking'),
	count(*) FILTER (WHERE state = 'talking' AND channel = 'phone'),
	count(*) FILTER (WHERE grave AND (state = 'talking' OR state = 'parked' AND state_since > $2)),
	count(*) FILTER (WHERE state IN ('parked', 'left')),
	max(CASE WHEN state = 'wrapup' THEN state_since ELSE 0 END),
	max(CASE WHEN state IN ('wrapup', 'closed') THEN state_since ELSE 0 END),
	max(CASE WHEN grave AND state IN ('wrapup', 'closed') THEN state_since ELSE 0 END)
	FROM (
		SELECT counsellor_id, channel, state, state_since, grave FROM contact
		WHERE state IN ('talking', 'parked', 'left') AND counsellor_id <> '' AND channel <> 'note'
		UNION ALL
		SELECT counsellor_id, channel, state, state_since, grave FROM contact
		WHERE state IN ('wrapup', 'closed') AND state_since > $1 AND counsellor_id <> '' AND channel <> 'note'
		UNION ALL
		SELECT staff_id, 'phone', 'talking', began_at, 1 = 0 FROM phone_call WHERE ended_at = 0 AND direction = 'out'
		UNION ALL
		SELECT introducing, 'phone', 'talking', began_at, 1 = 0 FROM phone_call WHERE ended_at = 0 AND introducing <> ''
	) AS held GROUP BY counsellor_id`

// The same of one counsellor ($3).
const selectLoadOf = `SELECT counsellor_id,
	count(*) FILTER (WHERE state = 'talking'),
	count(*) FILTER (WHERE state = 'talking' AND channel = 'phone'),
	count(*) FILTER (WHERE grave AND (state = 'talking' OR state = 'parked' AND state_since > $2)),
	count(*) FILTER (WHERE state IN ('parked', 'left')),
	max(CASE WHEN state = 'wrapup' THEN state_since ELSE 0 END),
	max(CASE WHEN state IN ('wrapup', 'closed') THEN state_since ELSE 0 END),
	max(CASE WHEN grave AND state IN ('wrapup', 'closed') THEN state_since ELSE 0 END)
	FROM (
		SELECT counsellor_id, channel, state, state_since, grave FROM contact
		WHERE counsellor_id = $3 AND state IN ('talking', 'parked', 'left') AND channel <> 'note'
		UNION ALL
		SELECT counsellor_id, channel, state, state_since, grave FROM contact
		WHERE state IN ('wrapup', 'closed') AND state_since > $1 AND counsellor_id = $3 AND channel <> 'note'
		UNION ALL
		SELECT staff_id, 'phone', 'talking', began_at, 1 = 0 FROM phone_call WHERE ended_at = 0 AND direction = 'out' AND staff_id = $3
		UNION ALL
		SELECT introducing, 'phone', 'talking', began_at, 1 = 0 FROM phone_call WHERE ended_at = 0 AND introducing = $3
	) AS held GROUP BY counsellor_id`

const selectHeld = `SELECT id FROM contact WHERE counsellor_id = $1 AND state IN ('talking', 'parked', 'left') ORDER BY state_since, id`
