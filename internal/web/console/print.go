package console

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"vigie/internal/casefile"
	"vigie/internal/evidence"
	"vigie/internal/fault"
	"vigie/internal/paper"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// document is an empty page in the language of the screen.
func (c *Room) document(say *i18n.Printer, title string) *paper.Document {
	return &paper.Document{Lang: say.Lang(), Title: title, Author: c.Site.Name, Page: say.T("print.page", "page", "{page}", "pages", "{pages}"), Missing: say.T("print.missing"), At: c.Now()}
}

func handOut(w http.ResponseWriter, media, name string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Cache-Control", "no-store")
}

func handPDF(w http.ResponseWriter, d *paper.Document, name string) error {
	pdf, err := d.PDF()
	if err != nil {
		return err
	}
	handOut(w, "application/pdf", name+".pdf")
	_, err = w.Write(pdf)
	return err
}

// OffencesPDF is the page of offences to be taken along: nothing of the story is on it, nor the file's reference.
func (c *Room) OffencesPDF(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mayCase(r, r.PathValue("file")); err != nil {
		return err
	}
	file, err := c.Files.Get(r.Context(), r.PathValue("file"))
	if err != nil {
		return err
	}
	v := c.offencesView(answer.Printer(r), file, r.URL.Query().Get("for") == "parent")
	d := c.document(v.say, v.say.T("offences.title"))
	d.Header, d.Footer = c.Site.Name, joined(c.Site.Name, c.Site.Phone)
	d.Head(v.say.T("offences.title"))
	if len(v.all) == 0 {
		d.Text(v.staff.T("offences.none"))
	} else {
		d.Text(v.say.T("offences.lead"))
	}
	for _, o := range v.all {
		d.Heading(o.label)
		d.Text(o.what)
		d.Facts(paper.Fact{Name: v.say.T("offences.articles"), Value: o.articles}, paper.Fact{Name: v.say.T("offences.risk"), Value: strings.Join(o.risks, "\n")},
			paper.Fact{Name: v.say.T("offences.where"), Value: strings.Join(o.where, "\n")})
	}
	if len(v.notes) > 0 {
		d.Heading(v.say.T("offences.notes"))
		for _, n := range v.notes {
			d.List(n.what + " (" + n.articles + ")")
		}
	}
	return handPDF(w, d, "infractions")
}

// PrintCase is what stands in one room of a file, on paper. That it was printed is in the log, in the file's timeline and in
// the custody of what is kept as proof before a page of it exists.
func (c *Room) PrintCase(w http.ResponseWriter, r *http.Request) error {
	ctx, say, id := r.Context(), answer.Printer(r), r.PathValue("file")
	how, err := c.mayCase(r, id)
	if err != nil {
		return err
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	room := casefile.Room(form.Get("room"))
	if !slices.Contains(casefile.Rooms, room) {
		return fault.New(fault.Invalid, "fault.case.room")
	}
	file, err := c.Files.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := c.Files.Printed(ctx, id, room, me(r)); err != nil {
		return err
	}
	var kept printedEvidence
	if room == casefile.RoomChild {
		if kept.items, kept.older, err = c.Evidence.Newest(ctx, id, printedItems); err != nil {
			return err
		}
		if err := c.Evidence.Printed(ctx, kept.items, me(r)); err != nil {
			return err
		}
	}
	m := session.Staff(r)
	d, err := c.casePaper(ctx, say, m.Person, file, how, room, kept)
	if err != nil {
		return err
	}
	return handPDF(w, d, "dossier-"+file.Reference+"-"+string(room))
}

// casePaper lays out a room of a file. What was written for the child's story — notes, what is to do, proof, notices,
// referrals — is in the child's room and in no other; a parent is in the parent's.
func (c *Room) casePaper(ctx context.Context, say *i18n.Printer, reader staff.Person, file casefile.File, how casefile.Access, room casefile.Room, kept printedEvidence) (*paper.Document, error) {
	v, err := c.caseView(ctx, say, reader, file, how)
	if err != nil {
		return nil, err
	}
	d := c.document(say, say.T("case.one", "reference", file.Reference))
	d.Header = say.T("print.confidential", "house", c.Site.Name, "reference", file.Reference, "room", say.T("case.room."+string(room)))
	d.Footer = say.T("print.by", "who", c.Alias(ctx, reader.ID), "when", say.DateTime(c.Now()))
	d.Head(d.Title)
	d.Facts(paper.Fact{Name: say.T("print.room"), Value: say.T("case.room." + string(room))}, paper.Fact{Name: say.T("history.category"), Value: v.topic}, paper.Fact{Name: say.T("print.owner"), Value: v.owner})
	if room != casefile.RoomChild {
		d.Small(say.T("print.apart"))
	}
	d.Heading(say.T("case.contacts"))
	hers := map[string]bool{}
	contacts, err := c.Files.Contacts(ctx, file.ID)
	if err != nil {
		return nil, err
	}
	for _, x := range contacts {
		hers[x.ContactID] = x.Room == room
	}
	for _, drawn := range v.rooms {
		for _, ct := range drawn.contacts {
			if drawn.room == room {
				d.List(joined(ct.when, ct.topic, ct.state, ct.who))
			}
		}
	}
	d.Heading(say.T("case.people"))
	alone := true
	for _, p := range v.people {
		if !inRoom(p.Part, room) {
			continue
		}
		alone = false
		facts := []paper.Fact{{Name: say.T("print.part"), Value: say.T("case.part." + string(p.Part))}}
		for _, line := range p.lines {
			facts = append(facts, paper.Fact{Name: line.label, Value: line.value})
		}
		d.Facts(facts...)
	}
	if alone {
		d.Text(say.T("print.nothing"))
	}
	if room == casefile.RoomChild {
		c.printStory(ctx, d, v, kept)
	}
	return d, c.printTimeline(ctx, d, say, file.ID, room, hers, v.evidence.hidden)
}

// printedItems is how much evidence is printed at most, the newest: some 170 pages. All of it is in the export.
const printedItems = 1000

// printedEvidence is the evidence that stands on a paper, and how much older there is that does not.
type printedEvidence struct {
	items []evidence.Item
	older int
}

// joined is what there is of a line.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " · ")
}

