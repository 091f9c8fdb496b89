package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/team"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

const (
	// beatEvery keeps a desk on the floor while its page is open; the lease is three times as long.
	beatEvery = 20 * time.Second
	// redrawBeats is how many beats lie between two readings that nothing was announced for.
	redrawBeats = 3
	// redrawWithin spreads the pages that come back when the bus is back.
	redrawWithin = 2 * time.Second
	// lineEvery bounds how often who-waits is drawn again, for all desks of a node together. What is slow to
	// draw is drawn less often, after a breath of nineteen times what it took, and at the latest after lineLate.
	lineEvery = 300 * time.Millisecond
	lineLate  = 2 * time.Second
)

// desks are the open desk pages of this node. One subscription serves them all.
type desks struct {
	mu      sync.Mutex
	open    map[*desk]struct{}
	drawing bool // the line is being drawn, or will be in a moment
	dirty   bool // it changed since it was read
}

// Listen follows what concerns every desk; stop leaves the bus.
func (c *Room) Listen() (stop func(), err error) {
	c.desks.open = map[*desk]struct{}{}
	stopQueue, err := c.Bus.Subscribe("queue", func(string, []byte) { c.lineChanged() })
	if err != nil {
		return nil, err
	}
	stopStaff, err := c.Bus.Subscribe("staff.*", c.staffChanged)
	if err != nil {
		stopQueue()
		return nil, err
	}
	stopSettings, err := c.Bus.Subscribe("routing.setting", func(string, []byte) { time.AfterFunc(lineEvery, c.drawBars) })
	if err != nil {
		stopQueue()
		stopStaff()
		return nil, err
	}
	stopPhone, err := c.Bus.Subscribe("contact.*.phone", c.phoneChanged)
	if err != nil {
		stopQueue()
		stopStaff()
		stopSettings()
		return nil, err
	}
	stopTeam, err := c.Bus.Subscribe(team.Subject, c.teamChanged)
	if err != nil {
		stopQueue()
		stopStaff()
		stopSettings()
		stopPhone()
		return nil, err
	}
	stopBack := c.Bus.OnReconnect(c.desks.redraw)
	return func() {
		stopQueue()
		stopStaff()
		stopSettings()
		stopPhone()
		stopTeam()
		stopBack()
	}, nil
}

// redraw has every open page come back, and be drawn from the record: announcements may have been missed.
func (a *desks) redraw() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for d := range a.open {
		time.AfterFunc(rand.N(redrawWithin), d.stream.End)
	}
}

// have says whether an open page of hers on this node shows the conversation as hers.
func (a *desks) have(staffID, contactID string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for d := range a.open {
		if d.person.ID == staffID && d.following(contactID) {
			return true
		}
	}
	return false
}

// all are the open pages of this node.
func (a *desks) all() []*desk {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.open))
}

// drawBars tells every desk how many conversations it may have from now on.
func (c *Room) drawBars() {
	for _, d := range c.desks.all() {
		d.failed(d.drawBars())
	}
}

// lineChanged draws who waits for every desk, a burst at once.
func (c *Room) lineChanged() {
	c.desks.mu.Lock()
	defer c.desks.mu.Unlock()
	if len(c.desks.open) == 0 {
		return
	}
	c.desks.dirty = true
	c.crew.changed()
	if !c.desks.drawing {
		c.desks.drawing = true
		time.AfterFunc(lineEvery, c.keepLine)
	}
}

// keepLine draws the line, and again as long as it changes.
func (c *Room) keepLine() {
	c.desks.mu.Lock()
	c.desks.dirty = false
	open := slices.Collect(maps.Keys(c.desks.open))
	c.desks.mu.Unlock()
	began := time.Now()
	c.drawLine(open)
	took := time.Since(began)
	c.desks.mu.Lock()
	defer c.desks.mu.Unlock()
	if c.desks.drawing = c.desks.dirty; c.desks.drawing {
		time.AfterFunc(max(lineEvery, min(19*took, lineLate)), c.keepLine)
	}
}

