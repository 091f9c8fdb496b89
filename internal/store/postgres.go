package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func openPostgres(ctx context.Context, dsn string, o Options) (*DB, error) {
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, errors.New("store: the PostgreSQL address cannot be read") // the cause would repeat a password
	}
	n := o.Connections
	if n == 0 {
		n = 16
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: PostgreSQL does not answer: %w", err), pool.Close())
	}
	return &DB{engine: PostgreSQL, dsn: dsn, read: pool, ackEarly: breakable && o.AckEarly}, nil
}

// pgRunner runs statements in a PostgreSQL transaction, or straight on the pool.
type pgRunner struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
}

func (r pgRunner) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return r.on.ExecContext(ctx, query, args...)
}

func (r pgRunner) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return r.on.QueryContext(ctx, query, args...)
}

func (db *DB) txPostgres(ctx context.Context, fn func(*Tx) error) ([]func(), error) {
	sqlTx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer sqlTx.Rollback() // nothing after a commit
	tx := &Tx{db: db, run: pgRunner{sqlTx}}
	if err := fn(tx); err != nil {
		return nil, err
	}
	return tx.after, sqlTx.Commit()
}

// errNotWritten rolls back a unit whose MustReturn statement returned nothing.
var errNotWritten = errors.New("store: not written")

func (db *DB) appendPostgres(ctx context.Context, unit []Stmt) (bool, error) {
	const attempts = 8
	for i := 0; ; i++ {
		wrote, err := db.appendPostgresOnce(ctx, unit)
		if err == nil || !isTransient(err) || i == attempts-1 {
			return wrote, err
		}
		if err := pause(ctx, i); err != nil {
			return false, err
		}
	}
}

func (db *DB) appendPostgresOnce(ctx context.Context, unit []Stmt) (bool, error) {
	if breakable && db.ackEarly {
		return db.appendBeforeCommit(ctx, unit)
	}
	if len(unit) == 1 {
		return db.runUnit(ctx, pgRunner{db.read}, unit)
	}
	_, err := db.txPostgres(ctx, func(tx *Tx) error {
		wrote, err := db.runUnit(ctx, tx.run, unit)
		if err == nil && !wrote {
			return errNotWritten
		}
		return err
	})
	if errors.Is(err, errNotWritten) {
		return false, nil
	}
	return err == nil, err
}

// isTransient says that a transaction met another and may be run again.
func isTransient(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return pgconn.SafeToRetry(err)
}

// IsConflict says that err is the violation of a UNIQUE or PRIMARY KEY rule, on either engine.
func IsConflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// pause waits a little longer after each attempt, with jitter so that two do not meet again.
func pause(ctx context.Context, attempt int) error {
	d := time.Duration(1+rand.IntN(4<<attempt)) * time.Millisecond
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
