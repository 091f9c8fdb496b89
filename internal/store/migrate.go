package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed all:migrations
var migrations embed.FS

// prelude lets PostgreSQL read the DDL that SQLite reads: a place for the wrapped keys, and BLOB.
const prelude = `
CREATE SCHEMA IF NOT EXISTS keys;
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typname = 'blob' AND n.nspname = current_schema()) THEN
    CREATE DOMAIN blob AS bytea;
  END IF;
END $$;`

// Migrate brings the record to the newest form. Several nodes may call it at once on PostgreSQL: one
// works, the others wait. It only goes forward.
func (db *DB) Migrate(ctx context.Context) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	pool := db.read
	dialect := goose.DialectPostgres
	var options []goose.ProviderOption
	if db.engine == SQLite {
		dialect = goose.DialectSQLite3
		pool = sql.OpenDB(newConnector(db.dsn, "FULL", false))
		pool.SetMaxOpenConns(1)
		defer pool.Close()
	} else {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
		if err := db.runPrelude(ctx); err != nil {
			return err
		}
	}
	provider, err := goose.NewProvider(dialect, pool, folder, append(options, db.inGo())...)
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: migrating: %w", err)
	}
	return nil
}

// Pending says whether Migrate would do anything.
func (db *DB) Pending(ctx context.Context) (bool, error) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return false, err
	}
	dialect := goose.DialectPostgres
	pool := db.read
	if db.engine == SQLite {
		dialect = goose.DialectSQLite3
		pool = sql.OpenDB(newConnector(db.dsn, "FULL", false))
		pool.SetMaxOpenConns(1)
		defer pool.Close()
	}
	provider, err := goose.NewProvider(dialect, pool, folder, db.inGo())
	if err != nil {
		return false, err
	}
	return provider.HasPending(ctx)
}

// runPrelude takes a lock of its own, because CREATE SCHEMA IF NOT EXISTS can still fail when two
// nodes run it in the same instant.
func (db *DB) runPrelude(ctx context.Context) (err error) {
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(8018)`); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, prelude); err != nil {
		return errors.Join(errors.New("store: preparing PostgreSQL"), err)
	}
	return tx.Commit()
}

// Integrity runs SQLite's own check of one schema; "" says that it is sound.
func (db *DB) Integrity(ctx context.Context, schema string) (problem string, err error) {
	if schema != "main" && schema != "keys" {
		return "", fmt.Errorf("store: no schema %q", schema)
	}
	found, err := One(ctx, db, func(r Row) (string, error) { var s string; return s, r.Scan(&s) }, `PRAGMA `+schema+`.quick_check(1)`)
	if err == nil && found != "ok" {
		problem = found
	}
	return problem, err
}
