package takedown

import (
	"context"
	"slices"
	"strings"
	"time"

	"vigie/internal/casefile"
	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
)

// Group is what a notice waits for.
type Group string

// The groups of the desk.
const (
	ForSecond     Group = "second"     // a second reader
	ForSending    Group = "ready"      // somebody to send it
	ForKnowing    Group = "unknown"    // somebody to find out whether it, or a letter after it, has gone
	ForReading    Group = "answer"     // somebody to say what an answer says
	ForStep       Group = "due"        // a reminder, or a step higher
	ForReturn     Group = "reappeared" // it is there again
	ForTelling    Group = "tell"       // the child to be told that it is gone
	ForWriting    Group = "draft"      // its draft to be finished
	ForPlatform   Group = "theirs"     // the platform
	ForWatch      Group = "watching"   // nothing but our next look
	ForNothing    Group = "ended"      // it ended lately
	endedLately         = 7 * 24 * time.Hour
	deskOverview        = 10 // of each group where all are shown
	deskPage            = 50 // of one group
	answerableMax       = 200
)

// Groups are all of them, in the order in which they are to be done; from ForPlatform on there is nothing to do.
var Groups = []Group{ForSecond, ForSending, ForKnowing, ForReading, ForStep, ForReturn, ForTelling, ForWriting, ForPlatform, ForWatch, ForNothing}

// Ours says whether it is our turn.
func (g Group) Ours() bool { return slices.Index(Groups, g) < slices.Index(Groups, ForPlatform) }

// Sight is who looks at the desk: All says that her role reads every file.
type Sight struct {
	StaffID string
	All     bool
}

// Wanted is what of the desk is asked for. Platform is a code of the catalogue, Unlisted for the hosts that it does not know, ""
// for all. Mine keeps what she drafted and what hangs on files of hers. Group shows one group by pages, the first being 0; "" the
// first of each.
type Wanted struct {
	Platform string
	Mine     bool
	Group    Group
	Page     int
}

// Unlisted stands for the hosts that the catalogue does not know.
const Unlisted = "unlisted"

// Entry is a notice on the desk. Reference is its file's; Since is when it began to wait for what its group says, and Found what
// the last look found (fetch.Found), "" before any. Next is the step that is due (Next).
type Entry struct {
	Notice
	Group     Group
	Reference string
	Since     int64 // Unix milliseconds
	Found     fetch.Found
	Next      string
}

// Tally is how many of a platform's notices are due now, wait for us, and wait for the platform, in all files but those whose
// people the reader knows.
type Tally struct {
	Platform          string
	Late, Ours, Their int
}

// Pile is one group of a desk: how many she may read, how many of them are late, and the first of them.
type Pile struct {
	Group       Group
	Count, Late int
	Entries     []Entry
}

// Desk is what waits, as somebody may see it. Others are in files that she may not read: they are counted and nothing else, and
// those of people whom she knows not even that.
type Desk struct {
	Piles              []Pile // none is empty
	Tallies            []Tally
	Others, OthersLate int
	More               bool // there is another page of the one group
}

// Desk returns what waits for whom. It costs two statements over the notices that are not over, whatever is kept of those that
// are.
func (t *Takedown) Desk(ctx context.Context, see Sight, want Wanted) (Desk, error) {
	var d Desk
	if err := t.tally(ctx, see, want, &d); err != nil {
		return Desk{}, err
	}
	entries, err := t.entries(ctx, see, want)
	if err != nil {
		return Desk{}, err
	}
	if want.Group != "" && len(entries) > deskPage {
		d.More, entries = true, entries[:deskPage]
	}
	for _, e := range entries {
		if i := slices.IndexFunc(d.Piles, func(p Pile) bool { return p.Group == e.Group }); i >= 0 {
			d.Piles[i].Entries = append(d.Piles[i].Entries, e)
		}
	}
	return d, nil
}

