package console

import (
	"net/http"
	"strings"

	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// offencesView is what the law says about a file's category, in words for the child or for a parent.
type offencesView struct {
	say   *i18n.Printer // as it speaks to whoever gets the page
	staff *i18n.Printer
	back  string
	pdf   string // where it is as a PDF
	file  casefile.File
	adult bool
	topic string
	all   []offence
	notes []offence
}

type offence struct {
	label, what, articles string
	risks, where          []string
}

// Offences is the page of the offences that a file's situation may amount to. Nothing of the story is on it, so that it can
// be printed and taken along.
func (c *Room) Offences(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("file")
	if _, err := c.mayCase(r, id); err != nil {
		return err
	}
	file, err := c.Files.Get(r.Context(), id)
	if err != nil {
		return err
	}
	v := c.offencesView(answer.Printer(r), file, r.URL.Query().Get("for") == "parent")
	answer.Page(w, r, http.StatusOK, offencesPage(v, c.shell(r, v.staff, session.Staff(r), "offences.title")))
	return nil
}

func (c *Room) offencesView(staff *i18n.Printer, file casefile.File, adult bool) offencesView {
	say, speaks := i18n.For(staff.Lang()), catalogue.Young
	if adult {
		say, speaks = say.ToAdults(), catalogue.Adult
	}
	set, lang := c.Catalogue(), staff.Lang()
	v := offencesView{say: say, staff: staff, back: "/desk/cases/" + file.ID, file: file, adult: adult, topic: c.caseTopic(staff, file), pdf: "/desk/cases/" + file.ID + "/offences/pdf?for=child"}
	if adult {
		v.pdf = "/desk/cases/" + file.ID + "/offences/pdf?for=parent"
	}
	if file.Topic == "" {
		return v
	}
	for _, o := range set.Offences.Of([]string{file.Topic}, "") {
		drawn := offence{label: say.Text(o.Label.In(lang)), what: say.Text(o.What(speaks).In(lang)), articles: articles(set, say, o.Articles)}
		for _, p := range o.Penalties {
			drawn.risks = append(drawn.risks, penalty(say, p))
		}
		for _, code := range o.Where {
			drawn.where = append(drawn.where, c.partnerName(say, code))
		}
		v.all = append(v.all, drawn)
	}
	for _, n := range set.Offences.Notes {
		v.notes = append(v.notes, offence{what: say.Text(n.What(speaks).In(lang)), articles: articles(set, say, n.Articles)})
	}
	return v
}

// articles are the articles of the law as people write them: « 222-33-2-2 du code pénal ».
func articles(set *catalogue.Set, say *i18n.Printer, codes []string) string {
	var all []string
	for _, code := range codes {
		law, number, _ := strings.Cut(code, " ")
		for _, l := range set.Offences.Laws {
			if l.Code == law {
				number += " " + say.Text(l.Of.In(say.Lang()))
			}
		}
		all = append(all, number)
	}
	return strings.Join(all, ", ")
}

func penalty(say *i18n.Printer, p catalogue.Penalty) string {
	var parts []string
	if p.Years > 0 {
		parts = append(parts, say.T("offences.years", "n", p.Years))
	}
	if p.Months > 0 {
		parts = append(parts, say.T("offences.months", "n", p.Months))
	}
	if p.Euros > 0 {
		parts = append(parts, say.T("offences.euros", "n", say.Number(int64(p.Euros))))
	}
	text := strings.Join(parts, ", ")
	if len(parts) == 2 {
		text = say.T("offences.and", "a", parts[0], "b", parts[1])
	}
	if when := p.When.In(say.Lang()); when != "" {
		text += " (" + say.Text(when) + ")"
	}
	return text
}
