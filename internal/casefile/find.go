package casefile

import (
	"context"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// A person of a file is found by exactly what is known of her: her account, her number. The account of somebody accused is
// indexed as such and not searched, until the data protection officer has recorded a legal basis: there is no profile of an
// author.
const (
	findHandle = "case_handle"
	findPhone  = "case_phone"
	findAuthor = "case_author"
	findURL    = "case_url"
)

// Mentions has Search find a file by an address that is kept in it, as proof say. It is called in the transaction that keeps it;
// what is no address is not found by.
func (f *Files) Mentions(ctx context.Context, tx *store.Tx, key *seal.Key, fileID, address string) error {
	value := contact.NormalURL(address)
	if value == "" {
		return nil
	}
	return f.keys.Index(ctx, tx, key, fileID, findURL, value)
}

// indexPerson has Find find a file by one of its people, and no longer by what was known of her before.
func (f *Files) indexPerson(ctx context.Context, tx *store.Tx, key *seal.Key, p Person) error {
	handle := findHandle
	if p.Part == Author {
		handle = findAuthor
	}
	values := map[string]string{handle: contact.NormalHandle(p.Content.Handle), findPhone: contact.NormalPhone(p.Content.Phone)}
	for _, kind := range [...]string{findHandle, findPhone, findAuthor} {
		if err := f.keys.Unindex(ctx, tx, key, p.ID, kind); err != nil {
			return err
		}
		if values[kind] == "" {
			continue
		}
		if err := f.keys.Index(ctx, tx, key, p.ID, kind, values[kind]); err != nil {
			return err
		}
	}
	return nil
}

// Filter says which files are looked for. What is zero does not filter.
type Filter struct {
	// Reference, or any exact account, number or address that a person or a contact of a file has; as it was typed.
	Exact string
	State State
	// Topic is a code of the taxonomy.
	Topic string
	// OwnerID is whose files.
	OwnerID string
	// Archived says that archived files are found too: for whoever may read every file.
	Archived bool
	// Readable, when not empty, keeps the files that this member of staff may read without breaking a glass.
	Readable string
	// After continues where a page ended.
	After Cursor
	Limit int // 50 when 0, 200 at most
}

// Cursor is where a page of files ended.
type Cursor struct {
	MovedAt int64
	ID      string
}

// Search returns the files that a filter finds, the newest first, and where to go on (a zero cursor at the end). A file
// that was merged is found as the one it is in. Files of a person whom by knows are not there for her. An exact search is
// in the log, never with what was typed. It returns fault.Invalid "fault.contact.exact" for what is no exact value, and
// fault.Forbidden "fault.case.ask_supervisor" where an exact value leads to nothing but archived files, and she may not find those.
func (f *Files) Search(ctx context.Context, q Filter, by audit.Actor) ([]File, Cursor, error) {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 200)
	var exact []string
	if q.Exact != "" {
		var err error
		if exact, err = f.exactly(ctx, q.Exact, by); err != nil || len(exact) == 0 {
			return nil, Cursor{}, err
		}
	}
	var b store.Builder
	b.Text(selectFile + ` WHERE state <> 'merged'`)
	if !q.Archived && exact == nil {
		b.Text(` AND state <> 'archived'`)
	}
	if exact != nil {
		store.In(&b, " AND id", exact)
	}
	if q.State != "" {
		b.And("state =", string(q.State))
	}
	if q.Topic != "" {
		b.And("topic =", q.Topic)
	}
	if q.OwnerID != "" {
		b.And("owner_id =", q.OwnerID)
	}
	if q.Readable != "" {
		b.And("(owner_id =", q.Readable)
		b.Text(" OR id IN (SELECT file_id FROM case_reader WHERE staff_id = ")
		b.Arg(q.Readable)
		b.Text(" AND (until = 0 OR until > ")
		b.Arg(store.Millis(f.now()))
		b.Text(")))")
	}
	b.And(`NOT EXISTS (SELECT 1 FROM case_contact x JOIN contact c ON c.id = x.contact_id JOIN person_barred k ON k.person_id = c.person_id
		WHERE x.file_id = case_file.id AND k.staff_id =`, by.ID)
	b.Text(")")
	if q.After != (Cursor{}) {
		b.And("(moved_at, id) < (", q.After.MovedAt)
		b.Text(", ")
		b.Arg(q.After.ID)
		b.Text(")")
	}
	b.Text(" ORDER BY moved_at DESC, id DESC LIMIT ")
	b.Arg(q.Limit + 1)
	found, err := store.All(ctx, f.db, scanFile, b.SQL(), b.Args()...)
	if err != nil {
		return nil, Cursor{}, err
	}
	var next Cursor
	if len(found) > q.Limit {
		found = found[:q.Limit]
		last := found[q.Limit-1]
		next = Cursor{MovedAt: last.MovedAt, ID: last.ID}
	}
	if !q.Archived && exact != nil {
		all := len(found)
		found = slices.DeleteFunc(found, func(file File) bool { return file.State == Archived })
		if all > 0 && len(found) == 0 {
			return nil, Cursor{}, errAsk()
		}
	}
	return found, next, nil
}

// maxExact bounds how many files one exact value may bring.
const maxExact = 200

// selectWhere is the id of a file, or of the one that it was merged into.
const selectWhere = `SELECT CASE WHEN merged_into <> '' THEN merged_into ELSE id END FROM case_file WHERE `

// ByReference is the id of the file that people call by a reference, however it was typed; the one it was merged into where it was.
// Whether she who asks may read it is another question (May).
func (f *Files) ByReference(ctx context.Context, typed string) (id string, ok bool, err error) {
	reference := readReference(typed)
	if reference == "" {
		return "", false, nil
	}
	found, err := store.All(ctx, f.db, scanText, selectWhere+`reference = $1`, reference)
	if err != nil || len(found) == 0 {
		return "", false, err
	}
	return found[0], true, nil
}

// exactly returns the files that have an exact value: their reference, an address kept in them, an account or number of one of
// their people, or what one of their contacts is found by.
func (f *Files) exactly(ctx context.Context, typed string, by audit.Actor) ([]string, error) {
	var ids []string
	add := func(found []string) {
		for _, id := range found {
			if !slices.Contains(ids, id) && len(ids) < maxExact {
				ids = append(ids, id)
			}
		}
	}
	if reference := readReference(typed); reference != "" {
		found, err := store.All(ctx, f.db, scanText, selectWhere+`reference = $1`, reference)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	for _, by := range [...]struct{ kind, value, files string }{
		{findURL, contact.NormalURL(typed), selectWhere + `id = $1`},
		{findHandle, contact.NormalHandle(typed), `SELECT file_id FROM case_person WHERE id = $1`},
		{findPhone, contact.NormalPhone(typed), `SELECT file_id FROM case_person WHERE id = $1`},
	} {
		if by.value == "" {
			continue
		}
		owners, err := f.keys.Find(ctx, f.db, by.kind, by.value)
		if err != nil {
			return nil, err
		}
		for _, owner := range owners[:min(len(owners), maxExact)] {
			found, err := store.All(ctx, f.db, scanText, by.files, owner)
			if err != nil {
				return nil, err
			}
			add(found)
		}
	}
	contacts, _, err := f.contacts.Search(ctx, contact.Filter{Exact: typed, By: by, Purpose: "case", Limit: 200})
	if err != nil {
		return nil, err
	}
	for _, ct := range contacts {
		file, ok, err := f.OfContact(ctx, ct.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			add([]string{file.ID})
		}
	}
	return ids, nil
}
