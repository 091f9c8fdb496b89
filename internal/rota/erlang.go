package rota

import (
	"math"
	"time"
)

// Target is a service level: Share of the calls are answered within Within.
type Target struct {
	Share  float64
	Within time.Duration
}

// ErlangC is the probability that a caller has to wait when so much traffic, in erlangs (arrivals per hour × hours of handling),
// meets n people who answer (A. K. Erlang, 1917; ITU-T Teletraffic Engineering Handbook, §9.1). It is 1 where the line only grows.
//
// The model knows no caller who gives up, and callers who arrive by chance: it asks for somewhat more people than are needed when
// callers are impatient, which is the right side to err on. The recursion is Erlang B's, which never overflows.
func ErlangC(traffic float64, n int) float64 {
	if traffic <= 0 {
		return 0
	}
	if float64(n) <= traffic {
		return 1
	}
	b := 1.0
	for i := 1; i <= n; i++ {
		b = traffic * b / (float64(i) + traffic*b)
	}
	rho := traffic / float64(n)
	return b / (1 - rho*(1-b))
}

// Level is the share of callers who are answered within a time, by the same model.
func Level(traffic float64, n int, handling, within time.Duration) float64 {
	if traffic <= 0 {
		return 1
	}
	if float64(n) <= traffic {
		return 0
	}
	return 1 - ErlangC(traffic, n)*math.Exp(-(float64(n)-traffic)*within.Seconds()/handling.Seconds())
}

// NeededForCalls is how few people answer so many calls an hour as the target asks; 0 where none is expected.
func NeededForCalls(perHour float64, handling time.Duration, t Target) int {
	if perHour <= 0 || handling <= 0 {
		return 0
	}
	traffic := perHour * handling.Hours()
	n := int(math.Floor(traffic)) + 1
	for Level(traffic, n, handling, t.Within) < t.Share && n < 1000 {
		n++
	}
	return n
}

// The chat model. A counsellor has atOnce conversations side by side and is planned to be filled to chatFill of that, so that the
// next one finds a place: needed = arrivals × handling / (atOnce × chatFill), rounded up. A conversation that shares her takes longer
// than one that has her alone; that is in the handling times already, because they were measured on shared desks.
const chatFill = 0.8

// NeededForChats is how many people so many chats an hour take; 0 where none is expected.
func NeededForChats(perHour float64, handling time.Duration, atOnce int) int {
	if perHour <= 0 || handling <= 0 {
		return 0
	}
	return int(math.Ceil(perHour*handling.Hours()/(float64(atOnce)*chatFill) - 1e-9))
}
