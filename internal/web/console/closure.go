package console

import (
	"net/http"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// "Closed now": the floor is evacuated, the network is down, there are too many. A supervisor closes the line
// for a while, and it opens again by itself. It is a version of the catalogue's document "closure".

// closureView is the closure as it stands.
type closureView struct {
	base  int       // the version it was read from: two supervisors do not undo one another unseen
	until time.Time // zero while nothing is closed
	told  string    // what visitors read
}

func (c *Room) closure(say *i18n.Printer, now time.Time) closureView {
	set := c.Catalogue()
	v := closureView{base: set.Versions[catalogue.DocClosure]}
	if until, reason, closed := set.Hours.ClosedAt(now); closed {
		v.until, v.told = until, say.Text(reason.In(say.Lang()))
	}
	return v
}

// closureFor are the ends to choose from, each with its code.
var closureFor = []struct {
	code string
	end  func(now time.Time, zone *time.Location) time.Time
}{
	{"30m", after(30 * time.Minute)},
	{"1h", after(time.Hour)},
	{"2h", after(2 * time.Hour)},
	{"tomorrow", func(now time.Time, zone *time.Location) time.Time {
		year, month, day := now.In(zone).Date()
		return time.Date(year, month, day+1, 0, 0, 0, 0, zone)
	}},
}

func after(d time.Duration) func(time.Time, *time.Location) time.Time {
	return func(now time.Time, _ *time.Location) time.Time { return now.Add(d) }
}

// closureWhy are the reasons to choose from: visitors are told one of these sentences, and nothing that
// somebody typed in haste.
var closureWhy = []string{"full", "technical", "house"}

func closureEnds(say *i18n.Printer) []ui.Option {
	var all []ui.Option
	for _, end := range closureFor {
		all = append(all, ui.Option{Value: end.code, Label: say.T("floor.close_" + end.code)})
	}
	return all
}

func closureReasons(say *i18n.Printer) []ui.Option {
	var all []ui.Option
	for _, code := range closureWhy {
		all = append(all, ui.Option{Value: code, Label: say.T("floor.closed_" + code)})
	}
	return all
}

// CloseLine closes the line for a while. Whoever waits or talks already is answered.
func (c *Room) CloseLine(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	why, now := form.Get("reason"), c.Now()
	if !slices.Contains(closureWhy, why) {
		return fault.New(fault.Invalid, "fault.form.broken")
	}
	for _, choice := range closureFor {
		if choice.code != form.Get("for") {
			continue
		}
		told := catalogue.Text{}
		for _, lang := range i18n.Languages {
			told[lang] = i18n.For(lang).T("floor.closed_" + why)
		}
		until := choice.end(now, c.Catalogue().Hours.Zone())
		return c.closureSet(w, r, c.Documents.CloseUntil(r.Context(), int(number(form.Get("base"))), until, told, me(r)))
	}
	return fault.New(fault.Invalid, "fault.form.broken")
}

// ReopenLine ends a closure before its time.
func (c *Room) ReopenLine(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	return c.closureSet(w, r, c.Documents.Reopen(r.Context(), int(number(form.Get("base"))), me(r)))
}

// closureSet draws the floor after its line was closed or opened, or says why it was not.
func (c *Room) closureSet(w http.ResponseWriter, r *http.Request, err error) error {
	if fault.Is(err, fault.Conflict) {
		return fault.Wrap(err, fault.Conflict, "fault.console.closure_moved")
	}
	if err != nil {
		return err
	}
	c.Bus.Publish("queue", []byte("{}")) // the other supervisors' floors are drawn anew
	return c.refloor(w, r)
}
