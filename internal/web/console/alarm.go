package console

import (
	"context"
	"net/http"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// alarmsShown is how many of the alarms stand on a page; of the others it tells the number.
const alarmsShown = 3

// alarmView is what rings at every supervisor's until one of them has seen it.
type alarmView struct {
	routing.Alarm
	when, words string
	read        string // the contact to read, "" for one that waits, or whose person she knows
}

// alarms are what rings, as the whole list; nil for whoever is no supervisor.
func (c *Room) alarms(ctx context.Context, say *i18n.Printer, p staff.Person) (piece, error) {
	if !p.Can(staff.FloorSteer) {
		return nil, nil
	}
	all, err := c.Router.Alarms(ctx)
	if err != nil {
		return nil, err
	}
	var views []alarmView
	for _, a := range all[:min(len(all), alarmsShown)] {
		v, err := c.alarm(ctx, say, p, a)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) { // erased since
			continue
		}
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return alarmsPiece(say, views, len(all)-len(views)), nil
}

func (c *Room) alarm(ctx context.Context, say *i18n.Printer, p staff.Person, a routing.Alarm) (alarmView, error) {
	v := alarmView{Alarm: a, when: say.Time(at(a.RungAt))}
	if c.Now().Sub(at(a.RungAt)) > 12*time.Hour {
		v.when = say.DateTime(at(a.RungAt))
	}
	ct, err := c.Contacts.Get(ctx, a.ContactID)
	if err != nil {
		return v, err
	}
	waits := ct.State == contact.Waiting || ct.State == contact.Offered
	switch {
	case a.Cause == routing.CauseThreat:
		v.words = say.T("desk.alarm.threat", "who", c.Alias(ctx, ct.StickyID))
	case ct.State == contact.Talking:
		v.words = say.T("desk.alarm."+a.Cause+"_talking", "who", c.Alias(ctx, ct.CounsellorID))
	case !waits:
		v.words = say.T("desk.alarm." + a.Cause + "_over")
	case ct.IsLetter():
		v.words = say.T("desk.alarm." + a.Cause + "_letter")
	default:
		v.words = say.T("desk.alarm." + a.Cause)
	}
	if !waits {
		known, err := c.Router.Recused(ctx, p.ID, ct)
		if err != nil {
			return v, err
		}
		if !known {
			v.read = ct.ID
		}
	}
	return v, nil
}

// SeeAlarm is a supervisor's word that she has seen an alarm: it stops ringing, for all of them.
func (c *Room) SeeAlarm(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	if err := c.Router.Seen(r.Context(), m.ID, r.PathValue("alarm")); err != nil {
		return err
	}
	left, err := c.alarms(r.Context(), answer.Printer(r), m.Person)
	if err != nil {
		return err
	}
	return c.pieces(w, r, "", left)
}

// drawAlarms draws what rings at a supervisor's.
func (d *desk) drawAlarms() error {
	left, err := d.room.alarms(d.ctx, d.say, d.person)
	if err != nil || left == nil {
		return err
	}
	return d.update(left)
}
