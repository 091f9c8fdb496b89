package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/prompt"
)

// Callers are simulated people who ring the helpline now and then, and speak.
type Callers struct {
	// To is the helpline's number as a trunk reaches it: "sip:3018@127.0.0.1:5068".
	To string
	// First is how long after the start the first one rings, Every how long between two.
	First, Every time.Duration
}

// callFor is how long one of them stays on the line, greeting and waiting included.
const callFor = 4 * time.Minute

// Run has them ring, one at a time, until ctx ends.
func (c Callers) Run(ctx context.Context) {
	timer := time.NewTimer(c.First)
	defer timer.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := c.call(ctx, i); err != nil && ctx.Err() == nil {
			slog.Debug("a simulated caller gave up", "error", err)
		}
		timer.Reset(c.Every/2 + rand.N(c.Every))
	}
}

func (c Callers) call(ctx context.Context, i int) error {
	voice, _ := prompt.Default(fmt.Sprintf("demo_caller_%d", 1+i%8), "fr") // nil says nothing: a silent caller
	_, err := caller.Call(ctx, caller.Options{
		To: c.To, Says: voice, Codecs: []audio.Codec{audio.PCMA}, For: callFor,
		// The numbers are of the block kept for fiction (Arcep: 01 99 00 and 06 39 98).
		From: fmt.Sprintf("+33639980%03d", rand.IntN(1000)),
	})
	return err
}
