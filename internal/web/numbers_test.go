package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/contact"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// dials are the numbers of a page that can be touched, in their order.
func (b *browser) dials() string {
	var all []string
	for _, part := range strings.Split(b.body, `href="`)[1:] {
		for _, way := range []string{"tel:", "sms:"} {
			if number, found := strings.CutPrefix(part, way); found {
				all = append(all, number[:strings.IndexByte(number, '"')])
			}
		}
	}
	return strings.Join(all, " ")
}

// wantDials fails unless these numbers come first, in this order.
func (b *browser) wantDials(first string) *browser {
	b.Helper()
	if !strings.HasPrefix(b.dials(), first) {
		b.Errorf("the page gives %s; %s come first", b.dials(), first)
	}
	return b
}

// Who is to be called first is said by the heaviest danger that was heard; where nothing was heard, by
// the topic that was chosen; else the emergency services come first.
func TestTheNumbersFollowTheDanger(t *testing.T) {
	w := newWorld(t)
	for _, told := range []struct{ topic, says, first string }{
		{"sextortion", "je veux mourir", "3114 15 112 114"},
		{"", "je veux mourir", "3114 15 112 114"},
	} {
		child := w.browser()
		child.opens("topic", told.topic)
		child.says(told.says).want(http.StatusOK).wantDials(told.first)
	}

	closed := newWorldAt(t, "23:30")
	for topic, first := range map[string]string{"": "17 112 15 114 119 3114", "distress": "3114 15 112 114", "home": "17 112 114 119 3919"} {
		closed.browser().post("/chat", "contact_id", uuid.NewString(), "topic", topic).want(http.StatusOK).wantDials(first)
	}
	closed.browser().post("/message", "contact_id", uuid.NewString(), "message_id", uuid.NewString(), "body", "je veux mourir").
		want(http.StatusOK).wantDials("3114 15 112 114")
}

// Who is in danger keeps the numbers in sight while we talk, and while her conversation rests; who is not
// sees the conversation alone.
func TestTheNumbersStayBesideTheConversation(t *testing.T) {
	w := newWorld(t)
	calm, child, camille := w.browser(), w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(camille, id)
	child.get("/chat").sees("Tu parles avec Camille")
	if child.dials() != "" {
		t.Errorf("nothing is to be feared, and the page gives %s", child.dials())
	}
	child.says("je veux mourir").want(http.StatusOK).sees("Tu parles avec Camille", "3114, prévention du suicide").wantDials("3114 15 112 114")
	err := w.app.DB.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := w.app.Contacts.Park(t.Context(), tx, id, contact.SystemActor)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	child.get("/chat").sees("Ta conversation se repose").wantDials("3114 15 112 114")
	calm.opens()
	if calm.dials() != "" {
		t.Errorf("nothing is to be feared, and the page gives %s", calm.dials())
	}
}
