package routing

import "vigie/internal/store"

const blockColumns = `id, kind, reason, set_at, until, set_by, lifted_at, lifted_by`

const insertBlock = `INSERT INTO block (id, kind, mark, reason, set_at, set_by, until) VALUES ($1, $2, $3, $4, $5, $6, $7)`

func scanBlock(r store.Row) (Block, error) {
	var b Block
	return b, r.Scan(&b.ID, &b.Kind, &b.Reason, &b.SetAt, &b.Until, &b.SetBy, &b.LiftedAt, &b.LiftedBy)
}

const selectBlocks = `SELECT ` + blockColumns + ` FROM block WHERE until > $1 ORDER BY set_at DESC, id DESC`

// $1 network mark, $2 person mark, $3 now, $4 person. A block never stands between us and somebody whose
// open contact is in danger, hers or one from the same address.
const selectRunningBlock = `SELECT ` + blockColumns + ` FROM block
	WHERE mark IN ($1, $2) AND until > $3 AND lifted_at = 0
	AND NOT EXISTS (SELECT 1 FROM contact c LEFT JOIN network_mark m ON m.contact_id = c.id
		WHERE c.state IN ` + openStates + ` AND c.danger AND (c.person_id = $4 OR m.mark = $1))
	ORDER BY until DESC LIMIT 1`

// The danger protocol is open where the danger mark is set or the network address is held for the
// emergency services.
const selectBlockSubject = `SELECT c.person_id, m.mark, c.danger OR c.grave OR EXISTS (
		SELECT 1 FROM contact_network n WHERE n.contact_id = c.id AND n.held_at > 0), c.channel
	FROM contact c LEFT JOIN network_mark m ON m.contact_id = c.id WHERE c.id = $1`

type blockSubject struct {
	personID string
	mark     []byte
	danger   bool
	channel  string
}

func scanBlockSubject(r store.Row) (blockSubject, error) {
	var b blockSubject
	return b, r.Scan(&b.personID, &b.mark, &b.danger, &b.channel)
}
