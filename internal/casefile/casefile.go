// Package casefile is the file of one story: the contacts of every channel that belong to it, the people in it, notes,
// tasks with their times, how the danger was judged, and one timeline. What is done for the child — evidence kept,
// notices sent, a referral — hangs on a file.
//
// A file has a ring of keys. What is written is sealed under its newest; a merge moves the other file's keys into the
// ring and the rows with them, so that nothing is ever encrypted anew, and erasing a file destroys every key of its ring.
//
// Who reads is need-to-know: the file's owner, whoever she or a supervisor let in, whoever has one of its contacts in hand
// now, and the supervisors. Anybody else of the staff may break the glass: she says why, a supervisor is told, and it ends
// by itself. Never somebody who knows a person of it. Each opening is in the log.
//
// Parent and child are separate rooms of one file. That they are together is known to the staff and to nobody else.
package casefile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/spoken"
	"vigie/internal/store"
)

// State is where a file stands.
type State string

// The states of a file.
const (
	Open     State = "open"
	Closed   State = "closed"   // its rights have changed, nothing else: its keys are where they were
	Archived State = "archived" // its keys are on the shelf: a supervisor who says what for opens it, and nobody else
	Merged   State = "merged"   // all of it is in another file, to which its reference leads
)

// The events that move a file.
const (
	EventClose     = "close"
	EventReopen    = "reopen"
	EventArchive   = "archive"
	EventUnarchive = "unarchive"
	EventMerge     = "merge"
)

// moves is the one table of what may happen to a file.
var moves = map[State]map[string]State{
	Open:     {EventClose: Closed, EventMerge: Merged},
	Closed:   {EventReopen: Open, EventArchive: Archived, EventMerge: Merged},
	Archived: {EventUnarchive: Open},
}

// Room is whose contact it is: what was said in one room is not said in another.
type Room string

// The rooms of a file.
const (
	RoomChild  Room = "child"
	RoomParent Room = "parent"
	RoomOther  Room = "other"
)

// Rooms are all of them, in the order a page shows them.
var Rooms = []Room{RoomChild, RoomParent, RoomOther}

// File is the part of a file that is in clear: ids, codes and times (Unix milliseconds, 0 for "not yet").
type File struct {
	ID, KeyID string
	// Reference is what people call it by, among themselves and in letters: "V-7K4M-29". It says nothing of the story.
	Reference string
	State     State
	Rev       int64
	// Topic is a code of the taxonomy, "" when nobody has said it.
	Topic      string
	OwnerID    string
	MergedInto string
	OpenedAt   int64
	OpenedBy   string
	StateSince int64
	ContactAt  int64
	MovedAt    int64
}

// Contact is a contact of a file.
type Contact struct {
	ContactID, FileID string
	Room              Room
	AddedAt           int64
	AddedBy           string
}

// Options are what the room works with.
type Options struct {
	DB       *store.DB
	Keys     *seal.Keeper
	Audit    *audit.Log
	Bus      *bus.Bus
	Contacts *contact.Contacts
	// Catalogue gives the current taxonomy; it is asked each time.
	Catalogue func() *catalogue.Set
	// Jobs archives once a day; nil archives nothing by itself.
	Jobs *jobs.Jobs
	// ArchiveAfter is how long a closed file rests before it is archived; nil is ArchiveAfter. It is asked each time.
	ArchiveAfter func() time.Duration
	// Works says whether somebody still works with files here; nil takes everybody to.
	Works func(ctx context.Context, staffID string) bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what goes wrong in the background; nil is slog.Default.
	Log *slog.Logger
}

