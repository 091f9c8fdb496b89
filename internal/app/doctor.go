package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/store"
)

// recordIn is a transaction that writes one audit row.
func recordIn(ctx context.Context, log *audit.Log, e audit.Entry) func(*store.Tx) error {
	return func(tx *store.Tx) error { return log.Record(ctx, tx, e) }
}

type doctorCommand struct{}

// keyBackups is where `vigie backup` leaves a mark of its last copy of the keys, so that one that is
// older than an epoch is noticed: it could still open what was erased.
const keyBackups = "last-key-backup"

func (doctorCommand) Run(ctx context.Context, c config.Config, term Terminal) error {
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
		report, err := audit.Verify(ctx, a.DB, a.Keys.Derive("audit"))
		if err != nil {
			return err
		}
		say(report.Broken == "", "the audit chain holds: %d rows in %d blocks %s", report.Rows, report.Blocks, report.Broken)
		late := report.Unsealed > 0 && time.Since(report.OldestUnsealed) > time.Minute
		say(!late, "%d audit rows wait for their block", report.Unsealed)
		return nil
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

func checkKeyFile(path string, say func(bool, string, ...any)) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the key file: %w", err)
	}
	say(info.Mode().Perm()&0o077 == 0, "the key file is only its owner's (mode %04o)", info.Mode().Perm())
	return nil
}
