package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var (
	ctx = context.Background()
	key = bytes.Repeat([]byte{7}, 32)
)

// clock is a time that moves when a test says so.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func look(contact string) audit.Entry {
	return audit.Entry{
		Actor: audit.Actor{Kind: audit.Staff, ID: "staff-a"}, Act: "contact.read", Object: "contact", ObjectID: contact,
		Purpose: "training", Detail: map[string]string{"channel": "chat", "from": "search"},
	}
}

func record(t testing.TB, db *store.DB, l *audit.Log, entries ...audit.Entry) {
	t.Helper()
	err := db.Tx(ctx, func(tx *store.Tx) error {
		for _, e := range entries {
			if err := l.Record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sealTail(t testing.TB, l *audit.Log, want int) {
	t.Helper()
	if n, err := l.SealTail(ctx); n != want || err != nil {
		t.Fatalf("%d rows sealed, %v; want %d", n, err, want)
	}
}

func verify(t testing.TB, db *store.DB, known ...audit.Head) audit.Report {
	t.Helper()
	r, err := audit.Verify(ctx, db, key, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exec(t testing.TB, db *store.DB, query string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(ctx, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A row is there with its act and gone with it, whichever way the act is written, and reads as it was written.
func TestRowLivesWithItsAct(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := audit.Open(db, key, "here", c.Now)
		boom := errors.New("boom")
		err := db.Tx(ctx, func(tx *store.Tx) error { return errors.Join(l.Record(ctx, tx, look("undone")), boom) })
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if wrote, err := db.Append(ctx, l.Stmt(look("refused")), store.Stmt{SQL: `SELECT id FROM audit WHERE id = 'none'`, MustReturn: true}); wrote || err != nil {
			t.Fatal(wrote, err)
		}
		record(t, db, l, look("a"))
		if wrote, err := db.Append(ctx, l.Stmt(look("b"))); !wrote || err != nil {
			t.Fatal(wrote, err)
		}
		rows, err := l.Rows(ctx, audit.Filter{})
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, object := range []string{"b", "a"} { // the newest first
			if want := look(object); fmt.Sprint(rows[i].Entry) != fmt.Sprint(want) || rows[i].At != store.Millis(c.Now()) || rows[i].Block != 0 {
				t.Errorf("row %d is %+v, want %+v", i, rows[i], want)
			}
		}
	})
}

// Nothing that could be a word, a name, a number or an address gets into the log: the act is refused
// with its row, and neither the fault nor the server's log repeats it.
func TestOnlyCodesAndIDs(t *testing.T) {
	db := storetest.SQLite(t)
	l := audit.Open(db, key, "here", newClock().Now)
	with := func(change func(e *audit.Entry)) audit.Entry {
		e := look("0193f0aa-0000-7000-8000-000000000000")
		change(&e)
		return e
	}
	detail := func(text string) audit.Entry {
		return with(func(e *audit.Entry) { e.Detail = map[string]string{"note": text} })
	}
	var many = map[string]string{}
	for i := range 17 {
		many[fmt.Sprint("n", i)] = "1"
	}
	bad := map[string]audit.Entry{
		"no actor":           with(func(e *audit.Entry) { e.Actor = audit.Actor{} }),
		"name as actor":      with(func(e *audit.Entry) { e.Actor.ID = "Marie Martin" }),
		"no act":             with(func(e *audit.Entry) { e.Act = "" }),
		"sentence as act":    with(func(e *audit.Entry) { e.Act = "Marie reads" }),
		"long act":           with(func(e *audit.Entry) { e.Act = strings.Repeat("a", 65) }),
		"e-mail as id":       with(func(e *audit.Entry) { e.ObjectID = "marie@example.org" }),
		"accent as object":   with(func(e *audit.Entry) { e.Object = "élève" }),
		"reason as purpose":  with(func(e *audit.Entry) { e.Purpose = "Marie asked" }),
		"word":               detail("je ne veux plus"),
		"number abroad":      detail("+33612345678"),
		"number":             detail("0612345678"),
		"number with dots":   detail("06.12.34.56.78"),
		"address":            detail("192.0.2.7"),
		"address and port":   detail("192.0.2.7:4711"),
		"long address":       detail("2001:db8::1"),
		"act with a hole":    with(func(e *audit.Entry) { e.Act = "contact..open" }),
		"act with an end":    with(func(e *audit.Entry) { e.Act = "contact." }),
		"act with a capital": with(func(e *audit.Entry) { e.Act = "Contact" }),
		"long address, port": detail("[2001:db8::1]:443"),
		"mapped address":     detail("::ffff:192.0.2.7"),
		"control character":  detail("a\x00b"),
		"long text":          detail(strings.Repeat("a", 65)),
		"word as the name":   with(func(e *audit.Entry) { e.Detail = map[string]string{"Marie M": "1"} }),
		"too many to be one": with(func(e *audit.Entry) { e.Detail = many }),
	}
	var out bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	for what, e := range bad {
		err := db.Tx(ctx, func(tx *store.Tx) error { return l.Record(ctx, tx, e) })
		if f := fault.As(err); f == nil || f.Kind != fault.Internal || f.Key != "fault.audit.entry" {
			t.Errorf("%s: %v", what, err)
		} else {
			fmt.Fprintln(&out, err)
		}
		if wrote, err := db.Append(ctx, l.Stmt(look("beside")), l.Stmt(e)); wrote || err == nil {
			t.Errorf("%s: appended, %v", what, err)
		}
	}
	for _, word := range []string{"Marie", "marie", "veux", "33612", "0612", "192.0", "db8", "élève", "\x00"} {
		if strings.Contains(out.String(), word) {
			t.Errorf("%q was repeated", word)
		}
	}
	if rows, err := l.Rows(ctx, audit.Filter{}); err != nil || len(rows) != 0 {
		t.Errorf("%d rows were written, %v", len(rows), err)
	}
	for _, good := range []string{"", "3018", "fr", "0193f0aa-0000-7000-8000-000000000000", "1732398000000", "talking", "v2.1", "a/b", "20s"} {
		if err := db.Tx(ctx, func(tx *store.Tx) error { return l.Record(ctx, tx, detail(good)) }); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
}

// The log is read by who, what, which, when, and page by page, the newest first.
func TestRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := audit.Open(db, key, "here", c.Now)
		for i := range 7 {
			e := look(fmt.Sprint("contact-", i%2))
			if i%3 == 0 {
				e.Actor, e.Act = audit.Actor{Kind: audit.Visitor, ID: e.ObjectID}, "contact.open"
			}
			record(t, db, l, e)
			c.Move(time.Minute)
		}
		start := newClock().Now()
		for _, tc := range []struct {
			what   string
			filter audit.Filter
			want   int
		}{
			{"all", audit.Filter{}, 7},
			{"by a visitor", audit.Filter{ActorKind: audit.Visitor}, 3},
			{"by one member of staff", audit.Filter{ActorKind: audit.Staff, ActorID: "staff-a"}, 4},
			{"of one contact", audit.Filter{Object: "contact", ObjectID: "contact-1"}, 3},
			{"of one kind", audit.Filter{Act: "contact.open"}, 3},
			{"in a time", audit.Filter{From: start.Add(time.Minute), Until: start.Add(3 * time.Minute)}, 2},
			{"of another kind", audit.Filter{Object: "file"}, 0},
		} {
			rows, err := l.Rows(ctx, tc.filter)
			if err != nil || len(rows) != tc.want {
				t.Errorf("%s: %d rows, %v; want %d", tc.what, len(rows), err, tc.want)
			}
		}
		var pages []string
		for f := (audit.Filter{Limit: 3}); ; {
			rows, err := l.Rows(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, r := range rows {
				pages = append(pages, r.ID)
				f.Before = r.ID
			}
		}
		if len(pages) != 7 {
			t.Errorf("%d rows on all pages", len(pages))
		}
		for i := 1; i < len(pages); i++ {
			if pages[i] >= pages[i-1] {
				t.Error("the pages are not in order")
			}
		}
	})
}
