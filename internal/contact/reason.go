package contact

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Reason says why a contact is urgent, so that a person can read it: "says she wants to die", "came
// back". It may be health data, so reasons are sealed; only the sum of their weights is in clear.
type Reason struct {
	// Code names the sentence: "lexicon.suicide", "came_back".
	Code   string `json:"code"`
	Weight int    `json:"weight"`
	// Group is the danger that several reasons point to: the heaviest of them counts. "" counts alone.
	Group string            `json:"group,omitempty"`
	Args  map[string]string `json:"args,omitempty"`
	At    int64             `json:"at"`
}

// lexiconReason begins the code of a danger that the lexicon heard.
const lexiconReason = "lexicon."

// IsDanger says that the person told of a danger: the lexicon heard it in her own words, or she answered so in the quiz.
func (r Reason) IsDanger() bool {
	return strings.HasPrefix(r.Code, lexiconReason) || strings.HasPrefix(r.Code, catalogue.QuizReason)
}

// maxReasons bounds how many reasons a contact keeps; a person's words can add only as many as the
// lexicon has codes.
const maxReasons = 40

func reasonsField(contactID string) seal.Field {
	return seal.Field{Table: "contact", Column: "reasons_sealed", Row: contactID, Version: 1}
}

func sealReasons(key *seal.Key, contactID string, reasons []Reason) ([]byte, error) {
	if len(reasons) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(reasons)
	if err != nil {
		return nil, err
	}
	return key.Seal(reasonsField(contactID), plain), nil
}

func openReasons(key *seal.Key, ct Contact) ([]Reason, error) {
	if len(ct.reasons) == 0 {
		return nil, nil
	}
	plain, err := key.Open(reasonsField(ct.ID), ct.reasons)
	if err != nil {
		return nil, err
	}
	var reasons []Reason
	return reasons, json.Unmarshal(plain, &reasons)
}

// sum is the priority that reasons make together.
func sum(reasons []Reason) int {
	n := 0
	heaviest := map[string]int{}
	for _, r := range reasons {
		if r.Group == "" {
			n += r.Weight
		} else if more := r.Weight - heaviest[r.Group]; more > 0 {
			heaviest[r.Group] = r.Weight
			n += more
		}
	}
	return n
}

// Reasons returns why a contact is urgent, the heaviest first.
func (c *Contacts) Reasons(ctx context.Context, ct Contact) ([]Reason, error) {
	key, err := c.keys.Key(ctx, ct.KeyID)
	if err != nil {
		return nil, err
	}
	reasons, err := openReasons(key, ct)
	slices.SortStableFunc(reasons, func(a, b Reason) int { return b.Weight - a.Weight })
	return reasons, err
}

// AddReason adds a reason, or raises the weight of the one that is there; priority follows. It
// announces "queue" after the commit when something changed.
func (c *Contacts) AddReason(ctx context.Context, tx *store.Tx, id string, r Reason) (Contact, error) {
	return c.alarm(ctx, tx, id, []Reason{r}, false, SystemActor)
}

// Alarm adds the reasons that a person's own words gave, and sets the danger mark when danger is true.
// Only what is new is written; OnDanger hears when the mark is new.
func (c *Contacts) Alarm(ctx context.Context, tx *store.Tx, id string, reasons []Reason, danger bool) (Contact, error) {
	return c.alarm(ctx, tx, id, reasons, danger, SystemActor)
}

func (c *Contacts) alarm(ctx context.Context, tx *store.Tx, id string, add []Reason, danger bool, by audit.Actor) (Contact, error) {
	ct, err := get(ctx, tx, id)
	if err != nil {
		return Contact{}, err
	}
	key, err := c.keys.Key(ctx, ct.KeyID)
	if err != nil {
		return Contact{}, err
	}
	changed := false
	before, after, err := c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
		reasons, err := openReasons(key, ct)
		if err != nil {
			return ct, err
		}
		changed = danger && !ct.Danger
		for _, r := range add {
			changed = merge(&reasons, r, store.Millis(c.now())) || changed
		}
		if !changed {
			return ct, errUnchanged
		}
		ct.Priority = sum(reasons)
		ct.Danger = ct.Danger || danger
		ct.reasons, err = sealReasons(key, id, reasons)
		return ct, err
	})
	if err == errUnchanged {
		return before, nil
	}
	if err != nil {
		return Contact{}, err
	}
	tx.AfterCommit(func() { c.announce(after) })
	if after.Danger && !before.Danger {
		return after, c.marked(ctx, tx, id, DangerWords, by)
	}
	return after, nil
}

// errUnchanged stops an amendment that would write what is there already.
var errUnchanged = fault.New(fault.Conflict, "fault.contact.move")

// merge adds r, or raises the weight of the reason that has its code; false when nothing changed.
func merge(reasons *[]Reason, r Reason, now int64) bool {
	if r.At == 0 {
		r.At = now
	}
	for i, have := range *reasons {
		if have.Code == r.Code {
			if have.Weight >= r.Weight {
				return false
			}
			(*reasons)[i].Weight = r.Weight
			return true
		}
	}
	if len(*reasons) >= maxReasons {
		return false
	}
	*reasons = append(*reasons, r)
	return true
}

// SetDanger sets or takes away the danger mark. Her counsellor may do both while she has the contact;
// once the person has left or gone quiet only a supervisor takes it away.
func (c *Contacts) SetDanger(ctx context.Context, id string, on bool, by audit.Actor, supervising bool) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		var before Contact
		var err error
		before, ct, err = c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
			parties := ct.parties(by, Change{Supervising: supervising})
			if parties&(Own|Supervisor|System) == 0 && (!on || parties&Staff == 0) {
				return ct, fault.New(fault.Forbidden, "fault.contact.not_yours")
			}
			if !on && (ct.State == Left || ct.State == Parked) && parties&Supervisor == 0 {
				return ct, fault.New(fault.Forbidden, "fault.contact.in_danger")
			}
			if ct.Danger == on {
				return ct, errUnchanged
			}
			ct.Danger = on
			return ct, nil
		})
		if err == errUnchanged {
			ct = before
			return nil
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { c.announce(ct) })
		if on {
			return c.marked(ctx, tx, id, DangerHand, by)
		}
		return c.record(ctx, tx, by, "contact.danger", id, map[string]string{"on": "no"})
	})
	return ct, err
}

// SetGrave says whether the contact takes its counsellor's whole capacity.
func (c *Contacts) SetGrave(ctx context.Context, id string, on bool, by audit.Actor, supervising bool) (Contact, error) {
	var ct Contact
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		before, after, err := c.amend(ctx, tx, id, func(ct Contact) (Contact, error) {
			if ct.parties(by, Change{Supervising: supervising})&(Own|Supervisor|System) == 0 {
				return ct, fault.New(fault.Forbidden, "fault.contact.not_yours")
			}
			if ct.Grave == on {
				return ct, errUnchanged
			}
			ct.Grave = on
			return ct, nil
		})
		if err == errUnchanged {
			ct = before
			return nil
		}
		if err != nil {
			return err
		}
		ct = after
		tx.AfterCommit(func() { c.announce(ct) })
		return c.record(ctx, tx, by, "contact.grave", id, map[string]string{"on": yesNo(on)})
	})
	return ct, err
}

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}
