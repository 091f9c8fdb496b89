package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/listening"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/visit"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/talk"
	"vigie/internal/web/ui"
)

// Double écoute: a supervisor listens to a call or reads a conversation along, on a page of its own. The sound of a call
// comes by the softphone's bar, which goes with her to every page of the desk.

// listenView is the page of one contact, for who listens or may begin to.
type listenView struct {
	say     *i18n.Printer
	me      string
	contact contact.Contact
	title   string
	line    string
	call    bool
	who     string // the counsellor, by her alias
	grave   bool
	// own is her listening, nil for none; ended says why the last one ended, "" for nothing to say.
	own   *listening.Listening
	ended string
	host  string // beside whom she is asked to listen, or listens
	// others are who listen too, in sentences.
	others  []string
	invite  []ui.Option
	refused bool
	told    bool // a period runs
	visited bool // the person has agreed that a guest looks on
	mine    bool // it is hers: she took it over
	back    string
	backTo  string
	reader  talk.Reader
	log     piece
	notes   []listening.Note
	now     time.Time
	alias   func(staffID string) string
	may     bool   // she may begin to listen
	tutor   bool   // and only because she is the tutor of whoever has it
	wish    string // how she wants to begin, where she came from a line of the floor: a mode, or wishTake
}

// wishTake is that she wants to take the contact over, once she has said what for.
const wishTake = "take"

const (
	listenLog  = "listen-log"
	whisperLog = "whisper-log"
)

// listens says that she hears or reads now.
func (v listenView) listens() bool { return v.own != nil && v.own.Mode != listening.Invited }

// listenable says that there is something to listen to.
func (v listenView) listenable() bool {
	return (v.contact.State == contact.Talking || v.contact.State == contact.Parked) && v.contact.CounsellorID != ""
}

// warns says that her time is nearly over.
func (v listenView) warns() bool {
	return v.own != nil && v.own.BesideID == "" && at(v.own.Until).Sub(v.now) < listening.WarnBefore
}

// wishOf is how she wants to begin.
func wishOf(r *http.Request) string {
	wish := r.URL.Query().Get("mode")
	if !slices.Contains([]string{string(listening.Whisperer), string(listening.Joined), wishTake}, wish) {
		return ""
	}
	return wish
}

// ListenPage is the page.
func (c *Room) ListenPage(w http.ResponseWriter, r *http.Request) error {
	v, err := c.listenView(r)
	if err != nil {
		return err
	}
	v.wish = wishOf(r)
	if v.listens() {
		if _, err := c.Contacts.Look(r.Context(), v.contact.ID, me(r), "listening."+string(v.own.Purpose)); err != nil {
			return err
		}
	}
	d := c.shell(r, v.say, session.Staff(r), "listen.title")
	d.Live = "/desk/events?listen=" + v.contact.ID
	if v.wish != "" {
		d.Live += "&mode=" + v.wish
	}
	answer.Page(w, r, http.StatusOK, listenPage(d, v))
	return nil
}

// listenView reads the page for whoever asks: a supervisor, or a colleague who was invited.
func (c *Room) listenView(r *http.Request) (listenView, error) {
	ct, err := c.Contacts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return listenView{}, err
	}
	return c.listenTo(r.Context(), answer.Printer(r), session.Staff(r).Person, ct)
}

