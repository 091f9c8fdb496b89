package casefile

import (
	"context"

	"vigie/internal/store"
)

// What the rules of keeping look at: id, when the duration begins, and a name for people. A file that is open is erased by no rule;
// whatever other state it is in, its duration counts from the last contact.
const (
	KeptFiles    = `SELECT id, CASE WHEN contact_at > 0 THEN contact_at ELSE state_since END AS since, reference AS name FROM case_file WHERE state NOT IN ('open', 'merged')`
	KeptContacts = `SELECT id, CASE WHEN closed_at > 0 THEN closed_at ELSE state_since END AS since, '' AS name FROM contact WHERE state = 'closed' AND NOT EXISTS (SELECT 1 FROM case_contact x WHERE x.contact_id = contact.id)`
)

// What a legal hold keeps, as queries of ids: files, and the contacts in them.
const (
	HeldFiles    = `SELECT file_id FROM case_hold WHERE lifted_at = 0`
	HeldContacts = `SELECT contact_id FROM case_contact WHERE file_id IN (` + HeldFiles + `)`
)

// FilesOf are the files of the contacts that a query finds.
func FilesOf(contacts string) string {
	return `SELECT file_id FROM case_contact WHERE contact_id IN (` + contacts + `)`
}

// OfPerson returns the files that the contacts of a person belong to, each once; alone says that no contact of anybody else does.
func (f *Files) OfPerson(ctx context.Context, personID string) (files []File, alone map[string]bool, err error) {
	files, err = store.All(ctx, f.db, scanFile, selectFile+` WHERE id IN (SELECT x.file_id FROM case_contact x JOIN contact c ON c.id = x.contact_id WHERE c.person_id = $1) ORDER BY id`, personID)
	if err != nil {
		return nil, nil, err
	}
	shared, err := store.All(ctx, f.db, scanText, `SELECT x.file_id FROM case_contact x JOIN contact c ON c.id = x.contact_id WHERE c.person_id <> $1
		AND x.file_id IN (SELECT y.file_id FROM case_contact y JOIN contact d ON d.id = y.contact_id WHERE d.person_id = $1)`, personID)
	alone = map[string]bool{}
	for _, file := range files {
		alone[file.ID] = true
	}
	for _, id := range shared {
		alone[id] = false
	}
	return files, alone, err
}
