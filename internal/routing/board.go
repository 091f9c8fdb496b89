package routing

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"vigie/internal/contact"
	"vigie/internal/store"
)

const (
	// boardEvery is how long what changes is gathered before the board reads it; what is slow to read is read less often,
	// after a breath of twice what it took, and at the latest after boardLate.
	boardEvery = 50 * time.Millisecond
	boardLate  = 500 * time.Millisecond
	// boardSeats is how long apart who is there is read at the least: each contact that comes or goes would have all desks read.
	boardSeats = 400 * time.Millisecond
	// boardCrew is how often who is there is read although nothing was announced, because some of it changes as time passes;
	// every boardWhole-th time it is the whole board, because an announcement may have been lost.
	boardCrew  = 10 * time.Second
	boardWhole = 6
	// boardMost is how many contacts are read one by one; when more changed the whole board is read.
	boardMost = 200
)

// boardStates are the states in which a contact is on the board: its conversation is not over.
var boardStates = []contact.State{contact.Waiting, contact.Offered, contact.Talking, contact.Parked, contact.Left}

// Post is an open contact as the board has it.
type Post struct {
	contact.Contact
	// Reasons are why it is urgent, the heaviest first.
	Reasons []contact.Reason
	// Score is where it stands in the line without what waiting adds, and Ageing the points that each minute adds.
	Score, Ageing int
	// Lined says that it waits for somebody now; whoever is called back later does not yet.
	Lined bool

	knowing []string // who said "I know this person"
}

// OpenTo says whether a member of staff may see it: she has not said that she knows its person.
func (p Post) OpenTo(staffID string) bool { return !slices.Contains(p.knowing, staffID) }

// UnderWay says that somebody has its conversation.
func (p Post) UnderWay() bool {
	return (p.State == contact.Talking || p.State == contact.Parked) && p.CounsellorID != ""
}

// Placed is a seat with its place among the others, in the order of Floor: smaller comes first.
type Placed struct {
	Seat
	Place int
}

// Delta is what changed on the board since it was last told.
type Delta struct {
	// Whole says that it is all of the board, and not what changed.
	Whole bool
	// Posts are new, or changed; Gone are the ids of those that are over.
	Posts []Post
	Gone  []string
	// Seats are who came, or changed; Left are the ids of who is no longer there.
	Seats []Placed
	Left  []string
	// Waiting and UnderWay are how many there are on the whole board, and There how many are at their desks.
	Waiting, UnderWay, There int
	// Known are the posts whose person somebody knows: they are not there for her.
	Known []Post
	// Danger says that a post in danger came, changed or is over.
	Danger bool
	// Other says that something changed that is not on the board: a setting, an alarm, a decision.
	Other bool
}

// Board is the floor as this node has it: who is there, who waits, who talks with whom. It is a copy in memory of the
// record, so that any number of supervisors who look at hundreds of conversations cost the record one reading of what
// changed. It is kept only while somebody follows it. What it says may be a moment old: whoever acts asks the record.
type Board struct {
	r *Router

	telling sync.Mutex // held while it is read and told, so that the newest is told last

	mu        sync.Mutex
	posts     map[string]Post // nil while nobody follows
	tally     tally           // of posts
	seats     map[string]Placed
	changed   map[string]bool // to be read; true is told even where nothing of its row changed
	crew      bool            // who is there is to be read
	seatsAt   time.Time       // when that was read last
	whole     bool            // everything is to be read
	other     bool
	reading   bool // it is being read, or will be in a moment
	followers map[*follower]struct{}
	again     *time.Timer
	stops     []func()
}

type follower struct{ tell func(*Delta) }

// NewBoard follows what is announced; Close leaves the bus.
func (r *Router) NewBoard() (*Board, error) {
	b := &Board{r: r, changed: map[string]bool{}, followers: map[*follower]struct{}{}}
	for subject, heard := range map[string]func(string, []byte){
		"queue":           b.heard,
		"staff.*":         b.staffHeard,
		"routing.setting": func(string, []byte) { b.mark("", false, true, true) },
		"catalogue":       func(string, []byte) { b.all() },
	} {
		stop, err := r.bus.Subscribe(subject, heard)
		if err != nil {
			b.Close()
			return nil, err
		}
		b.stops = append(b.stops, stop)
	}
	b.stops = append(b.stops, r.bus.OnReconnect(b.all))
	return b, nil
}

// Close leaves the bus.
func (b *Board) Close() {
	for _, stop := range b.stops {
		stop()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.followers)
	b.rest()
}

