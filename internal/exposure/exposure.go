// Package exposure is the budget of hard material: how long somebody at work has heard, read and seen what is hard, so that a pause or
// an easier hour is proposed before it is too much. It proposes and never forces.
//
// The minutes are hers: nobody else reads them, nothing exports or compares them, and after Kept they are gone (product §2.3). A
// supervisor sees one of three words of today.
//
// Heard and read are counted from the record and not by her page: each minute one node looks at who talks with whom, and adds what has
// passed since, divided among the conversations she has at once — who has three chats reads each a third of the time, and a
// minute is never counted twice. (Whether a panel was in front says less: a chat in sight is not a chat being read; and a
// page can be closed, or forged.) The seconds wait beside the contact while it goes on, because what it is about is often known only
// at its end. Then they go to her day without the contact's id, if it was hard, and nowhere otherwise.
package exposure

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Kept is how long the minutes are kept.
const Kept = 30 * 24 * time.Hour

const (
	// every is how often it is counted; what is longer than most — all nodes were down — is nobody's.
	every = time.Minute
	most  = 2 * every
)

// The kinds of exposure.
const (
	Heard = "heard" // in calls
	Read  = "read"  // in conversations by chat, letters
	Seen  = "seen"  // pictures, uncovered (room evidence)
)

// Look is how long she looked at a picture, from when.
type Look struct {
	At     time.Time
	Lasted time.Duration
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Contacts  *contact.Contacts
	Catalogue func() *catalogue.Set
	// Looks are somebody's looks at pictures since a time.
	Looks func(ctx context.Context, staffID string, since time.Time) ([]Look, error)
	// ForgetLooks forgets everybody's looks that began before a time.
	ForgetLooks func(ctx context.Context, before time.Time) error
	// Day is the day of the house's calendar at a time, "2026-11-28"; nil takes UTC.
	Day func(t time.Time) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Exposure is the room. It is safe for concurrent use, and any number may work on one record.
type Exposure struct {
	o   Options
	db  *store.DB
	now func() time.Time
}

// New opens the room.
func New(o Options) *Exposure {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Day == nil {
		o.Day = func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	}
	return &Exposure{o: o, db: o.DB, now: o.Now}
}

// Run counts and forgets, until ctx ends.
func (e *Exposure) Run(ctx context.Context) {
	tick := time.NewTicker(every / 4)
	defer tick.Stop()
	var forgot time.Time
	for {
		if err := e.Count(ctx); err != nil && ctx.Err() == nil {
			e.o.Log.Error("exposure: the minutes could not be counted; again in a moment", "error", err)
		}
		if time.Since(forgot) > time.Hour {
			forgot = time.Now()
			if err := e.Forget(ctx); err != nil && ctx.Err() == nil {
				e.o.Log.Error("exposure: old minutes could not be forgotten; again in an hour", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Day is one day of hers.
type Day struct {
	Day               string
	Heard, Read, Seen time.Duration
}

// All is the day's sum.
func (d Day) All() time.Duration { return d.Heard + d.Read + d.Seen }

// Step is how full a day is, in the three words that a supervisor may read.
type Step string

// The steps of a day.
const (
	Light  Step = "light"
	Filled Step = "filled" // half of what is good for a day
	Much   Step = "much"   // near it, or beyond: a pause is proposed
)

// near and half are the parts of a limit at which a day is Much and Filled, in percent.
const near, half = 80, 50

// StepOf says how full a day is: by its pictures alone, or by all of it, whichever is more.
func StepOf(d Day, lines *catalogue.Lines) Step {
	part := max(100*d.Seen/lines.HardLimit(), 100*d.All()/lines.HardDay())
	switch {
	case part >= near:
		return Much
	case part >= half:
		return Filled
	}
	return Light
}

// lightDangers are dangers whose every conversation is no exposure by itself: else each day of a helpline would be.
var lightDangers = map[string]bool{"bullying": true, "runaway": true, "drugs": true}

// hard says whether what a contact is about counts.
func (e *Exposure) hard(ctx context.Context, ct contact.Contact) (bool, error) {
	if ct.Danger || ct.Grave {
		return true, nil
	}
	set := e.o.Catalogue()
	form, err := e.o.Contacts.Form(ctx, ct.ID)
	if err != nil {
		return false, err
	}
	if category, ok := set.Taxonomy.ByCode(form.Values()[mainCategory]); ok {
		return category.Has(catalogue.Grave) || category.Has(catalogue.Intimate) || category.Danger != "" && !lightDangers[category.Danger], nil
	}
	question, _ := set.Questions.Question(catalogue.AskTopic)
	topic, ok := question.Choice(ct.Topic)
	return ok && topic.Danger != "" && !lightDangers[topic.Danger], nil
}

// mainCategory is the field of the form that says what a contact is about.
const mainCategory = "category_main"

// Count counts what has passed since the last time, once for all nodes, and settles contacts that are over.
func (e *Exposure) Count(ctx context.Context) error {
	now := e.now()
	talking, err := e.o.Contacts.InStates(ctx, contact.Talking)
	if err != nil {
		return err
	}
	hers := map[string]int64{}
	for _, ct := range talking {
		hers[ct.CounsellorID]++
	}
	err = e.db.Tx(ctx, func(tx *store.Tx) error {
		last, err := store.One(ctx, tx, scanInt, `SELECT at FROM exposure_turn WHERE one = 1`)
		if err != nil {
			return err
		}
		passed := now.Sub(store.Time(last))
		if passed >= 0 && passed < every {
			return nil
		}
		n, err := tx.Exec(ctx, `UPDATE exposure_turn SET at = $2 WHERE one = 1 AND at = $1`, last, store.Millis(now))
		if err != nil || n == 0 || passed < 0 {
			return err
		}
		for _, ct := range talking {
			// Not longer than she has had it: it may have begun since.
			had := max(0, min(passed, most, now.Sub(store.Time(ct.StateSince))))
			kind := Read
			if ct.Channel == contact.ChannelPhone {
				kind = Heard
			}
			seconds := int64(had/time.Second) / hers[ct.CounsellorID]
			if ct.CounsellorID == "" || seconds == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO exposure_open (contact_id, staff_id, day, kind, seconds) SELECT id, $2, $3, $4, CAST($5 AS BIGINT) FROM contact WHERE id = $1
				ON CONFLICT (contact_id, staff_id, day) DO UPDATE SET seconds = exposure_open.seconds + excluded.seconds`, ct.ID, ct.CounsellorID, e.o.Day(now), kind, seconds); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, e.settle(ctx))
}

// open is what waits beside a contact.
type open struct {
	contactID, staffID, day, kind string
	seconds                       int64
}

func scanOpen(r store.Row) (o open, err error) {
	return o, r.Scan(&o.contactID, &o.staffID, &o.day, &o.kind, &o.seconds)
}

const selectOpen = `SELECT o.contact_id, o.staff_id, o.day, o.kind, o.seconds FROM exposure_open o`

// settle gives the seconds of contacts that are over to the days they were of, if they were hard.
func (e *Exposure) settle(ctx context.Context) error {
	over, err := store.All(ctx, e.db, scanOpen, selectOpen+` JOIN contact c ON c.id = o.contact_id WHERE c.state = 'closed'`)
	if err != nil {
		return err
	}
	for _, o := range over {
		hard, err := e.isHard(ctx, o.contactID)
		if err != nil {
			return err
		}
		if err := e.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM exposure_open WHERE contact_id = $1 AND staff_id = $2 AND day = $3 AND seconds = $4`, o.contactID, o.staffID, o.day, o.seconds)
			if err != nil || n == 0 || !hard {
				return err
			}
			return add(ctx, tx, o.staffID, o.day, o.kind, o.seconds)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Add adds to somebody's day what was counted elsewhere.
func (e *Exposure) Add(ctx context.Context, staffID, day, kind string, d time.Duration) error {
	return e.db.Tx(ctx, func(tx *store.Tx) error { return add(ctx, tx, staffID, day, kind, int64(d/time.Second)) })
}

func add(ctx context.Context, tx *store.Tx, staffID, day, kind string, seconds int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO exposure_day (staff_id, day, kind, seconds) VALUES ($1, $2, $3, $4)
		ON CONFLICT (staff_id, day, kind) DO UPDATE SET seconds = exposure_day.seconds + excluded.seconds`, staffID, day, kind, seconds)
	return err
}

// isHard is hard of a contact that may be erased by now: nobody knows any more.
func (e *Exposure) isHard(ctx context.Context, contactID string) (bool, error) {
	ct, err := e.o.Contacts.Get(ctx, contactID)
	if err == nil {
		var hard bool
		if hard, err = e.hard(ctx, ct); err == nil {
			return hard, nil
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return false, nil
	}
	return false, err
}

// Mine are her own days of the last thirty, the newest last, all of them. It is for herself: no other page may ask.
func (e *Exposure) Mine(ctx context.Context, staffID string) ([]Day, error) {
	return e.days(ctx, staffID, 30)
}

// Today is her day so far.
func (e *Exposure) Today(ctx context.Context, staffID string) (Day, error) {
	days, err := e.days(ctx, staffID, 1)
	if err != nil {
		return Day{}, err
	}
	return days[0], nil
}

// StepOfToday is all that a supervisor may know.
func (e *Exposure) StepOfToday(ctx context.Context, staffID string) (Step, error) {
	d, err := e.Today(ctx, staffID)
	return StepOf(d, e.o.Catalogue().Lines), err
}

func (e *Exposure) days(ctx context.Context, staffID string, n int) ([]Day, error) {
	now := e.now()
	days, at := make([]Day, n), map[string]int{}
	for i := range days {
		days[i].Day = e.o.Day(now.AddDate(0, 0, i-n+1))
		at[days[i].Day] = i
	}
	add := func(day, kind string, d time.Duration) {
		i, ok := at[day]
		switch {
		case !ok:
		case kind == Heard:
			days[i].Heard += d
		case kind == Read:
			days[i].Read += d
		default:
			days[i].Seen += d
		}
	}
	kept, err := store.All(ctx, e.db, scanOpen, `SELECT '', staff_id, day, kind, seconds FROM exposure_day WHERE staff_id = $1 AND day >= $2`, staffID, days[0].Day)
	if err != nil {
		return nil, err
	}
	for _, o := range kept {
		add(o.day, o.kind, time.Duration(o.seconds)*time.Second)
	}
	running, err := store.All(ctx, e.db, scanOpen, selectOpen+` WHERE o.staff_id = $1 AND o.day >= $2`, staffID, days[0].Day)
	if err != nil {
		return nil, err
	}
	for _, o := range running {
		hard, err := e.isHard(ctx, o.contactID)
		if err != nil {
			return nil, err
		}
		if hard {
			add(o.day, o.kind, time.Duration(o.seconds)*time.Second)
		}
	}
	if e.o.Looks == nil {
		return days, nil
	}
	looks, err := e.o.Looks(ctx, staffID, now.AddDate(0, 0, -n))
	for _, l := range looks {
		add(e.o.Day(l.At), Seen, l.Lasted)
	}
	return days, err
}

// Forget deletes what is older than Kept, whatever durations the house has published.
func (e *Exposure) Forget(ctx context.Context) error {
	before := e.now().Add(-Kept)
	_, err := e.db.Exec(ctx, `DELETE FROM exposure_day WHERE day < $1`, e.o.Day(before))
	_, open := e.db.Exec(ctx, `DELETE FROM exposure_open WHERE day < $1`, e.o.Day(before))
	err = errors.Join(err, open)
	if e.o.ForgetLooks != nil {
		err = errors.Join(err, e.o.ForgetLooks(ctx, before))
	}
	return err
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }
