package jobs

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// With these in its environment the test binary is a process to be killed.
const (
	asChild    = "VIGIE_JOBS_CHILD" // where it halts
	childVisit = "VIGIE_JOBS_VISIT" // at which visit of that place
	childDSN   = "VIGIE_JOBS_DSN"
	childAge   = "VIGIE_JOBS_AGE" // how many generations died before it
)

// The places where a process is killed.
const (
	beforeWork = "before" // the job is committed, nobody works yet
	inWork     = "in"
	afterWork  = "after" // the worker has returned, its end is not written
)

// generation is the time between one process and the next: what the one had begun is seen to be lost by the next, with
// the leases of the house.
const generation = 2*time.Minute + time.Second

// float is the work: idempotent, as all of it must be. Each run leaves a line in its own table, so that a test sees
// how often there was one.
func float(db *store.DB, halt func(place string)) func(context.Context, Job[errand]) error {
	return func(ctx context.Context, job Job[errand]) error {
		halt(inWork)
		_, err := db.Append(ctx, store.Stmt{SQL: `INSERT INTO boat (id) VALUES ($1) ON CONFLICT (id) DO NOTHING`, Args: []any{string(job.Args.To)}},
			store.Stmt{SQL: `INSERT INTO run (id, job, try) VALUES ($1, $2, $3)`, Args: []any{store.NewID(), string(job.Args.To), job.Try}})
		return err
	}
}

func crashing(db *store.DB, age int, halt func(place string)) (*Jobs, *Kind[errand]) {
	j := New(Options{DB: db, Now: func() time.Time { return time.Now().Add(time.Duration(age) * generation) }})
	k := Register(j, "boat.float", Rules{First: time.Millisecond}, float(db, halt))
	inner := j.kinds["boat.float"].work
	j.kinds["boat.float"].work = func(ctx context.Context, c claimed) error {
		err := inner(ctx, c)
		halt(afterWork)
		return err
	}
	return j, k
}

// child never returns. It says each place that it comes to; from the given visit of one on, whoever comes to any place
// halts there, and the rest is wherever it happens to be. The first generation makes a job.
func child(where string) {
	ctx := context.Background()
	db, err := store.Open(ctx, os.Getenv(childDSN), store.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	age, _ := strconv.Atoi(os.Getenv(childAge))
	visits, _ := strconv.Atoi(os.Getenv(childVisit))
	var mu sync.Mutex
	j, k := crashing(db, age, func(place string) {
		mu.Lock() // for good, in the end
		fmt.Println(place)
		if place == where {
			visits--
		}
		if visits == 0 {
			select {}
		}
		mu.Unlock()
	})
	if age == 0 {
		if err := db.Tx(ctx, func(tx *store.Tx) error { return k.Enqueue(ctx, tx, errand{To: id(1)}) }); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	if where == beforeWork {
		fmt.Println(beforeWork)
		select {}
	}
	j.Run(ctx)
	os.Exit(0)
}

// killAt starts a child, waits until it has come n times to a place, and kills it (SIGKILL).
func killAt(t *testing.T, dsn string, age int, place string, n int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), asChild+"="+place, childVisit+"="+strconv.Itoa(n), childDSN+"="+dsn, childAge+"="+strconv.Itoa(age))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(patience, func() { command.Process.Kill() })
	defer hung.Stop()
	lines := bufio.NewScanner(out)
	var said []string
	for n > 0 && lines.Scan() {
		said = append(said, lines.Text())
		if lines.Text() == place {
			n--
		}
	}
	command.Process.Kill()
	_, _ = io.Copy(io.Discard, out)
	_ = command.Wait()
	if n > 0 {
		t.Fatalf("the child never came to %q; it said %s", place, strings.Join(said, ", "))
	}
}

// crashRecord is a migrated record that no process has open.
func crashRecord(t *testing.T, test func(t *testing.T, dsn string)) {
	prepare := func(t *testing.T, dsn string) string {
		db, err := store.Open(t.Context(), dsn, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{`CREATE TABLE boat (id TEXT PRIMARY KEY)`, `CREATE TABLE run (id TEXT PRIMARY KEY, job TEXT NOT NULL, try BIGINT NOT NULL)`} {
			if _, err := db.Exec(t.Context(), table); err != nil {
				t.Fatal(err)
			}
		}
		return dsn
	}
	t.Run("sqlite", func(t *testing.T) { test(t, prepare(t, "sqlite:"+filepath.Join(t.TempDir(), "vigie.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, prepare(t, storetest.PostgresDSN(t))) })
}

func count(t *testing.T, db *store.DB, table string) int {
	t.Helper()
	n, err := store.One(t.Context(), db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A process is killed between the commit and the work, in the middle of the work, and after it, before its end is
// written. Each time the job is worked by the next process: once more where it was begun, and what it does is done once.
func TestAKilledProcessLosesNoJob(t *testing.T) {
	for _, c := range []struct {
		place     string
		runs, try int // runs that came to their end in all, and which try the last is
	}{{beforeWork, 1, 1}, {inWork, 1, 2}, {afterWork, 2, 2}} {
		t.Run(c.place, func(t *testing.T) {
			crashRecord(t, func(t *testing.T, dsn string) {
				killAt(t, dsn, 0, c.place, 1)
				db := reopen(t, dsn)
				if left := rows(t, db); len(left) != 1 || left[0].state != map[bool]string{true: "waiting", false: "running"}[c.place == beforeWork] {
					t.Fatalf("what the dead process left: %+v", left)
				}
				j, _ := crashing(db, 1, func(string) {})
				run(t, j)
				eventually(t, "the job is done", none(t, db))
				if boats, runs := count(t, db, "boat"), count(t, db, "run"); boats != 1 || runs != c.runs {
					t.Errorf("%d boats by %d runs, want one by %d", boats, runs, c.runs)
				}
				if last := count(t, db, fmt.Sprintf("run WHERE try = %d", c.try)); last != 1 {
					t.Errorf("no run is try %d", c.try)
				}
			})
		})
	}
}

// Killed again and again at any moment, processes together do everything, each thing once.
func TestKilledAgainAndAgain(t *testing.T) {
	crashRecord(t, func(t *testing.T, dsn string) {
		const boats = 60
		db := reopen(t, dsn)
		_, k := crashing(db, 0, func(string) {})
		for n := range boats {
			enqueue(t, db, k, errand{To: id(n)})
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		places := []string{inWork, afterWork, inWork, afterWork, inWork}
		for n, place := range places {
			killAt(t, dsn, 1+n, place, 3+n)
		}
		db = reopen(t, dsn)
		j, _ := crashing(db, 1+len(places), func(string) {})
		run(t, j)
		eventually(t, "all is done", none(t, db))
		if n := count(t, db, "boat"); n != boats {
			t.Errorf("%d boats, want %d", n, boats)
		}
		t.Logf("%d runs did %d jobs", count(t, db, "run"), boats)
	})
}