// listenTo reads it. Nothing of a contact is read for whoever knows its person, and no word of it for whoever does not listen.
func (c *Room) listenTo(ctx context.Context, say *i18n.Printer, p staff.Person, ct contact.Contact) (listenView, error) {
	v := listenView{say: say, me: p.ID, contact: ct, now: c.Now(), alias: func(id string) string { return c.Alias(ctx, id) }, may: p.Can(staff.ContactListen)}
	if recused, err := c.Router.Recused(ctx, p.ID, ct); err != nil {
		return v, err
	} else if recused {
		return v, fault.New(fault.NotFound, "fault.contact.unknown")
	}
	if !v.may {
		var err error
		if v.tutor, err = c.teaches(ctx, p.ID, ct); err != nil {
			return v, err
		}
		v.may = v.tutor
	}
	own, ok, err := c.Listening.Of(ctx, p.ID, ct.ID)
	if err != nil {
		return v, err
	}
	if ok {
		v.own = &own
	}
	last, had, err := c.Listening.Last(ctx, p.ID, ct.ID)
	if err != nil {
		return v, err
	}
	if !ok && had {
		v.ended = last.Why
	}
	if !v.may && !had {
		return v, fault.New(fault.Forbidden, "fault.forbidden")
	}
	v.title, v.line, v.call, v.grave = c.title(say, ct), c.stateLine(say, ct), c.byPhone(ctx, ct), ct.Grave || ct.Danger
	if ct.CounsellorID != "" {
		v.who = c.Alias(ctx, ct.CounsellorID)
	}
	if v.refused, err = c.Listening.Refused(ctx, ct); err != nil {
		return v, err
	}
	if v.told, err = c.Listening.Told(ctx); err != nil {
		return v, err
	}
	if v.visited, err = c.visited(ctx, ct.ID); err != nil {
		return v, err
	}
	if v.mine = ct.CounsellorID == p.ID; v.mine && had && last.Why == listening.ByTakeOver {
		v.backTo, v.back = last.CounsellorID, c.Alias(ctx, last.CounsellorID)
	}
	if err := c.company(ctx, &v); err != nil {
		return v, err
	}
	if !v.listens() {
		return v, nil
	}
	if v.notes, err = c.Listening.Whispers(ctx, ct.ID); err != nil {
		return v, err
	}
	if v.call {
		return v, nil
	}
	v.reader = c.alongReader(ctx, say, ct.ID, p.ID)
	messages, err := c.Chats.Latest(ctx, ct.ID, 0, shown)
	v.log = v.reader.Log(messages)
	return v, err
}

// alongReader draws what is sent in a conversation for who reads along: no file is opened there.
func (c *Room) alongReader(ctx context.Context, say *i18n.Printer, contactID, me string) talk.Reader {
	return talk.Reader{Printer: say, Side: ui.FromStaff, Me: me, Into: listenLog, Card: c.Guides.Card, Alias: func(id string) string { return c.Alias(ctx, id) }}
}

// teaches says that somebody is the tutor of whoever has a contact.
func (c *Room) teaches(ctx context.Context, staffID string, ct contact.Contact) (bool, error) {
	if ct.CounsellorID == "" {
		return false, nil
	}
	tutor, ok, err := c.Trainees.Tutor(ctx, ct.CounsellorID)
	return ok && tutor == staffID, err
}

// listensTo checks that whoever asks may listen to the contact: by her right, or as the tutor of whoever has it; never where
// she knows its person.
func (c *Room) listensTo(r *http.Request) (tutor bool, err error) {
	ct, err := c.Contacts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return false, err
	}
	m := session.Staff(r)
	if recused, err := c.Router.Recused(r.Context(), m.ID, ct); err != nil {
		return false, err
	} else if recused {
		return false, fault.New(fault.NotFound, "fault.contact.unknown")
	}
	if m.Can(staff.ContactListen) {
		return false, nil
	}
	if tutor, err = c.teaches(r.Context(), m.ID, ct); err == nil && !tutor {
		err = fault.New(fault.Forbidden, "fault.forbidden")
	}
	return tutor, err
}

// company reads who else listens, and whom she may ask to listen beside her.
func (c *Room) company(ctx context.Context, v *listenView) error {
	there, err := c.Listening.At(ctx, v.contact.ID)
	if err != nil {
		return err
	}
	with := map[string]bool{v.me: true, v.contact.CounsellorID: true}
	for _, l := range there {
		with[l.StaffID] = true
		if v.own != nil && v.own.BesideID == l.ID {
			v.host = c.Alias(ctx, l.StaffID)
		}
		if l.StaffID != v.me {
			v.others = append(v.others, v.say.T("listen.there."+string(l.Mode), "who", c.Alias(ctx, l.StaffID)))
		}
	}
	if !v.listens() || v.own.BesideID != "" || v.tutor {
		return nil
	}
	for _, seat := range c.crew.seats(ctx, c.Router) {
		if seat.Live && !with[seat.StaffID] && seat.Shown != routing.Away && (!v.call || seat.Phone) {
			v.invite = append(v.invite, ui.Option{Value: seat.StaffID, Label: seat.Person.Alias})
		}
	}
	return nil
}

