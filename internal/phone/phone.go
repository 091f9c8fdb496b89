// Package phone brings a caller from the short number to a counsellor's browser, and a promise to call back
// to a phone that rings.
//
// A call is anchored on the node that received it: its line, the room in which its parties hear one
// another, and the one goroutine that decides what happens to it all live there (call.go). What the call is
// for — who waits, whose it is, whether it is over — is the contact's row, as for a chat: the goroutine
// reads it whenever something was announced, and makes the sound true to it. So a counsellor may answer
// from any node, a reload changes nothing, and an announcement that is lost is repaired at the next look.
//
// The caller's number is nobody's to see. It is in memory while the call lasts, sealed with the contact
// while the contact is open (contact.Opening.Number), and otherwise a keyed hash, which recognises a caller
// who was cut off, who is kept out for a while, or who calls on two channels.
//
//	trunk/   SIP: the lines to the telephone network
//	sdp/     what two ends agree on
//	media/   sound: lines, players, recorders, and the room where they meet
//	audio/   samples: codecs, tones, files
//	prompt/  our own announcements and music
//	rtc/     a counsellor's browser
package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone/rtc"
	"vigie/internal/phone/trunk"
	"vigie/internal/routing"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Keys     *seal.Keeper
	Audit    *audit.Log
	Bus      *bus.Bus
	Contacts *contact.Contacts
	Router   *routing.Router
	Blobs    *blob.Disk
	// Catalogue gives the current rules of the phone, numbers and hours.
	Catalogue func() *catalogue.Set
	// Today is how the hours stand.
	Today func() catalogue.OpenState
	// Trunk is the way to the telephone network; nil has none, and then nothing rings.
	Trunk *trunk.Server
	// Browsers are the counsellors' softphones.
	Browsers *rtc.Server
	// Grace is how long a caller waits for a counsellor whose browser is gone, before the line goes on to the
	// next one; 0 is DefaultGrace.
	Grace time.Duration
	// Lang is the language in which an unknown caller is greeted; "" is French.
	Lang string
	// Trunks are the names of the trunks, for whoever watches whether they are up.
	Trunks []string
	// DialTrunks are the trunks that outbound calls take, in the order in which they are tried.
	DialTrunks []string
	// Lost is told of each call that ends before it was a contact, in the transaction of its end: the figures count it. nil tells nobody.
	Lost func(ctx context.Context, tx *store.Tx, callID string) error
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong; nil is slog.Default.
	Log *slog.Logger
}

// DefaultGrace is how long a caller waits for a counsellor whose browser reloads or changes its network.
const DefaultGrace = 20 * time.Second

const (
	// leaseFor is how long a node that says nothing still has its calls; beatEvery how often it says so.
	leaseFor  = 20 * time.Second
	beatEvery = 5 * time.Second
	// markKept is how long a caller is recognised by her number after a call, and who of us was in it is known.
	markKept = 30 * 24 * time.Hour
	// askWithin bounds what another node is asked.
	askWithin = 3 * time.Second
)

// Phone is the room. It is safe for concurrent use, and each node has one.
type Phone struct {
	db         *store.DB
	keys       *seal.Keeper
	audit      *audit.Log
	bus        *bus.Bus
	contacts   *contact.Contacts
	router     *routing.Router
	blobs      *blob.Disk
	catalogue  func() *catalogue.Set
	today      func() catalogue.OpenState
	trunk      *trunk.Server
	browsers   *rtc.Server
	grace      time.Duration
	lang       string
	dialTrunks []string
	trunkNames []string
	lost       func(ctx context.Context, tx *store.Tx, callID string) error
	now        func() time.Time
	log        *slog.Logger

	sounds sounds
	tests  tests

	onUnheard func(contactID, staffID, why string)

	taping atomic.Int64 // messages that are being spoken
	forgot time.Time    // when Run last looked what of old calls is not kept any more
	dueTo  time.Time    // until when Run has told the desks whose call is due

	running context.Context // of the calls; ends when the room is closed
	end     context.CancelFunc
	calls   sync.WaitGroup

	mu        sync.Mutex
	byID      map[string]*call
	byContact map[string]*call
	stops     []func()
}

