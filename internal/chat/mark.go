package chat

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/store"
)

// marksEvery is how long marks are gathered before one statement writes them all.
const marksEvery = 250 * time.Millisecond

// markSizes are how many marks one statement takes. Few, because each is prepared once; what is left
// over is filled up with marks of no contact. Not large, because SQLite finds each parameter by walking
// all those before it.
var markSizes = [...]int{4, 16, 64}

// Mark is up to which message one side was reached, and has read.
type Mark struct {
	Delivered, Seen int64
}

type markOf struct{ contactID, who string }

// marks gathers marks. They only grow, so that the order in which they come does not matter.
type marks struct {
	chats   *Chats
	mu      sync.Mutex
	waiting map[markOf]Mark
	timer   bool
}

// Mark notes how far one side was reached and has read. It is written within a quarter of a second,
// together with everybody's; a mark beyond the last message is ignored.
func (c *Chats) Mark(contactID, who string, delivered, seen int64) {
	if who != Visitor && who != Staff || delivered <= 0 && seen <= 0 {
		return
	}
	m := &c.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gather(markOf{contactID, who}, Mark{Delivered: max(delivered, seen), Seen: seen})
	if !m.timer {
		m.timer = true
		time.AfterFunc(marksEvery, m.flush)
	}
}

func (m *marks) gather(of markOf, mark Mark) {
	if m.waiting == nil {
		m.waiting = map[markOf]Mark{}
	}
	have := m.waiting[of]
	m.waiting[of] = Mark{Delivered: max(have.Delivered, mark.Delivered), Seen: max(have.Seen, mark.Seen)}
}

// flush writes what was gathered.
func (m *marks) flush() {
	m.mu.Lock()
	batch := m.waiting
	m.waiting, m.timer = nil, false
	m.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	all := make([]markOf, 0, len(batch))
	for of := range batch {
		all = append(all, of)
	}
	largest := markSizes[len(markSizes)-1]
	for len(all) > 0 {
		n := min(len(all), largest)
		if err := m.write(all[:n], batch); err != nil {
			// A tick that is not shown is no loss that a child would feel; the next one writes it.
			m.chats.slog.Warn("marks were not written", "count", n, "error", err)
		} else {
			m.announce(all[:n], batch)
		}
		all = all[n:]
	}
}

func (m *marks) write(all []markOf, batch map[markOf]Mark) error {
	size := markSizes[len(markSizes)-1]
	for _, s := range markSizes {
		if s >= len(all) {
			size = s
			break
		}
	}
	args := make([]any, 0, 4*size)
	for _, of := range all {
		mark := batch[of]
		args = append(args, of.contactID, of.who, mark.Delivered, mark.Seen)
	}
	for len(args) < 4*size {
		args = append(args, "", "", int64(0), int64(0))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := m.chats.db.Append(ctx, store.Stmt{SQL: writeMarks(size), Args: args})
	return err
}

func (m *marks) announce(all []markOf, batch map[markOf]Mark) {
	for _, of := range all {
		e := Event{Kind: EventMarks, Who: of.who, Mark: batch[of]}
		if t := m.chats.feed.topic(of.contactID); t != nil {
			t.tell(e)
		}
		m.chats.bus.PublishElsewhere("contact."+of.contactID+".marks", []byte(`{"who":"`+of.who+`","delivered":`+
			strconv.FormatInt(e.Mark.Delivered, 10)+`,"seen":`+strconv.FormatInt(e.Mark.Seen, 10)+`,"node":"`+m.chats.bus.NodeID()+`"}`))
	}
}

var markTexts sync.Map // size → SQL

// writeMarks is one statement for size marks; it only ever raises what is there.
func writeMarks(size int) string {
	if text, ok := markTexts.Load(size); ok {
		return text.(string)
	}
	var b strings.Builder
	b.WriteString(`INSERT INTO message_mark (contact_id, who, delivered, seen)
	SELECT c.id, v.column2, v.column3, v.column4 FROM (VALUES `)
	for i := range size {
		if i > 0 {
			b.WriteString(", ")
		}
		n := 4 * i
		b.WriteString("(CAST($" + strconv.Itoa(n+1) + " AS TEXT), CAST($" + strconv.Itoa(n+2) + " AS TEXT), CAST($" +
			strconv.Itoa(n+3) + " AS BIGINT), CAST($" + strconv.Itoa(n+4) + " AS BIGINT))")
	}
	b.WriteString(`) AS v JOIN contact c ON c.id = v.column1
	WHERE v.column3 <= (SELECT COALESCE(max(m.seq), 0) FROM message m WHERE m.contact_id = c.id)
	ON CONFLICT (contact_id, who) DO UPDATE SET
		delivered = CASE WHEN excluded.delivered > message_mark.delivered THEN excluded.delivered ELSE message_mark.delivered END,
		seen = CASE WHEN excluded.seen > message_mark.seen THEN excluded.seen ELSE message_mark.seen END
	WHERE excluded.delivered > message_mark.delivered OR excluded.seen > message_mark.seen`)
	markTexts.Store(size, b.String())
	return b.String()
}

// Marks returns how far each side was reached and has read.
func (c *Chats) Marks(ctx context.Context, contactID string) (visitor, staff Mark, err error) {
	type row struct {
		who string
		Mark
	}
	rows, err := store.All(ctx, c.db, func(r store.Row) (row, error) {
		var m row
		return m, r.Scan(&m.who, &m.Delivered, &m.Seen)
	}, `SELECT who, delivered, seen FROM message_mark WHERE contact_id = $1`, contactID)
	for _, r := range rows {
		if r.who == Visitor {
			visitor = r.Mark
		} else {
			staff = r.Mark
		}
	}
	return visitor, staff, err
}