// relisten answers an act with the page as it is now.
func (c *Room) relisten(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !answer.Scripted(r) {
		http.Redirect(w, r, "/desk/listen/"+id, http.StatusSeeOther)
		return nil
	}
	v, err := c.listenView(r)
	if err != nil {
		return err
	}
	answer.Fragment(w, r, listenMain(v))
	return nil
}

// onListening does something with her open listening of the contact.
func (c *Room) onListening(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, form map[string][]string, l listening.Listening) error) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	l, ok, err := c.Listening.Of(r.Context(), me(r).ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Gone, "fault.listening.over")
	}
	if err := do(r.Context(), form, l); err != nil {
		return err
	}
	return c.relisten(w, r)
}

// BeginListening begins, once it is said what for.
func (c *Room) BeginListening(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	tutor, err := c.listensTo(r)
	if err != nil {
		return err
	}
	if tutor && (form.Get("purpose") != string(listening.Training) || form.Get("mode") == wishTake) {
		return fault.New(fault.Forbidden, "fault.forbidden")
	}
	if form.Get("purpose") == string(listening.Visit) {
		if visited, err := c.visited(r.Context(), r.PathValue("id")); err != nil {
			return err
		} else if !visited {
			return fault.New(fault.Forbidden, "fault.listening.no_visit")
		}
	}
	mode, take := listening.Mode(form.Get("mode")), form.Get("mode") == wishTake
	if mode == "" || take {
		mode = listening.Listener
	}
	l, err := c.Listening.Begin(r.Context(), listening.Wish{ID: newID(), StaffID: me(r).ID, ContactID: r.PathValue("id"), Purpose: listening.Purpose(form.Get("purpose")), Mode: mode, Tutor: tutor})
	if err == nil && take {
		err = c.Router.Give(r.Context(), l.StaffID, l.ContactID, l.StaffID)
	}
	if err != nil {
		return err
	}
	return c.relisten(w, r)
}

// visited says that the person of a contact has agreed that a guest looks on.
func (c *Room) visited(ctx context.Context, contactID string) (bool, error) {
	x, ok, err := c.Watching.Of(ctx, contactID)
	return ok && x.Consent == visit.Yes, err
}

// AcceptBeside is the colleague who comes when she was invited.
func (c *Room) AcceptBeside(w http.ResponseWriter, r *http.Request) error {
	return c.onListening(w, r, func(ctx context.Context, _ map[string][]string, l listening.Listening) error {
		_, err := c.Listening.SetMode(ctx, l.StaffID, l.ID, listening.Listener)
		return err
	})
}

// AttachListener brings her browser into the call that she listens to.
func (c *Room) AttachListener(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Listening.Attach(r.Context(), me(r).ID, r.PathValue("id"), form.Get("peer")); err != nil {
		return err
	}
	return c.done(w, r, "")
}

// StopListening ends it.
func (c *Room) StopListening(w http.ResponseWriter, r *http.Request) error {
	return c.onListening(w, r, func(ctx context.Context, _ map[string][]string, l listening.Listening) error {
		return c.Listening.End(ctx, l.StaffID, l.ID)
	})
}

// SetListenMode changes how she is there.
func (c *Room) SetListenMode(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.listensTo(r); err != nil {
		return err
	}
	return c.onListening(w, r, func(ctx context.Context, form map[string][]string, l listening.Listening) error {
		_, err := c.Listening.SetMode(ctx, l.StaffID, l.ID, listening.Mode(first(form, "mode")))
		return err
	})
}

// RenewListening gives her the time anew.
func (c *Room) RenewListening(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.listensTo(r); err != nil {
		return err
	}
	return c.onListening(w, r, func(ctx context.Context, _ map[string][]string, l listening.Listening) error {
		_, err := c.Listening.Renew(ctx, l.StaffID, l.ID)
		return err
	})
}

