// Package storetest gives each test a fresh, migrated record on each engine, the real ones: SQLite in
// a temporary folder, and a PostgreSQL of the test process's own.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"vigie/internal/store"
	"vigie/internal/store/private"
)

// Each runs the test once on SQLite and once on PostgreSQL. Where PostgreSQL's programs are missing
// that half is skipped with its reason, unless VIGIE_FORBID_SKIPS is set, as on CI.
//
// Under the race detector it is PostgreSQL alone: SQLite is a C program translated to Go, which the detector slows tenfold,
// and the memory that it watches is that of the room, which is the same on either. What we wrote around SQLite itself is
// watched by Both.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	if raced {
		t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
		return
	}
	Both(t, test)
}

// Both is Each on both engines always.
func Both(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns a fresh record in a temporary folder, closed at the end of the test.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "vigie.db"))
}

// Postgres returns a fresh database on the test process's own PostgreSQL.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return open(t, PostgresDSN(t))
}

func open(t testing.TB, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// PostgresDSN returns the address of a fresh, migrated database, for tests that open it themselves
// (two nodes on one record). It skips the test where there is no PostgreSQL.
func PostgresDSN(t testing.TB) string {
	t.Helper()
	return postgresDSN(t, true)
}

// EmptyPostgresDSN returns the address of a database in which nothing was ever made.
func EmptyPostgresDSN(t testing.TB) string {
	t.Helper()
	return postgresDSN(t, false)
}

func postgresDSN(t testing.TB, migrated bool) string {
	t.Helper()
	server, err := postgres()
	if err != nil {
		if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
			t.Fatalf("PostgreSQL is needed here: %v", err)
		}
		_ = os.Getenv("VIGIE_POSTGRES") // so that Go does not keep this result once PostgreSQL is there
		t.Skipf("not run on PostgreSQL: %v", err)
	}
	dsn, err := server.fresh(migrated)
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

type cluster struct {
	*private.Cluster
	mu       sync.Mutex
	made     int
	template bool
}

var postgres = sync.OnceValues(func() (*cluster, error) {
	c, err := private.Start(private.Options{Forgetful: true})
	return &cluster{Cluster: c}, err
})

// fresh makes a database, an empty one or from a template that was migrated once.
func (c *cluster) fresh(migrated bool) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx := context.Background()
	template := ""
	if migrated {
		template = "vigie_template"
	}
	if migrated && !c.template {
		if err := c.Create(ctx, template, ""); err != nil {
			return "", err
		}
		db, err := store.Open(ctx, c.Address(template), store.Options{})
		if err != nil {
			return "", err
		}
		if err := errors.Join(db.Migrate(ctx), db.Close()); err != nil {
			return "", err
		}
		c.template = true
	}
	c.made++
	name := fmt.Sprintf("vigie_%d", c.made)
	return c.Address(name), c.Create(ctx, name, template)
}
