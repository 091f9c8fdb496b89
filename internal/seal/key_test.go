package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A key is there for the other nodes, and after a crash, as soon as NewKey has returned; it costs one
// statement, and using it costs none.
func TestNewKeyIsDurable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		before := db.Statements()
		key := newKey(t, k, seal.KindContact, "contact-a")
		sealed := key.SealText(said, "bonjour")
		if _, err := k.Key(ctx, key.ID()); err != nil {
			t.Fatal(err)
		}
		if n := db.Statements() - before; n != 1 {
			t.Errorf("%d statements, want 1", n)
		}
		again, err := node(t, db, path, c).Key(ctx, key.ID())
		if err != nil {
			t.Fatal(err)
		}
		if text, err := again.OpenText(said, sealed); err != nil || text != "bonjour" {
			t.Errorf("%q, %v", text, err)
		}
		if again.Kind() != seal.KindContact || again.Owner() != "contact-a" {
			t.Errorf("it came back as the key of %s %s", again.Kind(), again.Owner())
		}
	})
}

// Whoever swaps two wrapped keys in the database, or changes one's kind, gets keys that do not open.
func TestSwappedKeysDoNotOpen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		a, b := newKey(t, k, seal.KindContact, "contact-a"), newKey(t, k, seal.KindContact, "contact-b")
		const wrapped = `SELECT key_sealed FROM keys.wrapped_key WHERE id = $1`
		ofA, ofB := blobOf(t, db, wrapped, a.ID()), blobOf(t, db, wrapped, b.ID())
		exec(t, db, `UPDATE keys.wrapped_key SET key_sealed = $1 WHERE id = $2`, ofB, a.ID())
		exec(t, db, `UPDATE keys.wrapped_key SET key_sealed = $1 WHERE id = $2`, ofA, b.ID())
		restarted := node(t, db, path, c)
		for _, key := range []*seal.Key{a, b} {
			_, err := restarted.Key(ctx, key.ID())
			wantFault(t, err, fault.Internal, "fault.seal.broken")
			_, err = restarted.Keys(ctx, []string{key.ID()})
			wantFault(t, err, fault.Internal, "fault.seal.broken")
		}
		key := newKey(t, k, seal.KindNetwork, "contact-a")
		exec(t, db, `UPDATE keys.wrapped_key SET kind = 'contact' WHERE id = $1`, key.ID())
		_, err := restarted.Key(ctx, key.ID())
		wantFault(t, err, fault.Internal, "fault.seal.broken")
	})
}

// A list of contacts is opened with one statement; the erased ones are missing from it.
func TestKeysForAList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		var ids []string
		for i := range 230 {
			ids = append(ids, newKey(t, k, seal.KindContact, fmt.Sprint("contact-", i)).ID())
		}
		if err := k.Destroy(ctx, ids[7]); err != nil {
			t.Fatal(err)
		}
		restarted := node(t, db, path, c)
		before := db.Statements()
		keys, err := restarted.Keys(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		if n := db.Statements() - before; n != 2 {
			t.Errorf("%d statements for 230 keys, want 2", n)
		}
		if len(keys) != 229 || keys[ids[7]] != nil {
			t.Errorf("%d keys, the erased one among them: %v", len(keys), keys[ids[7]] != nil)
		}
		for id, key := range keys {
			if key.ID() != id {
				t.Errorf("key %s is filed under %s", key.ID(), id)
			}
		}
		before = db.Statements()
		if keys, err := restarted.Keys(ctx, ids[:5]); err != nil || len(keys) != 5 {
			t.Errorf("%d, %v", len(keys), err)
		}
		if n := db.Statements() - before; n != 0 {
			t.Errorf("%d statements for keys that are in use", n)
		}
		if keys, err := restarted.Keys(ctx, nil); err != nil || len(keys) != 0 {
			t.Errorf("%d, %v", len(keys), err)
		}
	})
}

