// Package listening is the double écoute: a supervisor listens to a call, or reads a conversation along, to keep
// whoever called safe and to make whoever answers better.
//
// Nothing of it is secret from those who answer. A purpose is asked, and except for safety a period has to run of which
// the staff were told before (CNIL, "L'écoute et l'enregistrement des appels": employees are informed individually
// beforehand). The counsellor reads on her screen who listens, why and since when. A time limit runs. The caller's key
// and a child's press refuse it, and end what runs at once, except where she is in danger and it is for her safety.
// Each beginning, change and end is a row of the log in its own transaction, and a row here, which those entitled read
// beside the contact.
//
// The sound itself is the room phone's; this room says who may have it. The row comes first and the sound after it, so
// that no ear is ever let into a call of which the record does not know; a row whose page or line is gone is ended by the sweep.
package listening

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/phone"
	"vigie/internal/routing"
	"vigie/internal/store"
)

// Purpose is why somebody listens.
type Purpose string

// The purposes.
const (
	Safety   Purpose = "safety"   // somebody may be in danger, or the counsellor needs help now
	Training Purpose = "training" // to teach
	Quality  Purpose = "quality"  // to see how well we answer
	Visit    Purpose = "visit"    // a guest of the house is beside the supervisor
)

// Purposes lists them in the order in which a form asks.
var Purposes = []Purpose{Safety, Training, Quality, Visit}

// Mode is how she is there.
type Mode string

// The modes.
const (
	// Invited is a colleague whom somebody who listens has asked to listen beside her.
	Invited Mode = "invited"
	// Listener hears or reads, and nobody hears her.
	Listener Mode = phone.Listening
	// Whisperer is heard, or read, by the counsellor alone.
	Whisperer Mode = phone.Whispering
	// Joined talks, or writes, with both, under her name.
	Joined Mode = phone.Joining
)

// Modes are those that she may choose.
var Modes = []Mode{Listener, Whisperer, Joined}

// Why a listening ended.
const (
	ByHer      = "stopped"    // by who listened
	ByRefusal  = "refused"    // by the caller or the child
	ByTime     = "time"       // the limit came
	ByTakeOver = "took_over"  // she has the contact herself now
	ByOver     = "over"       // the conversation is over
	ByMove     = "moved"      // it is another counsellor's, or waits again
	ByLine     = "line"       // her page, or her line, is gone
	ByHost     = "host_ended" // the one beside whom she listened has stopped
	ByFailure  = "failed"     // the sound never came
)

const (
	// Limit is how long somebody listens before she is asked whether she goes on.
	Limit = 20 * time.Minute
	// WarnBefore is how long before its end the renewal is offered.
	WarnBefore = 2 * time.Minute
	// lease is for how long a page may say nothing before the listening ends.
	lease = 75 * time.Second
	// sweepEvery is how often what is over is looked for.
	sweepEvery = 2 * time.Second
)

// Listening is one.
type Listening struct {
	ID, ContactID, Channel string
	// StaffID listens, CounsellorID is listened to; BesideID is the listening of the colleague who invited her, "" for one of
	// her own.
	StaffID, CounsellorID, BesideID string
	Purpose                         Purpose
	Mode                            Mode
	// BeganAt, Until and EndedAt are Unix milliseconds; EndedAt is 0 while it runs.
	BeganAt, Until, EndedAt int64
	// Why it ended, "" while it runs.
	Why string
}

// Open says that it runs.
func (l Listening) Open() bool { return l.EndedAt == 0 }

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Audit    *audit.Log
	Contacts *contact.Contacts
	Chats    *chat.Chats
	Router   *routing.Router
	Phone    *phone.Phone
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Room is safe for concurrent use.
type Room struct {
	db       *store.DB
	audit    *audit.Log
	contacts *contact.Contacts
	chats    *chat.Chats
	router   *routing.Router
	phone    *phone.Phone
	now      func() time.Time
}

// New opens the room.
func New(o Options) *Room {
	r := &Room{db: o.DB, audit: o.Audit, contacts: o.Contacts, chats: o.Chats, router: o.Router, phone: o.Phone, now: o.Now}
	if r.now == nil {
		r.now = time.Now
	}
	r.contacts.OnMove(r.moved)
	r.phone.OnUnheard(r.unheard)
	return r
}

// Wish is a listening that somebody asks for.
type Wish struct {
	// ID is made by whoever asks (UUIDv7): asked twice it begins once.
	ID, StaffID, ContactID string
	Purpose                Purpose
	Mode                   Mode
	// Tutor says that she is the tutor of whoever has the contact, who knows it: to teach her, no period is needed.
	Tutor bool
}

