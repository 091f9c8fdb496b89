// Package rota says who works when: shifts, who cannot, swaps between colleagues, who is on now and who is missing, how many
// are needed from what arrived in the past, the calendar that each may put on her telephone, and the note that a shift leaves the
// next one.
//
// A shift belongs to a day of the house and to two times of its wall clock, so that a shift from 15:00 to 23:00 is that on the day
// when the clocks change too; the moments that it begins and ends are worked out as it is written. What law bounds — rest, hours,
// days in a row — is a warning with its article, because the coordinator decides and answers for it; one person in two places at
// once is refused.
//
// People appear by id; pages show aliases. No reason of an absence is kept.
package rota

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// Post is what somebody does in a shift.
type Post string

// The posts. OnCall is reachable at night and not at work: it counts neither as hours nor as staff (Code du travail, L3121-9).
const (
	Both       Post = "both"
	Phone      Post = "phone"
	Chat       Post = "chat"
	Tutor      Post = "tutor"
	Supervisor Post = "supervisor"
	OnCall     Post = "oncall"
)

// Posts lists them in the order of a form.
var Posts = []Post{Both, Phone, Chat, Tutor, Supervisor, OnCall}

// Answers says whether the post answers callers or chats.
func (p Post) Answers() bool { return p == Both || p == Phone || p == Chat }

// State is how far a shift is.
type State string

// A draft is seen by those who plan. What is published is never deleted: it is cancelled, and calendars hear of it.
const (
	Draft     State = "draft"
	Published State = "published"
	Cancelled State = "cancelled"
)

// Shift is somebody at a post for some hours. From and To are minutes since the midnight that begins Day ("2026-11-28"), To over
// 1440 on the next day; FromAt and ToAt are the same in Unix milliseconds.
type Shift struct {
	ID, StaffID  string
	Day          string
	From, To     int
	FromAt, ToAt int64
	Post         Post
	State        State
	// Seq is the SEQUENCE of its event (RFC 5545 §3.8.7.4).
	Seq       int64
	ChangedAt int64
}

// Longest is how long a shift may be.
const Longest = 16 * 60

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Catalogue func() *catalogue.Set
	// People are those who work here, without their names.
	People interface {
		Roster(ctx context.Context) ([]staff.Person, error)
	}
	// Decide has a supervisor agree to every swap; otherwise one that breaks no rule needs nobody's yes.
	Decide bool
	Now    func() time.Time
	Log    *slog.Logger
	// ChatCapacity is how many conversations a counsellor has at once where the catalogue plans with no other number; 0 is 3.
	ChatCapacity int
}

// Rota is the room. It is safe for concurrent use.
type Rota struct {
	o   Options
	db  *store.DB
	now func() time.Time
}

