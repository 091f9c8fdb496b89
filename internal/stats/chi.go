package stats

import (
	"context"
	"strings"
	"time"
)

// CHI is the data return to Child Helpline International: reasons for contact by the subcategories of its framework, each by gender, age
// and method. Which category is which subcategory is said by the taxonomy as it is now. The crossings are counted by the month,
// so a return is of whole months.
type CHI struct {
	From, Until time.Time
	Rows        []CHIRow
	// NoTalk is how many were closed without counselling, by the category of the closing.
	NoTalk map[string]int64
	Whole  CHIRow
}

// CHIRow is one subcategory. Code is "" for categories that the taxonomy no longer knows, or that were not said.
type CHIRow struct {
	Code                string
	Total               int64
	Gender, Age, Method map[string]int64
}

func emptyRow(code string) CHIRow {
	return CHIRow{Code: code, Gender: map[string]int64{}, Age: map[string]int64{}, Method: map[string]int64{}}
}

// CHI counts what is due and returns the data return of whole months, until the month that begins with until.
func (s *Stats) CHI(ctx context.Context, from, until time.Time) (CHI, error) {
	if err := s.foldSoon(ctx); err != nil {
		return CHI{}, err
	}
	taxonomy := s.catalogue().Taxonomy
	r := CHI{From: from, Until: until, NoTalk: map[string]int64{}, Whole: emptyRow("")}
	all, err := s.cells(ctx, Query{}, part{DayOf(from) / 100, DayOf(until) / 100}, `dim, 0, channel, code, measure, `+summed,
		` GROUP BY dim, channel, code, measure`, Category, CategoryGender, CategoryAge, Closing)
	if err != nil {
		return r, err
	}
	rows := map[string]CHIRow{}
	for _, c := range all {
		if c.dim == Closing {
			r.NoTalk[c.code] += c.n
			continue
		}
		category, by, _ := strings.Cut(c.code, "/")
		code := ""
		if known, ok := taxonomy.ByCode(category); ok {
			code = known.CHI
		}
		if _, ok := rows[code]; !ok {
			rows[code] = emptyRow(code)
		}
		row := rows[code]
		for _, to := range []*CHIRow{&row, &r.Whole} {
			switch c.dim {
			case CategoryGender:
				to.Gender[by] += c.n
			case CategoryAge:
				to.Age[by] += c.n
			default:
				to.Total += c.n
				to.Method[c.channel] += c.n
			}
		}
		rows[code] = row
	}
	for _, chi := range taxonomy.CHI {
		if row, ok := rows[chi.Code]; ok && row.Total > 0 {
			r.Rows = append(r.Rows, row)
		}
	}
	if row, ok := rows[""]; ok && row.Total > 0 {
		r.Rows = append(r.Rows, row)
	}
	return r, nil
}
