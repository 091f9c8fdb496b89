package stats

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Durations are counted in buckets: whole seconds up to ten, then each a tenth longer than the one before. A percentile that is read
// from them is the end of a bucket, so never shorter than the true one and at most a tenth longer.
var edges = func() []int {
	var all []int
	for s := 1; s <= 10; s++ {
		all = append(all, s)
	}
	for s := 10.0; s < 48*3600; {
		s *= 1.1
		all = append(all, int(math.Ceil(s)))
	}
	return all
}()

// bucket is the code of a duration's bucket: the second with which it ends. What is longer than two days is in the last.
func bucket(d time.Duration) string {
	seconds := int((max(0, d) + time.Second - 1) / time.Second)
	i, _ := slices.BinarySearch(edges, seconds)
	return strconv.Itoa(edges[min(i, len(edges)-1)])
}

// Spread is how long something took, over several contacts.
type Spread struct {
	N int64
	// by the second with which each bucket ends, in order
	ends   []int
	counts []int64
}

func spreadOf(counts map[string]int64) Spread {
	var s Spread
	for code, n := range counts {
		if end, err := strconv.Atoi(code); err == nil && n > 0 {
			s.ends = append(s.ends, end)
			s.N += n
		}
	}
	slices.Sort(s.ends)
	for _, end := range s.ends {
		s.counts = append(s.counts, counts[strconv.Itoa(end)])
	}
	return s
}

// At is the time within which a share (0 to 100) of them was through, by nearest rank; 0 for none.
func (s Spread) At(percent int64) time.Duration {
	rank, seen := (s.N*percent+99)/100, int64(0)
	for i, n := range s.counts {
		if seen += n; seen >= max(1, rank) {
			return time.Duration(s.ends[i]) * time.Second
		}
	}
	return 0
}