// New opens the room.
func New(o Options) *Rota {
	if o.ChatCapacity == 0 {
		o.ChatCapacity = 3
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Rota{o: o, db: o.DB, now: o.Now}
}

// Zone is the wall clock of the house.
func (r *Rota) Zone() *time.Location { return r.o.Catalogue().Hours.Zone() }

// Today is the day of the house.
func (r *Rota) Today() string { return r.now().In(r.Zone()).Format(time.DateOnly) }

// Moment is a time of a day's wall clock. A time that the clocks jump over is the one after the jump, as time.Date takes it.
func (r *Rota) Moment(day string, minutes int) time.Time {
	d, _ := time.Parse(time.DateOnly, day)
	return time.Date(d.Year(), d.Month(), d.Day(), 0, minutes, 0, 0, r.Zone())
}

// Monday is the first day of a day's week.
func Monday(day string) string {
	d, _ := time.Parse(time.DateOnly, day)
	return Shifted(day, -(int(d.Weekday()+6) % 7))
}

// Shifted is so many days later.
func Shifted(day string, days int) string {
	d, _ := time.Parse(time.DateOnly, day)
	return d.AddDate(0, 0, days).Format(time.DateOnly)
}

// Week lists the seven days from a Monday.
func Week(monday string) []string {
	all := make([]string, 7)
	for i := range all {
		all[i] = Shifted(monday, i)
	}
	return all
}

// IsDay says whether a text is a day between 2000 and 2100.
func IsDay(text string) bool {
	d, err := time.Parse(time.DateOnly, text)
	return err == nil && d.Year() >= 2000 && d.Year() < 2100
}

// settle works out the moments of a shift. fault.Invalid "fault.rota.day", "fault.rota.times", "fault.rota.post".
func (r *Rota) settle(s *Shift) error {
	if !IsDay(s.Day) {
		return fault.New(fault.Invalid, "fault.rota.day")
	}
	if s.To <= s.From { // "21:00 to 06:00" ends on the next day
		s.To += 24 * 60
	}
	if s.From < 0 || s.From >= 24*60 || s.To-s.From > Longest {
		return fault.New(fault.Invalid, "fault.rota.times", "max", Longest/60)
	}
	if !slices.Contains(Posts, s.Post) {
		return fault.New(fault.Invalid, "fault.rota.post")
	}
	s.FromAt, s.ToAt = store.Millis(r.Moment(s.Day, s.From)), store.Millis(r.Moment(s.Day, s.To))
	return nil
}

// May says whether somebody can be planned at a post.
func May(p staff.Person, post Post) bool {
	switch post {
	case Supervisor, OnCall:
		return p.Active && p.Has(staff.Supervisor)
	}
	return p.Can(staff.DeskUse)
}

// person reads somebody who can be planned at a post. fault.Invalid "fault.rota.person".
func (r *Rota) person(ctx context.Context, id string, post Post) error {
	people, err := r.o.People.Roster(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(people, func(p staff.Person) bool { return p.ID == id && May(p, post) }) {
		return fault.New(fault.Invalid, "fault.rota.person")
	}
	return nil
}

// Plan writes a draft. Planning the same id again changes nothing.
//
// fault.Invalid as settle and "fault.rota.person"; fault.Conflict "fault.rota.overlap" where she is planned at that time.
func (r *Rota) Plan(ctx context.Context, s Shift, by audit.Actor) error {
	if err := r.settle(&s); err != nil {
		return err
	}
	if !store.IsID(s.ID) {
		return fault.New(fault.Invalid, "fault.rota.unknown")
	}
	if err := r.person(ctx, s.StaffID, s.Post); err != nil {
		return err
	}
	return r.change(ctx, func(tx *store.Tx) error {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM rota_shift WHERE id = $1`, s.ID)
		if err != nil || n > 0 {
			return err
		}
		if err := r.apart(ctx, tx, s); err != nil {
			return err
		}
		if err := r.insert(ctx, tx, s, by); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.plan", "shift", s.ID, map[string]string{"staff": s.StaffID, "day": s.Day, "post": string(s.Post)})
	})
}

func (r *Rota) insert(ctx context.Context, tx *store.Tx, s Shift, by audit.Actor) error {
	_, err := tx.Exec(ctx, `INSERT INTO rota_shift (id, staff_id, day, from_min, to_min, from_at, to_at, post, state, seq, changed_at, changed_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', 0, $9, $10)`, s.ID, s.StaffID, s.Day, s.From, s.To, s.FromAt, s.ToAt, string(s.Post), store.Millis(r.now()), by.ID)
	return err
}

// apart refuses a shift that overlaps with another of hers.
func (r *Rota) apart(ctx context.Context, q store.Querier, s Shift) error {
	n, err := store.One(ctx, q, scanInt, `SELECT count(*) FROM rota_shift WHERE staff_id = $1 AND id <> $2 AND state <> 'cancelled' AND from_at < $3 AND to_at > $4`, s.StaffID, s.ID, s.ToAt, s.FromAt)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "fault.rota.overlap")
	}
	return err
}

// Change moves a shift of the same person in time or to another post. What was published is changed for her at once.
//
// Faults of Plan; fault.NotFound "fault.rota.unknown"; fault.Gone "fault.rota.cancelled".
func (r *Rota) Change(ctx context.Context, id, day string, from, to int, post Post, by audit.Actor) error {
	return r.change(ctx, func(tx *store.Tx) error {
		s, err := r.get(ctx, tx, id)
		if err != nil {
			return err
		}
		before := s
		s.Day, s.From, s.To, s.Post = day, from, to, post
		if err := r.settle(&s); err != nil {
			return err
		}
		if s == before {
			return nil
		}
		if err := r.person(ctx, s.StaffID, s.Post); err != nil {
			return err
		}
		if err := r.apart(ctx, tx, s); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE rota_shift SET day = $2, from_min = $3, to_min = $4, from_at = $5, to_at = $6, post = $7, seq = seq + 1, changed_at = $8, changed_by = $9 WHERE id = $1`,
			id, s.Day, s.From, s.To, s.FromAt, s.ToAt, string(s.Post), store.Millis(r.now()), by.ID); err != nil {
			return err
		}
		if err := r.drop(ctx, tx, id); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.change", "shift", id, map[string]string{"day": s.Day, "post": string(s.Post)})
	})
}

// Remove takes a shift out: a draft is gone, a published one is cancelled.
//
// fault.NotFound "fault.rota.unknown"; what is cancelled already is no error.
func (r *Rota) Remove(ctx context.Context, id string, by audit.Actor) error {
	return r.change(ctx, func(tx *store.Tx) error {
		s, err := r.get(ctx, tx, id)
		if fault.Is(err, fault.Gone) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.State == Draft {
			_, err = tx.Exec(ctx, `DELETE FROM rota_shift WHERE id = $1`, id)
		} else {
			_, err = tx.Exec(ctx, `UPDATE rota_shift SET state = 'cancelled', seq = seq + 1, changed_at = $2, changed_by = $3 WHERE id = $1`, id, store.Millis(r.now()), by.ID)
		}
		if err != nil {
			return err
		}
		if err := r.drop(ctx, tx, id); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.remove", "shift", id, map[string]string{"staff": s.StaffID, "day": s.Day})
	})
}

// drop ends what was going on to swap a shift that is no longer as it was.
func (r *Rota) drop(ctx context.Context, tx *store.Tx, shiftID string) error {
	_, err := tx.Exec(ctx, `UPDATE rota_swap SET state = 'withdrawn', decided_at = $2 WHERE shift_id = $1 AND state IN ('open', 'taken')`, shiftID, store.Millis(r.now()))
	return err
}

// Publish makes the drafts that begin on these days known to their people; n is how many.
func (r *Rota) Publish(ctx context.Context, first, last string, by audit.Actor) (n int64, err error) {
	if !IsDay(first) || !IsDay(last) {
		return 0, fault.New(fault.Invalid, "fault.rota.day")
	}
	err = r.change(ctx, func(tx *store.Tx) error {
		n, err = tx.Exec(ctx, `UPDATE rota_shift SET state = 'published', changed_at = $3, changed_by = $4 WHERE state = 'draft' AND day >= $1 AND day <= $2`, first, last, store.Millis(r.now()), by.ID)
		if err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, by, "rota.publish", "rota", first, map[string]string{"until": last})
	})
	return n, err
}

// Get returns one shift. fault.NotFound "fault.rota.unknown"; fault.Gone "fault.rota.cancelled" with the shift.
func (r *Rota) Get(ctx context.Context, id string) (Shift, error) { return r.get(ctx, r.db, id) }

func (r *Rota) get(ctx context.Context, q store.Querier, id string) (Shift, error) {
	s, err := store.One(ctx, q, scanShift, selectShifts+` WHERE s.id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return s, fault.New(fault.NotFound, "fault.rota.unknown")
	}
	if err == nil && s.State == Cancelled {
		err = fault.New(fault.Gone, "fault.rota.cancelled")
	}
	return s, err
}

// Between returns the shifts that touch these days, drafts too for those who plan, in the order in which they begin.
func (r *Rota) Between(ctx context.Context, first, last string, drafts bool) ([]Shift, error) {
	return store.All(ctx, r.db, scanShift, selectShifts+` WHERE s.from_at < $1 AND s.to_at > $2 AND (s.state = 'published' OR s.state = 'draft' AND $3 = 1) ORDER BY s.from_at, s.staff_id`,
		store.Millis(r.Moment(Shifted(last, 1), 0)), store.Millis(r.Moment(first, 0)), flag(drafts))
}

// Of returns the published shifts of one person that end between two moments, in order.
func (r *Rota) Of(ctx context.Context, staffID string, from, until time.Time) ([]Shift, error) {
	return store.All(ctx, r.db, scanShift, selectShifts+` WHERE s.staff_id = $1 AND s.state = 'published' AND s.to_at > $2 AND s.from_at < $3 ORDER BY s.from_at`, staffID, store.Millis(from), store.Millis(until))
}

// On returns who is on at a moment.
func (r *Rota) On(ctx context.Context, at time.Time) ([]Shift, error) {
	return store.All(ctx, r.db, scanShift, selectShifts+` WHERE s.state = 'published' AND s.from_at <= $1 AND s.to_at > $1 ORDER BY s.from_at, s.staff_id`, store.Millis(at))
}

// Planned says whether anything is planned around a moment: without a rota nobody is "missing".
func (r *Rota) Planned(ctx context.Context, at time.Time) (bool, error) {
	n, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM rota_shift WHERE state = 'published' AND from_at < $1 AND to_at > $2`, store.Millis(at.Add(12*time.Hour)), store.Millis(at.Add(-12*time.Hour)))
	return n > 0, err
}

// change is a transaction that takes the rota's turn.
func (r *Rota) change(ctx context.Context, do func(tx *store.Tx) error) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE rota_turn SET rev = rev + 1`); err != nil {
			return err
		}
		return do(tx)
	})
}

func (r *Rota) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, object, id string, detail map[string]string) error {
	return r.o.Audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: object, ObjectID: id, Detail: detail})
}

