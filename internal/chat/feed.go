package chat

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// EventKind says what a follower is told.
type EventKind string

// What a follower is told.
const (
	EventMessage EventKind = "message" // Message
	EventTyping  EventKind = "typing"  // Who, On
	EventMarks   EventKind = "marks"   // Who, Mark
	EventState   EventKind = "state"   // State: read the contact again
	EventForm    EventKind = "form"    // Form: somebody wrote in the form or the notes
	EventSession EventKind = "session" // a session of its person ended: one's own may be the one
	EventResync  EventKind = "resync"  // the follower was too slow or too far behind and is dropped: render again, then follow again
)

// Event is what a follower is told.
type Event struct {
	Kind    EventKind
	Message Message
	Who     string
	On      bool
	Mark    Mark
	State   contact.State
	Form    contact.FormEvent
}

const (
	// A follower that has this many events waiting, or is this many messages behind, is dropped.
	followerQueue = 128
	catchUp       = 128
	// A message that came before its forerunner waits this long for it (two senders on this node were
	// committed in one order and arrive in the other) before the record is read.
	gapPatience = 20 * time.Millisecond
	// Every conversation that is followed is compared with the record this often, in case its wake-up was lost.
	repairEvery = 30 * time.Second
	repairBatch = 200
	readersAt   = 8
)

// Feed hands the events of a conversation to those who follow it on this node: each message once and in
// order, wherever it was sent. There is no goroutine per conversation or follower; one runs while there
// is something to hand over.
type Feed struct {
	chats   *Chats
	shards  [64]feedShard
	readers chan struct{}
	missed  chan struct{} // announcements may have been missed: compare with the record now
	done    context.Context
	close   context.CancelFunc
}

type feedShard struct {
	mu     sync.Mutex
	topics map[string]*topic
}

// topic is a conversation that somebody follows.
type topic struct {
	feed *Feed
	id   string

	mu        sync.Mutex
	followers []*follower
	known     int64             // the highest number that was heard of
	early     map[int64]Message // messages that wait for their forerunners
	reading   bool
	patient   bool  // a timer runs for a gap
	sessions  int64 // which sessions of its person the record had when it was last compared: the sum of their times
}

// record is what the record says of a conversation.
type record struct {
	seq, rev, sessions int64
	state              contact.State
}

// Shown is how much of a conversation somebody shows who begins to follow it: its messages up to a number,
// and its contact as it was at a revision.
type Shown struct{ Seq, Rev int64 }

type follower struct {
	topic *topic
	fn    func(Event)
	last  int64 // guarded by topic.mu: the last message that was queued
	rev   int64 // guarded by topic.mu: the contact's revision that it was told of
	ready bool  // guarded by topic.mu: the record was read once since it follows

	mu      sync.Mutex
	queue   []Event
	running bool
	gone    bool
}

func newFeed(c *Chats) *Feed {
	f := &Feed{chats: c, readers: make(chan struct{}, readersAt), missed: make(chan struct{}, 1)}
	f.done, f.close = context.WithCancel(context.Background())
	for i := range f.shards {
		f.shards[i].topics = map[string]*topic{}
	}
	return f
}

// listen hears the bus: one subscription for every conversation.
func (f *Feed) listen() (stop func(), err error) {
	stopHearing, err := f.chats.bus.Subscribe("contact.*.*", f.hear)
	if err != nil {
		return nil, err
	}
	stopWaking := f.chats.bus.OnReconnect(func() {
		select {
		case f.missed <- struct{}{}:
		default:
		}
	})
	return func() { stopHearing(); stopWaking() }, nil
}

