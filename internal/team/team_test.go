package team_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vigie/internal/casefile/casetest"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
	"vigie/internal/team"
)

const (
	camille   = "0197bbbb-0000-7000-8000-00000000000a"
	dominique = "0197bbbb-0000-7000-8000-00000000000b"
	morgane   = "0197bbbb-0000-7000-8000-00000000000c"
)

type world struct {
	*casetest.World
	*team.Team
	called []string
	fails  bool
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
		w.Team = team.New(team.Options{DB: db, Keys: w.Keys, Audit: w.Log, Bus: w.Bus, Contacts: w.Contacts, Now: w.Now, OnCall: func(_ context.Context, kind string) error {
			w.called = append(w.called, kind)
			if w.fails {
				return errors.New("no answer")
			}
			return nil
		}})
		test(w)
	})
}

func (w *world) raised(staffID, reason string) team.Hand {
	w.T.Helper()
	h, err := w.Raise(w.Ctx, staffID, "", reason)
	w.Must(err)
	return h
}

func (w *world) hands() []team.Hand {
	w.T.Helper()
	all, err := w.Hands(w.Ctx)
	w.Must(err)
	return all
}

// A hand is up once, whatever is said of it meanwhile; another reason is the same hand.
func TestAHandIsUpOnce(t *testing.T) {
	onEach(t, func(w *world) {
		first := w.raised(camille, team.Advice)
		again := w.raised(camille, team.Danger)
		if all := w.hands(); len(all) != 1 || again.ID != first.ID || all[0].Reason != team.Danger {
			w.T.Errorf("hands: %+v", all)
		}
		if _, err := w.Raise(w.Ctx, camille, "", "boredom"); !fault.Is(err, fault.Invalid) {
			w.T.Errorf("an unknown reason: %v", err)
		}
		w.raised(morgane, team.Technical)
		if all := w.hands(); all[0].ID != first.ID {
			w.T.Error("the urgent one does not come first")
		}
	})
}

// Two supervisors take a hand at once: one has it, and the other reads who. It is nobody's own to take.
func TestOneOfTwoSupervisorsHasIt(t *testing.T) {
	onEach(t, func(w *world) {
		h := w.raised(camille, team.Advice)
		if _, err := w.Take(w.Ctx, h.ID, camille); !fault.Is(err, fault.Forbidden) {
			w.T.Errorf("she takes her own: %v", err)
		}
		type taken struct {
			team.Hand
			error
		}
		both := make(chan taken, 2)
		for _, who := range []string{dominique, morgane} {
			go func() {
				h, err := w.Take(w.Ctx, h.ID, who)
				both <- taken{h, err}
			}()
		}
		a, b := <-both, <-both
		w.Must(errors.Join(a.error, b.error))
		if a.TakenBy == "" || a.TakenBy != b.TakenBy {
			w.T.Errorf("taken by %q and %q", a.TakenBy, b.TakenBy)
		}
		if err := w.Lower(w.Ctx, h.ID, "0197bbbb-0000-7000-8000-00000000000f", false); !fault.Is(err, fault.Forbidden) {
			w.T.Errorf("a colleague takes it down: %v", err)
		}
		w.Must(w.Lower(w.Ctx, h.ID, camille, false))
		w.Must(w.Lower(w.Ctx, h.ID, camille, false))
		if len(w.hands()) != 0 {
			w.T.Error("it is still up")
		}
	})
}

// Nobody comes: it rings at all supervisors, then the one on call is called, once, and again where that failed. Who comes ends it.
func TestAHandThatNobodyTakesRingsWider(t *testing.T) {
	onEach(t, func(w *world) {
		h := w.raised(camille, team.Advice)
		w.raised(morgane, team.Break)
		w.Must(w.Ring(w.Ctx))
		if w.hands()[0].Rung != team.RungFree {
			w.T.Error("it rings at all of them at once")
		}
		w.Forward(team.WidenAfter)
		w.Must(w.Ring(w.Ctx))
		if w.hands()[0].Rung != team.RungAll || len(w.called) != 0 {
			w.T.Errorf("after %v: %+v, called %v", team.WidenAfter, w.hands()[0], w.called)
		}
		w.fails = true
		w.Forward(2 * time.Minute)
		w.Must(w.Ring(w.Ctx))
		w.fails = false
		w.Must(w.Ring(w.Ctx))
		w.Must(w.Ring(w.Ctx))
		if len(w.called) != 2 || w.called[1] != team.KindHand {
			w.T.Errorf("called %v, and nobody is woken for a pause", w.called)
		}
		_, err := w.Take(w.Ctx, h.ID, dominique)
		w.Must(err)
	})
}