// PageOf is how many notices a page of one group shows.
func PageOf() int { return deskPage }

// tally counts the desk by group and platform.
func (t *Takedown) tally(ctx context.Context, see Sight, want Wanted, d *Desk) error {
	type count struct {
		group         Group
		platform      string
		reads, mine   bool
		notices, late int
	}
	var b store.Builder
	b.Text(`SELECT grp, platform, reads, mine, count(*), sum(late) FROM (`)
	t.waiting(&b, see)
	b.Text(`) d GROUP BY grp, platform, reads, mine`)
	counts, err := store.All(ctx, t.db, func(r store.Row) (c count, err error) {
		return c, r.Scan(&c.group, &c.platform, &c.reads, &c.mine, &c.notices, &c.late)
	}, b.SQL(), b.Args()...)
	if err != nil {
		return err
	}
	piles, tallies := map[Group]*Pile{}, map[string]*Tally{}
	for _, c := range counts {
		if c.group != ForNothing && c.group != ForWatch {
			of := tallies[c.platform]
			if of == nil {
				of = &Tally{Platform: c.platform}
				tallies[c.platform] = of
			}
			of.Late += c.late
			if c.group.Ours() {
				of.Ours += c.notices
			} else {
				of.Their += c.notices
			}
		}
		switch {
		case !c.reads:
			if c.group != ForNothing {
				d.Others, d.OthersLate = d.Others+c.notices, d.OthersLate+c.late
			}
			continue
		case want.Mine && !c.mine, want.Platform == Unlisted && c.platform != "", want.Platform != "" && want.Platform != Unlisted && c.platform != want.Platform:
			continue
		}
		p := piles[c.group]
		if p == nil {
			p = &Pile{Group: c.group}
			piles[c.group] = p
		}
		p.Count, p.Late = p.Count+c.notices, p.Late+c.late
	}
	for _, g := range Groups {
		if p := piles[g]; p != nil && (want.Group == "" || want.Group == g) {
			d.Piles = append(d.Piles, *p)
		}
	}
	for _, of := range tallies {
		d.Tallies = append(d.Tallies, *of)
	}
	slices.SortFunc(d.Tallies, func(a, b Tally) int { return strings.Compare(a.Platform, b.Platform) })
	return nil
}

// waiting is the statement of what waits: id, platform, group, whether she may read it, whether it is hers, whether it is late. In an
// archived file nothing does, and none of its words can be read here.
func (t *Takedown) waiting(b *store.Builder, see Sight) {
	now := t.now()
	b.Text(`SELECT n.id, n.platform, n.drafted_by, f.reference, n.drafted_at, n.reviewed_at, n.tried_at, n.submitted_at, n.removed_at, n.reappeared_at, n.due_at, n.check_at, n.closed_at,
		CASE WHEN n.id IN (SELECT notice_id FROM takedown_reply WHERE state = 'waits') THEN 'answer'
			WHEN n.state = 'unknown' OR n.state <> 'closed' AND n.id IN (SELECT notice_id FROM takedown_letter WHERE state = 'unknown' AND kind <> 'notice') THEN 'unknown'
			WHEN n.state = 'draft' AND n.whole AND `)
	t.seconds(b)
	b.Text(` THEN 'second'
			WHEN n.state IN ('draft', 'ready', 'reappeared', 'watching') THEN n.state
			WHEN n.state = 'removed' THEN 'tell'
			WHEN n.state IN ('closed', 'withdrawn') THEN 'ended'
			WHEN n.due_at > 0 AND n.due_at <= `)
	b.Arg(store.Millis(now))
	b.Text(` THEN 'due' ELSE 'theirs' END AS grp,
		CASE WHEN n.due_at > 0 AND n.due_at <= `)
	b.Arg(store.Millis(now))
	b.Text(` THEN 1 ELSE 0 END AS late,
		CASE WHEN n.drafted_by = `)
	b.Arg(see.StaffID)
	b.Text(` OR f.owner_id = `)
	b.Arg(see.StaffID)
	b.Text(` THEN 1 ELSE 0 END AS mine,
		CASE WHEN `)
	t.files.MayRead(b, "n.file_id", see.StaffID, see.All)
	b.Text(` THEN 1 ELSE 0 END AS reads
		FROM takedown_notice n JOIN case_file f ON f.id = n.file_id
		WHERE f.state <> 'archived' AND (n.state IN ('draft', 'ready', 'sending', 'unknown', 'submitted', 'acknowledged', 'decided', 'removed', 'watching', 'reappeared') OR n.closed_at > `)
	b.Arg(store.Millis(now.Add(-endedLately)))
	b.Text(` OR n.id IN (SELECT notice_id FROM takedown_reply WHERE state = 'waits')) AND `)
	casefile.NotBarred(b, "n.file_id", see.StaffID)
}

