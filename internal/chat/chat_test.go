package chat_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func TestAChildAndHerCounsellorTalk(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.says(ct, "bonjour")
		w.answers(ct, "Bonjour, je suis là.")
		w.says(ct, "c'est grave ?")
		all := w.conversation(ct.ID)
		if len(all) != 3 {
			t.Fatalf("%d messages", len(all))
		}
		for i, want := range []chat.Message{
			{Seq: 1, From: chat.Visitor, Kind: chat.Text, Body: "bonjour"},
			{Seq: 2, From: chat.Staff, AuthorID: claire.ID, Kind: chat.Text, Body: "Bonjour, je suis là."},
			{Seq: 3, From: chat.Visitor, Kind: chat.Text, Body: "c'est grave ?"},
		} {
			got := all[i]
			if got.Seq != want.Seq || got.From != want.From || got.AuthorID != want.AuthorID || got.Kind != want.Kind || got.Body != want.Body {
				t.Errorf("%+v; want %+v", got, want)
			}
			if got.At != store.Millis(w.clock.now()) {
				t.Errorf("message %d at %d", got.Seq, got.At)
			}
		}
		last, err := w.Latest(w.ctx, ct.ID, 0, 2)
		w.must(err)
		if len(last) != 2 || last[0].Seq != 2 || last[1].Seq != 3 {
			t.Errorf("the latest two: %+v", last)
		}
	})
}

func TestAMessageCostsTwoStatements(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.says(ct, "bonjour")
		const n = 20
		before := db.Statements()
		for range n {
			w.says(ct, "et encore un mot")
		}
		if got := db.Statements() - before; got > 2*n {
			t.Errorf("%d statements for %d messages", got, n)
		}
	})
}

func TestEightPeopleWritingAtOnceKeepAnOrderWithoutGaps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		here, there := bustest.Two(t)
		one, _ := w.node(here, chat.Options{})
		other, _ := w.node(there, chat.Options{})
		ct := w.talking(claire)
		const each = 25
		var wait sync.WaitGroup
		for who := range 8 {
			node := []*chat.Chats{one, other}[who%2]
			wait.Go(func() {
				last := int64(0)
				for i := range each {
					m, err := node.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID,
						Body: fmt.Sprintf("%d.%d", who, i)})
					if err != nil {
						t.Error(err)
						return
					}
					if m.Seq <= last {
						t.Errorf("acknowledged as %d after %d", m.Seq, last)
					}
					last = m.Seq
				}
			})
		}
		wait.Wait()
		all := w.conversation(ct.ID)
		if len(all) != 8*each {
			t.Fatalf("%d of %d messages", len(all), 8*each)
		}
		next := make([]int, 8)
		for i, m := range all {
			if m.Seq != int64(i+1) {
				t.Fatalf("message %d has number %d", i+1, m.Seq)
			}
			var who, n int
			fmt.Sscanf(m.Body, "%d.%d", &who, &n)
			if n != next[who] {
				t.Fatalf("of writer %d, message %d comes where %d should", who, n, next[who])
			}
			next[who]++
		}
	})
}

// A phone that lost the network sends again what it has no answer for, in two tabs, to two servers.
func TestTheSameMessageSentManyTimesIsStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		here, there := bustest.Two(t)
		one, _ := w.node(here, chat.Options{})
		other, _ := w.node(there, chat.Options{})
		ct := w.talking(claire)
		for range 5 {
			s := chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "tu es là ?"}
			var wait sync.WaitGroup
			seqs := make([]int64, 16)
			for i := range seqs {
				node := []*chat.Chats{one, other}[i%2]
				wait.Go(func() {
					m, err := node.Send(w.ctx, s)
					if err != nil || m.Body != s.Body || m.ID != s.ID {
						t.Errorf("%+v, %v", m, err)
					}
					seqs[i] = m.Seq
				})
			}
			wait.Wait()
			for _, seq := range seqs {
				if seq != seqs[0] {
					t.Errorf("acknowledged under different numbers: %v", seqs)
				}
			}
		}
		all := w.conversation(ct.ID)
		if len(all) != 5 || all[4].Seq != 5 {
			t.Errorf("%d messages, the last is number %d", len(all), all[len(all)-1].Seq)
		}
		sends := 0
		for _, act := range w.acts(ct.ID) {
			if act == "chat.send" {
				sends++
			}
		}
		if sends != 5 {
			t.Errorf("the audit knows of %d", sends)
		}
	})
}

// The first words stand; a resend that was changed on its way changes nothing.
func TestAResendKeepsTheFirstWords(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	s := chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "un"}
	_, err := w.Send(w.ctx, s)
	w.must(err)
	s.Body = "deux"
	m, err := w.Send(w.ctx, s)
	w.must(err)
	if m.Body != "un" {
		t.Errorf("%q", m.Body)
	}
	// Also when the conversation ended meanwhile: what was acknowledged stays acknowledged.
	w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
	if m, err = w.Send(w.ctx, s); err != nil || m.Seq != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestWhoMayNotWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, another := w.talking(claire), w.talking(karim)
		waiting := w.child()
		over := w.talking(claire)
		w.moved(over.ID, contact.StaffEnds, claire, contact.Change{})
		left := w.talking(claire)
		_, err := w.contacts.LeaveQuickly(w.ctx, left.ID)
		w.must(err)
		theirs := w.says(another, "à moi")

		for _, c := range []struct {
			name string
			s    chat.Sending
			key  string
		}{
			{"a person in somebody else's contact", chat.Sending{ContactID: ct.ID, From: chat.Visitor, AuthorID: another.PersonID}, "fault.chat.not_yours"},
			{"nobody in particular", chat.Sending{ContactID: ct.ID, From: chat.Visitor}, "fault.chat.not_yours"},
			{"a counsellor in a colleague's contact", chat.Sending{ContactID: ct.ID, From: chat.Staff, AuthorID: karim.ID}, "fault.chat.not_yours"},
			{"a counsellor before she has the contact", chat.Sending{ContactID: waiting.ID, From: chat.Staff, AuthorID: claire.ID}, "fault.chat.not_yours"},
			{"staff without a name", chat.Sending{ContactID: waiting.ID, From: chat.Staff}, "fault.chat.not_yours"},
			{"the person once it is over", chat.Sending{ContactID: over.ID, From: chat.Visitor, AuthorID: over.PersonID}, "fault.chat.over"},
			{"the counsellor once it is over", chat.Sending{ContactID: over.ID, From: chat.Staff, AuthorID: claire.ID}, "fault.chat.over"},
			{"the person after her quick exit", chat.Sending{ContactID: left.ID, From: chat.Visitor, AuthorID: left.PersonID}, "fault.chat.over"},
			{"to a contact that does not exist", chat.Sending{ContactID: store.NewID(), From: chat.Visitor, AuthorID: ct.PersonID}, "fault.contact.unknown"},
			{"to no contact", chat.Sending{ContactID: "' OR 1=1 --", From: chat.Visitor, AuthorID: ct.PersonID}, "fault.contact.unknown"},
			{"in the name of the house", chat.Sending{ContactID: ct.ID, From: chat.System}, "fault.chat.id"},
			{"a card from the person", chat.Sending{ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Kind: chat.Card}, "fault.chat.id"},
			{"a file without a file", chat.Sending{ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Kind: chat.Attachment}, "fault.chat.id"},
			{"under an id that is none", chat.Sending{ID: "1", ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID}, "fault.chat.id"},
			{"under the id of somebody else's message", chat.Sending{ID: theirs.ID, ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID}, "fault.chat.again"},
			{"nothing", chat.Sending{ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: " "}, "fault.chat.empty"},
			{"too much", chat.Sending{ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: strings.Repeat("a", 4001)}, "fault.chat.too_long"},
		} {
			if c.s.ID == "" {
				c.s.ID = store.NewID()
			}
			if c.s.Body == "" {
				c.s.Body = "bonjour"
			}
			m, err := w.Send(w.ctx, c.s)
			if f := fault.As(err); f == nil || f.Key != c.key {
				t.Errorf("%s: %+v, %v; want %s", c.name, m, err, c.key)
			}
		}
		if n := w.count(`SELECT count(*) FROM message WHERE sender <> 'system'`); n != 1 {
			t.Errorf("%d messages are in the record", n)
		}
	})
}

