// Package storetest gives each test a fresh, migrated record on each engine, the real ones: SQLite in
// a temporary folder, and PostgreSQL started from Debian's own programs.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigie/internal/store"
)

// Each runs the test once on SQLite and once on PostgreSQL. Where PostgreSQL's programs are missing
// that half is skipped with its reason, unless VIGIE_FORBID_SKIPS is set, as on CI.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
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
	server, err := postgres()
	if err != nil {
		if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
			t.Fatalf("PostgreSQL is needed here: %v", err)
		}
		t.Skipf("not run on PostgreSQL: %v", err)
	}
	dsn, err := server.fresh()
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// programs is where Debian puts the server's programs.
const programs = "/usr/lib/postgresql/15/bin"

type cluster struct {
	address  func(database string) string
	admin    *sql.DB
	mu       sync.Mutex
	made     int
	template bool
}

var postgres = sync.OnceValues(startPostgres)

// startPostgres makes a private cluster that ends with this process, whatever ends it: a small shell
// holds the other end of a pipe and stops the server when the pipe closes.
func startPostgres() (*cluster, error) {
	if _, err := os.Stat(filepath.Join(programs, "initdb")); err != nil {
		return nil, errors.New("its programs are not in " + programs + " (apt-get install postgresql-15)")
	}
	dir, err := os.MkdirTemp("", "vigie-postgres-")
	if err != nil {
		return nil, err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-A", "trust", "-U", "vigie", "-E", "UTF8", "--locale=C", "--no-sync", "-D", filepath.Join(dir, "data"))
	initdb.SysProcAttr = attr
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	script := `"$0" -D "$1/data" -p "$2" -k "$1" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 >"$1/log" 2>&1 & pid=$!
read x; kill -INT $pid; wait $pid; rm -rf "$1"/*`
	server := exec.Command("/bin/sh", "-c", script, filepath.Join(programs, "postgres"), dir, strconv.Itoa(port))
	server.SysProcAttr = attr
	server.SysProcAttr.Setpgid = true // an interrupted test run must still let it clean up
	server.Dir = dir
	stdin, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	keepOpen = stdin
	c := &cluster{address: func(database string) string {
		return fmt.Sprintf("postgres://vigie@127.0.0.1:%d/%s?sslmode=disable", port, database)
	}}
	if c.admin, err = sql.Open("pgx", c.address("postgres")); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(30 * time.Second)
	for c.admin.Ping() != nil {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return nil, fmt.Errorf("PostgreSQL did not start: %s", log)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return c, nil
}

// keepOpen is the pipe whose closing, at the latest by the end of this process, stops the server.
var keepOpen io.Closer

// unprivileged prepares dir for the server, which refuses to run as root.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.New("PostgreSQL does not run as root and there is no user postgres")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// fresh makes a database from a template that was migrated once.
func (c *cluster) fresh() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx := context.Background()
	if !c.template {
		if _, err := c.admin.ExecContext(ctx, `CREATE DATABASE vigie_template`); err != nil {
			return "", err
		}
		db, err := store.Open(ctx, c.address("vigie_template"), store.Options{})
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
	_, err := c.admin.ExecContext(ctx, `CREATE DATABASE `+name+` TEMPLATE vigie_template`)
	return c.address(name), err
}
