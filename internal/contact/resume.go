package contact

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact/words"
	"vigie/internal/fault"
	"vigie/internal/slowhash"
	"vigie/internal/store"
)

// A resume code is four common words (48 bits). The record holds only a look-up value: Argon2id of the
// words under a pepper that is not in the record, so that a stolen database alone cannot be searched
// for codes. The same words always give the same value, or they could not be found.
const (
	codeWords  = 4
	lookupSize = 32
	// A node accepts this many wrong codes a minute, from everybody together.
	failuresPerMinute = 20
	// One network waits 1, 2, 4… seconds after each wrong code, up to this, and is forgiven after forgiveAfter.
	longestDelay = 30 * time.Second
	forgiveAfter = 15 * time.Minute
	maxNetworks  = 10_000
)

// codeCost is OWASP's first profile for Argon2id. It must never change: a code made under other costs
// would no longer be found.
var codeCost = slowhash.Params{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1}

// resume turns words into look-up values and slows guessing down.
type resume struct {
	pepper []byte
	now    func() time.Time

	mu       sync.Mutex
	tokens   float64
	filledAt time.Time
	networks map[string]*guesses
}

// guesses are the wrong codes of one network, known by an opaque key that changes every day.
type guesses struct {
	wrong int
	last  time.Time
}

func newResume(pepper []byte, now func() time.Time) *resume {
	return &resume{pepper: pepper, now: now, tokens: failuresPerMinute, networks: map[string]*guesses{}}
}

// lookup is the value that stands in the record for these words. It returns fault.TooMany
// "fault.contact.resume_slow" when too many wait for it.
func (r *resume) lookup(ctx context.Context, code []string) ([]byte, error) {
	value, err := slowhash.Key(ctx, []byte(strings.Join(code, " ")), r.pepper, codeCost, lookupSize)
	if fault.Is(err, fault.TooMany) {
		return nil, slowDown(3 * time.Second)
	}
	return value, err
}

func slowDown(d time.Duration) error {
	return fault.New(fault.TooMany, "fault.contact.resume_slow", "seconds", int(math.Ceil(d.Seconds())))
}

// admit takes a guess out of the node's budget, or says how long to wait. The budget is given back when
// the code was right.
func (r *resume) admit(network string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if g := r.networks[network]; g != nil {
		if since := now.Sub(g.last); since >= forgiveAfter || since < 0 {
			delete(r.networks, network) // forgiven; or the clock jumped back, and nobody waits for that
		} else if d := delayAfter(g.wrong); since < d {
			return slowDown(d - since)
		}
	}
	if !r.filledAt.IsZero() && now.After(r.filledAt) {
		r.tokens = min(failuresPerMinute, r.tokens+now.Sub(r.filledAt).Minutes()*failuresPerMinute)
	}
	r.filledAt = now
	if r.tokens < 1 {
		return slowDown(time.Duration((1 - r.tokens) / failuresPerMinute * float64(time.Minute)))
	}
	r.tokens--
	return nil
}

func delayAfter(wrong int) time.Duration {
	if wrong > 5 {
		return longestDelay
	}
	return min(time.Second<<(wrong-1), longestDelay)
}

func (r *resume) right() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens = min(failuresPerMinute, r.tokens+1)
}

func (r *resume) wrong(network string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	g := r.networks[network]
	if g == nil {
		if len(r.networks) >= maxNetworks {
			for k, old := range r.networks {
				if now.Sub(old.last) >= forgiveAfter || len(r.networks) >= maxNetworks {
					delete(r.networks, k)
				}
			}
		}
		g = &guesses{}
		r.networks[network] = g
	}
	g.wrong++
	g.last = now
}

// ResumeCode makes the four words that reopen the contacts of this contact's person, in the contact's
// language, and forgets those made before. They are shown once: nobody can read them again.
func (c *Contacts) ResumeCode(ctx context.Context, contactID string) ([]string, error) {
	identity, err := c.Identity(ctx, contactID)
	if err != nil {
		return nil, err
	}
	for range 3 {
		code, err := pickWords(identity.Lang)
		if err != nil {
			return nil, err
		}
		value, err := c.resume.lookup(ctx, code)
		if err != nil {
			return nil, err
		}
		err = c.db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM resume_code WHERE person_id = $1`, identity.PersonID); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO resume_code (lookup, person_id, made_at) VALUES ($1, $2, $3)`,
				value, identity.PersonID, store.Millis(c.now())); err != nil {
				return err
			}
			return c.record(ctx, tx, VisitorOf(contactID), "contact.resume_code", contactID, nil)
		})
		if store.IsConflict(err) {
			continue // somebody has these words, or asked twice at once
		}
		if err != nil {
			return nil, err
		}
		return code, nil
	}
	return nil, fault.New(fault.Conflict, "fault.contact.resume_again")
}

