package casefile

import (
	"context"
	"errors"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Access is how somebody may read a file.
type Access string

// The ways to it; "" for none.
const (
	AsOwner      Access = "owner"
	AsReader     Access = "given"      // its owner or a supervisor let her in
	AsAnswering  Access = "answering"  // she has one of its contacts in hand now
	AsSupervisor Access = "supervisor" // she may read every file
	ByGlass      Access = "glass"      // she broke the glass, and it has not ended
)

// GlassFor is how long a broken glass opens a file.
const GlassFor = 8 * time.Hour

// Reader is somebody who was let in, or let herself in.
type Reader struct {
	ID, FileID, StaffID string
	How                 Access
	GivenAt             int64
	GivenBy             string
	Until               int64 // 0 for no end
	SeenAt              int64
	SeenBy              string
	Why                 string

	keyID  string
	sealed []byte
}

func whyField(id string) seal.Field {
	return seal.Field{Table: "case_reader", Column: "why_sealed", Row: id, Version: 1}
}

// May says how somebody may read a file, "" when she may not. all says that her role reads every file. Whoever knows a
// person of the file may not, whatever else she is: fault.NotFound "fault.case.unknown", as if there were none. An archived
// file is for a role that reads every file, and for nobody else: neither its owner nor whoever was let in.
func (f *Files) May(ctx context.Context, fileID, staffID string, all bool) (Access, error) {
	file, err := f.Get(ctx, fileID)
	if err != nil {
		return "", err
	}
	barred, err := store.One(ctx, f.db, scanInt, `SELECT count(*) FROM case_contact x JOIN contact c ON c.id = x.contact_id
		JOIN person_barred b ON b.person_id = c.person_id WHERE x.file_id = $1 AND b.staff_id = $2`, fileID, staffID)
	if err != nil {
		return "", err
	}
	if barred > 0 {
		return "", fault.New(fault.NotFound, "fault.case.unknown")
	}
	switch {
	case file.State == Archived && all:
		return AsSupervisor, nil
	case file.State == Archived:
		return "", nil
	case file.OwnerID == staffID:
		return AsOwner, nil
	case all:
		return AsSupervisor, nil
	}
	how, err := store.One(ctx, f.db, scanText, `SELECT how FROM case_reader WHERE file_id = $1 AND staff_id = $2 AND (until = 0 OR until > $3)
		ORDER BY until LIMIT 1`, fileID, staffID, store.Millis(f.now()))
	if err == nil {
		return Access(how), nil
	}
	if !errors.Is(err, store.ErrNoRow) {
		return "", err
	}
	hers, err := store.One(ctx, f.db, scanInt, `SELECT count(*) FROM case_contact x JOIN contact c ON c.id = x.contact_id
		WHERE x.file_id = $1 AND c.counsellor_id = $2 AND c.state IN ('talking', 'parked', 'left', 'wrapup')`, fileID, staffID)
	if err != nil || hers == 0 {
		return "", err
	}
	return AsAnswering, nil
}

// NotBarred appends to a statement that a column of ids names no file of a person whom somebody knows: for lists, what May says of
// one file.
func NotBarred(b *store.Builder, column, staffID string) {
	b.Text(column + ` NOT IN (SELECT x.file_id FROM person_barred k JOIN contact c ON c.person_id = k.person_id JOIN case_contact x ON x.contact_id = c.id
		WHERE k.staff_id = `)
	b.Arg(staffID)
	b.Text(")")
}

// MayRead appends to a statement the condition that somebody may read the file that a column of ids names, as May says of one
// file; all says that her role reads every file. Whom NotBarred keeps out it does not.
func (f *Files) MayRead(b *store.Builder, column, staffID string, all bool) {
	if all {
		b.Text("1 = 1")
		return
	}
	b.Text("(" + column + " IN (SELECT id FROM case_file WHERE owner_id = ")
	b.Arg(staffID)
	b.Text(" UNION SELECT file_id FROM case_reader WHERE staff_id = ")
	b.Arg(staffID)
	b.Text(" AND (until = 0 OR until > ")
	b.Arg(store.Millis(f.now()))
	b.Text(") UNION SELECT x.file_id FROM contact c JOIN case_contact x ON x.contact_id = c.id WHERE c.counsellor_id = ")
	b.Arg(staffID)
	b.Text(" AND c.state IN ('talking', 'parked', 'left', 'wrapup')))")
}

// lookLasts is how long somebody is taken to be in a file that she opened: her page is drawn again and again meanwhile.
const lookLasts = 10 * time.Minute

// Look writes into the log that somebody opens a file, and how she may: once, as long as she is in it.
func (f *Files) Look(ctx context.Context, fileID string, how Access, by audit.Actor) error {
	now, look := f.now(), fileID+" "+by.ID+" "+string(how)
	f.mu.Lock()
	for key, at := range f.looks {
		if now.Sub(at).Abs() > lookLasts {
			delete(f.looks, key)
		}
	}
	_, inside := f.looks[look]
	f.mu.Unlock()
	if inside {
		return nil
	}
	err := f.looked(ctx, fileID, how, by)
	if err == nil {
		f.mu.Lock()
		f.looks[look] = now
		f.mu.Unlock()
	}
	return err
}

func (f *Files) looked(ctx context.Context, fileID string, how Access, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		return f.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "case.look", Object: "case", ObjectID: fileID, Purpose: string(how)})
	})
}

