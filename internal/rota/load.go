package rota

import (
	"context"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/store"
)

// The kinds of arrivals that are counted.
const (
	calls = "call"
	chats = "chat"
)

const (
	// settled is how long after its end an hour is counted: most of what began in it is over then, and is still there.
	settled = 3 * time.Hour
	// lookedBack is how far back the first count goes.
	lookedBack = 26 * 7 * 24 * time.Hour
	// weeksOf is how many weeks of history an expectation rests on, and leastOf of how many at least.
	weeksOf = 8
	leastOf = 3
)

// arrival is one contact or call, in Unix milliseconds: when it came, and how long it took, 0 for not known.
type arrival struct {
	kind     string
	at, took int64
}

// Fold counts the hours that are over, from contacts and calls, into numbers that stay when those are erased. Whatever node does it,
// and however often, an hour is counted once. The handling time of an hour is the median of what began in it: a chat or call from its
// answer to the end of its write-up.
func (r *Rota) Fold(ctx context.Context) error {
	now := r.now()
	from, err := store.One(ctx, r.db, scanInt, `SELECT until FROM rota_folded`)
	if err != nil {
		return err
	}
	begin := r.hour(now.Add(-lookedBack))
	if t := store.Time(from); t.After(begin) {
		begin = t
	}
	until := r.hour(now.Add(-settled))
	for begin.Before(until) {
		end := begin.Add(7 * 24 * time.Hour)
		if end = r.hour(end); end.After(until) {
			end = until
		}
		if err := r.fold(ctx, begin, end); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// hour is the beginning of an hour by the wall clock of the house. The two hours of the night on which the clocks go back are one.
func (r *Rota) hour(t time.Time) time.Time {
	l := t.In(r.Zone())
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), 0, 0, 0, r.Zone())
}

