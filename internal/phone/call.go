package phone

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/trunk"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// legMusic is the leg that plays what a caller hears who waits.
const legMusic = "music"

// call is one call that is anchored here. All of it, save the channels, belongs to its one goroutine, which
// is where everything is decided; others hand it a wish (ask) or a nudge to look at the record again.
type call struct {
	phone *Phone
	id    string
	log   *slog.Logger

	digits   chan byte     // keys that the caller pressed
	lastKey  atomic.Int64  // when the last one came
	nudged   chan struct{} // holds one when the record is to be looked at
	wishes   chan wish
	happens  chan func() // what lines and browsers say, in their own time
	ctx      context.Context
	end      context.CancelFunc
	granting context.Context // done, within ctx, when nothing more is asked of it, though somebody may hear a last word yet
	deafen   context.CancelFunc

	row     callRow
	number  string             // the caller's, for as long as the call lasts
	mark    []byte             // its keyed hash
	partner *catalogue.Partner // the line that sends her, nil for none
	line    *trunk.Call
	leg     *media.Line
	room    *media.Room
	music   *media.Player
	began   time.Time

	contact   contact.Contact // as it was read last
	parties   parties
	pressed   string // the last keys the caller pressed while she talked, for the counsellor
	pressedAt time.Time
	missing   time.Time    // since when the counsellor's browser is missed; zero when it is there
	heard     heard        // what the caller is played now
	spoken    *media.Piece // what is said to the caller and her counsellor just now, nil for nothing
	murmured  *media.Piece // what is said to the caller alone while she talks, nil for nothing
	reminded  time.Time    // when she last heard her place
	gone      bool         // the caller's line is over
	outcome   string
	over      bool       // nothing more is to be done
	told      bool       // she was told that the call is recorded
	tape      *recording // of the whole conversation, where the helpline records
	with      int        // how many she talks with besides her counsellor, as she was told
	overflow  overflow
	evening   evening
	bad       bool              // what the desks were told of the line last
	failed    string            // why whom we rang last could not be reached
	refused   bool              // of a call that we make: she refused to be listened to when she called
	asides    map[string]*aside // by the leg that hears one
	another   bool              // a call of her number is there that may have been cut
	looked    time.Time         // when that was looked at last
	parting   []string          // what the caller hears before we hang up
	been      map[string]bool   // who of us was let into it
	check     *Check            // what the call is made for, nil for a call to a person
	then      func()            // what comes when the call is over, nil for nothing
}

// heard is what is played to the caller, so that it begins anew only when it changes.
type heard struct {
	state State
	who   string
}

type wish struct {
	ctx   context.Context
	ask   ask
	reply chan answered
}

type answered struct {
	reply reply
	err   error
}

func (p *Phone) newCall(row callRow) *call {
	ctx, end := context.WithCancel(p.running)
	c := &call{
		phone: p, id: row.id, log: p.log.With("call", row.id), row: row,
		digits: make(chan byte, 32), nudged: make(chan struct{}, 1), wishes: make(chan wish), happens: make(chan func(), 64),
		ctx: ctx, end: end, room: media.NewRoom(), music: media.NewPlayer(legMusic, audio.PCMA), began: time.Now(),
		asides: map[string]*aside{}, been: map[string]bool{},
	}
	c.granting, c.deafen = context.WithCancel(ctx)
	_ = c.room.Add(c.music) // a new room has nobody of this id
	return c
}

// nudge has the call look at its record.
func (c *call) nudge() {
	select {
	case c.nudged <- struct{}{}:
	default:
	}
}

// happen has the call's goroutine run fn; it is for what lines and browsers report.
func (c *call) happen(fn func()) {
	select {
	case c.happens <- fn:
	case <-c.ctx.Done():
	}
}