// InviteBeside asks a colleague to listen beside her. Whoever knows the person is not asked.
func (c *Room) InviteBeside(w http.ResponseWriter, r *http.Request) error {
	return c.onListening(w, r, func(ctx context.Context, form map[string][]string, l listening.Listening) error {
		to := first(form, "to")
		p, err := c.Staff.Colleague(ctx, to)
		if err != nil || !p.Can(staff.DeskUse) {
			return fault.New(fault.Invalid, "fault.listening.invited")
		}
		ct, err := c.Contacts.Get(ctx, l.ContactID)
		if err != nil {
			return err
		}
		if recused, err := c.Router.Recused(ctx, to, ct); err != nil {
			return err
		} else if recused {
			return fault.New(fault.Conflict, "fault.listening.invited")
		}
		_, err = c.Listening.Invite(ctx, l.StaffID, l.ID, newID(), to)
		return err
	})
}

// Whisper leaves a note for the counsellor alone.
func (c *Room) Whisper(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.listensTo(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	l, ok, err := c.Listening.Of(r.Context(), me(r).ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Gone, "fault.listening.over")
	}
	note, err := c.Listening.Whisper(r.Context(), l.StaffID, l.ID, form.Get("message_id"), form.Get("body"))
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		return c.relisten(w, r)
	}
	answer.Fragment(w, r, whisperBubble(answer.Printer(r), note, me(r).ID, func(id string) string { return c.Alias(r.Context(), id) }, whisperLog))
	return nil
}

// WriteAlong writes to the person, once she has joined. The insert itself checks that she has.
func (c *Room) WriteAlong(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.listensTo(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	m, err := c.Chats.Send(r.Context(), chat.Sending{ID: form.Get("message_id"), ContactID: r.PathValue("id"), From: chat.Staff, AuthorID: me(r).ID, Body: form.Get("body")})
	if err != nil {
		return err
	}
	if !answer.Scripted(r) {
		return c.relisten(w, r)
	}
	answer.Fragment(w, r, c.alongReader(r.Context(), answer.Printer(r), m.ContactID, me(r).ID).Bubble(m))
	return nil
}

// TakeOver gives the contact into her own hands: the counsellor is released, and nothing rings.
func (c *Room) TakeOver(w http.ResponseWriter, r *http.Request) error {
	return c.onListening(w, r, func(ctx context.Context, _ map[string][]string, l listening.Listening) error {
		if l.BesideID != "" {
			return fault.New(fault.Forbidden, "fault.listening.beside")
		}
		return c.Router.Give(ctx, l.StaffID, l.ContactID, l.StaffID)
	})
}

// GiveBack puts a contact that she took over back into its counsellor's hands.
func (c *Room) GiveBack(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	last, ok, err := c.Listening.Last(r.Context(), me(r).ID, id)
	if err != nil {
		return err
	}
	ct, err := c.Contacts.Get(r.Context(), id)
	if err != nil {
		return err
	}
	if !ok || last.Why != listening.ByTakeOver || ct.CounsellorID != me(r).ID {
		return fault.New(fault.Conflict, "fault.listening.over")
	}
	if err := c.Router.Give(r.Context(), me(r).ID, id, last.CounsellorID); err != nil {
		return err
	}
	return c.relisten(w, r)
}

// listened is what a counsellor reads above her conversation: who listens, why, since when, and what was whispered.
func (c *Room) listened(ctx context.Context, say *i18n.Printer, ct contact.Contact) (piece, error) {
	v := listenedView{say: say, id: ct.ID, alias: func(id string) string { return c.Alias(ctx, id) }}
	there, err := c.Listening.At(ctx, ct.ID)
	if err != nil {
		return nil, err
	}
	kind := ".chat"
	if ct.Channel == contact.ChannelPhone {
		kind = ".call"
	}
	for _, l := range there {
		if l.Mode != listening.Invited {
			v.lines = append(v.lines, say.T("listen.by."+string(l.Mode)+kind, "who", c.Alias(ctx, l.StaffID), "why", say.T("listen.why."+string(l.Purpose)), "time", say.Time(at(l.BeganAt))))
		}
	}
	if v.notes, err = c.Listening.Whispers(ctx, ct.ID); err != nil {
		return nil, err
	}
	if x, ok, err := c.Watching.Of(ctx, ct.ID); err != nil {
		return nil, err
	} else if ok && (x.Consent == visit.Asked || x.Consent == visit.Yes) {
		v.visit = say.T("listen.visit."+x.Consent, "who", c.Alias(ctx, x.HostID))
	}
	if ct.Channel == contact.ChannelChat {
		if refused, err := c.Listening.Refused(ctx, ct); err != nil {
			return nil, err
		} else if refused {
			v.refusal = say.T("listen.refused")
		}
	}
	return listenedPiece(v), nil
}

type listenedView struct {
	say     *i18n.Printer
	id      string
	lines   []string
	visit   string // that a guest looks on, or that the person is asked whether one may
	refusal string
	notes   []listening.Note
	alias   func(staffID string) string
}

// listeningTold draws what changed for whoever is listened to, and for whoever listens.
func (d *desk) listeningTold(id string) error {
	if err := d.drawBars(); err != nil { // the softphone shows what she listens to
		return err
	}
	if d.following(id) {
		ct, err := d.room.Contacts.Get(d.ctx, id)
		if err != nil {
			return ignoreGone(err)
		}
		strip, err := d.room.listened(d.ctx, d.say, ct)
		if err != nil {
			return ignoreGone(err)
		}
		if err := d.update(strip); err != nil {
			return err
		}
	}
	invited, err := d.room.invitations(d.ctx, d.say, d.person.ID)
	if err != nil {
		return err
	}
	if err := d.update(invited); err != nil {
		return err
	}
	if d.listen == id {
		return d.drawListening()
	}
	return nil
}

// invitations are the listenings that somebody was asked to come to.
func (c *Room) invitations(ctx context.Context, say *i18n.Printer, staffID string) (piece, error) {
	all, err := c.Listening.By(ctx, staffID)
	if err != nil {
		return nil, err
	}
	var asked []invitation
	for _, l := range all {
		if l.Mode != listening.Invited {
			continue
		}
		there, err := c.Listening.At(ctx, l.ContactID)
		if err != nil {
			return nil, err
		}
		for _, host := range there {
			if host.ID == l.BesideID {
				asked = append(asked, invitation{l.ContactID, say.T("listen.asked", "who", c.Alias(ctx, host.StaffID))})
			}
		}
	}
	return invitedPiece(say, asked), nil
}

type invitation struct{ contactID, words string }

// drawListening draws the page of what she listens to, and follows it as long as she does.
func (d *desk) drawListening() error {
	ct, err := d.room.Contacts.Get(d.ctx, d.listen)
	if err != nil {
		return ignoreGone(err)
	}
	v, err := d.room.listenTo(d.ctx, d.say, d.person, ct)
	if fault.Is(err, fault.Forbidden) {
		return nil // she was never asked
	}
	if err != nil {
		return ignoreGone(err)
	}
	v.wish = d.wish
	d.mu.Lock()
	stop, along := d.unlisten, v.listens() && !v.call
	if !along {
		d.unlisten = nil
	}
	d.mu.Unlock()
	if !along && stop != nil {
		stop()
	}
	if err := d.update(listenMain(v)); err != nil {
		return err
	}
	if along && stop == nil {
		return d.followAlong(ct)
	}
	return nil
}

// followAlong hands what is sent in the conversation on to the page: messages, never what is being typed.
func (d *desk) followAlong(ct contact.Contact) error {
	messages, err := d.room.Chats.Latest(d.ctx, ct.ID, 0, shown)
	if err != nil {
		return err
	}
	reader := d.room.alongReader(d.ctx, d.say, ct.ID, d.person.ID)
	var pieces []piece
	var last int64
	for _, m := range messages {
		pieces, last = append(pieces, reader.Bubble(m)), m.Seq
	}
	if err := d.update(pieces...); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over || d.unlisten != nil {
		return nil
	}
	d.unlisten = d.room.Chats.Feed().Follow(ct.ID, chat.Shown{Seq: last, Rev: ct.Rev}, func(e chat.Event) {
		switch e.Kind {
		case chat.EventMessage:
			d.mu.Lock()
			on := d.unlisten != nil
			d.mu.Unlock()
			if on {
				d.failed(d.update(reader.Bubble(e.Message)))
			}
		case chat.EventState:
			d.failed(d.drawListening())
		case chat.EventResync:
			d.stream.End()
		}
	})
	return nil
}

// listenCall is the call that she listens to, as her softphone shows it; ok is false where there is none.
func (c *Room) listenCall(ctx context.Context, say *i18n.Printer, p staff.Person) (props ui.PhoneCallProps, ok bool, err error) {
	all, err := c.Listening.By(ctx, p.ID)
	if err != nil {
		return props, false, err
	}
	for _, l := range all {
		if l.Channel != contact.ChannelPhone || l.Mode == listening.Invited {
			continue
		}
		view, up, err := c.Phone.View(ctx, l.ContactID)
		if err != nil || !up {
			return props, false, err
		}
		if props, err = c.callHead(ctx, say, view); err != nil {
			return props, false, err
		}
		props.State, props.Attached, props.Act, props.Receipt, props.Sent = ui.PhoneListening, view.Ears[p.ID], "/desk/listen/"+l.ContactID, "", ""
		props.Line = strings.TrimPrefix(say.T("listen.with", "who", c.Alias(ctx, l.CounsellorID))+" · "+say.T("listen.why."+string(l.Purpose))+" · "+props.Line, " · ")
		props.Line = strings.TrimSuffix(props.Line, " · ")
		props.Since = at(l.BeganAt)
		props.Listen = ui.PhoneListenProps{Mode: string(l.Mode), Href: "/desk/listen/" + l.ContactID}
		if l.BesideID == "" {
			props.Listen.Modes = listenModes(say, l.Mode, true)
		}
		return props, true, nil
	}
	return props, false, nil
}

func listenModes(say *i18n.Printer, chosen listening.Mode, call bool) []ui.Option {
	kind := ".chat"
	if call {
		kind = ".call"
	}
	var all []ui.Option
	for _, m := range listening.Modes {
		all = append(all, ui.Option{Value: string(m), Label: say.T("listen.mode." + string(m) + kind), Checked: m == chosen})
	}
	return all
}

// ListeningPeriods is the page on which everybody reads when she may be listened to, and supervisors say it.
func (c *Room) ListeningPeriods(w http.ResponseWriter, r *http.Request) error {
	say, m := answer.Printer(r), session.Staff(r)
	all, err := c.Listening.Periods(r.Context())
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, periodsPage(c.shell(r, say, m, "listen.periods"), periodsView{say: say, all: all, may: m.Can(staff.ContactListen), now: c.Now(), alias: func(id string) string { return c.Alias(r.Context(), id) }}))
	return nil
}

