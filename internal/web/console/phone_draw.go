package console

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// phoneBar is the whole softphone, once a page.
func (c *Room) phoneBar(ctx context.Context, say *i18n.Printer, p staff.Person) (piece, error) {
	if !c.Phone.On() || !p.Can(staff.ContactAnswer) {
		return nil, nil
	}
	call, err := c.callNow(ctx, say, p)
	if err != nil {
		return nil, err
	}
	seat, err := c.Router.Presence(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	return ui.SoftPhone(say, ui.PhoneProps{Ready: seat.Phone, Node: c.Phone.Node(), Call: call}), nil
}

// callNow is the call she is in, or the one that rings at her desk.
func (c *Room) callNow(ctx context.Context, say *i18n.Printer, p staff.Person) (ui.PhoneCallProps, error) {
	id, err := c.Phone.Of(ctx, p.ID)
	if err != nil {
		return ui.PhoneCallProps{}, err
	}
	if id != "" {
		view, ok, err := c.Phone.View(ctx, id)
		if err != nil {
			return ui.PhoneCallProps{}, err
		}
		if ok {
			return c.callProps(ctx, say, p, view)
		}
	}
	ring, ok, err := c.Router.RingingAt(ctx, p.ID)
	if err != nil {
		return ui.PhoneCallProps{}, err
	}
	if !ok {
		props, _, err := c.listenCall(ctx, say, p)
		return props, err
	}
	view, ok, err := c.Phone.View(ctx, ring.ContactID)
	if err != nil || !ok {
		return ui.PhoneCallProps{}, err
	}
	props, err := c.callHead(ctx, say, view)
	props.State = ui.PhoneRinging
	return props, err
}

// callHead is who is on the line, as far as it was told; never a number.
func (c *Room) callHead(ctx context.Context, say *i18n.Printer, v phone.View) (ui.PhoneCallProps, error) {
	ct, err := c.Contacts.Get(ctx, v.Contact)
	if err != nil {
		return ui.PhoneCallProps{}, err
	}
	props := ui.PhoneCallProps{ContactID: ct.ID, Node: v.Node, Title: c.title(say, ct), Line: c.topic(say, ct), Now: c.Now(), Act: "/desk/phone/calls/" + ct.ID}
	if v.Direction == phone.Outbound {
		props.Line = say.T("phone.line_back")
	}
	if v.Checks != "" {
		props.Title, props.Line = c.numberName(say, v.Checks), say.T("check.line")
	}
	receipt, sent, err := c.Phone.Receipt(ctx, ct.ID)
	if err != nil {
		return props, err
	}
	if sent && v.Direction == phone.Inbound {
		props.Receipt, props.Sent = receipt.String(), say.T("phone.receipt_say", "partner", say.Text(c.Phone.PartnerOf(receipt).Label.In(say.Lang())))
	}
	if ct.Lang != i18n.French {
		props.Line = strings.TrimPrefix(props.Line+" · "+say.T("phone.speaks", "lang", say.T("lang."+ct.Lang)), " · ")
	}
	if v.Recorded { // whoever comes to it knows before she does
		props.Line = strings.TrimPrefix(props.Line+" · "+say.T("phone.recorded"), " · ")
	}
	return props, nil
}

// callProps is a call of hers, with what can be done.
func (c *Room) callProps(ctx context.Context, say *i18n.Printer, p staff.Person, v phone.View) (ui.PhoneCallProps, error) {
	props, err := c.callHead(ctx, say, v)
	if err != nil {
		return props, err
	}
	props.Attached = v.Peer
	switch p.ID {
	case v.Introducing:
		props.Attached, props.Part = v.Before, ui.PhoneIntroduces
	case v.Owner:
		if v.Introducing != "" {
			props.Part = ui.PhoneIntroduced
		}
	}
	if v.Since > 0 {
		props.Since = at(v.Since)
	}
	handing, err := c.Router.HandingOver(ctx, v.Contact)
	if err != nil {
		return props, err
	}
	switch {
	case v.State == phone.Dialling:
		props.State, props.Other = ui.PhoneDialling, say.T("phone.person")
		if v.Checks != "" {
			props.Other = c.numberName(say, v.Checks)
		}
	case v.Introducing != "" && !v.Joint:
		props.State, props.Answered = ui.PhoneIntro, v.Up && v.Before != ""
		other := v.Owner
		if other == p.ID {
			other = v.Introducing
		}
		props.Other = c.Alias(ctx, other)
	case handing != "":
		props.State, props.Other = ui.PhoneIntro, c.Alias(ctx, handing)
	case v.Third != "" && v.Private:
		props.State, props.Other, props.Answered = ui.PhoneIntro, c.numberName(say, v.Third), v.ThirdUp
	case v.Third != "" || v.Joint:
		props.State = ui.PhoneConference
		props.Parties = c.partiesOf(ctx, say, p, v)
		props.Leave = v.Introducing == p.ID || v.Introducing == "" && v.ThirdUp
	case v.Held:
		props.State = ui.PhoneHold
	default:
		props.State = ui.PhoneTalking
	}
	switch {
	case v.Failed != "":
		props.Warning = say.T("phone.failed", "why", say.T("phone.outcome."+v.Failed))
	case v.Away:
		props.Warning = say.T("phone.away")
	case v.Bad():
		props.Warning = say.T("phone.bad_line")
	}
	props.Pressed = pressedKeys(say, v.Pressed)
	if v.NoListening {
		why := "phone.no_listening"
		if v.Unasked {
			why = "phone.not_asked"
		}
		props.Line = strings.TrimPrefix(props.Line+" · "+say.T(why), " · ")
	}
	props.Others = c.others(ctx, say, p.ID)
	return props, nil
}

// pressedKeys are the keys that the caller pressed, in words: "1 (oui), 2 (non)".
func pressedKeys(say *i18n.Printer, keys string) string {
	var all []string
	for _, key := range keys {
		word := string(key)
		if say.Has("phone.pressed." + word) {
			word = say.T("phone.pressed." + word)
		}
		all = append(all, word)
	}
	if len(all) == 0 {
		return ""
	}
	return say.T("phone.pressed", "keys", strings.Join(all, ", "))
}

func (c *Room) numberName(say *i18n.Printer, code string) string {
	if n, ok := c.Catalogue().Numbers.ByCode(code); ok {
		return say.Text(n.Label.In(say.Lang()))
	}
	return code
}

func (c *Room) partiesOf(ctx context.Context, say *i18n.Printer, p staff.Person, v phone.View) []ui.PhonePartyProps {
	all := []ui.PhonePartyProps{{ID: "caller", Name: say.T("phone.caller")}}
	if v.Joint {
		other := v.Owner
		if other == p.ID {
			other = v.Introducing
		}
		all = append(all, ui.PhonePartyProps{ID: "colleague", Name: c.Alias(ctx, other)})
	}
	if v.Third != "" {
		outside := ui.PhonePartyProps{ID: "outside", Name: c.numberName(say, v.Third), Drop: true}
		if !v.ThirdUp {
			outside.Line = say.T("phone.rings_there")
		}
		all = append(all, outside)
	}
	if v.Coming != "" { // the outside line passes the call on
		all = append(all, ui.PhonePartyProps{ID: "coming", Name: c.numberName(say, v.Coming), Line: say.T("phone.rings_there")})
	}
	return all
}

// others are whom she may bring into a call: colleagues whose desk takes calls, then numbers of the catalogue.
func (c *Room) others(ctx context.Context, say *i18n.Printer, but string) []ui.Option {
	var all []ui.Option
	for _, seat := range c.crew.seats(ctx, c.Router) {
		if seat.Live && seat.Phone && seat.StaffID != but && seat.Shown != routing.Away && seat.Shown != routing.Pause {
			all = append(all, ui.Option{Value: "staff:" + seat.StaffID, Label: seat.Person.Alias + " (" + say.T("presence."+string(seat.Shown)) + ")", Group: say.T("phone.colleagues")})
		}
	}
	for _, n := range c.Phone.Outside() {
		all = append(all, ui.Option{Value: "number:" + n.Code, Label: say.Text(n.Label.In(say.Lang())), Group: say.T("phone.numbers")})
	}
	return all
}

// byPhone says that a contact is a call, or what a caller left of herself: there is nothing to read and nobody to
// write to.
func (c *Room) byPhone(ctx context.Context, ct contact.Contact) bool {
	if ct.Channel != contact.ChannelMessage || !c.Phone.On() {
		return ct.Channel == contact.ChannelPhone
	}
	_, spoken, err := c.Phone.Message(ctx, ct.ID)
	if err == nil && !spoken {
		var b phone.Callback
		b, spoken, err = c.Phone.Callback(ctx, ct.ID)
		spoken = spoken && !b.ByForm
	}
	if err != nil {
		slog.Warn("whether a contact came by telephone could not be read", "error", err)
	}
	return spoken
}

// phoneChanged draws the softphone again for whoever is in a call that changed.
func (c *Room) phoneChanged(subject string, payload []byte) {
	var e phone.Changed
	_ = json.Unmarshal(payload, &e) // what cannot be read names nobody
	id := strings.TrimSuffix(strings.TrimPrefix(subject, "contact."), ".phone")
	c.desks.mu.Lock()
	var concerned []*desk
	for d := range c.desks.open {
		if d.on(id) || e.Staff != "" && d.person.ID == e.Staff {
			concerned = append(concerned, d)
		}
	}
	c.desks.mu.Unlock()
	for _, d := range concerned {
		go func() { d.failed(errors.Join(d.drawPhone(), d.drawPromise(id))) }()
	}
}

// drawPromise draws what has become of the promise to call the person of one of her contacts.
func (d *desk) drawPromise(id string) error {
	if !d.following(id) {
		return nil
	}
	ct, err := d.room.Contacts.Get(d.ctx, id)
	if err != nil {
		return ignoreGone(err)
	}
	promise, err := d.room.promised(d.ctx, d.say, ct, d.person.ID)
	if err != nil {
		return err
	}
	checked, err := d.room.checkPieces(d.ctx, d.say, ct)
	if err != nil {
		return ignoreGone(err)
	}
	return d.update(callbackDo(d.say, id, promise), checked)
}

// ignoreGone drops the fault of what was erased meanwhile.
func ignoreGone(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil
	}
	return err
}