// Follow tells fn everything of a conversation from now on, and first what is not shown yet. fn is
// called by one goroutine at a time and should not block: who is too slow is told EventResync and
// dropped. stop may be called at any time; an event that is on its way may still arrive.
func (f *Feed) Follow(contactID string, shown Shown, fn func(Event)) (stop func()) {
	s := &f.shards[shard(contactID)%uint32(len(f.shards))]
	s.mu.Lock()
	t := s.topics[contactID]
	if t == nil {
		t = &topic{feed: f, id: contactID}
		s.topics[contactID] = t
	}
	w := &follower{topic: t, fn: fn, last: max(shown.Seq, 0), rev: shown.Rev}
	t.mu.Lock()
	t.followers = append(t.followers, w)
	t.read()
	t.mu.Unlock()
	s.mu.Unlock()
	return w.stop
}

// Following counts the conversations that are followed here.
func (f *Feed) Following() int {
	n := 0
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		n += len(s.topics)
		s.mu.Unlock()
	}
	return n
}

func (f *Feed) topic(contactID string) *topic {
	s := &f.shards[shard(contactID)%uint32(len(f.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[contactID]
}

// stop ends a follower, and the topic with its last one.
func (w *follower) stop() {
	w.mu.Lock()
	w.gone, w.queue = true, nil
	w.mu.Unlock()
	t := w.topic
	s := &t.feed.shards[shard(t.id)%uint32(len(t.feed.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers = slices.DeleteFunc(t.followers, func(o *follower) bool { return o == w })
	if len(t.followers) == 0 && s.topics[t.id] == t {
		delete(s.topics, t.id)
	}
}

// tell queues an event; a follower that is too slow is told so and dropped.
func (w *follower) tell(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return
	}
	if n := len(w.queue); n > 0 && e.Kind != EventMessage && w.queue[n-1].Kind == e.Kind && w.queue[n-1].Who == e.Who && w.queue[n-1].Form == e.Form {
		w.queue[n-1] = e // only the newest of these matters
		return
	}
	if len(w.queue) >= followerQueue {
		w.drop()
		return
	}
	w.queue = append(w.queue, e)
	w.run()
}

// drop tells the follower to start again; nothing else follows. w.mu is held.
func (w *follower) drop() {
	w.gone = true
	w.queue = []Event{{Kind: EventResync}}
	w.run()
}

func (w *follower) run() {
	if !w.running {
		w.running = true
		go w.handOver()
	}
}

func (w *follower) handOver() {
	for {
		w.mu.Lock()
		queue := w.queue
		w.queue = nil
		if len(queue) == 0 {
			w.running = false
			gone := w.gone
			w.mu.Unlock()
			if gone {
				w.stop()
			}
			return
		}
		w.mu.Unlock()
		for _, e := range queue {
			w.fn(e)
		}
	}
}

// hand gives a message that was committed on this node to those who follow it here.
func (f *Feed) hand(m Message) {
	t := f.topic(m.ContactID)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = max(t.known, m.Seq)
	t.add([]Message{m})
	if t.behind() && !t.patient && !t.reading {
		t.patient = true
		time.AfterFunc(gapPatience, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.patient = false
			if t.behind() {
				t.read()
			}
		})
	}
}

// add hands messages to the followers, in order; one that came early waits. t.mu is held.
func (t *topic) add(messages []Message) {
	for _, m := range messages {
		if t.early == nil && !slices.ContainsFunc(t.followers, func(w *follower) bool { return w.last+1 < m.Seq }) {
			for _, w := range t.followers {
				if w.last+1 == m.Seq {
					w.last = m.Seq
					w.tell(Event{Kind: EventMessage, Message: m})
				}
			}
			continue
		}
		if t.early == nil {
			t.early = map[int64]Message{}
		}
		t.early[m.Seq] = m
	}
	if t.early == nil {
		return
	}
	lowest := int64(1<<62 - 1)
	for _, w := range t.followers {
		for {
			m, ok := t.early[w.last+1]
			if !ok {
				break
			}
			w.last = m.Seq
			w.tell(Event{Kind: EventMessage, Message: m})
		}
		lowest = min(lowest, w.last)
	}
	for seq := range t.early {
		if seq <= lowest {
			delete(t.early, seq)
		}
	}
	if len(t.early) == 0 {
		t.early = nil
	}
}

// behind says that a follower waits for something the record has. t.mu is held.
func (t *topic) behind() bool {
	return slices.ContainsFunc(t.followers, func(w *follower) bool { return !w.ready || w.last < t.known })
}

// read has the record read once for all followers who are behind. t.mu is held.
func (t *topic) read() {
	if !t.reading {
		t.reading = true
		go t.readOn()
	}
}

func (t *topic) readOn() {
	for failures := 0; ; {
		t.mu.Lock()
		t.followers = slices.DeleteFunc(t.followers, func(w *follower) bool { return w.isGone() })
		if !t.behind() || t.feed.done.Err() != nil {
			t.reading = false
			t.mu.Unlock()
			return
		}
		asked := slices.Clone(t.followers)
		from := int64(1<<62 - 1)
		for _, w := range asked {
			from = min(from, w.last)
		}
		heard := t.known
		t.mu.Unlock()

		messages, err := t.feed.readAfter(t.id, from)
		t.mu.Lock()
		switch {
		case fault.Is(err, fault.Gone) || fault.Is(err, fault.NotFound): // erased
			t.dropAll()
			t.reading = false
			t.mu.Unlock()
			return
		case err != nil:
			t.mu.Unlock()
			if failures++; failures > 5 || errors.Is(err, context.Canceled) {
				t.mu.Lock()
				t.reading = false // the slow tick tries again
				t.mu.Unlock()
				return
			}
			time.Sleep(time.Duration(failures*failures) * 50 * time.Millisecond)
			continue
		}
		failures = 0
		if len(messages) > catchUp {
			for _, w := range asked {
				if w.last == from { // as far behind as can be: rendering again is quicker and whole
					w.mu.Lock()
					w.drop()
					w.mu.Unlock()
				}
			}
			t.mu.Unlock()
			continue
		}
		for _, w := range asked {
			w.ready = true
		}
		if len(messages) == 0 && t.known == heard {
			t.known = min(t.known, from) // a wake-up that promised more than there is
		} else if len(messages) > 0 {
			t.known = max(t.known, messages[len(messages)-1].Seq)
			t.add(messages)
		}
		t.mu.Unlock()
	}
}

func (w *follower) isGone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// dropAll tells everybody to render again; what they will see is that the contact is gone. t.mu is held.
func (t *topic) dropAll() {
	for _, w := range t.followers {
		w.mu.Lock()
		w.drop()
		w.mu.Unlock()
	}
	t.followers = nil
}

// readAfter reads one more message than a follower may be behind, so that too many can be told.
func (f *Feed) readAfter(contactID string, after int64) ([]Message, error) {
	select {
	case f.readers <- struct{}{}:
		defer func() { <-f.readers }()
	case <-f.done.Done():
		return nil, context.Canceled
	}
	ctx, cancel := context.WithTimeout(f.done, 10*time.Second)
	defer cancel()
	return f.chats.Messages(ctx, contactID, after, catchUp+1)
}

// hear takes an announcement of the bus to those who follow its conversation here.
func (f *Feed) hear(subject string, payload []byte) {
	rest, ok := strings.CutPrefix(subject, "contact.")
	if !ok {
		return
	}
	id, what, _ := strings.Cut(rest, ".")
	t := f.topic(id)
	if t == nil {
		return
	}
	switch what {
	case "message":
		var w woken
		if json.Unmarshal(payload, &w) != nil || w.Node == f.chats.bus.NodeID() {
			return // handed over already
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if w.Seq > t.known {
			t.known = w.Seq
			t.read()
		}
	case "typing":
		var e struct {
			Who string `json:"who"`
			On  bool   `json:"on"`
		}
		if json.Unmarshal(payload, &e) == nil {
			t.tell(Event{Kind: EventTyping, Who: e.Who, On: e.On})
		}
	case "marks":
		var e struct {
			Who       string `json:"who"`
			Delivered int64  `json:"delivered"`
			Seen      int64  `json:"seen"`
			Node      string `json:"node"` // told its own followers already
		}
		if json.Unmarshal(payload, &e) == nil && e.Node != f.chats.bus.NodeID() {
			t.tell(Event{Kind: EventMarks, Who: e.Who, Mark: Mark{Delivered: e.Delivered, Seen: e.Seen}})
		}
	case "state":
		var e contact.MovedEvent
		if json.Unmarshal(payload, &e) == nil {
			t.moved(e)
		}
	case "form":
		var e contact.FormEvent
		if json.Unmarshal(payload, &e) == nil {
			t.tell(Event{Kind: EventForm, Form: e})
		}
	case "session":
		t.tell(Event{Kind: EventSession})
	case "erased":
		t.mu.Lock()
		defer t.mu.Unlock()
		t.dropAll()
	}
}

func (t *topic) moved(e contact.MovedEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.followers {
		w.rev = max(w.rev, e.Rev)
		w.tell(Event{Kind: EventState, State: e.State})
	}
}

func (t *topic) tell(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.followers {
		w.tell(e)
	}
}

// run compares, a batch at a time, what is followed here with the record; all at once when the bus was away.
func (f *Feed) run(ctx context.Context) {
	for ctx.Err() == nil {
		ids := f.ids()
		pause := repairEvery / time.Duration((len(ids)+repairBatch-1)/repairBatch+1)
		for len(ids) > 0 || pause == repairEvery {
			select {
			case <-time.After(pause):
			case <-f.missed:
				ids, pause = f.ids(), 0
			case <-ctx.Done():
				return
			}
			if len(ids) == 0 {
				break
			}
			n := min(len(ids), repairBatch)
			if err := f.repair(ctx, ids[:n]); err != nil && ctx.Err() == nil {
				f.chats.slog.Warn("conversations could not be compared with the record", "error", err)
			}
			ids = ids[n:]
		}
	}
}

func (f *Feed) ids() []string {
	var ids []string
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		for id := range s.topics {
			ids = append(ids, id)
		}
		s.mu.Unlock()
	}
	return ids
}

var selectRecords = `SELECT c.id, c.rev, c.state,
	COALESCE((SELECT max(m.seq) FROM message m WHERE m.contact_id = c.id), 0),
	(SELECT CAST(COALESCE(sum(s.made_at), 0) AS BIGINT) FROM visitor_session s WHERE s.contact_id = c.id)
	FROM contact c WHERE c.id IN (` + placeholders(1, repairBatch) + `)`

// repair compares what is followed here with the record, in case its announcement was lost: it reads on
// where there are more messages, tells that a contact moved or that a session of its person is over, and
// drops who follows what is no more. Which sessions there were at first is not known: once it is told in
// vain.
func (f *Feed) repair(ctx context.Context, ids []string) error {
	args := make([]any, repairBatch)
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)]
	}
	found := make(map[string]record, len(ids))
	_, err := store.All(ctx, f.chats.db, func(row store.Row) (id string, err error) {
		var r record
		err = row.Scan(&id, &r.rev, &r.state, &r.seq, &r.sessions)
		found[id] = r
		return id, err
	}, selectRecords, args...)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if t := f.topic(id); t != nil {
			r, there := found[id]
			t.compare(r, there)
		}
	}
	return nil
}

func (t *topic) compare(now record, there bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !there {
		t.dropAll()
		return
	}
	t.known = max(t.known, now.seq)
	if t.behind() {
		t.read()
	}
	for _, w := range t.followers {
		if w.rev < now.rev {
			w.rev = now.rev
			w.tell(Event{Kind: EventState, State: now.state})
		}
		if t.sessions != now.sessions {
			w.tell(Event{Kind: EventSession})
		}
	}
	t.sessions = now.sessions
}
