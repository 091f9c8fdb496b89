package contact_test

import (
	"strings"
	"sync"
	"testing"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func (w *world) saves(ct contact.Contact, field, value string) contact.Answer {
	w.t.Helper()
	a, err := w.SaveField(w.ctx, contact.Saving{ContactID: ct.ID, Field: field, Value: value, Seen: contact.Overwrite, By: claire})
	w.must(err)
	return a
}

func (w *world) value(ct contact.Contact, field string) string {
	w.t.Helper()
	answers, err := w.Form(w.ctx, ct.ID)
	w.must(err)
	return answers[field].Value
}

func (w *world) facts(ct contact.Contact) string {
	w.t.Helper()
	all, err := store.All(w.ctx, w.db, func(r store.Row) (string, error) { var f, c string; err := r.Scan(&f, &c); return f + "=" + c, err },
		`SELECT field, code FROM contact_fact WHERE contact_id = $1 ORDER BY field, code`, ct.ID)
	w.must(err)
	return strings.Join(all, " ")
}

// writtenUp answers what must be answered before a close.
func (w *world) writtenUp(ct contact.Contact) {
	w.t.Helper()
	for field, value := range map[string]string{"category_main": "cyberbullying", "who": "child", "outcome": "heard"} {
		w.saves(ct, field, value)
	}
}

func TestTheFormIsSavedFieldByField(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		first := w.saves(ct, "summary", "  Elle dit que\r\nça dure depuis mars.\x00 ")
		if first.Value != "Elle dit que\nça dure depuis mars." || first.Rev != 1 || first.SavedBy != claire.ID {
			t.Errorf("%+v", first)
		}
		if again := w.saves(ct, "summary", "Elle dit que\nça dure depuis mars."); again.Rev != 1 {
			t.Errorf("saved again unchanged: %+v", again)
		}
		if next := w.saves(ct, "summary", "Depuis avril."); next.Rev != 2 {
			t.Errorf("%+v", next)
		}
		w.saves(ct, "age", "14")
		w.saves(ct, "platforms", "tiktok snapchat")
		w.saves(ct, "suicide_risk", "1")
		if got := w.facts(ct); got != "age=14 platforms=snapchat platforms=tiktok" {
			t.Errorf("in clear: %s", got)
		}
		w.saves(ct, "platforms", "")
		if got := w.facts(ct); got != "age=14" {
			t.Errorf("in clear, once it was taken back: %s", got)
		}
		answers, err := w.Form(w.ctx, ct.ID)
		w.must(err)
		if values := answers.Values(); values["summary"] != "Depuis avril." || values["age"] != "14" || values["suicide_risk"] != "1" {
			t.Errorf("%v", values)
		}
		saved := 0
		for _, act := range w.acts(ct.ID) {
			if act == "contact.form" {
				saved++
			}
		}
		if saved != 6 {
			t.Errorf("%d changes in the audit; there were six", saved)
		}
	})
}

func TestTwoTabsNeverOverwriteEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		save := func(field, value string, seen int64) error {
			_, err := w.SaveField(w.ctx, contact.Saving{ContactID: ct.ID, Field: field, Value: value, Seen: seen, By: claire})
			return err
		}
		// Both showed an empty form.
		w.must(save("age", "14", 0))
		w.must(save("gender", "girl", 0)) // another field: nothing is lost
		w.refused(save("age", "15", 0), "fault.contact.field_changed")
		w.must(save("age", "14", 0)) // the same value is no quarrel
		w.must(save("age", "15", 1)) // and who has seen the value may change it
		if w.value(ct, "age") != "15" || w.value(ct, "gender") != "girl" {
			t.Errorf("%s, %s", w.value(ct, "age"), w.value(ct, "gender"))
		}
		// At once, from many tabs: one of them wins, and the others are told.
		var wait sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 8 {
			wait.Go(func() {
				err := save("summary", strings.Repeat("x", i+1), 0)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if won != 1 {
			t.Errorf("%d tabs won", won)
		}
	})
}

