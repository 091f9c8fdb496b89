package console

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/exposure"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// exposureView is what is offered to her for what she has borne today.
type exposureView struct {
	offer string // "much" or "": a pause, or an hour without images
	eased string // until when she is spared images, as a time of day
}

func (c *Room) exposure(ctx context.Context, say *i18n.Printer, p staff.Person) (exposureView, error) {
	v := exposureView{}
	until, err := c.Router.EasedUntil(ctx, p.ID)
	if err != nil {
		return v, err
	}
	if until > 0 {
		v.eased = say.Time(at(until))
	}
	step, err := c.Exposure.StepOfToday(ctx, p.ID)
	if step == exposure.Much && until == 0 && !c.later.has(p.ID, laterExposure, c.Now()) {
		v.offer = string(step)
	}
	return v, err
}

// mineView is her own page.
type mineView struct {
	say   *i18n.Printer
	days  []mineDay
	today exposure.Day
	step  exposure.Step
	all   time.Duration
	limit time.Duration
	most  time.Duration // the fullest day, for the height of the bars
	eased string
	hands bool
}

// mineDay is one of her days, with the height of its bars.
type mineDay struct {
	exposure.Day
	x                 int
	heard, read, seen bar
	label, name       string
}

type bar struct{ y, height int }

// The drawing of thirty days, in units of its own.
const (
	barWidth, barGap = 14, 6
	barsHigh         = 120
)

// Mine is her own page of what she has heard, read and seen. Nobody else has one of hers.
func (c *Room) Mine(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	days, err := c.Exposure.Mine(r.Context(), m.ID)
	if err != nil {
		return err
	}
	lines := c.Catalogue().Lines
	v := mineView{say: say, today: days[len(days)-1], limit: lines.HardDay(), most: lines.HardDay()}
	v.step = exposure.StepOf(v.today, lines)
	for _, d := range days {
		v.most = max(v.most, d.All())
		v.all += d.All()
	}
	for i, d := range days {
		day := mineDay{Day: d, x: i * (barWidth + barGap)}
		if date, err := time.ParseInLocation(time.DateOnly, d.Day, i18n.Paris); err == nil {
			day.name = say.Date(date)
			day.label = date.Format("02/01")
		}
		from := barsHigh
		for _, part := range []struct {
			bar  *bar
			took time.Duration
		}{{&day.heard, d.Heard}, {&day.read, d.Read}, {&day.seen, d.Seen}} {
			part.bar.height = int(barsHigh * part.took / v.most)
			from -= part.bar.height
			part.bar.y = from
		}
		v.days = append(v.days, day)
	}
	until, err := c.Router.EasedUntil(r.Context(), m.ID)
	if err != nil {
		return err
	}
	if until > 0 {
		v.eased = say.Time(at(until))
	}
	d := c.shell(r, say, m, "exposure.title")
	answer.Page(w, r, http.StatusOK, minePage(d, v))
	return nil
}

// Ease spares her contacts with images for an hour, or no longer does.
func (c *Room) Ease(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Router.Ease(r.Context(), session.Staff(r).ID, form.Get("on") == "1"); err != nil {
		return err
	}
	if form.Get("back") == "mine" {
		http.Redirect(w, r, "/desk/mine", http.StatusSeeOther)
		return nil
	}
	return c.retop(w, r)
}
