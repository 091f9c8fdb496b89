package phone_test

import (
	"context"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// promise is the call-back of a contact as it stands.
func (w *world) promise(id string) phone.Callback {
	w.t.Helper()
	b, ok, err := w.phone.Callback(w.t.Context(), id)
	w.ok(err)
	if !ok {
		w.t.Fatal("no call is promised")
	}
	return b
}

// asks leaves a letter that asks for a call on a number.
func (w *world) asks(wish contact.Callback) contact.Contact {
	w.t.Helper()
	if wish.On == "" {
		wish.On = "06 39 98 00 01"
	}
	ct, err := w.contacts.OpenWith(w.t.Context(), contact.Opening{ID: store.NewID(), Channel: contact.ChannelMessage, Lang: "fr"},
		func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
			return w.contacts.SetCallback(w.t.Context(), tx, ct.ID, key, wish)
		})
	w.ok(err)
	return ct
}

// takes has a counsellor take a contact that is promised a call, from the list or as it rings at her desk: by day it does.
func (w *world) takes(staffID, id string) {
	w.t.Helper()
	w.until("it is hers", func() bool {
		return w.router.Take(w.t.Context(), staffID, id) == nil || w.router.Accept(w.t.Context(), staffID, id) == nil
	})
}

// calls has a counsellor take a contact and ring its person.
func (w *world) calls(staffID, id string, at *browser) {
	w.t.Helper()
	w.takes(staffID, id)
	w.ok(w.phone.CallBack(w.t.Context(), staffID, id, true))
	w.ok(w.phone.Attach(w.t.Context(), staffID, id, at.id, false))
}

// picksUp has whoever is called answer.
func (w *world) picksUp() {
	w.onDial(func(c *trunk.Call) {
		if c.Ring() == nil && c.Answer(context.Background()) == nil {
			sounds(c, childTone)
		}
	})
}

// A letter that asks for a call is a promise like any other; a number that may not be called is none.
func TestALetterThatAsksForACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ct := w.asks(contact.Callback{})
	if b := w.promise(ct.ID); b.State != phone.CallbackOpen || !b.ByForm {
		t.Errorf("the call-back is %+v", b)
	}
	other := w.asks(contact.Callback{On: "0899 12 34 56"})
	if b, ok, err := w.phone.Callback(t.Context(), other.ID); ok || err != nil {
		t.Errorf("a call is promised: %+v, %v", b, err)
	}
}

// A try that reaches nobody puts the contact back in line until the next one is due, and the reason says when and which;
// the tries are in the list of the floor, with who has it.
func TestATryThatFailsGoesBackToTheLine(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ct := w.asks(contact.Callback{})
		w.works(anne)
		at := w.opens(anne, anneTone)
		w.calls(anne, ct.ID, at)
		w.until("she waits again", func() bool { return w.state(ct.ID) == contact.Waiting })
		got, err := w.contacts.Get(t.Context(), ct.ID)
		w.ok(err)
		b := w.promise(ct.ID)
		if b.State != phone.CallbackOpen || b.Outcome != phone.ByBusy || b.Tries != 1 || got.DueAt != b.DueAt || b.DueAt < store.Millis(w.now().Add(time.Hour)) {
			t.Fatalf("the call-back is %+v, the contact due at %d", b, got.DueAt)
		}
		reasons, err := w.contacts.Reasons(t.Context(), got)
		w.ok(err)
		if first := reasons[0]; first.Code != "callback_due" || first.Args["try"] != "2" || first.Args["hour"] == "" {
			t.Errorf("it is said: %+v", reasons)
		}
		all, err := w.phone.Promises(t.Context())
		w.ok(err)
		if len(all) != 1 || all[0].ContactID != ct.ID || all[0].Contact.CounsellorID != "" {
			t.Errorf("the list is %+v", all)
		}
	})
}

// Whoever is in danger does not wait out of sight for the next try: the contact stays with its counsellor.
func TestATryToReachSomebodyInDanger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ct := w.asks(contact.Callback{})
	_, err := w.contacts.SetDanger(t.Context(), ct.ID, true, contact.SystemActor, false)
	w.ok(err)
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.calls(anne, ct.ID, at)
	w.until("it rings there", func() bool { return len(w.dials()) == 1 })
	w.until("it is over", func() bool { return w.phone.Calls() == 0 })
	if b := w.promise(ct.ID); b.Outcome != phone.ByBusy || w.state(ct.ID) != contact.Talking {
		t.Errorf("the call-back is %+v, the contact %s", b, w.state(ct.ID))
	}
}

// A counsellor who hangs up before anybody answers, or whose browser is lost meanwhile, has tried: it is written, and the
// contact stays hers.
func TestATryThatIsBrokenOff(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		ends func(w *world, id string, at *browser)
		want string
	}{
		"she hangs up":        {func(w *world, id string, _ *browser) { w.ok(w.phone.HangUp(w.t.Context(), anne, id)) }, phone.ByHangUp},
		"her browser is lost": {func(_ *world, _ string, at *browser) { at.leaves() }, phone.ByDesk},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newRecord(t).node(setting{grace: 500 * time.Millisecond})
			w.onDial(func(c *trunk.Call) { _ = c.Ring() })
			ct := w.asks(contact.Callback{})
			w.works(anne)
			at := w.opens(anne, anneTone)
			w.calls(anne, ct.ID, at)
			w.until("it rings there", func() bool { return len(w.dials()) == 1 })
			if b := w.promise(ct.ID); b.Outcome != phone.ByBreak || b.Tries != 1 {
				t.Fatalf("should the node die now, the call-back is %+v", b)
			}
			c.ends(w, ct.ID, at)
			w.until("it is over", func() bool { return w.phone.Calls() == 0 })
			b := w.promise(ct.ID)
			if b.Outcome != c.want || b.Tries != 1 || b.State != phone.CallbackOpen || b.DueAt <= store.Millis(w.now()) {
				t.Errorf("the call-back is %+v", b)
			}
			if got := w.state(ct.ID); got != contact.Talking {
				t.Errorf("the contact is %s", got)
			}
		})
	}
}

// Only the person keeps the promise. Somebody else, or a machine, is a try that failed: the call goes on with the one and
// is hung up on the other, who hears nothing without her yes; and the contact waits for the next try.
func TestWhoAnswersACallBack(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		who  string
		wish contact.Callback
		over bool // the house hangs up
	}{
		"somebody else":           {phone.BySomebody, contact.Callback{}, false},
		"a machine":               {phone.ByMachine, contact.Callback{}, true},
		"a machine, with her yes": {phone.ByMachine, contact.Callback{Voicemail: true}, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.picksUp()
			ct := w.asks(c.wish)
			w.works(anne)
			at := w.opens(anne, anneTone)
			w.calls(anne, ct.ID, at)
			w.refused(w.phone.Answered(t.Context(), anne, ct.ID, "nobody"), "fault.phone.who")
			w.sees(ct.ID, "somebody answers", func(v phone.View) bool { return v.State == phone.Talking })
			w.refused(w.phone.Answered(t.Context(), bilal, ct.ID, c.who), "fault.contact.not_yours")
			w.ok(w.phone.Answered(t.Context(), anne, ct.ID, c.who))
			if c.over {
				w.until("it is hung up", func() bool { return w.phone.Calls() == 0 })
			} else {
				w.sees(ct.ID, "they talk on", func(v phone.View) bool { return v.State == phone.Talking })
				w.ok(w.phone.HangUp(t.Context(), anne, ct.ID))
			}
			w.until("she waits again", func() bool { return w.state(ct.ID) == contact.Waiting })
			if b := w.promise(ct.ID); b.State != phone.CallbackOpen || b.Outcome != c.who || b.Tries != 1 {
				t.Errorf("the call-back is %+v", b)
			}
		})
	}
}

// Who answered may be said when the call is over, and put right.
func TestWhoAnsweredIsSaidAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.picksUp()
	ct := w.asks(contact.Callback{})
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.ok(w.router.Take(t.Context(), anne, ct.ID))
	w.refused(w.phone.Answered(t.Context(), anne, ct.ID, phone.ByPerson), "fault.phone.no_answer")
	w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
	w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
	w.sees(ct.ID, "somebody answers", func(v phone.View) bool { return v.State == phone.Talking })
	w.ok(w.phone.HangUp(t.Context(), anne, ct.ID))
	w.until("it is over", func() bool { return w.phone.Calls() == 0 })
	if got := w.state(ct.ID); got != contact.Talking {
		t.Fatalf("nobody said who it was, and the contact is %s", got)
	}
	w.ok(w.phone.Answered(t.Context(), anne, ct.ID, phone.ByPerson))
	if b := w.promise(ct.ID); b.State != phone.CallbackReached {
		t.Errorf("the call-back is %+v", b)
	}
	w.ok(w.phone.Answered(t.Context(), anne, ct.ID, phone.BySomebody)) // she looked again
	if b := w.promise(ct.ID); b.State != phone.CallbackOpen || w.state(ct.ID) != contact.Waiting {
		t.Errorf("the call-back is %+v", b)
	}
}

