package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// The floor is the supervisors' page: what waits for their decision, who waits and who is there, what is
// blocked, and the two switches of a hard evening. It is kept true by the same stream as the desk.

// floorView is the floor as it stands.
type floorView struct {
	say        *i18n.Printer
	me         string // the supervisor who looks
	decide     []inDanger
	talking    []inDanger
	underWay   []boardRow
	holds      []holdView
	incidents  []incidentView
	forget     []forgetting
	erasures   []erasure
	promises   []promiseView
	line       []boardRow
	seats      []seatRow
	counts     boardCounts
	filter     filter
	topics     []ui.Option // to filter by
	colleagues []ui.Option
	blocks     []blockView
	surge      routing.Surge
	appeal     routing.Appeal
	surges     []routing.Surged
	due        routing.SurgeDue
	isDue      bool // a surge is proposed
	phone      bool
	appeals    bool // there is a program that appeals to whoever is off duty
	proof      routing.Proof
	closure    closureView
	onCall     routing.OnCall
	partners   bool     // lines send us callers, and ask what became of them
	trouble    []string // what is wrong with the phone, in sentences
	onNow      onNow
	now        time.Time
	alias      func(staffID string) string
}

// inDanger is a contact in danger: its person left or went quiet, and no clock closes it; or somebody is
// talking with her.
type inDanger struct {
	contact.Contact
	title, topic, line string
	reasons            []ui.Reason
}

type blockView struct {
	routing.Block
	runs bool
}

// Floor is the page.
func (c *Room) Floor(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	v, err := c.floor(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	if err := c.board(r.Context(), &v, m.Person, filterOf(r.URL.Query())); err != nil {
		return err
	}
	v.topics = c.filterTopics(say, v.filter.topic)
	d := c.shell(r, say, m, "floor.title")
	d.Live = "/desk/events?floor=1"
	if d.Alarms, err = c.alarms(r.Context(), say, m.Person); err != nil {
		return err
	}
	if d.Team, err = c.teamTop(r.Context(), say, m.Person); err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, floorPage(d, v))
	return nil
}

// floor reads all of the floor but its long lists (board.go).
func (c *Room) floor(ctx context.Context, say *i18n.Printer, p staff.Person) (floorView, error) {
	v := floorView{say: say, me: p.ID, surge: c.Router.Surge(), proof: c.Router.Proof(), now: c.Now(), alias: func(id string) string { return c.Alias(ctx, id) }}
	var err error
	if v.decide, err = c.inDanger(ctx, say, p, contact.Left, contact.Parked); err != nil {
		return v, err
	}
	if v.talking, err = c.inDanger(ctx, say, p, contact.Talking); err != nil {
		return v, err
	}
	if v.holds, err = c.holds(ctx, say, p); err != nil {
		return v, err
	}
	if v.incidents, err = c.incidents(ctx, say, p); err != nil {
		return v, err
	}
	if v.onCall, err = c.Router.LastCall(ctx); err != nil {
		return v, err
	}
	v.phone = c.Phone.On()
	v.appeal, v.appeals = c.Router.Appeal()
	if v.surges, err = c.Router.Surges(ctx, 20); err != nil {
		return v, err
	}
	if v.due, v.isDue, err = c.Router.SurgeDue(ctx); err != nil {
		return v, err
	}
	if v.forget, err = c.forgettings(ctx, say, p); err != nil {
		return v, err
	}
	if v.erasures, err = c.erasures(ctx, say, p); err != nil {
		return v, err
	}
	v.closure = c.closure(say, v.now)
	if v.trouble, err = c.phoneTrouble(ctx, say); err != nil {
		return v, err
	}
	v.partners = p.Can(staff.FloorSteer) && len(c.Catalogue().Phone.Partners) > 0
	if v.promises, err = c.promises(ctx, say, p); err != nil {
		return v, err
	}
	if !c.Today().Open {
		n, err := c.Router.LiveWaiting(ctx)
		if err != nil {
			return v, err
		}
		if n > 0 {
			v.trouble = append(v.trouble, say.T("floor.after_closing", "n", n))
		}
	}
	present := map[string]bool{}
	for _, s := range c.crew.seats(ctx, c.Router) {
		present[s.StaffID] = s.Live && s.Shown != routing.Away
		if present[s.StaffID] && s.StaffID != p.ID {
			v.colleagues = append(v.colleagues, ui.Option{Value: s.StaffID, Label: s.Person.Alias + " (" + say.T("presence."+string(s.Shown)) + ")"})
		}
	}
	if v.onNow, err = c.onNow(ctx, say, present); err != nil {
		return v, err
	}
	blocks, err := c.Router.Blocks(ctx)
	for _, b := range blocks {
		v.blocks = append(v.blocks, blockView{b, b.LiftedAt == 0 && at(b.Until).After(v.now)})
	}
	return v, err
}

