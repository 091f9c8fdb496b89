package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// number reads a whole number of a form; anything else is 0.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Panel opens the form of one of her contacts beside its conversation.
func (c *Room) Panel(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.open(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	if ct.CounsellorID != me(r).ID || !mineStates[ct.State] { // what is past, or a supervisor's look into a colleague's contact
		if ct, err = c.Contacts.Look(r.Context(), ct.ID, me(r), "supervise"); err != nil {
			return err
		}
	}
	panel, err := c.panel(r.Context(), answer.Printer(r), session.Staff(r).Person, ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, panel)
}

// sheet is the form of one contact, ready to be drawn.
type sheet struct {
	say       *i18n.Printer
	contact   contact.Contact
	title     string
	sections  []section
	danger    []ui.DangerItem
	dangerWhy string
	protocols []ui.ProtocolProps
	others    []ui.ProtocolProps // the protocols that nothing opened: she may know better
	answers   []ui.Answer
	cards     []ui.ReadingProps
	notes     []note
	listened  []told // who listened or read along, of the past
	copy      copyLink
	promise   *promise // the call-back we owe, nil for none
	taped     []taped  // recordings, where the helpline records
	check     checkView
	receipt   *receipt // of the partner line that sent her, nil for none
	voice     *voice   // what she spoke onto the tape, nil for nothing
	callback  []told   // how she wishes to be called back; empty when she does not
	missing   []string
	unasked   []string // the fields that make no sense beside the other answers
	closings  []closing
	same      []ui.SameProps
	file      caseLink
	hold      *holdView
	erasing   string // that her erasure waits, "" when she did not ask
	numbers   []ui.NumberProps
	earlier   []earlier
	number    []earlier // contacts that came by the same telephone: hers, or somebody else's of her home
}

// earlier is another contact of the same person: to read where she may, else only when it was and with whom.
type earlier struct{ when, who, href string }

type section struct {
	code, title string
	open        bool
	filled      int
	fields      []field
}

// field is one question, with what was answered.
type field struct {
	catalogue.Field
	label, hint, value string
	options            []ui.Option
	shown              bool
}

type note struct{ text, by, when string }

type closing struct{ code, label string }

func (c *Room) panel(ctx context.Context, say *i18n.Printer, reader staff.Person, ct contact.Contact) (piece, error) {
	s, err := c.sheet(ctx, say, ct)
	if err != nil {
		return nil, err
	}
	for _, card := range c.Guides.Cards(say.Lang(), c.speaks(ct), c.Catalogue().Questions.Danger(ct.Topic)) {
		s.cards = append(s.cards, ui.ReadingProps{Body: card.Body, Href: say.Path(card.Path), Title: say.Text(card.Title), Words: card.Words, What: say.T("reading." + cmp.Or(string(card.Kind), "card"))})
	}
	if s.earlier, err = c.earlier(ctx, say, reader, ct); err != nil {
		return nil, err
	}
	if s.number, err = c.sameNumber(ctx, say, reader, ct); err != nil {
		return nil, err
	}
	if s.file, err = c.caseOf(ctx, say, ct); err != nil {
		return nil, err
	}
	if s.copy, err = c.copyOf(ctx, ct); err != nil {
		return nil, err
	}
	if s.same, err = c.same(ctx, say, ct.CounsellorID, ct); err != nil {
		return nil, err
	}
	if s.hold, err = c.hold(ctx, say, ct, ct.CounsellorID); err != nil {
		return nil, err
	}
	if s.promise, err = c.promised(ctx, say, ct, reader.ID); err != nil {
		return nil, err
	}
	if s.voice, err = c.voice(ctx, ct.ID); err != nil {
		return nil, err
	}
	if s.taped, err = c.taped(ctx, say, ct.ID); err != nil {
		return nil, err
	}
	return panelPiece(s), nil
}

// earlierShown is how many earlier contacts stand above a form; the others are in the history.
const earlierShown = 10

// earlier are the person's other contacts, the newest first; none for a reader who said that she knows
// the person.
func (c *Room) earlier(ctx context.Context, say *i18n.Printer, reader staff.Person, ct contact.Contact) ([]earlier, error) {
	recused, err := c.Router.Recused(ctx, reader.ID, ct)
	if err != nil || recused {
		return nil, err
	}
	all, err := c.Contacts.OfPerson(ctx, ct.PersonID)
	if err != nil {
		return nil, err
	}
	var others []earlier
	for _, other := range slices.Backward(all) {
		if other.ID == ct.ID || len(others) == earlierShown {
			continue
		}
		others = append(others, c.earlierOne(ctx, say, reader, other))
	}
	return others, nil
}

func (c *Room) earlierOne(ctx context.Context, say *i18n.Printer, reader staff.Person, other contact.Contact) earlier {
	e := earlier{when: say.DateTime(at(other.OpenedAt)), who: say.T("desk.earlier_nobody")}
	if other.StickyID != "" {
		e.who = c.Alias(ctx, other.StickyID)
	}
	if other.StickyID == reader.ID || other.CounsellorID == reader.ID || reader.Can(staff.ContactAll) {
		e.href = "/desk/history/" + other.ID
	}
	return e
}

// sameNumber are the contacts that came by the same telephone and are not known to be of the same person, the newest
// first; none of whom the reader said that she knows.
func (c *Room) sameNumber(ctx context.Context, say *i18n.Printer, reader staff.Person, ct contact.Contact) ([]earlier, error) {
	recused, err := c.Router.Recused(ctx, reader.ID, ct)
	if err != nil || recused {
		return nil, err
	}
	ids, err := c.Phone.Before(ctx, ct.ID, earlierShown)
	if err != nil {
		return nil, err
	}
	var all []earlier
	for _, id := range ids {
		other, err := c.Contacts.Get(ctx, id)
		if err = ignoreGone(err); err != nil {
			return nil, err
		}
		if other.ID == "" || other.PersonID == ct.PersonID {
			continue
		}
		if recused, err = c.Router.Recused(ctx, reader.ID, other); err != nil {
			return nil, err
		}
		if !recused {
			all = append(all, c.earlierOne(ctx, say, reader, other))
		}
	}
	return all, nil
}

// savedPieces redraws what the answers decide: which fields are asked, what is still missing, which
// protocols are open, what the ready answers say. Where one field was saved, only what it has a part in: the
// protocols and the answers are long. field "" is anything that may have changed.
func (c *Room) savedPieces(ctx context.Context, say *i18n.Printer, ct contact.Contact, field string) ([]piece, error) {
	s, err := c.sheet(ctx, say, ct)
	if err != nil {
		return nil, err
	}
	return c.decided(s, field), nil
}

func (c *Room) decided(s sheet, field string) []piece {
	pieces := []piece{missingPiece(s)}
	if field == "" || c.Catalogue().Form.CanRing(field) {
		pieces = append(pieces, protocolsPiece(s), otherProtocolsPiece(s))
	}
	if field == "" || field == askWho {
		pieces = append(pieces, checkPiece(s.say, s.check))
	}
	if field == "" || field == askName || field == askPlatform {
		pieces = append(pieces, answersPiece(s))
	}
	return pieces
}

func (c *Room) sheet(ctx context.Context, say *i18n.Printer, ct contact.Contact) (sheet, error) {
	set, lang := c.Catalogue(), say.Lang()
	s := sheet{say: say, contact: ct, title: c.title(say, ct)}
	given, err := c.Contacts.Form(ctx, ct.ID)
	if err != nil {
		return s, err
	}
	if s.erasing, err = c.erasing(ctx, say, ct.PersonID); err != nil {
		return s, err
	}
	values := given.Values()
	for _, part := range set.Form.Sections {
		drawn := section{code: part.Code, title: say.Text(part.Label.In(lang)), open: len(s.sections) == 0}
		for _, f := range part.Fields {
			if f.Retired && values[f.Code] == "" {
				continue
			}
			q := drawField(say, f, values[f.Code])
			q.shown = set.Form.Shown(f.Code, values)
			if !q.shown {
				s.unasked = append(s.unasked, f.Code)
			}
			if q.value != "" {
				drawn.filled++
			}
			drawn.fields = append(drawn.fields, q)
		}
		s.sections = append(s.sections, drawn)
	}
	if s.check, err = c.checkOf(ctx, say, ct, values); err != nil {
		return s, err
	}
	for _, f := range set.Form.Missing(values) {
		s.missing = append(s.missing, say.Text(f.Label.In(lang)))
	}
	if s.protocols, s.others, err = c.protocols(ctx, say, ct, values); err != nil {
		return s, err
	}
	speaks := c.speaks(ct)
	vars := c.vars(ctx, ct, values)
	for _, a := range set.Answers.All {
		if len(a.For(speaks)) == 0 {
			continue
		}
		text, _ := a.Fill(speaks, ct.Lang, vars)
		s.answers = append(s.answers, ui.Answer{Code: a.Code, Shortcut: a.Shortcut, Title: say.Text(a.Title.In(lang)), Text: text, Topic: a.Group})
	}
	notes, err := c.Contacts.Notes(ctx, ct.ID)
	if err != nil {
		return s, err
	}
	for _, n := range notes {
		s.notes = append(s.notes, note{text: n.Text, by: c.Alias(ctx, n.AuthorID), when: say.DateTime(at(n.WrittenAt))})
	}
	if s.callback, err = c.callback(ctx, say, ct.ID); err != nil {
		return s, err
	}
	if s.receipt, err = c.receiptOf(ctx, say, ct.ID); err != nil {
		return s, err
	}
	for _, category := range set.Taxonomy.Closings() {
		s.closings = append(s.closings, closing{category.Code, say.Text(category.Label.In(lang))})
	}
	return s, nil
}

// callback says a wish to be called back, with what is done where she said nothing: we then say that it
// was a wrong number, and leave no message.
func (c *Room) callback(ctx context.Context, say *i18n.Printer, contactID string) ([]told, error) {
	wish, ok, err := c.Contacts.Callback(ctx, contactID)
	if err != nil || !ok {
		return nil, err
	}
	or := func(text, otherwise string) string {
		if text == "" {
			return say.T(otherwise)
		}
		return text
	}
	voicemail := "desk.callback_no_voicemail"
	if wish.Voicemail {
		voicemail = "desk.callback_voicemail"
	}
	number := "desk.callback_number_hidden"
	if wish.ShowNumber {
		number = "desk.callback_number_shown"
	}
	if key := "phone.when." + wish.Key.When; wish.When == "" && say.Has(key) {
		wish.When = say.T(key)
	}
	if key := "phone.others." + wish.Key.Others; wish.Others == "" && say.Has(key) {
		wish.Others = say.T(key)
	}
	return []told{
		{say.T("desk.callback_on"), or(wish.On, "desk.callback_hers")}, {say.T("desk.callback_when"), or(wish.When, "desk.not_said")},
		{say.T("desk.callback_others"), or(wish.Others, "desk.not_said")}, {say.T("desk.callback_say"), or(wish.Say, "desk.callback_wrong")},
		{say.T("desk.callback_message"), say.T(voicemail)}, {say.T("desk.callback_number"), say.T(number)},
	}, nil
}

func drawField(say *i18n.Printer, f catalogue.Field, value string) field {
	lang := say.Lang()
	q := field{Field: f, label: say.Text(f.Label.In(lang)), hint: say.Text(f.Hint.In(lang)), value: value}
	chosen := strings.Fields(value)
	for _, choice := range f.Offered() {
		q.options = append(q.options, ui.Option{Value: choice.Code, Label: say.Text(choice.Label.In(lang)), Group: choice.Group, Checked: slices.Contains(chosen, choice.Code)})
	}
	if f.Type == catalogue.YesNo {
		q.options = nil
		for _, code := range []string{"yes", "no", "unknown"} {
			q.options = append(q.options, ui.Option{Value: code, Label: say.T("desk.answer." + code), Checked: value == code})
		}
	}
	return q
}

// protocols are the emergency protocols that this contact's dangers open (what it came for, the alarms of
// its form, the words that were heard) or that somebody began, and apart all the others.
func (c *Room) protocols(ctx context.Context, say *i18n.Printer, ct contact.Contact, values map[string]string) (opened, others []ui.ProtocolProps, err error) {
	set, lang := c.Catalogue(), say.Lang()
	ticked, err := c.Contacts.Steps(ctx, ct.ID)
	if err != nil {
		return nil, nil, err
	}
	dangers := []string{}
	if danger := set.Questions.Danger(ct.Topic); danger != "" {
		dangers = append(dangers, danger)
	}
	for _, alarm := range set.Form.Alarms(values) {
		dangers = append(dangers, alarm.Danger)
	}
	reasons, err := c.Contacts.Reasons(ctx, ct)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range reasons {
		if danger := set.DangerOf(r.Code); danger != "" {
			dangers = append(dangers, danger)
		}
	}
	for _, card := range set.Protocols.Cards {
		used := slices.Contains(dangers, card.Danger)
		props := ui.ProtocolProps{
			ID: "protocol-" + card.Code, Title: card.Title.In(lang), Intro: card.When.In(lang),
			Action: "/desk/contacts/" + ct.ID + "/protocols/" + card.Code, Composer: "write-" + ct.ID,
		}
		for _, mistake := range card.Never {
			props.Never = append(props.Never, mistake.In(lang))
		}
		for _, step := range card.Steps {
			drawn := ui.ProtocolStep{Code: step.Code, Text: step.Text.In(lang), Say: step.Say.In(ct.Lang), If: step.If.In(lang)}
			if len(step.Say) == 0 {
				drawn.Say = ""
			}
			if t, ok := ticked[card.Code+"."+step.Code]; ok {
				used = true
				drawn.Ticked, drawn.Done = true, c.Alias(ctx, t.By)+", "+say.Time(at(t.At))
			}
			for _, code := range step.Call {
				if n, ok := set.Numbers.ByCode(code); ok {
					props.Numbers = append(props.Numbers, ui.NumberProps{Number: n.Number, Name: n.Label.In(lang), Grave: n.Emergency})
				}
			}
			props.Steps = append(props.Steps, drawn)
		}
		props.Numbers = distinct(props.Numbers)
		if used {
			opened = append(opened, props)
		} else {
			props.ID = "protocol-more-" + card.Code
			others = append(others, props)
		}
	}
	return opened, others, nil
}

// distinct keeps the first of each number.
func distinct(all []ui.NumberProps) []ui.NumberProps {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(n ui.NumberProps) bool {
		had := seen[n.Number]
		seen[n.Number] = true
		return had
	})
}

