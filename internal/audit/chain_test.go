package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// What was written is sealed block by block, and all agrees; with nothing to seal, it costs one statement.
func TestSealAndVerify(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := audit.Open(db, key, "here", c.Now)
		if r := verify(t, db); r.Broken != "" || r.Blocks != 0 || r.Head.Block != 0 {
			t.Errorf("an empty log: %+v", r)
		}
		total := 0
		for i := range 4 {
			for range i + 1 {
				record(t, db, l, look(fmt.Sprint("contact-", i)))
				total++
			}
			c.Move(time.Second)
			sealTail(t, l, i+1)
		}
		before := db.Statements()
		sealTail(t, l, 0)
		if n := db.Statements() - before; n != 1 {
			t.Errorf("%d statements for nothing to do", n)
		}
		record(t, db, l, look("a"), look("b"))
		before = db.Statements()
		sealTail(t, l, 2)
		if n := db.Statements() - before; n > 5 {
			t.Errorf("%d statements for a block", n)
		}
		record(t, db, l, look("c"))
		r := verify(t, db)
		if r.Broken != "" || r.Blocks != 5 || r.Rows != total+2 || r.Unsealed != 1 || !r.OldestUnsealed.Equal(c.Now()) || r.Head.Block != 5 || r.Late != 0 {
			t.Errorf("%+v", r)
		}
		if head, err := l.Head(ctx); err != nil || head != r.Head {
			t.Errorf("head %v, %v; want %v", head, err, r.Head)
		}
		if r, err := audit.Verify(ctx, db, make([]byte, 32)); err != nil || r.Broken == "" {
			t.Errorf("another key agrees too: %+v, %v", r, err)
		}
	})
}

// A tail longer than a block becomes several.
func TestLongTail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := audit.Open(db, key, "here", c.Now)
		const rows = 4321
		entries := make([]audit.Entry, rows)
		for i := range entries {
			entries[i] = look(fmt.Sprint("contact-", i))
		}
		record(t, db, l, entries...)
		c.Move(2 * time.Minute)
		sealTail(t, l, rows)
		if r := verify(t, db); r.Broken != "" || r.Blocks != 3 || r.Rows != rows || r.Late != rows {
			t.Errorf("%+v", r)
		}
	})
}

// chain is a log of six blocks of three rows and two unsealed rows, which a test can spoil and put back.
type chain struct {
	db     *store.DB
	rows   [][]any
	blocks [][]any
	known  audit.Head // the head as it was kept outside
}

const (
	rowFields   = `id, at, actor_kind, actor_id, act, object, object_id, purpose, detail, mark, block`
	blockFields = `number, at, row_count, mac`
)

func newChain(t *testing.T, db *store.DB) *chain {
	c := newClock()
	l := audit.Open(db, key, "here", c.Now)
	for i := range 6 {
		for n := range 3 {
			record(t, db, l, look(fmt.Sprintf("contact-%d-%d", i, n)))
		}
		c.Move(time.Second)
		sealTail(t, l, 3)
	}
	record(t, db, l, look("late-1"), look("late-2"))
	ch := &chain{db: db, rows: copyRows(t, db, `audit`, rowFields), blocks: copyRows(t, db, `audit_block`, blockFields)}
	ch.known, _ = l.Head(ctx)
	if len(ch.rows) != 20 || len(ch.blocks) != 6 {
		t.Fatalf("%d rows, %d blocks", len(ch.rows), len(ch.blocks))
	}
	return ch
}

