package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"vigie/internal/phone/swarm"
)

// phones is those who call, and the counsellors whom they call.
type phones struct {
	Seats []seat // a counsellor for each caller
	SIP   string // where the trunk delivers, "127.0.0.1:5060"
	Ends  int    // so many counsellors end their call in the middle, to show that this is noticed
	// how the server is told of them; the crowd need not know
	web, trunks string
}

func (p *phones) seats() int {
	if p == nil {
		return 0
	}
	return len(p.Seats)
}

// number is what callers ring. Their own numbers are of the block kept for fiction (Arcep: 06 39 98).
const number = "3018"

func ownNumber(n int) string { return fmt.Sprintf("+3363998%04d", n) }

const (
	// ringEvery is how fast callers come, twenty a second.
	ringEvery = 50 * time.Millisecond
	// What a page says by itself while it takes calls, and while it is on one (assets/ts/soft-phone.ts).
	reportEvery = 5 * time.Second
	readyBeats  = 4 // reports from one "takes calls" to the next
)

// ear is a counsellor in front of a page whose softphone takes calls. It does what soft-phone.ts and phone-line.ts
// do, in a goroutine and on a connection of its own: what her call is she knows from the page alone.
type ear struct {
	*desk
	index   int
	wire    wire
	changed chan struct{}

	mu    sync.Mutex
	call  callPiece
	rings string // the contact that rings at her desk
	taken string // the contact whose call she has accepted

	// Of the goroutine alone.
	peer, node string // her line, "" for none
	open       chan error
	attached   string // the contact that her line was seen to be attached to
	asked      string // the contact that she has asked for by accepting it
}

// callPiece is what the page says of her call: data-… of [data-phone-call].
type callPiece struct{ contact, node, attached, state string }

// talks says that she and somebody are on a call.
func (p callPiece) talks() bool {
	return slices.Contains([]string{"dialling", "talking", "hold", "intro", "conference"}, p.state)
}

var callMark = []byte(` data-phone-call data-contact="`)

// callIn reads the newest piece of a call that an event brings.
func callIn(event []byte) (p callPiece, ok bool) {
	at := bytes.LastIndex(event, callMark)
	if at < 0 {
		return p, false
	}
	tag, _, _ := bytes.Cut(event[at:], []byte(">"))
	value := func(name string) string {
		_, rest, _ := bytes.Cut(tag, []byte(" data-"+name+`="`))
		text, _, _ := bytes.Cut(rest, []byte(`"`))
		return string(text)
	}
	return callPiece{value("contact"), value("node"), value("attached"), value("state")}, true
}

// listening opens the desks that take calls.
func (c *crowd) listening(ctx context.Context) error {
	door := newDoor(c.order.Address, 4)
	defer door.close()
	for i, s := range c.order.Phones.Seats {
		e := &ear{desk: c.deskOf(s), index: i, wire: wire{host: c.order.Address}, changed: make(chan struct{}, 1)}
		e.stream.hear = e.hear
		if err := e.begin(ctx, door); err != nil {
			return err
		}
		res, _, err := door.ask(ctx, http.MethodGet, "/desk/phone/ice", e.head, nil)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("GET /desk/phone/ice answered %d", res.StatusCode)
		}
		if err != nil {
			return err
		}
		if !e.post("/desk/phone/ready", "on", "1") {
			return fmt.Errorf("POST /desk/phone/ready was refused: %s", c.lastRefusal())
		}
		c.ears = append(c.ears, e)
		go e.work()
	}
	return c.seated(ctx)
}

func (c *crowd) lastRefusal() string {
	if text := c.refusal.Load(); text != nil {
		return *text
	}
	return "no answer"
}

// hear is what comes down her stream.
func (e *ear) hear(_, event []byte) {
	call, drawn := callIn(event)
	at := -1
	if bytes.Contains(event, ringMark) {
		at = bytes.Index(event, acceptMark)
	}
	if !drawn && at < 36 {
		return
	}
	e.mu.Lock()
	if drawn {
		e.call = call
	}
	if at >= 36 {
		e.rings = string(event[at-36 : at])
	}
	e.mu.Unlock()
	e.look()
}

