package contact

import (
	"vigie/internal/store"
)

const columns = `id, key_id, person_id, channel, state, rev, lang, public, age_band, topic, queue, priority, grave, danger,
	counsellor_id, sticky_id, offered_to, opened_at, waiting_since, state_since, offer_until, answered_at, closed_at,
	ended_by, closing, shown_after, past_released_at, reasons_sealed, due_at`

const selectContact = `SELECT ` + columns + ` FROM contact`

const insertContact = `INSERT INTO contact (` + columns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)
	ON CONFLICT (id) DO NOTHING`

const updateContact = `UPDATE contact SET state = $3, rev = rev + 1, queue = $4, priority = $5, grave = $6, danger = $7,
	counsellor_id = $8, sticky_id = $9, offered_to = $10, waiting_since = $11, state_since = $12, offer_until = $13,
	answered_at = $14, closed_at = $15, ended_by = $16, closing = $17, shown_after = $18, past_released_at = $19, reasons_sealed = $20,
	public = $21, age_band = $22, topic = $23, channel = $24, due_at = $25
	WHERE id = $1 AND rev = $2`

const selectOf = selectContact + ` WHERE (counsellor_id = $1 AND state IN ('talking', 'parked', 'left', 'wrapup'))
	OR (state = 'offered' AND offered_to = $1) ORDER BY opened_at, id`

func (c Contact) row() []any {
	return []any{c.ID, c.KeyID, c.PersonID, c.Channel, string(c.State), c.Rev, c.Lang, c.Public, c.AgeBand, c.Topic, c.Queue,
		c.Priority, c.Grave, c.Danger, c.CounsellorID, c.StickyID, c.OfferedTo, c.OpenedAt, c.WaitingSince, c.StateSince,
		c.OfferUntil, c.AnsweredAt, c.ClosedAt, c.EndedBy, c.Closing, c.ShownAfter, c.PastReleasedAt, c.reasons, c.DueAt}
}

// changes are the arguments of updateContact: what may change, written only over the revision that was read.
func (c Contact) changes(over int64) []any {
	return []any{c.ID, over, string(c.State), c.Queue, c.Priority, c.Grave, c.Danger, c.CounsellorID, c.StickyID, c.OfferedTo,
		c.WaitingSince, c.StateSince, c.OfferUntil, c.AnsweredAt, c.ClosedAt, c.EndedBy, c.Closing, c.ShownAfter,
		c.PastReleasedAt, c.reasons, c.Public, c.AgeBand, c.Topic, c.Channel, c.DueAt}
}

func scanContact(r store.Row) (Contact, error) {
	var c Contact
	err := r.Scan(&c.ID, &c.KeyID, &c.PersonID, &c.Channel, &c.State, &c.Rev, &c.Lang, &c.Public, &c.AgeBand, &c.Topic, &c.Queue,
		&c.Priority, &c.Grave, &c.Danger, &c.CounsellorID, &c.StickyID, &c.OfferedTo, &c.OpenedAt, &c.WaitingSince, &c.StateSince,
		&c.OfferUntil, &c.AnsweredAt, &c.ClosedAt, &c.EndedBy, &c.Closing, &c.ShownAfter, &c.PastReleasedAt, &c.reasons, &c.DueAt)
	return c, err
}