// on says whether a page shows a call: one of her conversations, or the one its softphone shows.
func (d *desk) on(contactID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.follows[contactID] != nil || d.phone == contactID
}

// drawPhone draws what her call is, and tells her page.
func (d *desk) drawPhone() error {
	d.telling.Lock()
	defer d.telling.Unlock()
	return d.drawBars() // a call takes all of her, and her bar says so
}

func (d *desk) drawCall() error {
	if !d.room.Phone.On() || !d.person.Can(staff.ContactAnswer) {
		return nil
	}
	call, err := d.room.callNow(d.ctx, d.say, d.person)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.phone, d.others = call.ContactID, namesOf(call.Others)
	d.mu.Unlock()
	return d.update(ui.PhoneCall(d.say, call))
}

// drawOthers draws her call again when somebody else can take it now, or no longer can.
func (d *desk) drawOthers(ctx context.Context) error {
	d.mu.Lock()
	before := d.others
	d.mu.Unlock()
	if before == "" || before == namesOf(d.room.others(ctx, d.say, d.person.ID)) {
		return nil
	}
	return d.drawPhone()
}

func namesOf(others []ui.Option) string {
	all := ""
	for _, o := range others {
		all += o.Value + o.Label + "\n"
	}
	return all
}

// voice is a message that was spoken onto the tape.
type voice struct {
	message phone.Message
	heardBy string
	pass    string // with which it is played just now, "" until she asks for it
}

