package staff

import "vigie/internal/store"

const (
	selectPasskeys = `SELECT id, credential_id, credential_sealed, name_sealed, sign_count, created_at, used_at FROM staff_passkey WHERE staff_id = $1 ORDER BY created_at, id`
	countPasskeys  = `SELECT count(*) FROM staff_passkey WHERE staff_id = $1`

	// insertPasskey writes nothing when the credential is somebody's already or she has too many.
	insertPasskey = `INSERT INTO staff_passkey (id, staff_id, credential_id, credential_sealed, name_sealed, sign_count, created_at, used_at)
	SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BLOB), CAST($4 AS BLOB), CAST($5 AS BLOB), CAST($6 AS BIGINT), CAST($7 AS BIGINT), 0
	WHERE (SELECT count(*) FROM staff_passkey WHERE staff_id = $2) < $8 ON CONFLICT DO NOTHING`

	// usePasskey writes the count only if it rises, or is never counted (0), as with synchronised passkeys.
	usePasskey = `UPDATE staff_passkey SET sign_count = $3, credential_sealed = $4, used_at = $5
	WHERE id = $1 AND staff_id = $2 AND (sign_count < $3 OR (sign_count = 0 AND CAST($3 AS BIGINT) = 0))`

	renamePasskey = `UPDATE staff_passkey SET name_sealed = $3 WHERE id = $1 AND staff_id = $2`
	deletePasskey = `DELETE FROM staff_passkey WHERE id = $1 AND staff_id = $2`
)

type passkeyRow struct {
	id               string
	credentialID     []byte
	credential, name []byte // sealed
	count            int64
	created, used    int64
}

func scanPasskey(r store.Row) (passkeyRow, error) {
	var p passkeyRow
	return p, r.Scan(&p.id, &p.credentialID, &p.credential, &p.name, &p.count, &p.created, &p.used)
}
