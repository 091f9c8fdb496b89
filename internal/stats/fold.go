package stats

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// cell is one counting cell, as a contact stands in it. Day is a day (20261128), or a month (202611).
type cell struct {
	Dim     Dim     `json:"d"`
	Day     int64   `json:"t"`
	Channel string  `json:"c"`
	Code    string  `json:"k,omitempty"`
	Measure Measure `json:"m"`
}

func (c cell) compare(d cell) int {
	return cmp.Or(cmp.Compare(c.Dim, d.Dim), cmp.Compare(c.Day, d.Day), cmp.Compare(c.Channel, d.Channel), cmp.Compare(c.Code, d.Code), cmp.Compare(c.Measure, d.Measure))
}

// course is what of a contact's way no row of its own keeps: how long it was talked with, and when its person left unanswered.
type course struct{ talked, goneAt int64 }

// moved marks a contact that moved, and notes what its row will no longer say.
func (s *Stats) moved(ctx context.Context, tx *store.Tx, m contact.Moved) error {
	var talked, gone int64
	now := store.Millis(s.now())
	if m.Before.State == contact.Talking && m.After.State != contact.Talking {
		talked = max(0, now-m.Before.StateSince)
	}
	if m.After.AnsweredAt == 0 && m.Before.State != contact.Left && (m.After.State == contact.Left || m.After.State == contact.Closed) {
		gone = now
	}
	return mark(ctx, tx, m.After.ID, talked, gone)
}

func mark(ctx context.Context, tx *store.Tx, contactID string, talked, gone int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO stat_due (contact_id, turn, talked, gone_at) VALUES ($1, 1, $2, $3)
		ON CONFLICT (contact_id) DO UPDATE SET turn = stat_due.turn + 1, talked = stat_due.talked + excluded.talked,
			gone_at = CASE WHEN excluded.gone_at > 0 THEN excluded.gone_at ELSE stat_due.gone_at END`, contactID, talked, gone)
	return err
}

// Lost marks a call that ended before it was a contact; the phone calls it in the transaction of that end.
func (s *Stats) Lost(ctx context.Context, tx *store.Tx, callID string) error {
	_, err := tx.Exec(ctx, `INSERT INTO stat_due_call (call_id) VALUES ($1) ON CONFLICT (call_id) DO NOTHING`, callID)
	return err
}

const (
	// batch is how many are read at once.
	batch = 200
	// together is how many are counted in one transaction: what it costs to commit is shared, and nobody waits long for its end.
	together = 10
)

// Fold counts all that is due. Any number of nodes may do it at once.
func (s *Stats) Fold(ctx context.Context) error {
	return s.fold(ctx, func(time.Duration) bool { return true })
}

// foldSoon counts what is due for whoever waits for a page: as much as there is time for. What is left is counted in the background.
func (s *Stats) foldSoon(ctx context.Context) error {
	began := time.Now()
	return s.fold(ctx, func(time.Duration) bool { return time.Since(began) < time.Second })
}

// fold counts all that is due. After each transaction it asks whether to go on, and says how long that took.
func (s *Stats) fold(ctx context.Context, goOn func(took time.Duration) bool) error {
	if err := s.rewrite(ctx); err != nil {
		return err
	}
	for {
		all, err := store.All(ctx, s.db, scanText, `SELECT contact_id FROM stat_due ORDER BY contact_id LIMIT `+strconv.Itoa(batch))
		if err != nil {
			return err
		}
		for some := range slices.Chunk(all, together) {
			began := time.Now()
			if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.count(ctx, tx, some...) }); err != nil {
				return err
			}
			if !goOn(time.Since(began)) {
				return nil
			}
		}
		if len(all) < batch {
			break
		}
	}
	for {
		calls, err := store.All(ctx, s.db, scanText, `SELECT call_id FROM stat_due_call ORDER BY call_id LIMIT `+strconv.Itoa(batch))
		if err != nil {
			return err
		}
		for _, id := range calls {
			if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.countCall(ctx, tx, id) }); err != nil {
				return err
			}
		}
		if len(calls) < batch {
			return nil
		}
	}
}

// rewrite makes lines of what was kept as cells by an older version, once. Nothing is counted anew: what the contact was counted from may
// be gone.
func (s *Stats) rewrite(ctx context.Context) error {
	for !s.rewritten.Load() {
		type old struct{ id, text string }
		all, err := store.All(ctx, s.db, func(r store.Row) (o old, err error) { return o, r.Scan(&o.id, &o.text) },
			`SELECT contact_id, line FROM stat_counted WHERE day = 0 AND line LIKE '[%' LIMIT `+strconv.Itoa(batch))
		if err != nil {
			return err
		}
		if len(all) == 0 {
			s.rewritten.Store(true)
			return nil
		}
		err = s.db.Tx(ctx, func(tx *store.Tx) error {
			for _, o := range all {
				l, err := lineOfCells(o.text)
				if err != nil {
					return err
				}
				// Who counted it meanwhile has written its line.
				if _, err := tx.Exec(ctx, `UPDATE stat_counted SET day = $3, line = $4 WHERE contact_id = $1 AND line = $2`, o.id, o.text, max(l.day, 1), l.text()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts contacts as they stand.
func (s *Stats) count(ctx context.Context, tx *store.Tx, ids ...string) error {
	by := map[cell]int64{}
	for _, id := range ids {
		before, after, err := s.counted(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, c := range before {
			by[c]--
		}
		for _, c := range after {
			by[c]++
		}
	}
	return apply(ctx, tx, by)
}

func scanCourse(r store.Row) (way course, err error) { return way, r.Scan(&way.talked, &way.goneAt) }

// counted takes the mark of a contact, notes the line that it is now, and returns the cells that it was counted in and those it is to be
// counted in; none where there is no mark. The mark is taken first, with what it says: who else takes it, or puts a new one, waits for us
// and then finds none, or its own.
func (s *Stats) counted(ctx context.Context, tx *store.Tx, id string) (before, after []cell, err error) {
	way, err := store.One(ctx, tx, scanCourse, `DELETE FROM stat_due WHERE contact_id = $1 RETURNING talked, gone_at`, id)
	if errors.Is(err, store.ErrNoRow) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ct, err := s.contacts.GetWithin(ctx, tx, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	type counted struct {
		course
		day  int64
		line string
	}
	had, err := store.One(ctx, tx, func(r store.Row) (c counted, err error) { return c, r.Scan(&c.talked, &c.goneAt, &c.day, &c.line) },
		`SELECT talked, gone_at, day, line FROM stat_counted WHERE contact_id = $1`, id)
	if err != nil && !errors.Is(err, store.ErrNoRow) {
		return nil, nil, err
	}
	was := lineOf(had.day, had.line)
	if isCells(had.line) {
		if was, err = lineOfCells(had.line); err != nil {
			return nil, nil, err
		}
	}
	way.talked += had.talked
	way.goneAt = cmp.Or(way.goneAt, had.goneAt)
	now, err := s.line(ctx, tx, ct, way, was)
	if err != nil {
		return nil, nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO stat_counted (contact_id, talked, gone_at, day, line) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (contact_id) DO UPDATE SET talked = excluded.talked, gone_at = excluded.gone_at, day = excluded.day, line = excluded.line`,
		id, way.talked, way.goneAt, now.day, now.text())
	return was.cells(), now.cells(), err
}

