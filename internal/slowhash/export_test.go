package slowhash

import "time"

// SetQuiet shortens the wait before memory is given back, until restore is called.
func SetQuiet(d time.Duration) (restore func()) {
	was := quiet
	quiet = d
	return func() { quiet = was }
}

// GivenBack is closed the next time memory is given back to the operating system.
func GivenBack() <-chan struct{} {
	gate.mu.Lock()
	defer gate.mu.Unlock()
	return gate.given
}

// Occupy takes the place and returns how to leave it.
func Occupy() (leave func()) {
	<-gate.place
	return func() { gate.place <- struct{}{} }
}

// Inside counts who hashes or waits.
func Inside() int {
	gate.mu.Lock()
	defer gate.mu.Unlock()
	return gate.inside
}

// LongestLine is how many may wait.
const LongestLine = longestLine
