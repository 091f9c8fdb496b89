package casefile

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// Danger is how the danger was judged once: the answers to the danger grid of the contact form, and a remark. A judgement is
// never changed; a new one stands beside the old ones.
type Danger struct {
	ID, FileID string
	JudgedAt   int64
	JudgedBy   string
	Grid       Grid
}

// Grid is what is sealed of it: by the codes of the form's fields, as the form keeps them; what was not asked is not there.
type Grid struct {
	Answers map[string]string `json:"answers,omitempty"`
	Remark  string            `json:"remark,omitempty"`
}

func dangerField(id string) seal.Field {
	return seal.Field{Table: "case_danger", Column: "grid_sealed", Row: id, Version: 1}
}

// Judge writes how the danger is judged now. id is made by the client: sent again, it changes nothing. It returns
// fault.Invalid "fault.case.danger" for an answer that the form's grid does not have.
func (f *Files) Judge(ctx context.Context, fileID, id string, g Grid, by audit.Actor) error {
	if err := named(id); err != nil {
		return err
	}
	form := f.catalogue().Form
	for code, value := range g.Answers {
		if !slices.ContainsFunc(grid(form), func(field catalogue.Field) bool { return field.Code == code }) {
			return fault.New(fault.Invalid, "fault.case.danger")
		}
		kept, err := form.Check(code, value)
		if err != nil {
			return err
		}
		g.Answers[code] = kept
	}
	maps.DeleteFunc(g.Answers, func(_, value string) bool { return value == "" })
	var err error
	if g.Remark, err = tidy(g.Remark, maxRemark); err != nil {
		return err
	}
	return f.Write(ctx, fileID, func(tx *store.Tx, _ File, key *seal.Key) error {
		return f.judge(ctx, tx, fileID, key, id, g, by)
	})
}

func (f *Files) judge(ctx context.Context, tx *store.Tx, fileID string, key *seal.Key, id string, g Grid, by audit.Actor) error {
	plain, err := json.Marshal(g)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO case_danger (id, file_id, key_id, judged_at, judged_by, grid_sealed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`, id, fileID, key.ID(), store.Millis(f.now()), by.ID, key.Seal(dangerField(id), plain))
	if err != nil || n == 0 {
		return err
	}
	if err := f.event(ctx, tx, fileID, by, "danger_judged", id, ""); err != nil {
		return err
	}
	return f.record(ctx, tx, by, "case.danger", fileID, map[string]string{"grid": id})
}

// grid are the fields of the form's danger grid, those that are not asked any more excepted.
func grid(form *catalogue.Form) []catalogue.Field {
	var fields []catalogue.Field
	for _, section := range form.Sections {
		for _, field := range section.Fields {
			if section.Danger && !field.Retired {
				fields = append(fields, field)
			}
		}
	}
	return fields
}

// Grid are the fields of the danger grid as they are asked now.
func (f *Files) Grid() []catalogue.Field { return grid(f.catalogue().Form) }

// Dangers returns how the danger was judged, the newest first.
func (f *Files) Dangers(ctx context.Context, fileID string) ([]Danger, error) {
	type row struct {
		Danger
		keyID  string
		sealed []byte
	}
	rows, err := store.All(ctx, f.db, func(r store.Row) (d row, err error) {
		return d, r.Scan(&d.ID, &d.FileID, &d.JudgedAt, &d.JudgedBy, &d.keyID, &d.sealed)
	}, `SELECT id, file_id, judged_at, judged_by, key_id, grid_sealed FROM case_danger WHERE file_id = $1 ORDER BY judged_at DESC, id DESC`, fileID)
	if err != nil {
		return nil, err
	}
	ring, all := f.ring(), make([]Danger, 0, len(rows))
	for _, r := range rows {
		if err := ring.openJSON(ctx, r.keyID, dangerField(r.ID), r.sealed, &r.Grid); err != nil {
			return nil, err
		}
		all = append(all, r.Danger)
	}
	return all, nil
}
