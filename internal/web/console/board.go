package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/exposure"
	"vigie/internal/listening"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// The board of the floor is its long lists: who waits, who talks, who is there. They change many times a second on a hard
// evening, so a row is drawn once, when it changes, for all who look; each browser sorts, filters and counts the minutes by itself.

const (
	// decideEvery bounds how often the rest of the floor, which is drawn for each supervisor, is drawn again.
	decideEvery = time.Second
	// stepFresh is how old what a live page says of somebody's day may be.
	stepFresh = time.Minute
	// reasonsShown is how many reasons stand in a row; all of them are one click away.
	reasonsShown = 2
)

// floors are the open floors of this node.
type floors struct {
	mu      sync.Mutex
	of      *routing.Delta
	drawn   map[string]live.Event // of that delta, by what its reader sees
	waiting bool                  // the rest of the floor will be drawn in a moment
	decided time.Time
	steps   map[string]step // by member of staff
}

type step struct {
	is exposure.Step
	at time.Time
}

// boardRow is a contact in one of the lists.
type boardRow struct {
	routing.Post
	title, topic, lang string
	who                string // the counsellor at whose desk it rings, or who has it
	seq                string
	since              int64
	age                string
	reasons            []ui.Reason
	more               int // reasons that are not shown
	listeners          []string
	words              string
}

// seatRow is somebody who is there.
type seatRow struct {
	routing.Placed
	today exposure.Step
}

// filter is which rows a browser without scripts asked for; one with scripts filters by itself.
type filter struct {
	channel, lang, topic string
	danger               bool
	minutes              int
}

func filterOf(q url.Values) filter {
	minutes, _ := strconv.Atoi(q.Get("minutes"))
	return filter{channel: q.Get("channel"), lang: q.Get("lang"), topic: q.Get("topic"), danger: q.Get("danger") == "1", minutes: minutes}
}

func (f filter) shows(r boardRow, now time.Time) bool {
	return (f.channel == "" || f.channel == r.Channel) && (f.lang == "" || f.lang == r.Lang) && (f.topic == "" || f.topic == r.Topic) &&
		(!f.danger || r.Danger) && now.Sub(at(r.since)) >= time.Duration(f.minutes)*time.Minute
}

// age is how long ago something was, in figures that every browser counts on by itself.
func age(d time.Duration) string {
	switch minutes := int(d / time.Minute); {
	case minutes < 1:
		return "< 1 min"
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	default:
		return fmt.Sprintf("%d h %02d", minutes/60, minutes%60)
	}
}

// row makes a row of a contact on the board.
func (c *Room) row(ctx context.Context, say *i18n.Printer, p routing.Post, running map[string][]listening.Listening) boardRow {
	r := boardRow{Post: p, title: c.title(say, p.Contact), topic: c.topic(say, p.Contact)}
	if p.Lang != i18n.French {
		r.lang = strings.ToUpper(p.Lang)
	}
	if p.Lined {
		r.since = max(p.WaitingSince, p.DueAt)
		// What waiting adds grows alike for all as long as their queues age alike, so that the order needs no clock.
		r.seq = strconv.FormatFloat(-float64(p.Score)+float64(p.Ageing)*float64(r.since)/float64(time.Minute.Milliseconds()), 'f', 3, 64)
		if p.State == contact.Offered {
			r.who = c.Alias(ctx, p.OfferedTo)
		}
	} else {
		r.since, r.who = p.AnsweredAt, c.Alias(ctx, p.CounsellorID)
		r.seq = strconv.FormatInt(r.since, 10)
		if p.Danger { // those in danger first
			r.seq = "-" + strconv.FormatInt(1<<50-r.since, 10)
		}
		for _, l := range running[p.ID] {
			if l.Mode != listening.Invited {
				r.listeners = append(r.listeners, say.T("listen.there."+string(l.Mode), "who", c.Alias(ctx, l.StaffID)))
			}
		}
	}
	r.age = age(c.Now().Sub(at(r.since)))
	shown := min(len(p.Reasons), reasonsShown)
	r.reasons, r.more = c.inWords(say, p.Contact, p.Reasons[:shown]), len(p.Reasons)-shown
	r.words = strings.Join([]string{r.title, r.topic, r.lang, r.who}, " ")
	return r
}

// seat makes a row of somebody who is there. What is said of her day is at most so old.
func (c *Room) seat(ctx context.Context, s routing.Placed, old time.Duration) seatRow {
	f := &c.floors
	f.mu.Lock()
	known, ok := f.steps[s.StaffID]
	f.mu.Unlock()
	if !ok || time.Since(known.at) > old {
		is, err := c.Exposure.StepOfToday(ctx, s.StaffID)
		if err != nil {
			slog.Warn("what a day was like could not be read", "error", err)
		}
		known = step{is, time.Now()}
		f.mu.Lock()
		if f.steps == nil {
			f.steps = map[string]step{}
		}
		f.steps[s.StaffID] = known
		f.mu.Unlock()
	}
	return seatRow{s, known.is}
}