// inRoom says whether somebody is told of in a room: parents in theirs, everybody else in the child's.
func inRoom(part casefile.Part, room casefile.Room) bool {
	return room == casefile.RoomParent && part == casefile.Parent || room == casefile.RoomChild && part != casefile.Parent
}

func (c *Room) printStory(ctx context.Context, d *paper.Document, v caseView, kept printedEvidence) {
	say := v.say
	if v.danger != nil {
		d.Heading(say.T("case.danger"))
		var facts []paper.Fact
		for _, a := range v.danger.answers {
			facts = append(facts, paper.Fact{Name: a.label, Value: a.value})
		}
		d.Facts(facts...)
		d.Small(v.danger.remark + "\n" + v.danger.who + ", " + v.danger.when)
	}
	part := func(title string, n int) {
		d.Heading(title)
		if n == 0 {
			d.Text(say.T("print.nothing"))
		}
	}
	part(say.T("case.tasks"), len(v.tasks)+len(v.done))
	for _, t := range append(slices.Clone(v.tasks), v.done...) {
		d.List(joined(t.task.Text, say.T("print.task."+string(t.task.State))+", "+t.when, t.who))
	}
	part(say.T("case.notes"), len(v.notes))
	for _, n := range v.notes {
		d.Text(n.text)
		d.Small(n.by + ", " + n.when)
	}
	part(say.T("print.evidence"), len(kept.items))
	if kept.older > 0 {
		d.Small(say.T("print.more", "n", kept.older))
	}
	for _, e := range kept.items {
		facts := []paper.Fact{{Name: say.T("print.number", "n", e.Number), Value: say.T("evidence.kind."+e.Kind) + ", " + say.DateTime(at(e.AddedAt)) + ", " + c.Alias(ctx, e.AddedBy)}}
		for _, line := range itemLines(say, e) {
			facts = append(facts, paper.Fact{Name: line.label, Value: line.value})
		}
		d.Facts(facts...)
	}
	part(say.T("takedown.section"), len(v.notices))
	for _, n := range v.notices {
		d.List(joined(say.T("takedown.one", "n", n.Number, "platform", n.platform), n.ground, n.state))
	}
	part(say.T("print.referrals"), len(v.referrals))
	for _, r := range v.referrals {
		d.List(joined(r.partner, r.state, r.when))
	}
}

// printTimeline is all that happened in a room, the oldest first.
func (c *Room) printTimeline(ctx context.Context, d *paper.Document, say *i18n.Printer, fileID string, room casefile.Room, hers, hidden map[string]bool) error {
	events, err := c.Files.Timeline(ctx, fileID, "", printedEvents)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, e := range slices.Backward(events) {
		if hidden[e.Ref] {
			continue
		}
		mine, ofContact := hers[e.Ref]
		parent := strings.HasPrefix(e.Kind, "person_") && e.Code == string(casefile.Parent)
		if ofContact && !mine || !ofContact && room != casefile.RoomChild || parent {
			continue
		}
		what := say.T("case.event." + e.Kind)
		if ev, ok := strings.CutPrefix(e.Kind, "referral_"); ok {
			what = say.T("referral.event."+ev) + ", " + c.partnerName(say, e.Code)
		}
		rows = append(rows, []string{say.DateTime(at(e.At)), what, c.actorName(ctx, say, e)})
	}
	d.Heading(say.T("case.timeline"))
	d.Table([]paper.Column{{Label: say.T("print.when"), Share: 3}, {Label: say.T("print.what"), Share: 4}, {Label: say.T("print.who"), Share: 1.5}}, rows)
	return nil
}

// printedEvents is how much of a file's past is printed at most.
const printedEvents = 2000
