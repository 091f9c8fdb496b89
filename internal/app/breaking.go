//go:build !breakable

package app

// breaking is what a test build can break in the server; nothing in this one.
type breaking struct{}

func (breaking) breakIn(*Options) {}

func (breaking) how() string { return "" }
