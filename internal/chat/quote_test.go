package chat_test

import (
	"strings"
	"testing"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

const (
	asked    = "Est-ce que tu veux mourir ?"
	denied   = asked + "\n→ Non"
	affirmed = asked + "\n→ J'y pense"
)

// thinks is an answer that tells of a danger.
var thinks = chat.Quote{Text: affirmed, Reason: contact.Reason{Code: "quiz.suicide", Weight: 250, Group: "suicide"}, Danger: true}

// What a question of ours says is not heard as her words, in whichever way it comes; what she answered is known by its code.
func TestAQuestionOfOursIsNotHeardAsHerWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for name, c := range map[string]struct {
			body   string
			quotes []chat.Quote
			danger bool
			codes  string
		}{
			"denied":                       {"Mes réponses :\n\n" + denied, []chat.Quote{{Text: denied}}, false, ""},
			"affirmed":                     {"Mes réponses :\n\n" + affirmed, []chat.Quote{thinks}, true, "quiz.suicide"},
			"affirmed and taken out again": {"Mes réponses : je ne veux pas en parler", []chat.Quote{thinks}, false, ""},
			"denied, and said after all":   {denied + "\n\nen fait si, je veux mourir", []chat.Quote{{Text: denied}}, true, "lexicon.suicide"},
			"a question that she changed":  {strings.Replace(denied, "tu veux", "je veux", 1), []chat.Quote{{Text: denied}}, true, "lexicon.suicide"},
			"quoted alone":                 {denied, []chat.Quote{{Text: denied}}, false, ""},
			"lines of a browser's field":   {"Bonjour\r\n\r\n" + strings.ReplaceAll(denied, "\n", "\r\n"), []chat.Quote{{Text: denied}}, false, ""},
		} {
			t.Run(name, func(t *testing.T) {
				check := func(way string, ct contact.Contact, err error) {
					t.Helper()
					w.must(err)
					got := w.get(ct.ID)
					reasons, err := w.contacts.Reasons(w.ctx, got)
					w.must(err)
					var codes []string
					for _, r := range reasons {
						if r.IsDanger() {
							codes = append(codes, r.Code)
						}
					}
					if got.Danger != c.danger || strings.Join(codes, " ") != c.codes {
						t.Errorf("%s: danger %t for %v", way, got.Danger, codes)
					}
				}
				left, _, err := w.LeaveMessage(w.ctx, chat.Leaving{ID: store.NewID(), MessageID: store.NewID(), Lang: "fr", Text: c.body, Quotes: c.quotes})
				check("left", left, err)
				opened, err := w.OpenWith(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"}, chat.Sending{ID: store.NewID(), Body: c.body, Quotes: c.quotes})
				check("opened with", opened, err)
				ct := w.child()
				_, err = w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: c.body, Quotes: c.quotes})
				check("sent", ct, err)
			})
		}
	})
}

// What was quoted is not heard later either, together with what she writes next.
func TestAQuoteIsForgottenByWhatFollows(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	_, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: denied, Quotes: []chat.Quote{{Text: denied}}})
	w.must(err)
	w.says(ct, "voilà")
	if w.get(ct.ID).Danger {
		t.Error("the question was heard with her next message")
	}
}

// A contact and its first message are there together, once, whatever is sent again; what cannot be a message opens nothing.
func TestAContactThatBeginsWithAMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr", Public: "young"}
		first := chat.Sending{ID: store.NewID(), Body: "Mes réponses :\n\n" + affirmed, Quotes: []chat.Quote{thinks}}
		ct, err := w.OpenWith(w.ctx, o, first)
		w.must(err)
		again, err := w.OpenWith(w.ctx, o, first)
		w.must(err)
		all := w.conversation(ct.ID)
		if again.ID != ct.ID || len(all) != 1 || all[0].Body != first.Body || all[0].From != chat.Visitor || all[0].Seq != 1 {
			t.Fatalf("opened twice it has %+v", all)
		}
		if len(w.rings()) != 1 || !w.did(ct.ID, "chat.send") || !w.did(ct.ID, "contact.open") {
			t.Errorf("rang %d times; the audit says %v", len(w.rings()), w.acts(ct.ID))
		}
		for name, bad := range map[string]chat.Sending{
			"nothing": {ID: store.NewID(), Body: " \n "}, "too much": {ID: store.NewID(), Body: strings.Repeat("a", chat.MaxBody+1)}, "no id": {ID: "x", Body: "bonjour"},
		} {
			if _, err := w.OpenWith(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"}, bad); err == nil {
				t.Errorf("%s opened a contact", name)
			}
		}
		if n := w.count(`SELECT count(*) FROM contact`); n != 1 {
			t.Errorf("%d contacts: what was refused left something", n)
		}
	})
}