// ask hands the call's goroutine a wish and waits for what came of it.
func (c *call) ask(ctx context.Context, a ask) (reply, error) {
	w := wish{ctx: ctx, ask: a, reply: make(chan answered, 1)}
	select {
	case c.wishes <- w:
	case <-c.granting.Done():
		return reply{}, errNoLine
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
	select {
	case r := <-w.reply:
		return r.reply, r.err
	case <-c.granting.Done():
	}
	select {
	case r := <-w.reply: // it was the last that was granted
		return r.reply, r.err
	default:
		return reply{}, errNoLine
	}
}

// carry gives the call its line: what is heard on it, the keys that are pressed, and its end.
func (c *call) carry(line *trunk.Call) {
	c.line, c.leg = line, LineOf(line)
	onDigit(line, c.press)
	_ = c.room.Add(c.leg) // its id is its own
	// A phone that says nothing at all for this long is not there any more: its network is gone, and it never
	// told. One that is silent still sends its silence, or its comfort noise.
	watch := func() {
		c.leg.OnSilent(silentLine, func() {
			c.happen(func() {
				if c.row.state != Dialling && !c.line.Held() {
					c.hungUp(BySilence)
				}
			})
		})
	}
	watch()
	line.OnHold(func(held bool) {
		c.happen(func() {
			if !held {
				watch() // of the silence before, nothing is to be made
			}
			c.phone.changed(c.row.contactID)
		})
	})
	go func() {
		select {
		case <-line.Done():
			c.happen(func() { c.hungUp(ByCaller) })
		case <-c.ctx.Done():
		}
	}()
}

// onDigit hears the keys of a line, in its sound and by SIP INFO.
func onDigit(line *trunk.Call, f func(digit byte)) {
	LineOf(line).OnDigit(f)
	line.OnDigit(func(d trunk.Digit) { f(byte(d.Key)) })
}

// silentLine is how long a line may be without a packet before it counts as lost.
const silentLine = 30 * time.Second

// betweenKeys is the least time between two keys: a hand is slower, and what a key sets in motion is shown at desks.
const betweenKeys = 50 * time.Millisecond

func (c *call) press(digit byte) {
	now := time.Since(c.began).Nanoseconds()
	if last := c.lastKey.Load(); last != 0 && now-last < betweenKeys.Nanoseconds() || !c.lastKey.CompareAndSwap(last, now) {
		return
	}
	select {
	case c.digits <- digit:
	default: // nobody presses thirty keys that mean anything
	}
}

// hungUp notes that the line is over, once.
func (c *call) hungUp(outcome string) {
	if c.gone {
		return
	}
	c.gone = true
	if c.outcome == "" {
		c.outcome = outcome
	}
}

// run calls serve and, whatever happens in it, ends the call: its lines are hung up, its row is ended, its
// contact does not wait for nobody.
func (p *Phone) run(c *call, serve func()) {
	p.keep(c)
	p.calls.Go(func() {
		defer c.left()
		defer c.guarded(c.close)
		c.guarded(serve)
	})
}

// left takes a call that is over out of its node; twice is once.
func (c *call) left() {
	c.phone.drop(c)
	c.end()
	c.phone.changed(c.row.contactID)
}

// guarded runs a part of the call; a fault of ours in it ends this call and no other.
func (c *call) guarded(part func()) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("phone: a call broke", "error", r, "stack", string(debug.Stack()))
			c.outcome = ByBreakdown
		}
	}()
	part()
}

// close ends everything of a call. What is written comes first, and waits for nobody: a telephone that is not there
// any more never confirms that we hang up.
func (c *call) close() {
	switch {
	case c.outcome != "":
	case c.phone.running.Err() != nil: // the house closes under her: should she ring again, she is known
		c.outcome = ByNodeLost
	default:
		c.outcome = ByHouse
	}
	c.row.outcome = c.outcome
	c.room.Set(media.Matrix{})
	var hung sync.WaitGroup
	defer hung.Wait()
	hang := func() {
		if c.line != nil {
			hung.Go(func() { hangUp(c.ctx, c.line) })
		}
	}
	if len(c.parting) == 0 {
		hang()
	}
	ctx, cancel := c.writing()
	defer cancel()
	if err := c.finish(ctx); err != nil {
		c.log.Error("phone: the end of a call could not be written; trying again later", "error", err)
	}
	c.phone.drop(c) // nobody asks it for anything any more
	if len(c.parting) > 0 {
		c.phone.changed(c.row.contactID) // for her counsellor it is over, whatever she hears yet
	}
	if c.parties.passed {
		c.phone.floorChanges()
	}
	c.farewell()
	if len(c.parting) > 0 {
		hang()
	}
	c.left()
	if c.then != nil && c.phone.running.Err() == nil {
		c.phone.calls.Go(c.then)
	}
	// The last word may have taken longer than any writing.
	after, cancel := c.writing()
	defer cancel()
	if c.leg != nil {
		c.keepQuality(after, "caller", "", c.began, c.leg.Quality())
	}
	c.dropAll(after)
	c.keepRecording()
	_ = c.room.Close()
}

