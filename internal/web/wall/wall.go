// Package wall is the wallboard: what goes on, on a big screen in the room, read from ten metres, without a name.
//
// A screen is no member of staff. A supervisor makes a code, somebody types it at the screen, and its browser has a cookie of its own, which opens
// this page and nothing else, and can be taken away (stats.Screen). The page then lives for weeks: the stream replaces its one
// piece, so nothing grows in it; it says since when it is without news; it loads itself anew at night, and when this program was
// changed (assets/ts/wall-clock.ts).
package wall

import (
	"context"
	"hash/fnv"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/stats"
	"vigie/internal/web/answer"
	"vigie/internal/web/assets"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
	"vigie/internal/web/ui"
)

// Room holds what the pages work with. Run keeps the screens true.
type Room struct {
	Site      ui.Site
	Stats     *stats.Stats
	Router    *routing.Router
	Streams   *live.Streams
	Bus       *bus.Bus
	Catalogue func() *catalogue.Set
	// Today is how the hours stand.
	Today func() catalogue.OpenState
	// Frame is the frame of a page for whoever works, with the key of its title.
	Frame func(r *http.Request, title string) ui.DeskProps
	// Now is the clock of the pages.
	Now func() time.Time

	mu     sync.Mutex
	open   map[*live.Stream]screen
	change atomic.Bool
}

// screen is one that listens.
type screen struct{ id, lang string }

const (
	// drawEvery is how soon a change is on the wall, beatEvery how often the wall is drawn when there is none: a page that hears nothing for
	// longer says so.
	drawEvery = time.Second
	beatEvery = 15 * time.Second
	// shownWaiting is how many who wait have a line of their own.
	shownWaiting = 4
)

// Run draws the screens anew when something changed, and every while; it ends the streams of those that were taken away. It returns
// when ctx ends.
func (l *Room) Run(ctx context.Context) {
	for _, subject := range []string{"queue", "staff.*", "routing.setting"} {
		stop, err := l.Bus.Subscribe(subject, func(string, []byte) { l.change.Store(true) })
		if err == nil { // without it the screens change every beat
			defer stop()
		}
	}
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	var drawn time.Time
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if now := time.Now(); l.change.Swap(false) || now.Sub(drawn) >= beatEvery {
			if now.Sub(drawn) >= beatEvery {
				l.endGone(ctx)
			}
			drawn = now
			l.draw(ctx)
		}
	}
}

// draw renders the wall once a language, for all screens.
func (l *Room) draw(ctx context.Context) {
	l.mu.Lock()
	by := map[string][]*live.Stream{}
	for s, k := range l.open {
		by[k.lang] = append(by[k.lang], s)
	}
	l.mu.Unlock()
	for lang, streams := range by {
		e, err := l.event(ctx, i18n.For(lang).ToAdults())
		if err != nil {
			continue // the page says that it is without news
		}
		for _, s := range streams {
			s.Push(e)
		}
	}
}

func (l *Room) event(ctx context.Context, say *i18n.Printer) (live.Event, error) {
	v, err := l.view(ctx, say)
	if err != nil {
		return nil, err
	}
	return live.Update(ctx, "", board(v))
}

// endGone ends the streams of screens that were taken away, on whatever node.
func (l *Room) endGone(ctx context.Context) {
	all, err := l.Stats.Screens(ctx)
	if err != nil {
		return
	}
	there := map[string]bool{}
	for _, s := range all {
		there[s.ID] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, k := range l.open {
		if !there[k.id] {
			s.End()
		}
	}
}

// view is the wall as it stands.
type view struct {
	say            *i18n.Printer
	now            time.Time
	build          string
	open           bool
	waiting        int
	longest        time.Duration
	line           []waits
	more           int
	seats          []count
	talking        int
	answered, lost int64
	level          string
	entered, usual int64
	chart          ui.ChartProps
}

// waits is somebody who waits: how, how long, and why she is where she is.
type waits struct {
	channel, why string
	since        time.Duration
	danger       bool
}

type count struct {
	label string
	state string
	n     int
}

// seats are the states that people at their desks are counted in, in the order of the wall.
var seats = []routing.State{routing.Available, routing.Busy, routing.WrapUp, routing.Pause}

func (l *Room) view(ctx context.Context, say *i18n.Printer) (view, error) {
	now := l.Now()
	v := view{say: say, now: now, build: build(), open: l.Today().Open}
	line, err := l.Router.Waiting(ctx, "")
	if err != nil {
		return v, err
	}
	for _, w := range line {
		if !w.Contact.Live() {
			continue
		}
		v.waiting++
		since := now.Sub(time.UnixMilli(w.Contact.WaitingSince))
		v.longest = max(v.longest, since)
		if len(v.line) == shownWaiting {
			v.more++
			continue
		}
		one := waits{channel: say.T("wall.by." + channelOf(w.Contact)), since: since, danger: w.Contact.Danger}
		for _, p := range w.Parts {
			if said := p.Say(l.Catalogue(), say.Lang()); said != "" {
				one.why = say.Text(said)
				break
			}
		}
		v.line = append(v.line, one)
	}
	floor, err := l.Router.Floor(ctx)
	if err != nil {
		return v, err
	}
	by := map[routing.State]int{}
	for _, s := range floor {
		if s.Live {
			by[s.Shown]++
			v.talking += s.Talking
		}
	}
	for _, state := range seats {
		v.seats = append(v.seats, count{say.T("wall.seat." + string(state)), string(state), by[state]})
	}
	return v, l.today(ctx, &v)
}

func channelOf(ct contact.Contact) string {
	if ct.Channel == contact.ChannelPhone {
		return "phone"
	}
	return "chat"
}

// today counts the day until now, and draws its curve beside the usual one of such a weekday.
func (l *Room) today(ctx context.Context, v *view) error {
	y, m, d := v.now.In(i18n.Paris).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, i18n.Paris)
	f, err := l.Stats.Figures(ctx, stats.Query{From: day, Until: day.AddDate(0, 0, 1), Channels: []string{contact.ChannelChat, contact.ChannelPhone}})
	if err != nil {
		return err
	}
	usual, err := l.Stats.Usual(ctx, day)
	if err != nil {
		return err
	}
	v.answered, v.lost, v.entered = f.Whole[stats.Treated]+f.Whole[stats.PreTreated], f.Whole[stats.Abandoned], f.Whole[stats.Entered]
	v.level = "–"
	if p, ok := f.ServiceLevel(); ok {
		v.level = v.say.T("stats.percent", "n", p)
	}
	first, last, hour := 23, 0, v.now.In(i18n.Paris).Hour()
	for h := range 24 {
		if usual[h] >= 0.5 || f.Hours[h][stats.Entered] > 0 || h == hour {
			first, last = min(first, h), max(last, h)
		}
	}
	now, before := ui.Series{Label: v.say.T("wall.today")}, ui.Series{Label: v.say.T("wall.usual")}
	for h := first; h <= last; h++ {
		v.chart.Labels = append(v.chart.Labels, v.say.T("stats.at", "h", strconv.Itoa(h)))
		if h <= hour {
			now.Values = append(now.Values, f.Hours[h][stats.Entered])
			v.usual += int64(usual[h] + 0.5)
		}
		before.Values = append(before.Values, int64(usual[h]+0.5))
	}
	v.chart.ID, v.chart.Title, v.chart.Series = "wall-curve", v.say.T("wall.curve"), []ui.Series{now, before}
	v.chart.Says = v.say.T("wall.entered_so_far", "n", v.entered, "usual", v.usual)
	return nil
}

