package phone_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/routing"
	"vigie/internal/store"
)

// letters are the messages that wait to be read.
func (w *world) letters() []contact.Contact {
	w.t.Helper()
	all, err := w.contacts.InStates(w.t.Context(), contact.Waiting)
	w.ok(err)
	var left []contact.Contact
	for _, ct := range all {
		if ct.Channel == contact.ChannelMessage {
			left = append(left, ct)
		}
	}
	return left
}

// letter waits for the message that a caller leaves.
func (w *world) letter() contact.Contact {
	w.t.Helper()
	w.until("a message is left", func() bool { return len(w.letters()) == 1 })
	return w.letters()[0]
}

// speaks leaves a voice message, and hangs up in the middle of it or presses #.
func (w *world) speaks(opts ...how) *ring {
	w.closed.Store(true)
	return w.rings(append([]how{skip}, opts...)...)
}

// While we are closed a message is spoken onto the tape; it is sealed, played to whoever may, and each listening is in
// the log. The number is promised a call.
func TestAVoiceMessage(t *testing.T) {
	t.Parallel()
	onEach(t, aVoiceMessage)
}

// usual is how loud a tone is in most tenths of a second: where a busy machine was late it is bent, and in the whole of
// it would seem quieter than anybody hears it.
func usual(sound []int16, tone float64) float64 {
	const piece = audio.Rate / 10
	var levels []float64
	for ; len(sound) >= piece; sound = sound[piece:] {
		levels = append(levels, audio.Goertzel(sound[:piece], tone))
	}
	if len(levels) == 0 {
		return 0
	}
	slices.Sort(levels)
	return levels[len(levels)/2]
}

func aVoiceMessage(t *testing.T, w *world) {
	r := w.speaks(pressing(caller.Key{Digit: '#', After: 6 * time.Second}))
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
	ct := w.letter()
	w.until("the call is over", func() bool { return w.outcome() == phone.ByHouse })
	if !w.reasons(ct.ID)["voicemail"] {
		t.Fatalf("it waits for %v", w.reasons(ct.ID))
	}
	m, ok, err := w.phone.Message(t.Context(), ct.ID)
	w.ok(err)
	if !ok || m.Length < 2*time.Second || m.HeardAt != 0 {
		t.Fatalf("the message is %+v", m)
	}
	_, _, err = w.phone.Play(t.Context(), ct.ID, "", staffActor(anne))
	w.refused(err, "fault.phone.listen_again")
	if m, _, err = w.phone.Message(t.Context(), ct.ID); err != nil || m.HeardAt != 0 {
		t.Errorf("nobody listened, and the message is %+v, %v", m, err)
	}
	m, pass, err := w.phone.Hear(t.Context(), ct.ID, staffActor(anne))
	w.ok(err)
	if m.HeardAt == 0 || m.HeardBy != anne {
		t.Errorf("Anne listens, and the message is %+v", m)
	}
	_, _, err = w.phone.Play(t.Context(), ct.ID, pass, staffActor(bilal))
	w.refused(err, "fault.phone.listen_again")
	sound, m, err := w.phone.Play(t.Context(), ct.ID, pass, staffActor(anne))
	w.ok(err)
	defer sound.Close()
	wav, err := io.ReadAll(sound)
	w.ok(err)
	if int64(len(wav)) != m.Bytes() {
		t.Errorf("it is said to have %d bytes, and has %d", m.Bytes(), len(wav))
	}
	clip, err := audio.ReadWAV(bytes.NewReader(wav), time.Hour)
	w.ok(err)
	if spoken := clip.Samples(); usual(spoken[len(spoken)/2:], childTone) < loudEnough {
		t.Error("what the child said is not in the message")
	}
	looks, err := w.audit.Rows(t.Context(), audit.Filter{ObjectID: ct.ID, Act: "phone.message_heard", Limit: 10})
	w.ok(err)
	if len(looks) != 1 || looks[0].Actor.ID != anne {
		t.Errorf("the listening is in the log as %+v", looks)
	}
	if promise, ok, err := w.phone.Callback(t.Context(), ct.ID); err != nil || !ok || promise.State != phone.CallbackOpen {
		t.Errorf("the call-back is %+v, %v, %v", promise, ok, err)
	}
	// Who listened first is kept, each listening is in the log, and a pass ends.
	m, _, err = w.phone.Hear(t.Context(), ct.ID, staffActor(sam))
	w.ok(err)
	looks, err = w.audit.Rows(t.Context(), audit.Filter{ObjectID: ct.ID, Act: "phone.message_heard", Limit: 10})
	w.ok(err)
	if m.HeardBy != anne || len(looks) != 2 {
		t.Errorf("first heard by %q, %d listenings in the log", m.HeardBy, len(looks))
	}
	w.ahead.Store(int64(time.Hour))
	_, _, err = w.phone.Play(t.Context(), ct.ID, pass, staffActor(anne))
	w.refused(err, "fault.phone.listen_again")
	w.ahead.Store(0)
	// Erased, the sound is gone too.
	w.ok(w.contacts.Erase(t.Context(), ct.ID, staffActor(sam), "asked"))
	if _, _, err := w.phone.Play(t.Context(), ct.ID, pass, staffActor(anne)); err == nil {
		t.Error("an erased message is still played")
	}
	_, _, err = w.phone.Hear(t.Context(), ct.ID, staffActor(anne))
	w.refused(err, "fault.phone.no_message")
	if named, err := phone.NamedBlobs(t.Context(), w.db); err != nil || len(named) != 0 {
		t.Errorf("an erased message still has a file: %v, %v", named, err)
	}
}