func (c *Room) drawLine(open []*desk) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	waiting, err := c.Router.Waiting(ctx, "")
	if err != nil {
		slog.Warn("the line could not be drawn", "error", err)
		return
	}
	knowing := map[string]bool{}
	for i := range waiting {
		for _, id := range waiting[i].KnownBy() {
			knowing[id] = true
		}
	}
	drawn := map[string]live.Event{} // by what decides what is seen: nearly all desks see the same
	for i, d := range open {
		d.failed(d.drawOthers(ctx))
		if d.floor { // which has its own lists
			continue
		}
		p := d.person
		sight := strings.Join(append([]string{d.say.Lang(), strconv.FormatBool(p.Can(staff.FloorSee))}, p.Langs...), " ")
		if knowing[p.ID] {
			sight += " " + p.ID
		}
		e, ok := drawn[sight]
		if !ok {
			first, count := inSight(waiting, p)
			if e, err = live.Update(ctx, "", c.lineOf(ctx, d.say, first, count)); err != nil {
				slog.Error("the line could not be drawn", "error", err)
				continue
			}
			drawn[sight] = e
		}
		d.stream.Push(e)
		if i%breathAfter == breathAfter-1 {
			time.Sleep(breath)
		}
	}
}

// What is told to many desks at once leaves room in between for the message that a child has just written.
const (
	breathAfter = 20
	breath      = time.Millisecond
)

func (d *desk) drawFloor(ctx context.Context) error {
	v, err := d.room.floor(ctx, d.say, d.person)
	if err != nil {
		return err
	}
	return d.update(v.pieces()...)
}

// inSight is what a desk shows somebody of the line: the first of those she may see, and how many they are.
func inSight(line []routing.Waiting, p staff.Person) (first []routing.Waiting, count int) {
	for i := range line {
		if !line[i].OpenTo(p) {
			continue
		}
		if count++; count <= lineShown {
			first = append(first, line[i])
		}
	}
	return first, count
}

// openTo is the part of the line that somebody may see.
func openTo(line []routing.Waiting, p staff.Person) []routing.Waiting {
	return slices.DeleteFunc(slices.Clone(line), func(w routing.Waiting) bool { return !w.OpenTo(p) })
}

// staffChanged tells one person's desks, or all supervisors', what concerns them.
func (c *Room) staffChanged(subject string, payload []byte) {
	var e routing.StaffEvent
	if json.Unmarshal(payload, &e) != nil {
		return
	}
	to := strings.TrimPrefix(subject, "staff.")
	c.desks.mu.Lock()
	var concerned []*desk
	for d := range c.desks.open {
		if d.person.ID == to || subject == routing.Supervisors && d.person.Can(staff.FloorSteer) {
			concerned = append(concerned, d)
		}
	}
	c.desks.mu.Unlock()
	for _, d := range concerned {
		go d.told(e)
	}
}

// desk is one open page.
type desk struct {
	room   *Room
	ctx    context.Context
	say    *i18n.Printer
	person staff.Person
	token  string
	floor  bool   // it shows the floor
	team   bool   // it shows the team room
	screen string // the mark of this tab: what it saved itself is not told to it
	stream *live.Stream

	telling sync.Mutex
	beats   int

	mu      sync.Mutex
	follows map[string]*follow
	// listen is the contact whose page of listening this is, "" for none; unlisten stops following its conversation.
	listen   string
	wish     string // how she wants to begin there
	unlisten func()
	phone    string // the contact whose call its softphone shows, "" for none
	others   string // whom that call may be handed to, as it was drawn
	over     bool
}

// follow is one of her conversations on this page.
type follow struct {
	stop    func()
	contact contact.Contact
	summary chat.Summary
	unread  int
	unseen  []sent // her own messages that the person has not seen
	marks   chat.Mark
}

type sent struct {
	id       string
	seq      int64
	delivery ui.Delivery
}

const maxUnseen = 50

// Events is the stream of a desk page.
func (c *Room) Events(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	return c.Streams.Serve(w, r, session.Staff(r).ID, func(s *live.Stream) (func(), error) {
		d := &desk{room: c, ctx: context.WithoutCancel(r.Context()), say: answer.Printer(r), person: m.Person, token: session.StaffToken(r), screen: answer.Screen(r.URL.Query().Get("screen")), stream: s,
			floor: r.URL.Query().Has("floor") && m.Can(staff.FloorSee), team: r.URL.Query().Has("team") && m.Can(staff.TeamRoom), listen: r.URL.Query().Get("listen"), wish: wishOf(r), follows: map[string]*follow{}}
		c.desks.mu.Lock()
		c.desks.open[d] = struct{}{}
		c.desks.mu.Unlock()
		leave := func() {
			c.desks.mu.Lock()
			delete(c.desks.open, d)
			c.desks.mu.Unlock()
			d.close()
		}
		stopCase, stopBoard, stopHandover := func() {}, func() {}, func() {}
		err := d.begin()
		if err == nil && d.floor {
			stopBoard, err = d.followBoard()
		}
		if id := r.URL.Query().Get("case"); err == nil && id != "" {
			if _, err = c.mayCase(r, id); err == nil {
				stopCase, err = c.followCase(r, id, s)
			}
		}
		if err != nil {
			if stopBoard != nil {
				stopBoard()
			}
			leave()
			return nil, err
		}
		if d.person.Can(staff.HandoverSee) && r.URL.Query().Get("handover") != "" {
			stopHandover = c.followHandover(r, s)
		}
		// Not all at the same moment, though all came back at the same moment after a restart.
		d.beats = rand.N(redrawBeats)
		beat := time.AfterFunc(beatEvery/2+rand.N(beatEvery/2), d.beat)
		return func() { beat.Stop(); stopCase(); stopBoard(); stopHandover(); leave() }, nil
	})
}

