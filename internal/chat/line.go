package chat

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// lineSpace makes the ids of lines, so that two nodes that say the same line say it once.
var lineSpace = uuid.MustParse("5b0c7c1e-6f0e-5e0e-9a3c-3f1d1a6c3018")

// Say has the house say one of its lines (catalogue.Lines) in a conversation, in the person's language
// and way of speaking. once tells the occasions apart: two nodes that say the same line for the same
// occasion say it once. It returns fault.Gone "fault.chat.over" when the contact is closed.
func (c *Chats) Say(ctx context.Context, contactID, line, once string, vars map[string]string) (Message, error) {
	key, err := c.contacts.Key(ctx, contactID)
	if err != nil {
		return Message{}, err
	}
	ct, err := c.contacts.Get(ctx, contactID)
	if err != nil {
		return Message{}, err
	}
	m := c.lineOf(ct, line, once, vars)
	stored, _, err := c.store(ctx, m, key, "", nil)
	if err != nil {
		return Message{}, err
	}
	if stored.Seq != 0 {
		c.announce(stored)
		return stored, nil
	}
	m, err = store.One(ctx, c.db, scanMessage(key), selectMessage+` WHERE id = $1`, m.ID)
	if errors.Is(err, store.ErrNoRow) {
		return Message{}, fault.New(fault.Gone, "fault.chat.over")
	}
	return m, err
}

// lineOf is a line of the house as a message, under the one id of its occasion.
func (c *Chats) lineOf(ct contact.Contact, line, once string, vars map[string]string) Message {
	set := c.catalogue()
	return Message{
		ID:        uuid.NewSHA1(lineSpace, []byte(ct.ID+"."+once+"."+line)).String(),
		ContactID: ct.ID, From: System, Kind: Line, At: store.Millis(c.now()),
		Body: set.Lines.Say(line, set.Questions.Speaks(ct.Public), ct.Lang, vars),
	}
}

// Dismiss closes a contact in one click (contact.Dismiss), after a last kind line where the closing has
// one. Both are committed together.
func (c *Chats) Dismiss(ctx context.Context, contactID, closing string, by audit.Actor, supervising bool) (contact.Contact, error) {
	category, _ := c.catalogue().Taxonomy.ByCode(closing)
	return c.contacts.DismissWith(ctx, contactID, closing, by, supervising, func(tx *store.Tx, ct contact.Contact, key *seal.Key) error {
		if category.Closing.Line == "" || ct.Channel != contact.ChannelChat {
			return nil
		}
		return c.addWithin(ctx, tx, c.lineOf(ct, category.Closing.Line, "dismiss", nil), key, "")
	})
}

// addWithin stores a message in the caller's transaction and announces it after the commit; one that is
// there already changes nothing.
func (c *Chats) addWithin(ctx context.Context, tx *store.Tx, m Message, key *seal.Key, author string) error {
	seq, err := insertMessage(ctx, tx, c.insert(m, key, author))
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.inserted(ctx, tx, m, seq)
}

// insertMessage runs the insert of a message and returns its number; store.ErrNoRow where it changed nothing.
func insertMessage(ctx context.Context, tx *store.Tx, insert store.Stmt) (seq int64, err error) {
	return store.One(ctx, tx, func(r store.Row) (int64, error) {
		var n int64
		var state contact.State
		return n, r.Scan(&n, &state)
	}, insert.SQL, insert.Args...)
}

// inserted records a message that was stored under this number, and announces it after the commit.
func (c *Chats) inserted(ctx context.Context, tx *store.Tx, m Message, seq int64) error {
	m.Seq = seq
	tx.AfterCommit(func() { c.announce(m) })
	return c.log.Record(ctx, tx, audit.Entry{Actor: m.actor(), Act: "chat.send", Object: "contact", ObjectID: m.ContactID,
		Detail: map[string]string{"message": m.ID, "kind": m.Kind}})
}