func TestAMessageMovedToAnotherRowDoesNotOpen(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	one, other := w.says(ct, "oui"), w.says(ct, "non")
	w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(w.ctx, `UPDATE message SET body_sealed = (SELECT body_sealed FROM message WHERE id = $1) WHERE id = $2`, one.ID, other.ID)
		return err
	}))
	_, err := w.Messages(w.ctx, ct.ID, 0, 10)
	w.refused(err, "fault.seal.broken")
}

func TestASilentChildWhoWritesIsBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
		w.says(ct, "je suis là")
		if got := w.get(ct.ID); got.State != contact.Talking || got.CounsellorID != claire.ID {
			t.Errorf("%s with %q", got.State, got.CounsellorID)
		}
		w.moved(ct.ID, contact.Quiet, contact.SystemActor, contact.Change{})
		w.moved(ct.ID, contact.Lost, contact.SystemActor, contact.Change{})
		w.says(ct, "encore moi")
		if got := w.get(ct.ID); got.State != contact.Waiting || got.StickyID != claire.ID {
			t.Errorf("%s, sticky %q", got.State, got.StickyID)
		}
	})
}

func TestDangerIsHeardInThePersonsWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.child()
		m := w.says(ct, "je veux mourir ce soir")
		got := w.get(ct.ID)
		if m.Seq != 1 || !got.Danger || got.Priority <= ct.Priority {
			t.Fatalf("danger %v, priority %d then %d", got.Danger, ct.Priority, got.Priority)
		}
		reasons, err := w.contacts.Reasons(w.ctx, got)
		w.must(err)
		if !strings.HasPrefix(reasons[0].Code, "lexicon.") || reasons[0].Args["phrase"] == "" {
			t.Errorf("%+v", reasons)
		}
		if _, ok := w.set.Reason(reasons[0].Code); !ok {
			t.Errorf("nobody can read the reason %s", reasons[0].Code)
		}
		if len(w.rings()) != 1 || !w.did(ct.ID, "contact.danger") {
			t.Errorf("rang %d times; the audit says %v", len(w.rings()), w.acts(ct.ID))
		}
		// The same again says nothing new, and costs nothing more.
		before := w.db.Statements()
		w.says(ct, "je veux mourir")
		if n := w.db.Statements() - before; n > 2 || len(w.rings()) != 1 {
			t.Errorf("%d statements, rang %d times", n, len(w.rings()))
		}
	})
}

func TestAThoughtWrittenInPiecesIsHeard(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.child()
	w.says(ct, "je veux")
	if w.get(ct.ID).Danger {
		t.Fatal("nothing was said yet")
	}
	w.says(ct, "mourir")
	if !w.get(ct.ID).Danger {
		t.Error("the two halves were not heard together")
	}
	late := w.child()
	w.says(late, "je veux")
	w.clock.forward(10 * 60e9)
	w.says(late, "mourir de rire devant ce film")
	if w.get(late.ID).Danger {
		t.Error("ten minutes lie between them")
	}
}

func TestACounsellorsWordsRaiseNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.answers(ct, "Tu me dis que tu veux mourir. Je veux mourir, c'est dur à dire.")
	if got := w.get(ct.ID); got.Danger || got.Priority != ct.Priority {
		t.Errorf("%+v", got)
	}
}

