package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/talk"
	"vigie/internal/web/ui"
)

type piece = templ.Component

func together(all ...piece) piece { return templ.Join(all...) }

// shown is how many messages of a conversation the desk brings at first, and each time that it is asked
// for earlier ones.
const shown = 100

// mineStates are the states in which a contact is in a counsellor's hands.
var mineStates = map[contact.State]bool{contact.Talking: true, contact.Parked: true, contact.Left: true, contact.WrapUp: true}

// conversation is one of her contacts, ready to be drawn.
type conversation struct {
	contact  contact.Contact
	messages []chat.Message
	reasons  []ui.Reason
	summary  chat.Summary
	reader   talk.Reader
	handing  string // the colleague at whose desk it rings, by her alias
	listened piece  // who listens or reads along
}

// Desk is the page.
func (c *Room) Desk(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	all, err := c.conversations(r.Context(), say, m.ID)
	if err != nil {
		return err
	}
	current := r.URL.Query().Get("c")
	if !has(all, current) {
		current = ""
		if len(all) > 0 {
			current = all[0].contact.ID
		}
	}
	if answer.Scripted(r) && current != "" { // another conversation's form, on the page that is there
		panel, err := c.panel(r.Context(), say, m.Person, find(all, current).contact)
		if err != nil {
			return err
		}
		answer.Fragment(w, r, together(panel, mineList(say, c.cards(say, all, current))))
		return nil
	}
	presence, err := c.presence(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	ring, err := c.ringing(r.Context(), say, m.ID)
	if err != nil {
		return err
	}
	alarms, err := c.alarms(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	line, err := c.line(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	var panel piece = noPanel(say)
	if current != "" {
		if panel, err = c.panel(r.Context(), say, m.Person, find(all, current).contact); err != nil {
			return err
		}
	}
	bar, err := c.phoneBar(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	top, err := c.teamTop(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	props := ui.DeskProps{
		Team: top, Phone: bar, Site: c.Site, Title: say.T("desk.title"), Theme: m.Theme, Live: "/desk/events", Presence: presence, Alarms: alarms, Ring: ring,
		Left: leftSide(say, c.cards(say, all, current), line), Right: panel, Commands: c.commands(say, m.Person),
	}
	answer.Page(w, r, http.StatusOK, deskPage(say, props, c.draw(r.Context(), say, all, current)))
	return nil
}

func has(all []conversation, id string) bool {
	for _, v := range all {
		if v.contact.ID == id {
			return true
		}
	}
	return false
}

func find(all []conversation, id string) conversation {
	for _, v := range all {
		if v.contact.ID == id {
			return v
		}
	}
	return conversation{}
}

// conversations reads everything she has in hand, the oldest first.
func (c *Room) conversations(ctx context.Context, say *i18n.Printer, staffID string) ([]conversation, error) {
	held, err := c.Contacts.Of(ctx, staffID)
	if err != nil {
		return nil, err
	}
	var all []conversation
	for _, ct := range held {
		if !mineStates[ct.State] {
			continue
		}
		v, err := c.conversation(ctx, say, ct)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (c *Room) conversation(ctx context.Context, say *i18n.Printer, ct contact.Contact) (conversation, error) {
	v := conversation{contact: ct, reader: c.reader(ctx, say, ct.ID, ct.CounsellorID)}
	var err error
	if v.messages, err = c.Chats.Latest(ctx, ct.ID, 0, shown); err != nil {
		return v, err
	}
	if v.reasons, err = c.reasons(ctx, say, ct); err != nil {
		return v, err
	}
	visitor, own, err := c.Chats.Marks(ctx, ct.ID)
	if err != nil {
		return v, err
	}
	v.reader.Marks = visitor
	if v.handing, err = c.handing(ctx, ct.ID); err != nil {
		return v, err
	}
	if v.listened, err = c.listened(ctx, say, ct); err != nil {
		return v, err
	}
	v.summary = summaryOf(v.messages, own.Seen)
	return v, nil
}

// handing names the colleague who is rung for a conversation that is being handed over, "" for nobody.
func (c *Room) handing(ctx context.Context, contactID string) (string, error) {
	to, err := c.Router.HandingOver(ctx, contactID)
	if err != nil || to == "" {
		return "", err
	}
	return c.Alias(ctx, to), nil
}

// summaryOf is what the card of a conversation shows of it.
func summaryOf(messages []chat.Message, seen int64) chat.Summary {
	s := chat.Summary{SeenByStaff: seen}
	for _, m := range messages {
		s.LastSeq = m.Seq
		if m.From != chat.System {
			s.LastFrom, s.LastAt = m.From, m.At
		}
	}
	return s
}

func (c *Room) reader(ctx context.Context, say *i18n.Printer, contactID, me string) talk.Reader {
	return talk.Reader{
		Printer: say, Side: ui.FromStaff, Me: me, Into: "log-" + contactID, Card: c.Guides.Card,
		Alias: func(id string) string { return c.Alias(ctx, id) },
		File:  func(m chat.Message) *ui.FileProps { return c.file(ctx, say, contactID, m) },
		Earlier: func(before int64) string {
			return "/desk/contacts/" + contactID + "/messages?before=" + strconv.FormatInt(before, 10)
		},
	}
}

// draw lays the conversations side by side.
func (c *Room) draw(ctx context.Context, say *i18n.Printer, all []conversation, current string) piece {
	var pieces []piece
	for _, v := range all {
		pieces = append(pieces, c.talk(ctx, say, v, current))
	}
	return together(pieces...)
}

// talk draws one conversation: head, messages, composer.
func (c *Room) talk(ctx context.Context, say *i18n.Printer, v conversation, current string) piece {
	ct := v.contact
	return ui.Conversation(say, ui.ConversationProps{
		ID: ct.ID, Title: c.title(say, ct), Line: c.stateLine(say, ct), Reasons: v.reasons, Grave: ct.Grave || ct.Danger, Current: ct.ID == current,
		Actions: talkActions(say, c.actions(ctx, say, ct)),
		Above:   v.listened,
		Log:     c.talkLog(ctx, say, v),
		Foot:    c.foot(ctx, say, ct),
	})
}

// talkLog is what was said: messages, or of a call that it is one.
func (c *Room) talkLog(ctx context.Context, say *i18n.Printer, v conversation) piece {
	if c.byPhone(ctx, v.contact) {
		return callLog(say, v)
	}
	return talkLog(say, v, v.reader.Log(v.messages))
}

// head redraws what changes of a conversation's frame, and leaves its messages and draft alone.
func (c *Room) head(ctx context.Context, say *i18n.Printer, ct contact.Contact) ([]piece, error) {
	reasons, err := c.reasons(ctx, say, ct)
	if err != nil {
		return nil, err
	}
	pieces := []piece{}
	if c.byPhone(ctx, ct) {
		pieces = append(pieces, callBody(say, ct))
	}
	return append(pieces,
		ui.ConversationHead(say, ui.ConversationProps{
			ID: ct.ID, Title: c.title(say, ct), Line: c.stateLine(say, ct), Reasons: reasons, Grave: ct.Grave || ct.Danger,
			Actions: talkActions(say, c.actions(ctx, say, ct)),
		}),
		c.foot(ctx, say, ct),
	), nil
}

// stateLine says where a conversation stands.
func (c *Room) stateLine(say *i18n.Printer, ct contact.Contact) string {
	parts := []string{}
	if topic := c.topic(say, ct); topic != "" {
		parts = append(parts, topic)
	}
	parts = append(parts, say.T("desk.state."+string(ct.State)))
	if ct.Lang != i18n.French {
		parts = append(parts, strings.ToUpper(ct.Lang))
	}
	return strings.Join(parts, " · ")
}

// cards are her conversations as a list.
func (c *Room) cards(say *i18n.Printer, all []conversation, current string) []ui.ContactCardProps {
	var cards []ui.ContactCardProps
	for _, v := range all {
		card := c.card(say, v.contact, v.summary, unread(v.messages, v.summary.SeenByStaff))
		card.Current = v.contact.ID == current
		cards = append(cards, card)
	}
	return cards
}

func unread(messages []chat.Message, seen int64) int {
	n := 0
	for _, m := range messages {
		if m.From == chat.Visitor && m.Seq > seen {
			n++
		}
	}
	return n
}

func (c *Room) card(say *i18n.Printer, ct contact.Contact, s chat.Summary, unread int) ui.ContactCardProps {
	return ui.ContactCardProps{
		ID: ct.ID, Into: "mine", Order: ct.AnsweredAt, Href: "/desk?c=" + ct.ID, Title: c.title(say, ct), Channel: channelIcon(ct.Channel),
		Topic: c.topic(say, ct), State: c.cardState(say, ct, s), Unread: unread, Grave: ct.Grave || ct.Danger,
	}
}

// cardState says whose turn it is.
func (c *Room) cardState(say *i18n.Printer, ct contact.Contact, s chat.Summary) string {
	if ct.State == contact.Talking && s.LastFrom == chat.Visitor {
		return say.T("desk.she_wrote", "time", say.Time(at(s.LastAt)))
	}
	return say.T("desk.state." + string(ct.State))
}

func channelIcon(channel string) string {
	switch channel {
	case contact.ChannelPhone:
		return "phone"
	case contact.ChannelMessage:
		return "mail"
	case contact.ChannelNote:
		return "pencil"
	}
	return "message-circle"
}

// foot is the composer while she may write, and what comes next when it is over.
func (c *Room) foot(ctx context.Context, say *i18n.Printer, ct contact.Contact) piece {
	if c.byPhone(ctx, ct) {
		return callFoot(ct.ID)
	}
	return talkFoot(say, ct, ui.ComposerProps{
		ID: "write-" + ct.ID, Action: "/desk/contacts/" + ct.ID + "/messages", Typing: "/desk/contacts/" + ct.ID + "/typing",
		MessageID: newID(), Log: "log-" + ct.ID, Label: say.T("desk.write"), Prompt: say.T("desk.prompt"), Max: 4000, From: ui.FromStaff, EnterSends: true, Blanks: catalogue.Variables,
	}, c.speaks(ct))
}

// speaks is how the person of a contact is spoken to: "young" or "adult".
func (c *Room) speaks(ct contact.Contact) string { return c.Catalogue().Questions.Speaks(ct.Public) }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// presence is her bar.
func (c *Room) presence(ctx context.Context, say *i18n.Printer, p staff.Person) (piece, error) {
	seat, err := c.Router.Presence(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	reasons := []ui.Option{}
	for _, code := range routing.PauseReasons {
		reasons = append(reasons, ui.Option{Value: code, Label: say.T("desk.pause." + code)})
	}
	props := ui.PresenceProps{
		State: ui.Presence(seat.Shown), Since: at(seat.Since), Now: c.Now(), Alias: p.Alias, Chats: seat.Talking, Capacity: seat.Capacity, Calls: seat.Calls,
		Switch: "/desk/presence", Reasons: reasons, Theme: p.Theme, ThemeAction: "/desk/theme", LogOut: "/desk/logout", Extra: together(barHand(say, p), roomLink(say, c.unreadFor(ctx, p, seat.Calls > 0)), barLinks(say, p, seat.PauseProposed)),
	}
	if seat.State == routing.Away && seat.Reason != "" && say.Has("routing.away."+seat.Reason) {
		props.Note = say.T("routing.away." + seat.Reason)
	}
	if seat.State == routing.Pause && seat.Reason != "" && say.Has("desk.pause."+seat.Reason) {
		props.Reason = say.T("desk.pause." + seat.Reason)
	}
	return ui.PresenceBar(say, props), nil
}

// ringing is what rings at her desk, as the whole list.
func (c *Room) ringing(ctx context.Context, say *i18n.Printer, staffID string) (piece, error) {
	ring, ok, err := c.Router.RingingAt(ctx, staffID)
	if err != nil || !ok {
		return ringList(nil), err
	}
	ct, err := c.Contacts.Get(ctx, ring.ContactID)
	if err != nil {
		return nil, err
	}
	reasons, err := c.reasons(ctx, say, ct)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	act := "/desk/contacts/" + ct.ID
	props := ui.RingProps{
		ContactID: ct.ID, Until: at(ring.Until), Now: now, Total: c.Router.OfferFor(ring.Kind), Channel: channelIcon(ct.Channel),
		Title: c.title(say, ct), Topic: c.topic(say, ct), Waited: now.Sub(at(ct.WaitingSince)), Reasons: reasons, Grave: ct.Danger,
		Accept: act + "/accept", Decline: act + "/decline", Known: act + "/known",
	}
	if ct.Lang != say.Lang() {
		props.Lang = strings.ToUpper(ct.Lang)
	}
	if ring.Kind == routing.FromHandOver {
		props.Topic = say.T("desk.handed_by", "who", c.Alias(ctx, ring.FromID))
	}
	return ringList(ui.Ring(say, props)), nil
}

// line is who waits, with why, as far as she may see it.
func (c *Room) line(ctx context.Context, say *i18n.Printer, p staff.Person) (piece, error) {
	waiting, err := c.Router.Waiting(ctx, "")
	if err != nil {
		return nil, err
	}
	first, count := inSight(waiting, p)
	return c.lineOf(ctx, say, first, count), nil
}

// lineShown is how many of the line a desk shows; of the others it tells the number. On the evening of a
// campaign a thousand wait, and every desk is told each time that one moves.
const lineShown = 50

// lineOf draws the first of those who wait, and how many they are.
func (c *Room) lineOf(ctx context.Context, say *i18n.Printer, first []routing.Waiting, count int) piece {
	return waitingList(say, c.lineCards(ctx, say, first), count)
}

func (c *Room) lineCards(ctx context.Context, say *i18n.Printer, waiting []routing.Waiting) []ui.ContactCardProps {
	var cards []ui.ContactCardProps
	now := c.Now()
	visible := func(id string) (contact.Contact, bool) {
		for _, w := range waiting {
			if w.Contact.ID == id {
				return w.Contact, true
			}
		}
		return contact.Contact{}, false
	}
	for i, w := range waiting {
		card := ui.ContactCardProps{
			ID: "w" + w.Contact.ID, Order: int64(i + 1), Title: c.title(say, w.Contact), Channel: channelIcon(w.Contact.Channel), Topic: c.topic(say, w.Contact),
			State: say.T("desk.waits", "time", say.Duration(now.Sub(at(w.Contact.WaitingSince)))), Grave: w.Contact.Danger,
			Actions: takeButton(say, w.Contact.ID),
		}
		if w.Contact.Lang != i18n.French {
			card.Lang = strings.ToUpper(w.Contact.Lang)
		}
		for _, part := range w.Parts {
			card.Reasons = append(card.Reasons, ui.Reason{Label: c.part(say, part), Grave: w.Contact.Danger && isDanger(part.Code)})
		}
		card.Same = c.sameInLine(ctx, say, w, visible)
		cards = append(cards, card)
	}
	return cards
}

// commands fills the command bar: what may be done on the page where it opens, then where to go.
func (c *Room) commands(say *i18n.Printer, p staff.Person) []ui.Command {
	const ring, talk = "[data-ring] ", ".talk-current "
	all := []ui.Command{
		{Label: say.T("ring.accept"), Hint: say.T("ring.title"), Icon: "message-circle", Click: ring + "form[action$='/accept'] button", Keys: say.T("ring.accept_key")},
		{Label: say.T("ring.decline"), Hint: say.T("ring.title"), Icon: "x", Click: ring + "form[action$='/decline'] button", Keys: say.T("ring.decline_key")},
		{Label: say.T("desk.write"), Hint: say.T("desk.cmd.talk"), Icon: "pencil", Focus: talk + "textarea"},
		{Label: say.T("answers.find"), Hint: say.T("desk.cmd.talk"), Icon: "message-circle", Focus: "#panel .answers [data-filter]"},
		{Label: say.T("desk.cmd.guide"), Hint: say.T("desk.cmd.talk"), Icon: "book-open", Focus: "#panel .reading [data-filter]"},
		{Label: say.T("desk.cmd.form"), Hint: say.T("desk.cmd.talk"), Icon: "clipboard-list", Focus: "#panel auto-save[id^=form-] :is(input, select, textarea)"},
		{Label: say.T("desk.note"), Hint: say.T("desk.cmd.talk"), Icon: "pencil", Focus: "#panel .notes textarea"},
		{Label: say.T("desk.protocols_all"), Hint: say.T("desk.cmd.talk"), Icon: "shield-alert", Focus: "#panel [id^=protocols-all-] > summary"},
		{Label: say.T("desk.danger"), Hint: say.T("desk.cmd.talk"), Icon: "triangle-alert", Click: talk + "form[action$='/danger']:has([value='1']) button"},
		{Label: say.T("desk.danger_off"), Hint: say.T("desk.cmd.talk"), Icon: "triangle-alert", Click: talk + "form[action$='/danger']:has([value='0']) button"},
		{Label: say.T("desk.grave"), Hint: say.T("desk.cmd.talk"), Icon: "hand", Click: talk + "form[action$='/grave']:has([value='1']) button"},
		{Label: say.T("desk.grave_off"), Hint: say.T("desk.cmd.talk"), Icon: "hand", Click: talk + "form[action$='/grave']:has([value='0']) button"},
		{Label: say.T("desk.proof"), Hint: say.T("desk.cmd.talk"), Icon: "paperclip", Focus: talk + "form[action$='/proof'] select"},
		{Label: say.T("desk.hand_over_do"), Hint: say.T("desk.cmd.talk"), Icon: "users", Focus: talk + "form[action$='/handover'] select"},
		{Label: say.T("check.do"), Hint: say.T("desk.cmd.talk"), Icon: "shield-question-mark", Focus: talk + "form[action$='/check'] select"},
		{Label: say.T("desk.block_do"), Hint: say.T("desk.cmd.talk"), Icon: "hand", Focus: talk + "form[action$='/block'] select"},
		{Label: say.T("desk.threat_do"), Hint: say.T("desk.cmd.talk"), Icon: "shield-alert", Click: talk + "form[action$='/threat'] button"},
		{Label: say.T("desk.forget"), Hint: say.T("desk.cmd.talk"), Icon: "x", Click: talk + "form[action$='/forget'] button"},
		{Label: say.T("desk.dismiss"), Hint: say.T("desk.cmd.talk"), Icon: "check", Focus: talk + "form[action$='/dismiss'] select"},
		{Label: say.T("desk.end"), Hint: say.T("desk.cmd.talk"), Icon: "x", Click: talk + "form[action$='/end'] button"},
		{Label: say.T("desk.close"), Hint: say.T("desk.cmd.talk"), Icon: "check", Click: "#panel form[action$='/close'] button:enabled"},
	}
	for _, s := range []struct {
		state ui.Presence
		icon  string
	}{{ui.Available, "bell"}, {ui.Busy, "message-circle"}, {ui.Pause, "coffee"}, {ui.Away, "log-out"}} {
		all = append(all, ui.Command{Label: say.T("presence." + string(s.state)), Hint: say.T("desk.cmd.state"), Icon: s.icon, Click: ".presence-switch button[value=" + string(s.state) + "]"})
	}
	if c.Phone.On() {
		all = append(all, phoneCommands(say)...)
	}
	all = append(all,
		ui.Command{Label: say.T("team.raise"), Icon: "hand", Click: ".team-raise button", Keys: say.T("team.raise_key")},
		ui.Command{Label: say.T("team.title"), Href: "/desk/team", Icon: "users"},
		ui.Command{Label: say.T("exposure.title"), Href: "/desk/mine", Icon: "coffee"},
		ui.Command{Label: say.T("quality.title"), Href: "/desk/quality", Icon: "clipboard-list"},
		ui.Command{Label: say.T("desk.cmd.history"), Href: "/desk/history", Icon: "search"},
		ui.Command{Label: say.T("handover.title"), Href: "/desk/handover", Icon: "book-open"},
		ui.Command{Label: say.T("rota.title"), Href: "/desk/rota", Icon: "clock"},
		ui.Command{Label: say.T("rota.mine"), Href: "/desk/rota/mine", Icon: "clock"},
		ui.Command{Label: say.T("desk.cmd.account"), Href: "/desk/account", Icon: "key-round"},
		ui.Command{Label: say.T("training.title"), Href: "/desk/training", Icon: "book-open"},
	)
	if p.Can(staff.VisitHost) {
		all = append(all, ui.Command{Label: say.T("visit.title"), Href: "/desk/visits", Icon: "eye"})
	}
	if p.Can(staff.CaseAll) {
		all = append(all, ui.Command{Label: say.T("match.title"), Href: "/desk/matches", Icon: "copy"})
	}
	if p.Can(staff.CaseUse) {
		all = append(all, ui.Command{Label: say.T("case.title"), Href: "/desk/cases", Icon: "clipboard-list"}, ui.Command{Label: say.T("takedown.title"), Href: "/desk/takedown", Icon: "send"})
	}
	if p.Can(staff.FloorSee) {
		all = append(all, ui.Command{Label: say.T("floor.title"), Href: "/desk/floor", Icon: "users"})
	}
	if p.Can(staff.FiguresSee) {
		all = append(all, ui.Command{Label: say.T("stats.title"), Href: "/desk/stats", Icon: "clipboard-list"})
	}
	if p.Can(staff.ContactIllegal) {
		all = append(all, ui.Command{Label: say.T("held.title"), Href: "/desk/held", Icon: "lock"})
	}
	if p.Can(staff.CatalogueRead) && c.Phone.On() {
		all = append(all, ui.Command{Label: say.T("admin.sounds"), Href: "/admin/sounds", Icon: "phone"})
	}
	if p.Can(staff.CatalogueRead) {
		all = append(all, ui.Command{Label: say.T("desk.cmd.catalogue"), Href: "/admin/catalogue", Icon: "book-open"})
	}
	if p.Can(staff.StaffManage) {
		all = append(all, ui.Command{Label: say.T("desk.cmd.staff"), Href: "/admin/staff", Icon: "users"})
	}
	if p.Can(staff.AuditRead) {
		all = append(all, ui.Command{Label: say.T("desk.cmd.audit"), Href: "/admin/audit", Icon: "shield-alert"})
	}
	return all
}

// vars fill a ready answer with what the desk knows (catalogue.Variables), in the person's language; what it
// does not know stays a blank, because an hour or a day that looks right and is not is worse than none.
func (c *Room) vars(ctx context.Context, ct contact.Contact, values map[string]string) map[string]string {
	vars := map[string]string{"conseiller": c.Alias(ctx, ct.CounsellorID), "prenom": strings.TrimSpace(values[askName])}
	if today := c.Today(); !today.ClosesAt.IsZero() {
		vars["fermeture"] = i18n.For(ct.Lang).Time(today.ClosesAt)
	}
	if named := strings.Fields(values[askPlatform]); len(named) == 1 {
		if platform, ok := c.Catalogue().Platforms.ByCode(named[0]); ok && len(platform.Said) == 0 { // a brand: "on SMS" is no sentence
			vars["plateforme"] = platform.Name
		}
	}
	return vars
}

// The fields of the form that ready answers are filled from.
const (
	askName     = "called"
	askPlatform = "platforms"
)
