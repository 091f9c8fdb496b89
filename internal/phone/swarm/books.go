package swarm

import (
	"slices"
	"time"
)

// books are what came.
type books struct {
	seen              [][]uint64 // by the leg that heard it, a bit for each packet
	received, foreign int64
	delays            delays
}

// delays counts times: to the microsecond below 16 ms, to 1/16 ms up to 4 s, which is more than anything
// that is worth telling apart.
type delays struct {
	fine   [fineTop]uint32
	coarse [coarseTop]uint32
	count  int64
	max    int64
}

const (
	fineTop    = 16_000
	coarseTop  = 64_000
	coarseStep = 62_500 // nanoseconds
)

func newDelays() *delays { return &delays{} }

func (d *delays) add(nanoseconds int64) {
	nanoseconds = max(nanoseconds, 0)
	d.count++
	d.max = max(d.max, nanoseconds)
	if us := nanoseconds / 1000; us < fineTop {
		d.fine[us]++
		return
	}
	d.coarse[min(nanoseconds/coarseStep, coarseTop-1)]++
}

// above is how many were longer than this.
func (d *delays) above(limit time.Duration) (n int64) {
	for i := int(int64(limit) / coarseStep); i < coarseTop; i++ {
		n += int64(d.coarse[i])
	}
	return n
}

// percentiles are the nearest ranks of 50, 99 and 99.9 in a hundred, and the longest.
func (d *delays) percentiles() (p50, p99, p999, longest time.Duration) {
	ranks := []int64{(d.count*500 + 999) / 1000, (d.count*990 + 999) / 1000, (d.count*999 + 999) / 1000}
	found := make([]time.Duration, len(ranks))
	var passed int64
	look := func(n uint32, at time.Duration) {
		before := passed
		passed += int64(n)
		for i, rank := range ranks {
			if before < rank && rank <= passed {
				found[i] = at
			}
		}
	}
	for i, n := range d.fine {
		look(n, time.Duration(i)*time.Microsecond)
	}
	for i, n := range d.coarse {
		look(n, time.Duration(i)*coarseStep)
	}
	return found[0], found[1], found[2], slices.Max([]time.Duration{time.Duration(d.max), found[2]})
}
