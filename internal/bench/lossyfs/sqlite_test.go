//go:build linux

package lossyfs_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// SQLite maps its -shm file, so it runs in processes of its own: this test program again, told by the
// environment which part to play and by its argument where.
func TestMain(m *testing.M) {
	var err error
	switch part := os.Getenv("LOSSYFS_PART"); part {
	case "":
		os.Exit(m.Run())
	case "FULL", "OFF":
		err = appendRows(os.Args[1], part)
	case "count":
		err = countUp(os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const counted = 300

// start runs another process in the given part. It is killed at the end of the test at the latest.
func start(t *testing.T, part, path string) (*exec.Cmd, io.Reader) {
	t.Helper()
	command := exec.Command(os.Args[0], path)
	command.Env = append(os.Environ(), "LOSSYFS_PART="+part)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	return command, out
}

func open(path, synchronous string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_pragma=synchronous("+synchronous+")")
}

// appendRows commits one row after the other for ever, and prints the number of each once the commit
// has returned.
func appendRows(path, synchronous string) error {
	db, err := open(path, synchronous)
	if err != nil {
		return err
	}
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS row (number INTEGER PRIMARY KEY, filling BLOB NOT NULL)"); err != nil {
		return err
	}
	var last int
	if err := db.QueryRow("SELECT coalesce(max(number), 0) FROM row").Scan(&last); err != nil {
		return err
	}
	for number := last + 1; ; number++ {
		if _, err := db.Exec("INSERT INTO row (number, filling) VALUES ($1, zeroblob(3000))", number); err != nil {
			return err
		}
		fmt.Println(number)
	}
}

// countUp adds one to a number, many times, each by reading it and writing it back.
func countUp(path string) error {
	db, err := open(path, "FULL")
	if err != nil {
		return err
	}
	for range counted {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		var value int
		if err := tx.QueryRow("SELECT value FROM counter").Scan(&value); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE counter SET value = $1", value+1); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// The proof that the file system bites, and only where it should: with synchronous=FULL each row whose
// commit returned is there after the power cut, with synchronous=OFF the same program loses some. The
// checkpoints that SQLite makes every thousand pages are in the middle of it.
func TestSQLiteKeepsWhatItSyncedAndLosesWhatItDidNot(t *testing.T) {
	cuts := map[string]func(*disk){
		"all unsynced lost":  func(d *disk) { d.mounted.CutPower() },
		"some unsynced lost": func(d *disk) { d.mounted.CutPowerWriting(3) },
	}
	for cut, power := range cuts {
		t.Run("FULL, "+cut, func(t *testing.T) {
			d := newDisk(t)
			before := 0
			for range 3 { // each on what the one before left
				before = commitUntilCut(d, "FULL", 700, power)
				if left := rowsLeft(t, d); left < before {
					t.Fatalf("%d rows were acknowledged and %d are left", before, left)
				}
				d.mount()
			}
		})
	}
	t.Run("OFF, all unsynced lost", func(t *testing.T) {
		d := newDisk(t)
		if acknowledged, left := commitUntilCut(d, "OFF", 700, cuts["all unsynced lost"]), rowsLeft(t, d); left >= acknowledged {
			t.Errorf("nothing was synced, and yet all of %d rows are left (%d)", acknowledged, left)
		}
	})
}

// commitUntilCut lets a process commit at least so many rows more, cuts the power while it goes on,
// and returns the number of the last row it said was committed.
func commitUntilCut(d *disk, synchronous string, rows int, power func(*disk)) (acknowledged int) {
	d.t.Helper()
	writer, out := start(d.t, synchronous, d.path("rows.db"))
	lines := bufio.NewScanner(out)
	for read := 0; lines.Scan(); read++ {
		fmt.Sscan(lines.Text(), &acknowledged)
		if read == rows {
			go func() { power(d); writer.Process.Kill() }()
		}
	}
	writer.Wait()
	d.must(d.mounted.Unmount())
	return acknowledged
}

// rowsLeft opens what is left on the disk as a machine that starts again would, and counts.
func rowsLeft(t *testing.T, d *disk) (rows int) {
	t.Helper()
	// A copy: opening the database recovers and checkpoints it, and the disk is to be mounted again as
	// the power cut left it.
	path := filepath.Join(t.TempDir(), "rows.db")
	for name, content := range d.left() {
		d.must(os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(content), 0o600))
	}
	db, err := open(path, "FULL")
	d.must(err)
	defer db.Close()
	var found string
	d.must(db.QueryRow("PRAGMA integrity_check").Scan(&found))
	if found != "ok" {
		t.Fatalf("what is left is damaged: %s", found)
	}
	if err := db.QueryRow("SELECT count(*) FROM row WHERE length(filling) = 3000").Scan(&rows); err != nil {
		return 0 // not even the table
	}
	return rows
}

// Two processes share one database through the mapped -shm file and its locks: no count is lost.
func TestProcessesShareADatabase(t *testing.T) {
	d := newDisk(t)
	path := d.path("counter.db")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	prepare := filepath.Join(d.backing, "made.db")
	db, err := open(prepare, "FULL")
	d.must(err)
	_, err = db.ExecContext(ctx, "CREATE TABLE counter (value INTEGER NOT NULL)")
	d.must(err)
	_, err = db.ExecContext(ctx, "INSERT INTO counter (value) VALUES (0)")
	d.must(err)
	d.must(db.Close())
	made, err := os.ReadFile(prepare)
	d.must(err)
	d.must(os.Remove(prepare))
	d.must(os.WriteFile(path, made, 0o600))

	one, _ := start(t, "count", path)
	two, _ := start(t, "count", path)
	d.must(one.Wait())
	d.must(two.Wait())
	d.must(d.mounted.Unmount())

	db, err = open(filepath.Join(d.backing, "counter.db"), "FULL")
	d.must(err)
	defer db.Close()
	var value int
	d.must(db.QueryRow("SELECT value FROM counter").Scan(&value))
	if value != 2*counted {
		t.Errorf("two processes counted to %d each and the sum is %d", counted, value)
	}
}