// Follow tells the whole board (Delta.Whole) before it returns, then every change, one after the other, until stop is
// called. tell must not wait for anything.
func (b *Board) Follow(ctx context.Context, tell func(*Delta)) (stop func(), err error) {
	b.telling.Lock()
	defer b.telling.Unlock()
	f := &follower{tell}
	b.mu.Lock()
	b.followers[f] = struct{}{} // what is announced from now on is read after what is read here
	known := b.posts != nil
	b.mu.Unlock()
	stop = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, f)
		if len(b.followers) == 0 {
			b.rest()
		}
	}
	if !known {
		posts, seats, err := b.r.board(ctx)
		if err != nil {
			stop()
			return nil, err
		}
		b.mu.Lock()
		b.posts, b.tally, b.seats = posts, tallied(posts), seats
		b.keep()
		b.mu.Unlock()
	}
	b.mu.Lock()
	now := whole(b.posts, b.seats)
	b.mu.Unlock()
	tell(&now)
	return stop, nil
}

// Now returns the board as it is: from memory while somebody follows it and nothing is announced, else from the record.
func (b *Board) Now(ctx context.Context) (Delta, error) {
	b.mu.Lock()
	if b.posts != nil && !b.reading {
		defer b.mu.Unlock()
		return whole(b.posts, b.seats), nil
	}
	b.mu.Unlock()
	posts, seats, err := b.r.board(ctx)
	return whole(posts, seats), err
}

// whole tells all of a board.
func whole(posts map[string]Post, seats map[string]Placed) Delta {
	d := Delta{Whole: true, Posts: slices.Collect(maps.Values(posts)), Seats: slices.Collect(maps.Values(seats))}
	d.count(tallied(posts), seats)
	return d
}

// tally is what is told of all posts whatever changed: counted as they come and go, and not each time anew.
type tally struct {
	waiting, underWay int
	known             map[string]Post // those whose person somebody knows
}

func tallied(posts map[string]Post) tally {
	var t tally
	for _, p := range posts {
		t.add(p, 1)
	}
	return t
}

// add counts a post that came, or with -1 one that went.
func (t *tally) add(p Post, n int) {
	if p.Lined {
		t.waiting += n
	}
	if p.UnderWay() {
		t.underWay += n
	}
	if len(p.knowing) == 0 {
		return
	}
	if n < 0 {
		delete(t.known, p.ID)
		return
	}
	if t.known == nil {
		t.known = map[string]Post{}
	}
	t.known[p.ID] = p
}

// count fills in what is told of the whole board.
func (d *Delta) count(t tally, seats map[string]Placed) {
	d.Waiting, d.UnderWay, d.Known = t.waiting, t.underWay, slices.Collect(maps.Values(t.known))
	for _, s := range seats {
		if s.Live && s.Shown != Away {
			d.There++
		}
	}
}

// keep has the whole read from time to time. b.mu is held.
func (b *Board) keep() {
	if b.again == nil {
		turn := 0
		b.again = time.AfterFunc(boardCrew, func() {
			if turn++; turn%boardWhole == 0 {
				b.all()
			} else {
				b.mark("", false, false, true)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.again != nil {
				b.again.Reset(boardCrew)
			}
		})
	}
}

// rest forgets the board: nobody looks. b.mu is held.
func (b *Board) rest() {
	b.posts, b.tally, b.seats = nil, tally{}, nil
	if b.again != nil {
		b.again.Stop()
		b.again = nil
	}
}

func (b *Board) heard(_ string, payload []byte) {
	var e contact.QueueEvent
	_ = json.Unmarshal(payload, &e)
	if e.Whole {
		b.all()
		return
	}
	b.mark(e.Contact, false, e.Contact == "", e.Contact == "")
}

// staffHeard hears what is said to a member of staff: her presence changed, or somebody listens.
func (b *Board) staffHeard(_ string, payload []byte) {
	var e StaffEvent
	_ = json.Unmarshal(payload, &e)
	b.mark(e.Contact, e.What == "listening", e.What == "alarm", e.What != "listening" && e.What != "alarm")
}

// all has everything read again.
func (b *Board) all() {
	b.mu.Lock()
	b.whole = true
	b.mu.Unlock()
	b.mark("", false, true, true)
}

// mark notes what is to be read: a contact, if it is about one, and who is there where crew says so. Who only waits changes nobody's seat.
func (b *Board) mark(contactID string, again, other, crew bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.followers) == 0 {
		return
	}
	if contactID != "" {
		b.changed[contactID] = again || b.changed[contactID]
	}
	b.crew, b.other = b.crew || crew, b.other || other
	if !b.reading {
		b.reading = true
		time.AfterFunc(boardEvery, b.catchUp)
	}
}