// board reads the lists for one page, as a filter asks for them.
func (c *Room) board(ctx context.Context, v *floorView, p staff.Person, f filter) error {
	now, err := c.Board.Now(ctx)
	if err != nil {
		return err
	}
	running, err := c.Listening.Running(ctx)
	if err != nil {
		return err
	}
	v.filter, v.counts = f, c.counts(now, p.ID)
	for _, post := range now.Posts {
		if !post.OpenTo(p.ID) || !post.Lined && !post.UnderWay() {
			continue
		}
		r := c.row(ctx, v.say, post, running)
		switch {
		case !f.shows(r, v.now):
		case post.Lined:
			v.line = append(v.line, r)
		default:
			v.underWay = append(v.underWay, r)
		}
	}
	for _, s := range now.Seats {
		v.seats = append(v.seats, c.seat(ctx, s, 0))
	}
	bySeq := func(a, b boardRow) int {
		x, _ := strconv.ParseFloat(a.seq, 64)
		y, _ := strconv.ParseFloat(b.seq, 64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	}
	slices.SortFunc(v.line, bySeq)
	slices.SortFunc(v.underWay, bySeq)
	slices.SortFunc(v.seats, func(a, b seatRow) int { return a.Place - b.Place })
	return nil
}

// boardCounts are the numbers over the lists, for one reader.
type boardCounts struct{ waiting, underWay, there int }

func (c *Room) counts(d routing.Delta, staffID string) boardCounts {
	n := boardCounts{d.Waiting, d.UnderWay, d.There}
	for _, p := range d.Known {
		switch {
		case p.OpenTo(staffID):
		case p.Lined:
			n.waiting--
		case p.UnderWay():
			n.underWay--
		}
	}
	return n
}

// followBoard keeps the lists of this page true; the first thing that it is told is all of them.
func (d *desk) followBoard() (stop func(), err error) {
	return d.room.Board.Follow(d.ctx, func(delta *routing.Delta) {
		e, err := d.room.floors.event(d, delta)
		if err != nil {
			d.failed(err)
			return
		}
		d.stream.Push(e)
		if delta.Other || delta.Danger || delta.Whole {
			d.room.decide()
		}
	})
}

// event draws what changed, once for all who see the same.
func (f *floors) event(d *desk, delta *routing.Delta) (live.Event, error) {
	what := d.say.Lang()
	if slices.ContainsFunc(delta.Known, func(p routing.Post) bool { return !p.OpenTo(d.person.ID) }) {
		what += d.person.ID
	}
	f.mu.Lock()
	if f.of != delta {
		f.of, f.drawn = delta, map[string]live.Event{}
	}
	e, ok := f.drawn[what]
	f.mu.Unlock()
	if ok {
		return e, nil
	}
	pieces, err := d.room.changed(d.ctx, d.say, d.person.ID, delta)
	if err != nil {
		return nil, err
	}
	if e, err = live.Update(d.ctx, "", pieces...); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == delta && !delta.Whole { // what is whole is told to one page at a time
		f.drawn[what] = e
	}
	return e, nil
}

// changed is the pieces of a change, for one reader.
func (c *Room) changed(ctx context.Context, say *i18n.Printer, staffID string, delta *routing.Delta) ([]piece, error) {
	var running map[string][]listening.Listening
	var err error
	if slices.ContainsFunc(delta.Posts, routing.Post.UnderWay) {
		if running, err = c.Listening.Running(ctx); err != nil {
			return nil, err
		}
	}
	now := c.Now()
	var pieces []piece
	var line, underWay, seats []string
	gone := func(id string) {
		if !delta.Whole {
			pieces = append(pieces, ui.Gone(id))
		}
	}
	for _, p := range delta.Posts {
		switch {
		case !p.OpenTo(staffID):
			gone("f" + p.ID)
			gone("u" + p.ID)
		case p.Lined:
			gone("u" + p.ID)
			pieces = append(pieces, lineRow(say, c.row(ctx, say, p, nil)))
			line = append(line, "f"+p.ID)
		case p.UnderWay():
			gone("f" + p.ID)
			pieces = append(pieces, talkRow(say, c.row(ctx, say, p, running)))
			underWay = append(underWay, "u"+p.ID)
		default:
			gone("f" + p.ID)
			gone("u" + p.ID)
		}
	}
	for _, id := range delta.Gone {
		gone("f" + id)
		gone("u" + id)
	}
	for _, s := range delta.Seats {
		pieces = append(pieces, seatPiece(say, c.seat(ctx, s, stepFresh), now))
		seats = append(seats, "s"+s.StaffID)
	}
	for _, id := range delta.Left {
		gone("s" + id)
	}
	if delta.Whole {
		pieces = append(pieces, only("floor-line-rows", line), only("floor-under-way-rows", underWay), only("floor-seats-rows", seats))
	}
	n := c.counts(*delta, staffID)
	return append(pieces, boardCount("floor-line-count", n.waiting), boardCount("floor-under-way-count", n.underWay), boardCount("floor-seats-count", n.there)), nil
}

// decide draws the rest of the floor for all who look at it, soon, and not too often.
func (c *Room) decide() {
	f := &c.floors
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting {
		return
	}
	f.waiting = true
	time.AfterFunc(max(lineEvery, decideEvery-time.Since(f.decided)), func() {
		f.mu.Lock()
		f.waiting, f.decided = false, time.Now()
		f.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, d := range c.desks.all() {
			if d.floor {
				d.failed(d.drawFloor(ctx))
			}
		}
	})
}

// contactView is one contact of the lists, with all that a supervisor may do with it.
type contactView struct {
	row        boardRow
	reasons    []ui.Reason
	colleagues []ui.Option
	listens    bool // there is something to listen to, and she may
	ends       bool
}

// FloorContact shows why a contact stands where it stands, and what may be done with it from here.
func (c *Room) FloorContact(w http.ResponseWriter, r *http.Request) error {
	ct, err := c.reachable(r)
	if err != nil {
		return err
	}
	m, say, ctx := session.Staff(r), answer.Printer(r), r.Context()
	p, open, err := c.Router.Post(ctx, ct.ID)
	if err != nil {
		return err
	}
	v := contactView{}
	if open {
		running, err := c.Listening.Running(ctx)
		if err != nil {
			return err
		}
		v.row = c.row(ctx, say, p, running)
		v.listens = p.UnderWay() && p.CounsellorID != m.ID && m.Can(staff.ContactListen)
		v.ends = p.UnderWay() && (!p.Danger || supervises(r))
		v.reasons = c.inWords(say, p.Contact, p.Reasons)
	}
	v.colleagues = slices.DeleteFunc(c.colleagues(ctx, say, m.ID), func(o ui.Option) bool { return o.Value == ct.CounsellorID })
	if answer.Scripted(r) {
		answer.Fragment(w, r, floorContact(say, m.ID, v))
		return nil
	}
	d := c.shell(r, say, m, "floor.title")
	answer.Page(w, r, http.StatusOK, floorContactPage(d, say, m.ID, v))
	return nil
}

// EndFrom is a supervisor who ends a conversation from the floor.
func (c *Room) EndFrom(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.mine(r); err != nil {
		return err
	}
	if _, err := c.Contacts.EndConversation(r.Context(), r.PathValue("id"), me(r), contact.Change{Supervising: supervises(r)}); err != nil {
		return err
	}
	return c.refloor(w, r)
}

func filterChannels(v floorView) []ui.Option {
	var all []ui.Option
	for _, channel := range []string{contact.ChannelChat, contact.ChannelPhone, contact.ChannelMessage} {
		all = append(all, ui.Option{Value: channel, Label: v.say.T("floor.channel." + channel), Checked: channel == v.filter.channel})
	}
	return all
}

func filterLangs(v floorView) []ui.Option {
	var all []ui.Option
	for _, lang := range []string{i18n.French, i18n.English} {
		all = append(all, ui.Option{Value: lang, Label: v.say.T("lang." + lang), Checked: lang == v.filter.lang})
	}
	return all
}

func filterMinutes(v floorView) []ui.Option {
	var all []ui.Option
	for _, n := range []int{5, 10, 15, 30, 60} {
		all = append(all, ui.Option{Value: strconv.Itoa(n), Label: v.say.T("clock.minutes", "n", n), Checked: n == v.filter.minutes})
	}
	return all
}

// filterTopics are the topics to choose from.
func (c *Room) filterTopics(say *i18n.Printer, chosen string) []ui.Option {
	q, _ := c.Catalogue().Questions.Question(catalogue.AskTopic)
	var all []ui.Option
	for _, choice := range q.Choices {
		all = append(all, ui.Option{Value: choice.Code, Label: say.Text(choice.Label.In(say.Lang())), Checked: choice.Code == chosen})
	}
	return all
}

// rowAttributes say what a row is, for the script that sorts and filters.
func rowAttributes(prefix, list string, r boardRow) templ.Attributes {
	a := templ.Attributes{
		"class": "floor-row", "id": prefix + r.ID, "data-into": list, "data-seq": r.seq, "data-words": r.words,
		"data-channel": r.Channel, "data-lang": r.Lang, "data-topic": r.Topic,
	}
	if r.Lined {
		a["data-score"], a["data-ageing"] = strconv.Itoa(r.Score), strconv.Itoa(r.Ageing)
	}
	if r.Danger {
		a["data-danger"], a["class"] = true, "floor-row floor-row-grave"
	}
	return a
}
