package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// inGo are the migrations that one SQL text cannot say to both engines.
func (db *DB) inGo() goose.ProviderOption {
	channels := db.recheck("contact", "channel", []string{"chat", "message", "note"}, []string{"chat", "phone", "message", "note"})
	archived := db.recheck("case_file", "state", []string{"open", "closed", "merged"}, []string{"open", "closed", "archived", "merged"})
	return goose.WithGoMigrations(goose.NewGoMigration(13, &goose.GoFunc{RunTx: channels}, nil), goose.NewGoMigration(32, &goose.GoFunc{RunTx: archived}, nil))
}

// recheck gives a column another list of allowed values. PostgreSQL has a statement for it. SQLite has
// none, and making the table anew would empty all that hang on it; its documentation allows to rewrite a
// CHECK in the schema itself, since no row's form changes (sqlite.org/lang_altertable.html, §7).
func (db *DB) recheck(table, column string, from, to []string) func(context.Context, *sql.Tx) error {
	check := func(values []string) string { return column + " IN ('" + strings.Join(values, "', '") + "')" }
	return func(ctx context.Context, tx *sql.Tx) error {
		if db.engine == PostgreSQL {
			name := table + "_" + column + "_check"
			_, err := tx.ExecContext(ctx, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s, ADD CONSTRAINT %s CHECK (%s)", table, name, name, check(to)))
			return err
		}
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA schema_version`).Scan(&version); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `PRAGMA writable_schema = ON`); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE sqlite_schema SET sql = replace(sql, $1, $2) WHERE type = 'table' AND name = $3 AND instr(sql, $1) > 0`,
			check(from), check(to), table)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("store: the table %s has no check of %s as it was (%w)", table, column, err)
		}
		// The new number has every connection read the schema again.
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA schema_version = %d`, version+1)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `PRAGMA writable_schema = OFF`)
		return err
	}
}
