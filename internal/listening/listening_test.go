package listening_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/listening"
	"vigie/internal/phone"
	"vigie/internal/routing"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// The cast: two counsellors, two supervisors.
const (
	anne  = "0197aaaa-0000-7000-8000-00000000000a"
	bilal = "0197aaaa-0000-7000-8000-00000000000b"
	sam   = "0197aaaa-0000-7000-8000-00000000000e"
	vera  = "0197aaaa-0000-7000-8000-00000000000f"
)

type roster []staff.Person

func (r roster) Roster(context.Context) ([]staff.Person, error) { return slices.Clone(r), nil }

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	*listening.Room
	t        *testing.T
	db       *store.DB
	clock    *clock
	audit    *audit.Log
	contacts *contact.Contacts
	chats    *chat.Chats
	router   *routing.Router
	bus      *bus.Bus
	keys     *seal.Keeper
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{t: t, db: db, clock: &clock{t: time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)}}
	ctx := t.Context()
	custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
	w.ok(err)
	keys, err := seal.Open(ctx, db, custodian, w.clock.now)
	w.ok(err)
	w.keys = keys
	set, err := catalogue.Seeds()
	w.ok(err)
	blobs, err := blob.OpenDisk(t.TempDir())
	w.ok(err)
	w.bus, err = bus.Open(ctx, bus.Options{})
	w.ok(err)
	t.Cleanup(w.bus.Close)
	current := func() *catalogue.Set { return set }
	w.audit = audit.Open(db, keys.Derive("audit"), w.bus.NodeID(), w.clock.now)
	w.contacts, err = contact.New(contact.Options{DB: db, Keys: keys, Audit: w.audit, Bus: w.bus, Catalogue: current, Now: w.clock.now})
	w.ok(err)
	t.Cleanup(w.contacts.Stop)
	alias := map[string]string{anne: "Anne", bilal: "Bilal", sam: "Sam", vera: "Vera"}
	w.chats, err = chat.New(chat.Options{DB: db, Keys: keys, Audit: w.audit, Bus: w.bus, Contacts: w.contacts, Blobs: blobs, Catalogue: current, Now: w.clock.now,
		Alias: func(_ context.Context, id string) string { return alias[id] }})
	w.ok(err)
	t.Cleanup(w.chats.Close)
	person := func(id string, role staff.Role) staff.Person {
		return staff.Person{ID: id, Login: alias[id], Alias: alias[id], Roles: []staff.Role{role}, Langs: []string{"fr"}, Active: true}
	}
	w.router, err = routing.New(ctx, routing.Options{DB: db, Keys: keys, Audit: w.audit, Bus: w.bus, Contacts: w.contacts, Catalogue: current, Now: w.clock.now,
		People: roster{person(anne, staff.Counsellor), person(bilal, staff.Counsellor), person(sam, staff.Supervisor), person(vera, staff.Supervisor)}})
	w.ok(err)
	calls, err := phone.New(ctx, phone.Options{DB: db, Keys: keys, Audit: w.audit, Bus: w.bus, Contacts: w.contacts, Router: w.router, Blobs: blobs, Catalogue: current, Now: w.clock.now})
	w.ok(err)
	t.Cleanup(calls.Close)
	w.Room = listening.New(listening.Options{DB: db, Audit: w.audit, Contacts: w.contacts, Chats: w.chats, Router: w.router, Phone: calls, Now: w.clock.now})
	for _, id := range []string{anne, bilal, sam, vera} {
		w.ok(w.router.Beat(ctx, id))
		w.ok(w.router.SetPresence(ctx, id, routing.Available, ""))
	}
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("got %v, want %s", err, key)
	}
}

// talks is a chat that a counsellor has.
func (w *world) talks(with string) contact.Contact {
	w.t.Helper()
	return w.opens(contact.ChannelChat, with)
}

