package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/referral"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// referralRow is a referral in the list of its file.
type referralRow struct {
	href, partner, state, receipt, when string
	tone                                ui.Tone
	late                                bool
}

// referralsOf are the referrals of a file, and to whom a new one may go.
func (c *Room) referralsOf(ctx context.Context, say *i18n.Printer, file casefile.File) (rows []referralRow, partners []ui.Option, err error) {
	all, err := c.Referrals.Of(ctx, file.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		rows = append(rows, c.referralRow(say, r))
	}
	for _, p := range c.Catalogue().Partners.All {
		if !p.Retired {
			partners = append(partners, ui.Option{Value: p.Code, Label: say.Text(p.Label.In(say.Lang()))})
		}
	}
	return rows, partners, nil
}

func (c *Room) referralRow(say *i18n.Printer, r referral.Referral) referralRow {
	row := referralRow{href: "/desk/cases/" + r.FileID + "/referrals/" + r.ID, partner: c.partnerName(say, r.Partner), state: say.T("referral.state." + string(r.State)), receipt: r.Receipt(), tone: ui.Calm}
	switch r.State {
	case referral.Acknowledged, referral.Closed, referral.Confirmed:
		row.tone = ui.Success
	case referral.Declined:
		row.tone = ui.Warn
	}
	due := int64(0)
	switch {
	case r.State == referral.Sent && r.ChaseDue > 0:
		due, row.when = r.ChaseDue, say.T("referral.chase_at", "when", say.DateTime(at(r.ChaseDue)))
	case r.SendDue > 0:
		due, row.when = r.SendDue, say.T("referral.before", "when", say.DateTime(at(r.SendDue)))
	default:
		row.when = say.T("referral.since", "when", say.DateTime(at(r.StateSince)))
	}
	row.late = due > 0 && at(due).Before(c.Now())
	return row
}

func (c *Room) partnerName(say *i18n.Printer, code string) string {
	if p, ok := c.Catalogue().Partners.ByCode(code); ok {
		return say.Text(p.Label.In(say.Lang()))
	}
	return code
}

// referralView is one referral, ready to be drawn.
type referralView struct {
	say       *i18n.Printer
	file      casefile.File
	r         referral.Referral
	row       referralRow
	act       string
	write     bool // its file is open
	partner   catalogue.Recipient
	numbers   string
	address   string // the form of the partner, or of its office
	note      string // what is known of the office
	fault     string // why the last act was refused
	lacks     []referralQuestion
	groups    []referralGroup
	told      []told // what is handed on, in words
	first     string // what the person hears first
	consents  []ui.Option
	hers      []told // what she was asked and told, in words
	past      []string
	channels  []string
	link      referral.Link
	linkOpen  bool
	linkAt    string
	linkUntil string
	mailing   *referral.Mailing // the letter that is on its way, or was refused
	mailbox   string            // where a sealed e-mail would go
	second    bool              // she may be the second reader
	decidedBy string            // who decided
	now       string
}

// mailed says that a letter of it is on its way, or that nobody knows: until that is known nothing else is done with it.
func (v referralView) mailed() bool { return v.mailing != nil && v.mailing.Open() }

// mailTrouble is why our mail server does not take a letter, in words.
func mailTrouble(say *i18n.Printer, key string) string {
	switch key {
	case "fault.route.mail_login", "fault.route.mail_tls":
		return say.T(key)
	}
	return say.T("referral.mail_declined")
}

type referralGroup struct {
	label     string
	questions []referralQuestion
	again     []referralQuestion // one more child, one more parent
}

type referralQuestion struct {
	id, name, label, hint, value string
	kind                         catalogue.FieldType
	options                      []ui.Option
}

// referralOf reads a referral of a file that she may read.
func (c *Room) referralOf(r *http.Request) (casefile.File, referral.Referral, error) {
	fileID := r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return casefile.File{}, referral.Referral{}, err
	}
	file, err := c.Files.Get(r.Context(), fileID)
	if err != nil {
		return file, referral.Referral{}, err
	}
	ref, err := c.Referrals.Get(r.Context(), r.PathValue("referral"))
	if err == nil && ref.FileID != fileID {
		err = fault.New(fault.NotFound, "fault.referral.unknown")
	}
	return file, ref, err
}

// Referral shows one referral. The look is in the log, as one into its file.
func (c *Room) Referral(w http.ResponseWriter, r *http.Request) error {
	file, ref, err := c.referralOf(r)
	if err != nil {
		return err
	}
	how, err := c.mayCase(r, file.ID)
	if err != nil {
		return err
	}
	if err := c.Files.Look(r.Context(), file.ID, how, me(r)); err != nil {
		return err
	}
	return c.showReferral(w, r, http.StatusOK, file, ref, "")
}

