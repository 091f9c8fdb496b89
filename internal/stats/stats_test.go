package stats_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

// world is a helpline that counts.
type world struct {
	*stats.Stats
	t         *testing.T
	ctx       context.Context
	db        *store.DB
	contacts  *contact.Contacts
	at        time.Time
	jobs      *jobs.Jobs
	catalogue func() *catalogue.Set
	blobs     *blob.Disk
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	return newWorldIn(t, db, t.TempDir())
}

// newWorldIn is one whose key lies in a folder, where the next process finds it.
func newWorldIn(t *testing.T, db *store.DB, folder string) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), db: db, at: time.Date(2026, 11, 23, 18, 0, 0, 0, paris)}
	now := func() time.Time { return w.at }
	custodian, err := seal.FileCustodian(filepath.Join(folder, "vigie.key"))
	w.must(err)
	keys, err := seal.Open(w.ctx, db, custodian, now)
	w.must(err)
	set, err := catalogue.Seeds()
	w.must(err)
	b, err := bus.Open(w.ctx, bus.Options{})
	w.must(err)
	t.Cleanup(b.Close)
	log := audit.Open(db, keys.Derive("audit"), b.NodeID(), now)
	current := func() *catalogue.Set { return set }
	w.catalogue = current
	w.contacts, err = contact.New(contact.Options{DB: db, Keys: keys, Audit: log, Bus: b, Catalogue: current, Now: now, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	t.Cleanup(w.contacts.Stop)
	w.blobs, err = blob.OpenDisk(t.TempDir())
	w.must(err)
	w.jobs = jobs.New(jobs.Options{DB: db, Bus: b})
	words := func(string) (string, []string, func(stats.Told) []any) {
		return "contacts", []string{"month", "gender", "talk"}, func(told stats.Told) []any {
			return []any{told.Month, strings.Join(told.Codes(stats.Gender), ","), strings.Join(told.Codes(stats.Length), ",")}
		}
	}
	w.Stats = stats.New(stats.Options{DB: db, Audit: log, Contacts: w.contacts, Catalogue: current, Keys: keys, Blobs: w.blobs, Jobs: w.jobs, Words: words, Now: now})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) passes(d time.Duration) { w.at = w.at.Add(d) }

func (w *world) opens(channel string) string {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: channel, Lang: "fr"})
	w.must(err)
	return ct.ID
}

func (w *world) moves(id string, ev contact.Event, by audit.Actor, set contact.Change) {
	w.t.Helper()
	w.must(w.db.Tx(w.ctx, func(tx *store.Tx) error {
		_, err := w.contacts.Move(w.ctx, tx, id, ev, by, set)
		return err
	}))
}

func (w *world) writes(id, field, value string) {
	w.t.Helper()
	_, err := w.contacts.SaveField(w.ctx, contact.Saving{ContactID: id, Field: field, Value: value, Seen: contact.Overwrite, By: claire})
	w.must(err)
}

// talked is a conversation from its first word to its written form.
func (w *world) talked(channel string, waits, talks time.Duration, form ...string) string {
	w.t.Helper()
	id := w.opens(channel)
	w.passes(waits)
	w.moves(id, contact.Take, claire, contact.Change{})
	w.passes(talks)
	w.moves(id, contact.StaffEnds, claire, contact.Change{})
	w.passes(time.Minute)
	w.closes(id, form...)
	return id
}

func (w *world) closes(id string, form ...string) {
	w.t.Helper()
	for i := 0; i < len(form); i += 2 {
		w.writes(id, form[i], form[i+1])
	}
	for {
		missing, err := w.contacts.Missing(w.ctx, id)
		w.must(err)
		if len(missing) == 0 {
			break
		}
		for _, f := range missing {
			if offered := f.Offered(); len(offered) > 0 {
				w.writes(id, f.Code, offered[0].Code)
			} else {
				w.writes(id, f.Code, "noté")
			}
		}
	}
	_, err := w.contacts.Close(w.ctx, id, claire, false)
	w.must(err)
}

func (w *world) figures(from, until string) stats.Figures {
	w.t.Helper()
	f, err := w.Figures(w.ctx, stats.Query{From: day(from), Until: day(until)})
	w.must(err)
	return f
}

func day(s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, paris)
	if err != nil {
		panic(err)
	}
	return t
}