func copyRows(t testing.TB, db *store.DB, table, fields string) [][]any {
	t.Helper()
	n := strings.Count(fields, ",") + 1
	rows, err := store.All(ctx, db, func(r store.Row) ([]any, error) {
		row, into := make([]any, n), make([]any, n)
		for i := range row {
			into[i] = &row[i]
		}
		return row, r.Scan(into...)
	}, `SELECT `+fields+` FROM `+table+` ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (ch *chain) restore(t testing.TB) {
	t.Helper()
	exec(t, ch.db, `DELETE FROM audit`)
	exec(t, ch.db, `DELETE FROM audit_block`)
	for _, r := range ch.rows {
		exec(t, ch.db, `INSERT INTO audit (`+rowFields+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`, r...)
	}
	for _, b := range ch.blocks {
		exec(t, ch.db, `INSERT INTO audit_block (`+blockFields+`) VALUES ($1,$2,$3,$4)`, b...)
	}
}

// id returns the id of the n-th row of the log, block by block.
func (ch *chain) id(n int) string { return ch.rows[n][0].(string) }

// Whatever somebody with the database does to what is sealed is found, and the first place that does not
// agree is named.
func TestTamperingIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ch := newChain(t, db)
		change := func(query string, args ...any) func() {
			return func() {
				t.Helper()
				if exec(t, db, query, args...) == 0 {
					t.Fatalf("%s: nothing was changed, so it shows nothing", query)
				}
			}
		}
		both := func(steps ...func()) func() {
			return func() {
				for _, s := range steps {
					s()
				}
			}
		}
		row7, row10 := ch.id(7), ch.id(10) // in blocks 3 and 4
		inserted := func(block any, mark []byte) func() {
			r := append([]any(nil), ch.rows[7]...)
			r[0], r[9], r[10] = store.NewID(), mark, block
			return change(`INSERT INTO audit (`+rowFields+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`, r...)
		}
		mark7 := ch.rows[7][9].([]byte)
		type spoil struct {
			do   func()
			want string // part of what is said
		}
		cases := map[string]spoil{
			"deleted row":                   {change(`DELETE FROM audit WHERE id = $1`, row7), "block 3 has lost 1"},
			"deleted row, count adjusted":   {both(change(`DELETE FROM audit WHERE id = $1`, row7), change(`UPDATE audit_block SET row_count = 2 WHERE number = 3`)), "block 3 was altered"},
			"deleted block":                 {change(`DELETE FROM audit_block WHERE number = 3`), "block 3 is missing"},
			"deleted block with its rows":   {both(change(`DELETE FROM audit_block WHERE number = 3`), change(`DELETE FROM audit WHERE block = 3`)), "block 3 is missing"},
			"block closed up":               {both(change(`DELETE FROM audit_block WHERE number = 3`), change(`DELETE FROM audit WHERE block = 3`), change(`UPDATE audit_block SET number = 3 WHERE number = 4`), change(`UPDATE audit SET block = 3 WHERE block = 4`)), "block 3 was altered"},
			"first block deleted":           {both(change(`DELETE FROM audit_block WHERE number = 1`), change(`DELETE FROM audit WHERE block = 1`)), "block 1 is missing"},
			"block renumbered before":       {change(`UPDATE audit_block SET number = 0 WHERE number = 1`), "block 0 was inserted"},
			"row inserted":                  {inserted(3, make([]byte, 16)), "of block 3 was altered or inserted"},
			"row inserted with its mark":    {inserted(3, mark7), "of block 3 was altered or inserted"},
			"row inserted unsealed":         {inserted(nil, mark7), "before it was sealed"},
			"row inserted in no block":      {inserted(0, mark7), "belongs to no block"},
			"row inserted after the end":    {inserted(99, mark7), "after the last"},
			"row moved to another block":    {change(`UPDATE audit SET block = 4 WHERE id = $1`, row7), "block 3 has lost 1"},
			"row moved to an earlier block": {change(`UPDATE audit SET block = 3 WHERE id = $1`, row10), "block 3 has rows that are not its own"},
			"row taken out of its block":    {change(`UPDATE audit SET block = NULL WHERE id = $1`, row7), "block 3 has lost 1"},
			"two rows' blocks exchanged":    {both(change(`UPDATE audit SET block = 4 WHERE id = $1`, row7), change(`UPDATE audit SET block = 3 WHERE id = $1`, row10)), "block 3 was altered, or its rows exchanged"},
			"two rows' ids exchanged":       {both(change(`UPDATE audit SET id = 'x' WHERE id = $1`, row7), change(`UPDATE audit SET id = $1 WHERE id = $2`, row7, row10), change(`UPDATE audit SET id = $1 WHERE id = 'x'`, row10)), "row " + row10 + " of block 3 was altered"},
			"block's time altered":          {change(`UPDATE audit_block SET at = at + 1 WHERE number = 3`), "block 3 was altered"},
			"block's count altered":         {change(`UPDATE audit_block SET row_count = 4 WHERE number = 3`), "block 3 has lost 1"},
			"block's count absurd":          {change(`UPDATE audit_block SET row_count = 1000000000 WHERE number = 3`), "block 3 was altered"},
			"block's count negative":        {change(`UPDATE audit_block SET row_count = -1 WHERE number = 3`), "block 3 was altered"},
			"block's mac altered":           {change(`UPDATE audit_block SET mac = $1 WHERE number = 3`, make([]byte, 32)), "block 3 was altered"},
			"block's mac emptied":           {change(`UPDATE audit_block SET mac = $1 WHERE number = 3`, []byte{}), "block 3 was altered"},
			"two blocks exchanged": {both(
				change(`UPDATE audit_block SET number = 99 WHERE number = 3`), change(`UPDATE audit_block SET number = 3 WHERE number = 4`), change(`UPDATE audit_block SET number = 4 WHERE number = 99`),
				change(`UPDATE audit SET block = 99 WHERE block = 3`), change(`UPDATE audit SET block = 3 WHERE block = 4`), change(`UPDATE audit SET block = 4 WHERE block = 99`)), "block 3 was altered"},
			"empty block appended":      {change(`INSERT INTO audit_block (number, at, row_count, mac) VALUES (7, 0, 0, $1)`, make([]byte, 32)), "block 7 was altered"},
			"end cut, rows left":        {change(`DELETE FROM audit_block WHERE number > 4`), "after the last"},
			"all blocks cut, rows left": {change(`DELETE FROM audit_block`), "after the last"},
			"unsealed row altered":      {change(`UPDATE audit SET act = 'contact.write' WHERE id = $1`, ch.id(19)), "row " + ch.id(19) + " was altered or inserted before it was sealed"},
		}
		for _, set := range []string{`at = at + 1`, `actor_kind = 'system'`, `actor_id = 'staff-b'`, `act = 'contact.write'`, `object = 'file'`, `object_id = 'x'`, `purpose = ''`, `detail = ''`, `detail = '{"channel": "chat","from":"search"}'`} {
			cases["altered "+set] = spoil{change(`UPDATE audit SET `+set+` WHERE id = $1`, row7), "row " + row7 + " of block 3 was altered"}
		}
		cases["altered mark"] = spoil{change(`UPDATE audit SET mark = $1 WHERE id = $2`, make([]byte, 16), row7), "row " + row7 + " of block 3 was altered"}
		cases["emptied mark"] = spoil{change(`UPDATE audit SET mark = $1 WHERE id = $2`, []byte{}, row7), "row " + row7 + " of block 3 was altered"}
		for what, c := range cases {
			c.do()
			if r := verify(t, db); !strings.Contains(r.Broken, c.want) {
				t.Errorf("%s: said %q, want %q in it", what, r.Broken, c.want)
			}
			ch.restore(t)
		}
		if r := verify(t, db, ch.known); r.Broken != "" || r.Rows != 18 || r.Unsealed != 2 {
			t.Errorf("put back as it was: %+v", r)
		}
	})
}

// Moving a part of one field into its neighbour gives the same letters, and is found all the same.
func TestBordersOfFieldsAreSealed(t *testing.T) {
	db := storetest.SQLite(t)
	ch := newChain(t, db)
	exec(t, db, `UPDATE audit SET object = 'contactc', object_id = substr(object_id, 2) WHERE id = $1`, ch.id(7))
	if r := verify(t, db); r.Broken == "" {
		t.Error("not found")
	}
}

// An end cut off with its rows leaves a shorter chain that agrees; only a head kept outside shows it. The
// same head shows a chain that was cut and then went on.
func TestCutEndIsFoundWithAHead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ch := newChain(t, db)
		kept, err := audit.ParseHead(ch.known.String())
		if err != nil || kept != ch.known {
			t.Fatalf("%v, %v", kept, err)
		}
		if r := verify(t, db, kept); r.Broken != "" {
			t.Errorf("whole: %s", r.Broken)
		}
		exec(t, db, `DELETE FROM audit WHERE block > 4 OR block IS NULL`)
		exec(t, db, `DELETE FROM audit_block WHERE number > 4`)
		if r := verify(t, db); r.Broken != "" {
			t.Errorf("this cannot be found without a head, or the documentation is wrong: %s", r.Broken)
		}
		if r := verify(t, db, kept); !strings.Contains(r.Broken, "ends with block 4") {
			t.Errorf("cut: %q", r.Broken)
		}
		c := newClock()
		c.Move(time.Hour)
		l := audit.Open(db, key, "here", c.Now)
		for range 4 {
			record(t, db, l, look("later"))
			sealTail(t, l, 1)
		}
		if r := verify(t, db); r.Broken != "" {
			t.Errorf("grown again: %s", r.Broken)
		}
		if r := verify(t, db, kept); !strings.Contains(r.Broken, "block 6 is not the one that was known") {
			t.Errorf("grown again: %q", r.Broken)
		}
	})
}

// A chain that was cut, begun anew and then given its old end back does not agree where the old end
// begins: each block names the one before it.
func TestOldEndDoesNotFitANewMiddle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ch := newChain(t, db)
		exec(t, db, `DELETE FROM audit WHERE block > 2 OR block IS NULL`)
		exec(t, db, `DELETE FROM audit_block WHERE number > 2`)
		c := newClock()
		c.Move(time.Hour)
		l := audit.Open(db, key, "here", c.Now)
		record(t, db, l, look("forged"))
		sealTail(t, l, 1)
		for _, r := range ch.rows {
			if n, sealed := r[10].(int64); sealed && n > 3 {
				exec(t, db, `INSERT INTO audit (`+rowFields+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`, r...)
			}
		}
		for _, b := range ch.blocks[3:] {
			exec(t, db, `INSERT INTO audit_block (`+blockFields+`) VALUES ($1,$2,$3,$4)`, b...)
		}
		if r := verify(t, db); !strings.Contains(r.Broken, "block 4 was altered") {
			t.Errorf("said %q", r.Broken)
		}
	})
}

