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

// Threat is a counsellor who is threatened: the conversation ends, the supervisors are rung, an incident is
// opened; with hours the person is blocked too, and her address where that is asked.
func (c *Room) Threat(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	hours := number(form.Get("hours"))
	if hours < 0 || hours > int64(blockHours[len(blockHours)-1]) {
		return fault.New(fault.Invalid, "fault.routing.block_end", "hours", blockHours[len(blockHours)-1])
	}
	ct, blocked, err := c.Router.Threat(r.Context(), session.Staff(r).ID, r.PathValue("id"), supervises(r), time.Duration(hours)*time.Hour, form.Get("network") != "")
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	said := say.T("desk.threat_said")
	switch {
	case len(blocked) > 1:
		said += " " + say.T("desk.blocked_network", "time", say.DateTime(at(blocked[0].Until)))
	case len(blocked) == 1 && ct.Channel == contact.ChannelPhone:
		said += " " + say.T("desk.blocked_number", "time", say.DateTime(at(blocked[0].Until)))
	case len(blocked) == 1:
		said += " " + say.T("desk.blocked", "time", say.DateTime(at(blocked[0].Until)))
	case hours > 0 && ct.Channel == contact.ChannelPhone && !ct.Danger:
		said += " " + say.T("fault.routing.number_gone")
	case hours > 0:
		said += " " + say.T("fault.routing.block_danger")
	}
	pieces, err := c.head(r.Context(), say, ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, append(pieces, saidPiece(ct.ID, said))...)
}

// incidentView is an incident that no supervisor has closed yet.
type incidentView struct {
	routing.Incident
	title, line string
}

// incidents reads the open ones, without those whose person the supervisor knows.
func (c *Room) incidents(ctx context.Context, say *i18n.Printer, p staff.Person) ([]incidentView, error) {
	all, err := c.Router.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	var views []incidentView
	for _, i := range all {
		ct, open, err := c.openTo(ctx, p, i.ContactID)
		if err != nil {
			return nil, err
		}
		if !open {
			continue
		}
		views = append(views, incidentView{i, say.T("floor.incident." + i.Kind), c.incidentLine(ctx, say, i) + " · " + c.title(say, ct)})
	}
	return views, nil
}

// incidentLine says who opened an incident, and when.
func (c *Room) incidentLine(ctx context.Context, say *i18n.Printer, i routing.Incident) string {
	return say.T("floor.incident_by", "who", c.Alias(ctx, i.OpenedBy), "time", say.DateTime(at(i.OpenedAt)))
}

// pastIncidents are those of one contact, with what a supervisor wrote.
func (c *Room) pastIncidents(ctx context.Context, say *i18n.Printer, contactID string) ([]told, error) {
	all, err := c.Router.IncidentsOf(ctx, contactID)
	if err != nil {
		return nil, err
	}
	var views []told
	for _, i := range all {
		views = append(views, told{say.T("floor.incident." + i.Kind), c.incidentLine(ctx, say, i)})
		if i.ClosedAt > 0 {
			views = append(views, told{say.T("floor.incident_closed", "who", c.Alias(ctx, i.ClosedBy), "time", say.DateTime(at(i.ClosedAt))), i.Note})
		}
	}
	return views, nil
}

// CloseIncident is a supervisor's end of an incident, with her note.
func (c *Room) CloseIncident(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Router.CloseIncident(r.Context(), session.Staff(r).ID, r.PathValue("incident"), form.Get("note")); err != nil {
		return err
	}
	return c.refloor(w, r)
}
