package rota

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// NewFeed makes a secret address for somebody's calendar, in the place of the one that she had; token is the end of it and is shown
// this once. Whoever has it reads when she works and nothing else: 256 bits by chance, of which the record keeps a hash.
func (r *Rota) NewFeed(ctx context.Context, by audit.Actor) (token string, err error) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	token = base64.RawURLEncoding.EncodeToString(raw)
	hash := sha256.Sum256([]byte(token))
	return token, r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO rota_feed (staff_id, token_hash, made_at) VALUES ($1, $2, $3) ON CONFLICT (staff_id) DO UPDATE SET token_hash = $2, made_at = $3`, by.ID, hash[:], store.Millis(r.now())); err != nil {
			return err
		}
		return r.record(ctx, tx, by, "rota.feed", "staff", by.ID, nil)
	})
}

// EndFeed ends the address of somebody's calendar.
func (r *Rota) EndFeed(ctx context.Context, by audit.Actor) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM rota_feed WHERE staff_id = $1`, by.ID)
		if err != nil || n == 0 {
			return err
		}
		return r.record(ctx, tx, by, "rota.feed_end", "staff", by.ID, nil)
	})
}

// HasFeed says since when somebody's calendar has an address; 0 for none.
func (r *Rota) HasFeed(ctx context.Context, staffID string) (int64, error) {
	at, err := store.One(ctx, r.db, scanInt, `SELECT made_at FROM rota_feed WHERE staff_id = $1`, staffID)
	if errors.Is(err, store.ErrNoRow) {
		return 0, nil
	}
	return at, err
}

// feedBack and feedAhead are what of the rota a calendar has.
const (
	feedBack  = 28 * 24 * time.Hour
	feedAhead = 180 * 24 * time.Hour
)

// Feed is the calendar of a secret address; what is the neutral words of a shift ("Vigie – shift"). It ends with the account.
// fault.NotFound "fault.rota.feed".
func (r *Rota) Feed(ctx context.Context, token, what string) (string, error) {
	unknown := fault.New(fault.NotFound, "fault.rota.feed")
	hash := sha256.Sum256([]byte(token))
	id, err := store.One(ctx, r.db, func(row store.Row) (id string, err error) { return id, row.Scan(&id) }, `SELECT staff_id FROM rota_feed WHERE token_hash = $1`, hash[:])
	if errors.Is(err, store.ErrNoRow) {
		return "", unknown
	}
	if err != nil {
		return "", err
	}
	people, err := r.o.People.Roster(ctx)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(people, func(p staff.Person) bool { return p.ID == id && p.Active }) {
		return "", unknown
	}
	now := r.now()
	shifts, err := store.All(ctx, r.db, scanShift, selectShifts+` WHERE s.state <> 'draft' AND s.to_at > $2 AND s.from_at < $3
		AND (s.staff_id = $1 OR s.id IN (SELECT w.shift_id FROM rota_swap w WHERE w.offered_by = $1 AND w.state = 'agreed')) ORDER BY s.from_at, s.id`, id, store.Millis(now.Add(-feedBack)), store.Millis(now.Add(feedAhead)))
	if err != nil {
		return "", err
	}
	for i := range shifts {
		if shifts[i].StaffID != id { // a colleague has it now
			shifts[i].State = Cancelled
		}
	}
	return Calendar(shifts, what), nil
}

// Calendar writes shifts as iCalendar (RFC 5545): moments in UTC, which need no VTIMEZONE and are right on every day, one UID a shift
// for as long as it is, SEQUENCE and STATUS:CANCELLED for what changed. It says nothing of the post, the place or anybody.
func Calendar(shifts []Shift, what string) string {
	var b strings.Builder
	line := func(text string) { b.WriteString(folded(text)) }
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//Vigie//Rota//FR")
	line("CALSCALE:GREGORIAN")
	line("METHOD:PUBLISH")
	line("REFRESH-INTERVAL;VALUE=DURATION:PT1H") // RFC 7986 §5.7
	for _, s := range shifts {
		line("BEGIN:VEVENT")
		line("UID:" + s.ID + "@vigie")
		line("DTSTAMP:" + utc(s.ChangedAt))
		line("LAST-MODIFIED:" + utc(s.ChangedAt))
		line("DTSTART:" + utc(s.FromAt))
		line("DTEND:" + utc(s.ToAt))
		line("SEQUENCE:" + strconv.FormatInt(s.Seq, 10))
		status := "CONFIRMED"
		if s.State == Cancelled {
			status = "CANCELLED"
		}
		line("STATUS:" + status)
		line("SUMMARY:" + escaped(what))
		line("CLASS:PRIVATE")
		line("END:VEVENT")
	}
	line("END:VCALENDAR")
	return b.String()
}

func utc(ms int64) string { return store.Time(ms).UTC().Format("20060102T150405Z") }

// escaped is a text as a value of type TEXT (RFC 5545 §3.3.11).
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`).Replace(text)
}

// folded ends a content line, and breaks it before it has more than 75 octets, never within a sign (RFC 5545 §3.1).
func folded(text string) string {
	var b strings.Builder
	n := 0
	for _, sign := range text {
		size := utf8.RuneLen(sign)
		if n+size > 75 {
			b.WriteString("\r\n ")
			n = 1
		}
		b.WriteRune(sign)
		n += size
	}
	b.WriteString("\r\n")
	return b.String()
}
