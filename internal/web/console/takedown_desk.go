package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/fault"
	"vigie/internal/paper"
	"vigie/internal/staff"
	"vigie/internal/takedown"
	"vigie/internal/takedown/fetch"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// takedownView is the desk of notices: in groups, what is to be done first.
type takedownView struct {
	say          *i18n.Printer
	piles        []takedownPile
	empty        string // the groups in which there is nothing to do, in one line
	loose        int
	platforms    []ui.Option
	mine         bool
	filtered     bool
	one          bool   // one group is shown, by pages
	whole        string // the way back to all groups
	before, next string // the pages around it
	tallies      []takedown.Tally
	others, late int
	supervises   bool
	c            *Room
}

// takedownPile is one group.
type takedownPile struct {
	group       takedown.Group
	title, hint string
	count, late int
	rows        []deskRow
	all         string // the way to all of them, "" where all are shown
}

// deskRow is a notice on the desk: what to do with it, and since when it waits.
type deskRow struct {
	noticeRow
	file, since, next string
	hers              bool // it was drafted by her
}

// sight is how somebody sees the desk.
func sight(m session.Member) takedown.Sight {
	return takedown.Sight{StaffID: m.ID, All: m.Can(staff.CaseAll)}
}

// TakedownDesk is what waits, in the order in which it is to be done. Of files that she may not read it says a number.
func (c *Room) TakedownDesk(w http.ResponseWriter, r *http.Request) error {
	ctx, say, m, q := r.Context(), answer.Printer(r), session.Staff(r), r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page")) // what is no number is the first
	want := takedown.Wanted{Platform: q.Get("platform"), Mine: q.Get("who") == "mine", Group: takedown.Group(q.Get("group")), Page: min(max(0, page), 10_000)}
	if want.Group != "" && !slices.Contains(takedown.Groups, want.Group) {
		return fault.New(fault.NotFound, "fault.takedown.group")
	}
	desk, err := c.Takedown.Desk(ctx, sight(m), want)
	if err != nil {
		return err
	}
	v := takedownView{say: say, c: c, mine: want.Mine, filtered: want.Mine || want.Platform != "", one: want.Group != "", tallies: desk.Tallies,
		others: desk.Others, late: desk.OthersLate, supervises: m.Can(staff.FloorSee), platforms: c.platformOptions(say, desk.Tallies, want.Platform)}
	if v.loose, err = c.Takedown.LooseCount(ctx); err != nil {
		return err
	}
	v.piles = c.takedownPiles(say, desk, want, m.ID)
	v.whole = deskLink(want, "", 0)
	if v.one && want.Page > 0 {
		v.before = deskLink(want, want.Group, want.Page-1)
	}
	if desk.More {
		v.next = deskLink(want, want.Group, want.Page+1)
	}
	if !v.one {
		v.empty = nothingIn(say, v.piles)
	}
	answer.Page(w, r, http.StatusOK, takedownPage(v, c.shell(r, say, m, "takedown.title")))
	return nil
}

func (c *Room) takedownPiles(say *i18n.Printer, desk takedown.Desk, want takedown.Wanted, me string) []takedownPile {
	var all []takedownPile
	for _, p := range desk.Piles {
		drawn := takedownPile{group: p.Group, title: say.T("takedown.group." + string(p.Group)), hint: say.T("takedown.group_hint." + string(p.Group)), count: p.Count, late: p.Late}
		for _, e := range p.Entries {
			drawn.rows = append(drawn.rows, c.deskRow(say, e, me))
		}
		if want.Group == "" && len(p.Entries) < p.Count {
			drawn.all = deskLink(want, p.Group, 0)
		}
		all = append(all, drawn)
	}
	return all
}

// deskLink is the address of a desk with the same filter.
func deskLink(want takedown.Wanted, group takedown.Group, page int) string {
	q := url.Values{}
	if want.Platform != "" {
		q.Set("platform", want.Platform)
	}
	if want.Mine {
		q.Set("who", "mine")
	}
	if group != "" {
		q.Set("group", string(group))
	}
	if page > 0 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return "/desk/takedown"
	}
	return "/desk/takedown?" + q.Encode()
}

