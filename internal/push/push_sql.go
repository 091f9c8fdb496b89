package push

import "vigie/internal/store"

const (
	insertSubscription = `INSERT INTO push_subscription (id, contact_id, mark, made_at, endpoint_sealed) VALUES ($1, $2, $3, $4, $5)`

	// selectDue finds contacts of which somebody is told, to whom staff wrote something that none of her pages has taken in ($2: since when) and of
	// which she was not told yet, the last time long enough ago ($1).
	selectDue = `SELECT s.contact_id, max(m.seq) FROM push_subscription s
		JOIN message m ON m.contact_id = s.contact_id AND m.sender = 'staff' AND m.seq > s.told_seq
		LEFT JOIN message_mark k ON k.contact_id = s.contact_id AND k.who = 'visitor'
		WHERE s.told_at <= $1 AND m.seq > COALESCE(k.delivered, 0)
		GROUP BY s.contact_id HAVING min(m.sent_at) <= $2`

	// selectTold is a subscription, and whether what it was told of still lies there.
	selectTold = `SELECT s.contact_id, s.told_at, s.endpoint_sealed, COALESCE(k.delivered, 0) < s.told_seq FROM push_subscription s
		LEFT JOIN message_mark k ON k.contact_id = s.contact_id AND k.who = 'visitor' WHERE s.id = $1`
)

// due is a contact whose person is to be told up to a message.
type due struct {
	contactID string
	seq       int64
}

func scanDue(r store.Row) (d due, err error) { return d, r.Scan(&d.contactID, &d.seq) }

// told is a subscription as its job finds it.
type told struct {
	contactID string
	at        int64
	endpoint  []byte
	lies      bool
}

func scanTold(r store.Row) (t told, err error) {
	return t, r.Scan(&t.contactID, &t.at, &t.endpoint, &t.lies)
}

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }
func scanInt(r store.Row) (n int64, err error)   { return n, r.Scan(&n) }