// Rows whose blocks were cut away and which are sealed anew stand out by being late.
func TestResealedRowsAreLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		newChain(t, db)
		exec(t, db, `UPDATE audit SET block = NULL WHERE block > 4`)
		exec(t, db, `DELETE FROM audit_block WHERE number > 4`)
		c := newClock()
		c.Move(time.Hour)
		sealTail(t, audit.Open(db, key, "here", c.Now), 8)
		if r := verify(t, db); r.Late != 8 {
			t.Errorf("%+v", r)
		}
	})
}

// While one node has the lease the other leaves the work to it; when it is gone the other takes over.
func TestOneNodeSeals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		here, there := audit.Open(db, key, "here", c.Now), audit.Open(db, key, "there", c.Now)
		record(t, db, here, look("a"))
		sealTail(t, here, 1)
		for range 20 { // the one who works keeps it
			c.Move(time.Second)
			record(t, db, here, look("b"))
			sealTail(t, there, 0)
			sealTail(t, here, 1)
		}
		record(t, db, here, look("c"))
		sealTail(t, there, 0)
		c.Move(time.Minute) // it died
		sealTail(t, there, 1)
		record(t, db, here, look("d"))
		sealTail(t, here, 0)
		sealTail(t, there, 1)
		if r := verify(t, db); r.Broken != "" || r.Rows != 23 || r.Unsealed != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// Several nodes write and, the lease notwithstanding, seal at the same time: every row is sealed once and