func (e *ear) look() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *ear) now() (call callPiece, rings string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.call, e.rings
}

// took is the contact whose call she accepted, "" for none.
func (e *ear) took() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.taken
}

// work makes true what the page says, until everything is over.
func (e *ear) work() {
	defer e.wire.close()
	report := time.NewTimer(rand.N(reportEvery))
	defer report.Stop()
	for beats := 0; ; {
		select {
		case <-e.crowd.overCh:
			return
		case <-e.changed:
			e.reconcile()
		case <-report.C:
			report.Reset(reportEvery)
			if beats++; beats%readyBeats == 0 {
				e.post("/desk/phone/ready", "on", "1")
			}
			if call, _ := e.now(); call.state == "talking" && call.attached == e.peer {
				e.post("/desk/phone/calls/"+call.contact+"/quality", "json", `{"loss":0,"jitter":0.001,"rtt":0.001,"jitterBufferDelay":0.04,"remoteLoss":0,"concealed":0}`)
			}
		}
	}
}

// again looks again in a moment, as the page does after what went wrong.
func (e *ear) again() { time.AfterFunc(time.Second, e.look) }

func (e *ear) reconcile() {
	call, rings := e.now()
	switch {
	case call.state == "ringing":
		if rings != call.contact || e.asked == call.contact {
			return
		}
		if e.line(call.node) != nil || !e.post("/desk/contacts/"+call.contact+"/accept") {
			e.again()
			return
		}
		e.asked = call.contact
		e.mu.Lock()
		e.taken = call.contact
		e.mu.Unlock()
	case call.talks() && call.attached != "" && call.attached == e.peer:
		e.attached = call.contact
	case call.talks():
		if e.attached == call.contact { // it was here, and is not any more
			e.attached = ""
			e.crowd.parted.Add(1)
		}
		err := e.line(call.node)
		if err == nil {
			err = <-e.open
			e.open <- err
		}
		if err != nil {
			e.refuse(err.Error())
			e.peer = "" // another line
			e.again()
			return
		}
		if !e.post("/desk/phone/calls/"+call.contact+"/attach", "peer", e.peer, "node", call.node, "force", "0") {
			e.again()
		}
	}
}

// line opens a line to a node, where she has none: its handshake goes on when this returns.
func (e *ear) line(node string) error {
	if e.peer != "" && e.node == node {
		return nil
	}
	e.peer, e.node, e.open = uuid.NewString(), node, make(chan error, 1)
	live := e.crowd.live
	r, err := e.do("/desk/phone/peers/"+e.peer+"/offer", "sdp", live.Offer(e.index), "node", node)
	var answer struct{ SDP string }
	if err == nil {
		err = json.Unmarshal(r.body, &answer)
	}
	if err == nil {
		candidate, _ := json.Marshal(map[string]any{"candidate": live.Candidate(e.index), "sdpMid": "0", "sdpMLineIndex": 0})
		_, err = e.do("/desk/phone/peers/"+e.peer+"/candidates", "node", node, "candidate", string(candidate))
	}
	if err != nil {
		e.peer = ""
		return err
	}
	open := e.open
	go func() { open <- live.Connect(context.Background(), e.index, answer.SDP) }()
	return nil
}

// post posts a form and says whether it was taken.
func (e *ear) post(path string, pairs ...string) bool {
	_, err := e.do(path, pairs...)
	return err == nil
}

func (e *ear) do(path string, pairs ...string) (reply, error) {
	r, err := e.wire.do(func(b []byte) []byte { return e.head.post(b, path, form(nil, pairs...)) })
	switch {
	case err != nil:
		e.refuse(err.Error())
	case r.status != http.StatusOK && r.status != http.StatusNoContent:
		e.crowd.refusedWith(r)
		err = fmt.Errorf("POST %s answered %d", path[:min(len(path), 20)], r.status)
		e.crowd.unheard.Add(1)
	}
	return r, err
}