// Files is the room. It is safe for concurrent use.
type Files struct {
	db        *store.DB
	keys      *seal.Keeper
	log       *audit.Log
	bus       *bus.Bus
	contacts  *contact.Contacts
	catalogue func() *catalogue.Set
	now       func() time.Time
	slog      *slog.Logger
	onMerge   []func(ctx context.Context, tx *store.Tx, from, into string) error
	onErase   []func(ctx context.Context, fileID string) error

	archives     *jobs.Kind[archiveArgs] // nil where nothing is archived by itself
	archiveAfter func() time.Duration
	works        func(ctx context.Context, staffID string) bool
	busy         []func(ctx context.Context, q store.Querier, fileID string) (bool, error)

	mu    sync.Mutex
	looks map[string]time.Time // who is in which file, on this node
}

// New opens the room.
func New(o Options) *Files {
	f := &Files{db: o.DB, keys: o.Keys, log: o.Audit, bus: o.Bus, contacts: o.Contacts, catalogue: o.Catalogue, now: o.Now, slog: o.Log, looks: map[string]time.Time{}}
	f.archiveAfter, f.works = o.ArchiveAfter, o.Works
	if f.archiveAfter == nil {
		f.archiveAfter = func() time.Duration { return ArchiveAfter }
	}
	if f.works == nil {
		f.works = func(context.Context, string) bool { return true }
	}
	if o.Jobs != nil {
		f.archives = jobs.Register(o.Jobs, "casefile.archive", jobs.Rules{AtOnce: 1, Timeout: 10 * time.Minute}, f.archive)
	}
	if f.now == nil {
		f.now = time.Now
	}
	if f.slog == nil {
		f.slog = slog.Default()
	}
	f.contacts.OnMove(f.contactMoved)
	f.contacts.OnErase(contact.Eraser{May: freeContact})
	return f
}

// OpenFor opens the file of a contact, or returns the one it belongs to already: pressed twice, or by two people, it is
// one file. It returns fault.NotFound when there is no such contact, and fault.Invalid "fault.case.room" for a room that
// does not exist.
func (f *Files) OpenFor(ctx context.Context, contactID string, room Room, by audit.Actor) (File, error) {
	if !slices.Contains(Rooms, room) {
		return File{}, fault.New(fault.Invalid, "fault.case.room")
	}
	if have, ok, err := f.OfContact(ctx, contactID); err != nil || ok {
		return have, err
	}
	ct, err := f.contacts.Get(ctx, contactID)
	if err != nil {
		return File{}, err
	}
	given, err := f.contacts.Form(ctx, contactID)
	if err != nil {
		return File{}, err
	}
	file := File{ID: store.NewID(), State: Open, Rev: 1, Topic: given["category"].Value, OwnerID: by.ID, OpenedBy: by.ID}
	danger := Grid{Answers: map[string]string{}}
	for _, field := range f.Grid() {
		if value := given[field.Code].Value; value != "" {
			danger.Answers[field.Code] = value
		}
	}
	key, err := f.keys.NewKey(ctx, seal.KindFile, file.ID)
	if err != nil {
		return File{}, err
	}
	file.KeyID = key.ID()
	err = f.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(f.now())
		file.OpenedAt, file.StateSince, file.MovedAt, file.ContactAt = now, now, now, ct.OpenedAt
		if err := f.insert(ctx, tx, &file); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, insertCaseContact, contactID, file.ID, string(room), now, by.ID)
		if err != nil {
			return err
		}
		if n == 0 { // somebody else was faster
			return errTaken
		}
		if err := f.event(ctx, tx, file.ID, by, "opened", contactID, string(room)); err != nil {
			return err
		}
		if len(danger.Answers) > 0 { // as it was asked in the conversation
			if err := f.judge(ctx, tx, file.ID, key, store.NewID(), danger, by); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { f.changed(file.ID); f.contactChanged(contactID) })
		return f.record(ctx, tx, by, "case.open", file.ID, map[string]string{"contact": contactID, "room": string(room)})
	})
	if err == nil {
		return file, nil
	}
	err = errors.Join(err, f.keys.Destroy(context.WithoutCancel(ctx), key.ID()))
	if !errors.Is(err, errTaken) {
		return File{}, err
	}
	have, ok, err := f.OfContact(ctx, contactID)
	if err == nil && !ok {
		err = fault.New(fault.Conflict, "fault.case.changed")
	}
	return have, err
}

