package seal_test

import (
	"slices"
	"testing"

	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A value finds every owner it was indexed for, the newest first, and nothing that only looks like it;
// looking costs one statement.
func TestFind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		path, c := keyPath(t), newClock()
		k := node(t, db, path, c)
		a, b := newKey(t, k, seal.KindContact, "contact-a"), newKey(t, k, seal.KindContact, "contact-b")
		index(t, db, k, a, "contact-a", "phone", "+33600000000")
		index(t, db, k, b, "contact-b", "phone", "+33600000000")
		index(t, db, k, b, "contact-b", "handle", "+33600000000")
		index(t, db, k, a, "contact-a", "phone", "+33600000000") // once more: the same
		if n := count(t, db, `SELECT count(*) FROM lookup`); n != 3 {
			t.Errorf("%d rows, want 3", n)
		}
		for _, k := range []*seal.Keeper{k, node(t, db, path, c)} {
			before := db.Statements()
			if got := find(t, db, k, "phone", "+33600000000"); !slices.Equal(got, []string{"contact-b", "contact-a"}) {
				t.Errorf("found %v", got)
			}
			if n := db.Statements() - before; n != 1 {
				t.Errorf("%d statements", n)
			}
			if got := find(t, db, k, "handle", "+33600000000"); !slices.Equal(got, []string{"contact-b"}) {
				t.Errorf("by handle: %v", got)
			}
			for _, near := range []string{"", "+3360000000", "+336000000000", "33600000000"} {
				if got := find(t, db, k, "phone", near); len(got) != 0 {
					t.Errorf("%q finds %v", near, got)
				}
			}
		}
		hash := blobOf(t, db, `SELECT hash FROM lookup WHERE field = 'phone' AND owner = 'contact-a'`)
		if len(hash) != 16 {
			t.Errorf("the hash has %d bytes", len(hash))
		}
	})
}

// A corrected value is found, the one before no longer; another owner's stays.
func TestUnindex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := node(t, db, keyPath(t), newClock())
		key := newKey(t, k, seal.KindFile, "file-a")
		index(t, db, k, key, "file-a", "phone", "+33600000000")
		index(t, db, k, key, "file-b", "phone", "+33600000000")
		err := db.Tx(ctx, func(tx *store.Tx) error {
			if err := k.Unindex(ctx, tx, key, "file-a", "phone"); err != nil {
				return err
			}
			return k.Index(ctx, tx, key, "file-a", "phone", "+33611111111")
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := find(t, db, k, "phone", "+33600000000"); !slices.Equal(got, []string{"file-b"}) {
			t.Errorf("the old value finds %v", got)
		}
		if got := find(t, db, k, "phone", "+33611111111"); !slices.Equal(got, []string{"file-a"}) {
			t.Errorf("the new value finds %v", got)
		}
	})
}

// Two helplines hash the same number differently, and so do two epochs of one: who keeps an old copy of
// the index cannot try numbers on it once its epoch is destroyed.
func TestHashesBelongToTheirEpoch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		k := node(t, db, keyPath(t), newClock())
		index(t, db, k, newKey(t, k, seal.KindContact, "contact-a"), "contact-a", "phone", "+33600000000")
		const hash = `SELECT hash FROM lookup`
		before := blobOf(t, db, hash)
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(before, blobOf(t, db, hash)) {
			t.Error("the hash outlived its epoch")
		}
		if got := find(t, db, k, "phone", "+33600000000"); !slices.Equal(got, []string{"contact-a"}) {
			t.Errorf("found %v", got)
		}
	})
}
