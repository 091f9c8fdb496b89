package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"vigie/internal/casefile"
	"vigie/internal/evidence"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/takedown"
	"vigie/internal/takedown/address"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// matchRow is a lead in a list: two kept pictures that look alike.
type matchRow struct {
	evidence.Match
	// href is where the two are compared, "" where the other one is of a file that is not hers to read: then nothing of it is said.
	href  string
	title string
	close string // how near they are, and how the later one lies
	found string
	state string
	tone  ui.Tone
}

// matchView is two pictures beside each other, what became of the earlier one, and what can be said of them.
type matchView struct {
	matchRow
	say         *i18n.Printer
	fileID      string // from whose page she comes
	reference   string
	act         string
	sides       []matchSide // the earlier, the later
	seen        hardSeen
	may         bool // she may say what it is
	judged      string
	notices     []toldNotice // that told of the earlier one
	ofFile      bool         // all of its file's, because nobody wrote where it was
	reported    bool         // one of them went out
	write       bool         // the later one's file is open
	address     string       // of the later one, in normal form
	facts, when string
	grounds     []ui.Option
}

// matchSide is one of the two pictures.
type matchSide struct {
	evidence.Item
	title, file, kept, act string
	picture                bool
	lines                  []told
}

// toldNotice is a notice, with what happened to it in words.
type toldNotice struct {
	noticeRow
	href, course string
	// here says that it is about the address at which the later picture is, and not over; back that it was gone from there: it has
	// reappeared.
	here, back bool
}

// reading says of files whether they are hers to read, each asked once. known is false where she knows a person of one: then there
// is no such file for her.
func (c *Room) reading(ctx context.Context, reader staff.Person) func(fileID string) (hers, known bool, err error) {
	asked := map[string]error{}
	return func(fileID string) (hers, known bool, err error) {
		if _, ok := asked[fileID]; !ok {
			how, err := c.Files.May(ctx, fileID, reader.ID, reader.Can(staff.CaseAll))
			if err == nil && how == "" {
				err = errGlass
			}
			asked[fileID] = err
		}
		switch err := asked[fileID]; {
		case errors.Is(err, errGlass):
			return false, true, nil
		case fault.Is(err, fault.NotFound):
			return false, false, nil
		default:
			return err == nil, err == nil, err
		}
	}
}

// matchesOf are the leads of a file's pictures that she may know of, and the ids of those that she may not.
func (c *Room) matchesOf(ctx context.Context, say *i18n.Printer, reader staff.Person, fileID string) (rows []matchRow, hidden map[string]bool, err error) {
	all, err := c.Evidence.MatchesOf(ctx, fileID)
	if err != nil {
		return nil, nil, err
	}
	hidden, reference, reads := map[string]bool{}, c.references(ctx), c.reading(ctx, reader)
	for _, m := range all {
		own, other := m.Beside(fileID)
		hers, known, err := reads(other.FileID)
		if err != nil {
			return nil, nil, err
		}
		if !known {
			hidden[m.ID] = true
			continue
		}
		row := c.matchRow(say, m)
		switch {
		case !hers && m.State == evidence.MatchOther:
			continue // nothing that she could ask anybody
		case !hers:
			row.title = say.T("match.elsewhere", "n", own.Number)
		case !m.Across():
			row.href, row.title = matchAt(fileID, m.ID), say.T("match.here", "n", own.Number, "m", other.Number)
		default:
			name, err := reference(other.FileID)
			if err != nil {
				return nil, nil, err
			}
			row.href, row.title = matchAt(fileID, m.ID), say.T("match.there", "n", own.Number, "m", other.Number, "file", name)
		}
		rows = append(rows, row)
	}
	return rows, hidden, nil
}

func matchAt(fileID, matchID string) string { return "/desk/cases/" + fileID + "/matches/" + matchID }

func (c *Room) matchRow(say *i18n.Printer, m evidence.Match) matchRow {
	row := matchRow{Match: m, found: say.T("match.found", "when", say.DateTime(at(m.FoundAt))), state: say.T("match.state." + m.State), tone: ui.Calm}
	if m.State == evidence.MatchOpen {
		row.tone = ui.Warn
	}
	how := "near"
	switch {
	case m.Distance == 0:
		how = "equal"
	case m.Distance <= 10: // what another decoder makes of the same file (facts of PDQ: up to 10 bits)
		how = "close"
	}
	row.close = say.T("match.distance", "how", say.T("match.how."+how), "form", say.T("match.form."+m.Form), "n", m.Distance)
	return row
}

