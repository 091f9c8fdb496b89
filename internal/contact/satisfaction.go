package contact

import (
	"context"
	"unicode/utf8"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// Satisfaction is what a person says of us once the conversation is over.
type Satisfaction struct {
	// Code is a choice of the catalogue's last question.
	Code string
	Text string
	At   int64
}

const maxSatisfaction = 1000

func satisfactionField(contactID string) seal.Field {
	return seal.Field{Table: "contact_satisfaction", Column: "text_sealed", Row: contactID, Version: 1}
}

// AnswerSatisfaction keeps the answer, once: a second one changes nothing and returns
// fault.Conflict "fault.contact.satisfaction_done". It returns fault.Invalid
// "fault.contact.satisfaction" for an answer that is none of the codes or is too long, and
// fault.Conflict "fault.contact.satisfaction_early" while the conversation goes on.
func (c *Contacts) AnswerSatisfaction(ctx context.Context, contactID string, s Satisfaction) error {
	_, known := c.catalogue().Questions.Last.Choice(s.Code)
	s.Text = typed.Text(s.Text)
	if !known || utf8.RuneCountInString(s.Text) > maxSatisfaction {
		return fault.New(fault.Invalid, "fault.contact.satisfaction", "max", maxSatisfaction)
	}
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return err
	}
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := get(ctx, tx, contactID)
		if err != nil {
			return err
		}
		if ct.State.Open() {
			return fault.New(fault.Conflict, "fault.contact.satisfaction_early")
		}
		n, err := tx.Exec(ctx, `INSERT INTO contact_satisfaction (contact_id, code, answered_at, text_sealed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (contact_id) DO NOTHING`, contactID, s.Code, store.Millis(c.now()), key.Seal(satisfactionField(contactID), []byte(s.Text)))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.contact.satisfaction_done")
		}
		if err := c.counted(ctx, tx, contactID); err != nil {
			return err
		}
		return c.record(ctx, tx, VisitorOf(contactID), "contact.satisfaction", contactID, nil)
	})
}

// Satisfaction returns the answer, or one whose Code is "" when there is none.
func (c *Contacts) Satisfaction(ctx context.Context, contactID string) (Satisfaction, error) {
	key, err := c.Key(ctx, contactID)
	if err != nil {
		return Satisfaction{}, err
	}
	all, err := store.All(ctx, c.db, func(r store.Row) (Satisfaction, error) {
		var s Satisfaction
		var sealed []byte
		if err := r.Scan(&s.Code, &s.At, &sealed); err != nil {
			return s, err
		}
		plain, err := key.Open(satisfactionField(contactID), sealed)
		s.Text = string(plain)
		return s, err
	}, `SELECT code, answered_at, text_sealed FROM contact_satisfaction WHERE contact_id = $1`, contactID)
	if err != nil || len(all) == 0 {
		return Satisfaction{}, err
	}
	return all[0], nil
}
