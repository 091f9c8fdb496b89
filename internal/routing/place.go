package routing

import (
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
	// lineLong is how many must wait in her language for whoever has just come to be told no place before the next reading: hers is
	// beyond placesShown, or, in danger, the page that is drawn a moment later says it.
	lineLong = 2 * placesShown
	// forgetEvery is how often what is kept only for an open contact is looked for.
	forgetEvery = 10 * time.Second
	// usualFresh is how old the usual waits may be: they are read from all who were answered in half an hour.
	usualFresh = 10 * time.Second
)

// lineCache is the line as this node saw it last.
type lineCache struct {
	mu   sync.Mutex
	read time.Time              // by the room's clock
	view map[string]WaitingView // by contact
	long map[string]int         // how many wait, by language
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
		if view, known, err = r.behind(ctx, contactID); err != nil {
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

// behind is what somebody is told who has just joined a long line; ok is false where she did not, or where it is short.
func (r *Router) behind(ctx context.Context, contactID string) (view WaitingView, ok bool, err error) {
	now, err := store.One(ctx, r.db, scanPair, selectStateAndLang, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return view, false, nil
	}
	if err != nil || now[0] != string(contact.Waiting) || r.line.long[now[1]] < lineLong {
		return view, false, err
	}
	return WaitingView{Waiting: true, UsualWait: r.line.usual[now[1]]}, true, nil
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
	r.line.long = map[string]int{}
	for id, v := range view {
		r.line.view[id] = v.WaitingView
		r.line.long[v.lang]++
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

// forgetClosed deletes what was kept only for the time that a contact was open.
func (r *Router) forgetClosed(ctx context.Context, now time.Time) error {
	if within(store.Millis(r.forgotAt), store.Millis(now), forgetEvery) {
		return nil
	}
	r.forgotAt = now
	n, err := store.One(ctx, r.db, scanInt, selectClosedTraces)
	if err != nil || n == 0 {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, deleteClosedMarks); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, deleteClosedPlaces)
		return err
	})
}