var errTaken = errors.New("casefile: the contact belongs to a file already")

// insert writes a new file under a reference that is free.
func (f *Files) insert(ctx context.Context, tx *store.Tx, file *File) error {
	const tries = 20
	for range tries {
		file.Reference = newReference()
		n, err := tx.Exec(ctx, insertCaseFile, file.ID, file.KeyID, file.Reference, string(file.State), file.Topic, file.OwnerID, file.OpenedAt, file.OpenedBy, file.ContactAt)
		if err != nil {
			return err
		}
		if n == 1 {
			_, err = tx.Exec(ctx, insertCaseKey, file.KeyID, file.ID, file.OpenedAt)
			return err
		}
	}
	return errors.New("casefile: no reference is free")
}

// newReference returns one of some 34 million, each as likely as any other: "V-7K4M-29".
func newReference() string { return reference(spoken.Code(6)) }

func reference(signs string) string { return "V-" + signs[:4] + "-" + signs[4:] }

// readReference is a reference as it is kept, however it was typed: "v7k4m 29" is "V-7K4M-29"; "" when it is none.
func readReference(typed string) string {
	var signs []byte
	for _, c := range []byte(strings.ToUpper(typed)) {
		switch {
		case strings.IndexByte(spoken.Signs, c) >= 0:
			signs = append(signs, c)
		case c == 'V' && len(signs) == 0, c == '-', c == ' ':
		default:
			return ""
		}
	}
	if len(signs) != 6 {
		return ""
	}
	return reference(string(signs))
}

// Get returns a file. It returns fault.NotFound "fault.case.unknown" when there is none.
func (f *Files) Get(ctx context.Context, id string) (File, error) { return get(ctx, f.db, id) }

func get(ctx context.Context, q store.Querier, id string) (File, error) {
	file, err := store.One(ctx, q, scanFile, selectFile+` WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return File{}, fault.New(fault.NotFound, "fault.case.unknown")
	}
	return file, err
}

// OfContact returns the file that a contact belongs to; ok is false when it belongs to none.
func (f *Files) OfContact(ctx context.Context, contactID string) (file File, ok bool, err error) {
	file, err = store.One(ctx, f.db, scanFile, selectFile+` WHERE id = (SELECT file_id FROM case_contact WHERE contact_id = $1)`, contactID)
	if errors.Is(err, store.ErrNoRow) {
		return File{}, false, nil
	}
	return file, err == nil, err
}

// Contacts returns the contacts of a file, the oldest first.
func (f *Files) Contacts(ctx context.Context, fileID string) ([]Contact, error) {
	return store.All(ctx, f.db, scanCaseContact, selectCaseContacts, fileID)
}

// AddContact puts a contact into a file, in a room of it. It may come from another file. It returns fault.Conflict
// "fault.case.not_open" unless the file is open.
func (f *Files) AddContact(ctx context.Context, fileID, contactID string, room Room, by audit.Actor) error {
	if !slices.Contains(Rooms, room) {
		return fault.New(fault.Invalid, "fault.case.room")
	}
	ct, err := f.contacts.Get(ctx, contactID)
	if err != nil {
		return err
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := f.open(ctx, tx, fileID); err != nil {
			return err
		}
		before, err := store.All(ctx, tx, scanCaseContact, selectCaseContact, contactID)
		if err != nil {
			return err
		}
		now := store.Millis(f.now())
		if len(before) > 0 {
			if before[0].FileID == fileID && before[0].Room == room {
				return nil
			}
			if before[0].FileID != fileID {
				if err := f.event(ctx, tx, before[0].FileID, by, "contact_left", contactID, ""); err != nil {
					return err
				}
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO case_contact (contact_id, file_id, room, added_at, added_by) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (contact_id) DO UPDATE SET file_id = $2, room = $3, added_at = $4, added_by = $5`, contactID, fileID, string(room), now, by.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE case_file SET contact_at = CASE WHEN contact_at < $2 THEN $2 ELSE contact_at END WHERE id = $1`, fileID, ct.OpenedAt); err != nil {
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "contact_added", contactID, string(room)); err != nil {
			return err
		}
		tx.AfterCommit(func() { f.contactChanged(contactID) })
		return f.record(ctx, tx, by, "case.contact", fileID, map[string]string{"contact": contactID, "room": string(room)})
	})
}

// contactMoved keeps a file true to its contacts: a person who is back with her code brings her new contact into the
// file of the one before, and reopens a closed or archived file for whoever answers.
func (f *Files) contactMoved(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	if m.After.State != contact.Talking || m.Before.State == contact.Talking {
		return nil
	}
	have, err := store.All(ctx, tx, scanCaseContact, selectCaseContact, m.After.ID)
	if err != nil {
		return err
	}
	if len(have) == 0 {
		before, err := store.All(ctx, tx, scanCaseContact, selectOfPerson, m.After.PersonID, m.After.ID)
		if err != nil || len(before) == 0 {
			return err
		}
		c := before[0]
		now := store.Millis(f.now())
		if _, err := tx.Exec(ctx, insertCaseContact, m.After.ID, c.FileID, string(c.Room), now, m.By.ID); err != nil {
			return err
		}
		if err := f.event(ctx, tx, c.FileID, m.By, "came_back", m.After.ID, string(c.Room)); err != nil {
			return err
		}
		have = []Contact{c}
	}
	file, err := get(ctx, tx, have[0].FileID)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE case_file SET contact_at = $2 WHERE id = $1`, file.ID, store.Millis(f.now())); err != nil {
		return err
	}
	switch file.State {
	case Closed:
		return f.move(ctx, tx, file, EventReopen, m.By, "came_back")
	case Archived:
		if err := f.unarchive(ctx, tx, file, m.By, "came_back"); err != nil {
			return err
		}
		return f.adopt(ctx, tx, file, m.By)
	}
	return nil
}

