package casefile

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Part is what somebody is in the story. An author is always "mis en cause": alleged, and often a child too.
type Part string

// The parts.
const (
	Child   Part = "child"
	Parent  Part = "parent"
	Author  Part = "author"
	Witness Part = "witness"
	Other   Part = "other"
)

// Parts are all of them, in the order a page shows them.
var Parts = []Part{Child, Parent, Author, Witness, Other}

// Person is somebody in the story, as far as it is needed: every field may be empty.
type Person struct {
	ID, FileID string
	Part       Part
	// Rev is 1 for a new person; whoever saves gives the one she saw, so that two tabs do not overwrite each other.
	Rev     int64
	SavedAt int64
	SavedBy string
	Content PersonContent
}

// PersonContent is what is sealed of a person. Handle is an account as it is written on the network, with its platform's
// code; Department is that of a child's home ("35"), for the 119 and the CRIP.
type PersonContent struct {
	Name       string `json:"name,omitempty"`
	Age        string `json:"age,omitempty"`
	Handle     string `json:"handle,omitempty"`
	Platform   string `json:"platform,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Email      string `json:"email,omitempty"`
	School     string `json:"school,omitempty"`
	Department string `json:"department,omitempty"`
	Relation   string `json:"relation,omitempty"`
	Remark     string `json:"remark,omitempty"`
}

// maxField bounds one field of a person, in characters; a remark may be longer.
const (
	maxField  = 200
	maxRemark = 2000
)

func personField(id string) seal.Field {
	return seal.Field{Table: "case_person", Column: "content_sealed", Row: id, Version: 1}
}

// SavePerson writes a person of a file. p.ID is made by the client; p.Rev is the one it saw last, 0 for somebody new. It
// returns fault.Invalid "fault.case.part" or "fault.case.long", fault.Conflict "fault.case.person_changed" when somebody
// wrote meanwhile, "fault.case.not_open" for a file that is closed.
func (f *Files) SavePerson(ctx context.Context, p Person, by audit.Actor) error {
	if err := named(p.ID); err != nil {
		return err
	}
	if !slices.Contains(Parts, p.Part) {
		return fault.New(fault.Invalid, "fault.case.part")
	}
	for _, text := range []*string{&p.Content.Name, &p.Content.Age, &p.Content.Handle, &p.Content.Platform, &p.Content.Phone, &p.Content.Email,
		&p.Content.School, &p.Content.Department, &p.Content.Relation, &p.Content.Remark} {
		most := maxField
		if text == &p.Content.Remark {
			most = maxRemark
		}
		var err error
		if *text, err = tidy(*text, most); err != nil {
			return err
		}
	}
	return f.Write(ctx, p.FileID, func(tx *store.Tx, _ File, key *seal.Key) error {
		plain, err := json.Marshal(p.Content)
		if err != nil {
			return err
		}
		now, sealed := store.Millis(f.now()), key.Seal(personField(p.ID), plain)
		n, err := tx.Exec(ctx, `INSERT INTO case_person (id, file_id, key_id, part, saved_at, saved_by, content_sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO NOTHING`, p.ID, p.FileID, key.ID(), string(p.Part), now, by.ID, sealed)
		if err != nil {
			return err
		}
		what := "person_added"
		if n == 0 {
			what = "person_changed"
			n, err = tx.Exec(ctx, `UPDATE case_person SET part = $4, key_id = $3, rev = rev + 1, saved_at = $5, saved_by = $6, content_sealed = $7
				WHERE id = $1 AND file_id = $2 AND rev = $8`, p.ID, p.FileID, key.ID(), string(p.Part), now, by.ID, sealed, p.Rev)
			if err != nil {
				return err
			}
			if n == 0 {
				return fault.New(fault.Conflict, "fault.case.person_changed")
			}
		}
		if err := f.indexPerson(ctx, tx, key, p); err != nil {
			return err
		}
		if err := f.event(ctx, tx, p.FileID, by, what, p.ID, string(p.Part)); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case."+what, p.FileID, map[string]string{"person": p.ID, "part": string(p.Part)})
	})
}

// RemovePerson takes a person out of a file: she is not needed, or is nobody's business.
func (f *Files) RemovePerson(ctx context.Context, fileID, id string, by audit.Actor) error {
	return f.Write(ctx, fileID, func(tx *store.Tx, _ File, key *seal.Key) error {
		keyOf, err := store.One(ctx, tx, scanText, `SELECT key_id FROM case_person WHERE id = $1 AND file_id = $2`, id, fileID)
		if errors.Is(err, store.ErrNoRow) {
			return nil
		}
		if err != nil {
			return err
		}
		if keyOf != key.ID() {
			if key, err = f.keys.Key(ctx, keyOf); err != nil {
				return err
			}
		}
		if err := f.indexPerson(ctx, tx, key, Person{ID: id, FileID: fileID}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM case_person WHERE id = $1`, id); err != nil {
			return err
		}
		if err := f.event(ctx, tx, fileID, by, "person_removed", id, ""); err != nil {
			return err
		}
		return f.record(ctx, tx, by, "case.person_removed", fileID, map[string]string{"person": id})
	})
}

// People returns the people of a file, by their parts.
func (f *Files) People(ctx context.Context, fileID string) ([]Person, error) {
	type row struct {
		Person
		keyID  string
		sealed []byte
	}
	rows, err := store.All(ctx, f.db, func(r store.Row) (p row, err error) {
		return p, r.Scan(&p.ID, &p.FileID, &p.Part, &p.Rev, &p.SavedAt, &p.SavedBy, &p.keyID, &p.sealed)
	}, `SELECT id, file_id, part, rev, saved_at, saved_by, key_id, content_sealed FROM case_person WHERE file_id = $1 ORDER BY id`, fileID)
	if err != nil {
		return nil, err
	}
	ring := f.ring()
	var people []Person
	for _, part := range Parts {
		for _, r := range rows {
			if r.Part != part {
				continue
			}
			if err := ring.openJSON(ctx, r.keyID, personField(r.ID), r.sealed, &r.Content); err != nil {
				return nil, err
			}
			people = append(people, r.Person)
		}
	}
	return people, nil
}