// lastly counts a contact that is erased in this transaction, if it is due: afterwards nobody can. Files that have its line are taken away.
func (s *Stats) lastly(ctx context.Context, tx *store.Tx, contactID string) error {
	if err := s.count(ctx, tx, contactID); err != nil {
		return err
	}
	return s.dropFilesOf(ctx, tx, contactID)
}

// apply adds to cells, or takes away; what comes to nothing stays untouched. All who count go through the cells in one order, so that no
// two wait for one another.
func apply(ctx context.Context, tx *store.Tx, by map[cell]int64) error {
	var changed []cell
	for c, n := range by {
		if n != 0 {
			changed = append(changed, c)
		}
	}
	slices.SortFunc(changed, cell.compare)
	for _, c := range changed {
		if err := add(ctx, tx, c, by[c]); err != nil {
			return err
		}
	}
	return nil
}

func add(ctx context.Context, tx *store.Tx, c cell, n int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO stat_cell (dim, day, channel, code, measure, n) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (dim, day, channel, code, measure) DO UPDATE SET n = stat_cell.n + excluded.n`, string(c.Dim), c.Day, c.Channel, c.Code, string(c.Measure), n)
	return err
}

// line is what a contact counts as; that of an exercise says nothing, and counts nowhere. was is what it counted as, where its call is no
// longer kept.
func (s *Stats) line(ctx context.Context, tx *store.Tx, ct contact.Contact, way course, was line) (l line, err error) {
	if isInvented(ct) {
		return l, nil
	}
	// A call arrives when it rings, its contact when it stands in line.
	arrived, how := ct.OpenedAt, ""
	if ct.Channel == contact.ChannelPhone {
		type call struct {
			began int64
			how   string
		}
		first, err := store.One(ctx, tx, func(r store.Row) (c call, err error) { return c, r.Scan(&c.began, &c.how) },
			`SELECT began_at, outcome FROM phone_call WHERE contact_id = $1 AND direction = 'in' ORDER BY began_at, id LIMIT 1`, ct.ID)
		if err != nil && !errors.Is(err, store.ErrNoRow) {
			return l, err
		}
		if err == nil {
			arrived, how, was = first.began, first.how, line{}
		}
	}
	became := becomes(ct, way, arrived, how)
	l = s.arrival(arrived, ct.Channel, became, ct.Lang)
	if ct.Channel == contact.ChannelPhone && len(was.said) > 0 {
		if unanswered(became) && unanswered(Measure(was.get(Became))) {
			became = Measure(was.get(Became))
		}
		l = arrival(was.day, was.get(Hour), ct.Channel, became, ct.Lang)
	}
	if ct.Closing != "" {
		l.add(Closing, ct.Closing)
	}
	// Whoever waits for a call at a time, or wrote a letter, does not wait as one who stands in line.
	if isLive(ct.Channel) && ct.AnsweredAt > 0 {
		l.waits(time.Duration(ct.AnsweredAt-ct.OpenedAt) * time.Millisecond)
	}
	if became != Treated {
		return l, nil
	}
	if way.talked > 0 {
		l.add(Length, bucket(time.Duration(way.talked)*time.Millisecond))
	}
	rated, err := store.All(ctx, tx, scanText, `SELECT code FROM contact_satisfaction WHERE contact_id = $1`, ct.ID)
	if err != nil {
		return l, err
	}
	for _, code := range rated {
		l.add(Satisfaction, code)
	}
	if ct.State == contact.Closed {
		err = l.form(ctx, tx, ct)
	}
	return l, err
}

// arrival is the line of whoever arrived, as much as is known of everybody.
func (s *Stats) arrival(at int64, channel string, became Measure, lang string) line {
	t := store.Time(at).In(s.zone())
	return arrival(DayOf(t), t.Format("15"), channel, became, lang)
}

func arrival(day int64, hour, channel string, became Measure, lang string) line {
	l := line{day: day}
	l.add(Channel, channel)
	l.add(Became, string(became))
	l.add(Hour, hour)
	l.add(Lang, lang)
	return l
}

// unanswered says of what a call became that it depends on when it rang, and how it ended.
func unanswered(m Measure) bool { return m == Short || m == Abandoned || m == Dissuaded }

// isLive says of a channel that somebody waits in it to be answered at once.
func isLive(channel string) bool {
	return channel == contact.ChannelChat || channel == contact.ChannelPhone
}

// waits says how long she waited who was answered.
func (l *line) waits(waited time.Duration) {
	l.add(Wait, bucket(waited))
	if waited <= ServiceWithin {
		l.add(inTime, "1")
	}
}

// becomes is the one of the 119's words that a contact is.
func becomes(ct contact.Contact, way course, arrived int64, how string) Measure {
	switch {
	case ct.Closing != "":
		return PreTreated
	case ct.AnsweredAt > 0:
		return Treated
	case ct.State != contact.Closed:
		return Ongoing
	case how == "house" || how == "blocked":
		return Dissuaded
	case time.Duration(cmp.Or(way.goneAt, ct.ClosedAt)-arrived)*time.Millisecond < ShortWithin:
		return Short
	}
	return Abandoned
}

// form says what the counsellor wrote down. What she did not is Unknown, so that shares are of all.
func (l *line) form(ctx context.Context, tx *store.Tx, ct contact.Contact) error {
	type fact struct{ field, code string }
	facts, err := store.All(ctx, tx, func(r store.Row) (f fact, err error) { return f, r.Scan(&f.field, &f.code) },
		`SELECT field, code FROM contact_fact WHERE contact_id = $1 ORDER BY field, code`, ct.ID)
	if err != nil {
		return err
	}
	age := Unknown
	for _, f := range facts {
		if d, ok := fields[f.field]; ok {
			l.add(d, f.code)
		}
		if years, err := strconv.Atoi(f.code); f.field == "age" && err == nil {
			age = band(years)
		}
	}
	l.add(Age, age)
	for _, d := range slices.Sorted(maps.Values(fields)) {
		if l.get(d) == "" {
			l.add(d, Unknown)
		}
	}
	return nil
}

func band(years int) string {
	for _, a := range Ages {
		if years <= a.Last {
			return a.Code
		}
	}
	return Unknown
}

// countCall counts a call that was never a contact: whoever hung up in the greeting, or heard that we are closed.
func (s *Stats) countCall(ctx context.Context, tx *store.Tx, id string) error {
	n, err := tx.Exec(ctx, `DELETE FROM stat_due_call WHERE call_id = $1`, id)
	if err != nil || n == 0 {
		return err
	}
	type call struct {
		began, ended int64
		lang, how    string
	}
	k, err := store.One(ctx, tx, func(r store.Row) (k call, err error) { return k, r.Scan(&k.began, &k.ended, &k.lang, &k.how) },
		`SELECT began_at, ended_at, lang, outcome FROM phone_call WHERE id = $1`, id)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	became := Abandoned
	switch {
	case k.how == "house" || k.how == "blocked":
		became = Dissuaded
	case time.Duration(k.ended-k.began)*time.Millisecond < ShortWithin:
		became = Short
	}
	by := map[cell]int64{}
	for _, c := range s.arrival(k.began, contact.ChannelPhone, became, k.lang).cells() {
		by[c]++
	}
	return apply(ctx, tx, by)
}

// weekday is that of a day of a cell: 0 is Monday.
func weekday(day int64) int { return (int(DateOf(day, time.UTC).Weekday()) + 6) % 7 }

func scanText(r store.Row) (s string, err error) { return s, r.Scan(&s) }

// DayOf is a day as a cell has it: 20261128.
func DayOf(t time.Time) int64 {
	y, m, d := t.Date()
	return int64(y)*10000 + int64(m)*100 + int64(d)
}

// DateOf is when a day of a cell begins.
func DateOf(day int64, zone *time.Location) time.Time {
	return time.Date(int(day/10000), time.Month(day/100%100), int(day%100), 0, 0, 0, 0, zone)
}
