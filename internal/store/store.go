// Package store keeps the record: everything Vigie knows is in SQL, and nothing else is a record.
//
// It speaks to two engines with one SQL text: SQLite (embedded, the default) and PostgreSQL (several
// nodes). A feature room writes its statements with $1 placeholders and Unix milliseconds, beside the
// rules they serve; this room opens, migrates, runs and counts them.
//
// There are two ways to write. Append is for the hot path: a few prepared statements without any code
// of the caller between them, which SQLite commits in groups so that one fsync serves many people.
// Tx is for everything else: it runs alone on the writer, and may be run again when the engine says
// that two transactions met. Either returns only after the commit is durable; what was acknowledged
// survives a kill -9 (and, with synchronous=FULL, a power cut).
//
// Wrapped keys live apart from the data, in the schema "keys": the file keys.db beside the SQLite
// database, a schema of that name in PostgreSQL, so that the two can be backed up and expired apart.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Engine names the database behind a DB.
type Engine string

// The two engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// ErrNoRow is what One returns when there is no row.
var ErrNoRow = errors.New("store: no row")

// Options tunes a DB; the zero value is the production default.
type Options struct {
	// Connections bounds the PostgreSQL pool (default 16) and the SQLite readers (default 4).
	Connections int
	// Synchronous overrides SQLite's synchronous=FULL, and AckEarly acknowledges an Append before its
	// commit. Only the crash harness sets them, to show that it notices; AckEarly does nothing but in a
	// build with the tag "breakable".
	Synchronous string
	AckEarly    bool
}

// DB is an open record. It is safe for concurrent use.
type DB struct {
	engine     Engine
	dsn        string
	read       *sql.DB
	stmts      stmtCache
	writer     *writer // SQLite's only writer; nil on PostgreSQL, where the pool writes
	ackEarly   bool
	statements atomic.Int64
}

// Open connects to the record named by dsn: "sqlite:/var/lib/vigie/vigie.db" or
// "postgres://user@host/name". It does not migrate. It refuses an SQLite older than 3.51.3, which can
// corrupt a database when the WAL is reset (sqlite.org/wal.html#walresetbug).
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(dsn, "sqlite:"), o)
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return openPostgres(ctx, dsn, o)
	}
	return nil, errors.New(`store: the database is named "sqlite:/path/vigie.db" or "postgres://user@host/name"`)
}

// Engine says which engine is behind.
func (db *DB) Engine() Engine { return db.engine }

// Statements counts the statements run so far on any connection, all but BEGIN, COMMIT, ROLLBACK and
// SAVEPOINT.
func (db *DB) Statements() int64 { return db.statements.Load() }

// Ping says whether the record answers.
func (db *DB) Ping(ctx context.Context) error {
	_, err := One(ctx, db, func(r Row) (int, error) { var n int; return n, r.Scan(&n) }, `SELECT 1`)
	return err
}

// Close waits for what is being written and closes. On SQLite it leaves an empty WAL.
func (db *DB) Close() error {
	var err error
	if db.writer != nil {
		err = db.writer.close()
	}
	db.stmts.close()
	return errors.Join(err, db.read.Close())
}

// Row is what a scan function reads from.
type Row interface{ Scan(dest ...any) error }

// Querier runs a query: a DB (on a reader, seeing what is committed) or a Tx (seeing its own writes).
type Querier interface {
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
}

// One returns the first row, or ErrNoRow.
func One[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) (T, error) {
	var zero T
	rows, err := q.query(ctx, query, args)
	if err != nil {
		return zero, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return zero, err
		}
		return zero, ErrNoRow
	}
	v, err := scan(rows)
	if err != nil {
		return zero, err
	}
	return v, rows.Close()
}