// nothingIn names the groups of our turn that are empty.
func nothingIn(say *i18n.Printer, piles []takedownPile) string {
	var names []string
	for _, g := range takedown.Groups {
		if g.Ours() && !slices.ContainsFunc(piles, func(p takedownPile) bool { return p.group == g }) {
			names = append(names, say.T("takedown.group."+string(g)))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return say.T("takedown.nothing_in", "what", strings.Join(names, " · "))
}

func (c *Room) platformOptions(say *i18n.Printer, tallies []takedown.Tally, chosen string) []ui.Option {
	var all []ui.Option
	add := func(code string) {
		value := code
		if code == "" {
			value = takedown.Unlisted
		}
		all = append(all, ui.Option{Value: value, Label: c.platformName(say, code), Checked: value == chosen})
	}
	for _, t := range tallies {
		add(t.Platform)
	}
	if chosen != "" && !slices.ContainsFunc(all, func(o ui.Option) bool { return o.Checked }) {
		if _, known := c.Catalogue().Platforms.ByCode(chosen); known {
			add(chosen)
		}
	}
	slices.SortFunc(all, func(a, b ui.Option) int { return strings.Compare(a.Label, b.Label) })
	return all
}

func (c *Room) deskRow(say *i18n.Printer, e takedown.Entry, me string) deskRow {
	row := deskRow{noticeRow: c.noticeRow(say, e.Notice), file: e.Reference, hers: e.DraftedBy == me}
	now := c.Now()
	age := func(ms int64) string { return say.Duration(max(0, now.Sub(at(ms)))) }
	if e.Since > 0 {
		row.since = say.T("takedown.since."+string(e.Group), "age", age(e.Since))
	}
	switch e.Group {
	case takedown.ForSecond:
		row.next = say.T("takedown.next.second")
		if row.hers {
			row.next = say.T("takedown.next.second_other")
		}
	case takedown.ForWriting:
		row.next = c.lacking(say, e.Notice)
	case takedown.ForStep:
		row.next = c.nextStep(say, e)
	case takedown.ForPlatform:
		row.next = c.platformClock(say, e.Notice, now)
	case takedown.ForWatch:
		if e.CheckAt > 0 {
			row.next = say.T("takedown.next.look", "when", say.DateTime(at(e.CheckAt)))
		}
	case takedown.ForNothing:
		row.next = row.state
		if e.Action != "" {
			row.next = say.T("takedown.action." + e.Action)
		}
	}
	return row
}

// lacking is what a draft lacks, in words.
func (c *Room) lacking(say *i18n.Printer, n takedown.Notice) string {
	var lacks []string
	for _, code := range c.Takedown.Lacks(n, 1) {
		lacks = append(lacks, say.T("takedown.lack."+code))
	}
	if len(lacks) == 0 {
		return say.T("takedown.next.approve")
	}
	return say.T("takedown.next.lacks", "what", strings.Join(lacks, " · "))
}

// nextStep is what is due: a look by a person where our machine cannot tell, else the next step of the ladder.
func (c *Room) nextStep(say *i18n.Printer, e takedown.Entry) string {
	step := say.T("takedown.next.judge")
	if e.Next != "" {
		step = say.T("takedown.next.step", "step", say.T("takedown.step."+e.Next))
	}
	if e.Found == fetch.Unsure {
		return say.T("takedown.next.look_then", "step", step)
	}
	return step
}

// platformClock is how long a platform still has, or how long it has been over its time.
func (c *Room) platformClock(say *i18n.Printer, n takedown.Notice, now time.Time) string {
	if n.SubmittedAt == 0 {
		return say.T("takedown.sending_text")
	}
	clock := c.Catalogue().Platforms.ClockOf(n.Platform)
	hours, what := clock.AcknowledgeHours, "acknowledge"
	if n.State == takedown.Acknowledged {
		hours, what = clock.DecideHours, "decide"
	}
	if n.State == takedown.Decided {
		return say.T("takedown.next.decided", "what", say.T("takedown.action."+n.Action))
	}
	until := at(n.SubmittedAt).Add(time.Duration(hours) * time.Hour)
	if until.Before(now) {
		return say.T("takedown.next.over_"+what, "age", say.Duration(now.Sub(until)))
	}
	return say.T("takedown.next."+what, "when", say.DateTime(until))
}

// tally is the desk in numbers, by platform.
func (v takedownView) tally() figuresTable {
	t := figuresTable{title: v.say.T("figures.desk"), columns: []paper.Column{{Label: v.say.T("figures.platform")}}}
	for _, key := range []string{"late", "ours", "theirs"} {
		t.columns = append(t.columns, paper.Column{Label: v.say.T("figures." + key), Number: true})
	}
	for _, p := range v.tallies {
		t.rows = append(t.rows, []string{v.c.platformName(v.say, p.Platform), count(v.say, p.Late), count(v.say, p.Ours), count(v.say, p.Their)})
	}
	return t
}
