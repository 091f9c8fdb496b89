package staff

import "vigie/internal/store"

const accountColumns = `p.id, p.login, p.alias, p.roles, p.langs, p.skills, p.chat_capacity, p.active, p.created_at,
	p.key_id, p.name_sealed, p.epoch, p.password, p.password_given, p.code_failures, p.code_next_at, p.theme, p.screen_lang,
	EXISTS (SELECT 1 FROM staff_totp t WHERE t.staff_id = p.id), EXISTS (SELECT 1 FROM staff_passkey k WHERE k.staff_id = p.id)`

const (
	selectByID      = `SELECT ` + accountColumns + ` FROM staff p WHERE p.id = $1`
	selectByLogin   = `SELECT ` + accountColumns + ` FROM staff p WHERE p.login = $1`
	selectEverybody = `SELECT ` + accountColumns + ` FROM staff p ORDER BY p.active DESC, p.alias_fold, p.id`
	selectRoster    = `SELECT ` + accountColumns + ` FROM staff p WHERE p.active ORDER BY p.alias_fold, p.id`

	selectTaken = `SELECT EXISTS (SELECT 1 FROM staff WHERE id <> $1 AND login = $2), EXISTS (SELECT 1 FROM staff WHERE id <> $1 AND alias_fold = $3)`

	insertPerson = `INSERT INTO staff (id, login, alias, alias_fold, key_id, name_sealed, roles, langs, skills, chat_capacity,
	active, rev, epoch, password, password_given, code_failures, code_next_at, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, TRUE, 0, 0, $11, $12, 0, 0, $13) ON CONFLICT DO NOTHING`

	touchPerson      = `UPDATE staff SET rev = rev + 1 WHERE id = $1`
	updatePerson     = `UPDATE staff SET alias = $2, alias_fold = $3, name_sealed = $4, roles = $5, langs = $6, skills = $7, chat_capacity = $8 WHERE id = $1`
	updateTheme      = `UPDATE staff SET theme = $2 WHERE id = $1`
	updateScreenLang = `UPDATE staff SET screen_lang = $2 WHERE id = $1`
	updateActive     = `UPDATE staff SET active = $2 WHERE id = $1`
	forgetPerson     = `UPDATE staff SET login = id, password = '', epoch = epoch + 1 WHERE id = $1`

	takeTurn            = `UPDATE staff_turn SET rev = rev + 1 WHERE one = 1`
	countAdministrators = `SELECT count(*) FROM staff WHERE active AND roles LIKE '%administrator%'`
)

// accountText is what of accountColumns is read before it is understood.
type accountText struct {
	roles, langs, skills string
	created, next        int64
}

// into are the places of accountColumns.
func (t *accountText) into(a *account) []any {
	return []any{&a.ID, &a.Login, &a.Alias, &t.roles, &t.langs, &t.skills, &a.ChatCapacity, &a.Active, &t.created,
		&a.keyID, &a.nameSealed, &a.epoch, &a.password, &a.given, &a.codeFailures, &t.next, &a.Theme, &a.ScreenLang, &a.hasTOTP, &a.hasPasskey}
}

func (t accountText) fill(a *account) {
	a.Roles, a.Langs, a.Skills = split[Role](t.roles), split[string](t.langs), split[string](t.skills)
	a.CreatedAt, a.codeNextAt = store.Time(t.created), store.Time(t.next)
}

func scanAccount(r store.Row) (account, error) {
	var a account
	var t accountText
	err := r.Scan(t.into(&a)...)
	t.fill(&a)
	return a, err
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func scanTwoBools(r store.Row) (b [2]bool, err error) { return b, r.Scan(&b[0], &b[1]) }