func TestWhoMayNotWriteInTheForm(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for _, c := range []struct {
		name string
		s    contact.Saving
		kind fault.Kind
	}{
		{"a colleague", contact.Saving{Field: "age", Value: "14", By: karim}, fault.Forbidden},
		{"the person herself", contact.Saving{Field: "age", Value: "14", By: contact.VisitorOf(ct.ID)}, fault.Forbidden},
		{"a field that does not exist", contact.Saving{Field: "shoe_size", Value: "38", By: claire}, fault.Invalid},
		{"a code that does not exist", contact.Saving{Field: "gender", Value: "Léa", By: claire}, fault.Invalid},
		{"an age that is none", contact.Saving{Field: "age", Value: "quatorze", By: claire}, fault.Invalid},
		{"too much", contact.Saving{Field: "next", Value: strings.Repeat("é", 201), By: claire}, fault.TooLarge},
		{"too much of nothing", contact.Saving{Field: "summary", Value: strings.Repeat("\x00a", 20_000), By: claire}, fault.TooLarge},
	} {
		c.s.ContactID = ct.ID
		if _, err := w.SaveField(w.ctx, c.s); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if answers, err := w.Form(w.ctx, ct.ID); err != nil || len(answers) != 0 {
		t.Errorf("%v, %v", answers, err)
	}
	_, err := w.SaveField(w.ctx, contact.Saving{ContactID: ct.ID, Field: "age", Value: "14", By: nadia, Supervising: true})
	w.must(err)
	w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
	_, err = w.SaveField(w.ctx, contact.Saving{ContactID: ct.ID, Field: "age", Value: "15", By: claire})
	w.refused(err, "fault.contact.closed")
}

func TestTheFirstAnswersAreInTheFormAlready(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		// Any first answer that fills a field of the form.
		var question, code, field, value string
		for _, q := range w.set.Questions.First {
			for _, c := range q.Choices {
				for f, v := range c.Form {
					question, code, field, value = q.Code, c.Code, f, v
				}
			}
		}
		if question == "" {
			t.Fatal("no first question fills the form")
		}
		o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"}
		switch question {
		case catalogue.AskWho:
			o.Public = code
		case catalogue.AskAge:
			o.AgeBand = code
		case catalogue.AskTopic:
			o.Topic = code
		}
		before, err := w.Open(w.ctx, o)
		w.must(err)
		if got := w.value(before, field); got != value {
			t.Errorf("answered before: %s is %q; want %q", field, got, value)
		}
	})
}

func TestAnAnswerCanRingAnAlarm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.saves(ct, "suicide_urgency", "2")
		if got := w.get(ct.ID); !got.Grave || got.Danger {
			t.Errorf("urgency 2: grave %v, danger %v", got.Grave, got.Danger)
		}
		w.saves(ct, "suicide_urgency", "4")
		if got := w.get(ct.ID); !got.Danger || len(w.rings()) != 1 {
			t.Errorf("urgency 4: danger %v, rang %d times", got.Danger, len(w.rings()))
		}
		// Her counsellor has looked and taken the mark away; another field does not bring it back.
		_, err := w.SetDanger(w.ctx, ct.ID, false, claire, false)
		w.must(err)
		w.saves(ct, "age", "14")
		if w.get(ct.ID).Danger {
			t.Error("it rang again by itself")
		}
		w.saves(ct, "home_danger", "yes")
		if !w.get(ct.ID).Danger {
			t.Error("another danger does not ring")
		}
	})
}