// Begin begins to listen. Whoever calls it has checked the right and that she does not know the person. Of a call the
// sound comes with Attach. It returns fault.Invalid "fault.listening.purpose" or "fault.listening.mode",
// fault.Conflict "fault.listening.nobody_talks" where there is nothing to listen to, "fault.listening.own" for her own
// conversation, "fault.listening.one_call" where she listens to another call; fault.Forbidden
// "fault.listening.no_period" where the staff were not told, and "fault.listening.refused" where whoever called or wrote
// refused it.
func (r *Room) Begin(ctx context.Context, w Wish) (Listening, error) {
	if !slices.Contains(Purposes, w.Purpose) {
		return Listening{}, fault.New(fault.Invalid, "fault.listening.purpose")
	}
	if !slices.Contains(Modes, w.Mode) {
		return Listening{}, fault.New(fault.Invalid, "fault.listening.mode")
	}
	ct, err := r.contacts.Get(ctx, w.ContactID)
	if err != nil {
		return Listening{}, err
	}
	refused, err := r.Refused(ctx, ct)
	if err != nil {
		return Listening{}, err
	}
	var l Listening
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if known, err := store.All(ctx, tx, scan, selectListening+` WHERE contact_id = $1 AND staff_id = $2 AND ended_at = 0`, w.ContactID, w.StaffID); err != nil {
			return err
		} else if len(known) > 0 {
			l = known[0]
			return nil // two tabs, or the same press twice
		}
		ct, err := r.contacts.GetWithin(ctx, tx, w.ContactID)
		if err != nil {
			return err
		}
		if err := r.may(ctx, tx, w, ct, refused); err != nil {
			return err
		}
		now := store.Millis(r.now())
		l = Listening{ID: w.ID, ContactID: ct.ID, Channel: ct.Channel, StaffID: w.StaffID, CounsellorID: ct.CounsellorID, Purpose: w.Purpose, Mode: w.Mode,
			BeganAt: now, Until: now + Limit.Milliseconds()}
		return r.insert(ctx, tx, staffActor(l.StaffID), "listening.begin", l)
	})
	if store.IsConflict(err) {
		return l, fault.New(fault.Conflict, "fault.listening.one_call")
	}
	return l, err
}

func (r *Room) may(ctx context.Context, tx *store.Tx, w Wish, ct contact.Contact, refused bool) error {
	switch {
	case ct.State != contact.Talking && ct.State != contact.Parked || ct.CounsellorID == "", ct.Channel != contact.ChannelChat && ct.Channel != contact.ChannelPhone:
		return fault.New(fault.Conflict, "fault.listening.nobody_talks")
	case ct.CounsellorID == w.StaffID:
		return fault.New(fault.Conflict, "fault.listening.own")
	case refused && (w.Purpose != Safety || !ct.Danger):
		return fault.New(fault.Forbidden, "fault.listening.refused")
	}
	if w.Purpose == Safety || w.Tutor && w.Purpose == Training {
		return nil
	}
	told, err := inPeriod(ctx, tx, store.Millis(r.now()))
	if err == nil && !told {
		return fault.New(fault.Forbidden, "fault.listening.no_period")
	}
	return err
}

// insert writes a new one with its row of the log, and tells who has to know.
func (r *Room) insert(ctx context.Context, tx *store.Tx, by audit.Actor, act string, l Listening) error {
	if _, err := tx.Exec(ctx, insertListening, l.ID, l.ContactID, l.Channel, l.StaffID, l.CounsellorID, string(l.Purpose), string(l.Mode), l.BesideID, l.BeganAt, l.Until); err != nil {
		return err
	}
	if err := r.enter(ctx, tx, l); err != nil {
		return err
	}
	tx.AfterCommit(func() { r.tell(l) })
	return r.record(ctx, tx, by, act, l, nil)
}

// record writes an act into the log.
func (r *Room) record(ctx context.Context, tx *store.Tx, by audit.Actor, act string, l Listening, detail map[string]string) error {
	all := map[string]string{"listening": l.ID, "mode": string(l.Mode), "staff": l.StaffID, "counsellor": l.CounsellorID}
	for k, v := range detail {
		all[k] = v
	}
	return r.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "contact", ObjectID: l.ContactID, Purpose: string(l.Purpose), Detail: all})
}

