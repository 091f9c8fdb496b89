package routing

import (
	"context"
	"errors"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/store"
)

// EaseFor is how long somebody is spared contacts with images when she asks for it.
const EaseFor = time.Hour

// Ease spares somebody contacts with images for EaseFor, or no longer does. It is a preference, and hers: such a contact goes to
// another first, and to her where nobody else is there or comes free for a while. It is in no log.
func (r *Router) Ease(ctx context.Context, staffID string, on bool) error {
	var until int64
	if on {
		until = store.Millis(r.now().Add(EaseFor))
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO routing_ease (staff_id, until) VALUES ($1, $2) ON CONFLICT (staff_id) DO UPDATE SET until = $2`, staffID, until); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.tell(staffID, StaffEvent{What: "presence"}) })
		return nil
	})
}

// EasedUntil is until when she is spared, Unix milliseconds; 0 while she is not.
func (r *Router) EasedUntil(ctx context.Context, staffID string) (int64, error) {
	until, err := store.One(ctx, r.db, func(s store.Row) (n int64, err error) { return n, s.Scan(&n) }, `SELECT until FROM routing_ease WHERE staff_id = $1 AND until > $2`, staffID, store.Millis(r.now()))
	if errors.Is(err, store.ErrNoRow) {
		return 0, nil
	}
	return until, err
}

// eased are those who are spared now; it forgets whose hour is over.
func (r *Router) eased(ctx context.Context, now time.Time) (map[string]bool, error) {
	type row struct {
		staffID string
		until   int64
	}
	all, err := store.All(ctx, r.db, func(s store.Row) (x row, err error) { return x, s.Scan(&x.staffID, &x.until) }, `SELECT staff_id, until FROM routing_ease`)
	if err != nil {
		return nil, err
	}
	by, ms := map[string]bool{}, store.Millis(now)
	for _, x := range all {
		if x.until > ms {
			by[x.staffID] = true
		} else if _, err := r.db.Exec(ctx, `DELETE FROM routing_ease WHERE staff_id = $1 AND until = $2`, x.staffID, x.until); err != nil {
			return nil, err
		}
	}
	return by, nil
}

// withImages says whether a contact is likely to bring pictures: by what its person chose as its topic.
func withImages(set *catalogue.Set, topic string) bool {
	question, _ := set.Questions.Question(catalogue.AskTopic)
	choice, ok := question.Choice(topic)
	return ok && (choice.Danger == "sextortion" || choice.Danger == "images" || choice.Code == "content")
}