// the chain agrees.
func TestManySealersDoNoHarm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		const nodes, each = 4, 100
		var writers, sealers sync.WaitGroup
		written := make(chan struct{})
		for n := range nodes {
			// All believe to be the node that has the lease.
			l := audit.Open(db, key, "here", c.Now)
			writers.Go(func() {
				for i := range each {
					if wrote, err := db.Append(ctx, l.Stmt(look(fmt.Sprintf("contact-%d-%d", n, i)))); !wrote || err != nil {
						t.Errorf("%v %v", wrote, err)
					}
				}
			})
			sealers.Go(func() {
				for {
					_, err := l.SealTail(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					select {
					case <-written:
						return
					default:
					}
				}
			})
		}
		writers.Wait()
		close(written)
		sealers.Wait()
		l := audit.Open(db, key, "here", c.Now)
		if _, err := l.SealTail(ctx); err != nil {
			t.Fatal(err)
		}
		r := verify(t, db)
		if r.Broken != "" || r.Rows != nodes*each || r.Unsealed != 0 {
			t.Errorf("%+v", r)
		}
		t.Logf("%d rows in %d blocks", r.Rows, r.Blocks)
	})
}

// The chain can be verified while it grows: what is being written is never taken for tampering.
func TestVerifyWhileWriting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := audit.Open(db, key, "here", newClock().Now)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := db.Append(ctx, l.Stmt(look("a"))); err != nil {
					t.Error(err)
					return
				}
				if _, err := l.SealTail(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 30 {
			if r := verify(t, db); r.Broken != "" {
				t.Error(r.Broken)
				break
			}
		}
		close(stop)
		wg.Wait()
	})
}

