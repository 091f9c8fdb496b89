package keeping

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
)

type personArgs struct{ Person jobs.ID }

// byRequest is the purpose of an erasure that its person asked for.
const byRequest = "request"

// Ask begins the wait of an erasure that a person asked for with her four words, and promises the erasure. Asked again it stays as it
// was.
func (k *Keeping) Ask(ctx context.Context, personID string) (contact.Erasure, error) {
	return k.contacts.AskErasure(ctx, personID, func(tx *store.Tx, due time.Time) error {
		return k.promise(ctx, tx, personID, due)
	})
}

func (k *Keeping) promise(ctx context.Context, tx *store.Tx, personID string, at time.Time) error {
	id := jobs.ID(personID)
	return k.persons.Enqueue(ctx, tx, personArgs{id}, jobs.Unique(id), jobs.At(at))
}

func (k *Keeping) person(ctx context.Context, job jobs.Job[personArgs]) error {
	e, waits, err := k.contacts.Erasing(ctx, string(job.Args.Person))
	if err != nil || !waits {
		return err // she took it back, or nothing is left of her
	}
	if due := store.Time(e.DueAt); due.After(k.now()) { // she took it back and asked again
		return jobs.Again(due)
	}
	left, err := k.ErasePerson(ctx, e.PersonID)
	if err != nil {
		return err
	}
	if left {
		return jobs.Again(k.now().Add(every))
	}
	return nil
}

