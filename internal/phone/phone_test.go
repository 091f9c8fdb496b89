package phone_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// A caller is greeted, waits with music, rings at a desk, is talked with, is put on hold and brought back, and
// the counsellor ends it. Who hears whom is heard.
func TestACallFromTheGreetingToTheGoodbye(t *testing.T) {
	t.Parallel()
	onEach(t, aCallFromTheGreetingToTheGoodbye)
}

func aCallFromTheGreetingToTheGoodbye(t *testing.T, w *world) {
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.ringing(anne)
	must(t, "the caller who waits", r.heard.last, musicTone)
	must(t, "the counsellor who has not answered", at.last)

	w.ok(w.router.Accept(t.Context(), anne, id))
	w.ok(w.phone.Attach(t.Context(), anne, id, at.id, false))
	w.ok(w.phone.Attach(t.Context(), anne, id, at.id, false)) // said twice is said once
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor", at.last, childTone)
	if v := w.sees(id, "they talk", func(v phone.View) bool { return v.State == phone.Talking }); v.Peer != at.id || v.Owner != anne || v.Since == 0 {
		t.Fatalf("the call is %+v", v)
	}

	w.ok(w.phone.Hold(t.Context(), anne, id, true))
	must(t, "the caller on hold", r.heard.last, musicTone)
	must(t, "the counsellor of a caller on hold", at.last)
	w.sees(id, "she is on hold", func(v phone.View) bool { return v.State == phone.Held && v.Held })
	w.ok(w.phone.Hold(t.Context(), anne, id, false))
	must(t, "the caller who is back", r.heard.last, anneTone)
	must(t, "the counsellor of a caller who is back", at.last, childTone)

	if _, err := w.contacts.EndConversation(t.Context(), id, staffActor(anne), contact.Change{}); err != nil {
		t.Fatal(err)
	}
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q, want by the helpline", by)
	}
	w.until("the call is written off", func() bool { return w.outcome() == phone.ByStaff })
	if w.state(id) != contact.WrapUp {
		t.Fatalf("the contact is %s", w.state(id))
	}
	var legs []string
	w.until("how both lines did is kept", func() bool {
		var err error
		legs, err = store.All(t.Context(), w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) },
			`SELECT kind FROM phone_leg ORDER BY kind`)
		w.ok(err)
		return len(legs) == 2
	})
	if legs[0] != "caller" || legs[1] != "counsellor" {
		t.Fatalf("the lines whose quality was kept are %v", legs)
	}
}

// The number is nowhere in the record that is not sealed, nor in what is said of it on the bus.
func TestTheNumberIsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var said bytes.Buffer
	stop, err := w.bus.Subscribe(">", func(subject string, payload []byte) { said.WriteString(subject); said.Write(payload) })
	w.ok(err)
	w.works(anne)
	r := w.rings(skip)
	w.ringing(anne)
	r.hangsUp()
	w.until("the call is over", func() bool { return w.outcome() == phone.ByCaller })
	w.ok(w.bus.Flush())
	stop()
	if bytes.Contains(said.Bytes(), []byte("639980001")) {
		t.Error("the number was said on the bus")
	}
	for _, file := range w.files() {
		content, err := os.ReadFile(file)
		w.ok(err)
		if bytes.Contains(content, []byte("639980001")) {
			t.Errorf("the number is in %s", filepath.Base(file))
		}
	}
}

// A caller who hangs up in line has left the line, and nobody is rung for her any more.
func TestACallerWhoHangsUpInLineLeavesIt(t *testing.T) {
	t.Parallel()
	onEach(t, aCallerWhoHangsUpInLineLeavesIt)
}

func aCallerWhoHangsUpInLineLeavesIt(t *testing.T, w *world) {
	w.works(anne)
	r := w.rings(skip)
	id := w.ringing(anne)
	r.hangsUp()
	w.until("her contact is closed", func() bool { return w.state(id) == contact.Closed })
	w.until("nothing rings any more", func() bool {
		_, ok, err := w.router.RingingAt(t.Context(), anne)
		return err == nil && !ok
	})
	w.until("the call is written off", func() bool { return w.outcome() == phone.ByCaller })
}

// A caller who hangs up while she talks is written up by her counsellor.
func TestACallerWhoHangsUpIsWrittenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the counsellor", at.last, childTone)
	r.hangsUp()
	w.until("it is to be written up", func() bool { return w.state(id) == contact.WrapUp })
	w.refused(w.phone.Hold(t.Context(), anne, id, true), "fault.phone.no_line")
}

// A counsellor whose browser is gone finds her caller again when she is back in time, in another tab too, and the
// caller hears music meanwhile.
func TestABrowserThatIsBackInTime(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: 8 * time.Second})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)

	w.ok(w.phone.Leave(t.Context(), anne, w.phone.Node(), at.id)) // the page is being left
	w.sees(id, "the caller is parked", func(v phone.View) bool { return v.State == phone.Parked })
	must(t, "the caller who is parked", r.heard.last, musicTone)
	if w.state(id) != contact.Talking {
		t.Fatalf("the contact is %s: it is still hers", w.state(id))
	}
	again := w.opens(anne, anneTone)
	w.ok(w.phone.Attach(t.Context(), anne, id, again.id, false))
	must(t, "the caller who is not parked any more", r.heard.last, anneTone)
	must(t, "the counsellor who is back", again.last, childTone)
}

