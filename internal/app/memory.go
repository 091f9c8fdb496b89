package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much is allocated before memory is collected, in percent of what is in use. While many talk, each
// collection walks the memory of all of them: twice the room halves that work, and the memory taken grows
// from twice to three times what is in use. While little happens the program keeps to what it needs.
const (
	roomWhenCalm = 100
	roomWhenBusy = 200
)

// collectsLook is how often it is looked at how much the collector does.
const collectsLook = 2 * time.Second

// giveRoom gives the collector room while there is much to do, until ctx ends, and then gives back what was
// taken. An operator who sets GOGC decides herself; GOMEMLIMIT holds as always.
func giveRoom(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(collectsLook)
	defer tick.Stop()
	var work workload
	last := collections()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := collections()
		was := work.busy
		work.look(now > last)
		last = now
		switch {
		case work.busy && !was:
			debug.SetGCPercent(roomWhenBusy)
		case was && !work.busy:
			debug.SetGCPercent(roomWhenCalm)
			debug.FreeOSMemory()
			last = collections()
		}
	}
}

// workload says whether there is much to do: since memory was collected within two looks in a row, until it
// was not in two looks in a row.
type workload struct {
	busy bool
	once bool // the last look was of the other kind
}

func (w *workload) look(collected bool) {
	switch {
	case collected == w.busy:
		w.once = false
	case w.once:
		w.busy, w.once = collected, false
	default:
		w.once = true
	}
}

// collections counts how often memory has been collected because it filled up.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
