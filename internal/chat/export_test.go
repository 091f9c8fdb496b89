package chat

import (
	"context"
	"time"

	"vigie/internal/contact"
)

// FlushMarks writes the marks that wait.
func (c *Chats) FlushMarks() { c.marks.flush() }

// Repair compares everything that is followed with the record, once.
func (c *Chats) Repair(ctx context.Context) error {
	if ids := c.feed.ids(); len(ids) > 0 {
		return c.feed.repair(ctx, ids)
	}
	return nil
}

// TypedAgo is how long ago this node heard that a person was typing.
func (c *Chats) TypedAgo(contactID string) time.Duration { return c.typed.ago(contactID, c.now()) }

// SilenceWatch is what one node remembers between two looks.
type SilenceWatch = silenceWatch

// NewSilenceWatch remembers nothing.
func NewSilenceWatch() *SilenceWatch { return &silenceWatch{said: map[string]string{}} }

// LookForSilence is a look of a node that meant to look at due.
func (c *Chats) LookForSilence(ctx context.Context, w *SilenceWatch, due time.Time) error {
	w.from = contact.AwayFrom(w.from, due, c.wall())
	_, err := c.sweepSilence(ctx, w)
	return err
}