// open reads a file that is written to: fault.Conflict "fault.case.not_open" for one that is closed, or in another by now,
// "fault.case.archived" for one that is in the archive.
func (f *Files) open(ctx context.Context, tx *store.Tx, id string) (File, error) {
	file, err := get(ctx, tx, id)
	if err != nil {
		return file, err
	}
	return file, writable(file)
}

func writable(file File) error {
	switch file.State {
	case Open:
		return nil
	case Archived:
		return errArchived()
	}
	return fault.New(fault.Conflict, "fault.case.not_open")
}

// move changes a file's state by the table of moves.
func (f *Files) move(ctx context.Context, tx *store.Tx, file File, ev string, by audit.Actor, code string) error {
	to, ok := moves[file.State][ev]
	if !ok {
		return fault.New(fault.Conflict, "fault.case.changed")
	}
	n, err := tx.Exec(ctx, `UPDATE case_file SET state = $3, state_since = $4, moved_at = $4, rev = rev + 1 WHERE id = $1 AND rev = $2`,
		file.ID, file.Rev, string(to), store.Millis(f.now()))
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "fault.case.changed")
	}
	if err := f.event(ctx, tx, file.ID, by, ev, "", code); err != nil {
		return err
	}
	return f.record(ctx, tx, by, "case."+ev, file.ID, map[string]string{"code": code})
}

// ClosingReasons are why a file is closed.
var ClosingReasons = []string{"solved", "passed_on", "no_answer", "not_ours"}

