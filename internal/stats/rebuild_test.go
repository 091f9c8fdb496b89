package stats_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// lives has a contact go one of the ways that contacts go, at some time of three months, counted now and then on its way.
func (w *world) lives(chance *rand.Rand) (id string, erased bool) {
	w.t.Helper()
	w.at = time.Date(2026, 9, 1+chance.IntN(91), chance.IntN(24), chance.IntN(60), 0, 0, paris)
	some := func(d time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(d))) }
	countedMaybe := func() {
		if chance.IntN(4) == 0 {
			w.must(w.Fold(w.ctx))
		}
	}
	channel := []string{"chat", "phone", "message"}[chance.IntN(3)]
	id = w.opens(channel)
	countedMaybe()
	w.passes(some(3 * time.Minute))
	switch chance.IntN(6) {
	case 0:
		return id, false // waits
	case 1:
		w.moves(id, contact.VisitorEnds, contact.VisitorOf(id), contact.Change{})
		return id, false
	case 2:
		w.moves(id, contact.Take, claire, contact.Change{})
		countedMaybe()
		w.moves(id, contact.Dismiss, claire, contact.Change{Closing: "joke"})
		return id, false
	}
	w.moves(id, contact.Take, claire, contact.Change{})
	countedMaybe()
	w.passes(some(40 * time.Minute))
	w.moves(id, contact.StaffEnds, claire, contact.Change{})
	form := []string{"category_main", []string{"sextortion", "grooming", "cyberbullying"}[chance.IntN(3)], "gender", []string{"girl", "boy"}[chance.IntN(2)]}
	if chance.IntN(2) == 0 {
		form = append(form, "department", []string{"29", "21", "75"}[chance.IntN(3)])
	}
	w.closes(id, form...)
	countedMaybe()
	if chance.IntN(4) == 0 {
		w.moves(id, contact.Reopen, claire, contact.Change{})
		countedMaybe()
		w.closes(id, "category_main", "sextortion")
	}
	return id, chance.IntN(6) == 0
}

// What is counted bit by bit, while contacts come, move, are corrected and erased, is what a count of them all makes anew: each cell
// of each day and each month, and the figures of any time.
func TestCountingAnewFindsTheSame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		chance := rand.New(rand.NewPCG(3018, 119))
		want := map[stats.Cell]int64{}
		var days []stats.CountedAs
		take := func(ids ...string) {
			for _, id := range ids {
				l, err := w.Anew(w.ctx, id)
				w.must(err)
				days = append(days, l)
				for _, c := range l.Cells() {
					want[c]++
				}
			}
		}
		var there []string
		for range 120 {
			id, erased := w.lives(chance)
			if !erased {
				there = append(there, id)
				continue
			}
			take(id) // nobody can count it afterwards
			w.must(w.contacts.Erase(w.ctx, id, audit.Actor{Kind: audit.System}, "rule"))
		}
		w.must(w.Fold(w.ctx))
		take(there...)
		got, err := w.AllCells(w.ctx)
		w.must(err)
		maps.DeleteFunc(got, func(_ stats.Cell, n int64) bool { return n == 0 })
		if !maps.Equal(got, want) {
			for c, n := range want {
				if got[c] != n {
					t.Errorf("%+v is %d, want %d", c, got[c], n)
				}
			}
			for c, n := range got {
				if want[c] == 0 {
					t.Errorf("%+v is %d, want none", c, n)
				}
			}
		}
		w.migrates(got)
		for range 40 {
			from := time.Date(2026, 8, 20+chance.IntN(110), 0, 0, 0, 0, paris)
			q := stats.Query{From: from, Until: from.AddDate(0, 0, 1+chance.IntN(230))}
			if chance.IntN(3) == 0 {
				q.Channels = []string{"phone", "chat"}
			}
			w.same(q, days)
		}
		asked, err := w.Crossed(w.ctx, stats.Query{From: day("2026-09-20"), Until: day("2026-10-02")}, []stats.Said{{Dim: stats.Gender, Code: "girl"}}, claire, nil)
		w.must(err)
		if !asked.Query.From.Equal(day("2026-09-01")) || !asked.Query.Until.Equal(day("2026-11-01")) {
			t.Errorf("what is crossed is of %v to %v, not of whole months", asked.Query.From, asked.Query.Until)
		}
		// Crossed, of who is still there: each girl of Finistère of whom the lines tell.
		q := stats.Query{From: day("2026-09-01"), Until: day("2026-12-01")}
		kept := slices.DeleteFunc(slices.Clone(days), func(l stats.CountedAs) bool { return !slices.Contains(there, l.ID) })
		for _, chosen := range [][]stats.Said{
			{{stats.Gender, "girl"}},
			{{stats.Gender, "girl"}, {stats.Gender, "boy"}},
			{{stats.Gender, "girl"}, {stats.Category, "sextortion"}},
			{{stats.Department, "21"}, {stats.Department, "29"}, {stats.Gender, "boy"}},
			{{stats.Category, "sextor_ion"}},
			{{stats.Department, "2a"}},
			{{stats.Age, "0_6"}},
		} {
			f, err := w.Crossed(w.ctx, q, chosen, claire, nil)
			w.must(err)
			n := int64(len(stats.Choose(kept, chosen)))
			if n < stats.LeastCrossed {
				if !f.Few || f.Whole[stats.Entered] != 0 {
					t.Errorf("%v: %d are told of, of %d", chosen, f.Whole[stats.Entered], n)
				}
				continue
			}
			want := stats.Added(q, stats.Choose(kept, chosen))
			want.Days, want.Hours, want.Week = nil, [24]map[stats.Measure]int64{}, [7][24]int64{} // which would be somebody's
			w.figuresAre(f, want)
		}
	})
}

