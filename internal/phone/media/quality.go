package media

import (
	"time"

	"vigie/internal/phone/audio"
)

// Quality is how the line does.
func (l *Line) Quality() Quality {
	q := Quality{Refused: l.refused.Load()}
	l.in.mu.Lock()
	q.Received, q.Lost = l.in.counts.received, l.in.counts.lost()
	q.Jitter = time.Duration(l.in.counts.jitter * float64(time.Second) / audio.Rate)
	q.LastHeard = l.in.counts.last
	l.in.mu.Unlock()
	l.out.mu.Lock()
	q.Sent = l.out.sent
	l.out.mu.Unlock()
	return q
}
