package routing

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Block keeps somebody out of the chat for a while. It is known by a keyed hash only: whom it is about
// cannot be read from it. Times are Unix milliseconds.
type Block struct {
	ID string
	// Kind is BlockPerson or BlockNetwork.
	Kind, Reason string
	SetAt, Until int64
	SetBy        string
	LiftedAt     int64
	LiftedBy     string
}

// What is blocked.
const (
	BlockPerson  = "person"  // whoever comes back with that person's code or session
	BlockNetwork = "network" // one address: a home, but maybe a school too, so a day at most
)

// BlockReasons are the codes of a block's reason.
var BlockReasons = []string{"insults", "obscene", "threats", "flood", "joke_repeated"}

// The longest blocks: each has an end, and a network, which many may share, has the nearer one.
const (
	LongestNetworkBlock = 24 * time.Hour
	LongestPersonBlock  = 30 * 24 * time.Hour
)

// blockKept is how long after its end a block is still listed; then its row goes.
const blockKept = 7 * 24 * time.Hour

// Block blocks the person of a contact, or the address it comes from, for a time. The contact itself
// goes on until it is closed. Of a caller it is always her number, which is how she would come back. It returns fault.Invalid "fault.routing.block_reason" or
// "fault.routing.block_end" (longer than allowed, or no time at all), fault.Forbidden
// "fault.routing.block_danger" where a danger word was said or a danger protocol is open, and fault.Gone
// "fault.routing.network_gone" when the address is no longer known because the contact is closed,
// "fault.routing.number_gone" for a number that was withheld.
func (r *Router) Block(ctx context.Context, staffID, contactID, kind, reason string, last time.Duration) (Block, error) {
	var b Block
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		b, err = r.block(ctx, tx, staffID, contactID, kind, reason, last)
		return err
	})
	return b, err
}

// block is Block in the caller's transaction.
func (r *Router) block(ctx context.Context, tx *store.Tx, staffID, contactID, kind, reason string, last time.Duration) (Block, error) {
	longest := LongestPersonBlock
	if kind == BlockNetwork {
		longest = LongestNetworkBlock
	}
	switch {
	case kind != BlockPerson && kind != BlockNetwork, staffID == "", !slices.Contains(BlockReasons, reason):
		return Block{}, fault.New(fault.Invalid, "fault.routing.block_reason")
	case last < time.Minute || last > longest:
		return Block{}, fault.New(fault.Invalid, "fault.routing.block_end", "hours", int(longest/time.Hour))
	}
	now := r.now()
	b := Block{ID: store.NewID(), Kind: kind, Reason: reason, SetAt: store.Millis(now), Until: store.Millis(now.Add(last)), SetBy: staffID}
	ct, err := store.One(ctx, tx, scanBlockSubject, selectBlockSubject, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return Block{}, fault.New(fault.NotFound, "fault.contact.unknown")
	}
	if err != nil {
		return Block{}, err
	}
	if ct.danger {
		return Block{}, fault.New(fault.Forbidden, blockInDanger)
	}
	gone := "fault.routing.network_gone"
	if ct.channel == contact.ChannelPhone {
		if last > LongestNetworkBlock {
			return Block{}, fault.New(fault.Invalid, "fault.routing.block_end", "hours", int(LongestNetworkBlock/time.Hour))
		}
		b.Kind, gone = BlockNetwork, "fault.routing.number_gone"
	}
	mark := r.personMark(ct.personID)
	if b.Kind == BlockNetwork {
		if mark = ct.mark; mark == nil {
			return Block{}, fault.New(fault.Gone, gone)
		}
	}
	if _, err := tx.Exec(ctx, insertBlock, b.ID, b.Kind, mark, b.Reason, b.SetAt, b.SetBy, b.Until); err != nil {
		return Block{}, err
	}
	return b, r.record(ctx, tx, byStaff(staffID), "block.set", "block", b.ID,
		map[string]string{"contact": contactID, "kind": kind, "reason": reason})
}

// blockInDanger is why nobody is blocked who may be in danger.
const blockInDanger = "fault.routing.block_danger"

func isInDanger(err error) bool {
	f := fault.As(err)
	return f != nil && f.Key == blockInDanger
}

// Caller is somebody at the door.
type Caller struct {
	Address netip.Addr
	// Number is that of a call, "" when it is withheld or she comes by chat.
	Number string
	// PersonID is known when she comes with a code, or with the session of an open chat; else "".
	PersonID string
	// Danger says that what she has already written fires the lexicon.
	Danger bool
}

// BlockView is what a blocked visitor is shown.
type BlockView struct {
	Blocked bool
	Until   time.Time
	Reason  string
	// Numbers are who answers now all the same, the emergency numbers first; never empty when Blocked.
	Numbers []catalogue.Number
}

// Blocked says whether somebody is kept out, and what she is shown then. Nobody is kept out who has said
// a danger word, or who has an open contact in danger, by whatever block.
func (r *Router) Blocked(ctx context.Context, who Caller) (BlockView, error) {
	if who.Danger {
		return BlockView{}, nil
	}
	network, person := r.networkMark(who.Address), []byte(nil)
	if who.Number != "" {
		network = r.NumberMark(who.Number)
	}
	if who.PersonID != "" {
		person = r.personMark(who.PersonID)
	}
	if network == nil && person == nil {
		return BlockView{}, nil
	}
	// An absent mark is one that nothing has.
	none := []byte{}
	if network == nil {
		network = none
	}
	if person == nil {
		person = none
	}
	b, err := store.One(ctx, r.db, scanBlock, selectRunningBlock, network, person, store.Millis(r.now()), who.PersonID)
	if errors.Is(err, store.ErrNoRow) {
		return BlockView{}, nil
	}
	if err != nil {
		return BlockView{}, err
	}
	return BlockView{Blocked: true, Until: store.Time(b.Until), Reason: b.Reason, Numbers: r.catalogue().Numbers.For("")}, nil
}

// Blocks lists the blocks that run, and those that ended in the last week; the newest first.
func (r *Router) Blocks(ctx context.Context) ([]Block, error) {
	return store.All(ctx, r.db, scanBlock, selectBlocks, store.Millis(r.now().Add(-blockKept)))
}

// Lift ends a block before its time. Lifting what is over changes nothing; fault.NotFound
// "fault.routing.block_unknown".
func (r *Router) Lift(ctx context.Context, staffID, blockID string) error {
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE block SET lifted_at = $2, lifted_by = $3 WHERE id = $1 AND lifted_at = 0`, blockID, now, staffID)
		if err != nil {
			return err
		}
		if n == 0 {
			there, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM block WHERE id = $1`, blockID)
			if err == nil && there == 0 {
				err = fault.New(fault.NotFound, "fault.routing.block_unknown")
			}
			return err
		}
		return r.record(ctx, tx, byStaff(staffID), "block.lift", "block", blockID, nil)
	})
}

// forgetBlocks deletes blocks that ended a week ago; the log keeps that they were.
func (r *Router) forgetBlocks(ctx context.Context, now time.Time) error {
	old := store.Millis(now.Add(-blockKept))
	n, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM block WHERE until < $1`, old)
	if err == nil && n > 0 {
		_, err = r.db.Exec(ctx, `DELETE FROM block WHERE until < $1`, old)
	}
	return err
}
