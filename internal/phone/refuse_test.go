package phone_test

import (
	"slices"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
)

// saysIn has an announcement be a tone of its own in a language.
func (w *world) saysIn(lang, code string, tone float64, length time.Duration) {
	w.t.Helper()
	w.ok(w.phone.SetSound(w.t.Context(), code, lang, wavOf(audio.Sine(tone, 0.3, length)), staffActor(sam)))
}

// says has an announcement be a tone of its own.
func (w *world) says(code string, tone float64, length time.Duration) {
	w.t.Helper()
	w.saysIn("fr", code, tone, length)
}

// heardOnce waits until these tones were heard together at some moment of the call.
func (r *ring) heardOnce(what string, tones ...float64) {
	r.w.t.Helper()
	r.w.until(what, func() bool { return r.heardEver(tones...) })
}

// heardEver says whether these tones were heard together at some moment of the call.
func (r *ring) heardEver(tones ...float64) bool {
	r.heard.mu.Lock()
	all := slices.Clone(r.heard.all)
	r.heard.mu.Unlock()
	for piece := range slices.Chunk(all, audio.Rate/10) {
		if !slices.ContainsFunc(tones, func(tone float64) bool { return audio.Goertzel(piece, tone) < loudEnough }) {
			return true
		}
	}
	return false
}

// presses has the caller press a key now.
func (r *ring) presses(digit byte) { r.keys <- digit }

// The key refuses a supervisor's ear from the greeting on, wherever the caller is before she is answered, and she hears
// that it counts.
func TestAListenerIsRefusedBeforeTheCallIsAnswered(t *testing.T) {
	t.Parallel()
	after := func(d time.Duration) how { return pressing(caller.Key{Digit: '9', After: d}) }
	for _, moment := range []struct {
		when  string
		menu  bool
		keys  how
		press bool // in line
	}{
		{when: "in the greeting", keys: after(100 * time.Millisecond)},
		{when: "a moment after the greeting", keys: after(1300 * time.Millisecond)},
		{when: "in the menu", menu: true, keys: after(1500 * time.Millisecond)},
		{when: "in line", keys: skip, press: true},
	} {
		t.Run(moment.when, func(t *testing.T) {
			t.Parallel()
			w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Menu = moment.menu }})
			w.says("listening_refused", helpTone, time.Second)
			w.lasts("menu", 2*time.Second)
			r := w.rings(moment.keys)
			if moment.press {
				w.waits(1)
				r.presses('9')
			}
			r.heardOnce("she hears that it counts", helpTone)
			w.works(anne)
			above := w.opens(sam, bilalTone)
			id := w.ringing(anne)
			w.sees(id, "she refused", func(v phone.View) bool { return v.NoListening })
			w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true), "fault.phone.no_listening")
		})
	}
}

// In the call she may refuse too, for a while: who listens is put out, the counsellor goes on being heard, and she
// hears that it counts.
func TestAListenerIsRefusedInTheCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("listening_refused", helpTone, 3*time.Second)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Joining, true))
	must(t, "the caller of three", r.heard.last, anneTone, bilalTone)

	r.presses('9')
	r.heardOnce("she is told under the voice of her counsellor", anneTone, helpTone)
	w.sees(id, "nobody listens, and the desk says why", func(v phone.View) bool { return v.NoListening && v.Listeners == 0 })
	must(t, "the supervisor who was put out", above.last)
	must(t, "the caller afterwards", r.heard.last, anneTone)
	must(t, "the counsellor, who was told nothing", at.last, childTone)
	w.refused(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true), "fault.phone.no_listening")
}

// On hold she is told over the music.
func TestAListenerIsRefusedOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("listening_refused", helpTone, 2*time.Second)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Hold(t.Context(), anne, id, true))
	must(t, "the caller on hold", r.heard.last, musicTone)
	r.presses('9')
	r.heardOnce("she is told", helpTone)
	must(t, "the caller afterwards", r.heard.last, musicTone)
	w.sees(id, "she refused", func(v phone.View) bool { return v.NoListening })
}

// When her counsellor has talked with her for a while, a 9 is what she answers with.
func TestANineOfALongTalkIsAKey(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.RefuseListeningFor = time.Millisecond }})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	r.presses('9')
	if v := w.sees(id, "her counsellor sees the key", func(v phone.View) bool { return v.Pressed == "9" }); v.NoListening {
		t.Error("it refused a supervisor's ear")
	}
}

// Whoever listens for the safety of somebody in danger stays, and the caller is not told that nobody listens.
func TestARefusalInDanger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.says("listening_refused", musicTone, 2*time.Second)
	w.says("listening_danger", helpTone, 2*time.Second)
	w.works(anne)
	at, above := w.opens(anne, anneTone), w.opens(sam, bilalTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	_, err := w.contacts.SetDanger(t.Context(), id, true, staffActor(anne), false)
	w.ok(err)
	w.ok(w.phone.Listen(t.Context(), sam, id, above.id, phone.Listening, true))
	must(t, "the supervisor who listens", above.last, childTone, anneTone)
	r.presses('9')
	r.heardOnce("she is told under the voice of her counsellor", anneTone, helpTone)
	w.sees(id, "she refused", func(v phone.View) bool { return v.NoListening })
	must(t, "the supervisor who listens on", above.last, childTone, anneTone)
	if ct, err := w.contacts.Get(t.Context(), id); err != nil || ct.State != contact.Talking {
		t.Fatalf("the contact is %s, %v", ct.State, err)
	}
}