func (c *Room) showReferral(w http.ResponseWriter, r *http.Request, code int, file casefile.File, ref referral.Referral, refused string) error {
	say, m := answer.Printer(r), session.Staff(r)
	v, err := c.referralView(r.Context(), say, m.Person, file, ref)
	if err != nil {
		return err
	}
	v.fault = refused
	w.Header().Set("Cache-Control", "no-store")
	d, changes := c.caseShell(r, say, file, "referral.title")
	answer.Page(w, r, code, referralPage(v, d, changes))
	return nil
}

func (c *Room) referralView(ctx context.Context, say *i18n.Printer, reader staff.Person, file casefile.File, ref referral.Referral) (v referralView, err error) {
	set := c.Catalogue()
	v = referralView{say: say, file: file, r: ref, row: c.referralRow(say, ref), act: "/desk/cases/" + file.ID + "/referrals/" + ref.ID, write: file.State == casefile.Open,
		channels: c.Referrals.Channels(ref), second: ref.DecidedBy != reader.ID, now: c.Now().In(i18n.Paris).Format("2006-01-02T15:04")}
	v.partner, _ = set.Partners.ByCode(ref.Partner)
	var numbers []string
	for _, code := range v.partner.Numbers {
		if n, ok := set.Numbers.ByCode(code); ok {
			numbers = append(numbers, n.Number)
		}
	}
	v.numbers = strings.Join(numbers, ", ")
	v.address = v.partner.Address
	if office, ok := v.partner.Office(ref.Content.Fields[referral.Department]); ok {
		v.note = say.Text(office.Note.In(say.Lang()))
		if office.Address != "" {
			v.address = office.Address
		}
	}
	v.first = say.Text(v.partner.First(c.speaksIn(ctx, file.ID)).In(say.Lang()))
	if !ref.State.May(referral.EventSave) {
		v.channels = nil
	}
	for _, f := range c.Referrals.Lacks(ref) {
		v.lacks = append(v.lacks, c.referralQuestion(say, f, f.Code, ""))
	}
	v.groups = c.referralGroups(say, v.partner, ref.Content.Fields)
	for _, line := range c.Referrals.Lines(ref, say.Lang()) {
		v.told = append(v.told, told{say.Text(line.Label), say.Text(line.Answer)})
	}
	for _, consent := range referral.Consents {
		v.consents = append(v.consents, ui.Option{Value: consent, Label: say.T("referral.consent." + consent), Checked: ref.Content.Consent == consent})
	}
	p := ref.Content
	for _, line := range []told{{say.T("referral.consent_ask"), consentSaid(say, p.Consent)}, {say.T("referral.why"), p.Why}, {say.T("referral.told"), p.Told}, {say.T("referral.untold"), p.Untold}, {say.T("referral.ground"), p.Ground},
		{say.T("referral.spoken"), p.To}, {say.T("referral.reference"), p.Reference}, {say.T("referral.read_word"), p.Read}, {say.T("referral.outcome"), p.Outcome}} {
		if line.value != "" {
			v.hers = append(v.hers, line)
		}
	}
	if ref.DecidedBy != "" {
		v.decidedBy = c.Alias(ctx, ref.DecidedBy)
	}
	v.past = c.referralPast(ctx, say, ref, v.decidedBy)
	v.mailbox = v.partner.MailboxOf(ref.Content.Fields[referral.Department])
	m, ok, err := c.Referrals.Mailing(ctx, ref.ID)
	if err != nil {
		return v, err
	}
	if ok && ref.State == referral.Decided && (m.Open() || m.State == referral.MailRefused) {
		v.mailing = &m
	}
	if m.Open() {
		v.channels = nil
	}
	if v.link, ok, err = c.Referrals.Link(ctx, ref.ID); err != nil {
		return v, err
	}
	if ok {
		v.linkOpen = v.link.Open(c.Now())
		v.linkAt = c.Site.URL + say.Path("/envelope/"+v.link.Token)
		v.linkUntil = say.DateTime(at(v.link.Until))
		if v.link.FetchedAt > 0 {
			v.past = append(v.past, say.T("referral.fetched", "who", p.Fetched, "when", say.DateTime(at(v.link.FetchedAt))))
		}
	}
	return v, nil
}

func consentSaid(say *i18n.Printer, consent string) string {
	if consent == "" {
		return ""
	}
	return say.T("referral.consent." + consent)
}