func (w *world) opens(channel, with string) contact.Contact {
	w.t.Helper()
	ct, err := w.contacts.Open(w.t.Context(), contact.Opening{ID: store.NewID(), Channel: channel, Lang: "fr", Network: netip.MustParseAddrPort("203.0.113.7:51234")})
	w.ok(err)
	w.ok(w.db.Tx(w.t.Context(), func(tx *store.Tx) error {
		ct, err = w.contacts.Move(w.t.Context(), tx, ct.ID, contact.Take, audit.Actor{Kind: audit.Staff, ID: with}, contact.Change{StaffID: with})
		return err
	}))
	return ct
}

func (w *world) begins(who, contactID string, purpose listening.Purpose, mode listening.Mode) listening.Listening {
	w.t.Helper()
	l, err := w.Begin(w.t.Context(), listening.Wish{ID: store.NewID(), StaffID: who, ContactID: contactID, Purpose: purpose, Mode: mode})
	w.ok(err)
	return l
}

func (w *world) cannot(key, who, contactID string, purpose listening.Purpose, mode listening.Mode) {
	w.t.Helper()
	_, err := w.Begin(w.t.Context(), listening.Wish{ID: store.NewID(), StaffID: who, ContactID: contactID, Purpose: purpose, Mode: mode})
	w.refused(err, key)
}

// ended waits for nothing: what ends, ends in the same moment.
func (w *world) ended(l listening.Listening, why string) {
	w.t.Helper()
	all, err := w.History(w.t.Context(), l.ContactID)
	w.ok(err)
	for _, one := range all {
		if one.ID == l.ID {
			if one.Open() || one.Why != why {
				w.t.Fatalf("it ended because %q (open: %v), want %q", one.Why, one.Open(), why)
			}
			return
		}
	}
	w.t.Fatal("it is not there")
}

func (w *world) runs(l listening.Listening) {
	w.t.Helper()
	if now, ok, err := w.Of(w.t.Context(), l.StaffID, l.ContactID); err != nil || !ok || now.ID != l.ID {
		w.t.Fatal("it does not run", err)
	}
}

func (w *world) writes(who, contactID string) (chat.Message, error) {
	return w.chats.Send(w.t.Context(), chat.Sending{ID: store.NewID(), ContactID: contactID, From: chat.Staff, AuthorID: who, Body: "Je suis là aussi."})
}

func each(t *testing.T, do func(t *testing.T, w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { do(t, newWorld(t, db)) })
}

// A purpose is asked; but for safety a period has to run of which the staff were told; and there has to be somebody to listen to.
func TestWhatForAndWhen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		w.cannot("fault.listening.purpose", sam, ct.ID, "curiosity", listening.Listener)
		w.cannot("fault.listening.mode", sam, ct.ID, listening.Safety, listening.Invited)
		for _, p := range []listening.Purpose{listening.Training, listening.Quality, listening.Visit} {
			w.cannot("fault.listening.no_period", sam, ct.ID, p, listening.Listener)
		}
		now := w.clock.now()
		w.refused(w.Tell(t.Context(), sam, store.NewID(), now, now.Add(32*24*time.Hour)), "fault.listening.period")
		w.refused(w.Tell(t.Context(), sam, store.NewID(), now.Add(-2*time.Hour), now.Add(-time.Hour)), "fault.listening.period")
		w.ok(w.Tell(t.Context(), sam, "period", now.Add(time.Hour), now.Add(2*time.Hour)))
		w.cannot("fault.listening.no_period", sam, ct.ID, listening.Quality, listening.Listener)
		w.clock.pass(time.Hour)
		l := w.begins(sam, ct.ID, listening.Quality, listening.Listener)
		if again := w.begins(sam, ct.ID, listening.Quality, listening.Listener); again.ID != l.ID {
			t.Error("the same press twice listens twice")
		}
		w.ok(w.End(t.Context(), sam, l.ID))
		w.ok(w.Withdraw(t.Context(), sam, "period"))
		w.cannot("fault.listening.no_period", sam, ct.ID, listening.Quality, listening.Listener)
		w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		w.cannot("fault.listening.own", anne, ct.ID, listening.Safety, listening.Listener)
		waits, err := w.contacts.Open(t.Context(), contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Network: netip.MustParseAddrPort("203.0.113.8:51234")})
		w.ok(err)
		w.cannot("fault.listening.nobody_talks", sam, waits.ID, listening.Safety, listening.Listener)
	})
}

