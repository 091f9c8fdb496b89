package guide

import (
	"encoding/json"

	"vigie/internal/store"
)

const (
	selectColumns  = `SELECT slug, version, rev, state, sources, seed, written_by, written_at, decided_by, decided_at FROM guide_version`
	selectShown    = selectColumns + ` WHERE state IN ('published', 'archived') ORDER BY slug`
	selectShownOf  = selectColumns + ` WHERE slug = $1 AND state IN ('published', 'archived')`
	selectAlive    = selectColumns + ` WHERE state <> 'replaced' ORDER BY slug, version`
	selectVersions = selectColumns + ` WHERE slug = $1 ORDER BY version DESC`
	selectVersion  = selectColumns + ` WHERE slug = $1 AND version = $2`
	insertVersion  = `INSERT INTO guide_version (slug, version, rev, state, sources, seed, written_by, written_at, decided_by, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	updateVersion  = `UPDATE guide_version SET rev = $4, state = $5, sources = $6, written_by = $7, written_at = $8, decided_by = $9, decided_at = $10 WHERE slug = $1 AND version = $2 AND rev = $3`
	replaceShown   = `UPDATE guide_version SET state = 'replaced' WHERE slug = $1 AND state IN ('published', 'archived')`
	deleteVersion  = `DELETE FROM guide_version WHERE slug = $1 AND version = $2 AND rev = $3`
)

func scanVersion(r store.Row) (v Version, err error) {
	var sources string
	var written, decided int64
	if err = r.Scan(&v.Slug, &v.Number, &v.Rev, &v.State, &sources, &v.Seed, &v.WrittenBy, &written, &v.DecidedBy, &decided); err != nil {
		return v, err
	}
	v.WrittenAt, v.DecidedAt = store.Time(written), store.Time(decided)
	return v, json.Unmarshal([]byte(sources), &v.Sources)
}
