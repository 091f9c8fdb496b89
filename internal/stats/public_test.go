package stats

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
)

// Whoever knows the rule, the codes and the whole published table cannot tell which of one to four a small count is: for
// each of them there are counts that make the same table.
func TestNoSmallCountCanBeWorkedOut(t *testing.T) {
	chance := rand.New(rand.NewPCG(119, 3018))
	small := 0
	for range 4000 {
		counts := map[string]int64{}
		for i := range 2 + chance.IntN(5) {
			n := chance.Int64N(9)
			if chance.IntN(3) == 0 {
				n = chance.Int64N(60)
			}
			counts[fmt.Sprint("code", i)] = n
		}
		counts[Unknown] = chance.Int64N(20)
		if chance.IntN(3) == 0 {
			counts[Unknown] = 0
		}
		table := publish(Category, counts, Unknown)
		for code, n := range counts {
			if code == Unknown || n < 1 || n >= Small {
				continue
			}
			small++
			for want := int64(1); want < Small; want++ {
				if !possible(counts, table, code, want) {
					t.Fatalf("of %v, published as %+v, %s cannot be %d", counts, table, code, want)
				}
			}
		}
		for _, l := range table.Lines {
			if l.N < Small || l.N%5 != 0 {
				t.Fatalf("%+v is published", l)
			}
		}
	}
	if small < 1000 {
		t.Errorf("only %d small counts were looked at", small)
	}
}

// possible looks for counts where one is what is wanted and the table is the same: by changing it and one or two others that do not
// stand in the table by themselves.
func possible(counts map[string]int64, table Published, code string, want int64) bool {
	listed := map[string]bool{}
	for _, l := range table.Lines {
		listed[l.Code] = true
	}
	hidden := []string{}
	for other := range counts {
		if other != code && !listed[other] {
			hidden = append(hidden, other)
		}
	}
	for i, a := range hidden {
		for _, b := range hidden[i:] {
			for da := int64(-4); da <= 4; da++ {
				for db := int64(-4); db <= 4; db++ {
					trial := maps.Clone(counts)
					trial[code] = want
					trial[a] += da
					trial[b] += db
					if trial[a] >= 0 && trial[b] >= 0 && reflect.DeepEqual(publish(table.Dim, trial, Unknown), table) {
						return true
					}
				}
			}
		}
	}
	return false
}
