package routing

import "vigie/internal/store"

const alarmColumns = `id, contact_id, cause, rung_at`

func scanAlarm(r store.Row) (Alarm, error) {
	var a Alarm
	return a, r.Scan(&a.ID, &a.ContactID, &a.Cause, &a.RungAt)
}

const (
	insertAlarm = `INSERT INTO alarm (id, contact_id, cause, rung_at, rung_again) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (contact_id, cause) WHERE seen_at = 0 DO NOTHING`

	selectUnseen = `SELECT ` + alarmColumns + ` FROM alarm WHERE seen_at = 0 ORDER BY rung_at DESC, id DESC`

	selectAlarms = `SELECT ` + alarmColumns + ` FROM alarm WHERE (id = $1 OR contact_id = $1 AND cause <> '` + CauseThreat + `') AND seen_at = 0`

	// $1 alarm, $2 now, $3 by.
	markSeen = `UPDATE alarm SET seen_at = $2, seen_by = $3 WHERE id = $1 AND seen_at = 0`

	// $1 now; told before $2, or after $3: then the clock went back.
	ringAgain = `UPDATE alarm SET rung_again = $1 WHERE seen_at = 0 AND (rung_again <= $2 OR rung_again > $3)`

	// Rung before $1, or after $2: then the clock went back.
	selectUncalled = `SELECT ` + alarmColumns + ` FROM alarm WHERE seen_at = 0 AND called_at = 0 AND (rung_at <= $1 OR rung_at > $2) ORDER BY rung_at, id`

	// The row of $1 makes the nodes take turns: $2 now; taken before $3, or after $4: then the clock went back.
	takeTurn = `UPDATE routing_setting SET set_at = $2, rev = rev + 1 WHERE name = $1 AND (set_at <= $3 OR set_at > $4)`
)