// New opens the room. Calls are taken from then on; Run keeps their leases.
func New(ctx context.Context, o Options) (*Phone, error) {
	p := &Phone{
		db: o.DB, keys: o.Keys, audit: o.Audit, bus: o.Bus, contacts: o.Contacts, router: o.Router, blobs: o.Blobs, catalogue: o.Catalogue,
		today: o.Today, trunk: o.Trunk, browsers: o.Browsers, grace: o.Grace, lang: o.Lang, dialTrunks: o.DialTrunks, trunkNames: o.Trunks, lost: o.Lost, now: o.Now, log: o.Log,
		byID: map[string]*call{}, byContact: map[string]*call{},
	}
	if p.grace <= 0 {
		p.grace = DefaultGrace
	}
	if p.lang == "" {
		p.lang = "fr"
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	p.running, p.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := p.sounds.read(ctx, p.db); err != nil {
		return nil, err
	}
	if err := p.listen(); err != nil {
		p.Close()
		return nil, err
	}
	p.contacts.OnErase(contact.Eraser{Before: p.eraseSounds, Within: eraseCalls})
	p.contacts.OnCallback(p.asked)
	p.contacts.OnMove(p.closes)
	if p.trunk != nil {
		p.trunk.Incoming(p.incoming)
	}
	return p, nil
}

// listen follows what is announced, and answers what other nodes ask of the calls that are here.
func (p *Phone) listen() error {
	for subject, heard := range map[string]func(string, []byte){
		"contact.*.state": func(subject string, _ []byte) { p.wake(middle(subject)) },
		"phone.sounds":    func(string, []byte) { p.soundsChanged() },
	} {
		stop, err := p.bus.Subscribe(subject, heard)
		if err != nil {
			return err
		}
		p.stops = append(p.stops, stop)
	}
	stop, err := p.bus.Serve("phone."+p.bus.NodeID()+".*", p.answer)
	if err != nil {
		return err
	}
	p.stops = append(p.stops, stop, p.bus.OnReconnect(p.wakeAll))
	return nil
}

// middle is the id in "contact.<id>.state".
func middle(subject string) string {
	const before, after = len("contact."), len(".state")
	if len(subject) < before+after {
		return ""
	}
	return subject[before : len(subject)-after]
}

// Node names this node to the browsers that attach to its calls.
func (p *Phone) Node() string { return p.bus.NodeID() }

// Run keeps the leases of this node's calls and ends those of nodes that are gone, until ctx ends.
func (p *Phone) Run(ctx context.Context) {
	if err := p.endLost(ctx, p.db.Engine() == store.SQLite); err != nil && ctx.Err() == nil {
		p.log.Error("phone: calls of the last run could not be ended", "error", err)
	}
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := errors.Join(p.beat(ctx), p.endLost(ctx, false), p.dueCallbacks(ctx), p.forget(ctx))
		if err != nil && ctx.Err() == nil {
			p.log.Error("phone: the calls could not be looked after; trying again", "error", err)
		}
		p.wakeAll() // what was announced may have been missed
	}
}

// Drain takes no new calls and waits until those that go on are over, or ctx ends.
func (p *Phone) Drain(ctx context.Context) {
	if p.trunk != nil {
		p.trunk.Drain()
	}
	over := make(chan struct{})
	go func() { p.calls.Wait(); close(over) }()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// Close hangs up what still goes on, and leaves the bus.
func (p *Phone) Close() {
	p.end()
	p.calls.Wait()
	for _, stop := range p.stops {
		stop()
	}
	p.stops = nil
}

// Stats is what happened on the SIP port since the start.
func (p *Phone) Stats() trunk.Stats {
	if p.trunk == nil {
		return trunk.Stats{}
	}
	return p.trunk.Stats()
}

// Trunks says of each trunk whether it answered last time.
func (p *Phone) Trunks() map[string]bool {
	up := map[string]bool{}
	for _, name := range p.trunkNames {
		up[name] = p.trunk.Healthy(name)
	}
	return up
}

// BrowserCount is how many browsers have a line to this node.
func (p *Phone) BrowserCount() int {
	if !p.On() {
		return 0
	}
	return p.browsers.Len()
}

// Calls is how many calls are anchored here now.
func (p *Phone) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byID)
}

func (p *Phone) keep(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[c.id] = c
}

func (p *Phone) keepFor(c *call, contactID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byContact[contactID] = c
}

// drop has nobody find a call any more, and lets go whoever found it a moment before and waits for its answer.
func (p *Phone) drop(c *call) {
	defer c.deafen()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, c.id)
	for id, other := range p.byContact {
		if other == c {
			delete(p.byContact, id)
		}
	}
}

// has says whether a call is anchored here.
func (p *Phone) has(callID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.byID[callID]
	return ok
}

// here returns the call of a contact, if it is anchored on this node.
func (p *Phone) here(contactID string) (*call, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.byContact[contactID]
	return c, ok
}

