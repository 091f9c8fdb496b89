package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/rota"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// myRotaView is one's own rota: when she works, what she may take, when she cannot, her calendar.
type myRotaView struct {
	say         *i18n.Printer
	fault, done string
	next        string
	shifts      []mineShift
	open, own   []swapView
	absences    []absenceView
	today       string
	colleagues  []ui.Option
	feedSince   string
	feed        string // the secret address, the one time that it is shown
	plans       bool
}

// mineShift is a shift of hers.
type mineShift struct {
	rotaShift
	day     string
	offered bool
	may     bool // it has not begun
}

// swapView is a swap in words.
type swapView struct {
	rota.Swap
	when, post, from, line string
	broken                 []string
	mayTake, mayWithdraw   bool
}

type absenceView struct{ id, line string }

// ahead is how far one's own rota is shown.
const rotaAhead = 8 * 7 * 24 * time.Hour

// MyRota is one's own rota.
func (c *Room) MyRota(w http.ResponseWriter, r *http.Request) error {
	return c.myRota(w, r, http.StatusOK, r.URL.Query().Get("done"), "", nil)
}

func (c *Room) myRota(w http.ResponseWriter, r *http.Request, code int, done, token string, refused error) error {
	ctx, say, m := r.Context(), answer.Printer(r), session.Staff(r)
	v := myRotaView{say: say, today: c.Rota.Today(), plans: m.Can(staff.RotaEdit)}
	if refused != nil {
		answer.Log(r, refused)
		v.fault = say.Fault(refused)
	}
	if key := "rota.done." + done; done != "" && say.Has(key) {
		v.done = say.T(key)
	}
	if token != "" {
		v.feed = c.Site.URL + "/calendar/" + token
	}
	people, called, err := c.roster(ctx)
	if err != nil {
		return err
	}
	for _, p := range people {
		if p.ID != m.ID && rota.May(p, rota.Both) {
			v.colleagues = append(v.colleagues, ui.Option{Value: p.ID, Label: p.Alias})
		}
	}
	all, err := c.swaps(ctx, say, m.Person, false, nil)
	if err != nil {
		return err
	}
	offered := map[string]bool{}
	for _, s := range all {
		if s.mayTake {
			v.open = append(v.open, s)
		} else {
			v.own = append(v.own, s)
		}
		if s.OfferedBy == m.ID && (s.State == rota.SwapOpen || s.State == rota.SwapTaken) {
			offered[s.Shift.ID] = true
		}
	}
	now := c.Now()
	shifts, err := c.Rota.Of(ctx, m.ID, now, now.Add(rotaAhead))
	if err != nil {
		return err
	}
	for i, s := range shifts {
		v.shifts = append(v.shifts, mineShift{rotaShift: c.rotaShift(say, s, ""), day: say.Date(c.Rota.Moment(s.Day, 12*60)), offered: offered[s.ID], may: at(s.FromAt).After(now)})
		if i == 0 {
			v.next = say.T("rota.next", "day", say.Day(at(s.FromAt), now), "from", say.Time(at(s.FromAt)), "to", say.Time(at(s.ToAt)))
		}
	}
	absences, err := c.Rota.Absences(ctx, v.today, rota.Shifted(v.today, 400))
	if err != nil {
		return err
	}
	for _, a := range absences {
		if a.StaffID == m.ID || v.plans {
			v.absences = append(v.absences, absenceView{a.ID, say.T("rota.absence", "who", called.of(a.StaffID), "first", say.Date(c.Rota.Moment(a.First, 12*60)), "last", say.Date(c.Rota.Moment(a.Last, 12*60)))})
		}
	}
	since, err := c.Rota.HasFeed(ctx, m.ID)
	if err != nil {
		return err
	}
	if since > 0 {
		v.feedSince = say.T("rota.feed_since", "when", say.DateTime(at(since)))
	}
	answer.Page(w, r, code, myRotaPage(v, c.shell(r, say, m, "rota.mine")))
	return nil
}

// swaps are those that concern somebody, in words.
func (c *Room) swaps(ctx context.Context, say *i18n.Printer, p staff.Person, plans bool, wanted func(swapView) bool) ([]swapView, error) {
	found, err := c.Rota.Swaps(ctx, p, plans)
	if err != nil {
		return nil, err
	}
	_, called, err := c.roster(ctx)
	if err != nil {
		return nil, err
	}
	var all []swapView
	for _, s := range found {
		v := swapView{Swap: s, post: say.T("rota.post." + string(s.Shift.Post)), from: called.of(s.OfferedBy)}
		v.when = say.T("rota.when", "day", say.Date(c.Rota.Moment(s.Shift.Day, 12*60)), "hours", clockOf(s.Shift.From)+"–"+clockOf(s.Shift.To))
		to := say.T("rota.to_all")
		if s.To != "" {
			to = called.of(s.To)
		}
		v.line = say.T("rota.swap."+string(s.State), "from", v.from, "to", to, "by", called.of(s.TakenBy))
		v.mayTake = s.State == rota.SwapOpen && s.OfferedBy != p.ID && (s.To == "" || s.To == p.ID) && rota.May(p, s.Shift.Post)
		v.mayWithdraw = s.OfferedBy == p.ID && (s.State == rota.SwapOpen || s.State == rota.SwapTaken)
		if wanted != nil && !wanted(v) {
			continue
		}
		if !plans && s.State == rota.SwapOpen && !v.mayTake && !v.mayWithdraw {
			continue
		}
		who := s.TakenBy
		if v.mayTake {
			who = p.ID
		}
		if who != "" && (s.State == rota.SwapOpen || s.State == rota.SwapTaken) {
			broken, err := c.Rota.Breaks(ctx, s.Shift, who)
			if err != nil {
				return nil, err
			}
			for _, b := range broken {
				v.broken = append(v.broken, c.broken(say, b, called))
			}
		}
		all = append(all, v)
	}
	return all, nil
}