// catchUp reads what changed and tells it, and again as long as something changes.
func (b *Board) catchUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b.telling.Lock()
	defer b.telling.Unlock()
	began := time.Now()
	b.mu.Lock()
	changed, all := b.changed, b.whole || len(b.changed) > boardMost
	d := Delta{Other: b.other}
	b.changed = map[string]bool{}
	b.whole, b.other = false, false
	if all {
		b.crew, b.seatsAt = false, began
	}
	b.mu.Unlock()
	if err := b.update(ctx, began, changed, all, d); err != nil {
		slog.Warn("the floor could not be read", "error", err)
		b.mu.Lock()
		b.whole, b.other = true, b.other || d.Other
		for id, again := range changed {
			b.changed[id] = again || b.changed[id]
		}
		b.mu.Unlock()
	}
	took := time.Since(began)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = len(b.followers) > 0 && (b.whole || b.crew || b.other || len(b.changed) > 0)
	if b.reading {
		next := min(max(boardEvery, 2*took), boardLate)
		if !b.whole && !b.other && len(b.changed) == 0 { // only who is there, which is not to be read yet
			b.reading = false
			b.later(max(next, boardSeats-time.Since(b.seatsAt)))
			return
		}
		time.AfterFunc(next, b.catchUp)
	}
}

// later has who is there read after a while, unless something else has the board read before. b.mu is held.
func (b *Board) later(after time.Duration) {
	time.AfterFunc(after, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.crew && !b.reading && len(b.followers) > 0 {
			b.reading = true
			go b.catchUp()
		}
	})
}

