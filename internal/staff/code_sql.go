package staff

import "vigie/internal/store"

const (
	countCode  = `UPDATE staff SET code_failures = code_failures + 1, code_next_at = $4 WHERE id = $1 AND epoch = $2 AND active AND code_failures = $3`
	resetCodes = `UPDATE staff SET code_failures = 0, code_next_at = 0 WHERE id = $1`

	selectTOTP = `SELECT secret_sealed FROM staff_totp WHERE staff_id = $1`
	useStep    = `UPDATE staff_totp SET step = $2 WHERE staff_id = $1 AND step < $2`
	insertTOTP = `INSERT INTO staff_totp (staff_id, secret_sealed, step, created_at) VALUES ($1, $2, $3, $4)`

	insertRecovery = `INSERT INTO staff_recovery (staff_id, code_hash, used_at) VALUES ($1, $2, 0)`
	useRecovery    = `UPDATE staff_recovery SET used_at = $3 WHERE staff_id = $1 AND code_hash = $2 AND used_at = 0`
	countRecovery  = `SELECT count(*) FROM staff_recovery WHERE staff_id = $1 AND used_at = 0`

	deleteFactorsTOTP     = `DELETE FROM staff_totp WHERE staff_id = $1`
	deleteFactorsRecovery = `DELETE FROM staff_recovery WHERE staff_id = $1`
	deleteFactorsPasskeys = `DELETE FROM staff_passkey WHERE staff_id = $1`
)

func scanBytes(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }
