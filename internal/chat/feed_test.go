package chat_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func TestAFollowerIsHandedEachMessageOnceInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct := w.talking(claire)
		w.says(ct, "avant")
		var one, late listener
		defer w.Feed().Follow(ct.ID, chat.Shown{}, one.hear)()
		const n = 60
		var wait sync.WaitGroup
		for i := range n {
			wait.Go(func() { w.says(ct, fmt.Sprint(i)) })
			if i == n/2 {
				defer w.Feed().Follow(ct.ID, chat.Shown{Seq: 1}, late.hear)()
			}
		}
		wait.Wait()
		eventually(t, "every message", func() bool { return len(one.seqs()) >= n+1 && len(late.seqs()) >= n })
		if got := one.seqs(); !slices.Equal(got, upTo(n+1)) {
			t.Errorf("%v", got)
		}
		if got := late.seqs(); !slices.Equal(got, upTo(n + 1)[1:]) {
			t.Errorf("who came later, and had seen the first: %v", got)
		}
		for i, m := range w.conversation(ct.ID) {
			if one.all()[i].Message != m {
				t.Errorf("handed over %+v; in the record %+v", one.all()[i].Message, m)
			}
		}
	})
}

func TestWhatIsSentHereIsHandedOverWithoutReadingIt(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	var l listener
	defer w.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
	w.says(ct, "premier")
	eventually(t, "the first message", func() bool { return len(l.seqs()) == 1 })
	before := w.db.Statements()
	for range 20 {
		w.says(ct, "encore")
	}
	eventually(t, "the others", func() bool { return len(l.seqs()) == 21 })
	if n := w.db.Statements() - before; n > 40 {
		t.Errorf("%d statements for 20 messages that somebody follows", n)
	}
}

// The child is on one server, her counsellor on another.
func TestTwoNodesHandOverTheSameConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		here, there := bustest.Two(t)
		one, _ := w.node(here, chat.Options{})
		other, _ := w.node(there, chat.Options{})
		ct := w.talking(claire)
		var onOne, onOther, alsoOnOther listener
		defer one.Feed().Follow(ct.ID, chat.Shown{}, onOne.hear)()
		defer other.Feed().Follow(ct.ID, chat.Shown{}, onOther.hear)()
		defer other.Feed().Follow(ct.ID, chat.Shown{}, alsoOnOther.hear)()
		const each = 30
		var wait sync.WaitGroup
		for _, side := range []struct {
			node         *chat.Chats
			from, author string
		}{{one, chat.Visitor, ct.PersonID}, {other, chat.Staff, claire.ID}} {
			wait.Go(func() {
				for i := range each {
					_, err := side.node.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: side.from, AuthorID: side.author, Body: fmt.Sprint(i)})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		for name, l := range map[string]*listener{"on the child's node": &onOne, "on the counsellor's": &onOther, "in her second tab": &alsoOnOther} {
			eventually(t, "every message "+name, func() bool { return len(l.seqs()) >= 2*each })
			if got := l.seqs(); !slices.Equal(got, upTo(2*each)) {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

// Ten tabs of one desk read what came from another node once, not ten times.
func TestAWakeUpIsReadOnceForAll(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	here, there := bustest.Two(t)
	sender, _ := w.node(here, chat.Options{})
	node, _ := w.node(there, chat.Options{})
	ct := w.talking(claire)
	tabs := make([]listener, 10)
	for i := range tabs {
		defer node.Feed().Follow(ct.ID, chat.Shown{}, tabs[i].hear)()
	}
	send := func() {
		_, err := sender.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "bonjour"})
		w.must(err)
	}
	send()
	for i := range tabs {
		eventually(t, "the first message", func() bool { return len(tabs[i].seqs()) == 1 })
	}
	before := w.db.Statements()
	send()
	for i := range tabs {
		eventually(t, "the second message", func() bool { return len(tabs[i].seqs()) == 2 })
	}
	if n := w.db.Statements() - before; n > 3 {
		t.Errorf("%d statements for one message read by ten tabs of another node", n)
	}
}

func TestALostWakeUpIsRepaired(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		deaf, err := bus.Open(w.ctx, bus.Options{}) // a bus of its own: it hears nothing of the others
		w.must(err)
		t.Cleanup(deaf.Close)
		node, _ := w.node(deaf, chat.Options{})
		ct := w.talking(claire)
		w.says(ct, "un")
		var l listener
		defer node.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
		eventually(t, "what was there before", func() bool { return slices.Equal(l.seqs(), upTo(1)) })
		w.says(ct, "deux")
		if len(l.seqs()) != 1 {
			t.Fatal("this node was to hear nothing")
		}
		w.must(node.Repair(w.ctx))
		eventually(t, "what was missed", func() bool { return slices.Equal(l.seqs(), upTo(2)) })
		// A later message repairs what was missed before it, too.
		w.says(ct, "trois")
		m, err := node.Send(w.ctx, chat.Sending{ID: store.NewID(), ContactID: ct.ID, From: chat.Visitor, AuthorID: ct.PersonID, Body: "quatre"})
		w.must(err)
		if m.Seq != 4 {
			t.Fatalf("number %d", m.Seq)
		}
		eventually(t, "what was missed, before what came", func() bool { return slices.Equal(l.seqs(), upTo(4)) })
	})
}