// A notice stands before those it is for until they have read it, it is withdrawn, or its time is over; the record holds no word of it.
func TestANoticeStandsUntilItIsRead(t *testing.T) {
	onEach(t, func(w *world) {
		all := func(string) bool { return true }
		send := func(words string, until time.Duration) team.Notice {
			n, err := w.Send(w.Ctx, team.Notice{ID: store.NewID(), ByID: dominique, Words: words, MustRead: true, Until: store.Millis(w.Now().Add(until))})
			w.Must(err)
			return n
		}
		standing := func(who string) []team.Notice {
			s, err := w.Standing(w.Ctx, who, all)
			w.Must(err)
			return s
		}
		n := send("La ligne du 119 est en panne.", time.Hour)
		if s := standing(camille); len(s) != 1 || s[0].Words != "La ligne du 119 est en panne." {
			w.T.Fatalf("standing: %+v", s)
		}
		if len(standing(dominique)) != 0 {
			w.T.Error("it stands before her who wrote it")
		}
		if s, err := w.Standing(w.Ctx, camille, func(string) bool { return false }); err != nil || len(s) != 0 {
			w.T.Error("it stands before one it is not for")
		}
		w.Must(w.Read(w.Ctx, n.ID, camille))
		w.Must(w.Read(w.Ctx, n.ID, camille))
		read, err := w.Readings(w.Ctx)
		w.Must(err)
		if len(standing(camille)) != 0 || len(standing(morgane)) != 1 || len(read[n.ID]) != 1 {
			w.T.Errorf("read: %v", read)
		}
		w.Must(w.Withdraw(w.Ctx, n.ID, morgane))
		if len(standing(morgane)) != 0 {
			w.T.Error("withdrawn, it stands")
		}
		send("Réunion à 18 h.", time.Hour)
		w.Forward(time.Hour)
		if len(standing(morgane)) != 0 {
			w.T.Error("its time is over, it stands")
		}
		if kept, err := w.Notices(w.Ctx); err != nil || len(kept) != 2 {
			w.T.Errorf("history: %v %v", kept, err)
		}
	})
}

// The team room: who wrote what, who is named, what is unread; taken away its words are gone; after thirty days all of it is.
func TestTheTeamRoomForgets(t *testing.T) {
	onEach(t, func(w *world) {
		say := func(by, words string, names ...string) team.Message {
			m, err := w.Say(w.Ctx, team.Message{ID: store.NewID(), ByID: by, Words: words, Mentions: names})
			w.Must(err)
			w.Forward(time.Second)
			return m
		}
		first := say(camille, "Quelqu'un a la fiche de Snapchat ?", morgane)
		say(morgane, "Oui, dans les réponses prêtes.")
		all, err := w.Messages(w.Ctx, 0, 50)
		w.Must(err)
		if len(all) != 2 || all[0].Words != first.Words || !all[0].Names(morgane) {
			w.T.Fatalf("messages: %+v", all)
		}
		if n, _, err := w.Unread(w.Ctx, camille); err != nil || n != 1 {
			w.T.Errorf("unread: %d %v", n, err)
		}
		w.Must(w.Mark(w.Ctx, camille, all[1].SentAt))
		w.Must(w.Mark(w.Ctx, camille, 1)) // never back
		if n, _, _ := w.Unread(w.Ctx, camille); n != 0 {
			w.T.Errorf("unread after reading: %d", n)
		}
		if err := w.Remove(w.Ctx, first.ID, morgane, false); !fault.Is(err, fault.Forbidden) {
			w.T.Errorf("a colleague takes it away: %v", err)
		}
		w.Must(w.Remove(w.Ctx, first.ID, dominique, true))
		if all, err = w.Messages(w.Ctx, 0, 50); err != nil || all[0].Words != "" || all[0].RemovedBy != dominique {
			w.T.Errorf("taken away: %+v %v", all[0], err)
		}
		w.Forward(29 * 24 * time.Hour)
		w.Must(w.Forget(w.Ctx))
		if all, err = w.Messages(w.Ctx, 0, 50); err != nil || len(all) != 2 {
			w.T.Errorf("after 29 days: %d %v", len(all), err)
		}
		w.Forward(2 * 24 * time.Hour)
		w.Must(w.Forget(w.Ctx))
		if all, err = w.Messages(w.Ctx, 0, 50); err != nil || len(all) != 0 {
			w.T.Errorf("after 31 days: %d %v", len(all), err)
		}
		keys, err := store.One(w.Ctx, w.DB, func(r store.Row) (n int64, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM keys.wrapped_key WHERE kind = 'team_day'`)
		if err != nil || keys != 0 {
			w.T.Errorf("keys of days that are left: %d %v", keys, err)
		}
	})
}