// writing is for what is written at the end of a call, also when the house is closing.
func (c *call) writing() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Second)
}

// farewell is the last word to whoever is left alone: to an outside telephone that its caller is gone, to a caller that
// nobody is there any more. A house that closes waits for no goodbye.
func (c *call) farewell() {
	t := c.parties.third
	var leg, lang string
	var line *trunk.Call
	codes := c.parting
	switch {
	case c.gone && t.in():
		leg, line, lang, codes = t.leg.ID(), t.line, c.phone.lang, []string{"outside_released"}
	case !c.gone && len(codes) > 0:
		leg, line, lang = c.leg.ID(), c.line, c.row.lang
	default:
		return
	}
	voice := media.NewPlayer("farewell", audio.PCMA)
	if c.room.Add(voice) != nil {
		return
	}
	c.room.Set(media.Matrix{leg: {voice.ID()}})
	piece := voice.Play(c.phone.sounds.all(lang, codes...)...)
	select {
	case <-piece.Done():
	case <-line.Done():
	case <-c.phone.running.Done():
	}
}

// hangUp ends a line, and waits only so long for the other side to confirm it.
func hangUp(ctx context.Context, line *trunk.Call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = line.Hangup(ctx, "")
}

// finish ends the row of a call and makes its contact true to a line that is over, both or neither: whoever waited
// has left the line, whoever talked is written up. A call-back that was promised, or a message that was left, stays.
func (c *call) finish(ctx context.Context) error {
	ev, by := contact.VisitorEnds, contact.VisitorOf(c.row.contactID)
	if c.outcome != ByCaller {
		ev, by = contact.Cut, contact.SystemActor
	}
	return c.phone.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := c.phone.finish(ctx, tx, c.row, ev, by)
		return err
	})
}

// muchRefused is how many datagrams from elsewhere are worth a word in the log: a second of somebody's sound.
const muchRefused = 50

func (c *call) keepQuality(ctx context.Context, kind, staffID string, since time.Time, q media.Quality) {
	if q.Refused > muchRefused {
		c.log.Warn("phone: a line was sent what is not of its call", "line", kind, "datagrams", q.Refused)
	}
	if q.Received+q.Sent == 0 {
		return
	}
	if err := c.phone.legDone(ctx, c.id, kind, staffID, since, q); err != nil {
		c.log.Warn("phone: how a line did could not be kept", "error", err)
	}
}

// saved writes the row, and tells the desks.
func (c *call) saved() {
	if err := c.phone.save(c.ctx, c.phone.db, c.row); err != nil && c.ctx.Err() == nil {
		c.log.Error("phone: the state of a call could not be written", "error", err)
	}
	c.phone.changed(c.row.contactID)
}

// become moves the call to a state.
func (c *call) become(s State) {
	if c.row.state == s {
		return
	}
	c.row.state = s
	c.saved()
}

// until waits for one of the things that move a call, deals with it, and returns the key that was pressed
// (0 for none); wait bounds it, 0 does not. done ends it: the end of an announcement.
func (c *call) until(done <-chan struct{}, wait time.Duration) (digit byte) {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	for !c.gone && !c.over {
		select {
		case <-c.ctx.Done():
			c.over = true
		case <-done:
			return 0
		case <-timer:
			return 0
		case d := <-c.digits:
			return d
		case fn := <-c.happens:
			fn()
		case w := <-c.wishes:
			r, err := c.grant(w.ctx, w.ask)
			w.reply <- answered{r, err}
			return 0
		case <-c.nudged:
			return 0
		}
	}
	return 0
}

