package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func withTable(t *testing.T, db *store.DB) {
	t.Helper()
	if _, err := db.Exec(context.Background(), `CREATE TABLE boat (id TEXT PRIMARY KEY, n BIGINT NOT NULL UNIQUE, kept BLOB, afloat BOOLEAN NOT NULL DEFAULT true)`); err != nil {
		t.Fatal(err)
	}
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func count(t *testing.T, db *store.DB) int64 {
	t.Helper()
	n, err := store.One(context.Background(), db, scanInt, `SELECT count(*) FROM boat WHERE afloat`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const insert = `INSERT INTO boat (id, n, kept) VALUES ($1, $2, $3)`

// Units appended by many at once are all there once; one that fails or writes nothing is undone alone,
// and leaves nothing of itself behind.
func TestAppendTogether(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		ctx := context.Background()
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				id := store.NewID()
				switch {
				case i%10 == 3: // its second statement breaks a rule
					_, err := db.Append(ctx, store.Stmt{SQL: insert, Args: []any{id, i, nil}}, store.Stmt{SQL: insert, Args: []any{id, -i, nil}})
					if !store.IsConflict(err) {
						t.Errorf("unit %d: %v, want a conflict", i, err)
					}
				case i%10 == 7: // its second statement finds nothing
					wrote, err := db.Append(ctx, store.Stmt{SQL: insert, Args: []any{id, i, nil}},
						store.Stmt{SQL: `UPDATE boat SET n = n WHERE id = $1 RETURNING n`, Args: []any{"none"}, MustReturn: true})
					if wrote || err != nil {
						t.Errorf("unit %d: %v %v, want not written", i, wrote, err)
					}
				default:
					var n int64
					wrote, err := db.Append(ctx, store.Stmt{SQL: insert + ` RETURNING n`, Args: []any{id, i, []byte{1}}, MustReturn: true,
						Scan: func(r store.Row) error { return r.Scan(&n) }})
					if !wrote || err != nil || n != int64(i) {
						t.Errorf("unit %d: %v %v %d", i, wrote, err, n)
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, db); n != 160 {
			t.Errorf("%d rows, want 160", n)
		}
	})
}

// A transaction sees its own writes; when it fails or panics nothing stays and nothing is announced.
func TestTxIsWholeOrNothing(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		ctx := context.Background()
		announced := 0
		boom := errors.New("boom")
		err := db.Tx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { announced++ })
			if _, err := tx.Exec(ctx, insert, "a", 1, nil); err != nil {
				return err
			}
			n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM boat`)
			if err != nil || n != 1 {
				t.Errorf("inside: %d %v", n, err)
			}
			return boom
		})
		if !errors.Is(err, boom) || announced != 0 || count(t, db) != 0 {
			t.Errorf("err %v, announced %d, rows %d", err, announced, count(t, db))
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.Tx(ctx, func(tx *store.Tx) error {
				_, _ = tx.Exec(ctx, insert, "b", 2, nil)
				panic("in the middle")
			})
		}()
		if err := db.Tx(ctx, func(tx *store.Tx) error {
			tx.AfterCommit(func() { announced++ })
			_, err := tx.Exec(ctx, insert, "c", 3, nil)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if announced != 1 || count(t, db) != 1 {
			t.Errorf("announced %d, rows %d", announced, count(t, db))
		}
	})
}

// rowOf has n transactions stand in line, of which the first holds the connection until goOn is called, which waits for all of them. More may
// be put in line with all in between.
func rowOf(t *testing.T, db *store.DB, n int, fn func(tx *store.Tx, i int) error) (all *sync.WaitGroup, goOn func()) {
	t.Helper()
	all = new(sync.WaitGroup)
	var begun atomic.Int64
	held := make(chan struct{})
	for i := range n {
		all.Go(func() {
			if err := db.Tx(t.Context(), func(tx *store.Tx) error {
				begun.Add(1)
				<-held
				return fn(tx, i)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for begun.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // the others stand in line
	return all, func() {
		time.Sleep(50 * time.Millisecond)
		close(held)
		all.Wait()
	}
}

// A message that is written while many transactions wait for their turn waits for one or two of them, and they all have theirs.
func TestAUnitDoesNotWaitForARowOfTransactions(t *testing.T) {
	db := storetest.SQLite(t)
	withTable(t, db)
	ctx := t.Context()
	const row = 20
	var before atomic.Int64 // of the transactions, those that do not see the message
	all, goOn := rowOf(t, db, row, func(tx *store.Tx, i int) error {
		seen, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM boat WHERE n = $1`, row)
		if err != nil {
			return err
		}
		before.Add(1 - seen)
		_, err = tx.Exec(ctx, insert, store.NewID(), i, nil)
		return err
	})
	all.Go(func() {
		if wrote, err := db.Append(ctx, store.Stmt{SQL: insert, Args: []any{store.NewID(), row, nil}}); !wrote || err != nil {
			t.Error(wrote, err)
		}
	})
	goOn()
	if before.Load() > 2 {
		t.Errorf("%d of %d transactions went before the message", before.Load(), row)
	}
	if n := count(t, db); n != row+1 {
		t.Errorf("%d rows", n)
	}
}