// Whoever hangs up in the middle of the message has left it; whoever says nothing has not.
func TestAMessageThatIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.speaks()
	time.Sleep(6 * time.Second)
	r.hangsUp()
	if m, ok, err := w.phone.Message(t.Context(), w.letter().ID); err != nil || !ok || m.Length < time.Second {
		t.Fatalf("the message is %+v, %v, %v", m, ok, err)
	}
}

func TestAMessageThatIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.speaks(pressing(caller.Key{Digit: '#', After: 1500 * time.Millisecond}))
	r.ends()
	if n := len(w.letters()); n != 0 {
		t.Fatalf("%d messages were left by somebody who said nothing", n)
	}
}

// Whoever waits may ask to be called back: she leaves the line, and her contact waits to be called.
func TestACallBackThatIsAskedFor(t *testing.T) {
	t.Parallel()
	onEach(t, aCallBackThatIsAskedFor)
}

func aCallBackThatIsAskedFor(t *testing.T, w *world) {
	r := w.rings(skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond}))
	if by := r.ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
	ct := w.letter()
	if !w.reasons(ct.ID)["callback"] {
		t.Fatalf("she waits for %v", w.reasons(ct.ID))
	}

	// A counsellor takes it and calls; nobody sees a number, neither here nor there.
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			sounds(c, childTone)
		}
	})
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.refused(w.phone.CallBack(t.Context(), anne, ct.ID, true), "fault.contact.not_yours")
	w.takes(anne, ct.ID)
	w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
	w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true)) // said twice is said once
	if n := len(w.dials()); n != 0 {
		t.Fatal("it rings there before the counsellor is on the line")
	}
	w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
	w.sees(ct.ID, "she answers", func(v phone.View) bool { return v.State == phone.Talking })
	must(t, "the counsellor who called", at.last, childTone)
	there := w.dials()[0]
	if there.Called() != child {
		t.Fatalf("%q was called", there.Called())
	}
	if shown := there.Caller(); !shown.Withheld {
		t.Errorf("our number is shown: %+v", shown)
	}
	if b := w.promise(ct.ID); b.State != phone.CallbackOpen || b.Outcome != phone.ByAnswer || b.Tries != 1 {
		t.Errorf("somebody answered, and the call-back is %+v", b)
	}
	w.ok(w.phone.Answered(t.Context(), anne, ct.ID, phone.ByPerson))
	if b := w.promise(ct.ID); b.State != phone.CallbackReached || b.Tries != 1 {
		t.Errorf("it was her, and the call-back is %+v", b)
	}
	w.ok(w.phone.HangUp(t.Context(), anne, ct.ID))
	w.until("the call is over", func() bool { return w.outcome() == phone.ByStaff })
	if w.state(ct.ID) != contact.Talking {
		t.Errorf("the message is %s: it goes on when the call is over", w.state(ct.ID))
	}
}

// A number that is busy is tried again later, and after some tries a human decides.
func TestACallBackThatReachesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rings(skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond})).ends()
	ct := w.letter()
	w.works(anne)
	at := w.opens(anne, anneTone)
	for try := 1; try <= 3; try++ {
		w.takes(anne, ct.ID)
		w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
		w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
		w.until("the try is over", func() bool { return w.phone.Calls() == 0 })
		b := w.promise(ct.ID)
		want, state := phone.CallbackOpen, contact.Waiting
		if try == 3 {
			want, state = phone.CallbackGivenUp, contact.Talking
		}
		if got := w.state(ct.ID); got != state {
			t.Fatalf("after %d tries the contact is %s", try, got)
		}
		if b.State != want || b.Tries != try || b.Outcome != phone.ByBusy || b.DueAt <= store.Millis(w.now()) {
			t.Fatalf("after %d tries the call-back is %+v", try, b)
		}
	}
}

