// Package stats counts what the helpline did, so that it can be said long after what was counted is erased.
//
// A figure must outlive the contact it counts (contacts go by rule, and when a person asks with her four words) and say nothing of
// anybody. So what is kept are cells: on a day, by one dimension at a time, how often. A cell has no id, no word and no time but a day
// and an hour. Two dimensions are never crossed by the day, because a girl of twelve in a small département on a given day is
// somebody; the two crossings that the CHI data return needs (category by gender, and by age) are counted by the month.
// Durations are counted in buckets of a tenth, from which percentiles are read. Every cell of a day stands in one of its month too, so
// that a long time is read from few.
//
// While a contact is there, what it has been counted as stands beside it, as a line (stat_counted, deleted with it; line.go). Two things
// at once can be asked of those lines alone: see Crossed. Whatever happens to it — it
// arrives, moves, is written up, is opened again and corrected, its person answers the last question — leaves a mark in the
// transaction of that act (stat_due). Counting takes the mark, reads the contact as it stands, takes away what it was
// counted as and adds what it is, in one transaction: any number of nodes may do it, a process that dies leaves it done or to do, and
// nothing is counted twice. An erasure counts what is due first, in its own transaction; then the cells stay, and nothing leads
// back. A call that ends before it is a contact is counted once, by a mark of its own.
//
// What is counted (the 119's words are those of the yearly reports of the GIP Enfance en danger):
//
//   - A contact is one contact, whatever happens to it: handed over, parked and resumed, postponed and called back, it entered once and
//     was treated once. The calls that we make are not counted as entering. Two contacts that somebody joined are of one person and remain
//     two: we count contacts, not people.
//   - It belongs to the day and the hour at which it arrived, by the clock of the hours of opening (Europe/Paris), whenever it ended. One
//     that goes on over midnight is of the day before. A day of 23 or 25 hours is one day; the hour that comes twice in October
//     is one line.
//   - A letter, a voice message or a note by hand is of the channel "message" or "note"; whoever left a voice message did not abandon.
//   - An invented contact, of an exercise, is in no figure: see isInvented.
package stats

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Measure is what is counted of the contacts that entered. Each contact that entered is exactly one of pre-treated, abandoned short,
// abandoned, dissuaded, treated or going on.
type Measure string

// The measures.
const (
	// Entered is the 119's "entrant": every call to our numbers and every chat, letter or note, whatever became of it.
	Entered Measure = "entered"
	// PreTreated is the 119's "pré-traité": answered and over without counselling — silent, a joke, a test, a wrong number — closed in one
	// click. The 119 has people in front who do this; here whoever answers does.
	PreTreated Measure = "pretreated"
	// Short is the 119's "abandonné avant 5 s": she left within five seconds, before anybody could have answered.
	Short Measure = "short"
	// Abandoned is the 119's "abandonné après 5 s": she left, or her line was lost, before anybody answered.
	Abandoned Measure = "abandoned"
	// Dissuaded is the 119's "dissuadé": she heard that we are closed, full or that she is kept out, and the call ended there.
	Dissuaded Measure = "dissuaded"
	// Treated is the 119's "traité": a counsellor answered, and it was what we are there for.
	Treated Measure = "treated"
	// Ongoing is neither yet: she waits, or a letter is not answered.
	Ongoing Measure = "ongoing"
	// InTime are those of chat and telephone that were answered within ServiceWithin.
	InTime Measure = "in_time"
	// N is a count of a dimension that has one measure.
	N Measure = "n"
)

// Measures are those of a contact that entered, in the order of a table.
var Measures = []Measure{Entered, PreTreated, Short, Abandoned, Dissuaded, Treated, Ongoing}

const (
	// ShortWithin tells abandoned before and after five seconds apart (119).
	ShortWithin = 5 * time.Second
	// ServiceWithin is the promise whose keeping is the service level: answered within a minute.
	ServiceWithin = time.Minute
)

// Dim is a dimension by which contacts are counted.
type Dim string