// tell has the screens of both drawn again.
func (r *Room) tell(l Listening) {
	r.router.TellListening(l.CounsellorID, l.ContactID)
	r.router.TellListening(l.StaffID, l.ContactID)
}

// enter lets her write along where she joins a chat, and out where she does not any more.
func (r *Room) enter(ctx context.Context, tx *store.Tx, l Listening) error {
	if l.Channel != contact.ChannelChat {
		return nil
	}
	return r.chats.LetIn(ctx, tx, l.ContactID, l.StaffID, l.Open() && l.Mode == Joined)
}

// SetMode changes how she is there. For a call the sound follows at once. It returns fault.Gone "fault.listening.over" for one
// that is over, and fault.Forbidden "fault.listening.beside" for a colleague who listens beside somebody: she only listens.
func (r *Room) SetMode(ctx context.Context, staffID, id string, mode Mode) (Listening, error) {
	if !slices.Contains(Modes, mode) {
		return Listening{}, fault.New(fault.Invalid, "fault.listening.mode")
	}
	l, err := r.change(ctx, staffID, id, func(ctx context.Context, tx *store.Tx, l Listening) (Listening, error) {
		if l.BesideID != "" && mode != Listener {
			return l, fault.New(fault.Forbidden, "fault.listening.beside")
		}
		if l.Mode == mode {
			return l, nil
		}
		before := l.Mode
		l.Mode = mode
		if _, err := tx.Exec(ctx, `UPDATE listening SET mode = $2 WHERE id = $1`, l.ID, string(mode)); err != nil {
			return l, err
		}
		if err := r.enter(ctx, tx, l); err != nil {
			return l, err
		}
		act := "listening.mode"
		if before == Invited {
			act = "listening.begin"
		}
		return l, r.record(ctx, tx, staffActor(staffID), act, l, map[string]string{"from": string(before)})
	})
	if err != nil || l.Channel != contact.ChannelPhone {
		return l, err
	}
	err = r.phone.Listen(ctx, l.StaffID, l.ContactID, "", string(mode), l.Purpose == Safety)
	if fault.Is(err, fault.Gone) { // no browser of hers is in it yet: it comes in as what the row says
		err = nil
	}
	return l, err
}

// Renew gives her the time anew.
func (r *Room) Renew(ctx context.Context, staffID, id string) (Listening, error) {
	return r.change(ctx, staffID, id, func(ctx context.Context, tx *store.Tx, l Listening) (Listening, error) {
		l.Until = store.Millis(r.now()) + Limit.Milliseconds()
		if _, err := tx.Exec(ctx, `UPDATE listening SET until_at = $2 WHERE (id = $1 OR beside_id = $1) AND ended_at = 0`, l.ID, l.Until); err != nil {
			return l, err
		}
		return l, r.record(ctx, tx, staffActor(staffID), "listening.renew", l, nil)
	})
}

// change does something with an open listening of hers.
func (r *Room) change(ctx context.Context, staffID, id string, do func(context.Context, *store.Tx, Listening) (Listening, error)) (Listening, error) {
	var l Listening
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		have, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if have.StaffID != staffID {
			return fault.New(fault.NotFound, "fault.listening.unknown")
		}
		if !have.Open() {
			return fault.New(fault.Gone, "fault.listening.over")
		}
		if l, err = do(ctx, tx, have); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(l) })
		return nil
	})
	return l, err
}

// Attach brings the browser with which she listens into the call. It returns the faults of phone.Listen.
func (r *Room) Attach(ctx context.Context, staffID, contactID, peerID string) error {
	l, ok, err := r.Of(ctx, staffID, contactID)
	if err != nil {
		return err
	}
	if !ok || l.Mode == Invited {
		return fault.New(fault.Gone, "fault.listening.over")
	}
	err = r.phone.Listen(ctx, staffID, contactID, peerID, string(l.Mode), l.Purpose == Safety)
	if fault.Is(err, fault.Forbidden) {
		return errors.Join(err, r.end(ctx, staffActor(staffID), l.ID, ByRefusal))
	}
	if err != nil {
		return err
	}
	// What ended meanwhile is out again.
	if now, ok, err := r.Of(ctx, staffID, contactID); err != nil || !ok || now.ID != l.ID {
		return errors.Join(err, r.phone.Listen(ctx, staffID, contactID, "", "", false))
	}
	return nil
}

