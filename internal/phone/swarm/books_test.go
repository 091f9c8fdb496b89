package swarm

import (
	"testing"
	"time"
)

// Of 1,000 times from 0.1 to 100 ms the ranks are read to a microsecond below 16 ms and to 1/16 ms above.
func TestPercentilesAreNearestRanks(t *testing.T) {
	d := newDelays()
	for i := range 1000 {
		d.add(int64(i+1) * int64(100*time.Microsecond))
	}
	p50, p99, p999, longest := d.percentiles()
	near := func(what string, got, want time.Duration) {
		if got > want || want-got > coarseStep {
			t.Errorf("%s is %s; want %s", what, got, want)
		}
	}
	near("p50", p50, 50*time.Millisecond)
	near("p99", p99, 99*time.Millisecond)
	near("p99.9", p999, 99900*time.Microsecond)
	near("the longest", longest, 100*time.Millisecond)
	if n := d.above(60 * time.Millisecond); n != 401 { // 60 ms itself falls into the step that begins there
		t.Errorf("%d are above 60 ms; want 401", n)
	}
}

// Nothing measured is nothing, and what takes longer than 4 s is still counted.
func TestPercentilesAtTheEdges(t *testing.T) {
	d := newDelays()
	if p50, _, _, longest := d.percentiles(); p50 != 0 || longest != 0 {
		t.Errorf("nothing measured: %s, %s", p50, longest)
	}
	d.add(int64(time.Hour))
	if _, _, _, longest := d.percentiles(); longest != time.Hour || d.above(LateAfter) != 1 {
		t.Errorf("an hour is %s, %d late", longest, d.above(LateAfter))
	}
}
