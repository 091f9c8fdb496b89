package evidence

import (
	"context"

	"vigie/internal/jobs"
)

// Knows is of how many pictures this node has a hash in memory.
func (e *Evidence) Knows() int { return e.known.bank.Len() }

// Refresh makes what this node knows true, as a search does.
func (e *Evidence) Refresh(ctx context.Context) error { return e.refresh(ctx) }

// LookFor looks for pictures like that of an item, as its job does.
func (e *Evidence) LookFor(ctx context.Context, id string) error {
	e.known.loaded.Store(true)
	return e.matchItem(ctx, jobs.Job[pictureArgs]{Args: pictureArgs{jobs.ID(id)}})
}