// A child's no ends what runs at once and lasts; only her safety, in danger, is stronger.
func TestAChildRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		now := w.clock.now()
		w.ok(w.Tell(t.Context(), sam, "period", now, now.Add(2*time.Hour)))
		ct := w.talks(anne)
		quality, safety := w.begins(sam, ct.ID, listening.Quality, listening.Joined), w.begins(vera, ct.ID, listening.Safety, listening.Listener)
		w.ok(w.Refuse(t.Context(), ct.ID, contact.VisitorOf(ct.ID)))
		w.ok(w.Refuse(t.Context(), ct.ID, contact.VisitorOf(ct.ID)))
		w.ended(quality, listening.ByRefusal)
		w.ended(safety, listening.ByRefusal) // nothing says that she is in danger
		if _, err := w.writes(sam, ct.ID); err == nil {
			t.Error("who was put out writes on")
		}
		w.cannot("fault.listening.refused", sam, ct.ID, listening.Safety, listening.Listener)
		_, err := w.contacts.SetDanger(t.Context(), ct.ID, true, audit.Actor{Kind: audit.Staff, ID: anne}, false)
		w.ok(err)
		w.cannot("fault.listening.refused", sam, ct.ID, listening.Quality, listening.Listener)
		safety = w.begins(vera, ct.ID, listening.Safety, listening.Listener)

		other := w.talks(bilal)
		_, err = w.contacts.SetDanger(t.Context(), other.ID, true, audit.Actor{Kind: audit.Staff, ID: bilal}, false)
		w.ok(err)
		quality, safety = w.begins(sam, other.ID, listening.Quality, listening.Listener), w.begins(vera, other.ID, listening.Safety, listening.Listener)
		w.ok(w.Refuse(t.Context(), other.ID, contact.VisitorOf(other.ID)))
		w.ended(quality, listening.ByRefusal)
		w.runs(safety)
	})
}

// Who only follows writes nothing; who joins does, under her name, and the child reads that she came and went.
func TestWritingAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		l := w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		if _, err := w.writes(sam, ct.ID); err == nil {
			t.Fatal("who only reads has written")
		}
		_, err := w.SetMode(t.Context(), sam, l.ID, listening.Joined)
		w.ok(err)
		m, err := w.writes(sam, ct.ID)
		w.ok(err)
		if m.AuthorID != sam {
			t.Error("it is not under her name")
		}
		if _, err := w.writes(anne, ct.ID); err != nil {
			t.Error("the counsellor no longer writes:", err)
		}
		_, err = w.SetMode(t.Context(), sam, l.ID, listening.Whisperer)
		w.ok(err)
		if _, err := w.writes(sam, ct.ID); err == nil {
			t.Error("she writes on")
		}
		messages, err := w.chats.Latest(t.Context(), ct.ID, 0, 100)
		w.ok(err)
		said := ""
		for _, m := range messages {
			said += m.Body + "\n"
		}
		for _, words := range []string{"Sam, de l'équipe, nous rejoint", "Je suis là aussi.", "Sam a quitté la conversation"} {
			if !strings.Contains(said, words) {
				t.Errorf("nobody says %q", words)
			}
		}
	})
}