// update reads, compares and tells; who is there it reads where that is asked for, or a conversation of somebody's changed.
func (b *Board) update(ctx context.Context, now time.Time, changed map[string]bool, all bool, d Delta) error {
	var posts map[string]Post
	var seats map[string]Placed
	var err error
	crew := all
	if all {
		posts, seats, err = b.r.board(ctx)
	} else {
		posts = map[string]Post{}
		if len(changed) > 0 {
			posts, err = b.r.posts(ctx, slices.Collect(maps.Keys(changed)))
		}
		if crew = err == nil && b.seatsDue(now, posts, changed); crew {
			seats, err = b.r.placed(ctx)
		}
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	if b.posts == nil { // nobody looks any more
		b.mu.Unlock()
		return nil
	}
	if all {
		for id := range b.posts {
			if _, marked := changed[id]; !marked {
				changed[id] = false
			}
		}
	}
	for id, p := range posts {
		if had, ok := b.posts[id]; !ok || changed[id] || !reflect.DeepEqual(p, had) {
			if ok {
				b.tally.add(had, -1)
			}
			b.posts[id] = p
			b.tally.add(p, 1)
			d.Posts = append(d.Posts, p)
			d.Danger = d.Danger || p.Danger || had.Danger
			d.Other = d.Other || p.DueAt != 0 || had.DueAt != 0 // who was promised a call stands in a list of its own
		}
	}
	for id := range changed {
		if _, still := posts[id]; still {
			continue
		}
		if had, was := b.posts[id]; was {
			delete(b.posts, id)
			b.tally.add(had, -1)
			d.Gone = append(d.Gone, id)
			d.Danger = d.Danger || had.Danger
			d.Other = d.Other || had.DueAt != 0
		}
	}
	if crew {
		for id, s := range seats {
			if had, ok := b.seats[id]; !ok || !sameSeat(s, had) {
				d.Seats = append(d.Seats, s)
			}
		}
		for id := range b.seats {
			if _, still := seats[id]; !still {
				d.Left = append(d.Left, id)
			}
		}
		b.seats = seats
	}
	d.count(b.tally, b.seats)
	followers := slices.Collect(maps.Keys(b.followers))
	b.mu.Unlock()
	if d.Other || len(d.Posts)+len(d.Gone)+len(d.Seats)+len(d.Left) > 0 {
		for _, f := range followers {
			f.tell(&d)
		}
	}
	return nil
}

// seatsDue says whether who is there is to be read now, and notes it where it is to be read later.
func (b *Board) seatsDue(now time.Time, posts map[string]Post, changed map[string]bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range changed {
		if b.crew {
			break
		}
		had, was := b.posts[id]
		has, is := posts[id]
		switch {
		case had.CounsellorID != "" || has.CounsellorID != "":
			b.crew = !reflect.DeepEqual(had, has)
		case !was: // a write-up that is finished, or left, has stood in nobody's list; only who newly came has nobody yet
			b.crew = !is || has.DueAt != 0 || has.StickyID != ""
		}
	}
	if !b.crew || now.Sub(b.seatsAt) < boardSeats {
		return false
	}
	b.crew, b.seatsAt = false, now
	return true
}

// sameSeat says whether two readings of a seat look the same: its lease, which every beat moves, is not looked at.
func sameSeat(a, b Placed) bool {
	a.LeaseUntil, b.LeaseUntil, a.IdleSince, b.IdleSince = 0, 0, 0, 0
	return reflect.DeepEqual(a, b)
}

// board reads all open contacts, and who is there.
func (r *Router) board(ctx context.Context) (map[string]Post, map[string]Placed, error) {
	open, err := r.contacts.InStates(ctx, boardStates...)
	if err != nil {
		return nil, nil, err
	}
	posts, err := r.posted(ctx, open)
	if err != nil {
		return nil, nil, err
	}
	seats, err := r.placed(ctx)
	return posts, seats, err
}

// placed reads who is there. A seat's place depends on its own state and on all names, so that one who comes or goes, and not one
// who merely changes, moves the others.
func (r *Router) placed(ctx context.Context) (map[string]Placed, error) {
	seats, err := r.Floor(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(seats))
	for i, s := range seats {
		names[i] = s.Person.Alias
	}
	slices.Sort(names)
	placed := make(map[string]Placed, len(seats))
	for _, s := range seats {
		rank, _ := slices.BinarySearch(names, s.Person.Alias)
		placed[s.StaffID] = Placed{s, shownOrder[s.Shown]*100_000 + rank}
	}
	return placed, nil
}

// Post reads one contact as the board shows it; ok is false when it is not open.
func (r *Router) Post(ctx context.Context, contactID string) (p Post, ok bool, err error) {
	posts, err := r.posts(ctx, []string{contactID})
	p, ok = posts[contactID]
	return p, ok, err
}

// LiveWaiting is how many wait to be answered at once: letters do not.
func (r *Router) LiveWaiting(ctx context.Context) (int, error) {
	return store.One(ctx, r.db, scanInt, `SELECT count(*) FROM contact WHERE state IN ('waiting', 'offered') AND channel IN ('chat', 'phone') AND due_at <= $1`, store.Millis(r.now()))
}

// posts reads these contacts: those of them that are open.
func (r *Router) posts(ctx context.Context, ids []string) (map[string]Post, error) {
	some, err := r.contacts.Some(ctx, ids)
	if err != nil {
		return nil, err
	}
	return r.posted(ctx, slices.DeleteFunc(some, func(ct contact.Contact) bool { return !ct.State.Open() }))
}

func (r *Router) posted(ctx context.Context, open []contact.Contact) (map[string]Post, error) {
	barred, err := r.barredOf(ctx, open)
	if err != nil {
		return nil, err
	}
	knowing := map[string][]string{}
	for _, p := range barred {
		knowing[p[0]] = append(knowing[p[0]], p[1])
	}
	set, now := r.catalogue(), store.Millis(r.now())
	posts := make(map[string]Post, len(open))
	for _, ct := range open {
		w := waiting{id: ct.ID, lang: ct.Lang, public: ct.Public, topic: ct.Topic, queue: ct.Queue, danger: ct.Danger}
		q := ruleOf(set, w)
		p := Post{Contact: ct, Score: q.base + ct.Priority + danger(set, w), Ageing: q.ageing, knowing: knowing[ct.PersonID],
			Lined: (ct.State == contact.Waiting || ct.State == contact.Offered) && (ct.DueAt <= now || ct.Danger)}
		if ct.Priority > 0 {
			if p.Reasons, err = r.contacts.Reasons(ctx, ct); err != nil {
				return nil, err
			}
		}
		posts[ct.ID] = p
	}
	return posts, nil
}

// barredOf reads who said of the persons of these contacts that she knows them.
func (r *Router) barredOf(ctx context.Context, open []contact.Contact) ([][2]string, error) {
	if len(open) == 0 {
		return nil, nil
	}
	var b store.Builder
	b.Text(`SELECT person_id, staff_id FROM person_barred`)
	if len(open) <= boardMost {
		ids := make([]string, len(open))
		for i, ct := range open {
			ids[i] = ct.PersonID
		}
		store.In(&b, " WHERE person_id", ids)
	} else {
		b.Text(` WHERE person_id IN (SELECT person_id FROM contact`)
		store.In(&b, " WHERE state", boardStates)
		b.Text(`)`)
	}
	return store.All(ctx, r.db, scanPair, b.SQL(), b.Args()...)
}
