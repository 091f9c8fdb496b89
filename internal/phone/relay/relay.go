// Package relay is our way of calls and nothing else of the helpline: what comes in by one trunk is rung by
// another, or brought to a browser, and the two meet in a room. It is what `vigie bench calls` measures, beside
// programs that do nothing but that.
package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
	"vigie/internal/phone/trunk"
)

// To is where a relay brings its calls.
type To string

// RTP is another telephone, with a pair of ports for each line; Shared the same with one pair of ports a trunk;
// WebRTC a browser.
const (
	RTP    To = "rtp"
	Shared To = "shared"
	WebRTC To = "webrtc"
)

// Order is what a relay is told.
type Order struct {
	To To
	// Answers is who is called, "127.0.0.1:5060"; browsers come by themselves.
	Answers string
	Calls   int
	// LoseEvery throws every so manieth packet away, to show that this is noticed; 0 throws none away.
	LoseEvery int
}

// Told is what it says when it is ready: where it takes calls, and where browsers bring their offers ("" where
// none are served).
type Told struct{ SIP, Offers string }

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// Run is the relay's process: the Order comes as a line of JSON, and it carries calls until in or ctx ends.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	var o Order
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		return fmt.Errorf("the order: %w", err)
	}
	r := &relay{order: o}
	defer r.close()
	told, err := r.open()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(told); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = lines.ReadByte()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

type relay struct {
	order  Order
	calls  *trunk.Server
	shared []*media.Shared
	rtc    *rtc.Server
	offers net.Listener
}

func (r *relay) open() (Told, error) {
	address := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	lines := phone.LineOptions{Address: address}
	in := trunk.Trunk{Name: "in", Peers: []netip.Prefix{netip.PrefixFrom(address, 32)}, MediaPeers: []netip.Prefix{loopback}}
	trunks := []trunk.Trunk{in}
	if r.order.To != WebRTC {
		trunks = append(trunks, trunk.Trunk{
			Name: "out", Proxy: "sip:" + r.order.Answers, Plan: trunk.Plan{Prefixes: []string{"9"}}, MediaPeers: []netip.Prefix{loopback},
		})
	}
	if r.order.To == Shared {
		lines.Shared = map[string]*media.Shared{}
		for _, t := range trunks {
			s, err := media.OpenShared(netip.AddrPortFrom(address, 0))
			if err != nil {
				return Told{}, err
			}
			lines.Shared[t.Name] = s
			r.shared = append(r.shared, s)
		}
	}
	var told Told
	var err error
	if r.order.To == WebRTC {
		r.rtc, err = rtc.Open(rtc.Options{UDP: "127.0.0.1:0", Loopback: true, Most: r.order.Calls, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return Told{}, err
		}
		if r.offers, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return Told{}, err
		}
		told.Offers = r.offers.Addr().String()
		server := &http.Server{Handler: http.HandlerFunc(r.offered), ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(r.offers) }()
	}
	r.calls, err = trunk.Open(trunk.Options{
		Listen: []string{"udp:127.0.0.1:0"}, Trunks: trunks, Media: phone.Lines(lines), Calls: 2*r.order.Calls + 8, InvitesPerSecond: 1 << 20,
	})
	if err != nil {
		return Told{}, err
	}
	r.calls.Incoming(r.incoming)
	told.SIP = r.calls.Addr("udp").String()
	return told, nil
}

func (r *relay) close() {
	if r.calls != nil {
		_ = r.calls.Close()
	}
	if r.offers != nil {
		_ = r.offers.Close()
	}
	if r.rtc != nil {
		_ = r.rtc.Close()
	}
	for _, s := range r.shared {
		_ = s.Close()
	}
}

// offered answers a browser's offer.
func (r *relay) offered(w http.ResponseWriter, q *http.Request) {
	id := q.URL.Query().Get("browser")
	offer, err := io.ReadAll(io.LimitReader(q.Body, 64<<10))
	var answer string
	if err == nil {
		answer, err = r.rtc.Offer(q.Context(), id, id, string(offer))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// incoming brings a call to whoever is called.
func (r *relay) incoming(c *trunk.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	room := media.NewRoom()
	caller := phone.LineOf(c)
	other, over, err := r.ring(ctx, c.Called())
	var no *trunk.Failure
	switch {
	case errors.As(err, &no):
		_ = c.Refuse(no.Status)
		return
	case err != nil:
		_ = c.Refuse(480)
		return
	}
	_, _ = room.Add(r.tapped(caller)), room.Add(r.tapped(other)) // a new room has nobody of these ids
	room.Set(media.Plan(media.Talking, []media.Party{{ID: caller.ID(), Part: media.Caller}, {ID: other.ID(), Part: media.Counsellor}}))
	if err := c.Answer(ctx); err == nil {
		select {
		case <-c.Done():
		case <-over:
		}
	}
	room.Remove(caller.ID())
	room.Remove(other.ID())
	leave, cancelLeave := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancelLeave()
	_ = c.Hangup(leave, "")
	if out := r.outbound(other); out != nil {
		_ = out.Hangup(leave, "")
	}
}

// ring finds who is called, or rings there, and says when that end is over.
func (r *relay) ring(ctx context.Context, number string) (media.Leg, <-chan struct{}, error) {
	if r.order.To == WebRTC {
		p, ok := r.rtc.Peer(strings.TrimPrefix(number, "9"))
		if !ok {
			return nil, nil, &trunk.Failure{Status: 404}
		}
		return p, nil, nil
	}
	out, err := r.calls.Dial(ctx, trunk.Dial{Trunk: "out", To: number})
	if err != nil {
		return nil, nil, err
	}
	return &outbound{Line: phone.LineOf(out), call: out}, out.Done(), nil
}

// outbound is the line of a call that we made.
type outbound struct {
	*media.Line
	call *trunk.Call
}

func (r *relay) outbound(l media.Leg) *trunk.Call {
	if o, ok := l.(*outbound); ok {
		return o.call
	}
	return nil
}

// tapped is the leg as it is, or one that loses packets.
func (r *relay) tapped(l media.Leg) media.Leg {
	if o, ok := l.(*outbound); ok {
		l = o.Line
	}
	if r.order.LoseEvery > 0 {
		return &leaky{Leg: l, every: int64(r.order.LoseEvery)}
	}
	return l
}

// leaky does not say everything on.
type leaky struct {
	media.Leg
	every int64
	count atomic.Int64
}

func (l *leaky) Hear(speaker string, p *media.Packet) {
	if l.count.Add(1)%l.every != 0 {
		l.Leg.Hear(speaker, p)
	}
}
