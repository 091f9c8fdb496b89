package staff

const (
	updatePassword = `UPDATE staff SET password = $2, password_given = $3 WHERE id = $1`
	// renewPassword writes the same password at new costs, unless it was changed meanwhile.
	renewPassword = `UPDATE staff SET password = $3 WHERE id = $1 AND password = $2`
)
