package chat

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// follow has the house say its line at each moment of a conversation, in the transaction of the move
// itself: neither is ever without the other. These lines are nobody's word: silence, what is unread and
// the queue do not count them.
func (c *Chats) follow(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	ct := m.After
	if ct.Channel != contact.ChannelChat {
		return nil
	}
	lines, err := c.moment(ctx, tx, m)
	if err != nil || len(lines) == 0 {
		return err
	}
	key, err := c.contacts.Key(ctx, ct.ID)
	if fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	var vars map[string]string
	if ct.CounsellorID != "" && c.alias != nil {
		vars = map[string]string{"conseiller": c.alias(ctx, ct.CounsellorID)}
	}
	for _, line := range lines {
		// A row's revision is one occasion, however often its transaction is run again.
		if err := c.sayWithin(ctx, tx, c.lineOf(ct, line, "rev"+strconv.FormatInt(ct.Rev, 10), vars), key); err != nil {
			return err
		}
	}
	return nil
}

// moment is what the house says of a move, in order.
func (c *Chats) moment(ctx context.Context, tx *store.Tx, m contact.Moved) ([]string, error) {
	before, ct := m.Before, m.After
	switch m.Event {
	case contact.Accept, contact.Take:
		if c.alias == nil {
			return nil, nil
		}
		switch known, err := c.cameBack(ctx, tx, ct); {
		case err != nil:
			return nil, err
		case before.AnsweredAt == 0 && !known:
			return []string{catalogue.LineGreeting}, nil
		case before.AnsweredAt != 0 && before.StickyID != ct.CounsellorID:
			return []string{catalogue.LineHandover}, nil
		}
		return []string{catalogue.LineGreetingBack}, nil
	case contact.HandOver:
		if c.alias != nil && before.CounsellorID != ct.CounsellorID && (ct.State == contact.Talking || ct.State == contact.Parked) {
			return []string{catalogue.LineHandover}, nil
		}
	case contact.Return, contact.Rejoin:
		return []string{catalogue.LineBack}, nil
	case contact.Released:
		if before.ShownAfter > 0 {
			return []string{catalogue.LinePastReleased}, nil
		}
	case contact.VisitorEnds:
		return ending(ct, catalogue.LineEndedByVisitor), nil
	case contact.StaffEnds:
		if m.Farewell != "" {
			return c.endingWith(ct, m.Farewell), nil
		}
		return ending(ct, catalogue.LineEndedByStaff), nil
	case contact.Threat:
		return c.endingWith(ct, catalogue.LineEndedByThreat), nil
	}
	return nil, nil
}

// ending is how a conversation ends: by whom, and goodbye. Nobody is thanked for talking who was not
// answered; the numbers of a danger are said in any case.
func ending(ct contact.Contact, by string) []string {
	switch {
	case ct.Danger:
		return []string{by, catalogue.LineFarewellDanger}
	case ct.AnsweredAt != 0:
		return []string{by, catalogue.LineFarewell}
	}
	return []string{by}
}

// endingWith is how a conversation ends in which the counsellor was threatened, or with somebody who is called back.
// Nobody is thanked for it; a catalogue that was edited before there was this line says who ended it.
func (c *Chats) endingWith(ct contact.Contact, line string) []string {
	lines := []string{line}
	if _, known := c.catalogue().Lines.ByCode(line); !known {
		lines[0] = catalogue.LineEndedByStaff
	}
	if ct.Danger {
		lines = append(lines, catalogue.LineFarewellDanger)
	}
	return lines
}

// cameBack says that a person was answered before, in another contact.
func (c *Chats) cameBack(ctx context.Context, tx *store.Tx, ct contact.Contact) (bool, error) {
	n, err := store.One(ctx, tx, func(r store.Row) (int64, error) { var n int64; return n, r.Scan(&n) },
		`SELECT count(*) FROM contact WHERE person_id = $1 AND id <> $2 AND answered_at > 0`, ct.PersonID, ct.ID)
	return n > 0, err
}

// sayWithin stores a line in the caller's transaction whatever the state of its contact: the last lines
// are said as it closes. On PostgreSQL somebody may be given the same number meanwhile; then only the line
// is tried again, not the move.
func (c *Chats) sayWithin(ctx context.Context, tx *store.Tx, m Message, key *seal.Key) error {
	insert := store.Stmt{SQL: insertByHouse, Args: c.insert(m, key, "").Args}
	const attempts = 30 // as of a message
	for i := 0; ; i++ {
		if err := c.savepoint(ctx, tx, "SAVEPOINT house_line"); err != nil {
			return err
		}
		seq, err := insertMessage(ctx, tx, insert)
		if errors.Is(err, store.ErrNoRow) {
			return nil // said already
		}
		if err == nil {
			return c.inserted(ctx, tx, m, seq)
		}
		if !store.IsConflict(err) || i == attempts-1 {
			return err
		}
		if err := c.savepoint(ctx, tx, "ROLLBACK TO SAVEPOINT house_line"); err != nil {
			return err
		}
		select { // whoever writes just then is not met again and again
		case <-time.After(time.Duration(rand.IntN(1+i)) * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// savepoint is for PostgreSQL only: on SQLite one transaction writes at a time, and nothing can conflict.
func (c *Chats) savepoint(ctx context.Context, tx *store.Tx, statement string) error {
	if c.db.Engine() != store.PostgreSQL {
		return nil
	}
	_, err := tx.Exec(ctx, statement)
	return err
}
