package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// maxGroup bounds how many units share one commit, so that none waits long for its neighbours.
	maxGroup = 512
	// A commit costs the same whether it carries one unit or fifty. After a group of busyGroup or more the
	// next commit begins commitEvery after the one before at the earliest, so that under load fewer and
	// larger ones are made.
	busyGroup   = 4
	commitEvery = 3 * time.Millisecond
)

// ErrClosed is returned for a write after Close.
var ErrClosed = errors.New("store: closed")

// writer owns SQLite's one writing connection. Units of Append that wait together are committed together, a
// Tx gets the connection to itself for a turn. Between two turns whatever units wait are committed (but for
// the breath after a full group), so that a message waits for one Tx and not for a row of them; after each
// group a Tx that waits has its turn, and an urgent one before all others.
type writer struct {
	db    *DB
	pool  *sql.DB
	conn  *sql.Conn
	stmts stmtCache

	units   chan *unit
	turns   chan *turn
	urgent  chan *turn
	mu      sync.RWMutex // guards closed, after which nothing is sent on the channels
	closed  bool
	closing chan struct{}
	done    chan struct{}
}

// unit is one unit of Append.
type unit struct {
	stmts    []Stmt
	finished chan outcome
}

// turn is a caller's wish to have the connection alone.
type turn struct {
	yours chan struct{} // closed when it is
	over  chan struct{} // closed when the caller gives it back
}

type outcome struct {
	wrote bool
	err   error
}

func startWriter(ctx context.Context, db *DB, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, pool: pool, conn: conn, units: make(chan *unit, 4*maxGroup), turns: make(chan *turn, 4*maxGroup), urgent: make(chan *turn, maxGroup), closing: make(chan struct{}), done: make(chan struct{})}
	go w.loop()
	return w, nil
}

// send puts a unit or a turn in its queue.
func send[R any](ctx context.Context, w *writer, queue chan<- R, r R) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err // select takes either of two that are ready
	}
	select {
	case queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.closing)
	w.mu.Unlock()
	<-w.done
	w.stmts.close()
	_, err := w.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	return errors.Join(err, w.conn.Close(), w.pool.Close())
}

func (w *writer) loop() {
	defer close(w.done)
	group := make([]*unit, 0, maxGroup)
	var notBefore time.Time // of the next group
	for {
		ready := w.units
		var rested <-chan time.Time
		if rest := time.Until(notBefore); rest > 0 {
			ready, rested = nil, time.After(rest)
		}
		select {
		case t := <-w.urgent:
			t.give()
			continue
		default:
		}
		var first *unit
		select {
		case first = <-ready: // before any other turn
		default:
			select {
			case first = <-ready:
			case t := <-w.urgent:
				t.give()
			case t := <-w.turns:
				t.give()
			case <-rested:
			case <-w.closing:
				if len(w.units)+len(w.turns)+len(w.urgent) == 0 {
					return
				}
			}
		}
		if first == nil {
			continue
		}
		began := time.Now()
		group = gather(append(group[:0], first), w.units)
		w.commitGroup(group)
		if len(group) >= busyGroup {
			notBefore = began.Add(commitEvery)
		}
		select {
		case t := <-w.turns:
			t.give()
		default:
		}
	}
}

// gather adds to a group the units that wait with it.
func gather(group []*unit, units <-chan *unit) []*unit {
	for len(group) < maxGroup {
		select {
		case u := <-units:
			group = append(group, u)
		default:
			return group
		}
	}
	return group
}

// give lets whoever wished for it have the connection, until it is given back.
func (t *turn) give() {
	close(t.yours)
	<-t.over
}

// commitGroup writes the units in one transaction. The caller's context is not used: a statement must
// not be cut in the middle, and a unit that was written is acknowledged or, at worst, resent.
func (w *writer) commitGroup(group []*unit) {
	ctx := context.Background()
	results := make([]outcome, len(group))
	acked := false
	err := w.runGroup(ctx, group, results)
	if err == nil {
		if breakable && w.db.ackEarly {
			finish(group, results)
			acked = true
			beforeLateCommit()
		}
		if err = w.control(ctx, `COMMIT`); err != nil {
			w.rollback(ctx)
		}
	}
	if acked {
		return
	}
	if err != nil {
		for i := range results {
			results[i] = outcome{err: err}
		}
	}
	finish(group, results)
}

// runGroup begins a transaction and runs the units in it. Nearly always all of them are written; when
// one is not, everything is run again, each in a savepoint of its own, so that only that one is undone.
func (w *writer) runGroup(ctx context.Context, group []*unit, results []outcome) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	whole := true
	for i := 0; i < len(group) && whole; i++ {
		whole, results[i].err = w.db.runUnit(ctx, w, group[i].stmts)
		results[i].wrote = whole
	}
	if whole {
		return nil
	}
	w.rollback(ctx)
	if err := w.begin(ctx); err != nil || len(group) == 1 {
		return err
	}
	for i, u := range group {
		results[i].wrote, results[i].err = w.runAlone(ctx, u.stmts)
	}
	return nil
}

