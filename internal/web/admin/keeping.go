package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/keeping"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
)

// The page of how long data is kept: what goes by which rule and when, what is kept and why, and, for the data protection officer,
// other durations, whose effect she sees before she publishes them.

// nextShown bounds the list of what goes next, by rule.
const nextShown = 10

// keepView is the page as it stands, or with somebody's draft.
type keepView struct {
	say   *i18n.Printer
	base  int
	text  string
	flaws []string
	typed map[string]string // by the codes of the rules, where it cannot be published
	// decided says that somebody published durations, draft that those shown are not published, done that they just were.
	decided, draft, done bool
	writable, reads      bool
	rows                 []keepRow
	// goes is how many go within the last horizon by what is shown, went by what is published.
	goes, went int64
	notice     int
	next       []keepThing
	erased     []keepDone
	persons    int
	ranAt      time.Time
}

// keepRow is a rule, with what it erases; before is what the published rule erases within the same horizons.
type keepRow struct {
	catalogue.KeepRule
	kept         int64
	goes, before [3]int64
	held         []string
	days         string // as they stand in the field: what was typed, where it cannot be published
}

// keepThing is something that goes next.
type keepThing struct {
	what, name, href, when string
}

type keepDone struct {
	what, month string
	erased      int64
}

// KeepingPage is the page.
func (a *Room) KeepingPage(w http.ResponseWriter, r *http.Request) error {
	text, err := a.Catalogue.Text(r.Context(), catalogue.DocKeeping, 0)
	if err != nil {
		return err
	}
	set := a.Catalogue.Current()
	v := keepView{base: set.Versions[catalogue.DocKeeping], text: text, done: r.URL.Query().Has("done")}
	return a.keeping(w, r, http.StatusOK, v, set.Keeping)
}

// ChangeKeeping shows what other durations would erase, or publishes them. Nothing of what was written is lost where it cannot be
// published.
func (a *Room) ChangeKeeping(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxDocument)
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.TooLarge, "fault.form.too_large")
	}
	form, set := r.PostForm, a.Catalogue.Current()
	v := keepView{text: catalogue.WithDays(strings.ReplaceAll(form.Get("text"), "\r\n", "\n"), changedDays(form, set.Keeping)), draft: true}
	v.base, _ = strconv.Atoi(form.Get("base"))
	drafted, flaws := a.Catalogue.Draft(catalogue.DocKeeping, []byte(v.text))
	if len(flaws) > 0 {
		for _, f := range flaws {
			v.flaws = append(v.flaws, flawOfDays(answer.Printer(r), set.Keeping, f))
		}
		v.typed = map[string]string{}
		for _, rule := range set.Keeping.All {
			if form.Has("days." + rule.Code) {
				v.typed[rule.Code] = form.Get("days." + rule.Code)
			}
		}
		return a.keeping(w, r, http.StatusUnprocessableEntity, v, set.Keeping)
	}
	if form.Get("act") != "publish" {
		return a.keeping(w, r, http.StatusOK, v, drafted.Keeping)
	}
	_, err := a.Catalogue.PublishOver(r.Context(), catalogue.DocKeeping, v.base, []byte(v.text), me(r))
	if fault.Is(err, fault.Conflict) {
		v.flaws = sentences(answer.Printer(r), err)
		return a.keeping(w, r, answer.Status(err), v, drafted.Keeping)
	}
	if err != nil {
		return err
	}
	if err := a.Kept.Begin(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/admin/keeping?done", http.StatusSeeOther)
	return nil
}

// flawOfDays names a flaw of a duration by what it has in the table, any other by its line in the document.
func flawOfDays(say *i18n.Printer, rules *catalogue.Keeping, f catalogue.Flaw) string {
	flaw := strings.TrimPrefix(f.Key, "fault.catalogue.")
	if i := slices.Index(f.Args, any("code")); i >= 0 && slices.Contains([]string{"keep_longer", "keep_unlimited", "span"}, flaw) {
		if r, ok := rules.ByCode(f.Args[i+1].(string)); ok {
			return say.T("keeping.flaw."+flaw, append([]any{"what", say.Text(r.Label.In(say.Lang()))}, f.Args...)...)
		}
	}
	return say.Fault(f.Fault())
}