type periodsView struct {
	say   *i18n.Printer
	all   []listening.Period
	may   bool
	now   time.Time
	alias func(staffID string) string
}

// TellPeriod tells the staff of a period.
func (c *Room) TellPeriod(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	from, until := moment(form.Get("day"), form.Get("from")), moment(form.Get("day"), form.Get("until"))
	if from.IsZero() || until.IsZero() {
		return fault.New(fault.Invalid, "fault.listening.period")
	}
	if err := c.Listening.Tell(r.Context(), me(r).ID, newID(), from, until); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/listening", http.StatusSeeOther)
	return nil
}

// WithdrawPeriod takes one back.
func (c *Room) WithdrawPeriod(w http.ResponseWriter, r *http.Request) error {
	if err := c.Listening.Withdraw(r.Context(), me(r).ID, r.PathValue("period")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/listening", http.StatusSeeOther)
	return nil
}

// moment reads a day and a time of day as they are in the house; the zero time for what is neither.
func moment(day, clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, i18n.Paris)
	if err != nil {
		return time.Time{}
	}
	return t
}

// pastListenings is who listened to a contact that is over, for whoever reads its history.
func (c *Room) pastListenings(ctx context.Context, say *i18n.Printer, contactID string) ([]told, error) {
	all, err := c.Listening.History(ctx, contactID)
	var drawn []told
	for _, l := range all {
		if l.Mode == listening.Invited {
			continue
		}
		until := say.T("listen.goes_on")
		if !l.Open() {
			until = say.Time(at(l.EndedAt)) + " (" + say.T("listen.ended."+l.Why) + ")"
		}
		drawn = append(drawn, told{c.Alias(ctx, l.StaffID), say.T("listen.past", "why", say.T("listen.why."+string(l.Purpose)), "from", say.DateTime(at(l.BeganAt)), "until", until)})
	}
	return drawn, err
}