// seconds is the condition that a notice's ground asks for a second reader.
func (t *Takedown) seconds(b *store.Builder) {
	var codes []string
	for _, g := range t.catalogue().Grounds.All {
		if g.SecondReader {
			codes = append(codes, g.Code)
		}
	}
	if len(codes) == 0 {
		b.Text("1 = 0")
		return
	}
	store.In(b, "n.ground", codes)
}

// entries are the notices that are shown, each group in the order in which it is to be done: what she may do before what she
// may not, then what has waited longest.
func (t *Takedown) entries(ctx context.Context, see Sight, want Wanted) ([]Entry, error) {
	var b store.Builder
	b.Text(`SELECT id, grp, reference, since, coalesce((SELECT c.found FROM takedown_check c WHERE c.notice_id = s.id ORDER BY c.at DESC, c.id DESC LIMIT 1), '') FROM (
		SELECT id, grp, reference, since, row_number() OVER (PARTITION BY grp ORDER BY CASE WHEN grp = 'second' AND drafted_by = `)
	b.Arg(see.StaffID)
	b.Text(` THEN 1 WHEN grp = 'draft' AND mine = 0 THEN 1 ELSE 0 END, CASE grp WHEN 'theirs' THEN CASE WHEN due_at = 0 THEN 9000000000000 ELSE due_at END WHEN 'watching' THEN check_at WHEN 'ended' THEN -closed_at ELSE since END, id) AS place
		FROM (SELECT d.*, CASE grp WHEN 'ready' THEN reviewed_at WHEN 'unknown' THEN CASE WHEN due_at > 0 THEN due_at ELSE tried_at END WHEN 'due' THEN due_at WHEN 'reappeared' THEN reappeared_at
				WHEN 'tell' THEN removed_at WHEN 'watching' THEN removed_at WHEN 'theirs' THEN CASE WHEN submitted_at > 0 THEN submitted_at ELSE reviewed_at END WHEN 'ended' THEN closed_at
				WHEN 'answer' THEN (SELECT min(r.received_at) FROM takedown_reply r WHERE r.notice_id = d.id AND r.state = 'waits') ELSE drafted_at END AS since
			FROM (`)
	t.waiting(&b, see)
	b.Text(`) d WHERE reads = 1`)
	if want.Mine {
		b.Text(" AND mine = 1")
	}
	if want.Platform == Unlisted {
		b.Text(" AND platform = ''")
	} else if want.Platform != "" {
		b.And("platform =", want.Platform)
	}
	first, last := 1, deskOverview
	if want.Group != "" {
		b.And("grp =", string(want.Group))
		first = max(0, want.Page)*deskPage + 1
		last = first + deskPage // one more, to know whether there is more
	}
	b.Text(`) w) s WHERE place >= `)
	b.Arg(first)
	b.Text(` AND place <= `)
	b.Arg(last)
	b.Text(` ORDER BY grp, place`)
	found, err := store.All(ctx, t.db, func(r store.Row) (e Entry, err error) {
		return e, r.Scan(&e.ID, &e.Group, &e.Reference, &e.Since, &e.Found)
	}, b.SQL(), b.Args()...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	notices, err := t.byID(ctx, found)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Notice = notices[found[i].ID]
		found[i].Next = t.Next(found[i].Notice)
	}
	return slices.DeleteFunc(found, func(e Entry) bool { return e.Notice.ID == "" }), nil // erased meanwhile
}

