package audit

import (
	"strconv"
	"strings"

	"vigie/internal/store"
)

const insertRow = `INSERT INTO audit (id, at, actor_kind, actor_id, act, object, object_id, purpose, detail, mark)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

// refusedRow breaks the table's own rule that a row says its act, so the unit it is part of fails.
const refusedRow = `INSERT INTO audit (id, at, actor_kind, actor_id, act, object, object_id, purpose, detail, mark)
VALUES ($1, 0, 'system', '', '', '', '', '', '', CAST('' AS BLOB))`

const rowColumns = `id, at, actor_kind, actor_id, act, object, object_id, purpose, detail, mark, COALESCE(block, 0)`

// query builds the statement of a filter: only ever clauses with placeholders.
func (f Filter) query() (string, []any) {
	var where []string
	var args []any
	and := func(clause string, arg any) {
		args = append(args, arg)
		where = append(where, clause+" $"+strconv.Itoa(len(args)))
	}
	for _, c := range [...]struct{ clause, text string }{
		{"actor_kind =", f.ActorKind}, {"actor_id =", f.ActorID}, {"object =", f.Object}, {"object_id =", f.ObjectID},
		{"act =", f.Act}, {"id <", f.Before},
	} {
		if c.text != "" {
			and(c.clause, c.text)
		}
	}
	if !f.From.IsZero() {
		and("at >=", store.Millis(f.From))
	}
	if !f.Until.IsZero() {
		and("at <", store.Millis(f.Until))
	}
	query := `SELECT ` + rowColumns + ` FROM audit`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	limit := f.Limit
	if limit < 1 || limit > 500 {
		limit = 100
	}
	args = append(args, limit)
	return query + ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args)), args
}

const selectWork = `SELECT holder, until, (SELECT count(*) FROM (SELECT 1 FROM audit WHERE block IS NULL LIMIT 1) AS one) FROM audit_lease WHERE name = 'sealer'`

const takeLease = `UPDATE audit_lease SET holder = $1, until = $2 WHERE name = 'sealer' AND (holder = $1 OR until <= $3)`

const selectLastBlock = `SELECT number, at, row_count, mac FROM audit_block ORDER BY number DESC LIMIT 1`

// takeRows puts the oldest unsealed rows into a block. The outer condition is looked at again when two
// sealers meet on PostgreSQL.
const takeRows = `UPDATE audit SET block = $1 WHERE block IS NULL AND id IN (SELECT id FROM audit WHERE block IS NULL ORDER BY id LIMIT $2)
RETURNING ` + rowColumns

const insertBlock = `INSERT INTO audit_block (number, at, row_count, mac) VALUES ($1, $2, $3, $4)`

const selectBlocks = `SELECT number, at, row_count, mac FROM audit_block WHERE number >= $1 AND number <= $2 ORDER BY number LIMIT $3`

const selectBlockRows = `SELECT ` + rowColumns + ` FROM audit WHERE block >= $1 AND block <= $2 ORDER BY block, id LIMIT $3`

// A row of a block that is not there: its block was cut off, or it was written in by hand. Between the
// first block and the last each row is met on the walk.
const selectRowBefore = `SELECT id FROM audit WHERE block < 1 ORDER BY block, id LIMIT 1`

const selectRowBeyond = `SELECT a.id FROM audit a WHERE a.block > $1 AND NOT EXISTS (SELECT 1 FROM audit_block b WHERE b.number = a.block) ORDER BY a.block, a.id LIMIT 1`

const selectBlockBefore = `SELECT number, at, row_count, mac FROM audit_block WHERE number < 1 ORDER BY number LIMIT 1`

const selectUnsealed = `SELECT ` + rowColumns + ` FROM audit WHERE block IS NULL AND id > $1 ORDER BY id LIMIT $2`