// The message and what its words mean are one: neither is ever there without the other.
func TestADangerIsMarkedWithItsMessageOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		_, err := w.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "je veux mourir"})
		w.refused(err, "fault.chat.over")
		if got := w.get(ct.ID); got.Danger || len(w.rings()) != 0 {
			t.Error("a message that was refused raised an alarm")
		}
	})
}

func TestAMessageLeftWhileWeAreClosed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		l := chat.Leaving{ID: store.NewID(), MessageID: store.NewID(), Lang: "fr", Text: "On me harcèle à l'école.", Network: home,
			Callback: &contact.Callback{When: "mercredi 14 h", On: "06 12 34 56 78", Others: "ma mère", Say: ""}}
		ct, alarmed, err := w.LeaveMessage(w.ctx, l)
		w.must(err)
		if ct.Channel != contact.ChannelMessage || ct.State != contact.Waiting || alarmed || len(w.rings()) != 0 {
			t.Errorf("%+v, alarmed %v", ct, alarmed)
		}
		again, _, err := w.LeaveMessage(w.ctx, l)
		w.must(err)
		if all := w.conversation(ct.ID); again.ID != ct.ID || len(all) != 1 || all[0].Body != l.Text {
			t.Errorf("left twice: %d messages", len(all))
		}
		wish, there, err := w.contacts.Callback(w.ctx, ct.ID)
		w.must(err)
		if !there || wish.On != "06 12 34 56 78" || wish.Voicemail {
			t.Errorf("%+v", wish)
		}
		found, _, err := w.contacts.Search(w.ctx, contact.Filter{Exact: "+33 6 12 34 56 78", By: claire, Purpose: "callback"})
		w.must(err)
		if len(found) != 1 || found[0].ID != ct.ID {
			t.Errorf("by its number: %d contacts", len(found))
		}
	})
}

func TestADangerLeftWhileWeAreClosedRings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, alarmed, err := w.LeaveMessage(w.ctx, chat.Leaving{ID: store.NewID(), MessageID: store.NewID(), Lang: "fr", Text: "Je veux mourir."})
		w.must(err)
		if !alarmed || !w.get(ct.ID).Danger || len(w.rings()) != 1 || w.rings()[0] != ct.ID || !w.did(ct.ID, "contact.danger") {
			t.Errorf("alarmed %v, %+v, rang %v", alarmed, ct, w.rings())
		}
		for name, l := range map[string]chat.Leaving{
			"nothing":       {Text: "  "},
			"no way back":   {Text: "bonjour", Callback: &contact.Callback{When: "demain"}},
			"a long number": {Text: "bonjour", Callback: &contact.Callback{On: strings.Repeat("1", 501)}},
		} {
			l.ID, l.MessageID, l.Lang = store.NewID(), store.NewID(), "fr"
			if _, _, err := w.LeaveMessage(w.ctx, l); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := w.count(`SELECT count(*) FROM contact`); n != 1 {
			t.Errorf("%d contacts: what was refused left something", n)
		}
	})
}

// A node that has lost its bus still takes and gives every word: SQL is the record.
func TestWithoutABusNoMessageIsLost(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	alone, err := bus.Open(w.ctx, bus.Options{})
	w.must(err)
	node, _ := w.node(alone, chat.Options{})
	alone.Close()
	ct := w.talking(claire)
	m, err := node.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "bonjour"})
	w.must(err)
	if m.Seq != 1 || len(w.conversation(ct.ID)) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestTheAuditSaysWhoWrote(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	w.says(ct, "bonjour")
	w.answers(ct, "bonjour")
	who, err := store.All(w.ctx, w.db, func(r store.Row) (a audit.Actor, err error) { return a, r.Scan(&a.Kind, &a.ID) },
		`SELECT actor_kind, actor_id FROM audit WHERE object_id = $1 AND act = 'chat.send' ORDER BY id`, ct.ID)
	w.must(err)
	if len(who) != 2 || who[0] != contact.VisitorOf(ct.ID) || who[1] != claire {
		t.Errorf("%v", who)
	}
}
