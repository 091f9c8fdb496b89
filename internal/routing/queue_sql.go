package routing

import "vigie/internal/store"

// Who is in line, or rings: a contact that rings may come back to its place. Messages that were left are
// not offered, they are taken from the list; but whoever was promised a call is, from that moment on, which is then
// since when she waits.
const (
	selectWaiting = waitingColumns + sticky + fromWaiting
	// The same without whom each would come back to, which is most of the work.
	selectPlaces = waitingColumns + `''` + fromWaiting

	waitingColumns = `SELECT c.id, c.person_id, c.channel, c.state, c.lang, c.public, c.topic, c.queue, c.priority, c.danger, c.grave,
		CASE WHEN c.due_at > c.waiting_since THEN c.due_at ELSE c.waiting_since END, c.due_at, COALESCE(s.shown, 0), `
	fromWaiting = ` FROM contact c LEFT JOIN waiting_place s ON s.contact_id = c.id WHERE c.state IN ('waiting', 'offered')`
	// A contact without a counsellor to come back to may be of somebody who talks to us on another channel
	// (a human joined the two), or of a person who has been here before: then it is for whoever answers,
	// or answered, there.
	sticky = `COALESCE(NULLIF(c.sticky_id, ''),
		(SELECT o.counsellor_id FROM contact_link l JOIN contact o ON o.id = CASE WHEN l.a = c.id THEN l.b ELSE l.a END
			WHERE (l.a = c.id OR l.b = c.id) AND l.undone_at = 0 AND l.kind = 'same' AND o.state = 'talking' LIMIT 1),
		(SELECT p.sticky_id FROM contact p
			WHERE p.person_id = c.person_id AND p.id <> c.id AND p.sticky_id <> '' ORDER BY p.opened_at DESC LIMIT 1), '')`
)

func scanWaiting(r store.Row) (waiting, error) {
	var w waiting
	return w, r.Scan(&w.id, &w.personID, &w.channel, &w.state, &w.lang, &w.public, &w.topic, &w.queue, &w.priority, &w.danger,
		&w.grave, &w.since, &w.due, &w.shown, &w.stickyID)
}

// In which languages and queues somebody waits for a counsellor, or is to be called now ($1), which no live channel is.
const selectNeeds = `SELECT DISTINCT channel, lang, public, topic, queue FROM contact
	WHERE state = 'waiting' AND (channel IN ('chat', 'phone') OR due_at > 0 AND due_at <= $1)`

// Who said "I know this person" of anybody in line.
const selectBarredInLine = `SELECT b.person_id, b.staff_id FROM person_barred b
	WHERE b.person_id IN (SELECT person_id FROM contact WHERE state IN ('waiting', 'offered'))`

// Who had a person in line before, with how it was closed in one click and whether there was an incident.
const selectEndedBefore = `SELECT c.id, p.sticky_id, p.closing, EXISTS (SELECT 1 FROM incident i WHERE i.contact_id = p.id)
	FROM contact c JOIN contact p ON p.person_id = c.person_id AND p.id <> c.id
	WHERE c.state = 'waiting' AND c.channel IN ('chat', 'phone') AND p.state IN ('wrapup', 'closed') AND p.sticky_id <> ''
	AND (p.closing <> '' OR EXISTS (SELECT 1 FROM incident i WHERE i.contact_id = p.id))`

// How often, and when last, those in line rang at whom in vain since they began to wait.
const selectRefusals = `SELECT o.contact_id, o.staff_id, count(*), max(CASE WHEN o.state = 'declined' THEN o.ended_at ELSE 0 END)
	FROM offer o JOIN contact c ON c.id = o.contact_id
	WHERE c.state = 'waiting' AND o.kind = 'queue' AND o.state IN ('declined', 'silent') AND o.made_at >= c.waiting_since
	GROUP BY o.contact_id, o.staff_id`

// $1 person: the persons of contacts that a human joined to one of hers.
const selectJoinedPersons = `SELECT DISTINCT other.person_id FROM contact mine
	JOIN contact_link l ON (l.a = mine.id OR l.b = mine.id) AND l.undone_at = 0
	JOIN contact other ON other.id = CASE WHEN l.a = mine.id THEN l.b ELSE l.a END
	WHERE mine.person_id = $1`

// $1 person, $2 staff.
const selectOfPersonAt = `SELECT id FROM contact WHERE person_id = $1
	AND (counsellor_id = $2 AND state IN ('talking', 'parked', 'left') OR offered_to = $2 AND state = 'offered') ORDER BY id`