func TestAContactIsClosedWhenItIsWrittenUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		_, err := w.Close(w.ctx, ct.ID, claire, false)
		w.refused(err, "fault.contact.move") // still talking
		w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		_, err = w.Close(w.ctx, ct.ID, karim, false)
		w.refused(err, "fault.contact.not_yours")
		_, err = w.Close(w.ctx, ct.ID, claire, false)
		w.refused(err, "fault.contact.required")
		_, err = w.move(ct.ID, contact.Close, claire, contact.Change{}) // no way around
		w.refused(err, "fault.contact.required")
		missing, err := w.Missing(w.ctx, ct.ID)
		w.must(err)
		if len(missing) == 0 || len(missing) > 4 {
			t.Errorf("%d fields are required; they must be few", len(missing))
		}
		w.writtenUp(ct)
		closed, err := w.Close(w.ctx, ct.ID, claire, false)
		w.must(err)
		if closed.State != contact.Closed || closed.EndedBy != "staff" || w.addressLeft(ct.ID) {
			t.Errorf("%+v", closed)
		}
		if got := w.value(ct, "who"); got != "child" {
			t.Errorf("a closed contact reads %q", got)
		}
		// Something was left out.
		w.moved(ct.ID, contact.Reopen, claire, contact.Change{})
		w.saves(ct, "next", "Rappeler mercredi")
		_, err = w.Close(w.ctx, ct.ID, claire, false)
		w.must(err)
	})
}

func TestOneClickClosesATestAndAJoke(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		for _, closing := range []string{"", "c'est Hugo qui rigole", "cyberbullying", "gardening"} {
			_, err := w.Dismiss(w.ctx, ct.ID, closing, claire, false)
			w.refused(err, "fault.contact.closing")
		}
		_, err := w.Dismiss(w.ctx, ct.ID, "joke", karim, false)
		w.refused(err, "fault.contact.not_yours")
		closed, err := w.Dismiss(w.ctx, ct.ID, "joke", claire, false)
		w.must(err)
		if closed.State != contact.Closed || closed.Closing != "joke" || w.facts(ct) != "category_main=joke" {
			t.Errorf("%+v, counted as %s", closed, w.facts(ct))
		}
		danger := w.talking(claire)
		_, err = w.SetDanger(w.ctx, danger.ID, true, claire, false)
		w.must(err)
		_, err = w.Dismiss(w.ctx, danger.ID, "joke", claire, false)
		w.refused(err, "fault.contact.in_danger")
	})
}

func TestNotesAreSavedAsTheyAreTyped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		n := contact.Note{ID: store.NewID(), ContactID: ct.ID, AuthorID: claire.ID, Text: "Calme."}
		saved, err := w.SaveNote(w.ctx, n)
		w.must(err)
		again, err := w.SaveNote(w.ctx, n) // a resend
		w.must(err)
		if saved.Rev != 1 || again.Rev != 1 {
			t.Errorf("%+v, %+v", saved, again)
		}
		n.Rev, n.Text = 1, "Calme. Sa mère est au courant."
		saved, err = w.SaveNote(w.ctx, n)
		w.must(err)
		if saved.Rev != 2 {
			t.Errorf("%+v", saved)
		}
		n.Text = "Un autre onglet."
		_, err = w.SaveNote(w.ctx, n)
		w.refused(err, "fault.contact.note_changed")
		stranger := n
		stranger.AuthorID, stranger.Rev = karim.ID, 2
		_, err = w.SaveNote(w.ctx, stranger)
		w.refused(err, "fault.contact.not_yours")
		elsewhere := n
		elsewhere.ContactID = w.talking(karim).ID
		_, err = w.SaveNote(w.ctx, elsewhere)
		w.refused(err, "fault.contact.note_changed")
		long := contact.Note{ID: store.NewID(), ContactID: ct.ID, AuthorID: claire.ID, Text: strings.Repeat("é", 20_001)}
		_, err = w.SaveNote(w.ctx, long)
		w.refused(err, "fault.contact.note_long")
		notes, err := w.Notes(w.ctx, ct.ID)
		w.must(err)
		if len(notes) != 1 || notes[0].Text != "Calme. Sa mère est au courant." {
			t.Errorf("%+v", notes)
		}
		w.moved(ct.ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
		n.Rev = 2
		_, err = w.SaveNote(w.ctx, n)
		w.refused(err, "fault.contact.closed")
	})
}

