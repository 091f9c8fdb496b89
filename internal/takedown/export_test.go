package takedown

import "context"

// Tries is how a process begins to send a letter of the ladder.
func (t *Takedown) Tries(ctx context.Context, letterID string, at int64) error {
	return t.tries(ctx, letterID, `tried_at = 0`, at)
}