func (t *Takedown) byID(ctx context.Context, of []Entry) (map[string]Notice, error) {
	ids := make([]string, len(of))
	for i, e := range of {
		ids[i] = e.ID
	}
	var b store.Builder
	b.Text(selectNotice)
	store.In(&b, " WHERE id", ids)
	all, err := t.list(ctx, b.SQL(), b.Args()...)
	found := map[string]Notice{}
	for _, n := range all {
		found[n.ID] = n
	}
	return found, err
}

// Next is the step of the ladder that comes after those that were done: a reminder and our contact while the platform has not
// decided, or says that it acted and the content is there; the complaint of Art. 20, within its six months, and the body of Art.
// 21 once it refused; then the Arcom. "" when all were done, or none is possible.
func (t *Takedown) Next(n Notice) string {
	ladder := []string{"reminder", "contact", "arcom"}
	if n.Action == "no_action" {
		ladder = []string{"art20", "art21", "arcom"}
		if t.now().After(n.Art20Until()) {
			ladder = ladder[2:]
		}
	}
	if n.SubmittedAt == 0 || n.State == Closed {
		return ""
	}
	done := slices.Index(Escalations, n.Escalated)
	for _, step := range ladder {
		if slices.Index(Escalations, step) > done {
			return step
		}
	}
	return ""
}

// Answerable are the notices that went and that somebody may read: those to which a reply may belong, those that it points to
// first, then the latest: 200 at most. Those of archived files are not among them.
func (t *Takedown) Answerable(ctx context.Context, see Sight, pointed []string) ([]Entry, error) {
	var b store.Builder
	b.Text(`SELECT n.id, f.reference FROM takedown_notice n JOIN case_file f ON f.id = n.file_id WHERE `)
	t.answerable(&b, see)
	b.Text(` ORDER BY CASE WHEN `)
	if len(pointed) == 0 {
		b.Text("1 = 0")
	} else {
		store.In(&b, "n.id", pointed)
	}
	b.Text(` THEN 0 ELSE 1 END, n.submitted_at DESC, n.id LIMIT `)
	b.Arg(answerableMax)
	found, err := store.All(ctx, t.db, func(r store.Row) (e Entry, err error) { return e, r.Scan(&e.ID, &e.Reference) }, b.SQL(), b.Args()...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	notices, err := t.byID(ctx, found)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Notice = notices[found[i].ID]
	}
	return slices.DeleteFunc(found, func(e Entry) bool { return e.Notice.ID == "" }), nil
}

// MayAnswer says whether a notice is one of those that are Answerable.
func (t *Takedown) MayAnswer(ctx context.Context, see Sight, id string) (bool, error) {
	var b store.Builder
	b.Text(`SELECT count(*) FROM takedown_notice n WHERE n.id = `)
	b.Arg(id)
	b.Text(` AND `)
	t.answerable(&b, see)
	n, err := store.One(ctx, t.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, b.SQL(), b.Args()...)
	return n > 0, err
}

func (t *Takedown) answerable(b *store.Builder, see Sight) {
	b.Text(`n.file_id NOT IN (SELECT id FROM case_file WHERE state = 'archived') AND (n.submitted_at > 0 OR n.state = 'unknown' OR n.id IN (SELECT notice_id FROM takedown_letter)) AND `)
	casefile.NotBarred(b, "n.file_id", see.StaffID)
	b.Text(` AND `)
	t.files.MayRead(b, "n.file_id", see.StaffID, see.All)
}
