// Package visit lets somebody from outside look on — a minister, an auditor, a judge — without a young person paying for it.
//
// By default a guest follows an invented contact (room rehearsal). A live one is followed only by chat, only when its person said yes,
// and only from then on. The guest has signed that she repeats nothing, and sits at the supervisor's own screen: her page works in the
// session in which she signed, and nowhere else. It is sent nothing but messages that the supervisor released one by one, masked
// (room mask). What is kept of a visit is who, when, why, and how many messages; of a message nothing, not even masked.
//
// A visit of a live contact ends by itself, in the same transaction, when its person takes her yes back, when a danger begins, and
// when the conversation is over or goes to somebody else.
package visit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/rehearsal"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/typed"
)

// State is where a visit stands.
type State string

// The states of a visit.
const (
	Planned   State = "planned"
	Signed    State = "signed"    // the guest has signed; nothing is followed yet
	Following State = "following" // she reads along
	Cut       State = "cut"       // covered at once
	Ended     State = "ended"
)

// Event moves a visit.
type Event string

// The events of a visit.
const (
	Sign   Event = "sign"
	Follow Event = "follow"
	Stop   Event = "stop" // one key
	End    Event = "end"
)

// moves is the one table of what may happen to a visit. What was cut is not taken up again: it takes a new yes, and a new visit.
var moves = map[State]map[Event]State{
	Planned:   {Sign: Signed, End: Ended},
	Signed:    {Follow: Following, End: Ended},
	Following: {Stop: Cut, End: Ended},
	Cut:       {End: Ended},
	Ended:     {},
}

// May says whether an event may happen now.
func (s State) May(ev Event) bool { _, ok := moves[s][ev]; return ok }

// Purposes are why somebody visits.
var Purposes = []string{"authority", "funder", "audit", "press", "partner", "training"}

// What the person said when she was asked.
const (
	Asked = "asked"
	Yes   = "yes"
	No    = "no"
)

// Why a visit ended.
const (
	WhyDone      = "done"
	WhyCut       = "cut"
	WhyRefused   = "refused"
	WhyWithdrawn = "withdrawn"
	WhyDanger    = "danger"
	WhyOver      = "over" // the conversation is
)

// Pledge is the text that guests sign now (its sentences are "visit.pledge.v1.…"); what was signed is kept word for word.
const Pledge = "v1"

// Guest is who visits, and what she signed.
type Guest struct {
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	// Signature is her name as she typed it under the text, and Text that text.
	Signature string `json:"signature,omitempty"`
	Text      string `json:"text,omitempty"`
}

// Visit is one visit.
type Visit struct {
	ID, keyID  string
	Rev        int64
	State      State
	Purpose    string
	Lang       string
	HostID     string
	SessionID  string
	PlannedAt  int64
	PlannedOn  string
	Pledge     string
	SignedAt   int64
	Rehearsal  string
	ContactID  string
	Consent    string
	ConsentAt  int64
	ConsentBy  string
	FromSeq    int64
	Released   int64
	BeganAt    int64
	EndedAt    int64
	EndedWhy   string
	Guest      Guest
	guestBytes []byte
}