// taped is a conversation that was recorded.
type taped struct{ id, when, length string }

func (c *Room) taped(ctx context.Context, say *i18n.Printer, contactID string) ([]taped, error) {
	all, err := c.Phone.Recordings(ctx, contactID)
	var drawn []taped
	for _, r := range all {
		drawn = append(drawn, taped{r.ID, say.DateTime(at(r.SavedAt)), say.Short(r.Length.Round(time.Second))})
	}
	return drawn, err
}

func (c *Room) voice(ctx context.Context, contactID string) (*voice, error) {
	m, ok, err := c.Phone.Message(ctx, contactID)
	if err != nil || !ok {
		return nil, err
	}
	v := &voice{message: m}
	if m.HeardBy != "" {
		v.heardBy = c.Alias(ctx, m.HeardBy)
	}
	return v, nil
}

// phoneTrouble says what keeps callers from us, or us from them: a trunk that does not answer, calls to numbers that
// nobody may call, which a stolen trunk would make, and callers whose counsellor's line was lost while an outside
// telephone was with them.
func (c *Room) phoneTrouble(ctx context.Context, say *i18n.Printer) ([]string, error) {
	if !c.Phone.On() {
		return nil, nil
	}
	var all []string
	trunks := c.Phone.Trunks()
	for _, name := range slices.Sorted(maps.Keys(trunks)) {
		if !trunks[name] {
			all = append(all, say.T("floor.trunk_down", "trunk", name))
		}
	}
	refused := c.Phone.Stats().Refused
	if n := refused[trunk.TollFraud.String()]; n > 0 {
		all = append(all, say.T("floor.toll_fraud", "n", n))
	}
	for _, kind := range []trunk.Refusal{trunk.Full, trunk.Codec, trunk.Unmedia, trunk.Credentials} {
		if n := refused[kind.String()]; n > 0 {
			all = append(all, say.T("floor.refused."+kind.String(), "n", n))
		}
	}
	n, err := c.Phone.LeftAlone(ctx)
	if err == nil && n > 0 {
		all = append(all, say.T("floor.left_alone", "n", n))
	}
	return all, err
}

