package staff

import (
	"context"
	"strconv"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// failureWindow is how often at most the same kind of failure on the same account is written.
const failureWindow = 10 * time.Minute

// failures counts failed attempts and writes them to the log in lines of many, so that guessing cannot
// fill the disk: one line a window for each account, and one for all logins that do not exist, with the
// count. They are written in the background: when the write is done must not tell an attacker whether
// the login exists. What a crash takes away is the counts of the last second, or of the running window.
type failures struct {
	now func() time.Time

	mu     sync.Mutex
	counts map[failure]*failureCount
}

// failure is what is counted together. person is "" for logins that do not exist.
type failure struct{ person, stage string }

type failureCount struct {
	n       int
	written time.Time // of the last line; zero before the first
}

func newFailures(now func() time.Time) *failures {
	return &failures{now: now, counts: map[failure]*failureCount{}}
}

// note counts one. stage is "password", "code", "passkey" or "confirm".
func (f *failures) note(person, stage string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts[failure{person, stage}]
	if c == nil {
		c = &failureCount{}
		f.counts[failure{person, stage}] = c
	}
	c.n++
}

// due takes what is to be written now; all, when the node stops. An account's first failure is due at
// once, the ones after it when the window is over.
func (f *failures) due(all bool) map[failure]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	var due map[failure]int
	for key, c := range f.counts {
		since := now.Sub(c.written)
		over := since >= failureWindow || since < 0 || c.written.IsZero()
		switch {
		case c.n > 0 && (over || all):
			if due == nil {
				due = map[failure]int{}
			}
			due[key] = c.n
			c.n, c.written = 0, now
		case c.n == 0 && over:
			delete(f.counts, key)
		}
	}
	return due
}

// giveBack returns what could not be written.
func (f *failures) giveBack(due map[failure]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, n := range due {
		c := f.counts[key]
		if c == nil {
			c = &failureCount{}
			f.counts[key] = c
		}
		c.n += n
		c.written = time.Time{}
	}
}

// WriteFailures writes to the log the failed attempts that are due; all of them when the node stops.
// Run does it every second.
func (s *Staff) WriteFailures(ctx context.Context, all bool) error {
	due := s.failures.due(all)
	if len(due) == 0 {
		return nil
	}
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		for f, n := range due {
			e := entry(audit.Actor{Kind: audit.System, ID: "staff"}, "staff.login_failed", f.person, "stage", f.stage, "count", strconv.Itoa(n))
			if err := s.trail.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.failures.giveBack(due)
	}
	return err
}
