//go:build breakable

package store

import (
	"context"
	"errors"
	"time"
)

// breakable: this build acknowledges before it commits when Options.AckEarly asks for it, so that the
// crash harness can show that it would notice. It is never served to people.
const breakable = true

// lateCommit is how long a broken commit comes after its acknowledgement, as in a database that writes
// behind.
const lateCommit = 50 * time.Millisecond

func beforeLateCommit() { time.Sleep(lateCommit) }

// appendBeforeCommit is Append on PostgreSQL, with the commit after the acknowledgement.
func (db *DB) appendBeforeCommit(ctx context.Context, unit []Stmt) (bool, error) {
	tx, err := db.read.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return false, err
	}
	wrote, err := db.runUnit(ctx, pgRunner{tx}, unit)
	if err != nil || !wrote {
		return false, errors.Join(err, tx.Rollback())
	}
	time.AfterFunc(lateCommit, func() { _ = tx.Commit() })
	return true, nil
}
