package takedown

import (
	"context"

	"vigie/internal/store"
)

// Recipient is a platform to which a notice of a file was sent, and when (Unix milliseconds); Platform is its code, "" for a host that the
// catalogue does not know.
type Recipient struct {
	Platform    string
	SubmittedAt int64
}

// Recipients are the platforms that were notified for a file, the first first: what whoever asks for her data is told (GDPR Art.
// 15(1)(c)). Nothing that is sealed is read.
func (t *Takedown) Recipients(ctx context.Context, fileID string) ([]Recipient, error) {
	return store.All(ctx, t.db, func(r store.Row) (x Recipient, err error) { return x, r.Scan(&x.Platform, &x.SubmittedAt) },
		`SELECT platform, submitted_at FROM takedown_notice WHERE file_id = $1 AND submitted_at > 0 ORDER BY submitted_at, id`, fileID)
}
