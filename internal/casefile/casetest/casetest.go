// Package casetest gives each test a helpline with case files: for this room, and for those whose work hangs on a file.
package casetest

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The cast: two counsellors and a supervisor.
var (
	Claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	Karim  = audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
	Nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

// World is a helpline of one node on a fresh record, with a clock that goes when it is told to.
type World struct {
	T        *testing.T
	Ctx      context.Context
	DB       *store.DB
	Keys     *seal.Keeper
	Bus      *bus.Bus
	Log      *audit.Log
	Set      *catalogue.Set // the seeds; a test may change what it holds
	Contacts *contact.Contacts
	Files    *casefile.Files

	mu sync.Mutex
	at time.Time
}

// New opens a helpline on a record of storetest, at a time.
func New(t *testing.T, db *store.DB, at time.Time) *World {
	t.Helper()
	return In(t, t.TempDir(), db, at)
}

// In is New with the root key in a folder: whoever opens the same record again needs the same one.
func In(t *testing.T, folder string, db *store.DB, at time.Time) *World {
	t.Helper()
	w := &World{T: t, Ctx: context.Background(), DB: db, at: at}
	custodian, err := seal.FileCustodian(filepath.Join(folder, "vigie.key"))
	w.Must(err)
	w.Keys, err = seal.Open(w.Ctx, db, custodian, w.Now)
	w.Must(err)
	w.Set, err = catalogue.Seeds()
	w.Must(err)
	w.Bus, err = bus.Open(w.Ctx, bus.Options{})
	w.Must(err)
	t.Cleanup(w.Bus.Close)
	w.Log = audit.Open(db, w.Keys.Derive("audit"), w.Bus.NodeID(), w.Now)
	w.Contacts, err = contact.New(contact.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Catalogue: w.Catalogue, Now: w.Now, Log: quiet})
	w.Must(err)
	t.Cleanup(w.Contacts.Stop)
	w.Files = casefile.New(w.options())
	return w
}

var quiet = slog.New(slog.DiscardHandler)

func (w *World) options() casefile.Options {
	return casefile.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Catalogue: w.Catalogue, Now: w.Now, Log: quiet}
}

// NewFiles opens the room anew, with other options, on contacts of its own.
func (w *World) NewFiles(change func(*casefile.Options)) *casefile.Files {
	w.T.Helper()
	var err error
	w.Contacts, err = contact.New(contact.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Catalogue: w.Catalogue, Now: w.Now, Log: quiet})
	w.Must(err)
	w.T.Cleanup(w.Contacts.Stop)
	o := w.options()
	change(&o)
	w.Files = casefile.New(o)
	return w.Files
}

// Catalogue is Set, as the rooms ask for it.
func (w *World) Catalogue() *catalogue.Set { return w.Set }

// Now is what the clock says.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// Forward moves the clock.
func (w *World) Forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Refused wants a fault with this key.
func (w *World) Refused(err error, key string) {
	w.T.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.T.Fatalf("%v; want %s", err, key)
	}
}

// Child is a contact by chat of a person who came before, or of somebody new for "".
func (w *World) Child(personID string) contact.Contact {
	w.T.Helper()
	ct, err := w.Contacts.Open(w.Ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", PersonID: personID})
	w.Must(err)
	return ct
}

// File is the file of a new child, opened by somebody.
func (w *World) File(by audit.Actor) casefile.File {
	w.T.Helper()
	f, err := w.Files.OpenFor(w.Ctx, w.Child("").ID, casefile.RoomChild, by)
	w.Must(err)
	return f
}

// Count asks the record for one number.
func (w *World) Count(query string, args ...any) int {
	w.T.Helper()
	n, err := store.One(w.Ctx, w.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, query, args...)
	w.Must(err)
	return n
}