// So is one of the other announcements: that a contact moved, that a session of its person is over, that
// it is no more.
func TestWhatElseWasLostIsRepaired(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		deaf, err := bus.Open(w.ctx, bus.Options{})
		w.must(err)
		t.Cleanup(deaf.Close)
		node, _ := w.node(deaf, chat.Options{})
		ct := w.talking(claire)
		token, err := w.contacts.NewSession(w.ctx, ct.ID)
		w.must(err)
		var l listener
		defer node.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
		w.must(node.Repair(w.ctx)) // whoever has just come is told how things stand
		eventually(t, "how things stand", func() bool {
			_, state := l.heard(chat.EventState)
			_, session := l.heard(chat.EventSession)
			return state && session
		})
		l.forget()
		w.must(node.Repair(w.ctx))
		if events := l.all(); len(events) > 0 {
			t.Fatalf("nothing changed, and it was told %+v", events)
		}

		w.moved(ct.ID, contact.StaffEnds, claire, contact.Change{})
		if len(l.all()) > 0 {
			t.Fatal("this node was to hear nothing")
		}
		w.must(node.Repair(w.ctx))
		eventually(t, "the move", func() bool { e, told := l.heard(chat.EventState); return told && e.State == contact.WrapUp })
		if _, told := l.heard(chat.EventSession); told {
			t.Error("no session ended")
		}
		w.must(w.contacts.EndSession(w.ctx, token))
		w.must(node.Repair(w.ctx))
		eventually(t, "the end of the session", func() bool { _, told := l.heard(chat.EventSession); return told })
		w.must(w.contacts.Erase(w.ctx, ct.ID, audit.Actor{Kind: audit.Operator}, "request"))
		w.must(node.Repair(w.ctx))
		eventually(t, "the erasure", func() bool { _, told := l.heard(chat.EventResync); return told })
	})
}

func TestAWakeUpThatPromisesTooMuchDoesNoHarm(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	var l listener
	defer w.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
	for _, payload := range []string{`{"seq":99,"node":"x"}`, `{"seq":-1}`, `nonsense`, ``, `{"seq":"1"}`} {
		w.bus.Publish("contact."+ct.ID+".message", []byte(payload))
	}
	w.must(w.bus.Flush())
	w.says(ct, "un")
	w.says(ct, "deux")
	eventually(t, "the two messages", func() bool { return slices.Equal(l.seqs(), upTo(2)) })
}

func TestWhoIsTooSlowIsDroppedAndToldToStartAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	stuck := make(chan struct{})
	first := make(chan struct{}, 1)
	var l, healthy listener
	stop := w.Feed().Follow(ct.ID, chat.Shown{}, func(e chat.Event) {
		l.hear(e)
		select {
		case first <- struct{}{}:
		default:
		}
		<-stuck
	})
	defer stop()
	defer w.Feed().Follow(ct.ID, chat.Shown{}, healthy.hear)()
	const n = 200
	for i := range n {
		w.says(ct, fmt.Sprint(i))
		if i == 0 {
			<-first
		}
		eventually(t, "the other follower", func() bool { return len(healthy.seqs()) == i+1 })
	}
	close(stuck)
	eventually(t, "being told", func() bool { _, told := l.heard(chat.EventResync); return told })
	events := l.all()
	if last := events[len(events)-1]; last.Kind != chat.EventResync || len(l.seqs()) > 1 {
		t.Errorf("%d events, %d of them messages, the last one %s", len(events), len(l.seqs()), last.Kind)
	}
	w.says(ct, "de plus")
	eventually(t, "the other follower", func() bool { return len(healthy.seqs()) == n+1 })
	if len(l.all()) != len(events) {
		t.Error("it was told more after it was dropped")
	}
}

func TestWhoIsTooFarBehindIsToldToStartAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	for i := range 140 {
		w.says(ct, fmt.Sprint(i))
	}
	var l listener
	defer w.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
	eventually(t, "being told", func() bool { _, told := l.heard(chat.EventResync); return told })
	if len(l.seqs()) != 0 {
		t.Errorf("and yet %d messages", len(l.seqs()))
	}
	var near listener
	defer w.Feed().Follow(ct.ID, chat.Shown{Seq: 100}, near.hear)()
	eventually(t, "the last forty", func() bool { return len(near.seqs()) == 40 })
}

func TestTypingMarksStatesAndFormsAreTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		here, there := bustest.Two(t)
		one, contacts := w.node(here, chat.Options{})
		other, _ := w.node(there, chat.Options{})
		ct := w.talking(claire)
		var l listener
		defer other.Feed().Follow(ct.ID, chat.Shown{}, l.hear)()
		one.Typing(ct.ID, chat.Visitor, true)
		one.Typing(ct.ID, "a stranger", true)
		_, err := contacts.SaveNote(w.ctx, contact.Note{ID: store.NewID(), ContactID: ct.ID, AuthorID: claire.ID, Text: "calme"})
		w.must(err)
		_, err = contacts.LeaveQuickly(w.ctx, ct.ID)
		w.must(err)
		eventually(t, "all of them", func() bool {
			_, typing := l.heard(chat.EventTyping)
			_, form := l.heard(chat.EventForm)
			_, state := l.heard(chat.EventState)
			return typing && form && state
		})
		if e, _ := l.heard(chat.EventTyping); e.Who != chat.Visitor || !e.On {
			t.Errorf("%+v", e)
		}
		if e, _ := l.heard(chat.EventState); e.State != contact.Left {
			t.Errorf("%+v", e)
		}
	})
}

