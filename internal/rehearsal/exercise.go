package rehearsal

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Who wrote a line of an exercise.
const (
	Trainee = "trainee"
	Tutor   = "tutor"  // a comment beside it
	Intent  = "intent" // how the tutor took an answer; the line is a code
)

// Exercise is an invented young person whom a trainee answers. Her tutor plays her, by saying how she takes each answer; where there is
// no tutor the words of the answer decide.
type Exercise struct {
	ID, keyID        string
	Rehearsal, Node  string
	TraineeID        string
	TutorID          string // "" for an exercise alone
	BeganAt, EndedAt int64
}

// Story returns what is played.
func (e Exercise) Story() Story { s, _ := Find(e.Rehearsal); return s }

// Over says that nothing more may be said.
func (e Exercise) Over() bool { return e.EndedAt > 0 }

// Line is one line of an exercise.
type Line struct {
	Seq  int64
	Who  string
	At   int64
	Text string
}

// Options are what the room works with.
type Options struct {
	DB    *store.DB
	Keys  *seal.Keeper
	Audit *audit.Log
	Bus   *bus.Bus
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Exercises is the room's desk. It is safe for concurrent use.
type Exercises struct {
	db   *store.DB
	keys *seal.Keeper
	log  *audit.Log
	bus  *bus.Bus
	now  func() time.Time
}

// New opens the room.
func New(o Options) *Exercises {
	e := &Exercises{db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, now: o.Now}
	if e.now == nil {
		e.now = time.Now
	}
	return e
}

// KeyOfExercise is the kind of this room's keys.
const KeyOfExercise = "exercise"

func lineField(id string) seal.Field {
	return seal.Field{Table: "exercise_line", Column: "text_sealed", Row: id, Version: 1}
}

const maxLine = 4000

// Begin begins an exercise, with the first lines of its young person. id is made by the client: sent again, it changes nothing. It
// returns fault.Invalid "fault.rehearsal.none" for an invented contact that cannot be answered.
func (x *Exercises) Begin(ctx context.Context, id, rehearsal, traineeID, tutorID string, by audit.Actor) (Exercise, error) {
	story, ok := Find(rehearsal)
	if !ok || len(story.Nodes) == 0 || !store.IsID(id) || traineeID == "" || traineeID == tutorID {
		return Exercise{}, fault.New(fault.Invalid, "fault.rehearsal.none")
	}
	if have, err := x.Get(ctx, id); err == nil || !fault.Is(err, fault.NotFound) {
		return have, err
	}
	key, err := x.keys.NewKey(ctx, KeyOfExercise, id)
	if err != nil {
		return Exercise{}, err
	}
	err = x.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO exercise (id, key_id, rehearsal, node, trainee_id, tutor_id, began_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, key.ID(), rehearsal, story.Nodes[0].Code, traineeID, tutorID, store.Millis(x.now())); err != nil {
			return err
		}
		if err := x.says(ctx, tx, key, id, Child, story.Nodes[0].Lines...); err != nil {
			return err
		}
		return x.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "exercise.begin", Object: "exercise", ObjectID: id, Detail: map[string]string{"rehearsal": rehearsal}})
	})
	if err != nil {
		return Exercise{}, errors.Join(err, x.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return x.Get(ctx, id)
}

const selectExercise = `SELECT id, key_id, rehearsal, node, trainee_id, tutor_id, began_at, ended_at FROM exercise`

func scanExercise(r store.Row) (Exercise, error) {
	var e Exercise
	return e, r.Scan(&e.ID, &e.keyID, &e.Rehearsal, &e.Node, &e.TraineeID, &e.TutorID, &e.BeganAt, &e.EndedAt)
}

// Get returns an exercise: fault.NotFound "fault.rehearsal.unknown".
func (x *Exercises) Get(ctx context.Context, id string) (Exercise, error) {
	e, err := store.One(ctx, x.db, scanExercise, selectExercise+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return e, fault.New(fault.NotFound, "fault.rehearsal.unknown")
	}
	return e, err
}

// Of lists the newest exercises that somebody answers or watches.
func (x *Exercises) Of(ctx context.Context, staffID string) ([]Exercise, error) {
	const shown = 20
	return store.All(ctx, x.db, scanExercise, selectExercise+` WHERE trainee_id = $1 OR tutor_id = $1 ORDER BY began_at DESC, id DESC LIMIT $2`, staffID, shown)
}

// Lines are what was said, in order.
func (x *Exercises) Lines(ctx context.Context, e Exercise) ([]Line, error) {
	key, err := x.keys.Key(ctx, e.keyID)
	if err != nil {
		return nil, err
	}
	return store.All(ctx, x.db, func(r store.Row) (Line, error) {
		var l Line
		var id string
		var sealed []byte
		if err := r.Scan(&id, &l.Seq, &l.Who, &l.At, &sealed); err != nil {
			return l, err
		}
		plain, err := key.Open(lineField(id), sealed)
		l.Text = string(plain)
		return l, err
	}, `SELECT id, seq, who, at, text_sealed FROM exercise_line WHERE exercise_id = $1 ORDER BY seq`, e.ID)
}

func (x *Exercises) says(ctx context.Context, tx *store.Tx, key *seal.Key, id, who string, texts ...string) error {
	for _, text := range texts {
		line := store.NewID()
		if _, err := tx.Exec(ctx, `INSERT INTO exercise_line (id, exercise_id, seq, who, at, text_sealed)
			SELECT $1, $2, COALESCE(max(seq), 0) + 1, $3, $4, $5 FROM exercise_line WHERE exercise_id = $2`,
			line, id, who, store.Millis(x.now()), key.Seal(lineField(line), []byte(text))); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() { x.bus.Publish("exercise."+id, []byte("{}")) })
	return nil
}

// on has a change made to an exercise that is not over: fault.Gone "fault.rehearsal.over".
func (x *Exercises) on(ctx context.Context, id string, change func(tx *store.Tx, e Exercise, key *seal.Key) error) error {
	before, err := x.Get(ctx, id)
	if err != nil {
		return err
	}
	key, err := x.keys.Key(ctx, before.keyID)
	if err != nil {
		return err
	}
	return x.db.Tx(ctx, func(tx *store.Tx) error {
		e, err := store.One(ctx, tx, scanExercise, selectExercise+` WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if e.Over() {
			return fault.New(fault.Gone, "fault.rehearsal.over")
		}
		return change(tx, e, key)
	})
}

// Say writes what the trainee answers. Alone, the words decide how the young person goes on. It returns fault.Invalid
// "fault.chat.empty" and "fault.chat.too_long", fault.Forbidden "fault.rehearsal.not_yours".
func (x *Exercises) Say(ctx context.Context, id, text, by string) error {
	text = typed.Text(text)
	switch {
	case text == "":
		return fault.New(fault.Invalid, "fault.chat.empty")
	case utf8.RuneCountInString(text) > maxLine:
		return fault.New(fault.Invalid, "fault.chat.too_long", "max", maxLine)
	}
	return x.on(ctx, id, func(tx *store.Tx, e Exercise, key *seal.Key) error {
		if e.TraineeID != by {
			return fault.New(fault.Forbidden, "fault.rehearsal.not_yours")
		}
		if err := x.says(ctx, tx, key, id, Trainee, text); err != nil || e.TutorID != "" {
			return err
		}
		if node, ok := e.Story().Node(e.Node); ok {
			if intent := node.Suggests(text); intent != "" {
				return x.goesOn(ctx, tx, key, e, intent)
			}
		}
		return nil
	})
}

// Take says how the young person takes what the trainee wrote, and has her go on. It returns fault.Invalid "fault.rehearsal.intent".
func (x *Exercises) Take(ctx context.Context, id, intent, by string) error {
	return x.on(ctx, id, func(tx *store.Tx, e Exercise, key *seal.Key) error {
		if e.TutorID != by {
			return fault.New(fault.Forbidden, "fault.rehearsal.not_yours")
		}
		return x.goesOn(ctx, tx, key, e, intent)
	})
}

func (x *Exercises) goesOn(ctx context.Context, tx *store.Tx, key *seal.Key, e Exercise, intent string) error {
	node, _ := e.Story().Node(e.Node)
	for _, a := range node.Answers {
		if a.Intent != intent {
			continue
		}
		next, _ := e.Story().Node(a.To)
		if err := x.says(ctx, tx, key, e.ID, Intent, intent); err != nil {
			return err
		}
		if err := x.says(ctx, tx, key, e.ID, Child, next.Lines...); err != nil {
			return err
		}
		ended := int64(0)
		if next.End {
			ended = store.Millis(x.now())
		}
		_, err := tx.Exec(ctx, `UPDATE exercise SET node = $2, ended_at = $3 WHERE id = $1`, e.ID, next.Code, ended)
		return err
	}
	return fault.New(fault.Invalid, "fault.rehearsal.intent")
}

// Comment writes a tutor's remark, beside what was said; after the end too, for the debrief.
func (x *Exercises) Comment(ctx context.Context, id, text, by string) error {
	text = typed.Text(text)
	if text == "" || utf8.RuneCountInString(text) > maxLine {
		return fault.New(fault.Invalid, "fault.chat.empty")
	}
	e, err := x.Get(ctx, id)
	if err != nil {
		return err
	}
	if e.TutorID != by {
		return fault.New(fault.Forbidden, "fault.rehearsal.not_yours")
	}
	key, err := x.keys.Key(ctx, e.keyID)
	if err != nil {
		return err
	}
	return x.db.Tx(ctx, func(tx *store.Tx) error { return x.says(ctx, tx, key, id, Tutor, text) })
}

// End ends an exercise.
func (x *Exercises) End(ctx context.Context, id, by string) error {
	return x.on(ctx, id, func(tx *store.Tx, e Exercise, _ *seal.Key) error {
		if by != e.TraineeID && by != e.TutorID {
			return fault.New(fault.Forbidden, "fault.rehearsal.not_yours")
		}
		tx.AfterCommit(func() { x.bus.Publish("exercise."+id, []byte("{}")) })
		_, err := tx.Exec(ctx, `UPDATE exercise SET ended_at = $2 WHERE id = $1`, id, store.Millis(x.now()))
		return err
	})
}

// Kept is how long an exercise can be read again by who answered and who watched.
const Kept = 180 * 24 * time.Hour

// OwnersOfKeys are the owners of this room's keys, for seal.Keeper.SweepOrphans.
const OwnersOfKeys = `SELECT id FROM exercise`

// Forget destroys exercises that began longer than Kept ago.
func (x *Exercises) Forget(ctx context.Context) error {
	old, err := store.All(ctx, x.db, scanExercise, selectExercise+` WHERE began_at < $1 LIMIT 500`, store.Millis(x.now().Add(-Kept)))
	for _, e := range old {
		err = errors.Join(err, x.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM exercise WHERE id = $1`, e.ID)
			if err != nil || n == 0 {
				return err
			}
			if err := x.keys.Drop(ctx, tx, e.keyID); err != nil {
				return err
			}
			return x.log.Record(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: audit.System, ID: "rehearsal"}, Act: "exercise.erase", Object: "exercise", ObjectID: e.ID})
		}))
	}
	_, orphans := x.keys.SweepOrphans(ctx, KeyOfExercise, OwnersOfKeys)
	return errors.Join(err, orphans)
}