// build names what this program's pages are made of: a page of another one loads itself anew.
func build() string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(assets.URL("wall.js") + assets.URL("desk.css")))
	return strconv.FormatUint(h.Sum64(), 36)
}

// Board is the wallboard; a browser that is no screen yet is asked for a code.
func (l *Room) Board(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r)
	_, err := l.Stats.Screen(r.Context(), session.WallToken(r))
	if fault.Is(err, fault.Gone) {
		answer.Page(w, r, http.StatusOK, codePage(say, l.Site, ""))
		return nil
	}
	if err != nil {
		return err
	}
	v, err := l.view(r.Context(), say)
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, boardPage(v, l.Site, theme(r)))
	return nil
}

func theme(r *http.Request) string {
	if t := r.URL.Query().Get("theme"); t == "light" || t == "dark" {
		return t
	}
	return ""
}

// Open takes the code that was typed at a screen.
func (l *Room) Open(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	token, err := l.Stats.OpenScreen(r.Context(), form.Get("code"))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.TooMany) {
		say := answer.Printer(r)
		answer.Page(w, r, answer.Status(err), codePage(say, l.Site, say.Fault(err)))
		return nil
	}
	if err != nil {
		return err
	}
	session.SetWall(w, token)
	to := "/wall"
	if t := form.Get("theme"); t == "light" || t == "dark" {
		to += "?theme=" + t
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// Events is the stream of a screen.
func (l *Room) Events(w http.ResponseWriter, r *http.Request) error {
	k, err := l.Stats.Screen(r.Context(), session.WallToken(r))
	if err != nil {
		return err
	}
	say := answer.Printer(r)
	return l.Streams.Serve(w, r, "wall "+k.ID, func(s *live.Stream) (func(), error) {
		e, err := l.event(r.Context(), say)
		if err != nil {
			return nil, err
		}
		s.Push(e)
		l.mu.Lock()
		if l.open == nil {
			l.open = map[*live.Stream]screen{}
		}
		l.open[s] = screen{k.ID, say.Lang()}
		l.mu.Unlock()
		return func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.open, s)
		}, nil
	})
}

// Screens lists the screens, and makes codes for others.
func (l *Room) Screens(w http.ResponseWriter, r *http.Request) error { return l.screens(w, r, "", "") }

func (l *Room) screens(w http.ResponseWriter, r *http.Request, code, place string) error {
	all, err := l.Stats.Screens(r.Context())
	if err != nil {
		return err
	}
	answer.Page(w, r, http.StatusOK, screensPage(answer.Printer(r), l.Frame(r, "wall.screens"), all, code, place, l.Site.URL+"/wall"))
	return nil
}

func me(r *http.Request) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: session.Staff(r).ID} }

// AddScreen makes a code and shows it, this once.
func (l *Room) AddScreen(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	code, err := l.Stats.AddScreen(r.Context(), form.Get("place"), me(r))
	if err != nil {
		return err
	}
	return l.screens(w, r, code[:4]+"-"+code[4:], form.Get("place"))
}

// RemoveScreen takes a screen away.
func (l *Room) RemoveScreen(w http.ResponseWriter, r *http.Request) error {
	if err := l.Stats.RemoveScreen(r.Context(), r.PathValue("screen"), me(r)); err != nil {
		return err
	}
	l.endGone(r.Context())
	http.Redirect(w, r, "/desk/wall", http.StatusSeeOther)
	return nil
}