// Release is a message that the guest may read, by its number, and the words that were taken away besides.
type Release struct {
	Seq  int64
	Also []int
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Keys     *seal.Keeper
	Audit    *audit.Log
	Bus      *bus.Bus
	Contacts *contact.Contacts
	Chats    *chat.Chats
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Visits is the room. It is safe for concurrent use.
type Visits struct {
	db       *store.DB
	keys     *seal.Keeper
	log      *audit.Log
	bus      *bus.Bus
	contacts *contact.Contacts
	chats    *chat.Chats
	now      func() time.Time
}

// New opens the room, and has it end visits when danger begins or a conversation moves.
func New(o Options) *Visits {
	v := &Visits{db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, contacts: o.Contacts, chats: o.Chats, now: o.Now}
	if v.now == nil {
		v.now = time.Now
	}
	o.Contacts.OnDanger(func(ctx context.Context, tx *store.Tx, contactID, _ string) error {
		return v.endLive(ctx, tx, contactID, WhyDanger)
	})
	o.Contacts.OnMove(func(ctx context.Context, tx *store.Tx, m contact.Moved) error {
		if m.Before.CounsellorID != m.After.CounsellorID || m.After.State != contact.Talking && m.After.State != contact.Parked {
			return v.endLive(ctx, tx, m.After.ID, WhyOver)
		}
		return nil
	})
	return v
}

// KeyOfVisit is the kind of this room's keys, and OwnersOfKeys their owners, for seal.Keeper.SweepOrphans.
const (
	KeyOfVisit   = "visit"
	OwnersOfKeys = `SELECT id FROM visit`
)

func guestField(id string) seal.Field {
	return seal.Field{Table: "visit", Column: "guest_sealed", Row: id, Version: 1}
}

// Planning is a visit to come. ID is made by the client: sent again, it changes nothing.
type Planning struct {
	ID, Purpose, Lang, On string
	Guest                 Guest
}

const maxField = 200

// Plan notes a visit. It returns fault.Invalid "fault.visit.id", "fault.visit.purpose", "fault.visit.day", "fault.visit.guest".
func (v *Visits) Plan(ctx context.Context, p Planning, by audit.Actor) (Visit, error) {
	p.Guest = Guest{Name: typed.Line(p.Guest.Name), Organisation: typed.Line(p.Guest.Organisation)}
	switch {
	case !store.IsID(p.ID):
		return Visit{}, fault.New(fault.Invalid, "fault.visit.id")
	case !slices.Contains(Purposes, p.Purpose):
		return Visit{}, fault.New(fault.Invalid, "fault.visit.purpose")
	case p.Guest.Name == "" || p.Guest.Organisation == "" || utf8.RuneCountInString(p.Guest.Name+p.Guest.Organisation) > 2*maxField:
		return Visit{}, fault.New(fault.Invalid, "fault.visit.guest")
	}
	if _, err := time.Parse(time.DateOnly, p.On); err != nil {
		return Visit{}, fault.New(fault.Invalid, "fault.visit.day")
	}
	if p.Lang != "en" {
		p.Lang = "fr"
	}
	if have, err := v.Get(ctx, p.ID); err == nil || !fault.Is(err, fault.NotFound) {
		return have, err
	}
	key, err := v.keys.NewKey(ctx, KeyOfVisit, p.ID)
	if err != nil {
		return Visit{}, err
	}
	plain, err := json.Marshal(p.Guest)
	if err != nil {
		return Visit{}, err
	}
	err = v.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO visit (id, key_id, state, purpose, lang, host_id, planned_at, planned_on, guest_sealed) VALUES ($1, $2, 'planned', $3, $4, $5, $6, $7, $8)`,
			p.ID, key.ID(), p.Purpose, p.Lang, by.ID, store.Millis(v.now()), p.On, key.Seal(guestField(p.ID), plain)); err != nil {
			return err
		}
		return v.wrote(ctx, tx, p.ID, "", by, "plan", p.Purpose, nil)
	})
	if err != nil {
		return Visit{}, errors.Join(err, v.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	}
	return v.Get(ctx, p.ID)
}

// wrote notes an act in the log, and wakes the pages of a visit and of its contact.
func (v *Visits) wrote(ctx context.Context, tx *store.Tx, id, contactID string, by audit.Actor, act, purpose string, detail map[string]string) error {
	tx.AfterCommit(func() {
		v.bus.Publish("visit."+id, []byte("{}"))
		if contactID != "" {
			v.bus.Publish("contact."+contactID+".form", []byte("{}"))
		}
	})
	return v.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "visit." + act, Object: "visit", ObjectID: id, Purpose: purpose, Detail: detail})
}

const selectVisit = `SELECT id, key_id, rev, state, purpose, lang, host_id, session_id, planned_at, planned_on, pledge, signed_at, rehearsal, contact_id, consent, consent_at, consent_by,
	from_seq, released, began_at, ended_at, ended_why, guest_sealed FROM visit`

func scanVisit(r store.Row) (Visit, error) {
	var x Visit
	return x, r.Scan(&x.ID, &x.keyID, &x.Rev, &x.State, &x.Purpose, &x.Lang, &x.HostID, &x.SessionID, &x.PlannedAt, &x.PlannedOn, &x.Pledge, &x.SignedAt, &x.Rehearsal, &x.ContactID,
		&x.Consent, &x.ConsentAt, &x.ConsentBy, &x.FromSeq, &x.Released, &x.BeganAt, &x.EndedAt, &x.EndedWhy, &x.guestBytes)
}

func (v *Visits) opened(ctx context.Context, x Visit) (Visit, error) {
	key, err := v.keys.Key(ctx, x.keyID)
	if fault.Is(err, fault.Gone) {
		return x, nil
	}
	if err != nil {
		return x, err
	}
	plain, err := key.Open(guestField(x.ID), x.guestBytes)
	if err != nil {
		return x, err
	}
	return x, json.Unmarshal(plain, &x.Guest)
}

// Get returns a visit: fault.NotFound "fault.visit.unknown".
func (v *Visits) Get(ctx context.Context, id string) (Visit, error) {
	x, err := store.One(ctx, v.db, scanVisit, selectVisit+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return x, fault.New(fault.NotFound, "fault.visit.unknown")
	}
	if err != nil {
		return x, err
	}
	return v.opened(ctx, x)
}

// List returns the newest visits, those that are to come first.
func (v *Visits) List(ctx context.Context) ([]Visit, error) {
	const shown = 100
	all, err := store.All(ctx, v.db, scanVisit, selectVisit+` ORDER BY planned_on DESC, id DESC LIMIT $1`, shown)
	for i := range all {
		if err != nil {
			return nil, err
		}
		all[i], err = v.opened(ctx, all[i])
	}
	return all, err
}

// act changes a visit that may make a move; the change fills in what the row gets.
func (v *Visits) act(ctx context.Context, id string, ev Event, act string, by audit.Actor, change func(tx *store.Tx, x *Visit) (detail map[string]string, err error)) error {
	return v.db.Tx(ctx, func(tx *store.Tx) error { return v.actWithin(ctx, tx, id, ev, act, by, change) })
}

func (v *Visits) actWithin(ctx context.Context, tx *store.Tx, id string, ev Event, act string, by audit.Actor, change func(tx *store.Tx, x *Visit) (detail map[string]string, err error)) error {
	x, err := store.One(ctx, tx, scanVisit, selectVisit+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return fault.New(fault.NotFound, "fault.visit.unknown")
	}
	if err != nil {
		return err
	}
	if ev != "" {
		to, ok := moves[x.State][ev]
		if !ok {
			return fault.New(fault.Conflict, "fault.visit.move")
		}
		x.State = to
	}
	detail, err := change(tx, &x)
	if err != nil {
		return err
	}
	if x.State == Ended || x.State == Cut {
		if _, err := tx.Exec(ctx, `DELETE FROM visit_release WHERE visit_id = $1`, id); err != nil {
			return err
		}
	}
	n, err := tx.Exec(ctx, `UPDATE visit SET rev = rev + 1, state = $3, session_id = $4, pledge = $5, signed_at = $6, rehearsal = $7, contact_id = $8, consent = $9, consent_at = $10, consent_by = $11,
		from_seq = $12, released = $13, began_at = $14, ended_at = $15, ended_why = $16, guest_sealed = $17 WHERE id = $1 AND rev = $2`,
		id, x.Rev, string(x.State), x.SessionID, x.Pledge, x.SignedAt, x.Rehearsal, x.ContactID, x.Consent, x.ConsentAt, x.ConsentBy, x.FromSeq, x.Released, x.BeganAt, x.EndedAt, x.EndedWhy, x.guestBytes)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "fault.visit.changed")
	}
	return v.wrote(ctx, tx, id, x.ContactID, by, act, x.Purpose, detail)
}

// Signing is what a guest does on the screen.
type Signing struct {
	Name, Organisation, Signature string
	Agreed                        bool
	// Text is what she read, word for word; Session the supervisor's, at whose screen she sits.
	Text, Session string
}

// SignBy takes a guest's signature. It returns fault.Invalid "fault.visit.unsigned" unless she ticked it and typed her name.
func (v *Visits) SignBy(ctx context.Context, id string, s Signing, by audit.Actor) error {
	g := Guest{Name: typed.Line(s.Name), Organisation: typed.Line(s.Organisation), Signature: typed.Line(s.Signature), Text: s.Text}
	if !s.Agreed || g.Name == "" || g.Organisation == "" || !strings.EqualFold(g.Signature, g.Name) || utf8.RuneCountInString(g.Name+g.Organisation) > 2*maxField {
		return fault.New(fault.Invalid, "fault.visit.unsigned")
	}
	x, err := v.Get(ctx, id)
	if err != nil {
		return err
	}
	key, err := v.keys.Key(ctx, x.keyID)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return v.act(ctx, id, Sign, "sign", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
		if x.HostID != by.ID {
			return nil, fault.New(fault.Forbidden, "fault.visit.not_yours")
		}
		x.SessionID, x.Pledge, x.SignedAt, x.guestBytes = s.Session, Pledge, store.Millis(v.now()), key.Seal(guestField(id), plain)
		return map[string]string{"pledge": Pledge}, nil
	})
}

// AtHost says whether this is the supervisor's session in which the guest signed: fault.Forbidden "fault.visit.elsewhere" for every
// other one, hers on another machine too.
func (x Visit) AtHost(staffID, session string) error {
	if x.HostID != staffID || x.SessionID == "" || x.SessionID != session {
		return fault.New(fault.Forbidden, "fault.visit.elsewhere")
	}
	return nil
}

// FollowRehearsal has the guest follow an invented contact.
func (v *Visits) FollowRehearsal(ctx context.Context, id, code, session string, by audit.Actor) error {
	if _, ok := rehearsal.Find(code); !ok {
		return fault.New(fault.Invalid, "fault.visit.rehearsal")
	}
	return v.act(ctx, id, Follow, "follow", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
		if err := x.AtHost(by.ID, session); err != nil {
			return nil, err
		}
		x.Rehearsal, x.BeganAt, x.Consent, x.ContactID = code, store.Millis(v.now()), "", ""
		return map[string]string{"rehearsal": code}, nil
	})
}

// Ask asks the person of a live chat. It returns fault.Conflict "fault.visit.not_live" for a contact that is no chat, is not going on,
// is in danger, or was asked for another guest.
func (v *Visits) Ask(ctx context.Context, id, contactID, session string, by audit.Actor) error {
	return v.act(ctx, id, "", "ask", by, func(tx *store.Tx, x *Visit) (map[string]string, error) {
		if err := x.AtHost(by.ID, session); err != nil {
			return nil, err
		}
		if x.State != Signed || x.Consent == Asked {
			return nil, fault.New(fault.Conflict, "fault.visit.move")
		}
		ct, err := v.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return nil, err
		}
		asked, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM visit WHERE contact_id = $1`, contactID)
		if err != nil {
			return nil, err
		}
		if ct.Channel != contact.ChannelChat || ct.State != contact.Talking || ct.Danger || ct.Grave || asked > 0 {
			return nil, fault.New(fault.Conflict, "fault.visit.not_live")
		}
		x.ContactID, x.Consent, x.ConsentAt = contactID, Asked, store.Millis(v.now())
		return map[string]string{"contact": contactID}, nil
	})
}