// All returns every row, in the query's order; nil when there is none.
func All[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// Stmt is one statement of an Append: SQL, its arguments and nothing of the caller's code between.
type Stmt struct {
	SQL  string
	Args []any
	// Scan, when set, reads the first row the statement returns (RETURNING).
	Scan func(Row) error
	// MustReturn undoes the whole unit when the statement returns no row.
	MustReturn bool
}

// Append runs the statements as one unit and returns after the commit. On SQLite it shares its commit
// with the units that wait beside it; a unit that fails is undone alone. It returns false, and nothing
// is written, when a Stmt with MustReturn returned no row.
func (db *DB) Append(ctx context.Context, unit ...Stmt) (bool, error) {
	for _, s := range unit {
		if err := checkArgs(s.Args); err != nil {
			return false, err
		}
	}
	if db.writer != nil {
		return db.writer.append(ctx, unit)
	}
	return db.appendPostgres(ctx, unit)
}

// Exec runs one writing statement in its own transaction and returns the number of rows it touched.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := db.Tx(ctx, func(tx *Tx) error {
		var err error
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Tx runs fn in a transaction that is committed when fn returns nil. fn is run again from the start
// when the engine reports that two transactions met (40001, 40P01, SQLITE_BUSY), so it must only
// change what the transaction undoes; network I/O inside it would stop every writer of SQLite.
func (db *DB) Tx(ctx context.Context, fn func(tx *Tx) error) error { return db.tx(ctx, false, fn) }

// UrgentTx is Tx for what must not stand in a row: on SQLite its turn comes before every other's.
func (db *DB) UrgentTx(ctx context.Context, fn func(tx *Tx) error) error { return db.tx(ctx, true, fn) }

func (db *DB) tx(ctx context.Context, urgent bool, fn func(tx *Tx) error) error {
	const attempts = 8
	for i := 0; ; i++ {
		var after []func()
		var err error
		if db.writer != nil {
			queue := db.writer.turns
			if urgent {
				queue = db.writer.urgent
			}
			after, err = db.writer.tx(ctx, queue, fn)
		} else {
			after, err = db.txPostgres(ctx, fn)
		}
		if err == nil {
			for _, f := range after {
				f()
			}
			return nil
		}
		if !isTransient(err) || i == attempts-1 {
			return err
		}
		if err := pause(ctx, i); err != nil {
			return err
		}
	}
}

// Tx is a running transaction.
type Tx struct {
	db    *DB
	run   runner
	after []func()
}

// runner is what a statement runs on: SQLite's writing connection or a PostgreSQL transaction.
type runner interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
}

// Exec runs one statement and returns the number of rows it touched.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkArgs(args); err != nil {
		return 0, err
	}
	tx.db.statements.Add(1)
	res, err := tx.run.exec(ctx, query, args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// AfterCommit has f run once, after the commit. This is the place to announce on the bus.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

func (tx *Tx) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if err := checkArgs(args); err != nil {
		return nil, err
	}
	tx.db.statements.Add(1)
	return tx.run.query(ctx, query, args)
}

func (db *DB) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if err := checkArgs(args); err != nil {
		return nil, err
	}
	db.statements.Add(1)
	if db.engine == SQLite {
		stmt, err := db.stmts.get(ctx, db.read, query)
		if err != nil {
			return nil, err
		}
		return stmt.QueryContext(ctx, args...)
	}
	return db.read.QueryContext(ctx, query, args...)
}

// runUnit runs a unit's statements; false means that a MustReturn statement returned no row.
func (db *DB) runUnit(ctx context.Context, run runner, unit []Stmt) (bool, error) {
	for _, s := range unit {
		db.statements.Add(1)
		if s.Scan == nil && !s.MustReturn {
			if _, err := run.exec(ctx, s.SQL, s.Args); err != nil {
				return false, err
			}
			continue
		}
		found, err := firstRow(ctx, run, s)
		if err != nil {
			return false, err
		}
		if !found && s.MustReturn {
			return false, nil
		}
	}
	return true, nil
}

func firstRow(ctx context.Context, run runner, s Stmt) (bool, error) {
	rows, err := run.query(ctx, s.SQL, s.Args)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := rows.Next()
	if found && s.Scan != nil {
		if err := s.Scan(rows); err != nil {
			return false, err
		}
	}
	// The rest is drained: SQLite finishes a writing statement only when it was stepped to its end.
	for rows.Next() {
	}
	return found, rows.Err()
}

// checkArgs refuses what the two engines would not store alike: a time.Time is an error on PostgreSQL
// for a BIGINT column and silently becomes text on SQLite.
func checkArgs(args []any) error {
	for i, a := range args {
		switch a.(type) {
		case time.Time, *time.Time:
			return fmt.Errorf("store: argument $%d is a time; write store.Millis(t)", i+1)
		}
	}
	return nil
}

// IsID says whether a text is an id as we and our pages write it: a UUID in small letters. Whoever takes an id from a page asks,
// because one id that two things share would lose the second.
func IsID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// NewID returns a new UUIDv7 as text: unique, and sorted by the time it was made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Millis is how a time is stored: Unix milliseconds, UTC. The zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time reads what Millis stored; 0 is the zero time.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
