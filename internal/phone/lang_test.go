package phone_test

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/store"
)

// speaking is the cast in which Bilal speaks French alone, and Anne English too.
func speaking() roster {
	cast := theCast()
	cast[1].Langs = []string{"fr"}
	return cast
}

// ofLang is a helpline where a caller may choose English by the key 8, with a greeting and a sentence of its own.
func ofLang(t *testing.T, more func(*catalogue.Phone)) *world {
	t.Helper()
	w := newRecord(t).node(setting{cast: speaking(), rules: func(rules *catalogue.Phone) {
		if more != nil {
			more(rules)
		}
	}})
	w.saysIn("en", "greeting", helpTone, 2*time.Second)
	w.saysIn("en", "other_language", bilalTone, time.Second)
	return w
}

// callLang is the language of the newest call, as the record has it.
func (w *world) callLang() string {
	w.t.Helper()
	s, err := store.One(w.t.Context(), w.db, func(r store.Row) (string, error) { var s string; return s, r.Scan(&s) }, `SELECT lang FROM phone_call ORDER BY began_at DESC LIMIT 1`)
	w.ok(err)
	return s
}

// queue is that in which somebody waits, by the catalogue's own rules.
func (w *world) queue(ct contact.Contact) string {
	w.t.Helper()
	seeds, err := catalogue.Seeds()
	w.ok(err)
	return seeds.Queues.For(ct.Lang, ct.Public, ct.Topic).Code
}

// A key after the greeting has all of the call be in English: what she hears, where she waits, and who is rung.
func TestACallerWhoChoosesEnglish(t *testing.T) {
	t.Parallel()
	w := ofLang(t, nil)
	w.works(bilal)
	w.works(anne)
	r := w.rings()
	r.heardOnce("she hears, in English, that there is English", bilalTone)
	if r.heardEver(helpTone) {
		t.Fatal("she is greeted in English before she chose it")
	}
	r.presses('8')
	r.heardOnce("she is greeted in English", helpTone)
	id := w.ringing(anne)
	ct, err := w.contacts.Get(t.Context(), id)
	w.ok(err)
	if queue := w.queue(ct); ct.Lang != "en" || !strings.HasSuffix(queue, "_en") || w.callLang() != "en" {
		t.Errorf("she waits in %q, in %q; the call is in %q", ct.Lang, queue, w.callLang())
	}
	time.Sleep(time.Second)
	if _, rings, err := w.router.RingingAt(t.Context(), bilal); err != nil || rings {
		t.Errorf("it rings at somebody's who speaks no English, %v", err)
	}
	// Cut off, she is known, and spoken with in English.
	_, err = w.db.Exec(t.Context(), `UPDATE phone_call SET node = 'gone', lease_until = 0`)
	w.ok(err)
	w.until("her call is given up for lost", func() bool { return w.outcome() == phone.ByNodeLost })
	r.hangsUp()
	w.saysIn("en", "greeting_returning", helpTone, time.Second)
	w.rings().heardOnce("she is greeted in English again", helpTone)
}

// The key counts in the greeting too, for who knows it.
func TestEnglishIsChosenInTheGreeting(t *testing.T) {
	t.Parallel()
	w := ofLang(t, nil)
	w.works(anne)
	r := w.rings(pressing(caller.Key{Digit: '8', After: 200 * time.Millisecond}))
	r.heardOnce("she is greeted in English", helpTone)
	if r.heardEver(bilalTone) {
		t.Error("she hears about a key that she has pressed")
	}
}

// Where nobody who speaks it is at a desk, or it is switched off, it is neither said nor chosen.
func TestALanguageThatNobodySpeaks(t *testing.T) {
	t.Parallel()
	for _, why := range []string{"nobody is there", "switched off"} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			w := ofLang(t, func(rules *catalogue.Phone) {
				if why == "switched off" {
					rules.Second.Key = ""
				}
			})
			w.works(bilal)
			if why == "switched off" {
				w.works(anne)
			}
			r := w.rings(pressing(caller.Key{Digit: '8', After: 300 * time.Millisecond}))
			r.heardOnce("she is greeted", musicTone)
			w.until("she is in line, in French", func() bool {
				all, err := w.contacts.InStates(t.Context(), contact.Waiting, contact.Offered)
				w.ok(err)
				return len(all) == 1 && all[0].Lang == "fr"
			})
			silent := w.rings(from("+33639980002"))
			w.until("so is who pressed nothing", func() bool {
				all, err := w.contacts.InStates(t.Context(), contact.Waiting, contact.Offered)
				w.ok(err)
				return len(all) == 2
			})
			for _, one := range []*ring{r, silent} {
				if one.heardEver(bilalTone) || one.heardEver(helpTone) {
					t.Error("she heard of English")
				}
			}
		})
	}
}

// A number of ours may have a language of its own.
func TestANumberOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	w := ofLang(t, func(rules *catalogue.Phone) {
		rules.Called = []catalogue.CalledNumber{{Called: []string{"3018800"}, Lang: "en"}}
	})
	w.works(bilal)
	w.works(anne)
	to := func(o *caller.Options) { o.To = strings.Replace(o.To, "sip:3018@", "sip:3018800@", 1) }
	r := w.rings(to)
	r.heardOnce("she is greeted in English", helpTone)
	id := w.ringing(anne)
	if ct, err := w.contacts.Get(t.Context(), id); err != nil || ct.Lang != "en" || w.callLang() != "en" {
		t.Errorf("she waits in %q, %v", ct.Lang, err)
	}
	if r.heardEver(bilalTone) {
		t.Error("she is offered the language in which she is greeted")
	}
}