// What was destroyed is gone, here at once and on another node as soon as it hears of it, with the
// lookups that pointed to it; destroying twice is no error, and others' keys are not touched.
func TestDestroy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		here, there := node(t, db, path, c), node(t, db, path, c)
		gone, stays := newKey(t, here, seal.KindContact, "contact-f"), newKey(t, here, seal.KindContact, "contact-g")
		for _, key := range []*seal.Key{gone, stays} {
			index(t, db, here, key, key.Owner(), "phone", "+33600000000")
			if _, err := there.Key(ctx, key.ID()); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := here.Destroy(ctx, gone.ID()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := here.Key(ctx, gone.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		if _, err := there.Key(ctx, gone.ID()); err != nil {
			t.Errorf("the other node has not heard yet, and should still have it: %v", err)
		}
		there.Forget(gone.ID()) // "key.<id>" on the bus
		_, err = there.Key(ctx, gone.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		if owners := find(t, db, there, "phone", "+33600000000"); len(owners) != 1 || owners[0] != "contact-g" {
			t.Errorf("found %v", owners)
		}
		err = db.Tx(ctx, func(tx *store.Tx) error { return here.Index(ctx, tx, gone, "contact-f", "phone", "+33611111111") })
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		if _, err := there.Key(ctx, stays.ID()); err != nil {
			t.Errorf("the other's key: %v", err)
		}
	})
}

// Even a node that misses the announcement forgets within ten minutes.
func TestDestroyedKeyIsForgottenInTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		here, there := node(t, db, path, c), node(t, db, path, c)
		key := newKey(t, here, seal.KindContact, "contact-f")
		if _, err := there.Key(ctx, key.ID()); err != nil {
			t.Fatal(err)
		}
		if err := here.Destroy(ctx, key.ID()); err != nil {
			t.Fatal(err)
		}
		c.Move(10 * time.Minute)
		_, err := there.Key(ctx, key.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
	})
}

// Drop erases in the caller's own transaction: undone with it, done with it.
func TestDropFollowsItsTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := node(t, db, keyPath(t), newClock())
		key := newKey(t, k, seal.KindNetwork, "contact-f")
		boom := errors.New("boom")
		if err := db.Tx(ctx, func(tx *store.Tx) error { return errors.Join(k.Drop(ctx, tx, key.ID()), boom) }); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		k.Forget(key.ID())
		if _, err := k.Key(ctx, key.ID()); err != nil {
			t.Errorf("undone, and yet: %v", err)
		}
		if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Drop(ctx, tx, key.ID()) }); err != nil {
			t.Fatal(err)
		}
		_, err := k.Key(ctx, key.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
	})
}

// After Destroy the wrapped key's bytes are in none of SQLite's files: not in keys.db, not in its log.
func TestDestroyLeavesNoTraceOnSQLite(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "vigie.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	k := node(t, db, keyPath(t), newClock())
	key := newKey(t, k, seal.KindContact, "contact-f")
	index(t, db, k, key, "contact-f", "phone", "+33600000000")
	traces := [][]byte{
		blobOf(t, db, `SELECT key_sealed FROM keys.wrapped_key WHERE id = $1`, key.ID()),
		blobOf(t, db, `SELECT hash FROM lookup WHERE key_id = $1`, key.ID()),
	}
	for _, trace := range traces {
		if !inFiles(t, dir, trace) {
			t.Fatal("it was never in the files, so the test shows nothing")
		}
	}
	var wg sync.WaitGroup
	for range 8 { // those who come together share a checkpoint, and it must still be after their deletion
		wg.Go(func() {
			if err := k.Destroy(ctx, key.ID()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, trace := range traces {
		if inFiles(t, dir, trace) {
			t.Error("a trace is left")
		}
	}
}

// Run, by itself, leaves an epoch that is due and wipes what Drop left in the logs.
func TestRunTendsTheKeys(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "vigie.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	k := node(t, db, keyPath(t), c)
	key := newKey(t, k, seal.KindNetwork, "contact-f")
	trace := blobOf(t, db, `SELECT key_sealed FROM keys.wrapped_key`)
	if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Drop(ctx, tx, key.ID()) }); err != nil {
		t.Fatal(err)
	}
	if !inFiles(t, dir, trace) {
		t.Fatal("Drop wiped the log by itself, so the test shows nothing")
	}
	until := func(what string, done func() bool) {
		running, stop := context.WithCancel(ctx)
		stopped := make(chan struct{})
		go func() { k.Run(running, seal.Period); close(stopped) }()
		for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("not after ten seconds: %s", what)
				break
			}
		}
		stop()
		<-stopped
	}
	until("the log is wiped", func() bool { return !inFiles(t, dir, trace) })
	c.Move(seal.Period)
	until("the epoch is left", func() bool {
		s, err := k.State(ctx)
		return err == nil && s.Epoch == 2 && !s.Unfinished
	})
}

