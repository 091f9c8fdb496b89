package exposure_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/exposure"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

const camille = "0197bbbb-0000-7000-8000-00000000000a"

type world struct {
	*casetest.World
	*exposure.Exposure
	looks  []exposure.Look
	forgot time.Time
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
		w.Exposure = w.node()
		w.Must(w.Exposure.Count(w.Ctx)) // the first look only sets the clock
		test(w)
	})
}

func (w *world) node() *exposure.Exposure {
	return exposure.New(exposure.Options{DB: w.DB, Contacts: w.Contacts, Catalogue: w.Catalogue, Now: w.Now,
		Looks:       func(context.Context, string, time.Time) ([]exposure.Look, error) { return w.looks, nil },
		ForgetLooks: func(_ context.Context, before time.Time) error { w.forgot = before; return nil }})
}

var by = audit.Actor{Kind: audit.Staff, ID: camille}

// talks is a contact that she has in hand.
func (w *world) talks(channel, topic string) contact.Contact {
	w.T.Helper()
	ct, err := w.Contacts.Open(w.Ctx, contact.Opening{ID: store.NewID(), Channel: channel, Lang: "fr", Topic: topic})
	w.Must(err)
	w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
		_, err := w.Contacts.Move(w.Ctx, tx, ct.ID, contact.Take, by, contact.Change{StaffID: camille})
		return err
	}))
	return ct
}

// pass lets minutes go by, each counted.
func (w *world) pass(minutes int) {
	w.T.Helper()
	for range minutes {
		w.Forward(time.Minute)
		w.Must(w.Exposure.Count(w.Ctx))
	}
}

func (w *world) closes(ct contact.Contact) {
	w.T.Helper()
	_, err := w.Contacts.SetGrave(w.Ctx, ct.ID, true, by, true)
	w.Must(err)
	_, err = w.Contacts.Dismiss(w.Ctx, ct.ID, "silent", by, true)
	w.Must(err)
	w.Must(w.Exposure.Count(w.Ctx))
}

func (w *world) today() exposure.Day {
	w.T.Helper()
	d, err := w.Today(w.Ctx, camille)
	w.Must(err)
	return d
}

// What is hard counts while it goes on, once however many nodes look; what is not never does.
func TestHardMinutesAreCountedOnce(t *testing.T) {
	onEach(t, func(w *world) {
		other := w.node()
		hard := w.talks(contact.ChannelChat, "sextortion")
		for range 10 {
			w.Forward(time.Minute)
			w.Must(w.Exposure.Count(w.Ctx))
			w.Must(other.Count(w.Ctx))
		}
		if d := w.today(); d.Read != 10*time.Minute || d.Heard != 0 {
			w.T.Fatalf("ten minutes of a hard chat: %+v", d)
		}
		if w.World.Count(`SELECT count(*) FROM exposure_day`) != 0 {
			w.T.Error("a contact that goes on is in the day already")
		}
		w.Must(w.DB.Tx(w.Ctx, func(tx *store.Tx) error {
			_, err := w.Contacts.Move(w.Ctx, tx, hard.ID, contact.StaffEnds, by, contact.Change{})
			return err
		}))
		w.talks(contact.ChannelChat, "screens")
		w.pass(10)
		if d := w.today(); d.Read != 10*time.Minute {
			w.T.Errorf("what is light counts: %+v", d)
		}
	})
}

// With two chats at once each takes half of the time; a call is heard. What turns out to be grave counts from its beginning.
func TestMinutesAreSharedAmongConversations(t *testing.T) {
	onEach(t, func(w *world) {
		light := w.talks(contact.ChannelChat, "screens")
		w.talks(contact.ChannelChat, "images")
		w.pass(10)
		if d := w.today(); d.Read != 5*time.Minute {
			w.T.Errorf("half of ten minutes: %+v", d)
		}
		_, err := w.Contacts.SetGrave(w.Ctx, light.ID, true, by, false)
		w.Must(err)
		if d := w.today(); d.Read != 10*time.Minute {
			w.T.Errorf("both are hard now: %+v", d)
		}
		w.talks(contact.ChannelPhone, "home")
		w.pass(3)
		if d := w.today(); d.Heard != time.Minute || d.Read != 12*time.Minute {
			w.T.Errorf("a third of three minutes was heard: %+v", d)
		}
	})
}

// When a contact is closed its minutes stay, and nothing says whose they were; where nobody counted for an hour, two minutes are.
func TestNoContactIsKept(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks(contact.ChannelChat, "sextortion")
		w.pass(5)
		w.Forward(time.Hour)
		w.Must(w.Exposure.Count(w.Ctx))
		w.closes(ct)
		if w.World.Count(`SELECT count(*) FROM exposure_open`) != 0 {
			w.T.Error("the contact is still named")
		}
		if d := w.today(); d.Read != 7*time.Minute {
			w.T.Errorf("today: %+v", d)
		}
	})
}

// After thirty days nothing is left, whether or not the house has published its durations; her page has thirty days.
func TestTheMinutesAreForgotten(t *testing.T) {
	onEach(t, func(w *world) {
		ct := w.talks(contact.ChannelChat, "sextortion")
		w.pass(5)
		w.closes(ct)
		w.Forward(29 * 24 * time.Hour)
		w.Must(w.Forget(w.Ctx))
		days, err := w.Mine(w.Ctx, camille)
		w.Must(err)
		if len(days) != 30 || days[0].Read != 5*time.Minute {
			w.T.Errorf("after 29 days: %d days, the first %+v", len(days), days[0])
		}
		w.Forward(2 * 24 * time.Hour)
		w.Must(w.Forget(w.Ctx))
		if w.World.Count(`SELECT count(*) FROM exposure_day`) != 0 || !w.forgot.Equal(w.Now().Add(-exposure.Kept)) {
			w.T.Error("after 31 days something is left")
		}
	})
}

// Three words: by the pictures alone, or by all of it, whichever is more.
func TestADayHasThreeWords(t *testing.T) {
	lines := &catalogue.Lines{HardMost: 20 * time.Minute, HardAll: 2 * time.Hour}
	for _, c := range []struct {
		day  exposure.Day
		want exposure.Step
	}{
		{exposure.Day{}, exposure.Light},
		{exposure.Day{Heard: 59 * time.Minute}, exposure.Light},
		{exposure.Day{Heard: 40 * time.Minute, Read: 20 * time.Minute}, exposure.Filled},
		{exposure.Day{Heard: 96 * time.Minute}, exposure.Much},
		{exposure.Day{Seen: 10 * time.Minute}, exposure.Filled},
		{exposure.Day{Seen: 16 * time.Minute}, exposure.Much},
	} {
		if got := exposure.StepOf(c.day, lines); got != c.want {
			t.Errorf("%+v is %s, want %s", c.day, got, c.want)
		}
	}
}
