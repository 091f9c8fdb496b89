package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// A visitor's session ends after a day, with a sentence in her language. Nothing she sends then is half
// taken; her four words bring her back to the conversation, which is where it was.
func TestAVisitorsSessionEndsAfterADay(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, in := range []string{"", "/en"} {
		w := newWorld(t)
		lang := i18n.French
		if in != "" {
			lang = i18n.English
		}
		child := w.browser()
		id := uuid.Must(uuid.NewV7()).String()
		child.post(in+"/chat", "contact_id", id).want(http.StatusOK)
		id = contact.IDOf(id)
		words, err := w.app.Contacts.ResumeCode(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		send := func(b *browser, in string) {
			b.post(in+"/chat/messages", "message_id", uuid.Must(uuid.NewV7()).String(), "body", "je suis là")
		}
		w.clock.jumps(24*time.Hour - time.Minute)
		send(child, in)
		child.want(http.StatusOK)
		w.clock.jumps(2 * time.Minute)
		w.until("the sessions that are over are swept", func() bool {
			send(child, in)
			return child.code == http.StatusUnauthorized
		})
		w.refuses(t, child, in, lang, badInput{"", http.StatusUnauthorized, fault.New(fault.Unauthenticated, "fault.contact.session"), send})
		child.get(in + "/chat").want(http.StatusOK).sees(i18n.For(lang).T("start.title"))
		child.get(in + "/chat/events").want(http.StatusUnauthorized)
		child.post(in+"/resume", "words", strings.Join(words, " ")).want(http.StatusOK)
		if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.State != contact.Waiting {
			t.Errorf("the contact is %s, %v", ct.State, err)
		}
		send(child, in)
		child.want(http.StatusOK)
		if all, err := w.app.Chats.Messages(t.Context(), id, 0, 10); err != nil || len(all) < 2 {
			t.Errorf("%d messages, %v", len(all), err)
		}
	}
}

// A counsellor's session ends half an hour after its last use, and after twelve hours whatever happens: a
// page asks her to log in, a form says so and does nothing.
func TestACounsellorsSessionEnds(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	over := fault.New(fault.Unauthenticated, "fault.staff.session_over")
	for name, passes := range map[string]func(w *world, b *browser){
		"half an hour unused": func(w *world, _ *browser) { w.clock.jumps(31 * time.Minute) },
		"twelve hours of work": func(w *world, b *browser) {
			for range 35 {
				w.clock.jumps(20 * time.Minute)
				b.get("/desk").want(http.StatusOK)
			}
			w.clock.jumps(21 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			counsellor := w.as(staff.Counsellor)
			counsellor.get("/desk").want(http.StatusOK)
			passes(w, counsellor)
			counsellor.get("/desk").want(http.StatusSeeOther)
			if to := counsellor.header.Get("Location"); to != "/desk/login" {
				t.Errorf("sent to %s", to)
			}
			w.refuses(t, counsellor, "", i18n.French, badInput{"", http.StatusUnauthorized, over, func(b *browser, _ string) {
				b.post("/desk/presence", "state", "available")
			}})
			counsellor.get("/desk/events").want(http.StatusSeeOther)
			w.as(staff.Counsellor).get("/desk").want(http.StatusOK)
		})
	}
}

// The clock jumps while one child talks, one rings and one waits, in the whole house with everything
// running: all three are still there, nobody is set away or parked, and the line goes on.
func TestTheClockJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			me := w.people[staff.Counsellor].ID
			counsellor, talker, ringer := w.as(staff.Counsellor), w.browser(), w.browser()
			talking := talker.opens()
			w.answered(counsellor, talking)
			counsellor.post("/desk/contacts/"+talking+"/messages", "message_id", uuid.NewString(), "body", "Je t'écoute.").want(http.StatusOK)
			ringing := ringer.opens()
			rings := func(id string) func() bool {
				return func() bool {
					ring, ok, err := w.app.Router.RingingAt(t.Context(), me)
					return err == nil && ok && ring.ContactID == id
				}
			}
			w.until("the second child rings", rings(ringing))
			waiting := w.browser().opens()

			w.clock.jumps(jump)
			if counsellor.get("/desk"); counsellor.code != http.StatusOK { // a day is longer than any session
				counsellor = w.as(staff.Counsellor)
			}
			// What a page does by itself, until every room has looked at the clock once or twice.
			for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if err := w.app.Router.Beat(t.Context(), me); err != nil {
					t.Fatal(err)
				}
			}
			if seat, err := w.app.Router.Presence(t.Context(), me); err != nil || seat.State != routing.Available {
				t.Errorf("she is %s (%s), %v", seat.State, seat.Reason, err)
			}
			for id, want := range map[string]contact.State{talking: contact.Talking, ringing: contact.Offered, waiting: contact.Waiting} {
				if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.State != want {
					t.Errorf("one who was %s is %s, %v", want, ct.State, err)
				}
			}
			counsellor.post("/desk/contacts/" + ringing + "/accept").want(http.StatusOK)
			w.until("the third child rings", rings(waiting))
			counsellor.post("/desk/contacts/" + waiting + "/accept").want(http.StatusOK)
			counsellor.post("/desk/contacts/"+talking+"/messages", "message_id", uuid.NewString(), "body", "Toujours là.").want(http.StatusOK)
			said, err := w.app.Chats.Messages(t.Context(), talking, 0, 10)
			if err != nil || len(said) == 0 || said[len(said)-1].Body != "Toujours là." {
				t.Errorf("the last word is not the last: %v %v", said, err)
			}
		})
	}
}
