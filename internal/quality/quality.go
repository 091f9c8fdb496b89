// Package quality is the grid that a supervisor fills after a listening, or after reading a conversation that is closed: about one
// contact, with one counsellor, for a talk between the two (product §7.4).
//
// It ranks nobody. A counsellor sees all of hers; a supervisor sees a list by person and the grid itself; and of the team there is
// the middle of each criterion alone, and only when at least Enough people are in it. No other sum exists, by person or otherwise.
//
// The contact is named by its id and not by its words. Marks, words and the counsellor's answer are sealed under a key of the grid's own,
// which is destroyed after Kept: the assessment of a listening is kept a year at most (CNIL, l'écoute et l'enregistrement des appels).
package quality

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Kept is how long a grid is kept.
const Kept = 365 * 24 * time.Hour

// Enough is how many people must be in a middle of the team.
const Enough = 5

// State is where a grid stands.
type State string

// The states of a grid.
const (
	Draft     State = "draft"     // only she who fills it reads it
	Shared    State = "shared"    // the counsellor reads it
	Answered  State = "answered"  // the counsellor has answered
	Discussed State = "discussed" // the two have talked; nothing changes any more
)

// Event moves a grid.
type Event string

// The events of a grid.
const (
	Write   Event = "write"   // marks and words
	Share   Event = "share"   // the counsellor may read it
	Answer  Event = "answer"  // hers
	Discuss Event = "discuss" // the two have talked
)

// moves is the one table of what may happen to a grid, and whether it is hers who fills it (false: the counsellor's).
var moves = map[State]map[Event]struct {
	to     State
	filler bool
}{
	Draft:    {Write: {Draft, true}, Share: {Shared, true}},
	Shared:   {Answer: {Answered, false}, Discuss: {Discussed, true}},
	Answered: {Answer: {Answered, false}, Discuss: {Discussed, true}},
}

// May says whether an event may happen now.
func (s State) May(ev Event) bool { _, ok := moves[s][ev]; return ok }

// Words are what is sealed of a grid.
type Words struct {
	// Marks are 1 to catalogue.MostMarks by the criterion's code; one that did not apply is not there.
	Marks map[string]int `json:"marks,omitempty"`
	// Notes are words to a criterion, by its code.
	Notes map[string]string `json:"notes,omitempty"`
	// Well and Next are what went well, and what to go on with.
	Well string `json:"well,omitempty"`
	Next string `json:"next,omitempty"`
	// Reply is the counsellor's answer.
	Reply string `json:"reply,omitempty"`
}

// Review is a grid. Times are Unix milliseconds, 0 for not yet.
type Review struct {
	ID string
	// ContactID is what it is about, "" once that is erased. ListeningID is the listening it followed, "" for none.
	ContactID, ListeningID string
	// AboutID is the counsellor, ByID the supervisor.
	AboutID, ByID string
	State         State
	Rev           int64
	// Edition is the rubric's number when it was begun.
	Edition                                   int64
	BegunAt, SharedAt, AnsweredAt, TalkedOver int64
	Words                                     Words

	keyID  string
	sealed []byte
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Keys      *seal.Keeper
	Audit     *audit.Log
	Contacts  *contact.Contacts
	Catalogue func() *catalogue.Set
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Quality is the room. It is safe for concurrent use.
type Quality struct {
	o    Options
	db   *store.DB
	keys *seal.Keeper
	now  func() time.Time
}

// New opens the room.
func New(o Options) *Quality {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Quality{o: o, db: o.DB, keys: o.Keys, now: o.Now}
}

// KeyOfReview is the kind of the key of a grid, OwnersOfReviewKeys its owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfReview        = "quality_review"
	OwnersOfReviewKeys = `SELECT id FROM quality_review`
)

const maxWords = 3000 // characters

func wordsField(id string) seal.Field {
	return seal.Field{Table: "quality_review", Column: "words_sealed", Row: id, Version: 1}
}

