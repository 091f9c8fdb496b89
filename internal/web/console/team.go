package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/team"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// What colleagues do for one another stands at the head of every desk: hands that are up, what a supervisor says to all, and after a
// hard contact the offer of a pause or of a talk. It is one piece, so that the stream draws all of it or none.

// handView is a raised hand as one desk shows it.
type handView struct {
	team.Hand
	who, since, by string
	mine           bool // she raised it
	taken          bool // by the supervisor who looks
	rings          bool
	read           string // the conversation it is about, "" where she may not read it
}

// wordView is a supervisor's word to all.
type wordView struct {
	team.Notice
	who, when, until, words string
	runs                    bool
	readers                 []string // those who said that they have read it
	audience                string
}

// topView is the head of a desk.
type topView struct {
	say      *i18n.Printer
	hands    []handView
	mine     *handView
	notices  []wordView
	debrief  bool
	exposure exposureView
}

func (c *Room) teamTop(ctx context.Context, say *i18n.Printer, p staff.Person) (piece, error) {
	v := topView{say: say}
	if !p.Can(staff.DeskUse) {
		return teamTop(v), nil
	}
	seat, err := c.Router.Presence(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	hands, err := c.Team.Hands(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range hands {
		switch {
		case h.StaffID == p.ID:
			mine := c.hand(ctx, say, h)
			mine.mine = true
			v.mine = &mine
		case p.Can(staff.FloorSteer) && (h.TakenBy != "" || h.Rung > team.RungFree || seat.Shown != routing.Pause && seat.Calls == 0):
			view, err := c.handFor(ctx, say, p, h)
			if err != nil {
				return nil, err
			}
			v.hands = append(v.hands, view)
		}
	}
	standing, err := c.Team.Standing(ctx, p.ID, func(audience string) bool { return c.hears(p, seat, audience) })
	if err != nil {
		return nil, err
	}
	for _, n := range standing {
		v.notices = append(v.notices, c.word(ctx, say, n))
	}
	v.debrief = seat.PauseProposed && v.mine == nil && !c.later.has(p.ID, laterDebrief, c.Now())
	if v.exposure, err = c.exposure(ctx, say, p); err != nil {
		return nil, err
	}
	if v.debrief { // one offer at a time: it is the same pause
		v.exposure.offer = ""
	}
	return teamTop(v), nil
}

func (c *Room) hand(ctx context.Context, say *i18n.Printer, h team.Hand) handView {
	v := handView{Hand: h, who: c.Alias(ctx, h.StaffID), since: say.Duration(c.Now().Sub(at(h.RaisedAt)))}
	if h.TakenBy != "" {
		v.by = c.Alias(ctx, h.TakenBy)
	}
	return v
}

// handFor is a colleague's hand as a supervisor sees it. Whose person she knows, she is not led to.
func (c *Room) handFor(ctx context.Context, say *i18n.Printer, p staff.Person, h team.Hand) (handView, error) {
	v := c.hand(ctx, say, h)
	v.taken = h.TakenBy == p.ID
	v.rings = h.TakenBy == ""
	if h.ContactID == "" {
		return v, nil
	}
	ct, open, err := c.openTo(ctx, p, h.ContactID)
	if open && ct.State != contact.Waiting && ct.State != contact.Offered {
		v.read = ct.ID
	}
	return v, err
}

// hears says whether a notice's audience has her in it. A supervisor reads what is said on her floor.
func (c *Room) hears(p staff.Person, seat routing.Seat, audience string) bool {
	switch code, queue := strings.CutPrefix(audience, "queue:"); {
	case p.Can(staff.FloorSteer), audience == team.ToAll:
		return true
	case audience == "channel:phone":
		return seat.Phone
	case audience == "channel:chat":
		return !seat.Phone
	case queue:
		q, ok := c.Catalogue().Queues.ByCode(code)
		return ok && !slices.ContainsFunc(q.Skills, func(skill string) bool { return !slices.Contains(p.Skills, skill) })
	}
	return true
}

// teamChanged draws again what the bus says has changed.
func (c *Room) teamChanged(_ string, payload []byte) {
	var e team.Changed
	if json.Unmarshal(payload, &e) != nil {
		return
	}
	c.desks.mu.Lock()
	open := make([]*desk, 0, len(c.desks.open))
	for d := range c.desks.open {
		open = append(open, d)
	}
	c.desks.mu.Unlock()
	for _, d := range open {
		go func() {
			d.telling.Lock()
			defer d.telling.Unlock()
			if e.What == "log" {
				d.failed(d.drawRoom())
			} else {
				d.failed(d.drawTeam())
			}
		}()
	}
}

func (d *desk) drawTeam() error {
	top, err := d.room.teamTop(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	return d.update(top)
}

// RaiseHand calls a supervisor, or says anew why: one press, no word.
func (c *Room) RaiseHand(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	about := form.Get("contact")
	if about != "" {
		if _, err := c.open(r, about); err != nil {
			return err
		}
	}
	reason := form.Get("reason")
	if reason == "" {
		reason = team.Advice
	}
	if _, err := c.Team.Raise(r.Context(), session.Staff(r).ID, about, reason); err != nil {
		return err
	}
	return c.retop(w, r)
}

// LowerHand takes down her own hand, or a colleague's when she supervises.
func (c *Room) LowerHand(w http.ResponseWriter, r *http.Request) error {
	if err := c.Team.Lower(r.Context(), r.PathValue("hand"), session.Staff(r).ID, supervises(r)); err != nil {
		return err
	}
	return c.retop(w, r)
}

// TakeHand is a supervisor's word that she comes. Who was faster is on the piece that answers.
func (c *Room) TakeHand(w http.ResponseWriter, r *http.Request) error {
	h, err := c.Team.Hand(r.Context(), r.PathValue("hand"))
	if err == nil && h.ContactID != "" { // whose person she knows, she does not come for
		_, open, known := c.openTo(r.Context(), session.Staff(r).Person, h.ContactID)
		if known != nil || !open {
			return faultOr(known, fault.New(fault.Forbidden, "fault.team.hand_known"))
		}
	}
	if err != nil {
		return err
	}
	if _, err := c.Team.Take(r.Context(), h.ID, session.Staff(r).ID); err != nil {
		return err
	}
	return c.retop(w, r)
}

func faultOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// ReadNotice is her word that she has read what a supervisor says.
func (c *Room) ReadNotice(w http.ResponseWriter, r *http.Request) error {
	if err := c.Team.Read(r.Context(), r.PathValue("notice"), session.Staff(r).ID); err != nil {
		return err
	}
	return c.retop(w, r)
}

// retop answers with the head of the desk as it is now.
func (c *Room) retop(w http.ResponseWriter, r *http.Request, more ...piece) error {
	top, err := c.teamTop(r.Context(), answer.Printer(r), session.Staff(r).Person)
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		if back := r.URL.Query().Get("back"); back == "team" {
			http.Redirect(w, r, "/desk/team", http.StatusSeeOther)
			return nil
		}
	}
	return c.pieces(w, r, "", append([]piece{top}, more...)...)
}

// noticeFor are how long a notice may stand, in minutes.
var noticeFor = []int{30, 60, 240, 720, 1440}

func (c *Room) word(ctx context.Context, say *i18n.Printer, n team.Notice) wordView {
	v := wordView{Notice: n, who: c.Alias(ctx, n.ByID), when: say.DateTime(at(n.SentAt)), until: say.DateTime(at(n.Until)), words: n.Words, runs: n.Runs(c.Now())}
	if say.Lang() != i18n.French && n.Other != "" {
		v.words = n.Other
	}
	switch code, queue := strings.CutPrefix(n.Audience, "queue:"); {
	case queue:
		v.audience = code
		if q, ok := c.Catalogue().Queues.ByCode(code); ok {
			v.audience = say.Text(q.Label.In(say.Lang()))
		}
	default:
		v.audience = say.T("team.to." + strings.ReplaceAll(n.Audience, ":", "_"))
	}
	return v
}

// later is what somebody asked not to be offered again for now. It is in the memory of one node and nowhere else: that she
// said "later" is nobody's to know.
type later struct {
	mu    sync.Mutex
	until map[string]time.Time
}

const (
	laterDebrief  = "debrief"
	laterExposure = "exposure"
	laterFor      = time.Hour
)

func (l *later) has(staffID, what string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until[staffID+what].After(now)
}

func (l *later) put(staffID, what string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	l.until[staffID+what] = until
}

// NotNow puts an offer away for an hour.
func (c *Room) NotNow(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	switch what := form.Get("what"); what {
	case laterDebrief, laterExposure:
		c.later.put(session.Staff(r).ID, what, c.Now().Add(laterFor))
	}
	return c.retop(w, r)
}