func (w *world) wants(what string, got, want int64) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// whole compares all that entered, and that each of them became exactly one thing.
func (w *world) whole(f stats.Figures, want map[stats.Measure]int64) {
	w.t.Helper()
	var became int64
	for _, m := range stats.Measures {
		w.wants(string(m), f.Whole[m], want[m])
		if m != stats.Entered {
			became += f.Whole[m]
		}
	}
	w.wants("all that they became", became, f.Whole[stats.Entered])
}

// The 119's words: each contact that entered is one of them.
func TestEachContactIsOneOfThe119sWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.talked("chat", 30*time.Second, 20*time.Minute, "category_main", "sextortion", "gender", "girl", "age", "13", "department", "29")
		joke := w.opens("chat")
		w.moves(joke, contact.Take, claire, contact.Change{})
		w.moves(joke, contact.Dismiss, claire, contact.Change{Closing: "joke"})
		hasty := w.opens("chat")
		w.passes(4 * time.Second)
		w.moves(hasty, contact.VisitorEnds, contact.VisitorOf(hasty), contact.Change{})
		tired := w.opens("phone")
		w.passes(6 * time.Minute)
		w.moves(tired, contact.VisitorEnds, contact.VisitorOf(tired), contact.Change{})
		hidden := w.opens("chat") // by the quick exit, which closes half an hour later
		w.passes(3 * time.Second)
		w.moves(hidden, contact.Leave, contact.VisitorOf(hidden), contact.Change{})
		w.passes(31 * time.Minute)
		w.moves(hidden, contact.Expire, contact.SystemActor, contact.Change{})
		w.opens("message")
		f := w.figures("2026-11-23", "2026-11-24")
		w.whole(f, map[stats.Measure]int64{stats.Entered: 6, stats.Treated: 1, stats.PreTreated: 1, stats.Short: 2, stats.Abandoned: 1, stats.Ongoing: 1})
		w.wants("girls", f.By[stats.Gender]["girl"], 1)
		w.wants("13 years", f.By[stats.Age]["13_15"], 1)
		w.wants("Finistère", f.By[stats.Department]["29"], 1)
		w.wants("no platform said", f.By[stats.Platform][stats.Unknown], 1)
		w.wants("on Mondays at six", f.Week[0][18], 6)
		if p, _ := f.ServiceLevel(); p != 67 { // two answered in time of three who could be
			t.Errorf("service level %d %%", p)
		}
		if got := f.Length.At(50); got < 20*time.Minute || got > 22*time.Minute {
			t.Errorf("the median conversation is %v", got)
		}
	})
}