// Begin begins a grid about a contact that a counsellor had, after a listening ("" for a conversation that was read), and returns it;
// one that the same supervisor has begun of the same contact and counsellor is gone on with. It returns fault.Invalid
// "fault.quality.own" for her own conversation, fault.NotFound for a contact that is not there.
func (q *Quality) Begin(ctx context.Context, by audit.Actor, contactID, aboutStaffID, listeningID string) (Review, error) {
	if aboutStaffID == "" || aboutStaffID == by.ID {
		return Review{}, fault.New(fault.Invalid, "fault.quality.own")
	}
	if _, err := q.o.Contacts.Get(ctx, contactID); err != nil {
		return Review{}, err
	}
	const same = ` WHERE contact_id = $1 AND about_id = $2 AND by_id = $3 AND state = 'draft'`
	have, err := store.One(ctx, q.db, scanReview, selectReviews+same, contactID, aboutStaffID, by.ID)
	if err == nil {
		return q.opened(ctx, have)
	}
	if !errors.Is(err, store.ErrNoRow) {
		return Review{}, err
	}
	id := store.NewID()
	key, err := q.keys.NewKey(ctx, KeyOfReview, id)
	if err != nil {
		return Review{}, err
	}
	err = q.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO quality_review (id, key_id, contact_id, listening_id, about_id, by_id, state, edition, begun_at, words_sealed)
			VALUES ($1, $2, $3, $4, $5, $6, 'draft', $7, $8, $9)`, id, key.ID(), contactID, listeningID, aboutStaffID, by.ID,
			int64(q.o.Catalogue().Versions[catalogue.DocRubric]), store.Millis(q.now()), key.Seal(wordsField(id), []byte("{}"))); err != nil {
			return err
		}
		return q.record(ctx, tx, by, "quality.begin", id, map[string]string{"contact": contactID, "about": aboutStaffID})
	})
	if err != nil {
		return Review{}, errors.Join(err, q.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return q.get(ctx, id)
}

// Save writes marks and words. rev is the grid's as she saw it: fault.Conflict "fault.quality.changed" when it is another by now. It
// returns fault.Invalid "fault.quality.mark" for a criterion or a mark that does not exist, "fault.quality.long".
func (q *Quality) Save(ctx context.Context, id string, rev int64, w Words, by audit.Actor) (Review, error) {
	return q.act(ctx, id, rev, Write, by, func(r *Review) error {
		w.Reply = r.Words.Reply
		if err := q.tidy(&w); err != nil {
			return err
		}
		r.Words = w
		return nil
	})
}

func (q *Quality) tidy(w *Words) error {
	rubric := q.o.Catalogue().Rubric
	for code, mark := range w.Marks {
		if _, ok := rubric.ByCode(code); !ok || mark < 1 || mark > catalogue.MostMarks {
			return fault.New(fault.Invalid, "fault.quality.mark", "most", catalogue.MostMarks)
		}
	}
	long := func(s string) bool { return utf8.RuneCountInString(s) > maxWords }
	for code, note := range w.Notes {
		note = typed.Text(note)
		if _, ok := rubric.ByCode(code); !ok {
			return fault.New(fault.Invalid, "fault.quality.mark", "most", catalogue.MostMarks)
		}
		if w.Notes[code] = note; note == "" {
			delete(w.Notes, code)
		}
		if long(note) {
			return fault.New(fault.Invalid, "fault.quality.long", "max", maxWords)
		}
	}
	if w.Well, w.Next = typed.Text(w.Well), typed.Text(w.Next); long(w.Well) || long(w.Next) {
		return fault.New(fault.Invalid, "fault.quality.long", "max", maxWords)
	}
	return nil
}

// Move shares a grid, or says that the two have talked. It returns fault.Invalid "fault.quality.empty" for one without a mark or a
// word that would be shared.
func (q *Quality) Move(ctx context.Context, id string, rev int64, ev Event, by audit.Actor) (Review, error) {
	return q.act(ctx, id, rev, ev, by, func(r *Review) error {
		if ev == Share && len(r.Words.Marks) == 0 && r.Words.Well == "" && r.Words.Next == "" {
			return fault.New(fault.Invalid, "fault.quality.empty")
		}
		return nil
	})
}

// Reply is the counsellor's answer, which she may write again until the two have talked.
func (q *Quality) Reply(ctx context.Context, id string, rev int64, words string, by audit.Actor) (Review, error) {
	words = typed.Text(words)
	return q.act(ctx, id, rev, Answer, by, func(r *Review) error {
		if words == "" || utf8.RuneCountInString(words) > maxWords {
			return fault.New(fault.Invalid, "fault.quality.reply", "max", maxWords)
		}
		r.Words.Reply = words
		return nil
	})
}

// act changes a grid that stands as its reader saw it, by whoever may: fault.Forbidden "fault.quality.not_yours", fault.Conflict
// "fault.quality.changed" or "fault.quality.move".
func (q *Quality) act(ctx context.Context, id string, rev int64, ev Event, by audit.Actor, change func(r *Review) error) (Review, error) {
	r, err := q.get(ctx, id)
	if err != nil {
		return r, err
	}
	rule, ok := moves[r.State][ev]
	switch {
	case r.Rev != rev:
		return r, fault.New(fault.Conflict, "fault.quality.changed")
	case !ok:
		return r, fault.New(fault.Conflict, "fault.quality.move")
	case rule.filler && by.ID != r.ByID, !rule.filler && by.ID != r.AboutID:
		return r, fault.New(fault.Forbidden, "fault.quality.not_yours")
	}
	if err := change(&r); err != nil {
		return r, err
	}
	key, err := q.keys.Key(ctx, r.keyID)
	if err != nil {
		return r, err
	}
	plain, err := json.Marshal(r.Words)
	if err != nil {
		return r, err
	}
	now := store.Millis(q.now())
	switch ev {
	case Share:
		r.SharedAt = now
	case Answer:
		r.AnsweredAt = now
	case Discuss:
		r.TalkedOver = now
	}
	err = q.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE quality_review SET state = $3, rev = rev + 1, shared_at = $4, answered_at = $5, discussed_at = $6, words_sealed = $7 WHERE id = $1 AND rev = $2`,
			id, rev, string(rule.to), r.SharedAt, r.AnsweredAt, r.TalkedOver, key.Seal(wordsField(id), plain))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.quality.changed")
		}
		return q.record(ctx, tx, by, "quality."+string(ev), id, nil)
	})
	if err != nil {
		return r, err
	}
	return q.get(ctx, id)
}