// phoneCommands are what the command bar does with the softphone, as far as it can be done at that moment.
func phoneCommands(say *i18n.Printer) []ui.Command {
	const call = "[data-phone-call] "
	return []ui.Command{
		{Label: say.T("phone.take"), Hint: say.T("phone.label"), Icon: "phone", Click: "[data-phone-take]"},
		{Label: say.T("phone.mute"), Hint: say.T("phone.label"), Icon: "mic", Click: "[data-phone-mute]", Keys: say.T("phone.mute_key")},
		{Label: say.T("phone.hold"), Hint: say.T("phone.label"), Icon: "pause", Click: call + "form[action$='/hold'] button", Keys: say.T("phone.hold_key")},
		{Label: say.T("phone.resume"), Hint: say.T("phone.label"), Icon: "play", Click: call + "form[action$='/resume'] button", Keys: say.T("phone.hold_key")},
		{Label: say.T("phone.transfer"), Hint: say.T("phone.label"), Icon: "phone-forwarded", Focus: call + ".phone-transfer > summary"},
		{Label: say.T("phone.keypad"), Hint: say.T("phone.label"), Icon: "grip", Focus: call + ".phone-keypad > summary"},
		{Label: say.T("phone.silence"), Hint: say.T("phone.label"), Icon: "volume-x", Focus: call + ".phone-silence > summary"},
		{Label: say.T("phone.connect"), Hint: say.T("phone.label"), Icon: "phone-forwarded", Click: call + "form[action$='/connect'] button"},
		{Label: say.T("phone.end"), Hint: say.T("phone.label"), Icon: "phone-off", Click: call + "form[action$='/end'] button"},
		{Label: say.T("phone.test"), Hint: say.T("phone.label"), Icon: "ear", Click: "[data-phone-test]"},
	}
}