func (d *desk) close() {
	d.mu.Lock()
	d.over = true
	all, unlisten := d.follows, d.unlisten
	d.follows, d.unlisten = map[string]*follow{}, nil
	d.mu.Unlock()
	if unlisten != nil {
		unlisten()
	}
	for _, f := range all {
		f.stop()
	}
}

// beat keeps her on the floor while the page is open.
func (d *desk) beat() {
	d.mu.Lock()
	over := d.over
	d.mu.Unlock()
	if over {
		return
	}
	// A session that ended meanwhile ends its pages too; only looking at it does not prolong it.
	if _, _, err := d.room.Staff.Peek(d.ctx, d.token); fault.Is(err, fault.Unauthenticated) {
		d.stream.End()
		return
	}
	if err := d.room.Router.Beat(d.ctx, d.person.ID); err != nil {
		slog.Warn("a desk's beat was not written", "error", err)
	}
	d.failed(d.drawTeam()) // how long a hand is up, and whose time is over
	if err := d.room.Listening.Beat(d.ctx, d.person.ID); err != nil {
		slog.Warn("that somebody goes on listening was not written", "error", err)
	}
	if d.beats++; d.beats%redrawBeats == 0 { // an announcement may have been lost
		for _, what := range []string{"alarm", ""} {
			d.told(routing.StaffEvent{What: what})
		}
	}
	time.AfterFunc(beatEvery, d.beat)
}

