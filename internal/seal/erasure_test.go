package seal_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// copied is the copy of one table, as a backup holds it.
type copied struct {
	table   string
	columns []string
	rows    [][]any
}

func copyTable(t testing.TB, db *store.DB, table string, columns ...string) copied {
	t.Helper()
	rows, err := store.All(ctx, db, func(r store.Row) ([]any, error) {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		return row, r.Scan(into...)
	}, `SELECT `+strings.Join(columns, ", ")+` FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	return copied{table, columns, rows}
}

func (c copied) restore(t testing.TB, db *store.DB) {
	t.Helper()
	var places []string
	for i := range c.columns {
		places = append(places, fmt.Sprintf("$%d", i+1))
	}
	for _, row := range c.rows {
		exec(t, db, `INSERT INTO `+c.table+` (`+strings.Join(c.columns, ", ")+`) VALUES (`+strings.Join(places, ", ")+`)`, row...)
	}
}

// backup is what a helpline copies, data and keys apart.
type backup struct{ data, wrapped []copied }

func takeBackup(t testing.TB, db *store.DB) backup {
	t.Helper()
	return backup{
		data: []copied{
			copyTable(t, db, `said`, "id", "contact", "key_id", "word_sealed"),
			copyTable(t, db, `lookup`, "id", "field", "hash", "epoch", "owner", "key_id", "value_sealed", "created_at"),
		},
		wrapped: []copied{
			copyTable(t, db, `keys.epoch`, "number", "began_at", "proof_sealed"),
			copyTable(t, db, `keys.wrapped_key`, "id", "kind", "owner", "epoch", "key_sealed", "created_at"),
		},
	}
}

func withWords(t testing.TB, db *store.DB) {
	t.Helper()
	exec(t, db, `CREATE TABLE said (id TEXT NOT NULL PRIMARY KEY, contact TEXT NOT NULL, key_id TEXT NOT NULL, word_sealed BLOB NOT NULL)`)
}

func say(t testing.TB, db *store.DB, key *seal.Key, word string) {
	t.Helper()
	id := store.NewID()
	exec(t, db, `INSERT INTO said (id, contact, key_id, word_sealed) VALUES ($1, $2, $3, $4)`, id, key.Owner(), key.ID(), key.SealText(wordIn(id), word))
}

func wordIn(id string) seal.Field {
	return seal.Field{Table: "said", Column: "word_sealed", Row: id, Version: 1}
}

// read opens every word of a contact in a record; the first error ends it.
func read(t testing.TB, db *store.DB, k *seal.Keeper, contact string) ([]string, error) {
	t.Helper()
	type row struct {
		id, keyID string
		word      []byte
	}
	rows, err := store.All(ctx, db, func(r store.Row) (s row, err error) { return s, r.Scan(&s.id, &s.keyID, &s.word) },
		`SELECT id, key_id, word_sealed FROM said WHERE contact = $1 ORDER BY id`, contact)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("nothing of %s is in this record, so it shows nothing", contact)
	}
	var words []string
	for _, r := range rows {
		key, err := k.Key(ctx, r.keyID)
		if err != nil {
			return nil, err
		}
		word, err := key.OpenText(wordIn(r.id), r.word)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

// The promise of erasure, in full. At T0 data and keys are copied apart. Then F is erased and the epoch
// left. From there:
//
//   - the data of T0 with today's keys opens G and not F;
//   - the wrapped keys of T0 with today's custodian open nothing at all, so what is left of them in logs,
//     dead rows and old copies is worthless;
//   - the data of T0 with all the keys of T0 still opens F: this is why copies of keys live one epoch at most.
func TestErasure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		fresh := func(t *testing.T) *store.DB {
			var other *store.DB
			if db.Engine() == store.SQLite {
				other = storetest.SQLite(t)
			} else {
				other = storetest.Postgres(t)
			}
			withWords(t, other)
			return other
		}
		world := func(t *testing.T, data, wrapped []copied) *store.DB {
			other := fresh(t)
			for _, c := range slices.Concat(data, wrapped) {
				c.restore(t, other)
			}
			return other
		}
		c := newClock()
		path := keyPath(t)
		withWords(t, db)
		k := node(t, db, path, c)
		f, g := newKey(t, k, seal.KindContact, "F"), newKey(t, k, seal.KindContact, "G")
		for _, key := range []*seal.Key{f, g} {
			say(t, db, key, "first word of "+key.Owner())
			say(t, db, key, "second word of "+key.Owner())
			index(t, db, k, key, key.Owner(), "phone", "phone of "+key.Owner())
		}

		t0 := takeBackup(t, db)
		t0Keys := keyPath(t)
		write(t, t0Keys, readFile(t, path))

		if err := k.Destroy(ctx, f.ID()); err != nil {
			t.Fatal(err)
		}
		c.Move(seal.Period)
		if did, err := k.RotateIfDue(ctx, seal.Period); !did || err != nil {
			t.Fatalf("rotated %v, %v", did, err)
		}
		today := takeBackup(t, db)

		opensG := func(t *testing.T, db *store.DB, k *seal.Keeper) {
			t.Helper()
			if words, err := read(t, db, k, "G"); err != nil || !slices.Equal(words, []string{"first word of G", "second word of G"}) {
				t.Errorf("G reads %q, %v", words, err)
			}
		}
		goneF := func(t *testing.T, db *store.DB, k *seal.Keeper) {
			t.Helper()
			words, err := read(t, db, k, "F")
			if !fault.Is(err, fault.Gone) {
				t.Errorf("F reads %q, %v", words, err)
			}
			if owners := find(t, db, k, "phone", "phone of F"); len(owners) != 0 {
				t.Errorf("F's phone finds %v", owners)
			}
		}
		t.Run("today", func(t *testing.T) {
			opensG(t, db, k)
			goneF(t, db, k)
		})
		t.Run("data of T0, keys of today", func(t *testing.T) {
			db := world(t, t0.data, today.wrapped)
			k := node(t, db, path, c)
			opensG(t, db, k)
			goneF(t, db, k)
			// The restored index is of a destroyed epoch; the next rotation brings G's up to date, and
			// takes F's away.
			if err := k.Rotate(ctx); err != nil {
				t.Fatal(err)
			}
			opensG(t, db, k)
			goneF(t, db, k)
			if owners := find(t, db, k, "phone", "phone of G"); !slices.Equal(owners, []string{"G"}) {
				t.Errorf("G's phone finds %v", owners)
			}
		})
		t.Run("data and wrapped keys of T0, custodian of today", func(t *testing.T) {
			db := world(t, t0.data, t0.wrapped)
			_, err := seal.Open(ctx, db, custodian(t, path), c.Now)
			wantFault(t, err, fault.Invalid, "fault.seal.newer_keys")
			for _, row := range t0.wrapped[1].rows {
				_, err := custodian(t, path).Unwrap(ctx, row[3].(int64), row[4].([]byte), nil)
				if !errors.Is(err, seal.ErrNoEpoch) {
					t.Errorf("the epoch of T0 is alive: %v", err)
				}
			}
		})
		t.Run("data of today, wrapped keys of today, key file of T0", func(t *testing.T) {
			_, err := seal.Open(ctx, world(t, today.data, today.wrapped), custodian(t, t0Keys), c.Now)
			wantFault(t, err, fault.Invalid, "fault.seal.older_keys")
		})
		t.Run("data of T0, keys of T0", func(t *testing.T) {
			db := world(t, t0.data, t0.wrapped)
			k := node(t, db, t0Keys, c)
			opensG(t, db, k)
			if words, err := read(t, db, k, "F"); err != nil || !slices.Equal(words, []string{"first word of F", "second word of F"}) {
				t.Errorf("F reads %q, %v: the copy of T0 is broken, so the test shows nothing", words, err)
			}
			if owners := find(t, db, k, "phone", "phone of F"); !slices.Equal(owners, []string{"F"}) {
				t.Errorf("F's phone finds %v", owners)
			}
		})
	})
}

// What was sealed or indexed is in no file of the database, on either engine: not in its tables, its
// logs or its keys; and neither are the custodian's secrets.
func TestNothingInClearOnDisk(t *testing.T) {
	scan := func(t *testing.T, db *store.DB, dir string) {
		path, c := keyPath(t), newClock()
		withWords(t, db)
		canary, clear := "canary-"+store.NewID(), "clear-"+store.NewID()
		k := node(t, db, path, c)
		key := newKey(t, k, seal.KindContact, "contact-a")
		say(t, db, key, canary)
		index(t, db, k, key, "contact-a", "phone", canary)
		find(t, db, k, "phone", canary)
		secrets := []string{canary}
		collect := func() {
			for line := range strings.Lines(readFile(t, path)) {
				words := strings.Fields(line)
				if words[0] != "root" && words[0] != "epoch" {
					continue
				}
				text := words[len(words)-1]
				secrets = append(secrets, text, string(unbase64(t, text)))
			}
		}
		collect()
		if err := k.Rotate(ctx); err != nil {
			t.Fatal(err)
		}
		collect()
		exec(t, db, `INSERT INTO said (id, contact, key_id, word_sealed) VALUES ($1, '', '', $2)`, clear, []byte(clear))
		if !inFiles(t, dir, []byte(clear)) {
			t.Fatal("what was written in clear is not seen, so the scan shows nothing")
		}
		if len(secrets) < 9 {
			t.Fatalf("only %d secrets to look for", len(secrets))
		}
		for i, secret := range secrets {
			if inFiles(t, dir, []byte(secret)) {
				t.Errorf("secret %d is in the files in clear", i)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "vigie.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		scan(t, db, dir)
	})
	t.Run("postgres", func(t *testing.T) {
		db := storetest.Postgres(t)
		dir, err := store.One(ctx, db, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SHOW data_directory`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadDir(dir); err != nil {
			t.Skipf("not allowed to look into PostgreSQL's files: %v", err)
		}
		scan(t, db, dir)
	})
}

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