// say plays announcements one after the other and returns the key that was pressed meanwhile, 0 for none. A
// key ends them: whoever knows what comes need not hear it.
func (c *call) say(codes ...string) (digit byte) {
	var clips []*audio.Clip
	for _, code := range codes {
		if clip := c.phone.sounds.get(code, c.row.lang); clip != nil {
			clips = append(clips, clip)
		}
	}
	return c.play(clips...)
}

func (c *call) play(clips ...*audio.Clip) (digit byte) {
	if len(clips) == 0 {
		return 0
	}
	piece := c.music.Play(clips...)
	defer piece.Stop()
	for !c.gone && !c.over {
		select {
		case <-piece.Done():
			return 0
		default:
		}
		if digit = c.until(piece.Done(), 0); digit != 0 {
			return digit
		}
	}
	return 0
}

// tell plays an announcement that no key ends. It returns the last key that was pressed meanwhile, 0 for none, and
// whether the announcement was heard to its end.
func (c *call) tell(code string) (digit byte, heard bool) {
	clips := c.clips(code)
	if len(clips) == 0 {
		return 0, false
	}
	piece := c.music.Play(clips...)
	defer piece.Stop()
	for !c.gone && !c.over {
		select {
		case <-piece.Done():
			return digit, piece.Whole()
		default:
		}
		if pressed := c.until(piece.Done(), 0); pressed != 0 {
			digit = pressed
		}
	}
	return digit, false
}

// key waits for a key, after what was said.
func (c *call) key(digit byte, wait time.Duration) byte {
	for begun := time.Now(); digit == 0 && !c.gone && !c.over; {
		left := wait - time.Since(begun)
		if left <= 0 {
			return 0
		}
		digit = c.until(nil, left)
	}
	return digit
}

// incoming takes a call of the trunk. It is called on a goroutine of its own.
func (p *Phone) incoming(line *trunk.Call) {
	number := line.Caller().Number
	partner, sent := p.rules().Partner(number, line.Called(), sameNumber)
	if sent {
		number = "" // it is the partner's, the same for all whom it sends: it recognises nobody, and nobody is called there
	}
	mark := p.router.NumberMark(number)
	c := p.newCall(callRow{id: store.NewID(), trunk: line.Trunk(), direction: Inbound, state: Greeting, lang: p.langOf(line.Called()), mark: mark})
	c.number, c.mark = number, mark
	if sent {
		c.partner = &partner
	}
	p.run(c, func() { c.receive(line) })
}

// receive greets a caller and brings her in line.
func (c *call) receive(line *trunk.Call) {
	c.line = line
	if err := line.Ring(); err != nil {
		return
	}
	if err := c.phone.begin(c.ctx, c.phone.db, c.row); err != nil {
		// Without the record nobody can be brought to anybody; but whoever rings hears who answers now.
		c.log.Error("phone: a call could not be written; the caller hears who answers now", "error", err)
		c.outcome = ByBreakdown
		if line.Answer(c.ctx) == nil {
			c.carry(line)
			c.hears(legMusic)
			c.say("closed")
		}
		return
	}
	if err := line.Answer(c.ctx); err != nil {
		c.outcome = ByCaller // she hung up while it rang
		return
	}
	c.carry(line)
	c.hears(legMusic)
	blocked, err := c.phone.blocked(c.ctx, c.number)
	if err != nil {
		c.log.Error("phone: whether a caller is kept out could not be read", "error", err)
	}
	switch today := c.phone.today(); {
	case blocked:
		c.outcome = ByBlock
		c.say("blocked")
	case !today.Open && !c.comesBack():
		c.closed()
	default:
		c.greet()
	}
}

