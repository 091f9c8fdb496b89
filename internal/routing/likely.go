package routing

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/netip"
	"slices"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Likely is another open contact that may be of the same person, or family. It is a suggestion to a
// human: twins, shared phones and school networks are expected, and nothing is merged by itself.
type Likely struct {
	ContactID string
	// Why are codes, the surest first: "person" (the same resume code), "handle" (the same account),
	// "family" (one network, an adult and a young person), "network" (one network).
	Why []string
}

// The codes of a likeness.
const (
	LikePerson  = "person"
	LikeHandle  = "handle"
	LikeFamily  = "family"
	LikeNetwork = "network"
)

// household bounds how many open contacts of one address are still taken for one home: beyond, it is a
// school, and the address says nothing.
const household = 4

// arrive remembers where an open contact comes from, as a keyed hash, until it closes: for likely-same
// contacts, and for a block should one be needed. An address that is not one remembers nothing.
func (r *Router) arrive(ctx context.Context, tx *store.Tx, contactID string, from contact.Origin) error {
	mark := r.networkMark(from.Network.Addr())
	if from.Number != "" {
		mark = r.NumberMark(from.Number)
	}
	if mark == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO network_mark (contact_id, mark) VALUES ($1, $2) ON CONFLICT (contact_id) DO NOTHING`, contactID, mark)
	return err
}

// networkMark is the keyed hash of one home's or school's address: a whole IPv4 address, the /64 of IPv6.
// nil for what is not an address.
func (r *Router) networkMark(a netip.Addr) []byte {
	if !a.IsValid() {
		return nil
	}
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	prefix, err := a.Prefix(bits)
	if err != nil {
		return nil
	}
	return r.mark("network", prefix.Addr().AsSlice())
}

// NumberMark is the keyed hash of a caller's number: the same for every way of writing it, so that a caller who
// comes back, or is kept out for a while, is recognised without her number being kept. nil for "".
func (r *Router) NumberMark(number string) []byte {
	if number = contact.NormalNumber(number); number == "" {
		return nil
	}
	return r.mark("number", []byte(number))
}

func (r *Router) personMark(personID string) []byte { return r.mark("person", []byte(personID)) }

func (r *Router) mark(kind string, value []byte) []byte {
	h := hmac.New(sha256.New, r.blockKey)
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write(value)
	return h.Sum(nil)[:16]
}

// openContact is what likeness looks at.
type openContact struct {
	id, personID, public string
	mark                 []byte
}

// likely returns, for each contact in line, the other open ones that may be of the same person or family.
// Whatever a human has joined, or has said apart, is no longer suggested.
func (r *Router) likely(ctx context.Context) (map[string][]Likely, error) {
	return r.alike(ctx, selectContactsNearLine, selectSameHandle, selectSettledPairs)
}

// alike compares the contacts that a query reads, with the pairs that two others read.
func (r *Router) alike(ctx context.Context, contacts, sameHandle, settledPairs string, args ...any) (map[string][]Likely, error) {
	all, err := store.All(ctx, r.db, func(s store.Row) (c openContact, err error) {
		return c, s.Scan(&c.id, &c.personID, &c.public, &c.mark)
	}, contacts, args...)
	if err != nil {
		return nil, err
	}
	why := map[[2]string][]string{}
	note := func(a, b, code string) {
		why[[2]string{a, b}] = append(why[[2]string{a, b}], code)
		why[[2]string{b, a}] = append(why[[2]string{b, a}], code)
	}
	persons, networks := map[string][]openContact{}, map[string][]openContact{}
	for _, c := range all {
		persons[c.personID] = append(persons[c.personID], c)
		if c.mark != nil {
			networks[string(c.mark)] = append(networks[string(c.mark)], c)
		}
	}
	for _, same := range persons {
		pairs(same, func(a, b openContact) { note(a.id, b.id, LikePerson) })
	}
	handles, err := store.All(ctx, r.db, scanPair, sameHandle, args...)
	if err != nil {
		return nil, err
	}
	shared := map[string]int{}
	for _, p := range handles {
		shared[p[0]]++
		shared[p[1]]++
	}
	for _, p := range handles {
		// An account that half the school names, or a number that somebody pastes a hundred times, says nothing.
		if shared[p[0]] < household && shared[p[1]] < household {
			note(p[0], p[1], LikeHandle)
		}
	}
	questions := r.catalogue().Questions
	for _, home := range networks {
		if len(home) > household {
			continue
		}
		pairs(home, func(a, b openContact) {
			if questions.Speaks(a.public) != questions.Speaks(b.public) {
				note(a.id, b.id, LikeFamily)
			} else {
				note(a.id, b.id, LikeNetwork)
			}
		})
	}
	settled, err := store.All(ctx, r.db, scanPair, settledPairs, args...)
	if err != nil {
		return nil, err
	}
	for _, p := range settled {
		delete(why, p)
		delete(why, [2]string{p[1], p[0]})
	}
	likely := map[string][]Likely{}
	for pair, codes := range why {
		likely[pair[0]] = append(likely[pair[0]], Likely{ContactID: pair[1], Why: codes})
	}
	for _, l := range likely {
		slices.SortFunc(l, func(a, b Likely) int { return compare(a.ContactID, b.ContactID) })
	}
	return likely, nil
}

func pairs(all []openContact, each func(a, b openContact)) {
	for i, a := range all {
		for _, b := range all[i+1:] {
			each(a, b)
		}
	}
}

func scanPair(s store.Row) ([2]string, error) {
	var p [2]string
	return p, s.Scan(&p[0], &p[1])
}

// LikelySame returns the open contacts that may be of the same person or family as this one.
func (r *Router) LikelySame(ctx context.Context, contactID string) ([]Likely, error) {
	all, err := r.alike(ctx, selectContactsNear, selectSameHandleAs, selectSettledPairsOf, contactID)
	return all[contactID], err
}

// Link is what a human said of two contacts.
type Link struct {
	// ContactID is the other contact.
	ContactID string
	// Kind is LinkSame (one person) or LinkFamily (a parent and a child: two rooms, one story).
	Kind string
	// By is the member of staff, At when (Unix milliseconds).
	By string
	At int64
}

// The kinds of a link.
const (
	LinkSame   = "same"
	LinkFamily = "family"
)

// Join records that two contacts are of one person, or of one family. Neither is changed: each keeps its
// own key, its own rights, its own conversation; a waiting contact of the same person is offered first to
// whoever talks to her already. Whoever knows the one counts as knowing the other. Joining again changes
// the kind. It returns fault.Invalid "fault.routing.join" for a contact with itself or an unknown kind,
// fault.NotFound "fault.contact.unknown".
func (r *Router) Join(ctx context.Context, staffID, contactID, otherID, kind string) error {
	if kind != LinkSame && kind != LinkFamily {
		return fault.New(fault.Invalid, "fault.routing.join")
	}
	a, b := min(contactID, otherID), max(contactID, otherID)
	cts, err := r.both(ctx, staffID, a, b)
	if err != nil {
		return err
	}
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, upsertLink, store.NewID(), a, b, kind, now, staffID); err != nil {
			return err
		}
		for i, ct := range cts {
			barred, err := r.contacts.Barred(ctx, tx, ct.PersonID)
			if err != nil {
				return err
			}
			for _, who := range barred {
				if err := r.contacts.Bar(ctx, tx, cts[1-i].PersonID, who, byStaff(staffID)); err != nil {
					return err
				}
			}
		}
		tx.AfterCommit(r.announceQueue)
		return r.record(ctx, tx, byStaff(staffID), "contact.join", "contact", a, map[string]string{"other": b, "kind": kind})
	})
}

// Apart records that two contacts have nothing to do with one another (twins, a phone that is lent, a
// school): a link between them is taken back, and they are not suggested again. What was closed to
// somebody because of the link stays closed to her. Saying it again changes nothing. It returns
// fault.Invalid "fault.routing.join" for a contact with itself or one that is closed, fault.NotFound
// "fault.contact.unknown".
func (r *Router) Apart(ctx context.Context, staffID, contactID, otherID string) error {
	a, b := min(contactID, otherID), max(contactID, otherID)
	if _, err := r.both(ctx, staffID, a, b); err != nil {
		return err
	}
	now := store.Millis(r.now())
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, undoLink, a, b, now, staffID)
		if err == nil && n == 0 {
			n, err = tx.Exec(ctx, insertApart, store.NewID(), a, b, now, staffID)
		}
		if err != nil || n == 0 {
			return err
		}
		tx.AfterCommit(r.announceQueue)
		return r.record(ctx, tx, byStaff(staffID), "contact.apart", "contact", a, map[string]string{"other": b})
	})
}

// both reads two contacts of which somebody has something to say.
func (r *Router) both(ctx context.Context, staffID, a, b string) (cts [2]contact.Contact, err error) {
	if a == b || staffID == "" {
		return cts, fault.New(fault.Invalid, "fault.routing.join")
	}
	for i, id := range []string{a, b} {
		if cts[i], err = r.contacts.Get(ctx, id); err != nil {
			return cts, err
		}
		if cts[i].State == contact.Closed {
			return cts, fault.New(fault.Invalid, "fault.routing.join")
		}
		if barred, err := r.Recused(ctx, staffID, cts[i]); err != nil {
			return cts, err
		} else if barred {
			return cts, fault.New(fault.NotFound, "fault.contact.unknown")
		}
	}
	return cts, nil
}

// Links returns what a contact is joined with, the oldest first.
func (r *Router) Links(ctx context.Context, contactID string) ([]Link, error) {
	return store.All(ctx, r.db, scanLink, selectLinks, contactID)
}

// links returns the links of every contact in line.
func (r *Router) links(ctx context.Context) (map[string][]Link, error) {
	type row struct {
		id string
		Link
	}
	rows, err := store.All(ctx, r.db, func(s store.Row) (w row, err error) {
		return w, s.Scan(&w.id, &w.ContactID, &w.Kind, &w.By, &w.At)
	}, selectLinksInLine)
	if err != nil && !errors.Is(err, store.ErrNoRow) {
		return nil, err
	}
	links := map[string][]Link{}
	for _, w := range rows {
		links[w.id] = append(links[w.id], w.Link)
	}
	return links, nil
}