// Matches lists the leads that nobody has judged, for supervisors: they look across files.
func (c *Room) Matches(w http.ResponseWriter, r *http.Request) error {
	say, m := answer.Printer(r), session.Staff(r)
	rows, err := c.openMatches(r.Context(), say, m.Person)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, matchesPage(say, c.shell(r, say, m, "match.title"), rows))
	return nil
}

// openMatches are the leads that a supervisor may judge, the oldest first.
func (c *Room) openMatches(ctx context.Context, say *i18n.Printer, reader staff.Person) ([]matchRow, error) {
	all, err := c.Evidence.OpenMatches(ctx)
	if err != nil {
		return nil, err
	}
	reference, reads := c.references(ctx), c.reading(ctx, reader)
	var rows []matchRow
	for _, m := range all {
		earlierHers, _, err := reads(m.Earlier.FileID)
		if err != nil {
			return nil, err
		}
		laterHers, _, err := reads(m.Later.FileID)
		if err != nil {
			return nil, err
		}
		if !earlierHers || !laterHers {
			continue
		}
		row := c.matchRow(say, m)
		row.href = matchAt(m.Later.FileID, m.ID)
		later, err := reference(m.Later.FileID)
		if err != nil {
			return nil, err
		}
		earlier, err := reference(m.Earlier.FileID)
		if err != nil {
			return nil, err
		}
		row.title = say.T("match.pair", "later", later, "n", m.Later.Number, "earlier", earlier, "m", m.Earlier.Number)
		rows = append(rows, row)
	}
	return rows, nil
}

// match is the match of an address, when both of its pictures are hers to see: fault.Forbidden "fault.evidence.match_elsewhere"
// where the other one is of a file that she may not read, fault.NotFound "fault.evidence.match_unknown" where there is none
// for her. may says whether she is who says what it is: across files that is a supervisor's.
func (c *Room) match(r *http.Request) (m evidence.Match, may bool, err error) {
	fileID, reader := r.PathValue("file"), session.Staff(r)
	if _, err := c.mayCase(r, fileID); err != nil {
		return m, false, err
	}
	if m, err = c.Evidence.Match(r.Context(), r.PathValue("match")); err != nil {
		return m, false, err
	}
	own, other := m.Beside(fileID)
	hers, known, err := c.reading(r.Context(), reader.Person)(other.FileID)
	switch {
	case err != nil:
		return m, false, err
	case own.FileID != fileID || !known:
		return m, false, fault.New(fault.NotFound, "fault.evidence.match_unknown")
	case !hers:
		return m, false, fault.New(fault.Forbidden, "fault.evidence.match_elsewhere")
	}
	return m, !m.Across() || reader.Can(staff.CaseAll), nil
}

// CompareMatch shows the two pictures of a match beside each other, covered. That she is in both files is in the log.
func (c *Room) CompareMatch(w http.ResponseWriter, r *http.Request) error {
	m, may, err := c.match(r)
	if err != nil {
		return err
	}
	ctx, say, reader := r.Context(), answer.Printer(r), session.Staff(r)
	for _, fileID := range []string{m.Earlier.FileID, m.Later.FileID} {
		how, err := c.mayCase(r, fileID)
		if err != nil {
			return err
		}
		if err := c.Files.Look(ctx, fileID, how, me(r)); err != nil {
			return err
		}
	}
	v, err := c.matchView(ctx, say, reader.Person, m, r.PathValue("file"))
	if err != nil {
		return err
	}
	v.may = may
	answer.Page(w, r, http.StatusOK, matchPage(v, c.shell(r, say, reader, "match.title")))
	return nil
}

func (c *Room) matchView(ctx context.Context, say *i18n.Printer, reader staff.Person, m evidence.Match, fileID string) (v matchView, err error) {
	v = matchView{matchRow: c.matchRow(say, m), say: say, fileID: fileID, act: matchAt(fileID, m.ID)}
	if m.JudgedAt > 0 {
		v.judged = say.T("match.judged", "what", v.state, "who", c.Alias(ctx, m.JudgedBy), "when", say.DateTime(at(m.JudgedAt)))
	}
	if v.seen, err = c.hardSeen(ctx, reader.ID); err != nil {
		return v, err
	}
	file, err := c.Files.Get(ctx, fileID)
	if err != nil {
		return v, err
	}
	v.reference = file.Reference
	reference := c.references(ctx)
	for i, side := range []evidence.Side{m.Earlier, m.Later} {
		d, err := c.matchSide(ctx, say, side, reference)
		if err != nil {
			return v, err
		}
		d.title = say.T([]string{"match.earlier", "match.later"}[i])
		v.sides = append(v.sides, d)
	}
	if v.address = c.normalAddress(v.sides[1].Content.Address); v.address == "" {
		v.address = v.sides[1].Content.Address
	}
	if err := c.toldOf(ctx, &v); err != nil {
		return v, err
	}
	later, err := c.Files.Get(ctx, m.Later.FileID)
	if err != nil {
		return v, err
	}
	v.write = later.State == casefile.Open
	v.anew(c.groundOptions(say, later.Topic, v.groundBefore()), say.DateTime(c.Now()))
	return v, nil
}