// Answer takes the person's answer, from her own page or, said in words, by her counsellor. Yes begins the visit, from the next message
// on. No ends it, whenever it comes: she may take a yes back.
func (v *Visits) Answer(ctx context.Context, contactID string, yes bool, by audit.Actor) error {
	x, ok, err := v.Of(ctx, contactID)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Gone, "fault.visit.over")
	}
	return v.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := v.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		if by.Kind == audit.Staff && ct.CounsellorID != by.ID {
			return fault.New(fault.Forbidden, "fault.contact.not_yours")
		}
		if !yes {
			return v.actWithin(ctx, tx, x.ID, End, "refused", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
				x.EndedWhy = WhyRefused
				if x.Consent == Yes {
					x.EndedWhy = WhyWithdrawn
				}
				x.Consent, x.ConsentAt, x.ConsentBy, x.EndedAt = No, store.Millis(v.now()), by.Kind, store.Millis(v.now())
				return map[string]string{"why": x.EndedWhy}, nil
			})
		}
		return v.actWithin(ctx, tx, x.ID, Follow, "consent", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
			if x.Consent != Asked {
				return nil, fault.New(fault.Conflict, "fault.visit.move")
			}
			if ct.Danger || ct.State != contact.Talking {
				return nil, fault.New(fault.Conflict, "fault.visit.not_live")
			}
			last, err := store.One(ctx, tx, scanInt, `SELECT COALESCE(max(seq), 0) FROM message WHERE contact_id = $1`, contactID)
			if err != nil {
				return nil, err
			}
			x.Consent, x.ConsentAt, x.ConsentBy, x.FromSeq, x.BeganAt = Yes, store.Millis(v.now()), by.Kind, last, store.Millis(v.now())
			return map[string]string{"contact": contactID}, nil
		})
	})
}

