package datarequest

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/typed"
)

const (
	// askWithin is how soon she must be asked who she is for the time to stand still. The EDPB lets it stand still where the question is
	// put "without undue delay" (Guidelines 01/2022 on the right of access, section 5.3) and names no days: these are ours.
	askWithin = 7
	// soon is how many days before it is due a request reminds of itself.
	soon = 7
)

// today is the day of the house's calendar.
func (r *Requests) today() string {
	return r.now().In(r.o.Catalogue().Hours.Zone()).Format(time.DateOnly)
}

// dueOn is the last day of a time of so many months from the day of receipt, and of so many days for which it stood still (GDPR
// Art. 12(3)). Months end on the day of the same number, or on the last of a shorter month; a period that would end on a Saturday, a
// Sunday or a public holiday ends on the next working day (Regulation (EEC, Euratom) 1182/71, Art. 3(2)(c) and 3(4)).
func (r *Requests) dueOn(received string, months, waited int) (string, error) {
	from, err := time.Parse(time.DateOnly, received)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "fault.request.received")
	}
	end := time.Date(from.Year(), from.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := end.AddDate(0, 1, -1).Day()
	end = end.AddDate(0, 0, min(from.Day(), last)-1+waited)
	for !r.o.Catalogue().Hours.WorkingDay(end) {
		end = end.AddDate(0, 0, 1)
	}
	return end.Format(time.DateOnly), nil
}

// months is how many months a request has.
func (req Request) months() int {
	if req.ExtendedOn != "" {
		return 3
	}
	return 1
}

// Paused says that the time stands still: she is asked who she is, and was asked in time.
func (req Request) Paused() bool {
	return req.State == Identity && daysBetween(req.ReceivedOn, req.AskedOn) <= askWithin
}

// Overdue says that a request should have been answered before a day.
func (req Request) Overdue(today string) bool {
	return req.State.Open() && !req.Paused() && req.DueOn < today
}

// Overdue says which of the requests are late as of now.
func (r *Requests) Overdue(req Request) bool { return req.Overdue(r.today()) }

// daysBetween is how many days lie between two days of the calendar, 0 where one is none.
func daysBetween(from, to string) int {
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if errA != nil || errB != nil {
		return 0
	}
	return int(b.Sub(a) / (24 * time.Hour))
}

// proved has the time go on: the days that she was waited for are added to it, if she was asked in time.
func (r *Requests) proved(s *step) (err error) {
	if daysBetween(s.r.ReceivedOn, s.r.AskedOn) <= askWithin {
		s.r.Waited += daysBetween(s.r.AskedOn, r.today())
	}
	s.r.DueOn, err = r.dueOn(s.r.ReceivedOn, s.r.months(), s.r.Waited)
	return err
}

// Extend gives a request two further months (Art. 12(3)), once, for a reason that she is told within the first month: a letter that
// says so is begun, and the page asks for it until it is sent. It returns fault.Invalid "fault.request.why" without a reason,
// fault.Conflict "fault.request.extended" for a second time, "fault.request.late" when the first month is over,
// "fault.request.move" for a request that is over.
func (r *Requests) Extend(ctx context.Context, id string, rev int64, why string, by audit.Actor) error {
	why = typed.Text(why)
	if n := len([]rune(why)); n < 10 || n > maxField {
		return fault.New(fault.Invalid, "fault.request.why")
	}
	return r.act(ctx, id, rev, "", by, func(s *step) (err error) {
		switch {
		case !s.r.State.Open():
			return fault.New(fault.Conflict, "fault.request.move")
		case s.r.ExtendedOn != "":
			return fault.New(fault.Conflict, "fault.request.extended")
		case s.r.Overdue(r.today()):
			return fault.New(fault.Conflict, "fault.request.late")
		}
		s.kind, s.r.ExtendedOn, s.r.Content.Extension = "extend", r.today(), why
		if s.r.DueOn, err = r.dueOn(s.r.ReceivedOn, s.r.months(), s.r.Waited); err != nil {
			return err
		}
		return r.write(ctx, s, store.NewID(), "extension", s.r.Lang, "", by)
	})
}

// tendArgs are none: the job finds what is to be done.
type tendArgs struct{}

// tendEvery is how often it is looked what became due and which copies are over.
const tendEvery = time.Hour

// Tending promises that somebody looks, from now on, whichever node is alive.
func (r *Requests) Tending(ctx context.Context) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return r.tends.Enqueue(ctx, tx, tendArgs{}, jobs.Unique(jobs.Code("hourly")))
	})
}

func (r *Requests) tend(ctx context.Context, _ jobs.Job[tendArgs]) error {
	if err := r.Tend(ctx); err != nil {
		return err
	}
	return jobs.Again(r.now().Add(tendEvery))
}

// Tend reminds of what is due soon or overdue, once each, and destroys the copies whose time is over. Done twice it is done once.
func (r *Requests) Tend(ctx context.Context) error {
	today := r.today()
	ahead := r.now().In(r.o.Catalogue().Hours.Zone()).AddDate(0, 0, soon).Format(time.DateOnly)
	err := errors.Join(r.remind(ctx, "overdue", `due_on < $1 AND reminded <> 'overdue'`, today), r.remind(ctx, "due_soon", `due_on <= $1 AND reminded = ''`, ahead))
	return errors.Join(err, r.endCopies(ctx), r.sweep(ctx))
}

func (r *Requests) remind(ctx context.Context, what, due, day string) error {
	ids, err := store.All(ctx, r.db, scanText, `SELECT id FROM data_request WHERE state IN ('received', 'answering') AND `+due+` ORDER BY id LIMIT 500`, day)
	for _, id := range ids {
		err = errors.Join(err, r.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE data_request SET reminded = $2 WHERE id = $3 AND state IN ('received', 'answering') AND `+due, day, what, id)
			if err != nil || n == 0 {
				return err
			}
			return r.happened(ctx, tx, id, audit.Actor{Kind: audit.System, ID: "requests"}, what, "")
		}))
	}
	return err
}

// sweep destroys keys whose request or copy was then not written.
func (r *Requests) sweep(ctx context.Context) error {
	_, err := r.keys.SweepOrphans(ctx, KeyOfRequest, `SELECT id FROM data_request`)
	if err == nil {
		_, err = r.keys.SweepOrphans(ctx, KeyOfCopy, `SELECT id FROM data_request_copy`)
	}
	return err
}