func TestTheStepsOfAProtocolAreTicked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		card := w.set.Protocols.Cards[0]
		one, two := card.Steps[0].Code, card.Steps[1].Code
		var wait sync.WaitGroup
		for _, step := range []string{one, two, one, two} {
			wait.Go(func() {
				if _, err := w.Tick(w.ctx, ct.ID, card.Code, step, true, claire, false); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		steps, err := w.Steps(w.ctx, ct.ID)
		w.must(err)
		if len(steps) != 2 || steps[card.Code+"."+one].By != claire.ID {
			t.Errorf("%+v", steps)
		}
		steps, err = w.Tick(w.ctx, ct.ID, card.Code, one, false, nadia, true)
		w.must(err)
		if _, there := steps[card.Code+"."+one]; there || len(steps) != 1 {
			t.Errorf("%+v", steps)
		}
		_, err = w.Tick(w.ctx, ct.ID, card.Code, "dance", true, claire, false)
		w.refused(err, "fault.contact.step")
		_, err = w.Tick(w.ctx, ct.ID, card.Code, one, true, karim, false)
		w.refused(err, "fault.contact.not_yours")
		ticks := 0
		for _, act := range w.acts(ct.ID) {
			if act == "contact.step" {
				ticks++
			}
		}
		if ticks != 3 {
			t.Errorf("%d ticks in the audit", ticks)
		}
	})
}

func TestThePersonSaysOnceWhetherWeHelped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		code := w.set.Questions.Last.Choices[0].Code
		w.refused(w.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: code}), "fault.contact.satisfaction_early")
		w.moved(ct.ID, contact.VisitorEnds, contact.VisitorOf(ct.ID), contact.Change{})
		w.refused(w.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: "meh"}), "fault.contact.satisfaction")
		w.refused(w.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: code, Text: strings.Repeat("a", 1001)}), "fault.contact.satisfaction")
		w.must(w.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: code, Text: "merci Claire"}))
		w.refused(w.AnswerSatisfaction(w.ctx, ct.ID, contact.Satisfaction{Code: code, Text: "encore"}), "fault.contact.satisfaction_done")
		got, err := w.Satisfaction(w.ctx, ct.ID)
		w.must(err)
		if got.Code != code || got.Text != "merci Claire" {
			t.Errorf("%+v", got)
		}
		none, err := w.Satisfaction(w.ctx, w.child().ID)
		w.must(err)
		if none.Code != "" {
			t.Errorf("%+v", none)
		}
	})
}

func TestSearchFindsWhatItsFiltersSay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		start := w.clock.now()
		var all []contact.Contact
		for i := range 5 {
			ct := w.talking(claire)
			w.saves(ct, "age", []string{"11", "12", "13", "13", "14"}[i])
			all = append(all, ct)
			w.clock.forward(60e9)
		}
		w.moved(all[0].ID, contact.Dismiss, claire, contact.Change{Closing: "test"})
		_, err := w.SetDanger(w.ctx, all[1].ID, true, claire, false)
		w.must(err)
		w.saves(all[2], "accounts", "Insta : @Dark_Wolf\nhttps://www.tiktok.com/@dark_wolf/video/7\n06 12 34 56 78\nun compte sur Snap")
		w.talking(karim)
		at := func(i int) int64 { return all[i].OpenedAt }
		find := func(f contact.Filter) string {
			t.Helper()
			f.By = nadia
			found, _, err := w.Search(w.ctx, f)
			w.must(err)
			var which []string
			for _, ct := range found {
				name := "karims"
				for i, have := range all {
					if have.ID == ct.ID {
						name = string(rune('0' + i))
					}
				}
				which = append(which, name)
			}
			return strings.Join(which, " ")
		}
		for _, c := range []struct {
			name   string
			filter contact.Filter
			want   string
		}{
			{"everything, the newest first", contact.Filter{}, "karims 4 3 2 1 0"},
			{"a period", contact.Filter{From: at(1), To: at(3)}, "2 1"},
			{"before we began", contact.Filter{To: store.Millis(start)}, ""},
			{"a state", contact.Filter{States: []contact.State{contact.Closed}}, "0"},
			{"two states", contact.Filter{States: []contact.State{contact.Closed, contact.Talking}, To: at(2)}, "1 0"},
			{"a channel", contact.Filter{Channels: []string{contact.ChannelNote}}, ""},
			{"a counsellor", contact.Filter{CounsellorID: karim.ID}, "karims"},
			{"a person", contact.Filter{PersonID: all[4].PersonID}, "4"},
			{"in danger", contact.Filter{Danger: true}, "1"},
			{"a fact", contact.Filter{Facts: []catalogue.FactCode{{Field: "age", Code: "13"}}}, "3 2"},
			{"two facts that never meet", contact.Filter{Facts: []catalogue.FactCode{{Field: "age", Code: "13"}, {Field: "age", Code: "14"}}}, ""},
			{"an address", contact.Filter{Exact: "tiktok.com/@dark_wolf/video/7/"}, "2"},
			{"a number", contact.Filter{Exact: "+33612345678"}, "2"},
			{"somebody accused", contact.Filter{Exact: "@dark_wolf"}, ""}, // off until its legal basis is recorded
			{"nothing of that kind", contact.Filter{Exact: "0611111111"}, ""},
		} {
			if got := find(c.filter); got != c.want {
				t.Errorf("%s: %q; want %q", c.name, got, c.want)
			}
		}
		allowed := w.node(w.bus, contact.Options{AuthorSearch: true})
		found, _, err := allowed.Search(w.ctx, contact.Filter{Exact: "@dark_wolf", By: nadia})
		w.must(err)
		if len(found) != 1 || found[0].ID != all[2].ID {
			t.Errorf("with its legal basis: %d", len(found))
		}
		// What was corrected is no longer found.
		w.saves(all[2], "accounts", "06 99 99 99 99")
		if got := find(contact.Filter{Exact: "0612345678"}) + find(contact.Filter{Exact: "06 99 99 99 99"}); got != "2" {
			t.Errorf("after a correction: %q", got)
		}
		_, _, err = w.Search(w.ctx, contact.Filter{Exact: "deux mots", By: nadia})
		w.refused(err, "fault.contact.exact")
		// Whoever knows the person does not find her.
		w.tx(func(tx *store.Tx) error { return w.Bar(w.ctx, tx, all[4].PersonID, nadia.ID, nadia) })
		if got := find(contact.Filter{PersonID: all[4].PersonID}); got != "" {
			t.Errorf("barred, and yet %q", got)
		}
	})
}

func TestASearchIsReadPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for range 23 {
			w.child() // all in the same millisecond: the id decides
		}
		seen := map[string]bool{}
		f := contact.Filter{Limit: 10, By: claire}
		var sizes []int
		for {
			page, next, err := w.Search(w.ctx, f)
			w.must(err)
			sizes = append(sizes, len(page))
			for _, ct := range page {
				if seen[ct.ID] {
					t.Error("a contact came twice")
				}
				seen[ct.ID] = true
			}
			if next == (contact.Cursor{}) {
				break
			}
			f.After = next
		}
		if len(seen) != 23 || len(sizes) != 3 {
			t.Errorf("%d contacts on pages of %v", len(seen), sizes)
		}
	})
}

func TestEverySearchIsRecordedWithoutItsWords(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	_, _, err := w.Search(w.ctx, contact.Filter{Exact: "06 12 34 56 78", Danger: true, By: claire, Purpose: "callback"})
	w.must(err)
	type row struct{ actor, purpose, detail string }
	rows, err := store.All(w.ctx, w.db, func(r store.Row) (a row, err error) { return a, r.Scan(&a.actor, &a.purpose, &a.detail) },
		`SELECT actor_id, purpose, detail FROM audit WHERE act = 'contact.search'`)
	w.must(err)
	if len(rows) != 1 || rows[0] != (row{claire.ID, "callback", `{"by":"danger/exact","found":"0"}`}) {
		t.Errorf("%+v", rows)
	}
}