// The dimensions. All, Hour, Lang and Closing are known of every contact, Wait and Length are durations, the others are what the
// counsellor wrote in the form: they count contacts that were treated and are written up.
const (
	All          Dim = "all"
	Hour         Dim = "hour"
	Lang         Dim = "lang"
	Closing      Dim = "closing"
	Wait         Dim = "wait"
	Length       Dim = "length"
	Satisfaction Dim = "satisfaction"
	Category     Dim = "category"
	Who          Dim = "who"
	Age          Dim = "age"
	Gender       Dim = "gender"
	Department   Dim = "department"
	Platform     Dim = "platform"
	Outcome      Dim = "outcome"
	// Week is the weekday and the hour ("3/17": Wednesday at five) of who entered, by the month.
	Week Dim = "week"
	// The crossings of the CHI data return, by the month.
	CategoryGender Dim = "category_gender"
	CategoryAge    Dim = "category_age"
)

// fields are the fields of the form that are counted, and as what.
var fields = map[string]Dim{"category_main": Category, "who": Who, "gender": Gender, "department": Department, "platforms": Platform, "outcome": Outcome}

// Unknown is the code of what was not said.
const Unknown = "unknown"

// Ages are the bands in which ages are counted, each until and with its last year.
var Ages = []struct {
	Code string
	Last int
}{{"0_6", 6}, {"7_9", 9}, {"10_12", 12}, {"13_15", 15}, {"16_17", 17}, {"18_25", 25}, {"26_more", 200}}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Audit     *audit.Log
	Contacts  *contact.Contacts
	Catalogue func() *catalogue.Set
	// Keys, Blobs and Jobs make files, Words say what is in them; without Jobs there are none.
	Keys  *seal.Keeper
	Blobs *blob.Disk
	Jobs  *jobs.Jobs
	Words Words
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Stats is the room. It is safe for concurrent use.
type Stats struct {
	db        *store.DB
	audit     *audit.Log
	contacts  *contact.Contacts
	catalogue func() *catalogue.Set
	now       func() time.Time
	slog      *slog.Logger
	keys      *seal.Keeper
	blobs     *blob.Disk
	files     *jobs.Kind[fileArgs]
	words     Words

	guesses  guesses
	crossing chan struct{} // holds one while figures are crossed
	waiting  atomic.Int64  // who wants figures crossed, or has them
	// rewritten says that no row of an older version is left.
	rewritten atomic.Bool
}

// New opens the room: from then on, what happens to contacts is marked to be counted.
func New(o Options) *Stats {
	s := &Stats{db: o.DB, audit: o.Audit, contacts: o.Contacts, catalogue: o.Catalogue, now: o.Now, slog: o.Log, keys: o.Keys, blobs: o.Blobs, words: o.Words, crossing: make(chan struct{}, 1)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.slog == nil {
		s.slog = slog.Default()
	}
	if o.Jobs != nil {
		s.files = jobs.Register(o.Jobs, "stats.file", jobs.Rules{Tries: 5, Timeout: 10 * time.Minute, AtOnce: 1}, s.makeFile)
	}
	s.contacts.OnMove(s.moved)
	s.contacts.OnCount(func(ctx context.Context, tx *store.Tx, id string) error { return mark(ctx, tx, id, 0, 0) })
	s.contacts.OnErase(contact.Eraser{Within: s.lastly})
	return s
}

// zone is where days begin.
func (s *Stats) zone() *time.Location { return s.catalogue().Hours.Zone() }

// isInvented says of a contact that it is an exercise, which no figure counts. This is the one place that decides it.
func isInvented(contact.Contact) bool { return false }

// foldEvery is how soon what happened is counted when nobody asks for figures; whoever asks has it counted at once.
const foldEvery = 3 * time.Second

// Run counts what is due, until ctx ends. Every node runs it. Nobody waits for it, so that what somebody does wait for goes before:
// counting never takes more than a quarter of the writer's time.
func (s *Stats) Run(ctx context.Context) {
	breath := func(took time.Duration) bool {
		select {
		case <-time.After(3 * took):
		case <-ctx.Done():
		}
		return ctx.Err() == nil
	}
	for ctx.Err() == nil {
		if err := s.fold(ctx, breath); err != nil && ctx.Err() == nil {
			s.slog.Error("stats: what happened is not counted yet", "error", err)
		}
		select {
		case <-time.After(foldEvery):
		case <-ctx.Done():
		}
	}
}