func (r *Rota) fold(ctx context.Context, begin, end time.Time) error {
	scan := func(row store.Row) (a arrival, err error) { return a, row.Scan(&a.kind, &a.at, &a.took) }
	all, err := store.All(ctx, r.db, scan, selectArrivals, store.Millis(begin), store.Millis(end))
	if err != nil {
		return err
	}
	type cell struct {
		at   int64
		kind string
	}
	counts, took := map[cell]int64{}, map[cell][]int64{}
	for _, a := range all {
		c := cell{store.Millis(r.hour(store.Time(a.at))), a.kind}
		counts[c]++
		if a.took > 0 {
			took[c] = append(took[c], a.took)
		}
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE rota_folded SET until = $2 WHERE until < $2 AND until <= $1`, store.Millis(begin), store.Millis(end))
		if err != nil || n == 0 {
			return err // another node has
		}
		for c, n := range counts {
			if _, err := tx.Exec(ctx, `INSERT INTO rota_hour (hour_at, kind, arrived, handled, median_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hour_at, kind) DO NOTHING`,
				c.at, c.kind, n, len(took[c]), median(took[c])); err != nil {
				return err
			}
		}
		return nil
	})
}

// selectArrivals are chats by when they opened, and calls by when they came into the line: whoever hangs up in the greeting needs
// nobody. How long a call took is told by its contact, whose write-up belongs to it.
const selectArrivals = `SELECT 'chat', c.opened_at, CASE WHEN c.answered_at > 0 AND c.closed_at > c.answered_at THEN c.closed_at - c.answered_at ELSE 0 END FROM contact c
	WHERE c.channel = 'chat' AND c.opened_at >= $1 AND c.opened_at < $2
	UNION ALL
	SELECT 'call', p.queued_at, coalesce((SELECT CASE WHEN c.answered_at > 0 AND c.closed_at > c.answered_at THEN c.closed_at - c.answered_at ELSE 0 END FROM contact c WHERE c.id = p.contact_id), 0) FROM phone_call p
	WHERE p.direction = 'in' AND p.queued_at >= $1 AND p.queued_at < $2`

func median(all []int64) int64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// Expected is what an hour is expected to bring, by the median of the same hours of weeks before, and how many people that takes.
type Expected struct {
	Hour           int // of the day
	Calls, Chats   float64
	ForCalls       int
	ForChats       int
	Phone, Chat    int // who is planned for one of the two throughout the hour
	Both           int // who is planned for either
	Open           bool
	Known          bool // there is history enough
	CallsTake      time.Duration
	ConversationIn time.Duration
}

// Needed is how many people the hour takes: calls and chats are planned apart, because a call takes all of her. While the line is
// open it is one at least.
func (e Expected) Needed() int {
	n := e.ForCalls + e.ForChats
	if e.Open {
		n = max(n, 1)
	}
	return n
}

// Staffed is how many are planned to answer.
func (e Expected) Staffed() int { return e.Phone + e.Chat + e.Both }

// Missing is how many more it would take: whoever answers both fills what those of one post leave.
func (e Expected) Missing() int {
	if !e.Open {
		return 0
	}
	lacks := max(0, e.ForCalls-e.Phone) + max(0, e.ForChats-e.Chat) - e.Both
	return max(lacks, e.Needed()-e.Staffed(), 0)
}

// Load says for each hour of some days what is expected and who is planned, drafts too where asked. A public holiday is held against
// Sundays, and holidays of the past are no example for other days.
func (r *Rota) Load(ctx context.Context, days []string, drafts bool) (map[string][]Expected, error) {
	past, err := r.history(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string][]Expected{}
	if len(days) == 0 {
		return all, nil
	}
	shifts, err := r.Between(ctx, days[0], days[len(days)-1], drafts)
	if err != nil {
		return nil, err
	}
	hours := r.o.Catalogue().Hours
	plan := r.Planning()
	target := Target{Share: float64(plan.AnsweredPercent) / 100, Within: time.Duration(plan.WithinSeconds) * time.Second}
	for _, day := range days {
		like := weekday(day)
		if hours.At(r.Moment(day, 12*60)).Holiday != nil {
			like = 6
		}
		for h := range 24 {
			e := Expected{Hour: h, Open: hours.At(r.Moment(day, h*60+30)).Open}
			if past.weeks[like] >= leastOf {
				e.Known = true
				e.Calls, e.Chats = past.arrived(like, h, calls), past.arrived(like, h, chats)
				e.CallsTake, e.ConversationIn = past.took(calls), past.took(chats)
				e.ForCalls, e.ForChats = NeededForCalls(e.Calls, e.CallsTake, target), NeededForChats(e.Chats, e.ConversationIn, plan.ChatsAtOnce)
			}
			e.Phone, e.Chat, e.Both = r.staffed(shifts, day, h)
			all[day] = append(all[day], e)
		}
	}
	return all, nil
}

// Planning is what the rota reckons with.
func (r *Rota) Planning() catalogue.Planning { return r.o.Catalogue().Hours.Planned(r.o.ChatCapacity) }

// staffed counts who is there throughout an hour: at each of its quarters, and the fewest count.
func (r *Rota) staffed(shifts []Shift, day string, hour int) (phone, chat, both int) {
	first := true
	for quarter := range 4 {
		at := store.Millis(r.Moment(day, hour*60+15*quarter))
		n := map[Post]int{}
		for _, s := range shifts {
			if s.Post.Answers() && s.FromAt <= at && s.ToAt > at {
				n[s.Post]++
			}
		}
		if first || n[Phone]+n[Chat]+n[Both] < phone+chat+both {
			phone, chat, both = n[Phone], n[Chat], n[Both]
		}
		first = false
	}
	return phone, chat, both
}

// history is what the last weeks brought.
type history struct {
	arrivals map[slot][]int64 // one number for each week
	weeks    [7]int           // how many days of a weekday are counted
	handling map[string][]int64
}

type slot struct {
	weekday, hour int
	kind          string
}

// arrived is the median of an hour; a half of two.
func (h history) arrived(weekday, hour int, kind string) float64 {
	all := slices.Clone(h.arrivals[slot{weekday, hour, kind}])
	for len(all) < h.weeks[weekday] { // hours in which nothing came are not rows
		all = append(all, 0)
	}
	slices.Sort(all)
	n := len(all)
	if n == 0 {
		return 0
	}
	return float64(all[(n-1)/2]+all[n/2]) / 2
}

// took is the median of the hours' medians.
func (h history) took(kind string) time.Duration {
	return time.Duration(median(slices.Clone(h.handling[kind]))) * time.Millisecond
}

func (r *Rota) history(ctx context.Context) (history, error) {
	h := history{arrivals: map[slot][]int64{}, handling: map[string][]int64{}}
	until, err := store.One(ctx, r.db, scanInt, `SELECT until FROM rota_folded`)
	if err != nil || until == 0 {
		return h, err
	}
	today := store.Time(until).In(r.Zone()).Format(time.DateOnly)
	first := Shifted(today, -7*weeksOf)
	type row struct {
		at               int64
		kind             string
		arrived, handled int64
		median           int64
	}
	rows, err := store.All(ctx, r.db, func(s store.Row) (w row, err error) {
		return w, s.Scan(&w.at, &w.kind, &w.arrived, &w.handled, &w.median)
	}, `SELECT hour_at, kind, arrived, handled, median_ms FROM rota_hour WHERE hour_at >= $1 AND hour_at < $2 ORDER BY hour_at`, store.Millis(r.Moment(first, 0)), store.Millis(r.Moment(today, 0)))
	if err != nil || len(rows) == 0 {
		return h, err
	}
	hours := r.o.Catalogue().Hours
	holiday := map[string]bool{}
	begun := store.Time(rows[0].at).In(r.Zone()).Format(time.DateOnly) // before, the line was not counted
	for day := begun; day < today; day = Shifted(day, 1) {
		if holiday[day] = hours.At(r.Moment(day, 12*60)).Holiday != nil; !holiday[day] {
			h.weeks[weekday(day)]++
		}
	}
	for _, w := range rows {
		t := store.Time(w.at).In(r.Zone())
		if w.median > 0 {
			h.handling[w.kind] = append(h.handling[w.kind], w.median)
		}
		if day := t.Format(time.DateOnly); !holiday[day] {
			s := slot{weekday(day), t.Hour(), w.kind}
			h.arrivals[s] = append(h.arrivals[s], w.arrived)
		}
	}
	return h, nil
}