// A contact with an open promise is not written up and forgotten: it is kept in line until a time, or the call is
// cancelled with a reason.
func TestAPromiseIsNotForgottenAtTheClose(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ct := w.asks(contact.Callback{})
		w.works(anne)
		w.ok(w.router.Take(t.Context(), anne, ct.ID))
		_, err := w.contacts.EndConversation(t.Context(), ct.ID, staffActor(anne), contact.Change{})
		w.ok(err)
		form, err := w.contacts.Missing(t.Context(), ct.ID)
		w.ok(err)
		for len(form) > 0 { // an answer may ask for another
			f := form[0]
			value := "x"
			if offered := f.Offered(); len(offered) > 0 {
				value = offered[0].Code
			} else if f.Type == catalogue.YesNo {
				value = "no"
			}
			_, err := w.contacts.SaveField(t.Context(), contact.Saving{ContactID: ct.ID, Field: f.Code, Value: value, Seen: contact.Overwrite, By: staffActor(anne)})
			w.ok(err)
			form, err = w.contacts.Missing(t.Context(), ct.ID)
			w.ok(err)
		}
		_, err = w.contacts.Close(t.Context(), ct.ID, staffActor(anne), false)
		w.refused(err, "fault.phone.promised")

		until := w.now().Add(3 * time.Hour)
		w.refused(w.phone.PutBack(t.Context(), ct.ID, w.now().Add(-time.Hour), staffActor(anne), false), "fault.phone.when")
		w.refused(w.phone.PutBack(t.Context(), ct.ID, until, staffActor(bilal), false), "fault.contact.not_yours")
		w.ok(w.phone.PutBack(t.Context(), ct.ID, until, staffActor(anne), false))
		if b := w.promise(ct.ID); w.state(ct.ID) != contact.Waiting || b.DueAt < store.Millis(until) {
			t.Fatalf("the contact is %s, the call-back %+v", w.state(ct.ID), b)
		}

		w.ok(w.router.Take(t.Context(), anne, ct.ID))
		_, err = w.contacts.EndConversation(t.Context(), ct.ID, staffActor(anne), contact.Change{})
		w.ok(err)
		w.refused(w.phone.CancelCallback(t.Context(), ct.ID, "", staffActor(anne)), "fault.phone.why")
		w.ok(w.phone.CancelCallback(t.Context(), ct.ID, "not_wanted", staffActor(anne)))
		if b := w.promise(ct.ID); b.State != phone.CallbackCancelled || b.Why != "not_wanted" {
			t.Errorf("the call-back is %+v", b)
		}
		_, err = w.contacts.Close(t.Context(), ct.ID, staffActor(anne), false)
		w.ok(err)
	})
}

// A refusal to be listened to goes with her into a call-back, and is not asked again; whoever did not refuse is listened to
// once her counsellor notes her yes, and not before.
func TestNobodyListensToACallBackUnasked(t *testing.T) {
	t.Parallel()
	for _, refuses := range []bool{false, true} {
		w := newWorld(t)
		w.picksUp()
		keys := pressing(caller.Key{Digit: '#', After: 200 * time.Millisecond})
		if refuses {
			keys = pressing(caller.Key{Digit: '9', After: 100 * time.Millisecond})
		}
		w.rings(keys, pressing(caller.Key{Digit: '0', After: 2500 * time.Millisecond})).ends()
		ct := w.letter()
		w.works(anne)
		at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
		w.calls(anne, ct.ID, at)
		w.sees(ct.ID, "she answers", func(v phone.View) bool {
			return v.State == phone.Talking && v.NoListening && v.Unasked == !refuses
		})
		w.refused(w.phone.Listen(t.Context(), sam, ct.ID, above.id, phone.Listening, true), "fault.phone.no_listening")
		w.refused(w.phone.Consent(t.Context(), bilal, ct.ID), "fault.contact.not_yours")
		if refuses {
			w.refused(w.phone.Consent(t.Context(), anne, ct.ID), "fault.phone.no_listening")
			continue
		}
		w.ok(w.phone.Consent(t.Context(), anne, ct.ID))
		w.ok(w.phone.Listen(t.Context(), sam, ct.ID, above.id, phone.Listening, true))
		must(t, "the supervisor", above.last, childTone, anneTone)
	}
}

// zone is where the helpline's clock hangs.
func (w *world) zone() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	w.ok(err)
	return zone
}