// Let lets somebody read a file from now on. It returns fault.Conflict "fault.case.not_open" for a file that is closed.
func (f *Files) Let(ctx context.Context, fileID, staffID string, by audit.Actor) error {
	return f.Write(ctx, fileID, func(tx *store.Tx, file File, key *seal.Key) error {
		if file.OwnerID == staffID {
			return nil
		}
		if err := f.give(ctx, tx, key, file, staffID, AsReader, by, 0, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.let", fileID, map[string]string{"staff": staffID})
	})
}

// Withdraw ends that somebody may read a file.
func (f *Files) Withdraw(ctx context.Context, fileID, staffID string, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(f.now())
		n, err := tx.Exec(ctx, `UPDATE case_reader SET until = $3 WHERE file_id = $1 AND staff_id = $2 AND (until = 0 OR until > $3)`, fileID, staffID, now)
		if err != nil || n == 0 {
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "reader_out", staffID, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.withdraw", fileID, map[string]string{"staff": staffID})
	})
}

// BreakGlass opens a file for eight hours to somebody who says why. The supervisors see it until one of them has. It
// returns fault.Invalid "fault.case.why" without a reason in words, fault.NotFound for whoever knows a person of it, and
// fault.Forbidden "fault.case.ask_supervisor" for an archived file.
func (f *Files) BreakGlass(ctx context.Context, fileID, why string, by audit.Actor) error {
	why, err := reason(why)
	if err != nil {
		return err
	}
	if how, err := f.May(ctx, fileID, by.ID, false); err != nil || how != "" {
		return err
	}
	file, err := f.Get(ctx, fileID)
	if err != nil {
		return err
	}
	if file.State == Archived {
		return errAsk()
	}
	key, err := f.keys.Key(ctx, file.KeyID)
	if err != nil {
		return err
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		if err := f.give(ctx, tx, key, file, by.ID, ByGlass, by, store.Millis(f.now().Add(GlassFor)), why); err != nil {
			return err
		}
		tx.AfterCommit(f.glassChanged)
		return f.record(ctx, tx, by, "case.glass", fileID, nil)
	})
}

// give writes a reader's row.
func (f *Files) give(ctx context.Context, tx *store.Tx, key *seal.Key, file File, staffID string, how Access, by audit.Actor, until int64, why string) error {
	id, now := store.NewID(), store.Millis(f.now())
	if _, err := tx.Exec(ctx, `INSERT INTO case_reader (id, file_id, key_id, staff_id, how, given_at, given_by, until, why_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		id, file.ID, key.ID(), staffID, string(how), now, by.ID, until, key.SealText(whyField(id), why)); err != nil {
		return err
	}
	kind := "reader_in"
	if how == ByGlass {
		kind = "glass"
	}
	return f.event(ctx, tx, file.ID, by, kind, staffID, "")
}

const selectReader = `SELECT id, file_id, staff_id, how, given_at, given_by, until, seen_at, seen_by, key_id, why_sealed FROM case_reader`

func scanReader(r store.Row) (x Reader, err error) {
	return x, r.Scan(&x.ID, &x.FileID, &x.StaffID, &x.How, &x.GivenAt, &x.GivenBy, &x.Until, &x.SeenAt, &x.SeenBy, &x.keyID, &x.sealed)
}

// Readers returns who may read a file now besides its owner and the supervisors, by name once, the newest first.
func (f *Files) Readers(ctx context.Context, fileID string) ([]Reader, error) {
	return f.readers(ctx, selectReader+` WHERE file_id = $1 AND (until = 0 OR until > $2) ORDER BY given_at DESC, id DESC`, fileID, store.Millis(f.now()))
}

// Broken returns the glasses that were broken and that no supervisor has seen yet, the oldest first.
func (f *Files) Broken(ctx context.Context) ([]Reader, error) {
	return f.readers(ctx, selectReader+` WHERE how = 'glass' AND seen_at = 0 ORDER BY given_at, id LIMIT 100`)
}

// Printed writes that a room of a file was printed, into the log and the timeline.
func (f *Files) Printed(ctx context.Context, fileID string, room Room, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		if err := f.event(ctx, tx, fileID, by, "printed", "", string(room)); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.print", fileID, map[string]string{"room": string(room)})
	})
}

// SeenGlass is a supervisor's word that she has seen why a glass was broken.
func (f *Files) SeenGlass(ctx context.Context, id string, by audit.Actor) error {
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE case_reader SET seen_at = $2, seen_by = $3 WHERE id = $1 AND how = 'glass' AND seen_at = 0`, id, store.Millis(f.now()), by.ID)
		if err != nil || n == 0 {
			return err
		}
		fileID, err := store.One(ctx, tx, scanText, `SELECT file_id FROM case_reader WHERE id = $1`, id)
		if err != nil {
			return err
		}
		tx.AfterCommit(f.glassChanged)
		return f.record(ctx, tx, by, "case.glass_seen", fileID, map[string]string{"reader": id})
	})
}

func (f *Files) glassChanged() { f.bus.Publish("case.glass", []byte("{}")) }

func (f *Files) readers(ctx context.Context, query string, args ...any) ([]Reader, error) {
	all, err := store.All(ctx, f.db, scanReader, query, args...)
	if err != nil {
		return nil, err
	}
	ring := f.ring()
	for i := range all {
		plain, err := ring.open(ctx, all[i].keyID, whyField(all[i].ID), all[i].sealed)
		if err != nil {
			return nil, err
		}
		all[i].Why = string(plain)
	}
	return all, nil
}
