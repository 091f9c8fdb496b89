package media

import (
	"crypto/rand"
	"encoding/base64"
	mrand "math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"vigie/internal/phone/audio"
)

// reportEvery is how often an end reports, on average (RFC 3550 §6.2).
const reportEvery = 5 * time.Second

// reports are the RTCP of a line: what we tell of what we received, and what we are told.
type reports struct {
	mu    sync.Mutex
	timer *time.Timer
	over  bool
	name  string

	// Of the other end's sender report (RFC 3550 §6.4.1): the middle of its NTP time, and when it came.
	lastReport   uint32
	lastReportAt time.Time

	prior, priorReceived uint64 // what was expected and received at our last report
	remoteLost           float64
	remoteJitter         time.Duration
	roundTrip            time.Duration
}

// begin reports from now on. Beginning twice is beginning once.
func (r *reports) begin(l *Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil || r.over {
		return
	}
	var b [12]byte
	_, _ = rand.Read(b[:])
	r.name = base64.RawURLEncoding.EncodeToString(b[:]) // of this call alone (RFC 7022 §4.2)
	r.timer = time.AfterFunc(pause()/2, func() {
		l.report(false)
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.over {
			r.timer.Reset(pause())
		}
	})
}

// pause is the time until the next report: half to one and a half of reportEvery, so that a thousand calls do
// not report at once, and a little less for what that does to the mean (RFC 3550 §6.3.1).
func pause() time.Duration {
	return time.Duration(float64(reportEvery) * (0.5 + mrand.Float64()) / 1.21828)
}

// end says good-bye (RFC 3550 §6.6).
func (r *reports) end(l *Line) {
	r.mu.Lock()
	begun := r.timer != nil && !r.over
	if begun {
		r.timer.Stop()
	}
	r.over = true
	r.mu.Unlock()
	if begun {
		l.report(true)
	}
}

// report sends what is to be told: a sender report when we send, a receiver report else, our name, and at the
// end good-bye.
func (l *Line) report(bye bool) {
	now := time.Now()
	var blocks []rtcp.ReceptionReport
	l.in.mu.Lock()
	if l.in.counts.open {
		blocks = append(blocks, l.reports.block(&l.in, now))
	}
	l.in.mu.Unlock()

	o := &l.out
	o.mu.Lock()
	defer o.mu.Unlock()
	to, mux := o.reportTo()
	if !to.IsValid() || to.Port() == 0 {
		return
	}
	var first rtcp.Packet = &rtcp.ReceiverReport{SSRC: o.ssrc, Reports: blocks}
	if o.sent > 0 {
		since := now.Sub(o.at).Nanoseconds() * o.rate / int64(time.Second)
		first = &rtcp.SenderReport{
			SSRC: o.ssrc, NTPTime: ntp(now), RTPTime: o.timestamp + uint32(since),
			PacketCount: uint32(o.sent), OctetCount: uint32(o.octets), Reports: blocks,
		}
	}
	packets := []rtcp.Packet{first, rtcp.NewCNAMESourceDescription(o.ssrc, l.reports.name)}
	if bye {
		packets = append(packets, &rtcp.Goodbye{Sources: []uint32{o.ssrc}})
	}
	b, err := rtcp.Marshal(packets)
	if err == nil && o.seals != nil {
		b, err = o.seals.EncryptRTCP(nil, b, nil)
	}
	if err != nil {
		return
	}
	if mux {
		l.wire.send(b, to)
	} else {
		l.wire.report(b, to)
	}
}

// reportTo is where reports go: where sound goes, or the port beside it. Called with mu held.
func (o *outlet) reportTo() (to netip.AddrPort, mux bool) {
	t := o.terms
	switch {
	case t == nil:
		return netip.AddrPort{}, false
	case t.Mux:
		return o.to, true
	case !t.RTCP.IsValid():
		return netip.AddrPort{}, false
	case o.to == t.RTP:
		return t.RTCP, false
	}
	return netip.AddrPortFrom(o.to.Addr(), o.to.Port()+1), false // it was found elsewhere, and keeps to the rule
}

// block is what we tell of the stream we receive (RFC 3550 §6.4.1, A.3). Called with in's mu held.
func (r *reports) block(in *intake, now time.Time) rtcp.ReceptionReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &in.counts
	expected := c.received + c.lost()
	step, came := expected-r.prior, c.received-r.priorReceived
	r.prior, r.priorReceived = expected, c.received
	b := rtcp.ReceptionReport{
		SSRC: in.source.ssrc, TotalLost: uint32(min(c.lost(), 1<<23-1)), LastSequenceNumber: c.highest(), Jitter: uint32(c.jitter),
	}
	if step > came {
		b.FractionLost = uint8(min(255, (step-came)*256/step))
	}
	if r.lastReport != 0 {
		b.LastSenderReport = r.lastReport
		b.Delay = uint32(now.Sub(r.lastReportAt).Seconds() * 65536)
	}
	return b
}

// receiveReport takes a datagram of RTCP, whatever it is.
func (l *Line) receiveReport(b []byte, from netip.AddrPort, at time.Time) {
	if !l.takeReport(b, from, at) {
		l.refused.Add(1)
	}
}

func (l *Line) takeReport(b []byte, from netip.AddrPort, at time.Time) bool {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if len(b) < 8 || b[0]>>6 != 2 || l.in.terms == nil || l.in.closed || !l.in.reporter(from) {
		return false
	}
	if l.in.opens != nil {
		clear, err := l.in.opens.DecryptRTCP(nil, b, nil)
		if err != nil {
			return false
		}
		b = clear
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return false
	}
	l.silence.heard.Store(at.UnixNano()) // who says nothing may report all the same
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if p.SSRC == l.in.source.ssrc {
				l.reports.heard(uint32(p.NTPTime>>16), at)
			}
			l.told(p.Reports, at)
		case *rtcp.ReceiverReport:
			l.told(p.Reports, at)
		}
	}
	return true
}

// reporter says whether reports may come from there: from where the sound comes, on whichever port of it.
// Called with mu held.
func (in *intake) reporter(from netip.AddrPort) bool {
	sound := in.source.from
	if !sound.IsValid() {
		sound = in.source.signalled
	}
	if in.terms.Mux && from == sound {
		return true
	}
	return from == in.terms.RTCP || from.Addr() == sound.Addr() && !in.terms.Mux
}

func (r *reports) heard(report uint32, at time.Time) {
	r.mu.Lock()
	r.lastReport, r.lastReportAt = report, at
	r.mu.Unlock()
}

// told takes in what the other end says of our stream.
func (l *Line) told(blocks []rtcp.ReceptionReport, at time.Time) {
	for _, b := range blocks {
		if b.SSRC != l.out.ssrc {
			continue
		}
		r := &l.reports
		r.mu.Lock()
		r.remoteLost = float64(b.FractionLost) / 256
		r.remoteJitter = time.Duration(b.Jitter) * time.Second / audio.Rate
		if b.LastSenderReport != 0 {
			// In 1/65536 of a second; the difference wraps around as the numbers do.
			trip := int32(uint32(ntp(at)>>16) - b.LastSenderReport - b.Delay)
			if trip >= 0 && trip < 60<<16 {
				r.roundTrip = time.Duration(trip) * time.Second / 65536
			}
		}
		r.mu.Unlock()
	}
}

// ntp is a time as RTCP tells it: seconds since 1900 and their fraction, 32 bits each (RFC 3550 §4).
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
