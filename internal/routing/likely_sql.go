package routing

import "vigie/internal/store"

const openStates = `('waiting', 'offered', 'talking', 'parked', 'left')`

// What likeness looks at, of the contacts whose ids a query before it calls "near".
const selectNear = ` SELECT c.id, c.person_id, c.public, m.mark
	FROM near JOIN contact c ON c.id = near.id LEFT JOIN network_mark m ON m.contact_id = c.id
	WHERE c.state IN ` + openStates + ` AND c.channel <> 'note' ORDER BY c.id`

// Everybody in line, and whoever else is of their persons or their networks. However many talk, only
// those are read.
const selectContactsNearLine = `WITH line AS (SELECT id, person_id FROM contact WHERE state IN ('waiting', 'offered')), near AS (
		SELECT id FROM line
		UNION SELECT p.id FROM line JOIN contact p ON p.person_id = line.person_id
		UNION SELECT n.contact_id FROM line JOIN network_mark own ON own.contact_id = line.id JOIN network_mark n ON n.mark = own.mark
	)` + selectNear

// The same for one contact ($1).
const selectContactsNear = `WITH near AS (
		SELECT id FROM contact WHERE id = $1
		UNION SELECT p.id FROM contact own JOIN contact p ON p.person_id = own.person_id WHERE own.id = $1
		UNION SELECT n.contact_id FROM network_mark own JOIN network_mark n ON n.mark = own.mark WHERE own.contact_id = $1
	)` + selectNear

// Two open contacts with one account or number, one of them in line, by the blind index: the values stay
// sealed. The owner of an index is the contact's id and the field; whom the handle of an alleged author
// belongs to says nothing here.
const selectSameHandle = `SELECT DISTINCT CASE WHEN a.id < b.id THEN a.id ELSE b.id END, CASE WHEN a.id < b.id THEN b.id ELSE a.id END FROM contact a
	JOIN lookup x ON x.key_id = a.key_id AND x.field IN ('handle', 'phone')
	JOIN lookup y ON y.field = x.field AND y.hash = x.hash
	JOIN contact b ON b.id = substr(y.owner, 1, 36) AND b.id <> a.id
	WHERE a.state IN ('waiting', 'offered') AND b.state IN ` + openStates + `
	AND (SELECT count(*) FROM lookup z WHERE z.field = x.field AND z.hash = x.hash) <= 16`

// The same for one contact ($1).
const selectSameHandleAs = `SELECT DISTINCT a.id, b.id FROM contact a
	JOIN lookup x ON x.key_id = a.key_id AND x.field IN ('handle', 'phone')
	JOIN lookup y ON y.field = x.field AND y.hash = x.hash
	JOIN contact b ON b.id = substr(y.owner, 1, 36) AND b.id <> a.id
	WHERE a.id = $1 AND a.state IN ` + openStates + ` AND b.state IN ` + openStates + `
	AND (SELECT count(*) FROM lookup z WHERE z.field = x.field AND z.hash = x.hash) <= 16`

const selectSettledPairsOf = `SELECT DISTINCT a, b FROM contact_link WHERE a = $1 OR b = $1`

// What a human has said of two contacts, joined or apart: neither is suggested again.
const selectSettledPairs = `SELECT DISTINCT l.a, l.b FROM contact_link l JOIN contact c ON c.id = l.a WHERE c.state IN ` + openStates

// $1 id, $2 and $3 the contacts in order, $4 kind, $5 now, $6 staff.
const upsertLink = `INSERT INTO contact_link (id, a, b, kind, joined_at, joined_by) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (a, b) WHERE undone_at = 0 DO UPDATE SET kind = excluded.kind`

const undoLink = `UPDATE contact_link SET undone_at = $3, undone_by = $4 WHERE a = $1 AND b = $2 AND undone_at = 0`

// Two contacts that a human has said apart: a link that was undone as soon as it was made.
const insertApart = `INSERT INTO contact_link (id, a, b, kind, joined_at, joined_by, undone_at, undone_by)
	SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), 'same', CAST($4 AS BIGINT), CAST($5 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT)
	WHERE NOT EXISTS (SELECT 1 FROM contact_link WHERE a = $2 AND b = $3)`

const selectLinks = `SELECT CASE WHEN a = $1 THEN b ELSE a END, kind, joined_by, joined_at FROM contact_link
	WHERE (a = $1 OR b = $1) AND undone_at = 0 ORDER BY joined_at, id`

func scanLink(r store.Row) (Link, error) {
	var l Link
	return l, r.Scan(&l.ContactID, &l.Kind, &l.By, &l.At)
}

const selectLinksInLine = `SELECT c.id, CASE WHEN l.a = c.id THEN l.b ELSE l.a END, l.kind, l.joined_by, l.joined_at
	FROM contact c JOIN contact_link l ON (l.a = c.id OR l.b = c.id) AND l.undone_at = 0
	WHERE c.state IN ('waiting', 'offered') ORDER BY l.joined_at, l.id`