// Invite has a colleague listen beside her: a trainee, another supervisor. The colleague is asked on her screen, hears or
// reads what the host hears or reads, and is gone when the host is. It returns fault.Conflict "fault.listening.invited" for one
// who is there already or listens elsewhere.
func (r *Room) Invite(ctx context.Context, staffID, id, newID, colleagueID string) (Listening, error) {
	var guest Listening
	_, err := r.change(ctx, staffID, id, func(ctx context.Context, tx *store.Tx, l Listening) (Listening, error) {
		if colleagueID == staffID || colleagueID == l.CounsellorID || l.BesideID != "" {
			return l, fault.New(fault.Conflict, "fault.listening.invited")
		}
		now := store.Millis(r.now())
		guest = Listening{ID: newID, ContactID: l.ContactID, Channel: l.Channel, StaffID: colleagueID, CounsellorID: l.CounsellorID, BesideID: l.ID, Purpose: l.Purpose,
			Mode: Invited, BeganAt: now, Until: l.Until}
		return l, r.insert(ctx, tx, staffActor(staffID), "listening.invite", guest)
	})
	if store.IsConflict(err) {
		err = fault.New(fault.Conflict, "fault.listening.invited")
	}
	return guest, err
}

// End ends a listening of hers, and of those beside her.
func (r *Room) End(ctx context.Context, staffID, id string) error {
	l, err := store.One(ctx, r.db, scan, selectListening+` WHERE id = $1`, id)
	if err != nil || l.StaffID != staffID {
		return fault.New(fault.NotFound, "fault.listening.unknown")
	}
	return r.end(ctx, staffActor(staffID), id, ByHer)
}

// end ends one, and those beside it; one that is over stays as it is.
func (r *Room) end(ctx context.Context, by audit.Actor, id, why string) error {
	var out []Listening
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		var err error
		out, err = r.endWithin(ctx, tx, by, id, why)
		return err
	})
	if err != nil {
		return err
	}
	r.silence(ctx, out)
	return nil
}

// endWithin writes the end into the record; whose sound is to go is returned.
func (r *Room) endWithin(ctx context.Context, tx *store.Tx, by audit.Actor, id, why string) ([]Listening, error) {
	open, err := store.All(ctx, tx, scan, selectListening+` WHERE (id = $1 OR beside_id = $1) AND ended_at = 0 ORDER BY beside_id`, id)
	if err != nil {
		return nil, err
	}
	for i := range open {
		l := &open[i]
		l.EndedAt, l.Why = max(store.Millis(r.now()), 1), why
		if l.ID != id {
			l.Why = ByHost
		}
		n, err := tx.Exec(ctx, `UPDATE listening SET ended_at = $2, ended_why = $3 WHERE id = $1 AND ended_at = 0`, l.ID, l.EndedAt, l.Why)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		if err := r.enter(ctx, tx, *l); err != nil {
			return nil, err
		}
		if err := r.record(ctx, tx, by, "listening.end", *l, map[string]string{"why": l.Why}); err != nil {
			return nil, err
		}
		ended := *l
		tx.AfterCommit(func() { r.tell(ended) })
	}
	return open, nil
}

// silenceAgain are the waits between tries to take somebody out of a call whose node does not answer.
var silenceAgain = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second}

// silence takes them out of the sound. Where the node of the call does not answer it is tried again, in the background, until it does
// or half a minute is over: a node that is gone for good has lost its calls by then.
func (r *Room) silence(ctx context.Context, all []Listening) {
	ctx = context.WithoutCancel(ctx)
	for _, l := range all {
		if l.Channel == contact.ChannelPhone && !r.silenced(ctx, l) {
			go func() {
				for _, wait := range silenceAgain {
					time.Sleep(wait)
					if r.silenced(ctx, l) {
						return
					}
				}
				slog.Error("a supervisor could not be taken out of a call", "contact", l.ContactID)
			}()
		}
	}
}

// silenced takes one out of the sound, and says whether nothing is left to do: one who has begun to listen anew is to be heard by.
func (r *Room) silenced(ctx context.Context, l Listening) bool {
	if now, ok, err := r.Of(ctx, l.StaffID, l.ContactID); err == nil && ok && now.ID != l.ID {
		return true
	}
	err := r.phone.Listen(ctx, l.StaffID, l.ContactID, "", "", false)
	if err == nil || fault.Is(err, fault.Gone) && !phone.Unheeded(err) {
		return true
	}
	slog.Warn("a supervisor could not be taken out of a call yet", "contact", l.ContactID, "error", err)
	return false
}

