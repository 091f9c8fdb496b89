package casefile

import (
	"context"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// OnMerge has fn called within the transaction in which one file is merged into another, so that the rooms whose rows hang
// on a file move theirs; a fault of fn undoes the merge. fn must be repeatable. Call it while wiring.
func (f *Files) OnMerge(fn func(ctx context.Context, tx *store.Tx, from, into string) error) {
	f.onMerge = append(f.onMerge, fn)
}

// Merge puts all of one file into another: its contacts, people, notes, tasks, and the keys that open them. Nothing is
// encrypted anew. The reference of the first leads to the second from then on. It returns fault.Invalid
// "fault.case.merge_self" for one and the same, fault.Conflict "fault.case.not_open" unless the second is open, and
// fault.Conflict "fault.case.changed" for a first that was merged already, "fault.case.archived" where one is in the archive.
func (f *Files) Merge(ctx context.Context, from, into string, by audit.Actor) error {
	if from == into {
		return fault.New(fault.Invalid, "fault.case.merge_self")
	}
	return f.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := f.open(ctx, tx, into); err != nil {
			return err
		}
		source, err := get(ctx, tx, from)
		if err == nil && source.State == Archived {
			err = errArchived()
		}
		if err != nil {
			return err
		}
		if err := f.move(ctx, tx, source, EventMerge, by, ""); err != nil {
			return err
		}
		now := store.Millis(f.now())
		// Who could read half of the story has no right to the other half: whoever has the second lets her in.
		if _, err := tx.Exec(ctx, `UPDATE case_reader SET until = $2 WHERE file_id = $1 AND (until = 0 OR until > $2)`, from, now); err != nil {
			return err
		}
		for _, table := range [...]string{"case_key", "case_contact", "case_person", "case_note", "case_task", "case_danger", "case_reader", "case_hold"} {
			if _, err := tx.Exec(ctx, `UPDATE `+table+` SET file_id = $2 WHERE file_id = $1`, from, into); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE case_event SET file_id = $2 WHERE file_id = $1 AND kind <> $3`, from, into, EventMerge); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE case_file SET merged_into = $2 WHERE id = $1 OR merged_into = $1`, from, into); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE case_file SET contact_at = $2 WHERE id = $1 AND contact_at < $2`, into, source.ContactAt); err != nil {
			return err
		}
		for _, fn := range f.onMerge {
			if err := fn(ctx, tx, from, into); err != nil {
				return err
			}
		}
		if err := f.event(ctx, tx, into, by, "merged", from, source.Reference); err != nil {
			return err
		}
		tx.AfterCommit(f.tasksChanged)
		return f.record(ctx, tx, by, "case.merged", into, map[string]string{"from": from})
	})
}