// What is counted stays when the contact is erased, and nothing of the contact stays with it.
func TestFiguresOutliveErasure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		id := w.talked("chat", time.Minute, time.Minute, "category_main", "sextortion") // not counted yet: the erasure does it
		w.must(w.contacts.Erase(w.ctx, id, contact.SystemActor, "rule"))
		f := w.figures("2026-11-23", "2026-11-24")
		w.whole(f, map[stats.Measure]int64{stats.Entered: 1, stats.Treated: 1})
		w.wants("sextortion", f.By[stats.Category]["sextortion"], 1)
		for _, table := range []string{"stat_counted", "stat_due"} {
			n, err := store.One(w.ctx, db, func(r store.Row) (n int64, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM `+table)
			w.must(err)
			w.wants(table, n, 0)
		}
	})
}

// A form that is corrected after the close corrects the figures.
func TestACorrectedFormCorrectsTheFigures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		id := w.talked("chat", time.Minute, time.Minute, "category_main", "sextortion")
		w.figures("2026-11-23", "2026-11-24")
		w.moves(id, contact.Reopen, claire, contact.Change{})
		w.wants("nothing is said of it while it is open", w.figures("2026-11-23", "2026-11-24").By[stats.Category]["sextortion"], 0)
		w.closes(id, "category_main", "grooming")
		f := w.figures("2026-11-23", "2026-11-24")
		w.whole(f, map[stats.Measure]int64{stats.Entered: 1, stats.Treated: 1})
		w.wants("sextortion", f.By[stats.Category]["sextortion"], 0)
		w.wants("grooming", f.By[stats.Category]["grooming"], 1)
	})
}

// Two nodes that count at the same time count once.
func TestTwoNodesCountOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for range 10 {
			w.talked("chat", time.Minute, time.Minute, "category_main", "sextortion")
		}
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() {
				if err := w.Fold(w.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.Wait()
		w.whole(w.figures("2026-11-23", "2026-11-24"), map[stats.Measure]int64{stats.Entered: 10, stats.Treated: 10})
	})
}

// A contact is of the day and hour it arrived, by the clock of Paris; the day that has 25 hours is one day.
func TestDaysAreThoseOfParis(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.at = time.Date(2026, 11, 23, 23, 50, 0, 0, paris)
		w.talked("chat", time.Minute, 30*time.Minute, "category_main", "sextortion")
		w.wants("before midnight", w.figures("2026-11-23", "2026-11-24").Whole[stats.Treated], 1)
		w.wants("after midnight", w.figures("2026-11-24", "2026-11-25").Whole[stats.Entered], 0)
		for _, utc := range []int{0, 1} { // 2:30 comes twice on 25 October 2026
			w.at = time.Date(2026, 10, 25, utc, 30, 0, 0, time.UTC)
			w.opens("message")
		}
		w.at = time.Date(2026, 10, 25, 22, 59, 0, 0, time.UTC) // 23:59
		w.opens("message")
		w.wants("after the change of hour", w.figures("2026-10-25", "2026-10-26").Hours[2][stats.Entered], 2)
		w.wants("the day of 25 hours", w.figures("2026-10-25", "2026-10-26").Whole[stats.Entered], 3)
		w.at = time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC) // two o'clock that is three
		w.opens("message")
		w.wants("the hour that is not there", w.figures("2026-03-29", "2026-03-30").Hours[3][stats.Entered], 1)
	})
}

// A contact that is handed over, parked, lost by its desk and answered again is one, and its length is the time that was talked.
func TestAHandedOverContactIsOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		karim := audit.Actor{Kind: audit.Staff, ID: "staff-karim"}
		id := w.opens("chat")
		w.passes(20 * time.Second)
		w.moves(id, contact.Take, claire, contact.Change{})
		w.passes(10 * time.Minute)
		w.moves(id, contact.HandOver, claire, contact.Change{StaffID: karim.ID})
		w.passes(10 * time.Minute)
		w.moves(id, contact.Quiet, karim, contact.Change{})
		w.passes(3 * time.Hour)
		w.moves(id, contact.Return, contact.VisitorOf(id), contact.Change{})
		w.passes(time.Hour)
		w.moves(id, contact.Take, claire, contact.Change{})
		w.passes(10 * time.Minute)
		w.moves(id, contact.StaffEnds, claire, contact.Change{})
		w.closes(id, "category_main", "sextortion")
		f := w.figures("2026-11-23", "2026-11-24")
		w.whole(f, map[stats.Measure]int64{stats.Entered: 1, stats.Treated: 1})
		if got := f.Length.At(50); got < 30*time.Minute || got > 33*time.Minute {
			t.Errorf("talked for %v, want half an hour", got)
		}
		if got := f.Wait.At(50); got < 20*time.Second || got > 22*time.Second {
			t.Errorf("waited for %v, want 20 s", got)
		}
	})
}

// A call that ended before it was a contact is counted once, by how it ended.
func TestCallsThatWereNoContactAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for _, call := range []struct {
			lasted time.Duration
			how    string
		}{{3 * time.Second, "caller"}, {20 * time.Second, "caller"}, {30 * time.Second, "house"}, {time.Second, "blocked"}} {
			id, began := store.NewID(), store.Millis(w.at)
			w.must(db.Tx(w.ctx, func(tx *store.Tx) error {
				if _, err := tx.Exec(w.ctx, `INSERT INTO phone_call (id, node, trunk, direction, state, lang, began_at, lease_until, ended_at, outcome)
					VALUES ($1, 'n', 't', 'in', 'ended', 'fr', $2, $2, $3, $4)`, id, began, began+call.lasted.Milliseconds(), call.how); err != nil {
					return err
				}
				return w.Lost(w.ctx, tx, id)
			}))
		}
		w.must(w.Fold(w.ctx))
		w.whole(w.figures("2026-11-23", "2026-11-24"), map[stats.Measure]int64{stats.Entered: 4, stats.Short: 1, stats.Abandoned: 1, stats.Dissuaded: 2})
	})
}