// changedDays are the numbers of days that were changed in the table: those that stand there as they came may have been changed
// in the text. What is no number is 0, which no rule may say.
func changedDays(form url.Values, rules *catalogue.Keeping) map[string]int {
	days := map[string]int{}
	for _, r := range rules.All {
		if typed := strings.TrimSpace(form.Get("days." + r.Code)); form.Has("days."+r.Code) && typed != form.Get("was."+r.Code) {
			days[r.Code], _ = strconv.Atoi(typed)
		}
	}
	return days
}

func (a *Room) keeping(w http.ResponseWriter, r *http.Request, code int, v keepView, rules *catalogue.Keeping) error {
	ctx, p := r.Context(), session.Staff(r).Person
	v.say, v.notice = answer.Printer(r), rules.Notice
	v.decided, v.writable, v.reads = a.Kept.Decided(), p.Can(staff.KeepingRule), p.Can(staff.CaseAll)
	if v.done { // published a moment ago
		v.draft = false
	}
	lines, err := a.Kept.Preview(ctx, rules)
	if err != nil {
		return err
	}
	before, err := a.Kept.Preview(ctx, a.Catalogue.Current().Keeping)
	if err != nil {
		return err
	}
	for i, l := range lines {
		row := keepRow{KeepRule: l.Rule, kept: l.Kept, goes: l.Goes, before: l.Goes, held: heldWords(v.say, l.Held), days: v.daysOf(l.Rule)}
		if v.draft {
			row.before = before[i].Goes
		}
		if v.draft && !v.decided { // nothing goes yet
			row.before = [3]int64{}
		}
		v.goes, v.went = v.goes+l.Goes[2], v.went+row.before[2]
		v.rows = append(v.rows, row)
	}
	if v.next, err = a.keptNext(r, v, rules); err != nil {
		return err
	}
	done, err := a.Kept.Done(ctx)
	if err != nil {
		return err
	}
	for _, d := range done {
		v.erased = append(v.erased, keepDone{v.ruleName(rules, d.Rule), d.Month, d.Erased})
	}
	waiting, err := a.Contacts.Erasures(ctx)
	if err != nil {
		return err
	}
	v.persons = len(waiting)
	if v.ranAt, err = a.Kept.RanAt(ctx); err != nil {
		return err
	}
	answer.Page(w, r, code, keepingPage(a.shell(r, "keeping.title"), v))
	return nil
}

// keptNext are the things that go next, and those that are kept although their time is over: what, by its reference or the end of
// its id, and when. No words and no names.
func (a *Room) keptNext(r *http.Request, v keepView, rules *catalogue.Keeping) ([]keepThing, error) {
	things, err := a.Kept.Next(r.Context(), rules, keeping.Horizons[2], nextShown)
	if err != nil {
		return nil, err
	}
	var all []keepThing
	for _, t := range things {
		x := keepThing{what: v.ruleName(rules, t.Rule), name: t.Name}
		if x.name == "" {
			x.name = short(t.ID)
		}
		if t.Rule == catalogue.KeepCase && v.reads {
			x.href = "/desk/cases/" + t.ID
		}
		if t.Held != "" {
			x.when = v.say.T("keeping.kept_by", "why", v.say.T("keeping.held."+t.Held))
		} else {
			x.when = v.say.Date(at(t.At))
		}
		all = append(all, x)
	}
	return all, nil
}

// daysOf are the days of a rule as they stand in its field, "" for one without an end.
func (v keepView) daysOf(r catalogue.KeepRule) string {
	if typed, ok := v.typed[r.Code]; ok {
		return typed
	}
	if r.Unlimited {
		return ""
	}
	return strconv.Itoa(r.Days)
}

func (v keepView) ruleName(rules *catalogue.Keeping, code string) string {
	if code == keeping.ByPerson {
		return v.say.T("keeping.by_person")
	}
	r, _ := rules.ByCode(code)
	return v.say.Text(r.Label.In(v.say.Lang()))
}

// heldWords say how many are kept, and by what.
func heldWords(say *i18n.Printer, held map[string]int64) []string {
	var all []string
	for code, n := range held {
		all = append(all, say.T("keeping.held_n", "n", n, "why", say.T("keeping.held."+code)))
	}
	slices.Sort(all)
	return all
}
