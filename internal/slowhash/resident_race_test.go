//go:build race

package slowhash_test

import (
	"runtime"
	"testing"
)

// resident is the heap that was not given back, in MiB: the race detector keeps memory of its own for
// every byte that was ever used, so the operating system's count says nothing here.
func resident(*testing.T) int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int((m.HeapSys - m.HeapReleased) >> 20)
}
