package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/chat"
	"vigie/internal/config"
	"vigie/internal/evidence"
	"vigie/internal/jobs"
	"vigie/internal/phone"
	"vigie/internal/stats"
	"vigie/internal/store"
)

// recordIn is a transaction that writes one audit row.
func recordIn(ctx context.Context, log *audit.Log, e audit.Entry) func(*store.Tx) error {
	return func(tx *store.Tx) error { return log.Record(ctx, tx, e) }
}

type doctorCommand struct {
	Head []string `help:"A head of the audit chain that was kept elsewhere (number:hex), or a file that holds one, such as a backup's manifest: the log must still reach it." placeholder:"HEAD|FILE"`
}

// keyBackups is where `vigie backup` leaves a mark of its last copy of the keys, so that one that is
// older than an epoch is noticed: it could still open what was erased.
const keyBackups = "last-key-backup"

func (d doctorCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
	var known []audit.Head
	for _, given := range d.Head {
		head, err := readHead(given)
		if err != nil {
			return err
		}
		known = append(known, head)
	}
	well := true
	say := func(ok bool, format string, args ...any) {
		mark := "ok      "
		if !ok {
			mark, well = "LOOK    ", false
		}
		fmt.Fprintf(term.Out, mark+format+"\n", args...)
	}
	err := withRecord(ctx, c, func(a *App) error {
		say(true, "the record answers (%s)", a.DB.Engine())
		if a.DB.Engine() == store.SQLite {
			for _, schema := range []string{"main", "keys"} {
				problem, err := a.DB.Integrity(ctx, schema)
				if err != nil {
					return err
				}
				say(problem == "", "%s is sound %s", schema, problem)
			}
		}
		if err := checkKeyFile(c.KeyPath(), say); err != nil {
			return err
		}
		state, err := a.Keys.State(ctx)
		if err != nil {
			return err
		}
		say(!state.Unfinished, "epoch %d since %s, rotation finished", state.Epoch, state.Since.Format(time.DateOnly))
		say(time.Since(state.Since) < 2*epochPeriod, "epochs rotate")
		say(state.Unreachable == 0, "every wrapped key can be opened (%d cannot)", state.Unreachable)
		report, err := audit.Verify(ctx, a.DB, a.Keys.Derive("audit"), known...)
		if err != nil {
			return err
		}
		say(report.Broken == "", "the audit chain holds: %d rows in %d blocks %s", report.Rows, report.Blocks, report.Broken)
		late := report.Unsealed > 0 && time.Since(report.OldestUnsealed) > time.Minute
		say(!late, "%d audit rows wait for their block", report.Unsealed)
		if err := a.checkJobs(ctx, say); err != nil {
			return err
		}
		return a.checkFiles(ctx, say)
	})
	if err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Join(c.Data, keyBackups)); err == nil {
		say(time.Since(info.ModTime()) < epochPeriod, "the last backup of the keys is younger than an epoch (destroy older ones: they could still open what was erased)")
	}
	if c.OnCallCommand != "" {
		say(runnable(c.OnCallCommand), "the program that calls the supervisor on call can be run")
	}
	if !well {
		return errors.New("something needs a look (see above)")
	}
	return nil
}

// namedFiles are the sealed files that any room names.
func namedFiles(ctx context.Context, db *store.DB) ([]string, error) {
	var all []string
	for _, named := range []func(context.Context, store.Querier) ([]string, error){chat.NamedBlobs, evidence.NamedBlobs, phone.NamedBlobs, stats.NamedBlobs} {
		some, err := named(ctx, db)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// checkFiles compares the sealed files with the rows that name them. A file that no row names is no harm, for
// nobody can open it: a crash, or a copy of the data that is older than the files, left it.
func (a *App) checkFiles(ctx context.Context, say func(bool, string, ...any)) error {
	disk, err := blob.OpenDisk(a.config.FilesPath())
	if err != nil {
		return err
	}
	named, err := namedFiles(ctx, a.DB)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(named), disk.Has)
	if len(missing) > 0 { // perhaps erased a moment ago, by a server that runs
		still, err := namedFiles(ctx, a.DB)
		if err != nil {
			return err
		}
		missing = slices.DeleteFunc(missing, func(id string) bool { return !slices.Contains(still, id) })
	}
	say(len(missing) == 0, "every file that the record names is there: %d named, %d missing %s", len(named), len(missing), strings.Join(missing, " "))
	slices.Sort(named)
	unnamed, before := 0, time.Now().Add(-chat.OrphanAge)
	err = disk.Each(ctx, before, func(id string) error {
		if _, ok := slices.BinarySearch(named, id); !ok {
			unnamed++
		}
		return nil
	})
	if err != nil {
		return err
	}
	say(true, "%d files that no row names (nobody can open them; a server that runs sets them aside)", unnamed)
	left, err := disk.Left(before)
	if err != nil {
		return err
	}
	say(left == 0, "no file was left half written (%d; a server that runs takes them away)", left)
	return nil
}

// jobsLate is how long after its time a job has begun at the latest, unless nobody works jobs or too many wait.
const jobsLate = 15 * time.Minute

// checkJobs looks whether slow work is done: what failed for good, and what should have begun long ago.
func (a *App) checkJobs(ctx context.Context, say func(bool, string, ...any)) error {
	counts, err := jobs.New(jobs.Options{DB: a.DB}).Counts(ctx)
	if err != nil {
		return err
	}
	var failed, waiting int64
	var late []string
	for _, c := range counts {
		failed, waiting = failed+c.Failed, waiting+c.Waiting
		if due := store.Time(c.DueSince); c.DueSince > 0 && time.Since(due) > jobsLate {
			late = append(late, c.Kind+" since "+due.Format(time.RFC3339))
		}
	}
	say(failed == 0, "no job failed for good (%d did: see `vigie jobs`)", failed)
	say(len(late) == 0, "%d jobs wait, none is late %s", waiting, strings.Join(late, ", "))
	return nil
}

func checkKeyFile(path string, say func(bool, string, ...any)) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	say(info.Mode().Perm()&0o077 == 0, "the key file is only its owner's (mode %04o)", info.Mode().Perm())
	return nil
}