// overdue promises the erasures whose time has come and whose job is not there: given up, or lost with a restored record.
func (k *Keeping) overdue(ctx context.Context) error {
	all, err := k.contacts.Erasures(ctx)
	if err != nil {
		return err
	}
	return k.db.Tx(ctx, func(tx *store.Tx) error {
		for _, e := range all {
			if err := k.promise(ctx, tx, e.PersonID, store.Time(e.DueAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ErasePerson erases all contacts of a person whose wait is over, her four words with the last of them, and each case file that has no
// contact but hers. left says that something is kept: she is in conversation just now, or by a hold; it is tried again.
//
// A file that somebody else's contacts are in too stays, without hers, for as long as its rule says. A file of hers alone that a running
// notice or referral needs follows when that ends; her words go at once.
func (k *Keeping) ErasePerson(ctx context.Context, personID string) (left bool, err error) {
	files, alone, err := k.files.OfPerson(ctx, personID)
	if err != nil {
		return false, err
	}
	for _, file := range files {
		if !alone[file.ID] {
			continue
		}
		if err := k.eraseHers(ctx, personID, file.ID); err != nil && !waits(err) {
			return false, err
		}
	}
	hers, err := k.contacts.OfPerson(ctx, personID)
	if err != nil {
		return false, err
	}
	for _, ct := range hers {
		if ct.State != contact.Closed {
			left = true
			continue
		}
		err := k.erases(ctx, k.asked(personID, catalogue.KeepContact, ct.ID), func(within func(context.Context, *store.Tx) error) error {
			return k.contacts.EraseBy(ctx, ct.ID, contact.SystemActor, byRequest, within)
		})
		if err != nil && !waits(err) {
			return left, err
		}
		left = left || err != nil && !fault.Is(err, fault.NotFound)
	}
	return left, nil
}

// waits says that something is kept for now, or that another node was faster.
func waits(err error) bool { return fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) }

// eraseHers erases a file that has no contact but one person's, with them; or notes that it is to go when what runs has ended.
func (k *Keeping) eraseHers(ctx context.Context, personID, fileID string) error {
	held, err := k.heldBy(ctx, k.db, catalogue.KeepCase, fileID)
	switch {
	case err != nil:
		return err
	case held == "":
		return k.eraseFile(ctx, fileID, k.asked(personID, catalogue.KeepCase, fileID))
	case slices.Contains(running, held):
		_, err = k.db.Exec(ctx, `INSERT INTO keeping_file (file_id, since) VALUES ($1, $2) ON CONFLICT (file_id) DO NOTHING`, fileID, store.Millis(k.now()))
	}
	return err
}

// eraseFile erases a file with its contacts, if asks says that it may go.
func (k *Keeping) eraseFile(ctx context.Context, fileID string, asks func(context.Context, *store.Tx) error) error {
	return k.erases(ctx, asks, func(within func(context.Context, *store.Tx) error) error {
		return k.files.EraseAll(ctx, fileID, contact.SystemActor, byRequest, within)
	})
}

// noContact holds, within the transaction of an erasure, that a file has no contact but those of one person, "" for none at all.
func noContact(ctx context.Context, tx *store.Tx, fileID, but string) error {
	n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM case_contact x JOIN contact c ON c.id = x.contact_id WHERE x.file_id = $1 AND c.person_id <> $2`, fileID, but)
	if err == nil && n > 0 {
		err = fault.New(fault.Conflict, "fault.case.changed")
	}
	return err
}

// The codes of what runs for a file and ends by itself: it keeps the file and not what she told us.
const (
	HeldWatch    = "watch"    // a notice to a platform
	HeldReferral = "referral" // something handed on
)

var running = []string{HeldWatch, HeldReferral}

// of are the contacts that go with a thing of a rule, whose id is $2.
var of = map[string]string{
	catalogue.KeepContact: `SELECT id FROM contact WHERE id = $2`,
	catalogue.KeepCase:    `SELECT contact_id FROM case_contact WHERE file_id = $2`,
}

// asked holds, within the transaction of an erasure, that its person has not taken it back, that nothing keeps the thing and that
// nobody else's contact has come into it; and counts her with her last contact.
func (k *Keeping) asked(personID, rule, id string) func(context.Context, *store.Tx) error {
	return func(ctx context.Context, tx *store.Tx) error {
		n, err := store.One(ctx, tx, scanInt, `SELECT count(*) FROM person_erasure WHERE person_id = $1 AND due_at <= $2`, personID, store.Millis(k.now()))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.contact.erasure_back")
		}
		if held, err := k.heldBy(ctx, tx, rule, id); err != nil || held != "" {
			return errors.Join(err, fault.New(fault.Conflict, "fault.contact.held"))
		}
		if rule == catalogue.KeepCase {
			if err := noContact(ctx, tx, id, personID); err != nil {
				return err
			}
		}
		if n, err = store.One(ctx, tx, scanInt, `SELECT count(*) FROM contact WHERE person_id = $1 AND id NOT IN (`+of[rule]+`)`, personID, id); err != nil || n > 0 {
			return err
		}
		return k.count(ctx, tx, ByPerson)
	}
}

// leftFiles erases the files of people who are gone, once nothing that runs needs them; one that somebody else's contact has come
// into meanwhile stays by its rule.
func (k *Keeping) leftFiles(ctx context.Context) error {
	if _, err := k.db.Exec(ctx, `DELETE FROM keeping_file WHERE file_id IN (SELECT x.file_id FROM case_contact x JOIN contact c ON c.id = x.contact_id
		WHERE NOT EXISTS (SELECT 1 FROM person_erasure e WHERE e.person_id = c.person_id))`); err != nil {
		return err
	}
	ids, err := store.All(ctx, k.db, scanText, `SELECT file_id FROM keeping_file WHERE NOT EXISTS (SELECT 1 FROM case_contact x WHERE x.file_id = keeping_file.file_id) ORDER BY since`)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := k.eraseFile(ctx, id, func(ctx context.Context, tx *store.Tx) error {
			if held, err := k.heldBy(ctx, tx, catalogue.KeepCase, id); err != nil || held != "" {
				return errors.Join(err, fault.New(fault.Conflict, "fault.contact.held"))
			}
			return noContact(ctx, tx, id, "")
		})
		if err != nil && !waits(err) {
			return err
		}
	}
	return nil
}

// Stops are the codes of what would keep something of a person's from being erased, for supervisors alone: nobody else learns
// that there is a hold.
func (k *Keeping) Stops(ctx context.Context, personID string) ([]string, error) {
	hers, err := k.contacts.OfPerson(ctx, personID)
	if err != nil {
		return nil, err
	}
	var codes []string
	add := func(rule, id string) error {
		code, err := k.heldBy(ctx, k.db, rule, id)
		if code != "" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		return err
	}
	for _, ct := range hers {
		if err := add(catalogue.KeepContact, ct.ID); err != nil {
			return nil, err
		}
	}
	files, _, err := k.files.OfPerson(ctx, personID)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := add(catalogue.KeepCase, file.ID); err != nil {
			return nil, err
		}
	}
	return codes, nil
}