// A number that is withheld cannot be called back; she is told, and stays in line.
func TestACallBackToAWithheldNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rings(from(""), skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond}))
	time.Sleep(2500 * time.Millisecond)
	if n := len(w.letters()); n != 0 {
		t.Fatal("a call-back was promised to nobody")
	}
	waiting, err := w.contacts.InStates(t.Context(), contact.Waiting)
	w.ok(err)
	if len(waiting) != 1 || waiting[0].Channel != contact.ChannelPhone {
		t.Fatalf("in line are %+v", waiting)
	}
}

// A caller whose line was cut by us is recognised when she rings again, and comes first.
func TestACallerWhoWasCutOffComesFirst(t *testing.T) {
	t.Parallel()
	rec := newRecord(t)
	w := rec.node(setting{})
	r := w.rings(skip)
	w.until("she is in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		return err == nil && len(all) == 1
	})
	first, err := w.contacts.InStates(t.Context(), contact.Waiting)
	w.ok(err)
	// The node dies: nothing it would have done at its end is done.
	_, err = w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0`)
	w.ok(err)
	w.until("her call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
	r.hangsUp()
	w.until("nobody waits who is not there", func() bool { return w.state(first[0].ID) == contact.Closed })

	w.rings(skip)
	var again contact.Contact
	w.until("she is back in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		if err != nil || len(all) != 1 {
			return false
		}
		again = all[0]
		return true
	})
	if !w.reasons(again.ID)["cut_off"] || again.PersonID != first[0].PersonID {
		t.Fatalf("she is back as %+v, for %v", again, w.reasons(again.ID))
	}
	// Somebody else is not.
	w.rings(from("+33639980002"), skip)
	w.until("somebody else is in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		return err == nil && len(all) == 2
	})
	all, err := w.contacts.InStates(t.Context(), contact.Waiting)
	w.ok(err)
	for _, ct := range all {
		if ct.ID != again.ID && (w.reasons(ct.ID)["cut_off"] || ct.PersonID == again.PersonID) {
			t.Error("somebody else is taken for her")
		}
	}
}

// Whoever is kept out for a while hears who answers now, and is not in line; a danger lets her in.
func TestACallerWhoIsKeptOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	r.hangsUp()
	w.until("the first call is over", func() bool { return w.outcome() == phone.ByCaller })
	b, err := w.router.Block(t.Context(), anne, id, routing.BlockPerson, routing.BlockReasons[0], time.Hour) // while it is written up
	w.ok(err)
	if b.Kind != routing.BlockNetwork {
		t.Fatalf("what is blocked is her %s, and she calls back", b.Kind)
	}
	if by := w.rings().ends(); by != "them" {
		t.Fatalf("the call was ended by %q", by)
	}
	w.until("the second call is over", func() bool { return w.outcome() == phone.ByBlock })
	w.rings(from("+33639980002"), skip)
	w.until("somebody else is let in", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting, contact.Offered)
		return err == nil && len(all) == 1
	})
}

// The number is shown to two people who agree, for a life in danger, and to nobody else; both are in the log.
func TestUnmaskingTakesTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	id := w.answers(anne, at)
	ctx := t.Context()
	w.refused(w.contacts.HoldNetwork(ctx, id, staffActor(anne), "danger"), "fault.contact.no_danger")
	_, err := w.contacts.SetDanger(ctx, id, true, staffActor(anne), false)
	w.ok(err)
	w.ok(w.contacts.HoldNetwork(ctx, id, staffActor(anne), "danger"))
	_, err = w.contacts.ReadNetwork(ctx, id, staffActor(anne))
	w.refused(err, "fault.contact.second")
	w.refused(w.contacts.ConfirmNetwork(ctx, id, staffActor(anne)), "fault.contact.second")
	w.ok(w.contacts.ConfirmNetwork(ctx, id, staffActor(sam)))
	n, err := w.contacts.ReadNetwork(ctx, id, staffActor(anne))
	w.ok(err)
	if n.Number != child {
		t.Fatalf("the number is %q", n.Number)
	}
	reads, err := w.audit.Rows(ctx, audit.Filter{ObjectID: id, Act: "contact.network_read", Limit: 10})
	w.ok(err)
	if len(reads) != 1 || reads[0].Actor.ID != anne || reads[0].Detail["two"] != "yes" {
		t.Fatalf("the reading is in the log as %+v", reads)
	}
}

// Two calls at once: a counsellor on the phone is rung for nothing else.
func TestACallTakesAllOfACounsellor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	w.answers(anne, at)
	w.rings(from("+33639980002"), skip)
	chat, err := w.contacts.Open(t.Context(), contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"})
	w.ok(err)
	time.Sleep(1500 * time.Millisecond)
	if r, ok, err := w.router.RingingAt(t.Context(), anne); err != nil || ok {
		t.Fatalf("%+v rings at a desk that is on the phone (%v)", r, err)
	}
	// Nor is a call offered to a desk without a phone; the chat is.
	w.ok(w.router.SetPresence(t.Context(), bilal, routing.Available, ""))
	if id := w.ringing(bilal); id != chat.ID {
		t.Fatalf("%s rings at a desk without a phone", id)
	}
}

// An evening on which nobody is at a desk: plain telephones ring one after the other, an answering machine takes nobody,
// and whoever says by a key that she is there has the caller; the contact is left to be written up.
func TestPlainTelephonesRingWhereNobodyIsThere(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) {
		rules.Overflow = catalogue.OverflowRules{After: time.Second, Numbers: []string{"+33639980011", "+33639980010", "+33639980012"}}
	}})
	w.onDial(func(c *trunk.Call) {
		if c.Called() == "+33639980011" {
			_ = c.Refuse(486)
			return
		}
		if c.Called() == "+33639980010" { // an answering machine
			if c.Ring() == nil && c.Answer(context.Background()) == nil {
				sounds(c, bilalTone)
			}
			return
		}
		takes(c)
	})
	r := w.rings(skip)
	w.until("the answering machine has been asked", func() bool { return len(w.dials()) == 2 })
	must(t, "the caller meanwhile", r.heard.last, musicTone)
	for begun := time.Now(); len(w.dials()) < 3; time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > 40*time.Second {
			t.Fatal("the caller is left with an answering machine")
		}
	}
	must(t, "the caller with the plain telephone", r.heard.last, helpTone)
	ct := w.letter()
	if !w.reasons(ct.ID)["overflow"] {
		t.Errorf("it waits to be written up for %v", w.reasons(ct.ID))
	}
	r.hangsUp()
	w.until("the call is over", func() bool { return w.outcome() == phone.ByCaller })
	if w.state(ct.ID) != contact.Waiting {
		t.Errorf("what is to be written up is %s", w.state(ct.ID))
	}
}

// Where somebody is at a desk, though busy, nobody's own telephone rings.
func TestPlainTelephonesAreForNobodyElse(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) {
		rules.Overflow = catalogue.OverflowRules{After: 0, Numbers: []string{"+33639980011"}}
	}})
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	w.answers(anne, at)
	w.rings(from("+33639980002"), skip)
	time.Sleep(2 * time.Second)
	if n := len(w.dials()); n != 0 {
		t.Fatalf("%d telephones rang", n)
	}
}

// What is said is recorded only where the helpline decides so, sealed, and each listening is in the log.
func TestARecording(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, true)) // what nobody says to her is in no recording
	must(t, "the caller on hold", r.heard.last, musicTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, false))
	must(t, "the caller who is back", r.heard.last, anneTone)
	r.hangsUp()
	var all []phone.Recording
	w.until("the recording is kept", func() bool {
		var err error
		all, err = w.phone.Recordings(t.Context(), id)
		w.ok(err)
		return len(all) == 1
	})
	sound, rec, err := w.phone.PlayRecording(t.Context(), id, all[0].ID, staffActor(sam))
	w.ok(err)
	defer sound.Close()
	wav, err := io.ReadAll(sound)
	w.ok(err)
	if int64(len(wav)) != rec.Bytes() {
		t.Errorf("it is said to have %d bytes, and has %d", rec.Bytes(), len(wav))
	}
	clip, err := audio.ReadWAV(bytes.NewReader(wav), time.Hour)
	w.ok(err)
	spoken := clip.Samples()
	together := false // in some second: when her browser's first sound comes is the machine's affair
	for from := 0; from+audio.Rate <= len(spoken) && !together; from += audio.Rate / 10 {
		said := spoken[from : from+audio.Rate]
		together = usual(said, childTone) >= loudEnough && usual(said, anneTone) >= loudEnough
	}
	if !together {
		t.Error("not both are in the recording")
	}
	if audio.Goertzel(spoken, musicTone) > silently {
		t.Error("the music of the hold is in the recording")
	}
	looks, err := w.audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "phone.recording_heard", Limit: 10})
	w.ok(err)
	if len(looks) != 1 {
		t.Errorf("the listening is in the log as %+v", looks)
	}
	if _, _, err := w.phone.PlayRecording(t.Context(), store.NewID(), all[0].ID, staffActor(sam)); err == nil {
		t.Error("it is played as another contact's")
	}
	piece := loud(t, wav)
	for _, file := range w.files() {
		if content, err := os.ReadFile(file); err == nil && bytes.Contains(content, piece) {
			t.Errorf("what was said is in clear in %s", filepath.Base(file))
		}
	}
}

// loud is a piece of sound that is found nowhere by chance: no silence.
func loud(t *testing.T, wav []byte) []byte {
	t.Helper()
	for at := 44; at+64 <= len(wav); at += 64 {
		different := map[byte]bool{}
		for _, b := range wav[at : at+64] {
			different[b] = true
		}
		if len(different) > 30 {
			return wav[at : at+64]
		}
	}
	t.Fatal("the recording is silent throughout")
	return nil
}

func TestNothingIsRecordedUnasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	r.hangsUp()
	w.until("it is over", func() bool { return w.outcome() == phone.ByCaller })
	if all, err := w.phone.Recordings(t.Context(), id); err != nil || len(all) != 0 {
		t.Fatalf("recorded are %v, %v", all, err)
	}
}

// A partner line's callers have a queue of their own, and say which line sends them.
func TestAPartnerLine(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) {
		rules.Partners = []catalogue.Partner{{Code: "119", Label: catalogue.Text{"fr": "le 119", "en": "the 119"}, Numbers: []string{"01 99 00 11 22"}, Queue: "partner"}}
	}})
	w.rings(from("+33199001122"), skip)
	var ct contact.Contact
	w.until("it is in line", func() bool {
		all, err := w.contacts.InStates(t.Context(), contact.Waiting)
		w.ok(err)
		if len(all) == 1 {
			ct = all[0]
		}
		return len(all) == 1
	})
	if ct.Queue != "partner" || !w.reasons(ct.ID)["partner"] {
		t.Fatalf("it waits in %q for %v", ct.Queue, w.reasons(ct.ID))
	}
}

// A call-back is promised in the call itself, with her yes: it stands in the list, and rings her when it is taken.
func TestACallBackThatIsPromisedInTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			sounds(c, childTone)
		}
	})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.refused(w.phone.Promise(t.Context(), bilal, id), "fault.contact.not_yours")
	w.ok(w.phone.Promise(t.Context(), anne, id))
	w.ok(w.phone.Promise(t.Context(), anne, id))
	promised := w.letter()
	if promised.ID != phone.PromiseOf(id) || !w.reasons(promised.ID)["callback"] || w.reasons(promised.ID)["came_back"] {
		t.Fatalf("in the list is %+v, for %v", promised, w.reasons(promised.ID))
	}
	if _, err := w.contacts.EndConversation(t.Context(), id, staffActor(anne), contact.Change{}); err != nil {
		t.Fatal(err)
	}
	r.ends()
	w.ok(w.router.Take(t.Context(), anne, promised.ID))
	w.ok(w.phone.CallBack(t.Context(), anne, promised.ID, true))
	w.ok(w.phone.Attach(t.Context(), anne, promised.ID, at.id, false))
	w.sees(promised.ID, "she answers", func(v phone.View) bool { return v.State == phone.Talking })
	must(t, "the counsellor who called back", at.last, childTone)
	if called := w.dials()[0].Called(); called != child {
		t.Fatalf("%q was called", called)
	}
}

// A hand-over that nobody takes leaves nobody in music: the caller is back with her counsellor.
func TestAHandOverThatNobodyTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.works(bilal)
	w.opens(bilal, bilalTone)
	w.ok(w.phone.Announce(t.Context(), anne, id, phone.First))
	w.ok(w.router.HandOver(t.Context(), anne, id, bilal))
	must(t, "the caller, while it rings", r.heard.last, musicTone)
	time.Sleep(2500 * time.Millisecond) // it rings on
	must(t, "the caller, while it still rings", r.heard.last, musicTone)
	w.ok(w.router.Decline(t.Context(), bilal, id))
	w.sees(id, "the caller is back", func(v phone.View) bool { return v.State == phone.Talking && !v.Held })
	must(t, "the caller who is back", r.heard.last, anneTone)
}