// What is urgent has its turn before the transactions that stood in line before it.
func TestAnUrgentTransactionGoesFirst(t *testing.T) {
	db := storetest.SQLite(t)
	const row = 20
	var done, before atomic.Int64
	all, goOn := rowOf(t, db, row, func(*store.Tx, int) error { done.Add(1); return nil })
	all.Go(func() {
		if err := db.UrgentTx(t.Context(), func(*store.Tx) error { before.Store(done.Load()); return nil }); err != nil {
			t.Error(err)
		}
	})
	goOn()
	if done.Load() != row || before.Load() > 2 {
		t.Errorf("%d of %d transactions went before it, %d in all", before.Load(), row, done.Load())
	}
}

// Of many workers that claim, each row is given to exactly one.
func TestClaimsAreAtomic(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		ctx := context.Background()
		for i := range 300 {
			if _, err := db.Exec(ctx, insert, fmt.Sprint(i), i, nil); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		claimed := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for count(t, db) > 0 {
					var id string
					wrote, err := db.Append(ctx, store.Stmt{
						SQL:  `UPDATE boat SET afloat = false WHERE afloat AND id = (SELECT id FROM boat WHERE afloat ORDER BY n LIMIT 1) RETURNING id`,
						Scan: func(r store.Row) error { return r.Scan(&id) }, MustReturn: true})
					if err != nil {
						t.Error(err)
						return
					}
					if wrote {
						mu.Lock()
						claimed[id]++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if len(claimed) != 300 {
			t.Errorf("%d rows claimed, want 300", len(claimed))
		}
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("row %s claimed %d times", id, n)
			}
		}
	})
}

// A query that its caller gave up must not spoil the connection for the next one.
func TestCancelledQueriesPoisonNothing(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		for range 200 {
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			_, _ = store.One(ctx, db, scanInt, `SELECT count(*) FROM boat`)
			_, _ = db.Exec(ctx, `UPDATE boat SET n = n`)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
		if _, err := db.Exec(context.Background(), insert, "a", 1, nil); err != nil {
			t.Error(err)
		}
	})
}

// A caller who has left before it begins writes nothing, whichever way it writes.
func TestACallerWhoLeftWritesNothing(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		left, cancel := context.WithCancel(context.Background())
		cancel()
		for i := range 40 {
			if wrote, err := db.Append(left, store.Stmt{SQL: insert, Args: []any{fmt.Sprint("a", i), 1, nil}}); wrote || err == nil {
				t.Fatal("Append wrote for nobody")
			}
			if _, err := db.Exec(left, insert, fmt.Sprint("b", i), 1, nil); err == nil {
				t.Fatal("Exec wrote for nobody")
			}
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
}

// A time is stored as milliseconds or not at all: SQLite would take it silently as text.
func TestTimesAreRefused(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		if _, err := db.Exec(context.Background(), insert, "a", time.Now(), nil); err == nil {
			t.Error("a time.Time was taken")
		}
		if _, err := db.Append(context.Background(), store.Stmt{SQL: insert, Args: []any{"a", time.Now(), nil}}); err == nil {
			t.Error("Append took a time.Time")
		}
	})
}

// Every statement is counted, whichever way it ran, and BEGIN and COMMIT are not.
func TestStatementsAreCounted(t *testing.T) {
	storetest.Both(t, func(t *testing.T, db *store.DB) {
		withTable(t, db)
		ctx := context.Background()
		before := db.Statements()
		if _, err := db.Append(ctx, store.Stmt{SQL: insert, Args: []any{"a", 1, nil}}, store.Stmt{SQL: insert, Args: []any{"b", 2, nil}}); err != nil {
			t.Fatal(err)
		}
		if err := db.Tx(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, insert, "c", 3, nil); return err }); err != nil {
			t.Fatal(err)
		}
		count(t, db)
		if got := db.Statements() - before; got != 4 {
			t.Errorf("%d statements counted, want 4", got)
		}
	})
}

// What was deleted is nowhere in the files once the logs were emptied.
func TestCheckpointLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "vigie.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	withTable(t, db)
	canary := []byte("canary-under-the-lamp")
	if _, err := db.Exec(ctx, insert, "a", 1, canary); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, canary) {
		t.Fatal("the canary was never written, so the test shows nothing")
	}
	if _, err := db.Exec(ctx, `DELETE FROM boat`); err != nil {
		t.Fatal(err)
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if inFiles(t, dir, canary) {
		t.Error("the deleted canary is still in the files")
	}
}

func inFiles(t *testing.T, dir string, canary []byte) bool {
	t.Helper()
	found := false
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, canary) {
			found = true
		}
	}
	return found
}
