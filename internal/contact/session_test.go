package contact_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (w *world) session(contactID string) string {
	w.t.Helper()
	token, err := w.NewSession(w.ctx, contactID)
	w.must(err)
	return token
}

func TestASessionOpensOneContactAndCostsNoStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		token := w.session(ct.ID)
		s, err := w.Session(w.ctx, token)
		w.must(err)
		if s.ContactID != ct.ID || s.PersonID != ct.PersonID {
			t.Errorf("%+v", s)
		}
		before := db.Statements()
		for range 100 {
			_, err := w.Session(w.ctx, token)
			w.must(err)
		}
		if n := db.Statements() - before; n != 0 {
			t.Errorf("%d statements for 100 requests", n)
		}
		if n := w.count(`SELECT count(*) FROM visitor_session WHERE token_hash = $1`, []byte(token)); n != 0 {
			t.Error("the token itself is in the record")
		}
	})
}

func TestWhatIsNoSessionIsRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	token := w.session(w.child().ID)
	for name, forged := range map[string]string{
		"nothing": "", "a word": "admin", "the right length": strings.Repeat("A", len(token)),
		"one sign changed": "_" + token[1:], "longer": token + "A", "a megabyte": strings.Repeat("A", 1<<20),
	} {
		if forged == token {
			continue
		}
		if _, err := w.Session(w.ctx, forged); err == nil {
			t.Errorf("%s opens something", name)
		} else {
			w.refused(err, "fault.contact.session")
		}
	}
	_, err := w.NewSession(w.ctx, store.NewID())
	w.refused(err, "fault.contact.unknown")
}

func TestASessionEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		alive := func(token string) bool { _, err := w.Session(w.ctx, token); return err == nil }

		ct := w.talking(claire)
		one, other := w.session(ct.ID), w.session(ct.ID)
		if !alive(one) || !alive(other) {
			t.Fatal("they do not begin")
		}
		w.must(w.EndSession(w.ctx, one))
		w.must(w.EndSession(w.ctx, one))
		if alive(one) || !alive(other) {
			t.Error("ending one session must end that one")
		}
		// Once closed, an hour for the last page.
		w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
		if w.clock.forward(59 * time.Minute); !alive(other) {
			t.Error("the last page was taken away too early")
		}
		if w.clock.forward(time.Minute); alive(other) {
			t.Error("it goes on an hour after the close")
		}
		// And a day at most.
		long := w.session(w.child().ID)
		if w.clock.forward(24*time.Hour - time.Second); !alive(long) {
			t.Error("it ended within the day")
		}
		if w.clock.forward(time.Second); alive(long) {
			t.Error("it goes on after a day")
		}
		_, err := w.Sweep(w.ctx)
		w.must(err)
		if n := w.count(`SELECT count(*) FROM visitor_session`); n != 0 {
			t.Errorf("%d sessions that ended are still in the record", n)
		}
	})
}

func TestQuickExitOnOneNodeEndsTheSessionOnAnother(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		here, there := bustest.Two(t)
		one, other := w.node(here, contact.Options{}), w.node(there, contact.Options{})
		bustest.Meet(t, here, there)
		ct := w.child()
		token := w.session(ct.ID)
		_, err := other.Session(w.ctx, token)
		w.must(err)
		_, err = one.LeaveQuickly(w.ctx, ct.ID)
		w.must(err)
		eventually(t, "the other node forgets the session", func() bool { _, err := other.Session(w.ctx, token); return err != nil })
	})
}

func TestALostAnnouncementIsForgottenWithinMinutes(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	deaf, err := bus.Open(w.ctx, bus.Options{}) // a bus of its own: it hears nothing
	w.must(err)
	t.Cleanup(deaf.Close)
	other := w.node(deaf, contact.Options{})
	ct := w.child()
	token := w.session(ct.ID)
	_, err = other.Session(w.ctx, token)
	w.must(err)
	w.must(w.EndSession(w.ctx, token))
	w.clock.forward(5 * time.Minute)
	_, err = other.Session(w.ctx, token)
	w.refused(err, "fault.contact.session")
}
