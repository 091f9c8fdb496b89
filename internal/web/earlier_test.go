package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/staff"
)

// talksLong has the person of a contact send so many messages: "message 1", "message 2"…
func (w *world) talksLong(id string, n int) {
	w.Helper()
	ct, err := w.app.Contacts.Get(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		_, err := w.app.Chats.Send(w.Context(), chat.Sending{
			ID: uuid.Must(uuid.NewV7()).String(), ContactID: id, From: chat.Visitor, AuthorID: ct.PersonID, Body: fmt.Sprintf("message %d.", i),
		})
		if err != nil {
			w.Fatal(err)
		}
	}
}

// upTo follows the way to earlier messages to its end, as a script does or as a plain link, and fails
// unless it comes to these words.
func (b *browser) upTo(page, words string, header http.Header) {
	b.Helper()
	b.get(page).want(http.StatusOK).seesNot(words)
	for range 10 {
		href, _, found := strings.Cut(b.body, `" data-earlier`)
		if !found {
			b.Fatalf("no way up from %s:\n%s", page, b.text())
		}
		href = href[strings.LastIndex(href, `"`)+1:]
		if b.do("GET", href, nil, header).want(http.StatusOK); strings.Contains(b.body, words) {
			return
		}
	}
	b.Fatalf("%q is reached by no link", words)
}

// However long a conversation is, its first message is reached from each of the three screens, with
// scripts and without, and each look of the desk's is in the log.
func TestTheFirstMessageOfALongConversationIsReached(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens("topic", "bullying")
	w.answered(counsellor, id)
	w.talksLong(id, 620)
	looks := func() int {
		rows, err := w.app.Audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "contact.look", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	for name, header := range map[string]http.Header{"with scripts": {"Vigie-Script": {"1"}}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			child.upTo("/chat", "message 1.", header)
			before := looks()
			counsellor.upTo("/desk?c="+id, "message 1.", header)
			if now := looks(); now < before+6 {
				t.Errorf("%d looks are in the log, want six more than %d", now, before)
			}
			counsellor.upTo("/desk/history/"+id, "message 1.", header)
		})
	}
	child.do("GET", "/chat?before=101", nil, http.Header{"Vigie-Script": {"1"}}).sees("Rien de plus ancien à montrer.")
	child.get("/chat?before=101").sees("Retour à la conversation").seesNot("http-equiv")
	counsellor.get("/desk/contacts/" + id + "/messages?before=101").sees("Retour à la conversation")
	w.colleague("Bilal").get("/desk/contacts/" + id + "/messages?before=101").want(http.StatusForbidden).seesNot("message 1.")
	w.browser().get("/chat?before=101").want(http.StatusOK).seesNot("message 1.")
}

// What is hidden from a person who came back is not reached by asking for earlier messages.
func TestAHiddenPastIsNotReachedFromBelow(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens("topic", "bullying")
	w.answered(counsellor, id)
	w.talksLong(id, 50)
	back := w.browser()
	back.post("/resume", "words", w.words(id)).want(http.StatusOK)
	ct, err := w.app.Contacts.Get(t.Context(), id)
	if err != nil || ct.ShownAfter < 50 {
		t.Fatalf("nothing is hidden: %+v, %v", ct, err)
	}
	w.talksLong(id, 10)
	for _, header := range []http.Header{{"Vigie-Script": {"1"}}, {}} {
		for _, before := range []string{"1", "20", "55", "1000"} {
			back.do("GET", "/chat?before="+before, nil, header).want(http.StatusOK).seesNot("message 11.", "message 50.", "data-earlier")
		}
	}
	counsellor.post("/desk/contacts/" + id + "/past").want(http.StatusOK)
	back.get("/chat?before=40").want(http.StatusOK).sees("message 11.")
}