// Read is a grid for whoever may read it: she who fills it, the counsellor once it is shared, and other supervisors (all) once it
// is shared. Otherwise it is fault.NotFound "fault.quality.unknown": that a draft exists is nobody's to know. A look is in the log.
func (q *Quality) Read(ctx context.Context, id string, by audit.Actor, all bool) (Review, error) {
	r, err := q.get(ctx, id)
	if err != nil {
		return r, err
	}
	if r.ByID != by.ID && (r.State == Draft || r.AboutID != by.ID && !all) {
		return Review{}, fault.New(fault.NotFound, "fault.quality.unknown")
	}
	return r, q.db.Tx(ctx, func(tx *store.Tx) error { return q.record(ctx, tx, by, "quality.look", id, nil) })
}

// About are the grids that are shared with a counsellor, the newest first.
func (q *Quality) About(ctx context.Context, staffID string) ([]Review, error) {
	return store.All(ctx, q.db, scanReview, selectReviews+` WHERE about_id = $1 AND state <> 'draft' ORDER BY shared_at DESC, id`, staffID)
}

// List are the grids that a supervisor may list: her own, drafts included, and her colleagues' that are shared; the newest first. Those
// about herself are not among them: they are on her own page. Their words are not read.
func (q *Quality) List(ctx context.Context, staffID string) ([]Review, error) {
	return store.All(ctx, q.db, scanReview, selectReviews+` WHERE (by_id = $1 OR state <> 'draft') AND about_id <> $1 ORDER BY begun_at DESC, id LIMIT 500`, staffID)
}

