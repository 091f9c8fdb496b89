package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
)

// oldestSQLite is the first release without the WAL-reset bug.
const oldestSQLite = 3_051_003

func openSQLite(ctx context.Context, path string, o Options) (*DB, error) {
	if path == "" {
		return nil, errors.New("store: sqlite: needs the path of a file")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	synchronous := o.Synchronous
	if synchronous == "" {
		synchronous = "FULL"
	}
	readers := o.Connections
	if readers == 0 {
		readers = 4
	}
	write := sql.OpenDB(newConnector(path, synchronous, false))
	write.SetMaxOpenConns(1)
	if err := checkSQLiteVersion(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read := sql.OpenDB(newConnector(path, synchronous, true))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	db := &DB{engine: SQLite, dsn: path, read: read, ackEarly: breakable && o.AckEarly}
	if db.writer, err = startWriter(ctx, db, write); err != nil {
		return nil, errors.Join(err, write.Close(), read.Close())
	}
	return db, nil
}

func checkSQLiteVersion(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return fmt.Errorf("store: opening SQLite: %w", err)
	}
	return refuseOldSQLite(version)
}

func refuseOldSQLite(version string) error {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("store: cannot read SQLite's version %q", version)
	}
	if major*1_000_000+minor*1_000+patch < oldestSQLite {
		return fmt.Errorf("store: SQLite %s can corrupt a database when its WAL is reset; 3.51.3 or later is needed", version)
	}
	return nil
}

// connector opens connections that all carry the same settings and have keys.db attached, whenever the
// pool makes a new one.
type connector struct {
	driver driver.Driver
	dsn    string
	after  []string
}

func newConnector(path, synchronous string, readOnly bool) *connector {
	pragmas := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(1)",
		"secure_delete(1)", "trusted_schema(0)", "temp_store(MEMORY)", "journal_size_limit(16777216)", "cache_size(-2000)",
		// The log is moved into the database every 4,000 pages (16 MB), most of which were written many times.
		"wal_autocheckpoint(4000)",
	}}
	keys := filepath.Join(filepath.Dir(path), "keys.db")
	c := &connector{
		driver: &sqlite.Driver{},
		dsn:    "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode(),
		after: []string{
			"ATTACH DATABASE '" + quoteSQLite(keys) + "' AS keys",
			"PRAGMA keys.journal_mode=WAL", "PRAGMA keys.synchronous=" + synchronous, "PRAGMA keys.secure_delete=1",
			"PRAGMA keys.journal_size_limit=4194304",
		},
	}
	if readOnly {
		c.after = append(c.after, "PRAGMA query_only=1")
	}
	return c
}

func quoteSQLite(s string) string {
	var out []rune
	for _, r := range s {
		if r == '\'' {
			out = append(out, r)
		}
		out = append(out, r)
	}
	return string(out)
}

func (c *connector) Driver() driver.Driver { return c.driver }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	for _, stmt := range c.after {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, stmt, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("store: %s: %w", stmt, err), conn.Close())
		}
	}
	return conn, nil
}

// stmtCache prepares each SQL text once. The texts are constants of the code, so it stays small; a
// filter built at run time adds a few.
type stmtCache struct {
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

// preparer is a pool or one connection.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (c *stmtCache) get(ctx context.Context, on preparer, query string) (*sql.Stmt, error) {
	c.mu.RLock()
	stmt := c.stmts[query]
	c.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if had := c.stmts[query]; had != nil {
		return had, stmt.Close()
	}
	if c.stmts == nil {
		c.stmts = map[string]*sql.Stmt{}
	}
	c.stmts[query] = stmt
	return stmt, nil
}

func (c *stmtCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.stmts {
		s.Close()
	}
	c.stmts = nil
}