func blobOf(t testing.TB, db *store.DB, query string, args ...any) []byte {
	t.Helper()
	b, err := store.One(ctx, db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func inFiles(t testing.TB, dir string, canary []byte) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		found = found || bytes.Contains(text, canary)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A key whose owner a crash kept from being written is swept after an hour; younger ones, owned ones and
// other kinds stay.
func TestSweepOrphans(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		k := node(t, db, keyPath(t), c)
		exec(t, db, `CREATE TABLE harbour (id TEXT NOT NULL PRIMARY KEY)`)
		exec(t, db, `INSERT INTO harbour (id) VALUES ('owned')`)
		owned := newKey(t, k, seal.KindContact, "owned")
		orphan := newKey(t, k, seal.KindContact, "never written")
		index(t, db, k, orphan, "never written", "phone", "+33600000000")
		other := newKey(t, k, seal.KindFile, "never written")
		c.Move(time.Hour)
		young := newKey(t, k, seal.KindContact, "being written")
		c.Move(time.Minute)
		const owners = `SELECT id FROM harbour`
		if n, err := k.SweepOrphans(ctx, seal.KindContact, owners); n != 1 || err != nil {
			t.Fatalf("%d swept, %v", n, err)
		}
		for _, key := range []*seal.Key{owned, other, young} {
			k.Forget(key.ID())
			if _, err := k.Key(ctx, key.ID()); err != nil {
				t.Errorf("the key of %q: %v", key.Owner(), err)
			}
		}
		_, err := k.Key(ctx, orphan.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		if owners := find(t, db, k, "phone", "+33600000000"); len(owners) != 0 {
			t.Errorf("found %v", owners)
		}
		if n, err := k.SweepOrphans(ctx, seal.KindContact, owners); n != 0 || err != nil {
			t.Errorf("again: %d swept, %v", n, err)
		}
	})
}

// A query that finds no owner at all is more likely wrong than right, and must not erase the helpline.
func TestSweepRefusesTooMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		k := node(t, db, keyPath(t), c)
		for i := range 60 {
			newKey(t, k, seal.KindContact, fmt.Sprint("contact-", i))
		}
		c.Move(2 * time.Hour)
		n, err := k.SweepOrphans(ctx, seal.KindContact, `SELECT id FROM lookup`)
		wantFault(t, err, fault.Conflict, "fault.seal.sweep_refused")
		if left := count(t, db, `SELECT count(*) FROM keys.wrapped_key`); n != 0 || left != 60 {
			t.Errorf("%d swept, %d left", n, left)
		}
	})
}

// A caller who gave up gets no key and keeps nobody waiting.
func TestNewKeyOfACallerWhoLeft(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := node(t, db, keyPath(t), newClock())
		left, cancel := context.WithCancel(ctx)
		cancel()
		if key, err := k.NewKey(left, seal.KindContact, "contact-a"); err == nil {
			t.Errorf("got %v", key)
		}
		newKey(t, k, seal.KindContact, "contact-b")
	})
}

// Doctor is told the epoch, its age, and how many keys there are of each kind.
func TestState(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		k := node(t, db, keyPath(t), c)
		key := newKey(t, k, seal.KindContact, "contact-a")
		newKey(t, k, seal.KindFile, "file-a")
		index(t, db, k, key, "contact-a", "phone", "+33600000000")
		c.Move(seal.Period)
		if did, err := k.RotateIfDue(ctx, seal.Period); !did || err != nil {
			t.Fatal(did, err)
		}
		exec(t, db, `INSERT INTO keys.wrapped_key (id, kind, owner, epoch, key_sealed, created_at) VALUES ('old', 'contact', 'a', 1, $1, 0)`, []byte{1})
		s, err := k.State(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.Epoch != 2 || !s.Since.Equal(c.Now()) || s.Unfinished || s.Keys["contact"] != 2 || s.Keys["file"] != 1 || s.Unreachable != 1 || s.Lookups != 1 {
			t.Errorf("%+v", s)
		}
	})
}
