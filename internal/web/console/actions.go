package console

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// actionSet is all that can be done with a conversation in its present state.
type actionSet struct {
	id                                          string
	list                                        []action
	proofs, colleagues, closings, blocks, hours []ui.Option
	services                                    []ui.Option // whom to call back who says that she is an official
	network                                     bool        // its address is known, and can be blocked too
	phone                                       bool        // what is blocked is a number
	threat                                      bool        // its conversation can be ended as a threat
}

// proofKinds are what a counsellor may ask a proof of; there is no such thing as "a picture of you".
// All are pictures: nothing else can be looked at covered first (chat.Sniff).
var proofKinds = []string{"screenshot_messages", "screenshot_profile", "screenshot_post"}

// blockHours are the lengths of a block, the shortest first.
var blockHours = []int{1, 4, 24}

func (c *Room) actions(ctx context.Context, say *i18n.Printer, ct contact.Contact) actionSet {
	set := actionSet{id: ct.ID}
	act := "/desk/contacts/" + ct.ID
	mark := func(label, icon, path string, on bool) action {
		value, word := "1", label
		if on {
			value, word = "0", label+"_off"
		}
		return action{label: say.T(word), icon: icon, path: act + path, name: "on", value: value, kind: ui.Quiet}
	}
	if c.mayEnd(ctx, ct) {
		set.threat = true
		set.list = append(set.list, action{label: say.T("desk.end"), icon: "x", path: act + "/end", kind: ui.Quiet, first: ct.Channel != contact.ChannelPhone}) // a call is ended by hanging up
	}
	set.list = append(set.list, mark("desk.danger", "triangle-alert", "/danger", ct.Danger), mark("desk.grave", "hand", "/grave", ct.Grave))
	if ct.State == contact.Talking || ct.State == contact.Parked || ct.State == contact.WrapUp {
		set.services = c.services(say)
	}
	if ct.State == contact.Talking {
		for _, kind := range proofKinds {
			set.proofs = append(set.proofs, ui.Option{Value: kind, Label: say.T("desk.proof." + kind)})
		}
		set.list = append(set.list, action{label: say.T("ring.known"), icon: "user-round-x", path: act + "/known", kind: ui.Quiet})
		set.colleagues = c.colleagues(ctx, say, ct.CounsellorID)
	}
	if ct.Danger && ct.State.Open() {
		set.list = append(set.list, action{label: say.T("desk.hold"), icon: "lock", path: act + "/hold", kind: ui.Quiet})
	}
	set.list = append(set.list, action{label: say.T("desk.forget"), icon: "x", path: act + "/forget", kind: ui.Quiet})
	if !ct.Danger {
		for _, category := range c.Catalogue().Taxonomy.Closings() {
			set.closings = append(set.closings, ui.Option{Value: category.Code, Label: say.Text(category.Label.In(say.Lang()))})
		}
		for _, reason := range routing.BlockReasons {
			set.blocks = append(set.blocks, ui.Option{Value: reason, Label: say.T("desk.block." + reason)})
		}
		set.network = ct.State.Open() && ct.Channel != contact.ChannelPhone // of a caller the number is blocked anyway
		set.phone = ct.Channel == contact.ChannelPhone
		for _, h := range blockHours {
			set.hours = append(set.hours, ui.Option{Value: strconv.Itoa(h), Label: say.T("desk.hours", "n", h)})
		}
	}
	return set
}

// blockLabel says what a block is of: a person, or the number that she calls from.
func (set actionSet) blockLabel(say *i18n.Printer) string {
	if set.phone {
		return say.T("desk.block_number")
	}
	return say.T("desk.block")
}

// mayEnd says whether the counsellor who has a contact may end its conversation: whoever was in danger and
// left or went quiet is a supervisor's to decide.
func (c *Room) mayEnd(ctx context.Context, ct contact.Contact) bool {
	rule, ok := contact.Moves(ct.State, contact.StaffEnds)
	if !ok || !ct.Danger || rule.DangerBy == 0 {
		return ok
	}
	p, err := c.Staff.Colleague(ctx, ct.CounsellorID)
	return err == nil && p.Can(staff.FloorSteer)
}

// colleagues are those at their desks who could take a conversation over.
func (c *Room) colleagues(ctx context.Context, say *i18n.Printer, but string) []ui.Option {
	var all []ui.Option
	for _, seat := range c.crew.seats(ctx, c.Router) {
		if seat.Live && seat.StaffID != but && seat.Shown != routing.Away && seat.Shown != routing.Pause {
			all = append(all, ui.Option{Value: seat.StaffID, Label: seat.Person.Alias + " (" + say.T("presence."+string(seat.Shown)) + ")"})
		}
	}
	return all
}

// crew is who is at work, as it was a moment ago: whom a conversation may be given to is asked with every
// redrawing of its head, and asked again when it is given.
type crew struct {
	mu   sync.Mutex
	at   time.Time
	last []routing.Seat
}

const crewFresh = time.Second

// changed has it read again when it is next asked for.
func (c *crew) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
}

func (c *crew) seats(ctx context.Context, router *routing.Router) []routing.Seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := time.Since(c.at); age < 0 || age > crewFresh {
		seats, err := router.Floor(ctx)
		if err != nil {
			slog.Warn("the floor could not be read", "error", err)
			return nil
		}
		c.at, c.last = time.Now(), seats
	}
	return c.last
}

// Hold keeps the sealed network address for the emergency services, under the danger protocol.
func (c *Room) Hold(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if err := c.Contacts.HoldNetwork(r.Context(), ct.ID, me(r), "danger"); err != nil {
		return err
	}
	c.Router.CallSecond(ct.ID)
	say := answer.Printer(r)
	hold, err := c.hold(r.Context(), say, ct, session.Staff(r).ID)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, holdPiece(say, ct.ID, hold, session.Staff(r).Can(staff.ContactReveal)))
}

// Block keeps the person of a contact out for a while, and if she asks for it the address it comes from too.
func (c *Room) Block(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(form.Get("hours"))
	if err != nil {
		return fault.New(fault.Invalid, "fault.routing.block_end", "hours", 24)
	}
	kinds, said := []string{routing.BlockPerson}, "desk.blocked"
	if ct.Channel == contact.ChannelPhone {
		kinds, said = []string{routing.BlockNetwork}, "desk.blocked_number"
	} else if form.Get("network") != "" { // first: it is refused where the other is not
		kinds, said = []string{routing.BlockNetwork, routing.BlockPerson}, "desk.blocked_network"
	}
	var until int64
	for _, kind := range kinds {
		block, err := c.Router.Block(r.Context(), session.Staff(r).ID, ct.ID, kind, form.Get("reason"), time.Duration(hours)*time.Hour)
		if err != nil {
			return err
		}
		until = block.Until
	}
	say := answer.Printer(r)
	return c.pieces(w, r, ct.ID, saidPiece(ct.ID, say.T(said, "time", say.DateTime(at(until)))))
}
