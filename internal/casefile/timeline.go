package casefile

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/store"
)

// Event is one thing that happened to a file, in ids and codes: a page says it in words.
type Event struct {
	ID, FileID string
	At         int64
	Actor      audit.Actor
	// Kind is what happened ("opened", "note", "notice_sent"), Ref the id of the row it is about, Code a code beside it.
	Kind, Ref, Code string
}

// Happened writes what happened to a file, in the transaction of the act: for the rooms whose work hangs on a file. The
// file is the one that it was merged into, if it was.
func (f *Files) Happened(ctx context.Context, tx *store.Tx, fileID string, by audit.Actor, kind, ref, code string) error {
	return f.event(ctx, tx, fileID, by, kind, ref, code)
}

func (f *Files) event(ctx context.Context, tx *store.Tx, fileID string, by audit.Actor, kind, ref, code string) error {
	now := store.Millis(f.now())
	if _, err := tx.Exec(ctx, `INSERT INTO case_event (id, file_id, at, actor_kind, actor_id, kind, ref, code) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		store.NewID(), fileID, now, by.Kind, by.ID, kind, ref, code); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE case_file SET moved_at = $2 WHERE id = $1`, fileID, now)
	tx.AfterCommit(func() { f.changed(fileID) })
	return err
}

// Timeline returns what happened to a file, the newest first: n at most, before an event ("" for the newest).
func (f *Files) Timeline(ctx context.Context, fileID, before string, n int) ([]Event, error) {
	const events = `SELECT id, file_id, at, actor_kind, actor_id, kind, ref, code FROM case_event WHERE file_id = $1`
	if before == "" {
		return store.All(ctx, f.db, scanEvent, events+` ORDER BY at DESC, id DESC LIMIT $2`, fileID, n)
	}
	return store.All(ctx, f.db, scanEvent, events+` AND (at, id) < (SELECT at, id FROM case_event WHERE id = $3) ORDER BY at DESC, id DESC LIMIT $2`, fileID, n, before)
}

func scanEvent(r store.Row) (e Event, err error) {
	return e, r.Scan(&e.ID, &e.FileID, &e.At, &e.Actor.Kind, &e.Actor.ID, &e.Kind, &e.Ref, &e.Code)
}