// referralPast is what happened to it, in sentences, in order.
func (c *Room) referralPast(ctx context.Context, say *i18n.Printer, ref referral.Referral, decidedBy string) (past []string) {
	if call := ref.Content.Call; call.At > 0 {
		past = append(past, say.T("referral.called", "number", call.Number, "who", call.Who, "when", say.DateTime(at(call.At))))
	}
	if ref.DecidedAt > 0 {
		past = append(past, say.T("referral.decided", "who", decidedBy, "when", say.DateTime(at(ref.DecidedAt))))
	}
	if ref.ReadAt > 0 {
		past = append(past, say.T("referral.read_by", "who", c.Alias(ctx, ref.ReadBy), "when", say.DateTime(at(ref.ReadAt))))
	}
	if ref.SentAt > 0 {
		past = append(past, say.T("referral.channel."+ref.Channel), say.T("referral.sent", "who", c.Alias(ctx, ref.SentBy), "when", say.DateTime(at(ref.SentAt))))
	}
	if ref.Chases > 0 {
		past = append(past, say.T("referral.chases", "n", ref.Chases))
	}
	if ref.AcknowledgedAt > 0 {
		past = append(past, say.T("referral.acknowledged", "when", say.DateTime(at(ref.AcknowledgedAt))))
	}
	return past
}

// speaksIn says to whom a file speaks: to the child, unless every contact of it is somebody else's.
func (c *Room) speaksIn(ctx context.Context, fileID string) string {
	contacts, err := c.Files.Contacts(ctx, fileID)
	if err != nil || len(contacts) == 0 || slices.ContainsFunc(contacts, func(x casefile.Contact) bool { return x.Room == casefile.RoomChild }) {
		return catalogue.Young
	}
	return catalogue.Adult
}

func (c *Room) referralGroups(say *i18n.Printer, p catalogue.Recipient, fields map[string]string) []referralGroup {
	var all []referralGroup
	asked := c.Referrals.Fields(p)
	for _, g := range append([]catalogue.ReferralGroup{{}}, p.Groups...) {
		drawn := referralGroup{label: say.Text(g.Label.In(say.Lang()))}
		most := 1
		for _, f := range asked {
			if f.Group == g.Code {
				most = max(most, len(referral.Repeated(fields, f.Code)))
			}
		}
		for n := 1; n <= most+1; n++ {
			suffix := ""
			if n > 1 {
				suffix = "#" + string(rune('0'+n))
			}
			if n > most && (!g.Repeats || n > 6) {
				break
			}
			for _, f := range asked {
				if f.Group != g.Code {
					continue
				}
				q := c.referralQuestion(say, f, f.Code+suffix, fields[f.Code+suffix])
				if n > most {
					drawn.again = append(drawn.again, q)
				} else {
					drawn.questions = append(drawn.questions, q)
				}
			}
		}
		if len(drawn.questions) > 0 {
			all = append(all, drawn)
		}
	}
	return all
}

func (c *Room) referralQuestion(say *i18n.Printer, f catalogue.ReferralField, name, value string) referralQuestion {
	q := referralQuestion{id: "field-" + strings.ReplaceAll(name, "#", "-"), name: "field." + name, label: say.Text(f.Label.In(say.Lang())), hint: say.Text(f.Hint.In(say.Lang())), value: value, kind: f.Type}
	if _, n, ok := strings.Cut(name, "#"); ok {
		q.label += " (" + n + ")"
	} else if f.Required {
		q.label += " (" + say.T("referral.required") + ")"
	}
	add := func(code, label string) {
		q.options = append(q.options, ui.Option{Value: code, Label: label, Checked: code == value})
	}
	switch f.Type {
	case catalogue.YesNo:
		add("yes", say.T("referral.answer.yes"))
		add("no", say.T("referral.answer.no"))
	case catalogue.OneChoice:
		for _, choice := range f.Choices {
			add(choice.Code, say.Text(choice.Label.In(say.Lang())))
		}
	case catalogue.OfPlace:
		for _, d := range c.Catalogue().Departments.All {
			add(d.Code, say.Text(d.Label.In(say.Lang())))
		}
	}
	return q
}

