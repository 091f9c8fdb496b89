package casefile

import (
	"context"
	"slices"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// A closed file is archived when nothing of its story has moved for ArchiveAfter: every key of its ring goes on the shelf
// (seal.Keeper.Shelve), who could read it can no more, and a supervisor who wants to look into it says what for. Nothing is
// encrypted anew. Its person who is back with her four words takes it out again for whoever answers her.

// ArchiveAfter is how long after the last contact, and the last change, a closed file is archived, where Options say nothing.
const ArchiveAfter = 90 * 24 * time.Hour

// archiveEvery is how often it is looked for files to be archived, archiveAtOnce how many one try of the job takes.
const (
	archiveEvery  = 24 * time.Hour
	archiveAtOnce = 500
)

// OnArchive has busy asked, within the transaction that would archive a file, whether the room that hangs its work on it still
// has something to do there: a notice that is watched, a referral whose answer is awaited. Call it while wiring.
func (f *Files) OnArchive(busy func(ctx context.Context, q store.Querier, fileID string) (bool, error)) {
	f.busy = append(f.busy, busy)
}

// archiveArgs are none: the job finds what is due.
type archiveArgs struct{}

// Archiving promises that files are archived from now on, once a day, whichever node is alive.
func (f *Files) Archiving(ctx context.Context) error {
	if f.archives == nil {
		return nil
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		return f.archives.Enqueue(ctx, tx, archiveArgs{}, jobs.Unique(jobs.Code("daily")))
	})
}

// archive is the daily job. Cut short anywhere it is begun anew: each file is archived in a transaction of its own.
func (f *Files) archive(ctx context.Context, _ jobs.Job[archiveArgs]) error {
	if _, err := f.ArchiveDue(ctx); err != nil {
		return err
	}
	return jobs.Again(f.now().Add(archiveEvery))
}

// ArchiveDue archives every closed file that is due and at rest, and returns how many.
func (f *Files) ArchiveDue(ctx context.Context) (int, error) {
	before := store.Millis(f.now().Add(-f.archiveAfter()))
	archived := 0
	for after := ""; ; {
		due, err := store.All(ctx, f.db, scanText, `SELECT id FROM case_file WHERE state = 'closed' AND contact_at < $1 AND moved_at < $1 AND id > $2 ORDER BY id LIMIT $3`,
			before, after, archiveAtOnce)
		if err != nil || len(due) == 0 {
			return archived, err
		}
		for _, id := range due {
			did, err := f.archiveOne(ctx, id, before)
			if err != nil {
				return archived, err
			}
			if did {
				archived++
			}
		}
		after = due[len(due)-1]
	}
}

