package chat_test

import (
	"sync"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// lines are what the house said by itself in a conversation.
func (w *world) lines(id string) []string {
	w.t.Helper()
	var said []string
	for _, m := range w.conversation(id) {
		if m.From == chat.System && m.Kind == chat.Line {
			said = append(said, m.Body)
		}
	}
	return said
}

func (w *world) sweep() time.Duration {
	w.t.Helper()
	next, err := w.SweepSilence(w.ctx)
	w.must(err)
	return next
}

func TestAChildWhoGoesQuiet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		patience := w.set.Lines.Silence
		say := func(code string) string { return w.set.Lines.Say(code, "young", "fr", nil) }
		ct := w.talking(claire)
		w.says(ct, "bonjour")
		w.clock.forward(time.Hour) // it is the counsellor's turn: nobody is quiet
		w.sweep()
		if n := len(w.lines(ct.ID)); n != 0 {
			t.Fatalf("%d lines while she waits for us", n)
		}
		w.answers(ct, "Tu veux m'en dire plus ?")

		w.clock.forward(patience.First - time.Second)
		if next := w.sweep(); len(w.lines(ct.ID)) != 0 || next > time.Second {
			t.Fatalf("too early, or the next look is in %s", next)
		}
		w.clock.forward(time.Second)
		w.sweep()
		w.sweep()
		if said := w.lines(ct.ID); len(said) != 1 || said[0] != say("silence_first") {
			t.Fatalf("first line: %q", said)
		}
		w.clock.forward((patience.Second - patience.First))
		w.sweep()
		if said := w.lines(ct.ID); len(said) != 2 || said[1] != say("silence_second") {
			t.Fatalf("second line: %q", said)
		}
		w.clock.forward((patience.Park - patience.Second))
		w.sweep()
		w.sweep()
		if got := w.get(ct.ID); got.State != contact.Parked || got.CounsellorID != claire.ID {
			t.Fatalf("%s", got.State)
		}
		if n := len(w.lines(ct.ID)); n > 3 {
			t.Errorf("%d lines", n)
		}
		w.says(ct, "pardon j'étais à table")
		if got := w.get(ct.ID); got.State != contact.Talking {
			t.Errorf("back, and %s", got.State)
		}
	})
}

func TestAWordOfTheChildBeginsHerSilenceAnew(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for range 3 {
		w.answers(ct, "Je t'écoute.")
		w.clock.forward(110 * time.Second)
		w.says(ct, "euh")
		w.clock.forward(110 * time.Second)
		w.sweep()
	}
	if n := len(w.lines(ct.ID)); n != 0 {
		t.Errorf("%d lines to a child who answers", n)
	}
}

// A day that the clock jumps over is nobody's silence: her patience begins anew, and nobody is parked.
func TestAJumpOfTheClockIsNobodysSilence(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.answers(ct, "Je t'écoute.")
	node := chat.NewSilenceWatch()
	look := func(late time.Duration) {
		t.Helper()
		due := w.clock.now()
		w.clock.forward(late)
		w.must(w.LookForSilence(w.ctx, node, due))
	}
	look(24 * time.Hour)
	if n := len(w.lines(ct.ID)); n != 0 || w.get(ct.ID).State != contact.Talking {
		t.Fatalf("%d lines, and she is %s", n, w.get(ct.ID).State)
	}
	look(-time.Hour)
	if n := len(w.lines(ct.ID)); n != 0 || w.get(ct.ID).State != contact.Talking {
		t.Fatalf("%d lines once the clock is back, and she is %s", n, w.get(ct.ID).State)
	}
	w.answers(ct, "Tu es toujours là ?")
	w.clock.forward(w.set.Lines.Silence.First)
	look(0)
	if n := len(w.lines(ct.ID)); n != 1 {
		t.Errorf("%d lines once she really is quiet", n)
	}
}

func TestWhoIsTypingIsNotSilent(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.answers(ct, "Je t'écoute.")
	w.clock.forward(3 * time.Minute)
	w.Typing(ct.ID, chat.Visitor, true)
	eventually(t, "the typing", func() bool { return w.TypedAgo(ct.ID) == 0 })
	if next := w.sweep(); len(w.lines(ct.ID)) != 0 || next > 30*time.Second {
		t.Errorf("%d lines, and the next look is in %s", len(w.lines(ct.ID)), next)
	}
	w.clock.forward(31 * time.Second)
	w.sweep()
	if n := len(w.lines(ct.ID)); n != 1 {
		t.Errorf("%d lines once she stopped", n)
	}
}

func TestManyNodesSayALineOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		nodes := []*chat.Chats{w.Chats}
		for range 3 {
			b, err := bus.Open(w.ctx, bus.Options{})
			w.must(err)
			t.Cleanup(b.Close)
			node, _ := w.node(b, chat.Options{})
			nodes = append(nodes, node)
		}
		ct := w.talking(claire)
		w.answers(ct, "Je t'écoute.")
		for _, pause := range []time.Duration{2 * time.Minute, 4 * time.Minute, 10 * time.Minute} {
			w.clock.forward(pause)
			var wait sync.WaitGroup
			for _, node := range nodes {
				wait.Go(func() {
					for range 3 {
						if _, err := node.SweepSilence(w.ctx); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wait.Wait()
		}
		if said := w.lines(ct.ID); len(said) != 3 {
			t.Errorf("%d lines: %q", len(said), said)
		}
		if got := w.get(ct.ID); got.State != contact.Parked {
			t.Error(got.State)
		}
		parked := 0
		for _, act := range w.acts(ct.ID) {
			if act == "contact.quiet" {
				parked++
			}
		}
		if parked != 1 {
			t.Errorf("parked %d times", parked)
		}
	})
}

// On PostgreSQL a message and a parking can pass each other: the sweep brings her back.
func TestAWordThatCrossedItsParkingIsNotForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.answers(ct, "Je t'écoute.")
		w.says(ct, "attends")
		w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
		w.sweep()
		if got := w.get(ct.ID); got.State != contact.Talking {
			t.Errorf("%s", got.State)
		}
		// Parked on purpose, long after her last word: it stays parked.
		w.clock.forward(time.Minute)
		w.moved(ct.ID, contact.Quiet, claire, contact.Change{})
		w.sweep()
		if got := w.get(ct.ID); got.State != contact.Parked {
			t.Errorf("%s", got.State)
		}
	})
}
