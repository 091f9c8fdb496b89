package console

import (
	"net/http"
	"strconv"
	"strings"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/quality"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// A grid of quality is about one conversation and for two people. No page sums it up by person, and none compares people.

// reviewLine is a grid in a list.
type reviewLine struct {
	quality.Review
	about, by, when, state, href string
}

// reviewView is a grid, to be filled or read.
type reviewView struct {
	reviewLine
	parts   []reviewPart
	fills   bool // she fills it
	replies bool // it is about her, and she may answer
	read    string
}

type reviewPart struct {
	label    string
	criteria []reviewMark
}

type reviewMark struct {
	code, label, low, high, note string
	mark                         int
}

type qualityView struct {
	mine    bool
	groups  []reviewGroup
	middles []middleView
}

// reviewGroup are the grids about one person, by name and without any sum.
type reviewGroup struct {
	who  string
	rows []reviewLine
}

type middleView struct {
	label, mark string
	people      int
}

// Reviews lists: to a counsellor those about herself, to a supervisor besides those she may read, by person.
func (c *Room) Reviews(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	v := qualityView{mine: !m.Can(staff.QualityWrite)}
	hers, err := c.Quality.About(r.Context(), m.ID)
	if err != nil {
		return err
	}
	group := reviewGroup{}
	for _, q := range hers {
		group.rows = append(group.rows, c.reviewLine(r, q))
	}
	if v.mine || len(hers) > 0 {
		v.groups = append(v.groups, group)
	}
	if !v.mine {
		all, err := c.Quality.List(r.Context(), m.ID)
		if err != nil {
			return err
		}
		at := map[string]int{}
		for _, q := range all {
			i, ok := at[q.AboutID]
			if !ok {
				i = len(v.groups)
				at[q.AboutID] = i
				v.groups = append(v.groups, reviewGroup{who: c.Alias(r.Context(), q.AboutID)})
			}
			v.groups[i].rows = append(v.groups[i].rows, c.reviewLine(r, q))
		}
		middles, err := c.Quality.Team(r.Context(), c.Now().AddDate(0, -3, 0))
		if err != nil {
			return err
		}
		for _, middle := range middles {
			criterion, _ := c.Catalogue().Rubric.ByCode(middle.Code)
			v.middles = append(v.middles, middleView{say.Text(criterion.Label.In(say.Lang())), strings.Replace(strconv.FormatFloat(middle.Mark, 'f', 1, 64), ".", say.T("quality.decimal"), 1), middle.People})
		}
	}
	answer.Page(w, r, http.StatusOK, reviewsPage(say, c.shell(r, say, m, "quality.title"), v))
	return nil
}

func (c *Room) reviewLine(r *http.Request, q quality.Review) reviewLine {
	say := answer.Printer(r)
	return reviewLine{Review: q, about: c.Alias(r.Context(), q.AboutID), by: c.Alias(r.Context(), q.ByID), when: say.Date(at(q.BegunAt)), state: say.T("quality.state." + string(q.State)), href: "/desk/quality/" + q.ID}
}

// BeginReview begins a grid about a conversation, from beside it or from a listening.
func (c *Room) BeginReview(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	ct, err := c.open(r, form.Get("contact"))
	if err != nil {
		return err
	}
	// What she listened to last of it is what it is about, with whoever had it then; the record says so, not the form.
	about, listened := whoseContact(ct), ""
	if last, ok, err := c.Listening.Last(r.Context(), me(r).ID, ct.ID); err != nil {
		return err
	} else if ok {
		about, listened = last.CounsellorID, last.ID
	}
	q, err := c.Quality.Begin(r.Context(), me(r), ct.ID, about, listened)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/quality/"+q.ID, http.StatusSeeOther)
	return nil
}

// whoseContact is the counsellor whom a grid about a contact is with: who has it, or had it last.
func whoseContact(ct contact.Contact) string {
	if ct.CounsellorID != "" {
		return ct.CounsellorID
	}
	return ct.StickyID
}

// Review is one grid.
func (c *Room) Review(w http.ResponseWriter, r *http.Request) error {
	m, say := session.Staff(r), answer.Printer(r)
	q, err := c.Quality.Read(r.Context(), r.PathValue("review"), me(r), m.Can(staff.QualityWrite))
	if err != nil {
		return err
	}
	v := reviewView{reviewLine: c.reviewLine(r, q), fills: q.ByID == m.ID, replies: q.AboutID == m.ID && q.State.May(quality.Answer)}
	rubric := c.Catalogue().Rubric
	for _, part := range rubric.Parts {
		p := reviewPart{label: say.Text(part.Label.In(say.Lang()))}
		for _, criterion := range rubric.Criteria {
			mark, has := q.Words.Marks[criterion.Code]
			note := q.Words.Notes[criterion.Code]
			if criterion.Part != part.Code || criterion.Retired && !has || q.State != quality.Draft && !has && note == "" {
				continue
			}
			p.criteria = append(p.criteria, reviewMark{criterion.Code, say.Text(criterion.Label.In(say.Lang())), say.Text(criterion.Low.In(say.Lang())), say.Text(criterion.High.In(say.Lang())), note, mark})
		}
		if len(p.criteria) > 0 {
			v.parts = append(v.parts, p)
		}
	}
	if q.ContactID != "" {
		if ct, open, err := c.openTo(r.Context(), m.Person, q.ContactID); err != nil {
			return err
		} else if open && (ct.CounsellorID == m.ID || m.Can(staff.ContactAll)) {
			v.read = "/desk/history/" + ct.ID
		}
	}
	answer.Page(w, r, http.StatusOK, reviewPage(say, c.shell(r, say, m, "quality.title"), v))
	return nil
}

// ActReview saves, shares, answers or ends a grid: the button says which.
func (c *Room) ActReview(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.LongForm(w, r)
	if err != nil {
		return err
	}
	id, rev := r.PathValue("review"), number(form.Get("rev"))
	do := form.Get("do")
	switch do {
	case "save", "share":
		words := quality.Words{Marks: map[string]int{}, Notes: map[string]string{}, Well: form.Get("well"), Next: form.Get("next")}
		for _, criterion := range c.Catalogue().Rubric.Criteria {
			if mark := number(form.Get("mark_" + criterion.Code)); mark > 0 {
				words.Marks[criterion.Code] = int(mark)
			}
			if note := form.Get("note_" + criterion.Code); note != "" {
				words.Notes[criterion.Code] = note
			}
		}
		q, err := c.Quality.Save(r.Context(), id, rev, words, me(r))
		if err != nil {
			return err
		}
		if do == "share" {
			if _, err := c.Quality.Move(r.Context(), id, q.Rev, quality.Share, me(r)); err != nil {
				return err
			}
		}
	case "answer":
		if _, err := c.Quality.Reply(r.Context(), id, rev, form.Get("reply"), me(r)); err != nil {
			return err
		}
	case "discuss":
		if _, err := c.Quality.Move(r.Context(), id, rev, quality.Discuss, me(r)); err != nil {
			return err
		}
	default:
		return fault.New(fault.Invalid, "fault.quality.move")
	}
	http.Redirect(w, r, "/desk/quality/"+id, http.StatusSeeOther)
	return nil
}

func markOptions(m reviewMark, none string) []ui.Option {
	all := []ui.Option{{Value: "0", Label: none, Checked: m.mark == 0}}
	for n := 1; n <= catalogue.MostMarks; n++ {
		all = append(all, ui.Option{Value: strconv.Itoa(n), Label: strconv.Itoa(n), Checked: m.mark == n})
	}
	return all
}