// NewReferral prepares a referral: what the form of the child's contacts says already is in it.
func (c *Room) NewReferral(w http.ResponseWriter, r *http.Request) error {
	ctx, fileID := r.Context(), r.PathValue("file")
	if _, err := c.mayCase(r, fileID); err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	partner, ok := c.Catalogue().Partners.ByCode(form.Get("partner"))
	if !ok {
		return fault.New(fault.Invalid, "fault.referral.partner")
	}
	known, err := c.knownOf(ctx, fileID, partner)
	if err != nil {
		return err
	}
	id := form.Get("id")
	if err := c.Referrals.Open(ctx, fileID, id, partner.Code, referral.Paper{Fields: known}, me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/cases/"+fileID+"/referrals/"+id, http.StatusSeeOther)
	return nil
}

// knownOf is what the form of the child's contacts says of a partner's fields, the newest answer first.
func (c *Room) knownOf(ctx context.Context, fileID string, partner catalogue.Recipient) (map[string]string, error) {
	contacts, err := c.Files.Contacts(ctx, fileID)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, x := range slices.Backward(contacts) {
		if x.Room != casefile.RoomChild {
			continue // what a parent said is not the child's
		}
		given, err := c.Contacts.Form(ctx, x.ContactID)
		if err = ignoreGone(err); err != nil {
			return nil, err
		}
		for _, f := range c.Referrals.Fields(partner) {
			if value := given[f.From].Value; f.From != "" && known[f.Code] == "" && value != "" {
				known[f.Code] = value
			}
		}
	}
	return known, nil
}

// ActReferral does one thing with a referral. What is refused is said on its page, and what was written in the form is kept.
func (c *Room) ActReferral(w http.ResponseWriter, r *http.Request) error {
	file, ref, err := c.referralOf(r)
	if err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	err = c.actReferral(r, ref, form)
	switch fault.KindOf(err) {
	case "":
		http.Redirect(w, r, "/desk/cases/"+file.ID+"/referrals/"+ref.ID, http.StatusSeeOther)
		return nil
	case fault.Invalid, fault.Forbidden, fault.Conflict:
		if answer.Scripted(r) {
			return err // said beside what was pressed
		}
		answer.Log(r, err)
		if ref, again := c.Referrals.Get(r.Context(), ref.ID); again == nil {
			return c.showReferral(w, r, answer.Status(err), file, ref, answer.Printer(r).Fault(err))
		}
	}
	return err
}

func (c *Room) actReferral(r *http.Request, ref referral.Referral, form url.Values) (err error) {
	ctx, id, rev, by, do := r.Context(), ref.ID, number(form.Get("rev")), me(r), form.Get("do")
	switch do {
	case "save", "decide", "decline":
		before := ref
		if ref, err = c.Referrals.Save(ctx, id, rev, paperOf(form), by); err != nil {
			return err
		}
		if ref.Rev != before.Rev {
			rev = ref.Rev
		}
		switch do {
		case "decide":
			_, err = c.Referrals.Decide(ctx, id, rev, by)
		case "decline":
			_, err = c.Referrals.Decline(ctx, id, rev, by)
		}
	case "call":
		when, parsed := time.ParseInLocation("2006-01-02T15:04", form.Get("when"), i18n.Paris)
		if parsed != nil {
			return fault.New(fault.Invalid, "fault.referral.when")
		}
		_, err = c.Referrals.Called(ctx, id, rev, referral.Call{Number: form.Get("number"), Who: form.Get("who"), At: when.UnixMilli()}, by)
	case "agree", "return":
		_, err = c.Referrals.ReadDecline(ctx, id, rev, do == "agree", form.Get("word"), by)
	case "link":
		_, err = c.Referrals.SendLink(ctx, id, rev, by)
	case "mail":
		_, err = c.Referrals.SendMail(ctx, id, rev, by)
	case "mail-arrived":
		_, err = c.Referrals.MailArrived(ctx, id, rev, by)
	case "mail-back":
		_, err = c.Referrals.MailBack(ctx, id, rev, by)
	case "send":
		_, err = c.Referrals.Send(ctx, id, rev, referral.Delivery{Channel: form.Get("channel"), To: form.Get("to"), Reference: form.Get("reference")}, by)
	case "chase":
		_, err = c.Referrals.Chase(ctx, id, rev, by)
	case "again":
		_, err = c.Referrals.Again(ctx, id, rev, by)
	case "acknowledge":
		_, err = c.Referrals.Acknowledge(ctx, id, rev, form.Get("to"), form.Get("reference"), by)
	case "close":
		_, err = c.Referrals.Close(ctx, id, rev, form.Get("outcome"), by)
	case "withdraw":
		_, err = c.Referrals.Withdraw(ctx, id, rev, form.Get("outcome"), by)
	default:
		err = fault.New(fault.Invalid, "fault.referral.act")
	}
	return err
}

// paperOf reads the form of a referral.
func paperOf(form url.Values) referral.Paper {
	p := referral.Paper{Fields: map[string]string{}, Consent: form.Get("consent"), Why: form.Get("why"), Told: form.Get("told"), Untold: form.Get("untold"), Ground: form.Get("ground")}
	for name := range form {
		if code, ok := strings.CutPrefix(name, "field."); ok {
			p.Fields[code] = form.Get(name)
		}
	}
	return p
}