// inDanger reads the contacts in danger that are in these states, without those whose person the supervisor
// knows.
func (c *Room) inDanger(ctx context.Context, say *i18n.Printer, p staff.Person, states ...contact.State) ([]inDanger, error) {
	found, err := c.Contacts.InDanger(ctx, states...)
	if err != nil {
		return nil, err
	}
	var all []inDanger
	for _, ct := range found {
		if closed, err := c.Router.Recused(ctx, p.ID, ct); err != nil {
			return nil, err
		} else if closed {
			continue
		}
		reasons, err := c.reasons(ctx, say, ct)
		if err != nil {
			return nil, err
		}
		line := say.T("desk.state."+string(ct.State)) + " · " + say.T("floor.since", "time", say.Duration(c.Now().Sub(at(ct.StateSince))))
		who := ct.CounsellorID
		if who == "" {
			who = ct.StickyID
		}
		if who != "" {
			line += " · " + c.Alias(ctx, who)
		}
		all = append(all, inDanger{ct, c.title(say, ct), c.topic(say, ct), line, reasons})
	}
	return all, nil
}

// pieces is all of the page that changes by itself, but its long lists.
func (v floorView) pieces() []piece {
	return []piece{floorTrouble(v), floorSurge(v), floorOnCall(v), floorClosed(v), floorDecide(v), floorTalking(v), floorIncidents(v), floorHolds(v), floorForget(v), floorPromises(v), floorRota(v.say, v.onNow)}
}

// refloor answers an act of the floor with the floor as it is now; its long lists follow down the stream.
func (c *Room) refloor(w http.ResponseWriter, r *http.Request, more ...piece) error {
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/floor", http.StatusSeeOther)
		return nil
	}
	v, err := c.floor(r.Context(), answer.Printer(r), session.Staff(r).Person)
	if err != nil {
		return err
	}
	answer.Fragment(w, r, together(append(append(v.pieces(), floorSwitches(v), floorBlocks(v)), more...)...))
	return nil
}