// begin draws the desk as the record has it now, and follows each conversation from there.
func (d *desk) begin() error {
	if err := d.room.Router.Beat(d.ctx, d.person.ID); err != nil {
		return err
	}
	if err := d.drawBars(); err != nil {
		return err
	}
	if err := d.drawAlarms(); err != nil {
		return err
	}
	line, err := d.room.line(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	invited, err := d.room.invitations(d.ctx, d.say, d.person.ID)
	if err != nil {
		return err
	}
	if err := d.update(line, invited); err != nil {
		return err
	}
	if d.listen != "" {
		if err := d.room.Listening.Beat(d.ctx, d.person.ID); err != nil {
			return err
		}
		if err := d.drawListening(); err != nil {
			return err
		}
	}
	return d.drawMine()
}

// drawBars draws her presence and what rings. Who waits is drawn for all desks together: drawLine.
func (d *desk) drawBars() error {
	presence, err := d.room.presence(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	ring, err := d.room.ringing(d.ctx, d.say, d.person.ID)
	if err != nil {
		return err
	}
	top, err := d.room.teamTop(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	if err := d.update(presence, ring, top); err != nil {
		return err
	}
	return d.drawCall()
}

// drawMine reads what she has in hand: new conversations are added to the page, those that left it are
// taken away, the others get what they missed.
func (d *desk) drawMine() error {
	all, err := d.room.conversations(d.ctx, d.say, d.person.ID)
	if err != nil {
		return err
	}
	ids := []string{}
	for _, v := range all {
		ids = append(ids, v.contact.ID)
		if d.following(v.contact.ID) {
			continue
		}
		if err := d.begins(v); err != nil {
			return err
		}
	}
	pieces := []piece{mineList(d.say, d.room.cards(d.say, all, ""))}
	d.mu.Lock()
	for id, f := range d.follows {
		if !has(all, id) {
			f.stop()
			delete(d.follows, id)
			pieces = append(pieces, ui.Gone("talk-"+id), panelGone(d.say, id))
		}
	}
	d.mu.Unlock()
	d.stream.Push(live.Signal("mine", strings.Join(ids, " ")))
	return d.update(pieces...)
}

// takes adds one conversation that is hers from now on, in whichever of her tabs, or on whichever node,
// she took it.
func (d *desk) takes(id string) error {
	ct, err := d.room.Contacts.Get(d.ctx, id)
	if err != nil || ct.CounsellorID != d.person.ID || !mineStates[ct.State] || d.following(id) {
		return err
	}
	v, err := d.room.conversation(d.ctx, d.say, ct)
	if err != nil {
		return err
	}
	if err := d.begins(v); err != nil {
		return err
	}
	return d.update(ui.ContactCard(d.say, d.room.card(d.say, ct, v.summary, unread(v.messages, v.summary.SeenByStaff))))
}

func (d *desk) following(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.follows[id] != nil
}

// begins adds a conversation to the page, if it is not there, with its latest messages, and follows it.
func (d *desk) begins(v conversation) error {
	// A page that comes back has the conversation, and perhaps not what became of it meanwhile.
	pieces, err := d.room.head(d.ctx, d.say, v.contact)
	if err != nil {
		return err
	}
	strip, err := d.room.listened(d.ctx, d.say, v.contact)
	if err != nil {
		return err
	}
	pieces = append([]piece{d.room.talk(d.ctx, d.say, v, ""), strip}, pieces...)
	var last int64
	f := &follow{contact: v.contact, summary: v.summary, unread: unread(v.messages, v.summary.SeenByStaff), marks: v.reader.Marks}
	for _, m := range v.messages {
		pieces = append(pieces, v.reader.Bubble(m))
		last = m.Seq
		f.remember(m)
	}
	if err := d.update(pieces...); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over || d.follows[v.contact.ID] != nil {
		return nil
	}
	d.follows[v.contact.ID] = f
	id := v.contact.ID
	f.stop = d.room.Chats.Feed().Follow(id, chat.Shown{Seq: last, Rev: v.contact.Rev}, func(e chat.Event) { d.hear(id, e) })
	return nil
}

func (f *follow) remember(m chat.Message) {
	if m.From != chat.Staff || f.marks.Seen >= m.Seq {
		return
	}
	if len(f.unseen) == maxUnseen {
		f.unseen = f.unseen[1:]
	}
	f.unseen = append(f.unseen, sent{id: m.ID, seq: m.Seq, delivery: ui.Sent})
}

// told is what concerns her: something rings, or no longer does; her presence changed.
func (d *desk) told(e routing.StaffEvent) {
	d.telling.Lock() // one reading after the other, so that the newest is the last one drawn
	defer d.telling.Unlock()
	var err error
	switch e.What {
	case "session", "account": // the page comes back as whoever she is from now on
		d.stream.End()
		return
	case "ring":
		err = d.alert(e)
	case "alarm":
		err = d.drawAlarms()
	case "presence", "offer":
		err = d.drawBars()
	case "listening":
		err = d.listeningTold(e.Contact)
	case "taken":
		if err = d.drawBars(); err == nil {
			err = d.takes(e.Contact)
		}
	default:
		if err = d.drawBars(); err == nil {
			err = d.drawMine()
		}
		if err == nil && e.What == "hand_over_ended" && d.following(e.Contact) {
			err = d.update(saidPiece(e.Contact, d.say.T("desk.handing_ended")))
		}
	}
	d.failed(err)
}

// alert is what rings at a supervisor's page, and nowhere else: it is not kept.
type alert struct {
	id    string // of what happened and to whom: the same again takes its place, nothing else does
	at    time.Time
	words string
}

func (d *desk) alert(e routing.StaffEvent) error {
	if !d.say.Has("desk.ring." + e.Why) {
		return nil
	}
	return d.update(alertPiece(d.say, alert{id: e.Why + "-" + e.Contact, at: d.room.Now(), words: d.say.T("desk.ring." + e.Why)}))
}

func (d *desk) failed(err error) {
	if err == nil {
		return
	}
	slog.Warn("a desk could not be told", "error", err)
	d.stream.End()
}

func (d *desk) update(pieces ...piece) error {
	e, err := live.Update(d.ctx, "", pieces...)
	if err != nil {
		return err
	}
	d.stream.Push(e)
	return nil
}

// hear is what happens in one of her conversations.
func (d *desk) hear(id string, e chat.Event) {
	switch e.Kind {
	case chat.EventMessage:
		d.failed(d.message(id, e.Message))
	case chat.EventTyping:
		if e.Who == chat.Visitor {
			who := ""
			if e.On {
				who = d.say.T("talk.person")
			}
			d.failed(d.update(ui.TypingDots(d.say, "typing-"+id, who)))
		}
	case chat.EventMarks:
		d.failed(d.marks(id, e.Who, e.Mark))
	case chat.EventState:
		d.failed(d.state(id))
	case chat.EventForm:
		d.failed(d.form(id, e.Form))
	case chat.EventResync:
		d.stream.End()
	}
}

func (d *desk) message(id string, m chat.Message) error {
	d.mu.Lock()
	f := d.follows[id]
	if f == nil {
		d.mu.Unlock()
		return nil
	}
	f.summary.LastSeq = m.Seq
	if m.From != chat.System {
		f.summary.LastFrom, f.summary.LastAt = m.From, m.At
	}
	if m.From == chat.Visitor {
		f.unread++
	}
	f.remember(m)
	reader := d.room.reader(d.ctx, d.say, id, d.person.ID)
	reader.Marks = f.marks
	card := d.room.card(d.say, f.contact, f.summary, f.unread)
	d.mu.Unlock()
	return d.update(reader.Bubble(m), ui.ContactCard(d.say, card))
}

func (d *desk) marks(id, who string, mark chat.Mark) error {
	d.mu.Lock()
	f := d.follows[id]
	if f == nil {
		d.mu.Unlock()
		return nil
	}
	var pieces []piece
	if who == chat.Staff {
		if f.unread > 0 && mark.Seen >= f.summary.LastSeq {
			f.unread = 0
			pieces = append(pieces, ui.ContactCard(d.say, d.room.card(d.say, f.contact, f.summary, 0)))
		}
	} else {
		f.marks = mark
		kept := f.unseen[:0]
		for _, s := range f.unseen {
			now := s.delivery
			switch {
			case mark.Seen >= s.seq:
				now = ui.Seen
			case mark.Delivered >= s.seq:
				now = ui.Delivered
			}
			if now != s.delivery {
				s.delivery = now
				pieces = append(pieces, ui.DeliveryMark(d.say, s.id, now))
			}
			if now != ui.Seen {
				kept = append(kept, s)
			}
		}
		f.unseen = kept
	}
	d.mu.Unlock()
	if len(pieces) == 0 {
		return nil
	}
	return d.update(pieces...)
}

// state redraws a conversation whose contact moved; one that is no longer hers leaves the page.
func (d *desk) state(id string) error {
	ct, err := d.room.Contacts.Get(d.ctx, id)
	if err != nil {
		return err
	}
	if ct.CounsellorID != d.person.ID || !mineStates[ct.State] {
		d.mu.Lock()
		if f := d.follows[id]; f != nil {
			f.stop()
			delete(d.follows, id)
		}
		d.mu.Unlock()
		return d.update(ui.Gone("talk-"+id), ui.Gone("c-"+id), panelGone(d.say, id))
	}
	d.mu.Lock()
	f := d.follows[id]
	if f == nil {
		d.mu.Unlock()
		return nil
	}
	f.contact = ct
	card := d.room.card(d.say, ct, f.summary, f.unread)
	d.mu.Unlock()
	pieces, err := d.room.head(d.ctx, d.say, ct)
	if err != nil {
		return err
	}
	// A danger word opens its protocol while they talk, and an end brings the button that closes.
	saved, err := d.room.savedPieces(d.ctx, d.say, ct, "")
	if err != nil {
		return err
	}
	presence, err := d.room.presence(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	return d.update(append(append(pieces, saved...), ui.ContactCard(d.say, card), presence)...)
}

// form shows what was written in the form or beside it; the tab in which it was typed has it already.
func (d *desk) form(id string, e contact.FormEvent) error {
	if e.Screen != "" && e.Screen == d.screen {
		return nil
	}
	ct, err := d.room.Contacts.Get(d.ctx, id)
	if err != nil {
		return err
	}
	s, err := d.room.sheet(d.ctx, d.say, ct)
	if err != nil {
		return err
	}
	if e.Field == "" { // a note, a proof, a step of a protocol, the address or a visit
		strip, err := d.room.listened(d.ctx, d.say, ct)
		if err != nil {
			return err
		}
		hold, err := d.room.hold(d.ctx, d.say, ct, d.person.ID)
		if err != nil {
			return err
		}
		back, err := d.room.takenBack(d.ctx, d.say, id)
		if err != nil {
			return err
		}
		return d.update(append(back, protocolsPiece(s), otherProtocolsPiece(s), noteList(s), holdPiece(d.say, id, hold, false), strip)...)
	}
	pieces := d.room.decided(s, e.Field)
	for _, part := range s.sections {
		for _, f := range part.fields {
			if f.Code == e.Field {
				pieces = append(pieces, fieldPiece(s, f))
			}
		}
	}
	return d.update(pieces...)
}