func (e *ear) refuse(why string) {
	e.crowd.refusal.Store(&why)
	e.crowd.unheard.Add(1)
}

// ring brings everybody who calls to a counsellor: the desks open, the callers ring, hear the greeting, wait in line,
// and talk. Who does not get so far is counted, and nothing else.
func (c *crowd) ring(ctx context.Context) (*Phone, error) {
	calls := len(c.order.Phones.Seats)
	var err error
	c.live, err = swarm.OpenLive(swarm.LiveOptions{Calls: calls, SIP: c.order.Phones.SIP, To: number, From: ownNumber})
	if err != nil {
		return nil, err
	}
	if err := c.listening(ctx); err != nil {
		return nil, err
	}
	began := c.now()
	var refused atomic.Int32
	var all sync.WaitGroup
	for n := range calls {
		all.Go(func() {
			if err := c.live.Ring(ctx, n); err != nil {
				why := "a call was not answered: " + err.Error()
				c.refusal.Store(&why)
				refused.Add(1)
			}
		})
		if err := settle(ctx, ringEvery); err != nil {
			return nil, err
		}
	}
	all.Wait()
	err = c.until(ctx, time.Minute+time.Duration(calls)*200*time.Millisecond, func() string { return "" },
		func() bool { return c.live.Talking()+c.live.Dropped()+int(refused.Load()) >= calls })
	up := c.live.Talking()
	if ctx.Err() != nil || up == 0 {
		return nil, errors.Join(fmt.Errorf("no call came up: %s", c.lastRefusal()), err)
	}
	return &Phone{Calls: calls, Up: up, Failed: calls - up, SetupS: hundredths((c.now() - began).Seconds())}, nil
}

// part has some counsellors end their calls, in so long.
func (c *crowd) part(in time.Duration) {
	time.AfterFunc(in, func() {
		for _, e := range c.ears[:min(c.order.Phones.Ends, len(c.ears))] {
			c.pool.jobs <- func(w *wire) {
				r, err := w.do(func(b []byte) []byte { return e.head.post(b, "/desk/phone/calls/"+e.took()+"/end", nil) })
				if err == nil && r.status >= http.StatusBadRequest {
					c.refusedWith(r)
				}
			}
		}
	})
}

// goodbye tells what became of the calls, and ends them: every page must be told.
func (c *crowd) goodbye(ctx context.Context, p *Phone) error {
	seen := c.live.Seen()
	p.StillUp, p.Dropped = seen.StillUp, p.Up-seen.StillUp
	p.ToCaller, p.ToCounsellor = soundOf(seen.ToCaller), soundOf(seen.ToBrowsers)
	p.Parted, p.Refused, p.Suite = c.parted.Load(), c.unheard.Load(), seen.Suite
	p.LoadLag = ranksOf(seen.Lag)
	if err := c.live.HangUp(ctx); err != nil {
		return err
	}
	untold := func() (n int) {
		for _, e := range c.ears {
			if call, _ := e.now(); call.talks() {
				n++
			}
		}
		return n
	}
	if err := c.until(ctx, 15*time.Second, func() string { return "" }, func() bool { return untold() == 0 }); ctx.Err() != nil {
		return err
	}
	p.Untold = untold()
	return nil
}

func soundOf(s swarm.Sound) Sound {
	return Sound{Sent: s.Sent, Lost: s.Lost, Foreign: s.Foreign, Gap: ranksOf(s.Gap), Long: s.Long, Added: ranksOf(s.Added)}
}

func ranksOf(t swarm.Times) Added {
	return Added{millis(t.P50), millis(t.P99), millis(t.P999), millis(t.Max)}
}

// flags are how the server is told of the phone.
func (p *phones) flags() []string {
	if p == nil {
		return nil
	}
	return []string{"--phone-listen", "udp:" + p.SIP, "--phone-trunks", p.trunks, "--phone-web", p.web, "--phone-drain", "10s"}
}