func finish(group []*unit, results []outcome) {
	for i, u := range group {
		u.finished <- results[i]
	}
}

// runAlone runs one unit in a savepoint, so that its failure does not touch its neighbours.
func (w *writer) runAlone(ctx context.Context, unit []Stmt) (bool, error) {
	if err := w.control(ctx, `SAVEPOINT unit`); err != nil {
		return false, err
	}
	wrote, err := w.db.runUnit(ctx, w, unit)
	if err != nil || !wrote {
		err = errors.Join(err, w.control(ctx, `ROLLBACK TO unit`))
	}
	if release := w.control(ctx, `RELEASE unit`); release != nil {
		return false, errors.Join(err, release)
	}
	return wrote && err == nil, err
}

func (w *writer) append(ctx context.Context, stmts []Stmt) (bool, error) {
	u := &unit{stmts: stmts, finished: make(chan outcome, 1)}
	if err := send(ctx, w, w.units, u); err != nil {
		return false, err
	}
	select {
	case o := <-u.finished:
		return o.wrote, o.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// alone runs fn on the calling goroutine while no other write can happen.
func (w *writer) alone(ctx context.Context, fn func() error) error { return w.inTurn(ctx, w.turns, fn) }

func (w *writer) inTurn(ctx context.Context, queue chan<- *turn, fn func() error) error {
	t := &turn{yours: make(chan struct{}), over: make(chan struct{})}
	if err := send(ctx, w, queue, t); err != nil {
		return err
	}
	<-t.yours
	defer close(t.over)
	return fn()
}

func (w *writer) tx(ctx context.Context, queue chan<- *turn, fn func(*Tx) error) (after []func(), err error) {
	err = w.inTurn(ctx, queue, func() error {
		inner := context.WithoutCancel(ctx)
		if err := w.begin(inner); err != nil {
			return err
		}
		committed := false
		defer func() {
			if !committed {
				w.rollback(inner) // also when fn panics
			}
		}()
		tx := &Tx{db: w.db, run: w}
		if err := fn(tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.control(inner, `COMMIT`); err != nil {
			return err
		}
		committed = true
		after = tx.after
		return nil
	})
	return after, err
}

func (w *writer) begin(ctx context.Context) error { return w.control(ctx, `BEGIN IMMEDIATE`) }

// control runs BEGIN, COMMIT and SAVEPOINT, which are not counted as statements.
func (w *writer) control(ctx context.Context, query string) error {
	_, err := w.exec(ctx, query, nil)
	return err
}

func (w *writer) rollback(ctx context.Context) {
	// An error only says that there is no transaction left to roll back.
	_ = w.control(ctx, `ROLLBACK`)
}

func (w *writer) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	stmt, err := w.stmts.get(ctx, w.conn, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.WithoutCancel(ctx), args...)
}

func (w *writer) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	stmt, err := w.stmts.get(ctx, w.conn, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.WithoutCancel(ctx), args...)
}

// Checkpoint moves everything from SQLite's write-ahead logs into the databases and empties the logs,
// so that what was deleted (and overwritten by secure_delete) is nowhere left. Nothing on PostgreSQL.
func (db *DB) Checkpoint(ctx context.Context) error {
	if db.writer == nil {
		return nil
	}
	return db.writer.alone(ctx, func() error {
		for _, schema := range []string{"main", "keys"} {
			var busy, log, moved int
			db.statements.Add(1)
			row := db.writer.conn.QueryRowContext(ctx, `PRAGMA `+schema+`.wal_checkpoint(TRUNCATE)`)
			if err := row.Scan(&busy, &log, &moved); err != nil {
				return err
			}
			if busy != 0 {
				return fmt.Errorf("store: the %s log is in use, so it could not be emptied", schema)
			}
		}
		return nil
	})
}

// CopyTo writes a consistent copy of one schema ("main" or "keys") of an SQLite record to a new file.
func (db *DB) CopyTo(ctx context.Context, schema, path string) error {
	if db.writer == nil {
		return errors.New("store: a PostgreSQL record is copied with pg_dump")
	}
	if schema != "main" && schema != "keys" {
		return fmt.Errorf("store: no schema %q", schema)
	}
	return db.writer.alone(ctx, func() error {
		db.statements.Add(1)
		_, err := db.writer.conn.ExecContext(ctx, `VACUUM `+schema+` INTO '`+quoteSQLite(path)+`'`)
		return err
	})
}