// onMine does one act of somebody's own rota and shows it again.
func (c *Room) onMine(w http.ResponseWriter, r *http.Request, act func(ctx context.Context, form url.Values, by audit.Actor) (done string, err error)) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	done, err := act(r.Context(), form, me(r))
	switch fault.KindOf(err) {
	case "":
		http.Redirect(w, r, "/desk/rota/mine?done="+url.QueryEscape(done), http.StatusSeeOther)
		return nil
	case fault.Invalid, fault.Conflict, fault.Gone, fault.NotFound:
		return c.myRota(w, r, answer.Status(err), "", "", err)
	}
	return err
}

// OfferShift offers a shift of hers to one colleague or to all.
func (c *Room) OfferShift(w http.ResponseWriter, r *http.Request) error {
	return c.onMine(w, r, func(ctx context.Context, form url.Values, by audit.Actor) (string, error) {
		return "offered", c.Rota.Offer(ctx, form.Get("id"), r.PathValue("shift"), form.Get("to"), by)
	})
}

// TakeSwap takes a shift that is offered.
func (c *Room) TakeSwap(w http.ResponseWriter, r *http.Request) error {
	return c.onMine(w, r, func(ctx context.Context, _ url.Values, by audit.Actor) (string, error) {
		state, err := c.Rota.Take(ctx, r.PathValue("swap"), by)
		return string(state), err
	})
}

// WithdrawSwap takes an offer of hers back.
func (c *Room) WithdrawSwap(w http.ResponseWriter, r *http.Request) error {
	return c.onMine(w, r, func(ctx context.Context, _ url.Values, by audit.Actor) (string, error) {
		return "withdrawn", c.Rota.Withdraw(ctx, r.PathValue("swap"), by)
	})
}

// SetAbsence notes days on which she cannot; whoever plans may note a colleague's.
func (c *Room) SetAbsence(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	return c.onMine(w, r, func(ctx context.Context, form url.Values, by audit.Actor) (string, error) {
		a := rota.Absence{ID: form.Get("id"), StaffID: m.ID, First: form.Get("first"), Last: form.Get("last")}
		if who := form.Get("who"); who != "" && m.Can(staff.RotaEdit) {
			a.StaffID = who
		}
		return "absent", c.Rota.Absent(ctx, a, by)
	})
}

// EndAbsence takes an absence back.
func (c *Room) EndAbsence(w http.ResponseWriter, r *http.Request) error {
	m := session.Staff(r)
	return c.onMine(w, r, func(ctx context.Context, _ url.Values, by audit.Actor) (string, error) {
		return "present", c.Rota.NotAbsent(ctx, r.PathValue("absence"), m.Can(staff.RotaEdit), by)
	})
}

// SetFeed makes the secret address of her calendar, which is shown this once, or ends it.
func (c *Room) SetFeed(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if form.Get("act") == "end" {
		if err := c.Rota.EndFeed(r.Context(), me(r)); err != nil {
			return err
		}
		http.Redirect(w, r, "/desk/rota/mine?done=feed_ended", http.StatusSeeOther)
		return nil
	}
	token, err := c.Rota.NewFeed(r.Context(), me(r))
	if err != nil {
		return err
	}
	return c.myRota(w, r, http.StatusOK, "", token, nil)
}

// Calendar is somebody's shifts for the calendar of her telephone, behind an address of chance. Its words say nothing to whoever
// looks over her shoulder.
func (c *Room) Calendar(w http.ResponseWriter, r *http.Request) error {
	feed, err := c.Rota.Feed(r.Context(), r.PathValue("token"), answer.Printer(r).T("rota.neutral"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Robots-Tag", "noindex")
	_, err = strings.NewReader(feed).WriteTo(w)
	return err
}

// onNow is the rota's side of who is there: expected and missing, there and not planned.
type onNow struct {
	planned             bool
	missing, unexpected []string
	could               []string // not on and could come, for the appeal of a surge
}

// lateness is how long after its beginning a shift is given before its person is missed.
const lateness = 5 * time.Minute

// onNow compares the rota with who is at a desk.
func (c *Room) onNow(ctx context.Context, say *i18n.Printer, present map[string]bool) (onNow, error) {
	var v onNow
	now := c.Now()
	on, err := c.Rota.On(ctx, now)
	if err != nil {
		return v, err
	}
	if v.planned, err = c.Rota.Planned(ctx, now); err != nil || !v.planned {
		return v, err
	}
	people, called, err := c.roster(ctx)
	if err != nil {
		return v, err
	}
	expected := map[string]bool{}
	for _, s := range on {
		if expected[s.StaffID] = true; s.Post != rota.OnCall && !present[s.StaffID] && now.Sub(at(s.FromAt)) > lateness {
			v.missing = append(v.missing, say.T("rota.missing_one", "who", called.of(s.StaffID), "since", say.Time(at(s.FromAt))))
		}
	}
	today := c.Rota.Today()
	absences, err := c.Rota.Absences(ctx, today, today)
	if err != nil {
		return v, err
	}
	away := map[string]bool{}
	for _, a := range absences {
		away[a.StaffID] = true
	}
	for _, p := range people {
		switch {
		case present[p.ID] && !expected[p.ID]:
			v.unexpected = append(v.unexpected, p.Alias)
		case !present[p.ID] && !expected[p.ID] && !away[p.ID] && rota.May(p, rota.Both):
			v.could = append(v.could, p.Alias)
		}
	}
	return v, nil
}
