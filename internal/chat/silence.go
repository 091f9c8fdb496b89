package chat

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// A child who no longer answers her counsellor hears a gentle line, then another; then the contact is
// set aside, not closed. How patient we are, and what we say, is in the catalogue.
const (
	// Who is typing is not silent.
	typingCounts = 30 * time.Second
	// On PostgreSQL a message and a parking may pass each other: one that came this close before it, or
	// after, brings its contact back.
	crossing = 3 * time.Second
)

// still is a conversation whose last word is waiting for an answer.
type still struct {
	id     string
	state  contact.State
	lang   string
	public string
	seq    int64
	sender string
	sentAt int64
}

// One look at the last human word of each conversation that is going on or parked.
const selectStill = `SELECT c.id, c.state, c.lang, c.public, m.seq, m.sender, m.sent_at FROM contact c
	JOIN message m ON m.contact_id = c.id
		AND m.seq = (SELECT max(x.seq) FROM message x WHERE x.contact_id = c.id AND x.sender <> 'system')
	WHERE c.channel = 'chat' AND ((c.state = 'talking' AND m.sender = 'staff')
		OR (c.state = 'parked' AND m.sender = 'visitor' AND m.sent_at > c.state_since - $1))`

const selectLastWord = `SELECT COALESCE(max(seq), 0) FROM message WHERE contact_id = $1 AND sender <> 'system'`

// watchSilence sweeps when the next line is due; no later than it takes a new silence to become one.
func (c *Chats) watchSilence(ctx context.Context) {
	w := silenceWatch{said: map[string]string{}}
	for ctx.Err() == nil {
		wait, err := c.sweepSilence(ctx, &w)
		if err != nil && ctx.Err() == nil {
			c.slog.Error("looking for children who went quiet", "error", err)
			wait = 10 * time.Second
		}
		wait = max(wait, 2*time.Second)
		due := c.wall().Add(wait)
		select {
		case <-time.After(wait):
		case <-c.patience: // somebody published another patience
		case <-ctx.Done():
		}
		w.from = contact.AwayFrom(w.from, due, c.wall())
	}
}

// rethink has the next look at silences taken now.
func (c *Chats) rethink() {
	select {
	case c.patience <- struct{}{}:
	default:
	}
}

// wall is what the clock on the wall says, jumps and all: time.Now alone also counts what really passed.
func (c *Chats) wall() time.Time { return c.now().Round(0) }

// silenceWatch is what one node remembers between two looks.
type silenceWatch struct {
	// said has the last line said to each contact, so that it is not tried again.
	said map[string]string
	// from is contact.AwayFrom: a day that passed in a minute is nobody's silence.
	from time.Time
}

// since is how long somebody has been quiet who had the last word at a moment.
func (w *silenceWatch) since(spoken, now time.Time) time.Duration {
	if spoken.Before(w.from) {
		spoken = w.from
	}
	return now.Sub(spoken)
}

// SweepSilence says the lines that are due, parks who is quiet for long, brings back who wrote while
// being parked, and returns when to look next. Any number of nodes may do it at once.
func (c *Chats) SweepSilence(ctx context.Context) (time.Duration, error) {
	return c.sweepSilence(ctx, &silenceWatch{said: map[string]string{}})
}

func (c *Chats) sweepSilence(ctx context.Context, w *silenceWatch) (time.Duration, error) {
	all, err := store.All(ctx, c.db, func(r store.Row) (still, error) {
		var s still
		return s, r.Scan(&s.id, &s.state, &s.lang, &s.public, &s.seq, &s.sender, &s.sentAt)
	}, selectStill, crossing.Milliseconds())
	if err != nil {
		return 0, err
	}
	now := c.wall()
	patience := c.catalogue().Lines.Silence
	steps := [...]struct {
		after time.Duration
		line  string
	}{
		{patience.First, catalogue.LineSilenceFirst},
		{patience.Second, catalogue.LineSilenceSecond},
		{patience.Park, catalogue.LineParked},
	}
	next := steps[0].after
	var failed error
	quiet := make(map[string]bool, len(w.said))
	for _, s := range all {
		if s.state == contact.Parked {
			if _, err := c.contacts.Return(ctx, s.id, contact.SystemActor); err != nil && !fault.Is(err, fault.Gone) {
				failed = errors.Join(failed, err)
			}
			continue
		}
		since := w.since(store.Time(s.sentAt), now)
		step := 0
		for step < len(steps) && since >= steps[step].after {
			step++
		}
		if typed := c.typed.ago(s.id, now); step > 0 && typed >= 0 && typed < typingCounts {
			next = min(next, typingCounts-typed)
			continue
		}
		if step < len(steps) {
			next = min(next, steps[step].after-since)
		}
		if step == 0 {
			continue
		}
		quiet[s.id] = true
		line := strconv.FormatInt(s.seq, 10) + "." + strconv.Itoa(step)
		if w.said[s.id] == line {
			continue
		}
		// A node that was down says only the line that is due now, not those that it missed.
		if err := c.sayQuiet(ctx, s, steps[step-1].line, step == len(steps)); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		w.said[s.id] = line
	}
	for id := range w.said {
		if !quiet[id] {
			delete(w.said, id)
		}
	}
	c.typed.forget(now)
	return next, failed
}

// sayQuiet says one line if the last word is still the same, and parks the contact with the last line.
func (c *Chats) sayQuiet(ctx context.Context, s still, line string, park bool) error {
	key, err := c.contacts.Key(ctx, s.id)
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	m := c.lineOf(contact.Contact{ID: s.id, Lang: s.lang, Public: s.public}, line, strconv.FormatInt(s.seq, 10), nil)
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		last, err := store.One(ctx, tx, func(r store.Row) (int64, error) { var n int64; return n, r.Scan(&n) }, selectLastWord, s.id)
		if err != nil || last != s.seq {
			return err // she, or her counsellor, has just written
		}
		ct, err := c.contacts.GetWithin(ctx, tx, s.id)
		if err != nil || ct.State != contact.Talking {
			return err
		}
		if err := c.addWithin(ctx, tx, m, key, ""); err != nil {
			return err
		}
		if park {
			_, err = c.contacts.Park(ctx, tx, s.id, contact.SystemActor)
		}
		return err
	})
	if fault.Is(err, fault.Conflict) || store.IsConflict(err) {
		return nil // another node, or somebody's word, was faster
	}
	return err
}

// lastTyped remembers when each person was last seen typing, as the bus told this node.
type lastTyped struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (l *lastTyped) hear(now func() time.Time) func(subject string, payload []byte) {
	return func(subject string, payload []byte) {
		var e struct {
			Who string `json:"who"`
			On  bool   `json:"on"`
		}
		id, ok := strings.CutSuffix(strings.TrimPrefix(subject, "contact."), ".typing")
		if !ok || json.Unmarshal(payload, &e) != nil || e.Who != Visitor || !e.On {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.at == nil {
			l.at = map[string]time.Time{}
		}
		l.at[id] = now()
	}
}

// ago is how long ago somebody was typing; very long when never.
func (l *lastTyped) ago(id string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.at[id]
	if !ok {
		return time.Duration(1<<63 - 1)
	}
	return now.Sub(at)
}

func (l *lastTyped) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.at {
		if now.Sub(at) > typingCounts {
			delete(l.at, id)
		}
	}
}