func (p *Phone) wake(contactID string) {
	if c, ok := p.here(contactID); ok {
		c.nudge()
	}
}

func (p *Phone) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.byID {
		c.nudge()
	}
}

// Changed is what is told when what a call is has changed. A desk that shows the call draws it again; so does that
// of Staff, which may not show it yet: who hands a call over is in it as long as she introduces it.
type Changed struct {
	Staff string `json:"staff,omitempty"`
}

// Tell has every desk that shows a contact's call draw it again: what is drawn of it hangs on more than the call, as
// on the hand-over that rings.
func (p *Phone) Tell(contactID string) { p.changed(contactID) }

// changed tells every desk that what a call is has changed.
func (p *Phone) changed(contactID string) { p.changedFor(contactID, "") }

func (p *Phone) changedFor(contactID, staffID string) {
	if contactID == "" {
		return
	}
	payload, _ := json.Marshal(Changed{Staff: staffID})
	p.bus.Publish("contact."+contactID+".phone", payload)
}

// ask is what one node asks of another about a call that is there. It carries ids and codes.
type ask struct {
	Op      string `json:"op"`
	Contact string `json:"contact,omitempty"`
	Staff   string `json:"staff,omitempty"`
	Peer    string `json:"peer,omitempty"`
	// Code is that of a named number, of a party or of an announcement; keys that were pressed go with it.
	Code  string `json:"code,omitempty"`
	On    bool   `json:"on,omitempty"`
	How   How    `json:"how,omitempty"`
	Heard *Heard `json:"heard,omitempty"`
	// SDP and Candidates are a browser's signalling.
	SDP        string   `json:"sdp,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
}

// reply is what comes back: a fault, or what was asked for.
type reply struct {
	Kind string          `json:"kind,omitempty"`
	Key  string          `json:"key,omitempty"`
	SDP  string          `json:"sdp,omitempty"`
	View json.RawMessage `json:"view,omitempty"`
}

// errNoLine is told when no node has the call (any more).
var errNoLine = fault.New(fault.Gone, "fault.phone.no_line")

// Unheeded says of an error that the node that has the call did not answer: it may be gone, or only out of reach.
func Unheeded(err error) bool { return errors.Is(err, bus.ErrNobody) }

// at has a node do what it is asked: this one at once, another over the bus.
func (p *Phone) at(ctx context.Context, node string, a ask) (reply, error) {
	if node == "" || node == p.Node() {
		return p.do(ctx, a)
	}
	if !isID(node) { // a browser says it: it becomes part of a subject of the bus
		return reply{}, errNoLine
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := json.Marshal(a)
	if err != nil {
		return reply{}, err
	}
	answer, err := p.bus.Request(ctx, "phone."+node+".ask", request)
	if errors.Is(err, bus.ErrNobody) {
		return reply{}, fault.Wrap(err, fault.Gone, "fault.phone.no_line")
	}
	if err != nil {
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil {
		return reply{}, fmt.Errorf("phone: the answer of another node: %w", err)
	}
	if r.Key != "" {
		return r, fault.New(fault.Kind(r.Kind), r.Key)
	}
	return r, nil
}

// answer answers another node.
func (p *Phone) answer(_ string, request []byte) []byte {
	ctx, cancel := context.WithTimeout(p.running, askWithin)
	defer cancel()
	var a ask
	var r reply
	err := json.Unmarshal(request, &a)
	if err == nil {
		r, err = p.do(ctx, a)
	}
	if f := fault.As(err); f != nil {
		r.Kind, r.Key = string(f.Kind), f.Key
	} else if err != nil {
		p.log.Error("phone: another node's wish could not be carried out", "op", a.Op, "error", err)
		r.Kind, r.Key = string(fault.Internal), "fault.internal"
	}
	answer, _ := json.Marshal(r)
	return answer
}

// do does on this node what was asked of it.
func (p *Phone) do(ctx context.Context, a ask) (reply, error) {
	switch a.Op {
	case "offer":
		sdp, err := p.browsers.Offer(ctx, a.Peer, a.Staff, a.SDP)
		return reply{SDP: sdp}, err
	case "candidates":
		return reply{}, p.browsers.Candidates(a.Peer, a.Staff, a.Candidates)
	case "leave":
		p.browsers.Drop(a.Peer, a.Staff)
		return reply{}, nil
	case "test":
		return reply{}, p.echo(a.Peer, a.Staff)
	}
	c, ok := p.here(a.Contact)
	if !ok {
		return reply{}, errNoLine
	}
	return c.ask(ctx, a)
}