// greet says who we are, and brings the caller in line.
func (c *call) greet() {
	before, err := c.phone.cutOff(c.ctx, c.mark)
	c.row.noListening = before.refused // she is not asked again
	if err != nil {
		c.log.Error("phone: whether a caller was cut off could not be read", "error", err)
	}
	greeting := "greeting"
	if before.first {
		greeting = "greeting_returning"
	}
	if before.contactID != "" {
		c.speaks(before.lang)
	} else {
		c.hasAnother()
	}
	digit := c.hello(greeting)
	if pressed, chosen := c.otherLanguage(digit); chosen {
		c.speaks(c.phone.rules().Second.Lang)
		digit = c.hello(greeting)
	} else if digit = pressed; digit == keyRefuses {
		digit = c.say(c.refuse())
	}
	public := ""
	if rules := c.phone.rules(); rules.Menu && before.contactID == "" {
		digit = c.menu(digit)
		switch digit {
		case '1':
			public = rules.Young
		case '2':
			public = rules.Adult
		}
	}
	if c.gone || c.over {
		return
	}
	if err := c.enter(public, before); err != nil {
		c.log.Error("phone: a caller could not be brought in line", "error", err)
		c.outcome = ByBreakdown
		c.say("no_counsellor")
		return
	}
	if digit == '0' && (c.phone.rules().Menu || c.phone.router.Surge().On) {
		c.bookCallback() // the menu says so, and in a surge nobody need wait to be told
	}
	if !c.over {
		c.live()
	}
}

// hello greets a caller and says what she must know, in her language; it returns the key that she pressed, 0 for none.
func (c *call) hello(greeting string) (digit byte) {
	digit = c.say(greeting)
	if c.phone.rules().Record {
		pressed, told := c.tell("recorded")
		c.told = c.told || told
		if digit == 0 {
			digit = pressed
		}
	}
	if digit == keyRefuses {
		digit = c.say(c.refuse())
	}
	return digit
}

// enter opens the contact of a caller who is in line from now on; before is the call in which she was cut off.
func (c *call) enter(public string, before cut) error {
	p := c.phone
	o := contact.Opening{ID: store.NewID(), Channel: contact.ChannelPhone, Lang: c.row.lang, Public: public, Number: c.number}
	if before.contactID != "" {
		if there, err := p.contacts.Get(c.ctx, before.contactID); err == nil {
			o.PersonID, o.Recognised = there.PersonID, true
			o.Public = there.Public
		}
	}
	if before.first {
		o.Reasons = append(o.Reasons, c.reason(catalogue.ReasonCutOff))
	}
	if partner := c.partner; partner != nil {
		why := c.reason(catalogue.ReasonPartner)
		why.Args = map[string]string{"partner": partner.Label.In(c.row.lang)}
		o.Queue, o.Reasons = partner.Queue, append(o.Reasons, why)
	}
	c.row.state, c.row.contactID, c.row.queuedAt = Waiting, o.ID, store.Millis(p.now())
	p.keepFor(c, o.ID) // before anybody can be offered it
	ct, err := p.contacts.OpenWith(c.ctx, o, func(tx *store.Tx, ct contact.Contact, _ *seal.Key) error {
		n, err := tx.Exec(c.ctx, updateCall, c.row.id, ct.ID, string(c.row.state), c.row.noListening, c.row.queuedAt, c.row.answeredAt, "")
		if err == nil && n == 0 {
			err = errLeaseLost
		}
		if err != nil {
			return err
		}
		return c.receipt(c.ctx, tx, ct.ID)
	})
	if err != nil {
		return err
	}
	c.contact = ct
	return nil
}

// errLeaseLost is a call that another node ended, because this one stood still for longer than its lease: who is
// brought in line now would be there for ever, should this node die.
var errLeaseLost = errors.New("phone: the call was ended by another node")

// sameNumber says whether two ways of writing are of one number.
func sameNumber(a, b string) bool { return contact.NormalNumber(a) == contact.NormalNumber(b) }

func (c *call) reason(code string) contact.Reason { return c.phone.reason(code, 0) }

// reason is one of the catalogue's, with its weight; under a catalogue that does not say it weighs so much.
func (p *Phone) reason(code string, weight int) contact.Reason {
	if r, ok := p.catalogue().Queues.Reason(code); ok && r.Weight != 0 {
		weight = r.Weight
	}
	return contact.Reason{Code: code, Weight: weight}
}

// hears sets whom the caller hears, and nobody else hears anybody.
func (c *call) hears(leg string) {
	c.room.Set(media.Matrix{c.leg.ID(): {leg}})
}