// migrates has the months be made of the days by the statements that did so once, where a helpline had counted by the day alone.
func (w *world) migrates(want map[stats.Cell]int64) {
	w.t.Helper()
	file, err := os.ReadFile("../store/migrations/0047_stats_months.sql")
	w.must(err)
	_, err = w.db.Exec(w.ctx, `DELETE FROM stat_cell WHERE day < 1000000 AND dim NOT IN ('category_gender', 'category_age')`)
	w.must(err)
	ran := 0
	for statement := range strings.SplitSeq(string(file), ";\n") {
		if _, sql, ok := strings.Cut(statement, "INSERT INTO stat_cell"); ok {
			sql, _, _ = strings.Cut("INSERT INTO stat_cell"+sql, "\n--")
			_, err := w.db.Exec(w.ctx, sql)
			w.must(err)
			ran++
		}
	}
	got, err := w.AllCells(w.ctx)
	w.must(err)
	maps.DeleteFunc(got, func(_ stats.Cell, n int64) bool { return n == 0 })
	if ran != 2 || !maps.Equal(got, want) {
		w.t.Errorf("%d statements make of the days %d cells, want %d", ran, len(got), len(want))
	}
}

// same compares figures that are read from the cells with what the lines add up to.
func (w *world) same(q stats.Query, lines []stats.CountedAs) {
	w.t.Helper()
	got, err := w.Figures(w.ctx, q)
	w.must(err)
	w.figuresAre(got, stats.Added(q, lines))
}

func (w *world) figuresAre(got, want stats.Figures) {
	w.t.Helper()
	q := got.Query
	if !maps.Equal(got.Whole, want.Whole) {
		w.t.Errorf("%v – %v, %v: whole %v, want %v", q.From, q.Until, q.Channels, got.Whole, want.Whole)
	}
	if got.Week != want.Week {
		w.t.Errorf("%v – %v: the week is %v, want %v", q.From, q.Until, got.Week, want.Week)
	}
	equal := func(what string, a, b map[int64]map[stats.Measure]int64) {
		w.t.Helper()
		if !maps.EqualFunc(a, b, maps.Equal) {
			w.t.Errorf("%v – %v: %s %v, want %v", q.From, q.Until, what, a, b)
		}
	}
	equal("days", got.Days, want.Days)
	equal("months", got.Months, want.Months)
	for h := range got.Hours {
		if !maps.Equal(got.Hours[h], want.Hours[h]) {
			w.t.Errorf("%v – %v: at %d %v, want %v", q.From, q.Until, h, got.Hours[h], want.Hours[h])
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(want.By), func(a, b stats.Dim) int { return cmp.Compare(a, b) }) {
		if !maps.Equal(got.By[d], want.By[d]) {
			w.t.Errorf("%v – %v: %s %v, want %v", q.From, q.Until, d, got.By[d], want.By[d])
		}
	}
	for _, p := range []int64{50, 95} {
		if got.Wait.At(p) != want.Wait.At(p) || got.Length.At(p) != want.Length.At(p) {
			w.t.Errorf("%v – %v: p%d %v and %v, want %v and %v", q.From, q.Until, p, got.Wait.At(p), got.Length.At(p), want.Wait.At(p), want.Length.At(p))
		}
	}
}