func (c *Room) matchSide(ctx context.Context, say *i18n.Printer, side evidence.Side, reference func(string) (string, error)) (d matchSide, err error) {
	if d.Item, err = c.Evidence.Item(ctx, side.ItemID); err != nil {
		return d, err
	}
	if d.file, err = reference(side.FileID); err != nil {
		return d, err
	}
	d.act = "/desk/cases/" + side.FileID
	d.kept = say.T("match.kept", "who", c.Alias(ctx, d.AddedBy), "when", say.DateTime(at(d.AddedAt)))
	d.picture = d.Shown() && !d.NoCapture
	for _, line := range []told{
		{say.T("evidence.address"), d.Content.Address}, {say.T("evidence.account"), d.Content.Account}, {say.T("evidence.seen"), d.Content.Seen}, {say.T("evidence.name"), d.Content.Name},
	} {
		if line.value != "" {
			d.lines = append(d.lines, line)
		}
	}
	return d, nil
}

// normalAddress is an address as notices are written under it, "" for what is none.
func (c *Room) normalAddress(pasted string) string {
	targets, _ := address.All(c.Catalogue().Platforms, pasted)
	if len(targets) == 0 {
		return ""
	}
	return targets[0].Address
}

// toldOf finds the notices that told of the earlier picture: those of its file that are about its address, and all of its
// file's where nobody wrote one.
func (c *Room) toldOf(ctx context.Context, v *matchView) error {
	all, err := c.Takedown.Of(ctx, v.Earlier.FileID)
	if err != nil {
		return err
	}
	where := c.normalAddress(v.sides[0].Content.Address)
	v.ofFile = where == ""
	for _, n := range all {
		if n.State == takedown.Withdrawn || where != "" && !slices.Contains(n.Content.Addresses, where) {
			continue
		}
		here := n.State != takedown.Closed && slices.Contains(n.Content.Addresses, v.address)
		v.notices = append(v.notices, toldNotice{
			noticeRow: c.noticeRow(v.say, n), href: "/desk/cases/" + n.FileID + "/notices/" + n.ID, course: noticeCourse(v.say, n),
			here: here, back: here && (n.State == takedown.Removed || n.State == takedown.Watching),
		})
		v.reported = v.reported || n.SubmittedAt > 0
	}
	return nil
}

// noticeCourse is what happened to a notice, with its dates: "envoyée le 3 mai 2026, disparue le 5 mai 2026".
func noticeCourse(say *i18n.Printer, n takedown.Notice) string {
	var parts []string
	for _, step := range []struct {
		key string
		at  int64
	}{{"sent", n.SubmittedAt}, {"decided", n.DecidedAt}, {"removed", n.RemovedAt}, {"reappeared", n.ReappearedAt}} {
		if step.at > 0 {
			parts = append(parts, say.T("match.course."+step.key, "when", say.Date(at(step.at))))
		}
	}
	return strings.Join(parts, ", ")
}

// groundBefore is on what ground the earlier picture was reported last, "" for never.
func (v *matchView) groundBefore() string {
	for _, n := range slices.Backward(v.notices) {
		if n.SubmittedAt > 0 {
			return n.Ground
		}
	}
	return ""
}

// anew prepares a notice of the later picture: on the ground and with the facts of the last one, because it shows the same.
func (v *matchView) anew(grounds []ui.Option, now string) {
	v.grounds, v.when = grounds, now
	if seen := v.sides[1].Content.Seen; seen != "" {
		v.when = seen
	}
	for _, n := range v.notices {
		if n.SubmittedAt > 0 {
			v.facts = n.Content.Facts
		}
	}
}

// followed says that a notice is at the later picture's address already: no other is needed.
func (v matchView) followed() bool {
	return slices.ContainsFunc(v.notices, func(n toldNotice) bool { return n.here })
}

// JudgeMatch writes what she says of two pictures: the same, or another.
func (c *Room) JudgeMatch(w http.ResponseWriter, r *http.Request) error {
	m, may, err := c.match(r)
	if err != nil {
		return err
	}
	if !may {
		return fault.New(fault.Forbidden, "fault.evidence.match_supervisor")
	}
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	if err := c.Evidence.Judge(r.Context(), m.ID, form.Get("before"), form.Get("verdict"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, matchAt(r.PathValue("file"), m.ID), http.StatusSeeOther)
	return nil
}