// pickWords draws a code in a language, in French where the language has no list.
func pickWords(lang string) ([]string, error) {
	code, err := words.Pick(lang)
	if err != nil {
		code, err = words.Pick("fr")
	}
	return code[:], err
}

// isCodeOfWords says that these are four words of one of the lists.
func isCodeOfWords(code []string) bool {
	return len(code) == codeWords && slices.ContainsFunc([]string{"fr", "en"}, func(lang string) bool {
		return !slices.ContainsFunc(code, func(word string) bool { _, known := words.Index(lang, word); return !known })
	})
}

// Resumed is what four words open: a person, and her contact that is still open, if any.
type Resumed struct {
	PersonID string
	// Open has State "" when there is none.
	Open Contact
	// Last is her latest contact, open or not.
	Last Contact
}

// ByResumeCode finds who typed these words and changes nothing of hers: what happens next is decided by
// whoever asked (Resume, or a contact that is new). network is an opaque key of where she types from. It
// returns fault.Invalid "fault.contact.resume_four" for what cannot be a code (the lists of words are public:
// this tells nothing), fault.NotFound "fault.contact.resume_unknown" for a code that is nobody's, and
// fault.TooMany "fault.contact.resume_slow" with the seconds to wait, which says nothing of the code.
func (c *Contacts) ByResumeCode(ctx context.Context, typed, network string) (Resumed, error) {
	code := words.Normalise(typed)
	if !isCodeOfWords(code) {
		return Resumed{}, fault.New(fault.Invalid, "fault.contact.resume_four")
	}
	if err := c.resume.admit(network); err != nil {
		return Resumed{}, err
	}
	value, err := c.resume.lookup(ctx, code)
	if err != nil {
		c.resume.right()
		return Resumed{}, err
	}
	person, err := store.One(ctx, c.db, func(r store.Row) (string, error) { var id string; return id, r.Scan(&id) },
		`SELECT person_id FROM resume_code WHERE lookup = $1`, value)
	if errors.Is(err, store.ErrNoRow) {
		c.resume.wrong(network)
		return Resumed{}, fault.New(fault.NotFound, "fault.contact.resume_unknown")
	}
	if err != nil {
		c.resume.right()
		return Resumed{}, err
	}
	c.resume.right()
	return c.resumed(ctx, person)
}

// resumed finds what a person has with us.
func (c *Contacts) resumed(ctx context.Context, person string) (Resumed, error) {
	back := Resumed{PersonID: person}
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		back.Open, back.Last = Contact{}, Contact{}
		all, err := store.All(ctx, tx, scanContact, selectContact+` WHERE person_id = $1 ORDER BY opened_at DESC, id DESC`, person)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			back.Last = all[0]
		}
		if open := slices.IndexFunc(all, func(ct Contact) bool { return ct.State.Open() }); open >= 0 {
			back.Open = all[open]
		}
		return c.log.Record(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: audit.Visitor}, Act: "contact.resumed", Object: "person", ObjectID: person})
	})
	return back, err
}

// Resume gives a contact to whoever came back to it with the four words: what was said in it so far stays
// hidden from her until her counsellor shows it (ReleasePast), and whoever still has its page open
// elsewhere must not read on beside her.
func (c *Contacts) Resume(ctx context.Context, id string) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		last := int64(0)
		var err error
		if c.lastSeq != nil {
			if last, err = c.lastSeq(ctx, tx, id); err != nil {
				return err
			}
		}
		if _, ct, err = c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
			ct.ShownAfter, ct.PastReleasedAt = last, 0
			return ct, nil
		}); err != nil {
			return err
		}
		if err := c.endSessions(ctx, tx, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(ct) })
		return c.record(ctx, tx, VisitorOf(id), "contact.resumed", id, nil)
	})
	return ct, err
}

// dangerLasts is how long what was feared for somebody is still feared when she comes back.
const dangerLasts = 24 * time.Hour

// StillFeared returns what a new contact of the same person begins with, because of her last one: while
// that one keeps its danger mark and is no older than a day, the mark and the dangers heard in it. She
// said goodbye, and nobody said that the danger was over.
func (c *Contacts) StillFeared(ctx context.Context, last Contact) (reasons []Reason, danger bool, err error) {
	if !last.Danger || c.now().Sub(store.Time(last.StateSince)) > dangerLasts {
		return nil, false, nil
	}
	all, err := c.Reasons(ctx, last)
	if err != nil {
		return nil, false, err
	}
	for _, r := range all {
		if r.IsDanger() {
			reasons = append(reasons, r)
		}
	}
	return reasons, true, nil
}

// LastSeq tells the room how to ask for the number of a contact's last message; the room chat sets it.
func (c *Contacts) LastSeq(fn func(ctx context.Context, q store.Querier, contactID string) (int64, error)) {
	c.lastSeq = fn
}
