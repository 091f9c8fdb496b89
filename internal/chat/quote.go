package chat

import (
	"context"
	"strings"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Quote is a part of a person's message that stands in our words and not in hers: a question of the quiz with the answer that
// she chose. The lexicon does not listen to it, because a question names what its answer denies; what the answer tells of is
// known by its code.
type Quote struct {
	Text string
	// Reason is what the answer tells of; without a code it tells of nothing.
	Reason contact.Reason
	// Danger says that a life may be in danger now.
	Danger bool
}

// apart parts what she wrote herself from what is quoted in it, and says what the quotes tell of. A quote that she changed is
// her own words.
func apart(body string, quotes []Quote) (own string, reasons []contact.Reason, danger bool) {
	own = body
	for _, q := range quotes {
		text, err := Clean(q.Text)
		if err != nil || !strings.Contains(own, text) {
			continue
		}
		own = strings.Replace(own, text, "", 1)
		if q.Reason.Code != "" {
			reasons = append(reasons, q.Reason)
			danger = danger || q.Danger
		}
	}
	return own, reasons, danger
}

// tells is what a whole message means that nobody has heard before: its own words, and what is quoted in it.
func (c *Chats) tells(body string, quotes []Quote) (reasons []contact.Reason, danger bool) {
	own, quoted, grave := apart(body, quotes)
	var heard []catalogue.Hit
	if readable(own) {
		heard = c.catalogue().Lexicon.Scan(own)
	}
	reasons, danger = alarm(heard)
	return append(reasons, quoted...), danger || grave
}

// OpenWith lets a person in with her first message: both are committed together. Opened again under the same id, it returns
// what is there. Faults of Contacts.Open and of Send.
func (c *Chats) OpenWith(ctx context.Context, o contact.Opening, first Sending) (contact.Contact, error) {
	if !isID(first.ID) {
		return contact.Contact{}, fault.New(fault.Invalid, "fault.chat.id")
	}
	body, err := Clean(first.Body)
	if err != nil {
		return contact.Contact{}, err
	}
	reasons, danger := c.tells(body, first.Quotes)
	o.Reasons, o.Danger = append(o.Reasons, reasons...), o.Danger || danger
	return c.contacts.OpenWith(ctx, o, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
		m := Message{ID: first.ID, ContactID: ct.ID, From: Visitor, Kind: Text, Body: body, At: ct.WaitingSince}
		return c.addWithin(ctx, tx, m, key, ct.PersonID)
	})
}