// Assign has a waiting contact ring at a named counsellor's desk.
func (c *Room) Assign(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.reachable(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Router.Assign(r.Context(), session.Staff(r).ID, r.PathValue("id"), form.Get("to")); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// Give puts a contact into somebody's hands, the supervisor's own too.
func (c *Room) Give(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Router.Give(r.Context(), session.Staff(r).ID, r.PathValue("id"), form.Get("to")); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// Settle is a supervisor's decision that a contact is no longer in danger: the clocks count for it again.
func (c *Room) Settle(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := c.Contacts.SetDanger(r.Context(), id, false, me(r), supervises(r)); err != nil {
		return err
	}
	if err := c.Router.Seen(r.Context(), me(r).ID, id); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// SetAway sets a counsellor away who has left her desk open.
func (c *Room) SetAway(w http.ResponseWriter, r *http.Request) error {
	if err := c.Router.SetAway(r.Context(), session.Staff(r).ID, r.PathValue("person")); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// Lift ends a block before its time.
func (c *Room) Lift(w http.ResponseWriter, r *http.Request) error {
	if err := c.Router.Lift(r.Context(), session.Staff(r).ID, r.PathValue("block")); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// SetSurge turns the higher ceiling on, by so many chats, or off.
func (c *Room) SetSurge(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	extra := int(number(form.Get("extra")))
	if err := c.Router.SetSurge(r.Context(), session.Staff(r).ID, routing.Surge{On: extra > 0, Extra: extra}); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// SetProof switches the silent proof of work of the chat's door.
func (c *Room) SetProof(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Router.SetProof(r.Context(), session.Staff(r).ID, routing.Proof{Mode: flood.Mode(form.Get("mode"))}); err != nil {
		return err
	}
	return c.refloor(w, r)
}

// holdView is a network address that the danger protocol holds.
type holdView struct {
	contact.Hold
	title   string
	network string // the address, the one time that it is read
	me      string
	seconds int // until the one who asked may read alone
	// reasons are why, and open that she may read the conversation: what a second person says yes to.
	reasons []ui.Reason
	open    bool
}

// openTo reads the contact of something that the floor lists: not open when it was erased since, or when she knows
// its person.
func (c *Room) openTo(ctx context.Context, p staff.Person, contactID string) (ct contact.Contact, open bool, err error) {
	ct, err = c.Contacts.Get(ctx, contactID)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return ct, false, nil
	}
	if err != nil {
		return ct, false, err
	}
	known, err := c.Router.Recused(ctx, p.ID, ct)
	return ct, !known, err
}

func (c *Room) holdOf(say *i18n.Printer, h contact.Hold, ct contact.Contact, me string) holdView {
	v := holdView{Hold: h, title: c.title(say, ct), me: me}
	if left := contact.SecondWait - c.Now().Sub(at(h.HeldAt)); left > 0 {
		v.seconds = int(left/time.Second) + 1
	}
	return v
}

func (c *Room) holds(ctx context.Context, say *i18n.Printer, p staff.Person) ([]holdView, error) {
	all, err := c.Contacts.NetworkHolds(ctx)
	if err != nil {
		return nil, err
	}
	var views []holdView
	for _, h := range all {
		ct, open, err := c.openTo(ctx, p, h.ContactID)
		if err != nil {
			return nil, err
		}
		if !open {
			continue
		}
		v := c.holdOf(say, h, ct, p.ID)
		v.open = true
		if v.reasons, err = c.reasons(ctx, say, ct); err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}

// hold is what the panel of a conversation shows of its address; nil while nobody holds it.
func (c *Room) hold(ctx context.Context, say *i18n.Printer, ct contact.Contact, me string) (*holdView, error) {
	h, err := c.Contacts.NetworkHold(ctx, ct.ID)
	if fault.Is(err, fault.Gone) || err == nil && h.HeldAt == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := c.holdOf(say, h, ct, me)
	return &v, nil
}

// ConfirmHold is the second person's yes.
func (c *Room) ConfirmHold(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	return c.onHold(w, r, c.Contacts.ConfirmNetwork(r.Context(), r.PathValue("id"), me(r)))
}

// ReviewHold is the second person's look afterwards.
func (c *Room) ReviewHold(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	return c.onHold(w, r, c.Contacts.ReviewNetwork(r.Context(), r.PathValue("id"), me(r)))
}

// ReleaseHold ends the hold: the address dies with the contact's close.
func (c *Room) ReleaseHold(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	return c.onHold(w, r, c.Contacts.ReleaseNetwork(r.Context(), r.PathValue("id"), me(r)))
}

// onHold redraws a hold where it stands, on the floor or beside its conversation.
func (c *Room) onHold(w http.ResponseWriter, r *http.Request, err error) error {
	if err != nil {
		return err
	}
	return c.drawHold(w, r, "")
}

// ReadHold shows the address to the one who reads it to the emergency services, this once: it is on no
// page that is drawn again.
func (c *Room) ReadHold(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	n, err := c.Contacts.ReadNetwork(r.Context(), r.PathValue("id"), me(r))
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	if n.Number != "" {
		return c.drawHold(w, r, say.T("floor.hold_number", "number", n.Number, "time", say.DateTime(at(n.At))))
	}
	port := say.T("floor.hold_no_port")
	if n.Address.Port() != 0 {
		port = say.T("floor.hold_port", "port", strconv.Itoa(int(n.Address.Port())))
	}
	return c.drawHold(w, r, say.T("floor.hold_address", "address", n.Address.Addr(), "port", port, "time", say.DateTime(at(n.At))))
}

func (c *Room) drawHold(w http.ResponseWriter, r *http.Request, network string) error {
	say, id := answer.Printer(r), r.PathValue("id")
	ct, err := c.Contacts.Get(r.Context(), id)
	if err != nil {
		return err
	}
	m := session.Staff(r)
	second := m.Can(staff.ContactReveal)
	v, err := c.hold(r.Context(), say, ct, m.ID)
	if err != nil {
		return err
	}
	if v != nil {
		v.network = network
		known, err := c.Router.Recused(r.Context(), m.ID, ct)
		if err != nil {
			return err
		}
		if v.open = second && !known; v.open {
			if v.reasons, err = c.reasons(r.Context(), say, ct); err != nil {
				return err
			}
		}
	}
	switch {
	case answer.Scripted(r):
		answer.Fragment(w, r, holdPiece(say, id, v, second))
	case network != "":
		answer.Page(w, r, http.StatusOK, holdPage(say, c.shell(r, say, m, "floor.holds"), id, v, second))
	default:
		http.Redirect(w, r, "/desk/floor", http.StatusSeeOther)
	}
	return nil
}