// A whispered note is kept once, and sealed; the person's conversation has nothing of it.
func TestAWhisper(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		l := w.begins(sam, ct.ID, listening.Safety, listening.Whisperer)
		id := store.NewID()
		for range 2 {
			_, err := w.Whisper(t.Context(), sam, l.ID, id, "Demandez où elle est.")
			w.ok(err)
		}
		notes, err := w.Whispers(t.Context(), ct.ID)
		w.ok(err)
		if len(notes) != 1 || notes[0].Text != "Demandez où elle est." || notes[0].ToID != anne || notes[0].AuthorID != sam {
			t.Errorf("%+v", notes)
		}
		sealed, err := store.One(t.Context(), w.db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT text_sealed FROM whisper`)
		w.ok(err)
		if strings.Contains(string(sealed), "Demandez") {
			t.Error("it is not sealed")
		}
		messages, err := w.chats.Latest(t.Context(), ct.ID, 0, 100)
		w.ok(err)
		for _, m := range messages {
			if strings.Contains(m.Body, "Demandez") {
				t.Error("the person reads it")
			}
		}
		_, err = w.Whisper(t.Context(), sam, l.ID, store.NewID(), " ")
		w.refused(err, "fault.listening.whisper_empty")
		_, err = w.Whisper(t.Context(), sam, l.ID, store.NewID(), strings.Repeat("a", 601))
		w.refused(err, "fault.listening.whisper_long")
		_, err = w.Whisper(t.Context(), vera, l.ID, store.NewID(), "x")
		w.refused(err, "fault.listening.unknown")
		w.ok(w.End(t.Context(), sam, l.ID))
		_, err = w.Whisper(t.Context(), sam, l.ID, store.NewID(), "x")
		w.refused(err, "fault.listening.over")
	})
}

// The time runs out, unless it is renewed; and who is gone from her page listens no longer.
func TestTheTimeLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		l := w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		stays := func(d time.Duration) {
			t.Helper()
			for ; d > 0; d -= time.Minute {
				w.clock.pass(time.Minute)
				w.ok(w.Beat(t.Context(), sam))
				w.ok(w.Sweep(t.Context()))
			}
		}
		stays(19 * time.Minute)
		w.runs(l)
		_, err := w.Renew(t.Context(), sam, l.ID)
		w.ok(err)
		stays(19 * time.Minute)
		w.runs(l)
		stays(time.Minute)
		w.ended(l, listening.ByTime)
		l = w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		w.clock.pass(2 * time.Minute)
		w.ok(w.Sweep(t.Context()))
		w.ended(l, listening.ByLine)
	})
}

// It ends with the conversation, with the counsellor who has it, and when she takes it over.
func TestItEndsWithTheConversation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		other, her := w.begins(vera, ct.ID, listening.Safety, listening.Listener), w.begins(sam, ct.ID, listening.Safety, listening.Joined)
		w.ok(w.router.Give(t.Context(), sam, ct.ID, sam))
		w.ended(her, listening.ByTakeOver)
		w.ended(other, listening.ByMove)
		w.ok(w.router.Give(t.Context(), sam, ct.ID, anne)) // and back
		if now, err := w.contacts.Get(t.Context(), ct.ID); err != nil || now.CounsellorID != anne {
			t.Fatal(now.CounsellorID, err)
		}
		again := w.begins(vera, ct.ID, listening.Safety, listening.Listener)
		_, err := w.contacts.EndConversation(t.Context(), ct.ID, audit.Actor{Kind: audit.Staff, ID: anne}, contact.Change{})
		w.ok(err)
		w.ended(again, listening.ByOver)
	})
}

// A colleague who was asked listens beside her, only listens, and is gone when she is.
func TestBesideAColleague(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		l := w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		_, err := w.Invite(t.Context(), sam, l.ID, store.NewID(), anne)
		w.refused(err, "fault.listening.invited")
		guest, err := w.Invite(t.Context(), sam, l.ID, store.NewID(), bilal)
		w.ok(err)
		_, err = w.Invite(t.Context(), sam, l.ID, store.NewID(), bilal)
		w.refused(err, "fault.listening.invited")
		w.refused(w.Attach(t.Context(), bilal, ct.ID, "peer"), "fault.listening.over") // she has not come yet
		_, err = w.SetMode(t.Context(), bilal, guest.ID, listening.Joined)
		w.refused(err, "fault.listening.beside")
		_, err = w.SetMode(t.Context(), bilal, guest.ID, listening.Listener)
		w.ok(err)
		_, err = w.Whisper(t.Context(), bilal, guest.ID, store.NewID(), "x")
		w.refused(err, "fault.listening.beside")
		_, err = w.Invite(t.Context(), bilal, guest.ID, store.NewID(), vera)
		w.refused(err, "fault.listening.invited")
		w.ok(w.End(t.Context(), sam, l.ID))
		w.ended(guest, listening.ByHost)
	})
}

// Somebody listens to one call at a time.
func TestOneCallAtATime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.opens(contact.ChannelPhone, anne), w.opens(contact.ChannelPhone, bilal)
		l := w.begins(sam, first.ID, listening.Safety, listening.Listener)
		w.cannot("fault.listening.one_call", sam, second.ID, listening.Safety, listening.Listener)
		w.begins(vera, second.ID, listening.Safety, listening.Listener)
		w.ok(w.End(t.Context(), sam, l.ID))
		w.begins(sam, second.ID, listening.Safety, listening.Listener)
	})
}

// The node of the call does not answer when a listening ends: it is asked again until it does.
func TestWhoListensIsTakenOutOfACallOnANodeThatWasAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.opens(contact.ChannelPhone, anne)
		l := w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		now, node := store.Millis(w.clock.now()), store.NewID()
		_, err := w.db.Exec(t.Context(), `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, began_at, lease_until) VALUES ($1, $2, $3, 'test', 'in', 'talking', 'fr', $4, $5)`,
			store.NewID(), ct.ID, node, now, now+60_000)
		w.ok(err)
		w.ok(w.End(t.Context(), sam, l.ID))
		w.ended(l, listening.ByHer)
		asked := make(chan string, 8)
		stop, err := w.bus.Serve("phone."+node+".ask", func(_ string, wish []byte) []byte { asked <- string(wish); return []byte("{}") })
		w.ok(err)
		defer stop()
		select {
		case wish := <-asked:
			if !strings.Contains(wish, sam) || !strings.Contains(wish, ct.ID) {
				t.Errorf("it was asked %s", wish)
			}
		case <-time.After(10 * time.Second):
			t.Error("the node that came back was not asked again")
		}
	})
}

// Both screens are told, with ids only.
func TestTheCounsellorIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		heard := make(chan string, 10)
		stop, err := w.bus.Subscribe("staff.*", func(subject string, payload []byte) { heard <- subject + " " + string(payload) })
		w.ok(err)
		defer stop()
		w.ok(w.bus.Flush())
		ct := w.talks(anne)
		w.begins(sam, ct.ID, listening.Safety, listening.Listener)
		want := map[string]bool{"staff." + anne: true, "staff." + sam: true}
		for len(want) > 0 {
			select {
			case e := <-heard:
				if subject, payload, _ := strings.Cut(e, " "); strings.Contains(payload, `"listening"`) {
					if strings.Contains(payload, "safety") {
						t.Error("the bus says why:", payload)
					}
					delete(want, subject)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("not told:", want)
			}
		}
	})
}

// After a thousand listenings the log holds together and has each of them, and nothing of them can be changed unnoticed.
func TestTheLogAfterAThousand(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ct := w.talks(anne)
		const n = 1000
		for range n {
			l := w.begins(sam, ct.ID, listening.Safety, listening.Listener)
			w.ok(w.End(t.Context(), sam, l.ID))
			w.clock.pass(time.Millisecond)
		}
		for {
			if sealed, err := w.audit.SealTail(t.Context()); err != nil {
				t.Fatal(err)
			} else if sealed == 0 {
				break
			}
		}
		whole := func() bool {
			r, err := audit.Verify(t.Context(), w.db, w.keys.Derive("audit"))
			w.ok(err)
			return r.Broken == ""
		}
		if !whole() {
			t.Fatal("the log does not hold together")
		}
		for _, act := range []string{"listening.begin", "listening.end"} {
			got, err := store.One(t.Context(), w.db, func(r store.Row) (k int, err error) { return k, r.Scan(&k) }, `SELECT count(*) FROM audit WHERE act = $1`, act)
			if err != nil || got != n {
				t.Errorf("%d rows of %s (%v)", got, act, err)
			}
		}
		_, err := w.db.Exec(t.Context(), `UPDATE audit SET purpose = 'training' WHERE id = (SELECT max(id) FROM audit WHERE act = 'listening.begin')`)
		w.ok(err)
		if whole() {
			t.Error("a purpose was changed and nobody sees it")
		}
	})
}
