// Package staff knows the people who answer: who they are, what they may do, and whether the person at
// the keyboard is one of them.
//
// Children see an alias and nothing else of whoever answers them; the real name is sealed. Accounts are
// made by an administrator, there is no sign-up and no e-mail with a link. A person shows who she is
// with a passkey alone, or with a password and, when she has enrolled one, a code from her phone; ten
// recovery codes on paper stand in for a lost phone.
//
// The room assumes that it is attacked: somebody guesses passwords from a thousand addresses, replays
// what he saw over a shoulder, steals a copy of the database, or holds a colleague's cookie. Attempts
// are slowed and never locked for good, because a lock is a weapon against a helpline. Nothing here
// says whether a login exists. A copy of the database holds no password, code or session that can be
// used or guessed without the custodian's root key.
package staff

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"vigie/internal/audit"
	"vigie/internal/seal"
	"vigie/internal/slowhash"
	"vigie/internal/store"
)

// Options tunes the room; the zero value is the production default.
type Options struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Idle ends a session after so long without a request (30 min), Absolute whatever happens (12 h).
	Idle, Absolute time.Duration
	// SecondFactor forces everybody to have a passkey or a code generator.
	SecondFactor bool
	// Name is how the helpline is called in a code generator or a passkey ("Vigie").
	Name string
	// RelyingParty and Origins bind passkeys to the site: "vigie.example", "https://vigie.example".
	// Without them there are no passkeys.
	RelyingParty string
	Origins      []string
	// Costs are those of new password hashes (slowhash.Default); old ones are renewed as people log in.
	Costs slowhash.Params
	// Log hears what goes wrong in the background; slog.Default() when nil.
	Log *slog.Logger
}

// Bus is what the room asks of the bus: telling the other nodes that a session or an account changed.
type Bus interface {
	Publish(subject string, payload []byte)
	Subscribe(subject string, fn func(subject string, payload []byte)) (stop func(), err error)
}

// Staff is the room. It is safe for concurrent use, and several nodes may each have one.
type Staff struct {
	db    *store.DB
	keys  *seal.Keeper
	trail *audit.Log
	bus   Bus
	o     Options

	pepper       []byte // of passwords
	recoveryKey  []byte // of recovery codes
	challengeKey []byte // of passkey challenges
	decoy        slowhash.Sum
	rp           *webauthn.WebAuthn // nil without passkeys

	delays   *delays
	failures *failures
	cache    *cache
	stop     func()
}

// New opens the room on a migrated record. bus may be nil where there is nobody to tell (the command
// line); a session or right taken away there is noticed by a running server within a few seconds.
func New(db *store.DB, keys *seal.Keeper, trail *audit.Log, bus Bus, o Options) (*Staff, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Idle == 0 {
		o.Idle = 30 * time.Minute
	}
	if o.Absolute == 0 {
		o.Absolute = 12 * time.Hour
	}
	if o.Name == "" {
		o.Name = "Vigie"
	}
	if o.Costs == (slowhash.Params{}) {
		o.Costs = slowhash.Default
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Staff{
		db: db, keys: keys, trail: trail, bus: bus, o: o, stop: func() {},
		pepper:       keys.Derive("staff-password"),
		recoveryKey:  keys.Derive("staff-recovery"),
		challengeKey: keys.Derive("staff-challenge"),
		decoy:        slowhash.Decoy(o.Costs),
		delays:       newDelays(o.Now),
		failures:     newFailures(o.Now),
		cache:        newCache(o.Now),
	}
	var err error
	if s.rp, err = relyingParty(o); err != nil {
		return nil, err
	}
	if bus != nil {
		if s.stop, err = bus.Subscribe("staff.*", s.heard); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Close stops listening to the bus. Run writes what is pending when its context ends.
func (s *Staff) Close() { s.stop() }

// What is announced on "staff.<id>".
const (
	whatSession = "session" // one or more of her sessions are over, or may now do other things
	whatAccount = "account" // her alias, roles, languages, skills, capacity or activity changed
)

type announcement struct {
	What string `json:"what"`
}

// tell announces, once the transaction is committed, that something of hers changed.
func (s *Staff) tell(tx *store.Tx, personID, what string) {
	tx.AfterCommit(func() {
		s.cache.drop(personID)
		if s.bus == nil {
			return
		}
		payload, _ := json.Marshal(announcement{what})
		s.bus.Publish("staff."+personID, payload)
	})
}

// heard drops what this node remembers of a person whose session or account changed on another.
func (s *Staff) heard(subject string, payload []byte) {
	var a announcement
	if json.Unmarshal(payload, &a) == nil && (a.What == whatSession || a.What == whatAccount) {
		s.cache.drop(strings.TrimPrefix(subject, "staff."))
	}
}

// Run does the room's housekeeping until ctx ends: writes the counted failures to the log, deletes what
// is over. It returns after having written what was pending.
func (s *Staff) Run(ctx context.Context) {
	const often, seldom = time.Second, 5 * time.Minute
	tick := time.NewTicker(often)
	defer tick.Stop()
	swept := time.Now()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			s.complain(s.WriteFailures(last, true))
			return
		case <-tick.C:
		}
		s.complain(s.WriteFailures(ctx, false))
		s.cache.purge()
		s.delays.purge()
		if time.Since(swept) >= seldom {
			s.complain(s.Sweep(ctx))
			swept = time.Now()
		}
	}
}

func (s *Staff) complain(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.o.Log.Error("staff: housekeeping", "error", err)
	}
}

// OwnersOfStaffKeys are the owners of this room's keys, for seal.Keeper.SweepOrphans.
const OwnersOfStaffKeys = `SELECT id FROM staff`

// Sweep deletes sessions and ceremonies that are over, which count for nothing before it too, and keys
// of accounts that were never written.
func (s *Staff) Sweep(ctx context.Context) error {
	now := s.o.Now()
	_, err := s.keys.SweepOrphans(ctx, seal.KindStaff, OwnersOfStaffKeys)
	return errors.Join(err, s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, deleteOldSessions, store.Millis(now.Add(-s.o.Idle)), store.Millis(now.Add(-s.o.Absolute))); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteOldCeremonies, store.Millis(now)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, deleteOldSpent, store.Millis(now))
		return err
	}))
}

// entry begins a line of the log about a person.
func entry(by audit.Actor, act, personID string, detail ...string) audit.Entry {
	e := audit.Entry{Actor: by, Act: act, Object: "staff", ObjectID: personID}
	if len(detail) > 0 {
		e.Detail = make(map[string]string, len(detail)/2)
		for i := 0; i+1 < len(detail); i += 2 {
			e.Detail[detail[i]] = detail[i+1]
		}
	}
	return e
}

// herself is the actor of what a person does to her own account.
func herself(personID string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: personID} }
