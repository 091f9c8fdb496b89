// Package team is how those who work help one another: a hand raised to the supervisors, a supervisor's word to all, and the
// team room, where colleagues write to one another.
//
// A hand holds no word: who, a code of why, and perhaps of which contact. Notices and messages are sealed under the key of
// the day they were written on (day.go), and go with it after Kept: what is said between colleagues is no archive. They are
// no place for what a child said, and the forms say so.
//
// Everything is a row. The bus only says that something changed, on "team", so that open pages draw themselves again.
package team

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/contact"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Kept is how long notices and messages are kept.
const Kept = 30 * 24 * time.Hour

// Subject is where the bus says that something of the team changed, with a Changed.
const Subject = "team"

// Changed says what changed: "hand", "notice" or "log".
type Changed struct {
	What string `json:"what"`
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Keys     *seal.Keeper
	Audit    *audit.Log
	Bus      *bus.Bus
	Contacts *contact.Contacts
	// OnCall calls the supervisor on call with the one word KindHand; nil calls nobody.
	OnCall func(ctx context.Context, kind string) error
	// OnCallAfter is how long a hand is up before the supervisor on call is called.
	OnCallAfter func() time.Duration
	// Day is the day of the house's calendar at a time, "2026-11-28"; nil takes UTC.
	Day func(t time.Time) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Team is the room. It is safe for concurrent use, and any number may work on one record.
type Team struct {
	o    Options
	db   *store.DB
	keys *seal.Keeper
	log  *audit.Log
	now  func() time.Time
}

// New opens the room.
func New(o Options) *Team {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Day == nil {
		o.Day = func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	}
	if o.OnCallAfter == nil {
		o.OnCallAfter = func() time.Duration { return 2 * time.Minute }
	}
	t := &Team{o: o, db: o.DB, keys: o.Keys, log: o.Audit, now: o.Now}
	o.Contacts.OnMove(t.contactMoved)
	return t
}

// sweepEvery is how often hands are looked at, forgetEvery how often old days are.
const (
	sweepEvery  = 5 * time.Second
	forgetEvery = time.Hour
)

// Run rings on and forgets, until ctx ends.
func (t *Team) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var next time.Time
	for {
		if err := t.Ring(ctx); err != nil && ctx.Err() == nil {
			t.o.Log.Error("team: the hands could not be looked at; again in a moment", "error", err)
		}
		if now := time.Now(); now.After(next) {
			next = now.Add(forgetEvery)
			if err := t.Forget(ctx); err != nil && ctx.Err() == nil {
				t.o.Log.Error("team: old days could not be forgotten; again in an hour", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// announce has open pages draw what changed.
func (t *Team) announce(what string) {
	payload, _ := json.Marshal(Changed{what})
	t.o.Bus.Publish(Subject, payload)
}

func (t *Team) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, object, id string, detail map[string]string) error {
	return t.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: object, ObjectID: id, Detail: detail})
}