// Of returns the visit for which a contact's person was asked, or who reads along; ok is false when there is none.
func (v *Visits) Of(ctx context.Context, contactID string) (x Visit, ok bool, err error) {
	x, err = store.One(ctx, v.db, scanVisit, selectVisit+` WHERE contact_id = $1 AND contact_id <> '' AND state IN ('signed', 'following')`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return x, false, nil
	}
	if err != nil {
		return x, false, err
	}
	x, err = v.opened(ctx, x)
	return x, err == nil, err
}

// Release shows one message to the guest, masked, with the words of also (mask.Part.N) taken away besides. It returns fault.Conflict
// "fault.visit.not_live" when nothing may be shown any more, fault.Invalid "fault.visit.message" for one that was written before the
// person agreed, or is none.
func (v *Visits) Release(ctx context.Context, id string, seq int64, also []int, session string, by audit.Actor) error {
	return v.act(ctx, id, "", "release", by, func(tx *store.Tx, x *Visit) (map[string]string, error) {
		if err := x.AtHost(by.ID, session); err != nil {
			return nil, err
		}
		if x.State != Following || x.ContactID == "" || x.Consent != Yes {
			return nil, fault.New(fault.Conflict, "fault.visit.not_live")
		}
		ct, err := v.contacts.GetWithin(ctx, tx, x.ContactID)
		if err != nil {
			return nil, err
		}
		if ct.Danger || ct.State != contact.Talking && ct.State != contact.Parked {
			return nil, fault.New(fault.Conflict, "fault.visit.not_live")
		}
		there, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM message WHERE contact_id = $1 AND seq = $2`, x.ContactID, seq)
		if err != nil {
			return nil, err
		}
		if there == 0 || seq <= x.FromSeq {
			return nil, fault.New(fault.Invalid, "fault.visit.message")
		}
		n, err := tx.Exec(ctx, `INSERT INTO visit_release (visit_id, seq, also, released_at) VALUES ($1, $2, $3, $4) ON CONFLICT (visit_id, seq) DO NOTHING`, id, seq, joined(also), store.Millis(v.now()))
		if err != nil {
			return nil, err
		}
		x.Released += n
		return map[string]string{"released": strconv.FormatInt(x.Released, 10)}, nil
	})
}

func joined(numbers []int) string {
	slices.Sort(numbers)
	var all []string
	for _, n := range slices.Compact(numbers) {
		all = append(all, strconv.Itoa(n))
	}
	return strings.Join(all, " ")
}

// Releases are the messages that the guest may read now, in order.
func (v *Visits) Releases(ctx context.Context, id string) ([]Release, error) {
	return store.All(ctx, v.db, func(r store.Row) (Release, error) {
		var x Release
		var also string
		err := r.Scan(&x.Seq, &also)
		for f := range strings.FieldsSeq(also) {
			n, _ := strconv.Atoi(f)
			x.Also = append(x.Also, n)
		}
		return x, err
	}, `SELECT seq, also FROM visit_release WHERE visit_id = $1 ORDER BY seq`, id)
}

// CutNow covers the guest's screen. Any supervisor may, from any machine.
func (v *Visits) CutNow(ctx context.Context, id string, by audit.Actor) error {
	return v.act(ctx, id, Stop, "cut", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
		x.EndedWhy = WhyCut
		return map[string]string{"released": strconv.FormatInt(x.Released, 10)}, nil
	})
}

// EndBy ends a visit.
func (v *Visits) EndBy(ctx context.Context, id string, by audit.Actor) error {
	return v.act(ctx, id, End, "end", by, func(_ *store.Tx, x *Visit) (map[string]string, error) {
		x.EndedAt = store.Millis(v.now())
		if x.EndedWhy == "" {
			x.EndedWhy = WhyDone
		}
		return map[string]string{"why": x.EndedWhy, "released": strconv.FormatInt(x.Released, 10)}, nil
	})
}

// endLive ends the visit of a contact within the transaction of what ends it.
func (v *Visits) endLive(ctx context.Context, tx *store.Tx, contactID, why string) error {
	ids, err := store.All(ctx, tx, func(r store.Row) (id string, err error) { return id, r.Scan(&id) },
		`SELECT id FROM visit WHERE contact_id = $1 AND contact_id <> '' AND state IN ('signed', 'following')`, contactID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := v.actWithin(ctx, tx, id, End, "end", contact.SystemActor, func(_ *store.Tx, x *Visit) (map[string]string, error) {
			x.EndedWhy, x.EndedAt = why, store.Millis(v.now())
			return map[string]string{"why": why, "released": strconv.FormatInt(x.Released, 10)}, nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

// Kept is how long it is known who visited, and what she signed; afterwards the visit stays, without her.
const Kept = 365 * 24 * time.Hour

// Forget erases visits that were planned for a day longer than Kept ago. The audit keeps that they were.
func (v *Visits) Forget(ctx context.Context) error {
	old, err := store.All(ctx, v.db, func(r store.Row) (x Visit, err error) { return x, r.Scan(&x.ID, &x.keyID) },
		`SELECT id, key_id FROM visit WHERE planned_at < $1 AND state IN ('cut', 'ended', 'planned') LIMIT 500`, store.Millis(v.now().Add(-Kept)))
	for _, x := range old {
		err = errors.Join(err, v.db.Tx(ctx, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM visit WHERE id = $1`, x.ID)
			if err != nil || n == 0 {
				return err
			}
			if err := v.keys.Drop(ctx, tx, x.keyID); err != nil {
				return err
			}
			return v.log.Record(ctx, tx, audit.Entry{Actor: audit.Actor{Kind: audit.System, ID: "visit"}, Act: "visit.erase", Object: "visit", ObjectID: x.ID})
		}))
	}
	_, orphans := v.keys.SweepOrphans(ctx, KeyOfVisit, OwnersOfKeys)
	return errors.Join(err, orphans)
}
