package routing

import "vigie/internal/store"

const selectIncidents = `SELECT id, contact_id, kind, opened_at, opened_by, closed_at, closed_by, note_sealed FROM incident`

func scanIncident(r store.Row) (Incident, error) {
	var i Incident
	return i, r.Scan(&i.ID, &i.ContactID, &i.Kind, &i.OpenedAt, &i.OpenedBy, &i.ClosedAt, &i.ClosedBy, &i.sealed)
}

const (
	insertIncident = `INSERT INTO incident (id, contact_id, kind, opened_at, opened_by) VALUES ($1, $2, $3, $4, $5)`

	selectIncident      = selectIncidents + ` WHERE id = $1`
	selectOpenIncidents = selectIncidents + ` WHERE closed_at = 0 ORDER BY opened_at, id`
	selectIncidentsOf   = selectIncidents + ` WHERE contact_id = $1 ORDER BY opened_at, id`

	// $1 incident, $2 now, $3 by, $4 note.
	closeIncident = `UPDATE incident SET closed_at = $2, closed_by = $3, note_sealed = $4 WHERE id = $1 AND closed_at = 0`
)
