package staff

import "vigie/internal/store"

const sessionColumns = `s.id, s.staff_id, s.how, s.device, s.created_at, s.seen_at, s.confirmed_at, ` + accountColumns

const (
	insertSession = `INSERT INTO staff_session (id, staff_id, token_hash, epoch, how, device, created_at, seen_at, confirmed_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	selectSession = `SELECT ` + sessionColumns + ` FROM staff_session s JOIN staff p ON p.id = s.staff_id
	WHERE s.token_hash = $1 AND s.epoch = p.epoch AND p.active`

	selectSessionsOf = `SELECT ` + sessionColumns + ` FROM staff_session s JOIN staff p ON p.id = s.staff_id
	WHERE s.staff_id = $1 AND s.epoch = p.epoch AND p.active AND s.seen_at >= $2 AND s.created_at > $3 ORDER BY s.seen_at DESC, s.id`

	touchSession   = `UPDATE staff_session SET seen_at = $2 WHERE id = $1 AND seen_at <= $3`
	confirmSession = `UPDATE staff_session SET confirmed_at = $3 WHERE id = $1 AND staff_id = $2`
	deleteSession  = `DELETE FROM staff_session WHERE id = $1 AND staff_id = $2`

	nextEpoch           = `UPDATE staff SET epoch = epoch + 1, code_failures = 0, code_next_at = 0 WHERE id = $1`
	keepSessionSQL      = `UPDATE staff_session SET epoch = epoch + 1 WHERE id = $1 AND staff_id = $2 AND epoch = $3`
	deleteOtherSessions = `DELETE FROM staff_session WHERE staff_id = $1 AND epoch <> $2`
	deleteSessionsOf    = `DELETE FROM staff_session WHERE staff_id = $1`

	deleteOldSession  = `DELETE FROM staff_session WHERE id = $1 AND (seen_at < $2 OR created_at <= $3)`
	deleteOldSessions = `DELETE FROM staff_session WHERE seen_at < $1 OR created_at <= $2`
)

func scanSession(r store.Row) (sessionRow, error) {
	var row sessionRow
	var t accountText
	err := r.Scan(append([]any{&row.ID, &row.PersonID, &row.How, &row.Device, &row.created, &row.seen, &row.confirmed}, t.into(&row.account)...)...)
	t.fill(&row.account)
	return row, err
}
