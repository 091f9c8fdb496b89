// Package slowhash makes guessing dear without making the house pay for it.
//
// A password, or the four words of a resume code, is only as safe as a guess is slow, so both go
// through Argon2id, which fills 64 MiB for each guess. A server that let everybody do that at once
// would be brought down by its own lock. Three things keep it standing:
//
//   - one hash runs at a time in the whole process (about a tenth of a second each); the others wait
//     in a line that is short on purpose, and beyond it one is asked to come back;
//   - the memory goes back to the operating system once nobody has hashed for a moment, because the
//     runtime by itself would keep it for minutes and a helpline at rest is promised to be small;
//   - the costs are written beside each hash (PHC string), so they can be raised and each old hash be
//     renewed the next time its owner passes.
package slowhash

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"vigie/internal/fault"
)

const (
	// longestLine is how many may wait: at a tenth of a second each, nobody waits over three seconds.
	longestLine = 24
	saltSize    = 16
	keySize     = 32
)

// quiet is how long nobody must have hashed before the memory is given back. Giving back costs one
// garbage collection, so it is not done between two log-ins of the same morning.
var quiet = 2 * time.Second

// gate is the process's one place to hash in: memory is a property of the process.
var gate = newGate()

type turnstile struct {
	place chan struct{} // holds one token: the right to hash

	mu      sync.Mutex
	inside  int // hashing or waiting
	giving  *time.Timer
	given   chan struct{} // closed and renewed each time memory was given back
	allowed int
}

func newGate() *turnstile {
	t := &turnstile{place: make(chan struct{}, 1), given: make(chan struct{}), allowed: longestLine + 1}
	t.place <- struct{}{}
	return t
}

// enter waits for the place. It returns fault.TooMany "fault.staff.busy" when the line is full, and
// the context's error when the caller stops waiting.
func (t *turnstile) enter(ctx context.Context) error {
	t.mu.Lock()
	if t.inside >= t.allowed {
		t.mu.Unlock()
		return fault.New(fault.TooMany, "fault.staff.busy")
	}
	t.inside++
	if t.giving != nil {
		t.giving.Stop()
	}
	t.mu.Unlock()
	select {
	case <-t.place:
		return nil
	case <-ctx.Done():
		t.out()
		return ctx.Err()
	}
}

func (t *turnstile) leave() {
	t.place <- struct{}{}
	t.out()
}

// out counts one down; the last one out sets the clock that gives the memory back.
func (t *turnstile) out() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inside--; t.inside == 0 {
		t.giving = time.AfterFunc(quiet, t.giveBack)
	}
}

func (t *turnstile) giveBack() {
	select {
	case <-t.place:
	default:
		return // somebody hashes: the last one out will set the clock again
	}
	debug.FreeOSMemory()
	t.place <- struct{}{}
	t.mu.Lock()
	close(t.given)
	t.given = make(chan struct{})
	t.mu.Unlock()
}

// Key derives size bytes from a secret and a salt, the slow way; the same input gives the same bytes
// (what a resume code is looked up by). It waits its turn: fault.TooMany "fault.staff.busy" when too
// many wait already, the context's error when ctx ends before the turn came.
func Key(ctx context.Context, secret, salt []byte, p Params, size uint32) ([]byte, error) {
	if !p.valid() {
		return nil, errors.New("slowhash: costs out of bounds")
	}
	if err := gate.enter(ctx); err != nil {
		return nil, err
	}
	defer gate.leave()
	return argon2.IDKey(secret, salt, p.Passes, p.MemoryKiB, p.Lanes, size), nil
}

// Hash hashes a secret with a fresh salt. Errors as for Key.
func Hash(ctx context.Context, secret []byte, p Params) (Sum, error) {
	s := Sum{Params: p, Salt: make([]byte, saltSize)}
	rand.Read(s.Salt) // never fails (crypto/rand, since Go 1.24)
	var err error
	s.Key, err = Key(ctx, secret, s.Salt, p, keySize)
	return s, err
}

// Verify says whether secret is what was hashed. Errors as for Key.
func (s Sum) Verify(ctx context.Context, secret []byte) (bool, error) {
	key, err := Key(ctx, secret, s.Salt, s.Params, uint32(len(s.Key)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, s.Key) == 1, nil
}

// Decoy is a hash of nothing anybody knows. Whoever asks about a login that does not exist is made to
// wait for this one, so that the time does not tell.
func Decoy(p Params) Sum {
	s := Sum{Params: p, Salt: make([]byte, saltSize), Key: make([]byte, keySize)}
	rand.Read(s.Salt)
	rand.Read(s.Key)
	return s
}
