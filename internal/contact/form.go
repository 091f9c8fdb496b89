package contact

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Answer is one field of the contact form, as it was saved.
type Answer struct {
	Field, Value string
	// Rev is 1 for the first value; 0 is a field nobody has answered.
	Rev int64
	// Version is the version of the form under which it was saved.
	Version int
	SavedAt int64
	SavedBy string
}

// Answers are all that was saved of a contact's form.
type Answers map[string]Answer

// Values returns the answers as the catalogue's rules read them.
func (a Answers) Values() map[string]string {
	values := make(map[string]string, len(a))
	for field, answer := range a {
		values[field] = answer.Value
	}
	return values
}

// Saving is one field being saved.
type Saving struct {
	ContactID, Field, Value string
	// Seen is the revision that the writer's screen showed, so that two tabs never overwrite each other;
	// Overwrite writes over whatever is there.
	Seen        int64
	By          audit.Actor
	Supervising bool
	// Screen is an opaque mark of the page on which it was typed: all others are told what changed, that
	// one knows. "" for none.
	Screen string
}

// FormEvent is what the bus says on contact.<id>.form: which field was saved ("" for a note or a proof),
// and the mark of the screen on which it was typed.
type FormEvent struct {
	Field  string `json:"field,omitempty"`
	Screen string `json:"screen,omitempty"`
}

// Overwrite is the Saving.Seen of somebody who means it.
const Overwrite = -1

func answerField(contactID, field string) seal.Field {
	return seal.Field{Table: "contact_answer", Column: "value_sealed", Row: contactID + "/" + field, Version: 1}
}

// SaveField saves one field as it is typed; the others are not touched. The same value again changes
// nothing. What the form calls a fact is copied to where it is counted, what it has found by value is
// indexed, and answers that ring an alarm set the danger or grave mark in the same transaction. It returns
// the catalogue's faults for the field and value, fault.Conflict "fault.contact.field_changed" when
// another tab saved the field meanwhile, fault.Forbidden "fault.contact.not_yours", fault.Gone
// "fault.contact.closed" after the close.
func (c *Contacts) SaveField(ctx context.Context, s Saving) (Answer, error) {
	set := c.catalogue()
	if field, ok := set.Form.Field(s.Field); ok {
		s.Value = clean(s.Value, field.Type == catalogue.Long)
	}
	value, err := set.Form.Check(s.Field, s.Value)
	if err != nil {
		return Answer{}, err
	}
	key, err := c.Key(ctx, s.ContactID)
	if err != nil {
		return Answer{}, err
	}
	var saved Answer
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := get(ctx, tx, s.ContactID)
		if err != nil {
			return err
		}
		if ct.State == Closed {
			return fault.New(fault.Gone, "fault.contact.closed")
		}
		if ct.parties(s.By, Change{Supervising: s.Supervising})&(Own|Supervisor|System) == 0 {
			return fault.New(fault.Forbidden, "fault.contact.not_yours")
		}
		answers, err := readAnswers(ctx, tx, key, s.ContactID)
		if err != nil {
			return err
		}
		had := answers[s.Field]
		if had.Value == value && (had.Rev > 0 || value == "") {
			saved = had
			saved.Field = s.Field
			return nil
		}
		if s.Seen != Overwrite && s.Seen != had.Rev {
			return fault.New(fault.Conflict, "fault.contact.field_changed")
		}
		before := set.Form.Alarms(answers.Values())
		saved = Answer{Field: s.Field, Value: value, Rev: had.Rev + 1, Version: set.Versions[catalogue.DocForm],
			SavedAt: store.Millis(c.now()), SavedBy: s.By.ID}
		if err := c.writeAnswer(ctx, tx, ct, key, set, saved); err != nil {
			return err
		}
		answers[s.Field] = saved
		if err := c.soundAlarms(ctx, tx, ct, before, set.Form.Alarms(answers.Values()), s.By); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			payload, _ := json.Marshal(FormEvent{Field: s.Field, Screen: s.Screen})
			c.bus.Publish("contact."+s.ContactID+".form", payload)
		})
		return c.record(ctx, tx, s.By, "contact.form", s.ContactID, map[string]string{"field": s.Field})
	})
	return saved, err
}

// writeAnswer writes one answer over the revision before it, with its facts and its index.
func (c *Contacts) writeAnswer(ctx context.Context, tx *store.Tx, ct Contact, key *seal.Key, set *catalogue.Set, a Answer) error {
	n, err := tx.Exec(ctx, upsertAnswer, ct.ID, a.Field, key.SealText(answerField(ct.ID, a.Field), a.Value), a.Version, a.Rev, a.SavedAt, a.SavedBy)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "fault.contact.field_changed")
	}
	if _, err := tx.Exec(ctx, `DELETE FROM contact_fact WHERE contact_id = $1 AND field = $2`, ct.ID, a.Field); err != nil {
		return err
	}
	for _, f := range set.Form.Facts(map[string]string{a.Field: a.Value}) {
		if _, err := tx.Exec(ctx, `INSERT INTO contact_fact (contact_id, field, code) VALUES ($1, $2, $3)`, ct.ID, f.Field, f.Code); err != nil {
			return err
		}
	}
	field, _ := set.Form.Field(a.Field)
	return c.indexField(ctx, tx, key, ct.ID, field, a.Value)
}

// soundAlarms marks the contact when an answer rings an alarm that was silent before; an alarm that a
// counsellor has looked at and unmarked does not ring again by itself.
func (c *Contacts) soundAlarms(ctx context.Context, tx *store.Tx, ct Contact, before, after []catalogue.Alarm, by audit.Actor) error {
	rang := map[string]bool{}
	for _, a := range before {
		rang[a.Danger+" "+a.Raises] = true
	}
	danger, grave := false, false
	for _, a := range after {
		if !rang[a.Danger+" "+a.Raises] {
			danger = danger || a.Raises == "danger"
			grave = grave || a.Raises == "grave"
		}
	}
	if danger && !ct.Danger {
		if _, err := c.alarm(ctx, tx, ct.ID, nil, true, by); err != nil {
			return err
		}
	}
	if !grave || ct.Grave {
		return nil
	}
	_, marked, err := c.amend(ctx, tx, ct.ID, func(ct Contact) (Contact, error) {
		ct.Grave = true
		return ct, nil
	})
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { c.announce(marked) })
	return c.record(ctx, tx, by, "contact.grave", ct.ID, map[string]string{"on": "yes"})
}

// prefill writes into the form what the first questions already say.
func (c *Contacts) prefill(ctx context.Context, tx *store.Tx, ct Contact, key *seal.Key, o Opening) error {
	set := c.catalogue()
	for field, value := range set.Questions.Prefill(o.answers()) {
		err := c.writeAnswer(ctx, tx, ct, key, set, Answer{Field: field, Value: value, Rev: 1,
			Version: set.Versions[catalogue.DocForm], SavedAt: ct.OpenedAt})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeClosing writes the code of a one-click closing where the form asks for the one category.
func (c *Contacts) writeClosing(ctx context.Context, tx *store.Tx, ct Contact, key *seal.Key, set *catalogue.Set, by audit.Actor) error {
	for _, section := range set.Form.Sections {
		for _, field := range section.Fields {
			if field.From != "categories" || field.Type != catalogue.OneChoice || field.Retired {
				continue
			}
			answers, err := readAnswers(ctx, tx, key, ct.ID)
			if err != nil {
				return err
			}
			return c.writeAnswer(ctx, tx, ct, key, set, Answer{Field: field.Code, Value: ct.Closing, Rev: answers[field.Code].Rev + 1,
				Version: set.Versions[catalogue.DocForm], SavedAt: store.Millis(c.now()), SavedBy: by.ID})
		}
	}
	return nil
}

// Form returns what was saved of a contact's form.
func (c *Contacts) Form(ctx context.Context, contactID string) (Answers, error) {
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return readAnswers(ctx, c.db, key, contactID)
}

func readAnswers(ctx context.Context, q store.Querier, key *seal.Key, contactID string) (Answers, error) {
	all, err := store.All(ctx, q, func(r store.Row) (Answer, error) {
		var a Answer
		var sealed []byte
		if err := r.Scan(&a.Field, &sealed, &a.Version, &a.Rev, &a.SavedAt, &a.SavedBy); err != nil {
			return a, err
		}
		var err error
		a.Value, err = key.OpenText(answerField(contactID, a.Field), sealed)
		return a, err
	}, `SELECT field, value_sealed, form_version, rev, saved_at, saved_by FROM contact_answer WHERE contact_id = $1`, contactID)
	answers := make(Answers, len(all))
	for _, a := range all {
		answers[a.Field] = a
	}
	return answers, err
}

const upsertAnswer = `INSERT INTO contact_answer (contact_id, field, value_sealed, form_version, rev, saved_at, saved_by)
	VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (contact_id, field) DO UPDATE SET value_sealed = excluded.value_sealed, form_version = excluded.form_version,
		rev = excluded.rev, saved_at = excluded.saved_at, saved_by = excluded.saved_by
	WHERE contact_answer.rev = excluded.rev - 1`

// Missing returns the fields that must be answered before the contact is closed.
func (c *Contacts) Missing(ctx context.Context, contactID string) ([]catalogue.Field, error) {
	answers, err := c.Form(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return c.catalogue().Form.Missing(answers.Values()), nil
}

// Close closes a contact that is written up: its network address is destroyed, unless the danger
// protocol holds it. It returns fault.Invalid "fault.contact.required" with the number of fields that
// still want an answer (Missing names them), and the faults of Move.
func (c *Contacts) Close(ctx context.Context, id string, by audit.Actor, supervising bool) (Contact, error) {
	key, err := c.Key(ctx, id)
	if err != nil {
		return Contact{}, err
	}
	var ct Contact
	err = c.db.Tx(ctx, func(tx *store.Tx) error {
		answers, err := readAnswers(ctx, tx, key, id)
		if err != nil {
			return err
		}
		if missing := c.catalogue().Form.Missing(answers.Values()); len(missing) > 0 {
			// Whose it is comes first: a stranger is not told what is missing.
			if ct, err = get(ctx, tx, id); err != nil {
				return err
			}
			if _, err := ct.after(Close, by, Change{Supervising: supervising}, 0); err != nil {
				return err
			}
			return fault.New(fault.Invalid, "fault.contact.required", "n", len(missing))
		}
		ct, err = c.Move(ctx, tx, id, Close, by, Change{Supervising: supervising, writtenUp: true})
		return err
	})
	return ct, err
}

// Ticked is one step of an emergency protocol that was done.
type Ticked struct {
	By string `json:"by"`
	At int64  `json:"at"`
}

// Steps are the steps done, by "protocol.step".
type Steps map[string]Ticked

func stepsField(contactID string) seal.Field {
	return seal.Field{Table: "contact_protocol", Column: "steps_sealed", Row: contactID, Version: 1}
}

// Tick notes that a step of a protocol was done, or was not after all. Ticking it again changes
// nothing. The audit says that a step was ticked; which one is sealed, since it tells the danger. It
// returns fault.NotFound "fault.contact.step" for a step that does not exist.
func (c *Contacts) Tick(ctx context.Context, contactID, protocol, step string, done bool, by audit.Actor, supervising bool) (Steps, error) {
	card, ok := c.catalogue().Protocols.ByCode(protocol)
	if ok {
		_, ok = card.Step(step)
	}
	if !ok {
		return nil, fault.New(fault.NotFound, "fault.contact.step")
	}
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	var steps Steps
	const attempts = 8
	for i := 0; ; i++ {
		err := c.db.Tx(ctx, func(tx *store.Tx) error {
			ct, err := get(ctx, tx, contactID)
			if err != nil {
				return err
			}
			if ct.parties(by, Change{Supervising: supervising})&(Own|Supervisor) == 0 {
				return fault.New(fault.Forbidden, "fault.contact.not_yours")
			}
			var rev int64
			if steps, rev, err = readSteps(ctx, tx, key, contactID); err != nil {
				return err
			}
			if _, ticked := steps[protocol+"."+step]; ticked == done {
				return nil
			}
			if done {
				steps[protocol+"."+step] = Ticked{By: by.ID, At: store.Millis(c.now())}
			} else {
				delete(steps, protocol+"."+step)
			}
			sealed, err := sealJSON(key, stepsField(contactID), steps)
			if err != nil {
				return err
			}
			n, err := tx.Exec(ctx, `INSERT INTO contact_protocol (contact_id, rev, steps_sealed) VALUES ($1, $2, $3)
				ON CONFLICT (contact_id) DO UPDATE SET rev = excluded.rev, steps_sealed = excluded.steps_sealed
				WHERE contact_protocol.rev = excluded.rev - 1`, contactID, rev+1, sealed)
			if err != nil {
				return err
			}
			if n == 0 {
				return errUnchanged
			}
			tx.AfterCommit(func() { c.bus.Publish("contact."+contactID+".form", []byte("{}")) })
			return c.record(ctx, tx, by, "contact.step", contactID, map[string]string{"on": yesNo(done)})
		})
		if !errors.Is(err, errUnchanged) || i == attempts-1 {
			return steps, err
		}
	}
}

// Steps returns the steps that were done.
func (c *Contacts) Steps(ctx context.Context, contactID string) (Steps, error) {
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return nil, err
	}
	steps, _, err := readSteps(ctx, c.db, key, contactID)
	return steps, err
}

func readSteps(ctx context.Context, q store.Querier, key *seal.Key, contactID string) (Steps, int64, error) {
	var rev int64
	sealed, err := store.One(ctx, q, func(r store.Row) ([]byte, error) { var b []byte; return b, r.Scan(&rev, &b) },
		`SELECT rev, steps_sealed FROM contact_protocol WHERE contact_id = $1`, contactID)
	steps := Steps{}
	if errors.Is(err, store.ErrNoRow) {
		return steps, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return steps, rev, openJSON(key, stepsField(contactID), sealed, &steps)
}

// contactOf cuts the owner of an index row back to its contact.
func contactOf(owner string) string {
	id, _, _ := strings.Cut(owner, "/")
	return id
}
