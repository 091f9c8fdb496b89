//go:build !race

package slowhash_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// resident is the process's memory as the operating system counts it, in MiB.
func resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("resident memory is read from /proc, which is Linux's")
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kb, _ := strconv.Atoi(string(found[1]))
	return kb >> 10
}