// Run seals within a second or so, by itself, and what is left when the server stops.
func TestRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := audit.Open(db, key, "here", time.Now)
		running, stop := context.WithCancel(ctx)
		stopped := make(chan struct{})
		go func() { l.Run(running); close(stopped) }()
		record(t, db, l, look("a"))
		for deadline := time.Now().Add(10 * time.Second); verify(t, db).Unsealed > 0; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing seals")
			}
		}
		record(t, db, l, look("b"))
		stop()
		<-stopped
		if r := verify(t, db); r.Unsealed != 0 || r.Rows != 2 || r.Broken != "" {
			t.Errorf("%+v", r)
		}
	})
}

// Whatever is kept as a head, reading it fails quietly or gives back what was written.
func FuzzParseHead(f *testing.F) {
	f.Add("0:")
	f.Add("12:" + strings.Repeat("ab", 32))
	f.Add("-1:")
	f.Add(":")
	f.Fuzz(func(t *testing.T, text string) {
		head, err := audit.ParseHead(text)
		if err != nil {
			return
		}
		if again, err := audit.ParseHead(head.String()); err != nil || again != head {
			t.Errorf("%q: %v, %v", text, again, err)
		}
	})
}

func BenchmarkStmt(b *testing.B) {
	db := storetest.SQLite(b)
	l := audit.Open(db, key, "here", time.Now)
	b.ReportAllocs()
	for b.Loop() {
		l.Stmt(look("0193f0aa-0000-7000-8000-000000000000"))
	}
}

func BenchmarkVerify(b *testing.B) {
	db := storetest.SQLite(b)
	c := newClock()
	l := audit.Open(db, key, "here", c.Now)
	entries := make([]audit.Entry, 10)
	for i := range entries {
		entries[i] = look("a")
	}
	for range 500 {
		record(b, db, l, entries...)
		c.Move(time.Second)
		sealTail(b, l, 10)
	}
	b.ReportAllocs()
	for b.Loop() {
		verify(b, db)
	}
	b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
