package routing

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/store"
)

// WaitingView is what a waiting person is told. It is honest: what is not known is not said.
type WaitingView struct {
	// Waiting says that she is in line; Ringing that her contact rings at somebody's desk right now.
	Waiting, Ringing bool
	// Place is her rank among those who wait in her language, 1 for the next; 0 is not shown. It never
	// grows: when somebody in danger passes before her it is not shown any more, until it is again at
	// most what she was last told.
	Place int
	// UsualWait is the median of the waits that ended with an answer in the last half hour, in her
	// language; 0, and not shown, when they are fewer than three.
	UsualWait time.Duration
	// ClosingSoon says that the line closes within half an hour, at ClosesAt. Nobody who waits is cut.
	ClosingSoon bool
	ClosesAt    time.Time
}

const (
	// placesShown is the last rank that is told: "you are 87th" helps nobody.
	placesShown = 20
	// usualWindow and usualLeast say when a usual wait counts as measured.
	usualWindow = 30 * time.Minute
	usualLeast  = 3
	// lineFresh is how old the line may be that a place is read from: a thousand waiting pages that are
	// all drawn again read the record once.
	lineFresh = time.Second
	// lineBreath is the least time between two readings for people who have just come; it grows with what
	// a reading takes, so that a thousand who come at once are read in few.
	lineBreath = 20 * time.Millisecond
	// behindMany is how many must be before whoever has just come, in a line that was read a moment ago, for her to be told no place without
	// another reading: some of them may have been answered since.
	behindMany = 2 * placesShown
	// forgetDear is how long looking for what is kept only for open contacts may take to be done in every sweep.
	forgetDear = 3 * time.Millisecond
	// usualFresh is how old the usual waits may be: they are read from all who were answered in half an hour.
	usualFresh = 10 * time.Second
)

// lineCache is the line as this node saw it last.
type lineCache struct {
	mu   sync.Mutex
	read time.Time              // by the room's clock
	view map[string]WaitingView // by contact
	line map[string][]waiting   // by language, in their order
	// When the reading began and was over, and what it took, by the machine's clock.
	began, done time.Time
	took        time.Duration

	usual   map[string]time.Duration // by language
	usualAt time.Time                // by the room's clock
}

// Place returns what a waiting person is told; the zero view when she does not wait.
func (r *Router) Place(ctx context.Context, contactID string) (WaitingView, error) {
	// Whoever comes while the line is read waits for it, rather than reading it once more.
	asked := time.Now()
	r.line.mu.Lock()
	defer r.line.mu.Unlock()
	now := r.now()
	view, known := r.line.view[contactID]
	age := now.Sub(r.line.read)
	old := r.line.view == nil || age < 0 || age > lineFresh
	// Who is not in a line that was read since she asked does not wait any more: she was answered meanwhile.
	known = known || r.line.began.After(asked)
	if !old && !known {
		var err error
		if view, known, err = r.behind(ctx, contactID, now); err != nil {
			return WaitingView{}, err
		}
	}
	if !old && !known {
		// Somebody who has just come waits for the next reading, with all who have just come.
		select {
		case <-time.After(max(lineBreath, 4*r.line.took) - time.Since(r.line.done)):
		case <-ctx.Done():
			return WaitingView{}, ctx.Err()
		}
	}
	if old || !known {
		began := time.Now()
		if err := r.readPlaces(ctx, now); err != nil {
			return WaitingView{}, err
		}
		r.line.began, r.line.done = began, time.Now()
		r.line.took = r.line.done.Sub(began)
		view = r.line.view[contactID]
		r.line.view[contactID] = view // whoever does not wait is remembered too
	}
	if !view.Waiting {
		return WaitingView{}, nil
	}
	if hours := r.today(); hours.ClosingSoon {
		view.ClosingSoon, view.ClosesAt = true, hours.ClosesAt
	}
	return view, nil
}

