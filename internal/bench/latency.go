package bench

import (
	"slices"
	"time"
)

// Latency sums up how long something took, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// latencyOf sorts what was measured and reads the percentiles (nearest rank: the smallest time within
// which so many of a hundred were done).
func latencyOf(all []time.Duration) Latency {
	if len(all) == 0 {
		return Latency{}
	}
	slices.Sort(all)
	rank := func(percent int) float64 {
		return millis(all[max((len(all)*percent+99)/100-1, 0)])
	}
	return Latency{P50: rank(50), P95: rank(95), P99: rank(99), Max: millis(all[len(all)-1])}
}

// millis is a time in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Round(time.Microsecond)) / 1e6 }
