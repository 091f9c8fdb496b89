package chat

import (
	"strconv"
	"strings"

	"vigie/internal/seal"
	"vigie/internal/store"
)

const selectMessage = `SELECT id, contact_id, seq, sender, author_id, kind, sent_at, body_sealed FROM message`

const latestMessages = `SELECT id, contact_id, seq, sender, author_id, kind, sent_at, body_sealed FROM (` + selectMessage + `
	WHERE contact_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3) AS latest ORDER BY seq`

// The next number, the state of the contact and whose it is are read by the insert itself: between a
// look and a write nothing can change. A message that is there already leaves everything as it is.
const (
	insertHead = `INSERT INTO message (id, contact_id, seq, sender, author_id, kind, sent_at, body_sealed)
	SELECT CAST($1 AS TEXT), c.id, COALESCE((SELECT max(m.seq) FROM message m WHERE m.contact_id = c.id), 0) + 1,
		CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS BLOB)
	FROM contact c WHERE c.id = $2 AND `
	insertTail = ` ON CONFLICT (id) DO NOTHING
	RETURNING seq, (SELECT s.state FROM contact s WHERE s.id = $2)`

	insertByVisitor = insertHead + `c.state IN ('waiting', 'offered', 'talking', 'parked') AND c.person_id = $8` + insertTail
	insertByStaff   = insertHead + `c.state IN ('talking', 'parked')
		AND (c.counsellor_id = $8 OR EXISTS (SELECT 1 FROM message_guest g WHERE g.contact_id = c.id AND g.staff_id = $8))` + insertTail
	insertBySystem = insertHead + `c.state <> 'closed'` + insertTail
	insertByHouse  = insertHead + `c.id = $2` + insertTail
)

// bodyField is where a message's body is sealed.
func bodyField(id string) seal.Field {
	return seal.Field{Table: "message", Column: "body_sealed", Row: id, Version: 1}
}

// insert is the statement that stores m: author is checked against the contact.
func (c *Chats) insert(m Message, key *seal.Key, author string) store.Stmt {
	args := []any{m.ID, m.ContactID, m.From, m.AuthorID, m.Kind, m.At, key.SealText(bodyField(m.ID), m.Body)}
	switch m.From {
	case Visitor:
		return store.Stmt{SQL: insertByVisitor, Args: append(args, author)}
	case Staff:
		return store.Stmt{SQL: insertByStaff, Args: append(args, author)}
	}
	return store.Stmt{SQL: insertBySystem, Args: args}
}

func scanMessage(key *seal.Key) func(store.Row) (Message, error) {
	return func(r store.Row) (Message, error) {
		var m Message
		var sealed []byte
		if err := r.Scan(&m.ID, &m.ContactID, &m.Seq, &m.From, &m.AuthorID, &m.Kind, &m.At, &sealed); err != nil {
			return m, err
		}
		var err error
		m.Body, err = key.OpenText(bodyField(m.ID), sealed)
		return m, err
	}
}

// placeholders returns "$from, … $to".
func placeholders(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		if i > from {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i))
	}
	return b.String()
}
