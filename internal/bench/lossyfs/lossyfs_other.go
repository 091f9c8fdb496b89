//go:build !linux

// Package lossyfs is a file system that forgets what was not synced, on Linux only.
package lossyfs

import "errors"

// FS is never mounted here.
type FS struct{}

var errNotHere = errors.New("the file system that forgets is made for Linux")

// Possible says what is missing: Linux.
func Possible() error { return errNotHere }

// Mount refuses.
func Mount(string, string) (*FS, error) { return nil, errNotHere }

// CutPower cannot be called: nothing is ever mounted.
func (*FS) CutPower() {}

// CutPowerWriting cannot be called either.
func (*FS) CutPowerWriting(uint64) {}

// Unmount has nothing to end.
func (*FS) Unmount() error { return nil }
