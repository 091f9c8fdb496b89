package media

import (
	"math"
	"time"

	"vigie/internal/phone/audio"
)

// Quality is how the line does.
func (l *Line) Quality() Quality {
	q := Quality{Refused: l.refused.Load()}
	l.in.mu.Lock()
	c := &l.in.counts
	q.Received, q.Lost, q.LastHeard = c.received, c.lost(), c.last
	q.Jitter = time.Duration(c.jitter * float64(time.Second) / audio.Rate)
	loss, bursts := c.recent()
	l.in.mu.Unlock()
	l.out.mu.Lock()
	q.Sent, q.Late = l.out.sent, l.out.late
	if l.out.mix != nil {
		q.Late += l.out.mix.late()
		q.Delay = l.out.mix.delay()
	}
	l.out.mu.Unlock()
	l.reports.mu.Lock()
	q.RemoteLost, q.RemoteJitter, q.RoundTrip = l.reports.remoteLost, l.reports.remoteJitter, l.reports.roundTrip
	l.reports.mu.Unlock()
	if q.Received > 0 {
		q.MOS = MOS(loss, bursts, q.RoundTrip/2+max(2*q.Jitter, frameTime)+frameTime+q.Delay)
	}
	return q
}

// recentPackets is over how many packets loss is looked at for what somebody hears now: ten seconds and more.
const recentPackets = 512

// recent is the share of packets lost lately, and how many at once (1 is "each by itself").
func (a *arrivals) recent() (loss, burst float64) {
	expected, missed, holes := a.received+a.lost()-a.marks[1].expected, a.lost(), a.bursts
	missed -= min(missed, a.marks[1].lost)
	holes -= min(holes, a.marks[1].bursts)
	if expected == 0 || missed == 0 {
		return 0, 1
	}
	loss = min(1, float64(missed)/float64(expected))
	return loss, max(1, float64(missed)/float64(max(holes, 1)))
}

// MOS is the mean opinion score, 1 to 4.5, that the E-model (ITU-T G.107) expects of G.711 with concealment:
// R = 93.2 - Id - Ie,eff. loss is the share of packets lost, burst how many are lost at once, delay from
// mouth to ear one way.
func MOS(loss, burst float64, delay time.Duration) float64 {
	// The delay, as G.107 is commonly simplified (Cole and Rosenbluth 2001, from G.107 §7.4).
	d := float64(delay) / float64(time.Millisecond)
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	// The loss: G.107 §7.5, with Ie 0 and Bpl 25.1 of G.711 with concealment (G.113 Appendix I). BurstR is the
	// length of bursts against that of random loss, 1/(1-p).
	percent := 100 * loss
	ratio := max(1, burst*(1-loss))
	ie := 0.0
	if percent > 0 {
		ie = 95 * percent / (percent/ratio + 25.1)
	}
	r := 93.2 - id - ie
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return math.Max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6)
}
