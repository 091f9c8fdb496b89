package casefile

import (
	"context"
	"errors"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// OnErase has before called when a file is erased, before its rows and keys go: it removes what is not in SQL, must be
// repeatable, and may refuse. Call it while wiring.
func (f *Files) OnErase(before func(ctx context.Context, fileID string) error) {
	f.onErase = append(f.onErase, before)
}

// Erase destroys a file: every key of its ring, its rows, and the references that led to it. Its contacts stay, each with a
// key of its own. One row of the log stays, with ids only. It returns fault.Conflict "fault.case.held" while a hold keeps it; a
// file that is gone already is erased. Cut short, it is run again.
func (f *Files) Erase(ctx context.Context, id string, by audit.Actor, purpose string) error {
	return f.erase(ctx, id, false, by, purpose, func(context.Context, *store.Tx) error { return nil })
}

// EraseAll is Erase with all contacts of the file, in one transaction, and with a row of the caller's: a fault of within undoes
// it. It returns besides the faults of contact.Erase, and fault.Conflict "fault.case.changed" when a contact came or went meanwhile.
func (f *Files) EraseAll(ctx context.Context, id string, by audit.Actor, purpose string, within func(context.Context, *store.Tx) error) error {
	return f.erase(ctx, id, true, by, purpose, within)
}

// errGone says that another node was faster.
var errGone = errors.New("casefile: the file is gone")

func (f *Files) erase(ctx context.Context, id string, all bool, by audit.Actor, purpose string, within func(context.Context, *store.Tx) error) error {
	if err := free(ctx, f.db, id); err != nil {
		return err
	}
	contacts, err := f.clear(ctx, id, all)
	if err != nil {
		return err
	}
	var keys []string
	err = f.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := get(ctx, tx, id); fault.Is(err, fault.NotFound) {
			return errGone
		} else if err != nil {
			return err
		}
		if err := free(ctx, tx, id); err != nil {
			return err
		}
		if err := within(ctx, tx); err != nil {
			return err
		}
		if all {
			if err := f.eraseContacts(ctx, tx, id, contacts, by, purpose); err != nil {
				return err
			}
		}
		var err error
		if keys, err = f.eraseRows(ctx, tx, id); err != nil {
			return err
		}
		return f.log.Record(ctx, tx, audit.Entry{Actor: by, Act: "case.erase", Object: "case", ObjectID: id, Purpose: purpose})
	})
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, ct := range contacts {
		keys = append(keys, ct.KeyID)
	}
	for _, key := range keys { // this empties SQLite's logs of what they sealed, at once
		if err := f.keys.Destroy(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// clear removes what is not in SQL of a file, and with all of its contacts too, which it returns.
func (f *Files) clear(ctx context.Context, id string, all bool) (contacts []contact.Contact, err error) {
	if all {
		its, err := f.Contacts(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, x := range its {
			ct, err := f.contacts.Clear(ctx, x.ContactID)
			if err != nil {
				return nil, err
			}
			contacts = append(contacts, ct)
		}
	}
	for _, before := range f.onErase {
		if err := before(ctx, id); err != nil {
			return nil, err
		}
	}
	return contacts, nil
}

// eraseContacts erases the contacts of a file, which are still those that were cleared.
func (f *Files) eraseContacts(ctx context.Context, tx *store.Tx, id string, contacts []contact.Contact, by audit.Actor, purpose string) error {
	now, err := store.All(ctx, tx, scanCaseContact, selectCaseContacts, id)
	if err != nil {
		return err
	}
	for _, x := range now {
		if !slices.ContainsFunc(contacts, func(ct contact.Contact) bool { return ct.ID == x.ContactID }) {
			return fault.New(fault.Conflict, "fault.case.changed")
		}
	}
	for _, ct := range contacts {
		if err := f.contacts.EraseWithin(ctx, tx, ct, by, purpose); err != nil {
			return err
		}
	}
	return nil
}

// eraseRows drops the ring and the rows of a file, and returns the keys.
func (f *Files) eraseRows(ctx context.Context, tx *store.Tx, id string) ([]string, error) {
	ring, err := keyIDs(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	for _, key := range ring {
		if err := f.keys.Drop(ctx, tx, key); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM case_file WHERE id = $1 OR merged_into = $1`, id); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() {
		for _, key := range ring {
			f.bus.Publish("key."+key, []byte(`{"destroyed":true}`)) // every node forgets it
		}
		f.changed(id)
		f.tasksChanged()
	})
	return ring, nil
}