// Run counts hours that are over and forgets old notes, until ctx ends.
func (r *Rota) Run(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		for _, do := range []func(context.Context) error{r.Fold, r.ForgetNotes, r.ForgetShifts} {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				r.o.Log.Error("rota: in the background", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ShiftsKept is how long a shift that is over is known: for a year's rest and hours to be looked at, and no longer.
const ShiftsKept = 400 * 24 * time.Hour

// ForgetShifts deletes shifts that ended, and absences and swaps that were over, longer than ShiftsKept ago.
func (r *Rota) ForgetShifts(ctx context.Context) error {
	old := r.now().Add(-ShiftsKept)
	if _, err := r.db.Exec(ctx, `DELETE FROM rota_shift WHERE to_at < $1`, store.Millis(old)); err != nil {
		return err
	}
	_, err := r.db.Exec(ctx, `DELETE FROM rota_absence WHERE last_day < $1`, old.Format(time.DateOnly))
	return err
}

const selectShifts = `SELECT s.id, s.staff_id, s.day, s.from_min, s.to_min, s.from_at, s.to_at, s.post, s.state, s.seq, s.changed_at FROM rota_shift s`

func scanShift(row store.Row) (s Shift, err error) {
	return s, row.Scan(&s.ID, &s.StaffID, &s.Day, &s.From, &s.To, &s.FromAt, &s.ToAt, &s.Post, &s.State, &s.Seq, &s.ChangedAt)
}

func scanInt(row store.Row) (n int64, err error) { return n, row.Scan(&n) }

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