// A counsellor who does not come back loses the caller to the front of the line, and the next one has her.
func TestABrowserThatIsNotBackInTime(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{grace: time.Second})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.works(bilal)
	w.ok(w.router.SetPresence(t.Context(), anne, "away", ""))
	at.leaves()
	w.ok(w.phone.Leave(t.Context(), anne, w.phone.Node(), at.id))
	next := w.opens(bilal, bilalTone)
	if got := w.answers(bilal, next); got != id {
		t.Fatalf("%s rings at the next desk, want %s", got, id)
	}
	must(t, "the caller with the next counsellor", r.heard.last, bilalTone)
	must(t, "the next counsellor", next.last, childTone)
	reasons := w.reasons(id)
	if !reasons["counsellor_lost"] {
		t.Fatalf("it does not say why she came first: %v", reasons)
	}
}

// Two tabs of one counsellor: the first has the call, the second only when she says so.
func TestTwoTabsOfOneCounsellor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	one, two := w.opens(anne, anneTone), w.opens(anne, bilalTone)
	r := w.rings(skip)
	id := w.answers(anne, one)
	must(t, "the caller", r.heard.last, anneTone)
	w.refused(w.phone.Attach(t.Context(), anne, id, two.id, false), "fault.phone.elsewhere")
	w.ok(w.phone.Attach(t.Context(), anne, id, two.id, true))
	must(t, "the caller of the second tab", r.heard.last, bilalTone)
	must(t, "the first tab", one.last)
	must(t, "the second tab", two.last, childTone)
}

// Nobody has to do with a call that is not hers.
func TestACallIsItsCounsellorsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at, other := w.opens(anne, anneTone), w.opens(bilal, bilalTone)
	w.rings(skip)
	id := w.answers(anne, at)
	const not = "fault.contact.not_yours"
	ctx := t.Context()
	w.refused(w.phone.Attach(ctx, bilal, id, other.id, true), not)
	w.refused(w.phone.Hold(ctx, bilal, id, true), not)
	w.refused(w.phone.Press(ctx, bilal, id, "1"), not)
	w.refused(w.phone.Invite(ctx, bilal, id, "119", phone.Together), not)
	w.refused(w.phone.Merge(ctx, bilal, id), not)
	w.refused(w.phone.Pass(ctx, bilal, id), not)
	w.refused(w.phone.Say(ctx, bilal, id, "silent_1"), not)
	w.refused(w.phone.HangUp(ctx, bilal, id), not)
	// Nor does somebody speak by another's browser.
	w.refused(w.phone.Attach(ctx, anne, id, other.id, true), "fault.phone.no_peer")
}

// An announced hand-over: the caller hears music while the colleague is rung and while the two counsellors speak; then
// she is with the colleague alone.
func TestAnAnnouncedHandOver(t *testing.T) {
	t.Parallel()
	onEach(t, anAnnouncedHandOver)
}

func anAnnouncedHandOver(t *testing.T, w *world) {
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)

	w.ok(w.phone.Announce(t.Context(), anne, id, phone.First))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	must(t, "the caller, while it rings", r.heard.last, musicTone)
	must(t, "the colleague, while it rings", there.last)
	w.answers(bilal, there)
	must(t, "the colleague who is told", there.last, anneTone)
	must(t, "the counsellor who tells", at.last, bilalTone)
	must(t, "the caller, while they speak of her", r.heard.last, musicTone)
	if v := w.sees(id, "it is being introduced", func(v phone.View) bool { return v.Introducing == anne }); v.Owner != bilal {
		t.Fatalf("the call is %+v: it is the colleague's since she took it", v)
	}
	w.ok(w.phone.Connect(t.Context(), anne, id))
	must(t, "the caller with the colleague", r.heard.last, bilalTone)
	must(t, "the colleague with the caller", there.last, childTone)
	must(t, "the counsellor who has left", at.last)
	w.refused(w.phone.Hold(t.Context(), anne, id, true), "fault.contact.not_yours")
}

// A colleague who was told may give the call back.
func TestAHandOverThatIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.First))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	w.answers(bilal, there)
	w.sees(id, "it is being introduced", func(v phone.View) bool { return v.Introducing == anne })
	w.ok(w.phone.GiveBack(t.Context(), bilal, id))
	must(t, "the caller", r.heard.last, anneTone)
	must(t, "the counsellor who has her again", at.last, childTone)
	must(t, "the colleague who gave her back", there.last)
	ct, err := w.contacts.Get(t.Context(), id)
	w.ok(err)
	if ct.CounsellorID != anne {
		t.Fatalf("the contact is %s's", ct.CounsellorID)
	}
}

// A hand-over without a word: the caller is with the colleague as soon as she takes it.
func TestADirectHandOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.works(bilal)
	there := w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.Straight))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	w.answers(bilal, there)
	must(t, "the caller", r.heard.last, bilalTone)
	must(t, "the colleague", there.last, childTone)
	must(t, "the counsellor who has left", at.last)
}

// The outside telephone answers with a tone of its own.
func (w *world) helpAnswers() {
	w.onDial(func(c *trunk.Call) {
		if c.Ring() != nil || c.Answer(context.Background()) != nil {
			return
		}
		sounds(c, helpTone)
	})
}

// The 119 is spoken with first, then all together, then the caller is left with it.
func TestTheOutsideTelephone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.helpAnswers()
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)

	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	w.sees(id, "the 119 answers", func(v phone.View) bool { return v.ThirdUp && v.Private && v.Third == "119" })
	must(t, "the counsellor with the 119", at.last, helpTone)
	must(t, "the caller meanwhile", r.heard.last, musicTone)
	if called := w.dials()[0].Called(); called != "119" {
		t.Fatalf("%q was dialled", called)
	}
	w.refused(w.phone.Invite(t.Context(), anne, id, "17", phone.First), "fault.phone.third")

	w.ok(w.phone.Merge(t.Context(), anne, id))
	must(t, "the caller of three", r.heard.last, anneTone, helpTone)
	must(t, "the counsellor of three", at.last, childTone, helpTone)

	w.ok(w.phone.Pass(t.Context(), anne, id))
	must(t, "the caller who is left with the 119", r.heard.last, helpTone)
	must(t, "the counsellor who has left", at.last)
	if w.state(id) != contact.WrapUp {
		t.Fatalf("the contact is %s, want to be written up", w.state(id))
	}
	_ = w.dials()[0].Hangup(t.Context(), "") // the 119 says goodbye
	if by := r.ends(); by != "them" {
		t.Fatalf("the caller's line is ended by %q", by)
	}
}

// Nothing is dialled that is not in the plan, whatever a desk sends (toll fraud).
func TestOnlyNumbersOfTheCatalogueAreDialled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.helpAnswers()
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	id := w.answers(anne, at)
	for _, code := range []string{"", "0899123456", "+33899123456", "114", "3018", "119;ext=1", "none"} {
		w.refused(w.phone.Invite(t.Context(), anne, id, code, phone.Together), "fault.phone.not_allowed")
	}
	if n := len(w.dials()); n != 0 {
		t.Fatalf("%d numbers were dialled", n)
	}
}

// An outside telephone that is busy is told of, and the caller is where she was.
func TestAnOutsideTelephoneThatIsBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	w.sees(id, "it is busy", func(v phone.View) bool { return v.Failed == phone.ByBusy && v.Third == "" })
	must(t, "the caller", r.heard.last, anneTone)
}

// A supervisor listens, whispers and joins; the caller hears her in the last only.
func TestASupervisorListens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)

	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone)
	must(t, "the caller who is listened to", r.heard.last, anneTone)
	must(t, "the counsellor who is listened to", at.last, childTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Whispering, true))
	must(t, "the counsellor who is whispered to", at.last, childTone, bilalTone)
	must(t, "the caller beside a whisper", r.heard.last, anneTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Joining, true))
	must(t, "the caller of three", r.heard.last, anneTone, bilalTone)
	must(t, "the counsellor of three", at.last, childTone, bilalTone)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, "", true))
	must(t, "the caller afterwards", r.heard.last, anneTone)
	must(t, "the supervisor afterwards", above.last)
}

// One key refuses a supervisor's ear, except where she is in danger.
func TestAListenerIsRefusedByAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
	w.rings(pressing(caller.Key{Digit: '9', After: 100 * time.Millisecond}))
	id := w.answers(anne, at)
	w.sees(id, "she refused", func(v phone.View) bool { return v.NoListening })
	w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true), "fault.phone.no_listening")
	_, err := w.contacts.SetDanger(t.Context(), id, true, staffActor(anne), false)
	w.ok(err)
	w.until("her danger counts", func() bool { return w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true) == nil })
}

// The keys that a caller presses while she talks are shown to her counsellor; those of the counsellor reach her line.
func TestKeysBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip, pressing(caller.Key{Digit: '1', After: 4 * time.Second}))
	id := w.answers(anne, at)
	w.sees(id, "she pressed 1", func(v phone.View) bool { return v.Pressed == "1" })
	w.refused(w.phone.Press(t.Context(), anne, id, "12a"), "fault.phone.digits")
	w.ok(w.phone.Press(t.Context(), anne, id, "5"))
	for end := time.After(5 * time.Second); ; {
		select {
		case e := <-r.tell:
			if e.What == "digit" && e.Detail == "5" {
				return
			}
		case <-end:
			t.Fatal("the caller's telephone heard no key")
		}
	}
}
