package casefile

import "vigie/internal/store"

const (
	selectFile = `SELECT id, key_id, reference, state, rev, topic, owner_id, merged_into, opened_at, opened_by, state_since, contact_at, moved_at FROM case_file`

	// $1 id, $2 key, $3 reference, $4 state, $5 topic, $6 owner, $7 now, $8 who opens it, $9 when its person came.
	insertCaseFile = `INSERT INTO case_file (id, key_id, reference, state, topic, owner_id, opened_at, opened_by, state_since, contact_at, moved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9, $7) ON CONFLICT (reference) DO NOTHING`

	// $1 key, $2 file, $3 now.
	insertCaseKey = `INSERT INTO case_key (key_id, file_id, made_for, since) VALUES ($1, $2, $2, $3)`

	// $1 contact, $2 file, $3 room, $4 now, $5 who.
	insertCaseContact = `INSERT INTO case_contact (contact_id, file_id, room, added_at, added_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (contact_id) DO NOTHING`

	selectCaseContact  = `SELECT contact_id, file_id, room, added_at, added_by FROM case_contact WHERE contact_id = $1`
	selectCaseContacts = `SELECT contact_id, file_id, room, added_at, added_by FROM case_contact WHERE file_id = $1 ORDER BY added_at, contact_id`

	// The newest contact of a person that belongs to a file, besides one: $1 person, $2 contact.
	selectOfPerson = `SELECT x.contact_id, x.file_id, x.room, x.added_at, x.added_by FROM case_contact x JOIN contact c ON c.id = x.contact_id
		WHERE c.person_id = $1 AND c.id <> $2 ORDER BY c.opened_at DESC LIMIT 1`
)

func scanFile(r store.Row) (f File, err error) {
	return f, r.Scan(&f.ID, &f.KeyID, &f.Reference, &f.State, &f.Rev, &f.Topic, &f.OwnerID, &f.MergedInto, &f.OpenedAt, &f.OpenedBy, &f.StateSince, &f.ContactAt, &f.MovedAt)
}

func scanCaseContact(r store.Row) (c Contact, err error) {
	return c, r.Scan(&c.ContactID, &c.FileID, &c.Room, &c.AddedAt, &c.AddedBy)
}

func scanInt(r store.Row) (n int64, err error) { return n, r.Scan(&n) }

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }
