//go:build !breakable

package store

import "context"

// breakable says whether this build can be told to break its promise (see breakable_yes.go); it is a
// constant, so that nothing of it is left in a program that serves people.
const breakable = false

func beforeLateCommit() {}

func (db *DB) appendBeforeCommit(context.Context, []Stmt) (bool, error) { return false, nil }