// behind is what somebody is told who has just come and is behind many; ok is false where she is not, or does not wait. r.line.mu is held.
func (r *Router) behind(ctx context.Context, contactID string, now time.Time) (view WaitingView, ok bool, err error) {
	hers, err := store.One(ctx, r.db, scanWaiting, selectPlaces+` AND c.id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return view, false, nil
	}
	if err != nil || !hers.live() {
		return view, false, err
	}
	set, before := r.catalogue(), 0
	score := r.score(ruleOf(set, hers), hers, now)
	for _, w := range r.line.line[hers.lang] {
		if cmp.Or(cmp.Compare(score, r.score(ruleOf(set, w), w, now)), cmp.Compare(w.since, hers.since)) >= 0 {
			return view, false, nil
		}
		if before++; before == behindMany {
			return WaitingView{Waiting: true, Ringing: hers.state == contact.Offered, UsualWait: r.line.usual[hers.lang]}, true, nil
		}
	}
	return view, false, nil
}

func (r *Router) readPlaces(ctx context.Context, now time.Time) error {
	all, err := store.All(ctx, r.db, scanWaiting, selectPlaces)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(w waiting) bool { return !w.live() })
	usual, err := r.usualWaits(ctx, now)
	if err != nil {
		return err
	}
	view, told := r.places(r.catalogue(), all, now)
	for id, v := range view {
		v.UsualWait = usual[v.lang]
		view[id] = v
	}
	if err := r.remember(ctx, told); err != nil {
		return err
	}
	r.line.read = now
	r.line.view = make(map[string]WaitingView, len(view))
	for id, v := range view {
		r.line.view[id] = v.WaitingView
	}
	r.line.line = map[string][]waiting{}
	for _, w := range all { // places has put them in order
		r.line.line[w.lang] = append(r.line.line[w.lang], w)
	}
	return nil
}

type placed struct {
	WaitingView
	lang string
}

// place is what somebody is told for the first time, or anew.
type place struct {
	id   string
	rank int
}

// places ranks the line in each language, and lists what is new to tell.
func (r *Router) places(set *catalogue.Set, all []waiting, now time.Time) (map[string]placed, []place) {
	r.inLine(set, all, now)
	ranks := map[string]int{}
	view := make(map[string]placed, len(all))
	var told []place
	for _, w := range all {
		// Who rings may come back to her place, so she still counts for those behind her.
		ranks[w.lang]++
		rank := ranks[w.lang]
		v := placed{lang: w.lang, WaitingView: WaitingView{Waiting: true, Ringing: w.state == contact.Offered}}
		if rank <= placesShown && (w.shown == 0 || int64(rank) <= w.shown) {
			v.Place = rank
			if int64(rank) != w.shown {
				told = append(told, place{w.id, rank})
			}
		}
		view[w.id] = v
	}
	return view, told
}

// remember writes what is about to be told, before it is told, so that no other node and no later day
// tells a bigger number.
func (r *Router) remember(ctx context.Context, told []place) error {
	const most = 100
	for chunk := range slices.Chunk(told, most) {
		query, args := upsertPlaces(chunk)
		if _, err := r.db.Exec(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// usualWaits returns the median wait by language, as it was a moment ago. r.line.mu is held.
func (r *Router) usualWaits(ctx context.Context, now time.Time) (map[string]time.Duration, error) {
	if within(store.Millis(r.line.usualAt), store.Millis(now), usualFresh) {
		return r.line.usual, nil
	}
	usual, err := r.readUsualWaits(ctx, now)
	if err != nil {
		return nil, err
	}
	r.line.usual, r.line.usualAt = usual, now
	return usual, nil
}

func (r *Router) readUsualWaits(ctx context.Context, now time.Time) (map[string]time.Duration, error) {
	type served struct {
		lang   string
		waited int64
	}
	rows, err := store.All(ctx, r.db, func(s store.Row) (v served, err error) { return v, s.Scan(&v.lang, &v.waited) },
		selectWaits, store.Millis(now.Add(-usualWindow)))
	if err != nil {
		return nil, err
	}
	byLang := map[string][]int64{}
	for _, v := range rows {
		byLang[v.lang] = append(byLang[v.lang], v.waited)
	}
	usual := map[string]time.Duration{}
	for lang, waits := range byLang {
		if len(waits) < usualLeast {
			continue
		}
		slices.Sort(waits)
		middle := waits[len(waits)/2]
		if len(waits)%2 == 0 {
			middle = (waits[len(waits)/2-1] + middle) / 2
		}
		usual[lang] = time.Duration(middle) * time.Millisecond
	}
	return usual, nil
}

// forgetClosed deletes what was kept only for the time that a contact was open. It looks at everybody who has an address here, so after a
// look that took longer than forgetDear it takes a breath of nineteen times that. It returns in how long it wants to be called again where it
// looked too short a time ago to look now, else 0.
func (r *Router) forgetClosed(ctx context.Context) (again time.Duration, err error) {
	began := time.Now()
	if again = r.forgetNext.Sub(began); again > 0 {
		return again, nil
	}
	defer func() {
		if took := time.Since(began); took > forgetDear {
			r.forgetNext = time.Now().Add(19 * took)
		}
	}()
	n, err := store.One(ctx, r.db, scanInt, selectClosedTraces)
	if err != nil || n == 0 {
		return 0, err
	}
	return 0, r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, deleteClosedMarks); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, deleteClosedPlaces)
		return err
	})
}