func TestTenThousandConversationsCostNoGoroutineAndLittleMemory(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ct := w.talking(claire)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 10_000
	goroutines := runtime.NumGoroutine()
	stops := make([]func(), n)
	for i := range stops {
		stops[i] = w.Feed().Follow(fmt.Sprintf("%s-%d", ct.ID, i), chat.Shown{}, func(chat.Event) {})
	}
	// Whoever follows what is no contact is told so at once, and dropped.
	eventually(t, "the end of conversations that do not exist", func() bool { return w.Feed().Following() == 0 })
	eventually(t, "quiet", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	for _, stop := range stops {
		stop()
	}
	stops = nil
	many := make([]contact.Contact, 200)
	for i := range many {
		many[i] = w.child()
	}
	var l listener
	w.says(many[0], "bonjour") // the ways are trodden
	memory := heap()
	goroutines = runtime.NumGoroutine()
	for range n / len(many) {
		for _, c := range many {
			stops = append(stops, w.Feed().Follow(c.ID, chat.Shown{}, l.hear))
		}
	}
	eventually(t, "quiet", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	used := (int64(heap()) - int64(memory)) / n
	t.Logf("%d bytes a follower", used)
	if used <= 0 || used > 1024 {
		t.Error("that is not little")
	}
	eventually(t, "what was said before", func() bool { return len(l.seqs()) == n/len(many) })
	w.says(many[0], "encore")
	eventually(t, "what is said now", func() bool { return len(l.seqs()) == 2*n/len(many) })
	for _, stop := range stops {
		stop()
		stop()
	}
	if w.Feed().Following() != 0 {
		t.Errorf("%d conversations are still followed", w.Feed().Following())
	}
}

func TestMarksAreGatheredAndOnlyGrow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ct, other := w.talking(claire), w.talking(karim)
		for range 5 {
			w.says(ct, "un mot")
			w.says(other, "un mot")
		}
		var l listener
		defer w.Feed().Follow(ct.ID, chat.Shown{Seq: 5}, l.hear)()
		before := w.db.Statements()
		for seq := range int64(6) {
			w.Mark(ct.ID, chat.Staff, seq, seq-2)
			w.Mark(other.ID, chat.Staff, seq, 0)
		}
		w.Mark(ct.ID, chat.Staff, 3, 1)       // late: it changes nothing
		w.Mark(ct.ID, chat.Visitor, 400, 400) // a lie
		w.Mark(ct.ID, "a stranger", 5, 5)
		w.Mark("no contact", chat.Visitor, 1, 1)
		w.FlushMarks()
		if n := w.db.Statements() - before; n > 2 {
			t.Errorf("%d statements", n)
		}
		visitor, staff, err := w.Marks(w.ctx, ct.ID)
		w.must(err)
		if staff != (chat.Mark{Delivered: 5, Seen: 3}) || visitor != (chat.Mark{}) {
			t.Errorf("staff %+v, visitor %+v", staff, visitor)
		}
		w.Mark(ct.ID, chat.Staff, 2, 2)
		w.Mark(ct.ID, chat.Visitor, 1, 4)
		w.FlushMarks()
		visitor, staff, err = w.Marks(w.ctx, ct.ID)
		w.must(err)
		if staff != (chat.Mark{Delivered: 5, Seen: 3}) || visitor != (chat.Mark{Delivered: 4, Seen: 4}) {
			t.Errorf("staff %+v, visitor %+v", staff, visitor)
		}
		w.Mark(ct.ID, chat.Staff, 0, 4) // read further, by a tab that was reached by less
		w.FlushMarks()
		if _, staff, err = w.Marks(w.ctx, ct.ID); err != nil || staff != (chat.Mark{Delivered: 5, Seen: 4}) {
			t.Errorf("staff %+v, %v", staff, err)
		}
		eventually(t, "the marks", func() bool { _, told := l.heard(chat.EventMarks); return told })
		w.Mark(ct.ID, chat.Visitor, 5, 5)
		eventually(t, "a mark that nobody flushed", func() bool { v, _, _ := w.Marks(w.ctx, ct.ID); return v.Seen == 5 })
	})
}

func TestManyMarksAreFewStatements(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	var all []contact.Contact
	for range 300 {
		ct := w.talking(claire)
		w.says(ct, "bonjour")
		all = append(all, ct)
	}
	before := w.db.Statements()
	for _, ct := range all {
		w.Mark(ct.ID, chat.Staff, 1, 1)
	}
	w.FlushMarks()
	if n := w.db.Statements() - before; n > 5 {
		t.Errorf("%d statements for %d marks", n, len(all))
	}
	if n := w.count(`SELECT count(*) FROM message_mark WHERE seen = 1`); n != len(all) {
		t.Errorf("%d of %d marks", n, len(all))
	}
}
