package stats

import "sync"

// guesses bounds how often somebody may guess at the code of a screen.
type guesses struct{ mu sync.Mutex }
