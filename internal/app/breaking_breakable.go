//go:build breakable

package app

// breaking breaks a promise of the server on purpose, so that the crash harness can show that it notices.
// It exists only in a build with the tag "breakable".
type breaking struct {
	Break string `hidden:"" enum:",ack-early,synchronous-off" default:"" help:"ack-early: acknowledge before the commit; synchronous-off: commit without a sync."`
}

func (b breaking) breakIn(o *Options) {
	switch b.Break {
	case "ack-early":
		o.AckEarly = true
	case "synchronous-off":
		o.Synchronous = "OFF"
	}
}

func (b breaking) how() string { return b.Break }