// Middle is the middle of one criterion over the team.
type Middle struct {
	Code string
	// People is how many counsellors are in it, Mark the middle of their own middles.
	People int
	Mark   float64
}

// Team is the middle of each criterion since a time, only where Enough people are in it. Each person counts once, however many
// grids she has: else the most listened to would weigh most.
func (q *Quality) Team(ctx context.Context, since time.Time) ([]Middle, error) {
	all, err := store.All(ctx, q.db, scanReview, selectReviews+` WHERE state <> 'draft' AND shared_at >= $1 ORDER BY id`, store.Millis(since))
	if err != nil {
		return nil, err
	}
	type sum struct{ marks, n int }
	by := map[string]map[string]sum{} // criterion, person
	for _, r := range all {
		if r, err = q.opened(ctx, r); err != nil {
			return nil, err
		}
		for code, mark := range r.Words.Marks {
			if by[code] == nil {
				by[code] = map[string]sum{}
			}
			s := by[code][r.AboutID]
			by[code][r.AboutID] = sum{s.marks + mark, s.n + 1}
		}
	}
	var middles []Middle
	for _, c := range q.o.Catalogue().Rubric.Criteria {
		people := by[c.Code]
		if len(people) < Enough {
			continue
		}
		var each []float64
		for _, s := range people {
			each = append(each, float64(s.marks)/float64(s.n))
		}
		slices.Sort(each)
		n := len(each)
		middles = append(middles, Middle{c.Code, n, (each[(n-1)/2] + each[n/2]) / 2})
	}
	return middles, nil
}

// Forget destroys grids that are older than Kept.
func (q *Quality) Forget(ctx context.Context) error {
	old, err := store.All(ctx, q.db, scanReview, selectReviews+` WHERE begun_at < $1`, store.Millis(q.now().Add(-Kept)))
	for _, r := range old {
		err = errors.Join(err, q.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM quality_review WHERE id = $1`, r.ID)
			if err != nil || n == 0 {
				return err
			}
			if err := q.keys.Drop(ctx, tx, r.keyID); err != nil {
				return err
			}
			return q.record(ctx, tx, audit.Actor{Kind: audit.System, ID: "quality"}, "quality.erase", r.ID, nil)
		}))
	}
	_, orphans := q.keys.SweepOrphans(ctx, KeyOfReview, OwnersOfReviewKeys)
	return errors.Join(err, orphans)
}

func (q *Quality) get(ctx context.Context, id string) (Review, error) {
	r, err := store.One(ctx, q.db, scanReview, selectReviews+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return r, fault.New(fault.NotFound, "fault.quality.unknown")
	}
	if err != nil {
		return r, err
	}
	return q.opened(ctx, r)
}

func (q *Quality) opened(ctx context.Context, r Review) (Review, error) {
	key, err := q.keys.Key(ctx, r.keyID)
	if err != nil {
		return r, err
	}
	plain, err := key.Open(wordsField(r.ID), r.sealed)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(plain, &r.Words)
}

func (q *Quality) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, id string, detail map[string]string) error {
	return q.o.Audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "quality_review", ObjectID: id, Detail: detail})
}

const selectReviews = `SELECT id, key_id, COALESCE(contact_id, ''), listening_id, about_id, by_id, state, rev, edition, begun_at, shared_at, answered_at, discussed_at, words_sealed FROM quality_review`

func scanReview(s store.Row) (r Review, err error) {
	return r, s.Scan(&r.ID, &r.keyID, &r.ContactID, &r.ListeningID, &r.AboutID, &r.ByID, &r.State, &r.Rev, &r.Edition, &r.BegunAt, &r.SharedAt, &r.AnsweredAt, &r.TalkedOver, &r.sealed)
}
