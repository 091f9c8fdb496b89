package phone

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// How a promise to call stands.
const (
	CallbackOpen      = "open"
	CallbackReached   = "reached"
	CallbackGivenUp   = "given_up" // tried as often as the rules say: a human decides
	CallbackCancelled = "cancelled"
)

// Callback is a promise to call somebody on a number that nobody sees.
type Callback struct {
	ContactID      string
	State          string
	AskedAt, DueAt int64
	Tries          int
	TriedAt        int64
	// Outcome is how the last try ended, as ByNobody or ByMachine; "" before the first.
	Outcome string
	// Why is the code for which it was cancelled, one of CancelReasons or what closed its contact; "" for none.
	Why string
	// ByForm says that it was asked for in a letter on the site.
	ByForm bool

	sealed []byte
}

func numberField(contactID string) seal.Field {
	return seal.Field{Table: "phone_callback", Column: "number_sealed", Row: contactID, Version: 1}
}

// promises makes the ids of the contacts that promise a call-back: one a call.
var promises = uuid.MustParse("5b0c7c1e-6f0e-5e0e-9a3c-3f1d1a6c3019")

// PromiseOf is the id of the contact that stands in the list for the call-back that somebody was promised in a call.
func PromiseOf(contactID string) string { return uuid.NewSHA1(promises, []byte(contactID)).String() }

// promiseNumber keeps the caller's number for a call-back that she agreed to: a contact of her own stands in the list
// from now on, for the same person, and whoever knows her story comes first to it. Twice is once.
func (c *call) promiseNumber(ctx context.Context) error { return c.promiseApart(ctx, nil) }

// promiseApart is the same with a wish, where there is one: then it is offered when it is due.
func (c *call) promiseApart(ctx context.Context, wish *contact.Callback) error {
	p, ct := c.phone, c.contact
	number := p.home(c.number)
	if number == "" {
		return fault.New(fault.NotFound, "fault.phone.no_number")
	}
	_, err := p.contacts.OpenWith(ctx, contact.Opening{
		ID: PromiseOf(ct.ID), Channel: contact.ChannelMessage, Lang: ct.Lang, Public: ct.Public, AgeBand: ct.AgeBand, Topic: ct.Topic,
		PersonID: ct.PersonID, Recognised: true, Number: c.number, Reasons: []contact.Reason{c.reason(catalogue.ReasonCallback)},
	}, func(tx *store.Tx, promised contact.Contact, key *seal.Key) error {
		if wish == nil {
			if err := p.promise(ctx, tx, promised, key, number); err != nil {
				return err
			}
		} else if err := c.promiseWished(ctx, tx, promised, key, number, *wish); err != nil {
			return err
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(ct.CounsellorID), Act: "phone.promise", Object: "contact", ObjectID: ct.ID,
			Detail: map[string]string{"contact": promised.ID}})
	})
	return ignore(err, fault.Conflict)
}

func (c *call) clips(codes ...string) []clip { return c.phone.sounds.all(c.row.lang, codes...) }

// promise writes the promise to call a number back.
func (p *Phone) promise(ctx context.Context, tx *store.Tx, ct contact.Contact, key *seal.Key, number string) error {
	return p.promiseAt(ctx, tx, ct.ID, key, number, p.ringsFrom(p.now()), false)
}

func (p *Phone) promiseAt(ctx context.Context, tx *store.Tx, contactID string, key *seal.Key, number string, due time.Time, byForm bool) error {
	_, err := tx.Exec(ctx, `INSERT INTO phone_callback (contact_id, state, asked_at, due_at, by_form, number_sealed) VALUES ($1, 'open', $2, $3, $4, $5)
		ON CONFLICT (contact_id) DO UPDATE SET state = 'open', due_at = excluded.due_at, number_sealed = excluded.number_sealed`,
		contactID, store.Millis(p.now()), store.Millis(due), byForm, key.Seal(numberField(contactID), []byte(number)))
	return err
}

// home is a number as we dial it for a call-back, "" where nobody is called back. Anybody may show any number, or write
// one into a form, and whoever calls does not see it: so it must be one that the trunk may call by its prefix, as a
// person's, and no number of help. Nobody has us ring the police.
func (p *Phone) home(number string) string {
	normal := contact.NormalNumber(number)
	if len(normal) == 11 && strings.HasPrefix(normal, "33") {
		normal = "+" + normal // as some networks write it
	}
	for _, as := range []string{normal, number} {
		if p.mayCallBack(as) {
			return as
		}
	}
	return ""
}

const selectCallback = `SELECT contact_id, state, asked_at, due_at, tries, tried_at, outcome, why, by_form, number_sealed FROM phone_callback`

func scanCallback(r store.Row) (b Callback, err error) {
	return b, r.Scan(&b.ContactID, &b.State, &b.AskedAt, &b.DueAt, &b.Tries, &b.TriedAt, &b.Outcome, &b.Why, &b.ByForm, &b.sealed)
}

// Callback returns the promise of a contact; ok is false when there is none.
func (p *Phone) Callback(ctx context.Context, contactID string) (b Callback, ok bool, err error) {
	b, err = store.One(ctx, p.db, scanCallback, selectCallback+` WHERE contact_id = $1`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return Callback{}, false, nil
	}
	return b, err == nil, err
}

// MayRing says whether a phone may ring at somebody's home now, and if not when next; zero for never.
func (p *Phone) MayRing() (next time.Time, may bool) { return p.catalogue().MayRing(p.now()) }

// ringsFrom is the first moment from t on at which a phone may ring at somebody's home; t where there is none.
func (p *Phone) ringsFrom(t time.Time) time.Time {
	if next, _ := p.catalogue().MayRing(t); !next.IsZero() {
		return next
	}
	return t
}

