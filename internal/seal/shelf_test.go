package seal_test

import (
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func shelve(t *testing.T, db *store.DB, k *seal.Keeper, id string) {
	t.Helper()
	if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Shelve(ctx, tx, id) }); err != nil {
		t.Fatal(err)
	}
}

// A key on the shelf is refused to everybody who asks as everybody does, on the node that shelved it at once and on the others
// within a second though they never hear of it; whoever it is lent to has it, and it comes back unchanged.
func TestAShelvedKeyIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		here, there := node(t, db, path, c), node(t, db, path, c)
		key := newKey(t, here, seal.KindFile, "file-1")
		field := seal.Field{Table: "case_note", Column: "text_sealed", Row: "note-1", Version: 1}
		sealed := key.SealText(field, "Sa sœur sait.")
		if _, err := there.Key(ctx, key.ID()); err != nil { // it is in the other node's memory
			t.Fatal(err)
		}
		shelve(t, db, here, key.ID())
		shelve(t, db, here, key.ID())
		_, err := here.Key(ctx, key.ID())
		wantFault(t, err, fault.Forbidden, "fault.seal.shelved")
		if !seal.IsShelved(err) {
			t.Error("it is not known as shelved")
		}
		c.Move(time.Second) // the word on the bus was lost
		_, err = there.Key(ctx, key.ID())
		wantFault(t, err, fault.Forbidden, "fault.seal.shelved")
		if all, err := there.Keys(ctx, []string{key.ID()}); err != nil || len(all) != 0 {
			t.Errorf("a list has it: %v, %v", all, err)
		}

		taken, err := there.Shelved(ctx, key.ID())
		if err != nil {
			t.Fatal(err)
		}
		again, err := there.Key(seal.Lend(ctx, taken), key.ID())
		if err != nil {
			t.Fatal(err)
		}
		if text, err := again.OpenText(field, sealed); err != nil || text != "Sa sœur sait." {
			t.Errorf("%q, %v", text, err)
		}
		_, err = there.Key(ctx, key.ID()) // nothing of the loan is kept
		wantFault(t, err, fault.Forbidden, "fault.seal.shelved")

		if err := db.Tx(ctx, func(tx *store.Tx) error { return there.Unshelve(ctx, tx, key.ID()) }); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Key(ctx, key.ID()); err != nil {
			t.Errorf("taken from the shelf: %v", err)
		}
	})
}

// Epochs go on over the shelf: the key is wrapped anew, its look-ups are hashed anew, it counts as no orphan, and a destroyed one
// leaves nothing on the shelf.
func TestTheShelfLivesThroughARotation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		k := node(t, db, keyPath(t), c)
		key := newKey(t, k, seal.KindFile, "file-1")
		index(t, db, k, key, "file-1", "case_url", "https://example.org/p/1")
		shelve(t, db, k, key.ID())
		c.Move(2 * time.Hour)
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		if n, err := k.SweepOrphans(ctx, seal.KindFile, `SELECT 'file-1'`); err != nil || n != 0 {
			t.Errorf("%d swept, %v", n, err)
		}
		state, err := k.State(ctx)
		if err != nil || state.Shelved != 1 || state.Unreachable != 0 || state.Keys[seal.KindFile] != 1 {
			t.Errorf("%+v, %v", state, err)
		}
		if owners := find(t, db, k, "case_url", "https://example.org/p/1"); len(owners) != 1 {
			t.Errorf("found by its address: %v", owners)
		}
		if _, err := k.Shelved(ctx, key.ID()); err != nil {
			t.Errorf("after the rotation: %v", err)
		}
		_, err = k.Key(ctx, key.ID())
		wantFault(t, err, fault.Forbidden, "fault.seal.shelved")
		if err := k.Destroy(ctx, key.ID()); err != nil {
			t.Fatal(err)
		}
		_, err = k.Key(ctx, key.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		_, err = k.Shelved(ctx, key.ID())
		wantFault(t, err, fault.Gone, "fault.seal.destroyed")
		if n := count(t, db, `SELECT count(*) FROM key_shelf`); n != 0 {
			t.Errorf("%d rows are left on the shelf", n)
		}
	})
}