// moved ends what is listened to when the conversation is no longer its counsellor's.
func (r *Room) moved(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	ct := m.After
	if ct.State == m.Before.State && ct.CounsellorID == m.Before.CounsellorID {
		return nil
	}
	open, err := store.All(ctx, tx, scan, selectListening+` WHERE contact_id = $1 AND ended_at = 0 AND beside_id = ''`, ct.ID)
	if err != nil {
		return err
	}
	for _, l := range open {
		why := ""
		switch {
		case ct.State != contact.Talking && ct.State != contact.Parked:
			why = ByOver
			if ct.State.Open() {
				why = ByMove
			}
		case ct.CounsellorID == l.StaffID:
			why = ByTakeOver
		case ct.CounsellorID != l.CounsellorID:
			why = ByMove
		}
		if why == "" {
			continue
		}
		if _, err := r.endWithin(ctx, tx, m.By, l.ID, why); err != nil { // the call itself lets go of who listened to another
			return err
		}
	}
	return nil
}

// unheard is told by the phone that somebody was taken out of a call.
func (r *Room) unheard(contactID, staffID, why string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	l, ok, err := r.Of(ctx, staffID, contactID)
	if err == nil && ok {
		switch why {
		case phone.UnheardRefused:
			why = ByRefusal
		case phone.UnheardLine:
			return // she may come back after a reload; her lease ends it otherwise
		case phone.UnheardMoved:
			why = ByMove
		default:
			why = ByOver
		}
		err = r.end(ctx, audit.Actor{Kind: audit.System, ID: "phone"}, l.ID, why)
	}
	if err != nil {
		slog.Error("a listening was not ended", "contact", contactID, "error", err)
	}
}

// Refuse notes that whoever writes wants nobody else to read along, and ends what runs but for her safety. Said twice it is said once.
func (r *Room) Refuse(ctx context.Context, contactID string, by audit.Actor) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		ct, err := r.contacts.GetWithin(ctx, tx, contactID)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO listening_refusal (contact_id, refused_at) VALUES ($1, $2) ON CONFLICT (contact_id) DO NOTHING`, contactID, store.Millis(r.now()))
		if err != nil || n == 0 {
			return err
		}
		open, err := store.All(ctx, tx, scan, selectListening+` WHERE contact_id = $1 AND ended_at = 0 AND beside_id = ''`, contactID)
		if err != nil {
			return err
		}
		for _, l := range open {
			if l.Purpose == Safety && ct.Danger {
				continue
			}
			if _, err := r.endWithin(ctx, tx, by, l.ID, ByRefusal); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { r.router.TellListening(ct.CounsellorID, contactID) })
		return r.audit.Record(ctx, tx, audit.Entry{Actor: by, Act: "listening.refuse", Object: "contact", ObjectID: contactID})
	})
}

// Refused says whether whoever called or wrote refused it: of a call the call itself knows.
func (r *Room) Refused(ctx context.Context, ct contact.Contact) (bool, error) {
	if ct.Channel != contact.ChannelChat {
		v, ok, err := r.phone.View(ctx, ct.ID)
		return ok && v.NoListening, err
	}
	n, err := store.One(ctx, r.db, scanInt, `SELECT count(*) FROM listening_refusal WHERE contact_id = $1`, ct.ID)
	return n > 0, err
}

// Beat says that a page with which she listens is still there.
func (r *Room) Beat(ctx context.Context, staffID string) error {
	_, err := r.db.Exec(ctx, `UPDATE listening SET seen_at = $2 WHERE staff_id = $1 AND ended_at = 0`, staffID, store.Millis(r.now()))
	return err
}

// Run ends what is over, until ctx ends.
func (r *Room) Run(ctx context.Context) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
				slog.Error("listening: what is over was not ended", "error", err)
			}
		}
	}
}

// Sweep ends what has run too long, and what no page of hers shows any more.
func (r *Room) Sweep(ctx context.Context) error {
	now := store.Millis(r.now())
	over, err := store.All(ctx, r.db, scan, selectListening+` WHERE ended_at = 0 AND (until_at <= $1 OR seen_at < $2)`, now, now-lease.Milliseconds())
	if err != nil {
		return err
	}
	for _, l := range over {
		why := ByLine
		if l.Until <= now {
			why = ByTime
		}
		if err := r.end(ctx, audit.Actor{Kind: audit.System, ID: "listening"}, l.ID, why); err != nil {
			return err
		}
	}
	return nil
}

func staffActor(id string) audit.Actor { return audit.Actor{Kind: audit.Staff, ID: id} }