// CallBack rings the person of a contact that a counsellor has: on the number she called from, or the one she
// asked to be called on. The counsellor's browser attaches to it as to any call. Asked again while it goes on, at the
// same instant or on another node, it is the same call. It returns fault.Conflict "fault.phone.calling" when another
// call of the contact goes on, "fault.phone.on_call" when she is on another, fault.NotFound "fault.phone.no_number" when we do not know
// where to call, fault.Forbidden "fault.phone.not_allowed" for a number at which nobody is called back, fault.Conflict "fault.phone.not_now" outside the hours in which a phone may ring at somebody's
// home (unless urgent), fault.Unavailable "fault.phone.no_trunk".
func (p *Phone) CallBack(ctx context.Context, staffID, contactID string, urgent bool) error {
	ct, going, err := p.mayCall(ctx, staffID, contactID)
	if going || err != nil {
		return err
	}
	number, shown, err := p.numberOf(ctx, contactID)
	if err != nil {
		return err
	}
	if _, may := p.MayRing(); !may && !urgent && !ct.Danger {
		return fault.New(fault.Conflict, "fault.phone.not_now")
	}
	mark := p.router.NumberMark(number)
	refused, err := p.refusedBefore(ctx, ct.PersonID, mark)
	if err != nil {
		return err
	}
	row := callRow{staffID: staffID, mark: mark, noListening: true} // until she says yes
	return p.callOut(ctx, ct, row, func(tx *store.Tx, row callRow) error {
		if err := p.save(ctx, tx, row); err != nil {
			return err
		}
		return p.audit.Record(ctx, tx, audit.Entry{Actor: contactActor(staffID), Act: "phone.call_back", Object: "contact", ObjectID: contactID})
	}, func(c *call) {
		c.number, c.refused = number, refused
		c.callOut(number, shown)
	})
}

// mayCall returns the contact for which a counsellor wants to make a call; going says that she makes one already. Its
// faults are those of CallBack.
func (p *Phone) mayCall(ctx context.Context, staffID, contactID string) (ct contact.Contact, going bool, err error) {
	if p.trunk == nil {
		return ct, false, fault.New(fault.Unavailable, "fault.phone.no_trunk")
	}
	if ct, err = p.contacts.Get(ctx, contactID); err != nil {
		return ct, false, err
	}
	if err := hers(ct, staffID); err != nil {
		return ct, false, err
	}
	if going, err := p.calling(ctx, staffID, contactID); going || err != nil {
		return ct, going, err
	}
	if other, err := p.Of(ctx, staffID); err != nil {
		return ct, false, err
	} else if other != "" && other != contactID { // this one was begun a moment ago: the record says so below
		return ct, false, fault.New(fault.Conflict, "fault.phone.on_call")
	}
	return ct, false, nil
}

// hers is fault.Forbidden "fault.contact.not_yours" for a contact that a counsellor neither talks with nor writes up.
func hers(ct contact.Contact, staffID string) error {
	if ct.CounsellorID != staffID || ct.State != contact.Talking && ct.State != contact.WrapUp {
		return fault.New(fault.Forbidden, "fault.contact.not_yours")
	}
	return nil
}

// callOut writes the row of a call that we make, with what else is written of it, and makes it.
func (p *Phone) callOut(ctx context.Context, ct contact.Contact, row callRow, with func(tx *store.Tx, row callRow) error, speak func(*call)) error {
	row.id, row.contactID, row.trunk, row.direction, row.state, row.lang = store.NewID(), ct.ID, p.dialTrunks[0], Outbound, Dialling, ct.Lang
	if err := p.db.Tx(ctx, func(tx *store.Tx) error {
		if err := p.begin(ctx, tx, row); err != nil {
			return err
		}
		return with(tx, row)
	}); errors.Is(err, errCalling) { // asked twice at once: the other was faster
		if going, err := p.calling(ctx, row.staffID, ct.ID); going || err != nil {
			return err
		}
		return errCalling
	} else if err != nil {
		return err
	}
	c := p.newCall(row)
	c.contact = ct
	p.keepFor(c, ct.ID)
	p.run(c, func() { speak(c) })
	p.changed(ct.ID)
	return nil
}

// calling says whether a call that a counsellor makes to the person of a contact goes on; errCalling when it is
// another's, or the person's own.
func (p *Phone) calling(ctx context.Context, staffID, contactID string) (bool, error) {
	row, going, err := p.openCall(ctx, contactID)
	if err != nil || !going {
		return false, err
	}
	if row.direction != Outbound || row.staffID != staffID {
		return false, errCalling
	}
	return true, nil
}

// numberOf is the number on which a person may be called, and whether she agreed that ours is shown there.
func (p *Phone) numberOf(ctx context.Context, contactID string) (number string, shown bool, err error) {
	wish, asked, err := p.contacts.Callback(ctx, contactID)
	if err != nil {
		return "", false, err
	}
	if asked {
		number = contact.NormalNumber(wish.On)
	}
	if promise, ok, err := p.Callback(ctx, contactID); err != nil {
		return "", false, err
	} else if ok && number == "" {
		key, err := p.contacts.Key(ctx, contactID)
		if err != nil {
			return "", false, err
		}
		plain, err := key.Open(numberField(contactID), promise.sealed)
		if err != nil {
			return "", false, err
		}
		number = string(plain)
	}
	if number == "" {
		return "", false, fault.New(fault.NotFound, "fault.phone.no_number")
	}
	if number = p.home(number); number == "" {
		return "", false, fault.New(fault.Forbidden, "fault.phone.not_allowed")
	}
	return number, wish.ShowNumber, nil
}