// Close closes a file: what is in it can be read as before and written no more. It returns fault.Invalid
// "fault.case.closing" without one of ClosingReasons, fault.Conflict "fault.case.tasks_open" while something is to be done.
func (f *Files) Close(ctx context.Context, id, reason string, by audit.Actor) error {
	if !slices.Contains(ClosingReasons, reason) {
		return fault.New(fault.Invalid, "fault.case.closing")
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := f.open(ctx, tx, id)
		if err != nil {
			return err
		}
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM case_task WHERE file_id = $1 AND state = 'open'`, id)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "fault.case.tasks_open", "n", n)
		}
		return f.move(ctx, tx, file, EventClose, by, reason)
	})
}

// Reopen opens a closed file again. An archived one is taken out of the archive by Unarchive: fault.Conflict
// "fault.case.archived".
func (f *Files) Reopen(ctx context.Context, id string, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := get(ctx, tx, id)
		if err == nil && file.State == Archived {
			err = errArchived()
		}
		if err != nil {
			return err
		}
		return f.move(ctx, tx, file, EventReopen, by, "by_hand")
	})
}

// HandOver makes somebody else the owner of a file; who had it may read it on.
func (f *Files) HandOver(ctx context.Context, id, toID string, by audit.Actor) error {
	return f.Write(ctx, id, func(tx *store.Tx, file File, key *seal.Key) error {
		if file.OwnerID == toID {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE case_file SET owner_id = $2, rev = rev + 1 WHERE id = $1`, id, toID); err != nil {
			return err
		}
		if err := f.give(ctx, tx, key, file, file.OwnerID, AsReader, by, 0, ""); err != nil {
			return err
		}
		if err := f.event(ctx, tx, id, by, "handed_over", toID, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.hand_over", id, map[string]string{"to": toID})
	})
}

// SetTopic says what a file is about: a code of the taxonomy. It returns fault.Invalid "fault.case.topic" for another.
func (f *Files) SetTopic(ctx context.Context, id, topic string, by audit.Actor) error {
	if _, ok := f.catalogue().Taxonomy.ByCode(topic); !ok {
		return fault.New(fault.Invalid, "fault.case.topic")
	}
	return f.Write(ctx, id, func(tx *store.Tx, file File, _ *seal.Key) error {
		if file.Topic == topic {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE case_file SET topic = $2, rev = rev + 1 WHERE id = $1`, id, topic); err != nil {
			return err
		}
		return f.event(ctx, tx, id, by, "topic", "", topic)
	})
}

// Write has change write to an open file in its own transaction, under the newest key of its ring: here, and in the rooms
// whose work hangs on a file. change must be repeatable. It returns fault.Conflict "fault.case.not_open" for a file that is closed, "fault.case.archived" for one in the archive.
func (f *Files) Write(ctx context.Context, id string, change func(tx *store.Tx, file File, key *seal.Key) error) error {
	before, err := f.Get(ctx, id)
	if err == nil && before.State == Archived {
		err = errArchived()
	}
	if err != nil {
		return err
	}
	key, err := f.keys.Key(ctx, before.KeyID)
	if err != nil {
		return err
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := f.open(ctx, tx, id)
		if err != nil {
			return err
		}
		return change(tx, file, key)
	})
}

// named refuses what is no id: fault.Invalid "fault.case.id". A page that was not ours made it.
func named(id string) error {
	if !store.IsID(id) {
		return fault.New(fault.Invalid, "fault.case.id")
	}
	return nil
}

// Changed says that a file is to be drawn again, where nothing happened that its timeline would tell.
func (f *Files) Changed(id string) { f.changed(id) }

// changed says on the bus, on case.<id>, that a file is to be drawn again.
func (f *Files) changed(id string) { f.bus.Publish("case."+id, []byte("{}")) }

func (f *Files) contactChanged(id string) { f.bus.Publish("contact."+id+".form", []byte("{}")) }

func (f *Files) record(ctx context.Context, tx *store.Tx, by audit.Actor, act, id string, detail map[string]string) error {
	return f.log.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "case", ObjectID: id, Detail: detail})
}

// InChildsRoom says whether a contact is the child's own in its file.
func (f *Files) InChildsRoom(ctx context.Context, contactID string) (bool, error) {
	n, err := store.One(ctx, f.db, scanInt, `SELECT count(*) FROM case_contact WHERE contact_id = $1 AND room = $2`, contactID, string(RoomChild))
	return n > 0, err
}