// archiveOne archives a file if it is still due and nothing is to be done for it.
func (f *Files) archiveOne(ctx context.Context, id string, before int64) (did bool, err error) {
	err = f.db.Tx(ctx, func(tx *store.Tx) error {
		did = false
		file, err := get(ctx, tx, id)
		if fault.Is(err, fault.NotFound) { // erased meanwhile
			return nil
		}
		if err != nil || file.State != Closed || file.ContactAt >= before || file.MovedAt >= before {
			return err
		}
		if busy, err := f.atWork(ctx, tx, id); err != nil || busy {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE case_reader SET until = $2 WHERE file_id = $1 AND (until = 0 OR until > $2)`, id, store.Millis(f.now())); err != nil {
			return err
		}
		ring, err := keyIDs(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, key := range ring {
			if err := f.keys.Shelve(ctx, tx, key); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() { f.shelved(ring) })
		did = true
		return f.move(ctx, tx, file, EventArchive, audit.Actor{Kind: audit.System, ID: "archive"}, "")
	})
	if fault.Is(err, fault.Conflict) { // somebody opened it just now
		return false, nil
	}
	return did && err == nil, err
}

// atWork says whether anything of a file is still to be done or to be read by somebody: a task, a conversation that is not
// written up, a broken glass that no supervisor has seen, and whatever the other rooms say.
func (f *Files) atWork(ctx context.Context, q store.Querier, id string) (bool, error) {
	n, err := store.One(ctx, q, scanInt, `SELECT (SELECT count(*) FROM case_task WHERE file_id = $1 AND state = 'open')
		+ (SELECT count(*) FROM case_contact x JOIN contact c ON c.id = x.contact_id WHERE x.file_id = $1 AND c.state <> 'closed')
		+ (SELECT count(*) FROM case_reader WHERE file_id = $1 AND how = 'glass' AND seen_at = 0)`, id)
	if err != nil || n > 0 {
		return n > 0, err
	}
	for _, fn := range f.busy {
		if busy, err := fn(ctx, q, id); err != nil || busy {
			return busy, err
		}
	}
	return false, nil
}

// shelved tells every node to forget keys that went on the shelf.
func (f *Files) shelved(ring []string) {
	for _, key := range ring {
		f.bus.Publish("key."+key, []byte(`{"shelved":true}`))
	}
}

// unarchive takes a file out of the archive, in the transaction of whoever does.
func (f *Files) unarchive(ctx context.Context, tx *store.Tx, file File, by audit.Actor, code string) error {
	ring, err := keyIDs(ctx, tx, file.ID)
	if err != nil {
		return err
	}
	for _, key := range ring {
		if err := f.keys.Unshelve(ctx, tx, key); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE case_archive_look SET until = $2 WHERE file_id = $1 AND until > $2`, file.ID, store.Millis(f.now())); err != nil {
		return err
	}
	return f.move(ctx, tx, file, EventUnarchive, by, code)
}

// adopt gives a file whose owner has left the house, or has no work with files any more, to whoever answers its person. An
// owner who is there stays it: she knows the story, and who answers reads it meanwhile.
func (f *Files) adopt(ctx context.Context, tx *store.Tx, file File, by audit.Actor) error {
	if by.Kind != audit.Staff || file.OwnerID == by.ID || f.works(ctx, file.OwnerID) {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE case_file SET owner_id = $2, rev = rev + 1 WHERE id = $1`, file.ID, by.ID); err != nil {
		return err
	}
	if err := f.event(ctx, tx, file.ID, by, "handed_over", by.ID, ""); err != nil {
		return err
	}
	return f.record(ctx, tx, by, "case.hand_over", file.ID, map[string]string{"to": by.ID})
}

// Unarchive takes a file out of the archive by hand, with a reason, which becomes a note of the file. id is that of the note,
// made by the client. It returns fault.Invalid "fault.case.why" without a reason in words, fault.Conflict "fault.case.changed"
// for a file that is not archived.
func (f *Files) Unarchive(ctx context.Context, fileID, id, why string, by audit.Actor) error {
	why, err := reason(why)
	if err == nil {
		err = named(id)
	}
	if err != nil {
		return err
	}
	before, err := f.Get(ctx, fileID)
	if err != nil {
		return err
	}
	key, err := f.keys.Shelved(ctx, before.KeyID)
	if err != nil {
		return err
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := get(ctx, tx, fileID)
		if err != nil {
			return err
		}
		if file.State != Archived {
			return fault.New(fault.Conflict, "fault.case.changed")
		}
		if err := f.unarchive(ctx, tx, file, by, "by_hand"); err != nil {
			return err
		}
		return f.note(ctx, tx, fileID, id, why, key, by)
	})
}

// ArchivePurposes are what an archived file is looked into for: its person's safety; she is back and asks; her rights (GDPR
// Art. 15 to 21); a demand of the courts; the quality of our work.
var ArchivePurposes = []string{"safety", "back", "rights", "justice", "quality"}

// lookFor is how long somebody may read in an archived file before she says again what for.
const lookFor = 30 * time.Minute

// LookIntoArchive writes who looks into an archived file and for what, into the log and the file's timeline; from then on Archived
// opens it to her, for half an hour. Whoever calls has asked whether she may (May). It returns fault.Invalid
// "fault.case.purpose" for none of ArchivePurposes, fault.Conflict "fault.case.changed" for a file that is not archived.
func (f *Files) LookIntoArchive(ctx context.Context, fileID, purpose string, by audit.Actor) error {
	if !slices.Contains(ArchivePurposes, purpose) {
		return fault.New(fault.Invalid, "fault.case.purpose")
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		file, err := get(ctx, tx, fileID)
		if err != nil {
			return err
		}
		if file.State != Archived {
			return fault.New(fault.Conflict, "fault.case.changed")
		}
		now := f.now()
		if _, err := tx.Exec(ctx, `INSERT INTO case_archive_look (id, file_id, staff_id, purpose, at, until) VALUES ($1, $2, $3, $4, $5, $6)`,
			store.NewID(), fileID, by.ID, purpose, store.Millis(now), store.Millis(now.Add(lookFor))); err != nil {
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "archive_look", "", purpose); err != nil {
			return err
		}
		return f.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "case.archive_look", Object: "case", ObjectID: fileID, Purpose: purpose})
	})
}

// InArchive returns a context that opens an archived file: every room reads of it what is sealed under its ring, as long as the
// context lives. It returns fault.Forbidden "fault.case.look_first" unless she said what for (LookIntoArchive), less than half
// an hour ago.
func (f *Files) InArchive(ctx context.Context, fileID, staffID string) (context.Context, error) {
	n, err := store.One(ctx, f.db, scanInt, `SELECT count(*) FROM case_archive_look WHERE file_id = $1 AND staff_id = $2 AND until > $3`, fileID, staffID, store.Millis(f.now()))
	if err != nil {
		return ctx, err
	}
	if n == 0 {
		return ctx, fault.New(fault.Forbidden, "fault.case.look_first")
	}
	ids, err := keyIDs(ctx, f.db, fileID)
	if err != nil {
		return ctx, err
	}
	ring := make([]*seal.Key, 0, len(ids))
	for _, id := range ids {
		key, err := f.keys.Shelved(ctx, id)
		if err != nil {
			return ctx, err
		}
		ring = append(ring, key)
	}
	return seal.Lend(ctx, ring...), nil
}

// Unarchived returns the files that were taken out of the archive since a time, the newest first: for the supervisors.
func (f *Files) Unarchived(ctx context.Context, since time.Time) ([]Event, error) {
	return store.All(ctx, f.db, scanEvent, `SELECT id, file_id, at, actor_kind, actor_id, kind, ref, code FROM case_event WHERE kind = $1 AND at >= $2 ORDER BY at DESC, id DESC LIMIT 50`,
		EventUnarchive, store.Millis(since))
}

// errArchived says that a file has to be taken out of the archive first.
func errArchived() error { return fault.New(fault.Conflict, "fault.case.archived") }

// errAsk says that an archived file is for the supervisors.
func errAsk() error { return fault.New(fault.Forbidden, "fault.case.ask_supervisor") }

// reason is what somebody writes who has to say why, in words.
func reason(why string) (string, error) {
	why, err := written(why, maxRemark)
	if err != nil || len([]rune(why)) < 10 {
		return "", fault.New(fault.Invalid, "fault.case.why")
	}
	return why, nil
}
