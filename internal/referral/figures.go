package referral

import (
	"context"
	"time"

	"vigie/internal/store"
)

// Counted is what became of the referrals to one partner. They are those of files that are still there.
type Counted struct {
	Partner string
	// Made are all that were begun; of them Sent have left, Acknowledged were confirmed by the partner, and Closed have an outcome written down.
	Made, Sent, Acknowledged, Closed int64
	// Called had an emergency call before the paper, Chased were asked for again.
	Called, Chased int64
	// Declined were decided not to be made, and read by a second person or still to be; Withdrawn were given up.
	Declined, Withdrawn int64
	// Overridden were made against the person's no, because of danger.
	Overridden int64
}

// Figures returns what became of the referrals that were begun in a time, by partner.
func (r *Referrals) Figures(ctx context.Context, from, until time.Time) ([]Counted, error) {
	return store.All(ctx, r.db, func(r store.Row) (c Counted, err error) {
		return c, r.Scan(&c.Partner, &c.Made, &c.Sent, &c.Acknowledged, &c.Closed, &c.Called, &c.Chased, &c.Declined, &c.Withdrawn, &c.Overridden)
	}, `SELECT partner, count(*), count(CASE WHEN sent_at > 0 THEN 1 END), count(CASE WHEN acknowledged_at > 0 THEN 1 END), count(CASE WHEN state = 'closed' THEN 1 END),
			count(CASE WHEN called_at > 0 THEN 1 END), count(CASE WHEN chases > 0 THEN 1 END), count(CASE WHEN state IN ('declined', 'confirmed') THEN 1 END),
			count(CASE WHEN state = 'withdrawn' THEN 1 END), count(CASE WHEN consent = 'overridden' AND sent_at > 0 THEN 1 END)
		FROM referral WHERE made_at >= $1 AND made_at < $2 GROUP BY partner ORDER BY 3 DESC, 2 DESC, partner`, store.Millis(from), store.Millis(until))
}
