package staff

import "vigie/internal/store"

const (
	insertCeremony = `INSERT INTO staff_ceremony (id, kind, staff_id, epoch, body_sealed, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	selectCeremony = `SELECT id, kind, staff_id, epoch, body_sealed FROM staff_ceremony WHERE id = $1 AND kind = $2 AND expires_at > $3`
	deleteCeremony = `DELETE FROM staff_ceremony WHERE id = $1`

	deleteOtherCeremonies = `DELETE FROM staff_ceremony WHERE staff_id = $1 AND epoch <> $2`
	deleteCeremoniesOf    = `DELETE FROM staff_ceremony WHERE staff_id = $1`
	deleteOldCeremonies   = `DELETE FROM staff_ceremony WHERE expires_at <= $1`

	insertSpent    = `INSERT INTO staff_spent (challenge, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	deleteOldSpent = `DELETE FROM staff_spent WHERE expires_at <= $1`
)

func scanCeremony(r store.Row) (ceremony, error) {
	var c ceremony
	return c, r.Scan(&c.id, &c.kind, &c.personID, &c.epoch, &c.body)
}