// SaveField saves one answer as it is given.
func (c *Room) SaveField(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, whole := form["field"]; !whole { // the form posted as one, without JavaScript
		for name := range form {
			if err := c.saveField(r, id, name, strings.Join(form[name], " ")); err != nil {
				return err
			}
		}
	} else if err := c.saveField(r, id, form.Get("field"), form.Get("value")); err != nil {
		return err
	}
	ct, err := c.open(r, id)
	if err != nil {
		return err
	}
	pieces, err := c.savedPieces(r.Context(), answer.Printer(r), ct, form.Get("field"))
	if err != nil {
		return err
	}
	return c.pieces(w, r, id, pieces...)
}

func (c *Room) saveField(r *http.Request, id, name, value string) error {
	field, ok := c.Catalogue().Form.Field(name)
	if !ok {
		return fault.New(fault.Invalid, "fault.catalogue.field_unknown")
	}
	if field.Type == catalogue.Multi {
		value = strings.ReplaceAll(value, ",", " ")
	}
	_, err := c.Contacts.SaveField(r.Context(), contact.Saving{ContactID: id, Field: name, Value: value, Seen: contact.Overwrite, By: me(r), Supervising: supervises(r), Screen: answer.Screen(r.Header.Get("Vigie-Screen"))})
	return err
}

// Tick ticks a step of a protocol, or takes the tick back.
func (c *Room) Tick(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, err := c.Contacts.Tick(r.Context(), id, r.PathValue("protocol"), form.Get("field"), form.Get("value") != "", me(r), supervises(r)); err != nil {
		return err
	}
	ct, err := c.open(r, id)
	if err != nil {
		return err
	}
	s, err := c.sheet(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, id, protocolsPiece(s), otherProtocolsPiece(s))
}

// Note keeps a note beside the form.
func (c *Room) Note(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.mine(r)
	if err != nil {
		return err
	}
	if _, err := c.Contacts.SaveNote(r.Context(), contact.Note{ID: form.Get("note_id"), ContactID: ct.ID, AuthorID: me(r).ID, Text: form.Get("text")}); err != nil {
		return err
	}
	s, err := c.sheet(r.Context(), answer.Printer(r), ct)
	if err != nil {
		return err
	}
	return c.pieces(w, r, ct.ID, notesPiece(s))
}
