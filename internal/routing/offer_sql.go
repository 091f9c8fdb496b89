package routing

import (
	"vigie/internal/contact"
	"vigie/internal/store"
)

// Either index of the table makes it insert nothing: one open offer a person, one person a contact.
const insertOffer = `INSERT INTO offer (id, contact_id, staff_id, kind, from_id, state, lang, made_at, until)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`

// $1 id, $2 contact, $3 staff, $4 kind, $5 state, $6 language, $7 now, $8 waited.
const insertEndedOffer = `INSERT INTO offer (id, contact_id, staff_id, kind, state, lang, made_at, until, ended_at, waited)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8)`

// $1 id, $2 how, $3 now, $4 waited.
const endOffer = `UPDATE offer SET state = $2, ended_at = $3, waited = $4 WHERE id = $1 AND state = 'open'`

// $1 now, $2 until when an offer of the queue rings that begins now, $3 the same of one that is handed over.
const ringAnew = `UPDATE offer SET until = CASE kind WHEN 'handover' THEN CAST($3 AS BIGINT) ELSE CAST($2 AS BIGINT) END
	WHERE state = 'open' AND until <= $1`

// $1 contact, $2 how, $3 now.
const endOfferOfContact = `UPDATE offer SET state = $2, ended_at = $3 WHERE contact_id = $1 AND state = 'open'`

// $1 contact, $2 from, $3 now.
const endHandOver = `UPDATE offer SET state = 'withdrawn', ended_at = $3
	WHERE contact_id = $1 AND from_id = $2 AND kind = 'handover' AND state = 'open' RETURNING staff_id`

// $1 person, $2 staff, $3 now.
const endHandOversTo = `UPDATE offer SET state = 'passed', ended_at = $3
	WHERE staff_id = $2 AND kind = 'handover' AND state = 'open' AND contact_id IN (SELECT id FROM contact WHERE person_id = $1)
	RETURNING from_id, contact_id`

// More conditions are appended with AND.
const selectOpenOffers = `SELECT o.id, o.contact_id, o.staff_id, o.kind, o.from_id, o.made_at, o.until, c.state, c.offered_to, c.counsellor_id,
	c.person_id, c.channel, c.lang, c.public, c.topic, c.queue
	FROM offer o JOIN contact c ON c.id = o.contact_id WHERE o.state = 'open'`

func scanOpenOffer(r store.Row) (openOffer, error) {
	var o openOffer
	return o, r.Scan(&o.id, &o.contactID, &o.staffID, &o.kind, &o.fromID, &o.madeAt, &o.until, &o.state, &o.offeredTo, &o.counsellorID,
		&o.personID, &o.channel, &o.lang, &o.public, &o.topic, &o.queue)
}

// Whoever is called has not waited on a line.
const selectWait = `SELECT state, counsellor_id, CASE WHEN due_at > 0 THEN 0 ELSE waiting_since END, answered_at FROM contact WHERE id = $1`

// wait is what the first answer of a contact makes of its waiting.
type wait struct {
	state        contact.State
	counsellorID string
	since        int64
	answeredAt   int64
}

func scanWait(r store.Row) (wait, error) {
	var w wait
	return w, r.Scan(&w.state, &w.counsellorID, &w.since, &w.answeredAt)
}

// firstWait is how long the contact waited for its first answer, in milliseconds; 0 for any other.
func (w wait) firstWait(now int64) int64 {
	if w.answeredAt > 0 || w.since == 0 {
		return 0
	}
	return max(now-w.since, 1)
}

// A contact that rings at nobody's: it was offered past this room, or its offer was lost.
const selectOrphans = `SELECT id, offer_until FROM contact WHERE state = 'offered'
	AND NOT EXISTS (SELECT 1 FROM offer WHERE offer.contact_id = contact.id AND offer.state = 'open' AND offer.kind = 'queue')`
