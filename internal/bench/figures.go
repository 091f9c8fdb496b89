package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/xuri/excelize/v2"

	"vigie/internal/staff"
	"vigie/internal/stats"
	"vigie/internal/store"
)

// FiguresOptions shape a measurement of the pages of figures.
type FiguresOptions struct {
	Contacts, Days, Runs int
	Engine               store.Engine
}

// Asked is one question that was put to the figures, over HTTP as a browser puts it.
type Asked struct {
	What  string  `json:"what"`
	Bytes int     `json:"bytes"`
	Took  Latency `json:"took_ms"`
}

// Counted is what a measurement of the figures found.
type Counted struct {
	Contacts int     `json:"contacts"`
	Days     int     `json:"days"`
	Cells    int     `json:"cells"`
	CountedS float64 `json:"counted_s"` // how long it took to count them all
	Runs     int     `json:"runs"`
	Asked    []Asked `json:"asked"`
	// Rows is how many contacts the workbook has, RowsS how long it took to be made beside everything else.
	Rows  int     `json:"rows"`
	RowsS float64 `json:"rows_s"`
	// RowsRSS is by how much the server grew meanwhile, at the most.
	RowsRSS float64 `json:"rows_rss_mb"`
	// RSSBefore and RSS are what the server held before the first question and after the last.
	RSSBefore float64 `json:"rss_before_mb"`
	RSS       float64 `json:"rss_mb"`
	Others    float64 `json:"others_cores"`
}

func (f *Counted) print(w io.Writer) {
	fmt.Fprintf(w, "  %d contacts in %d days are %d cells, counted in %.1f s; each question %d times\n", f.Contacts, f.Days, f.Cells, f.CountedS, f.Runs)
	for _, a := range f.Asked {
		fmt.Fprintf(w, "  %-34s p50 %8.2f  p99 %8.2f  max %8.2f ms, %d bytes\n", a.What, a.Took.P50, a.Took.P99, a.Took.Max, a.Bytes)
	}
	fmt.Fprintf(w, "  a workbook of %d contacts, a line each, made in %.1f s; the server grew by %.0f MB at the most\n", f.Rows, f.RowsS, f.RowsRSS)
	fmt.Fprintf(w, "  server %.0f MB before, %.0f after; others took %.2f cores", f.RSSBefore, f.RSS, f.Others)
	if f.Others > quietEnough {
		fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
	}
	fmt.Fprintln(w)
}

// FiguresAsked measures them.
func (b Bench) FiguresAsked(ctx context.Context, o FiguresOptions) (err error) {
	f := &Counted{Days: o.Days, Runs: o.Runs}
	result := Result{Bench: "figures", Store: string(o.Engine), Machine: thisMachine(), Figures: f}
	b.logf("%s", result.Machine)
	rec, err := b.newRecord(ctx, o.Engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	now := time.Now()
	watcher, err := b.count(ctx, rec, o, f, now)
	if err != nil {
		return err
	}
	server, err := b.start(ctx, serving{data: rec.place.data, database: rec.database})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.kill())
		}
	}()
	crowd := newDoor(server.address, 1)
	defer crowd.close()
	who := head{host: server.address, cookie: staffCookie + "=" + watcher.Token}
	first := now.AddDate(0, 0, -o.Days).Format(time.DateOnly)
	last := now.Format(time.DateOnly)
	before, _, err := memory(server.pid())
	if err != nil {
		return err
	}
	began, busy := time.Now(), busyTime()
	spent := func() time.Duration {
		d := processor(server.pid()) + processor(os.Getpid())
		if rec.cluster != nil {
			d += processorBelow(rec.cluster.Pid())
		}
		return d
	}
	ours := spent()
	for _, q := range []struct{ what, path string }{
		{"this week, and the week before", "/desk/stats?period=week"},
		{"this month, and the month before", "/desk/stats?period=month"},
		{"this year, and the year before", "/desk/stats?period=year&compare=last_year"},
		{"this year, by telephone", "/desk/stats?period=year&channel=phone"},
		{"all days", "/desk/stats?period=dates&compare=none&from=" + first + "&until=" + last},
		{"all days, by chat", "/desk/stats?period=dates&compare=none&channel=chat&from=" + first + "&until=" + last},
		{"a quarter, girls on one platform", "/desk/stats?period=quarter&whole=1&gender=girl&platform=snapchat"},
		{"all days, girls by telephone", "/desk/stats?period=dates&compare=none&whole=1&channel=phone&gender=girl&from=" + first + "&until=" + last},
		{"all days, all who spoke French", "/desk/stats?period=dates&compare=none&whole=1&lang=fr&from=" + first + "&until=" + last},
		{"the return for Child Helpline", "/desk/stats/chi"},
		{"the yearly report", "/desk/stats/year"},
		{"this year as CSV", "/desk/stats/csv?period=year"},
		{"this year as XLSX", "/desk/stats/xlsx?period=year"},
		{"this year as JSON", "/desk/stats/json?period=year"},
		{"this year as PDF", "/desk/stats/pdf?period=year"},
	} {
		a := Asked{What: q.what}
		var took []time.Duration
		for range o.Runs {
			asked := time.Now()
			res, body, err := crowd.ask(ctx, http.MethodGet, q.path, who, nil)
			if err != nil {
				return err
			}
			if res.StatusCode != http.StatusOK || len(bytes.TrimSpace(body)) == 0 {
				return fmt.Errorf("%w: %s answered %d", Failed, q.path, res.StatusCode)
			}
			took, a.Bytes = append(took, time.Since(asked)), len(body)
		}
		a.Took = latencyOf(took)
		f.Asked = append(f.Asked, a)
	}
	after, _, err := memory(server.pid())
	if err != nil {
		return err
	}
	if err := b.book(ctx, crowd, who, server, f, now); err != nil {
		return err
	}
	f.RSSBefore, f.RSS = mega(before), mega(after)
	f.Others = hundredths(max(0, (busyTime()-busy-(spent()-ours)).Seconds()) / time.Since(began).Seconds())
	if err := b.result(result); err != nil {
		return err
	}
	return server.stop()
}

// count makes the record: the contacts that never were, counted, and a supervisor who asks. What was counted must add up.
func (b Bench) count(ctx context.Context, rec *record, o FiguresOptions, f *Counted, now time.Time) (watcher seat, err error) {
	h, err := b.Open(ctx, rec.place.data, rec.database)
	if err != nil {
		return watcher, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	began := time.Now()
	// As many as are asked for, up to today: a little more are made up, and the oldest left out.
	madeUp := func(each float64) (n int) {
		for range h.Invented(now, o.Days, each) {
			n++
		}
		return n
	}
	each := float64(o.Contacts) / float64(o.Days)
	each *= 1.01 * float64(o.Contacts) / float64(max(1, madeUp(each)))
	more := madeUp(each) - o.Contacts
	all := func(yield func(stats.Invented) bool) {
		skip := more
		for k := range h.Invented(now, o.Days, each) {
			if skip--; skip < 0 && !yield(k) {
				return
			}
		}
	}
	if err := h.Stats.Invent(ctx, all); err != nil {
		return watcher, err
	}
	f.CountedS = hundredths(time.Since(began).Seconds())
	if f.Contacts, err = keep(ctx, h, all); err != nil {
		return watcher, err
	}
	whole, err := h.Stats.Figures(ctx, stats.Query{From: now.AddDate(0, 0, -o.Days-2), Until: now.AddDate(0, 0, 2)})
	if err != nil {
		return watcher, err
	}
	if whole.Whole[stats.Entered] != int64(f.Contacts) || f.Contacts == 0 {
		return watcher, fmt.Errorf("%w: %d contacts were counted as %d", Failed, f.Contacts, whole.Whole[stats.Entered])
	}
	if f.Cells, err = store.One(ctx, h.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM stat_cell`); err != nil {
		return watcher, err
	}
	seats, err := seatsAs(ctx, h, staff.Supervisor, "watch", 1)
	if err != nil {
		return watcher, err
	}
	return seats[0], nil
}

// book has a workbook made of the last months, of 100,000 contacts or more where there are as many, a line each.
func (b Bench) book(ctx context.Context, crowd *door, who head, server *server, f *Counted, now time.Time) error {
	days := f.Days
	if f.Contacts > 0 {
		days = min(days, 61+100_000*f.Days/f.Contacts) // whole months that are over are told
	}
	form := url.Values{"period": {"dates"}, "compare": {"none"}, "from": {now.AddDate(0, 0, -days).Format(time.DateOnly)}, "until": {now.Format(time.DateOnly)}}
	before, _, err := memory(server.pid())
	if err != nil {
		return err
	}
	began := time.Now()
	res, _, err := crowd.ask(ctx, http.MethodPost, "/desk/stats/lines", who, form)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("%w: a workbook that is asked for answers %d", Failed, res.StatusCode)
	}
	link := regexp.MustCompile(`href="(/desk/stats/lines/[0-9a-f-]{36})"`)
	most := before
	for {
		_, body, err := crowd.ask(ctx, http.MethodGet, "/desk/stats/lines", who, nil)
		if err != nil {
			return err
		}
		held, _, err := memory(server.pid())
		if err != nil {
			return err
		}
		most = max(most, held)
		if found := link.FindSubmatch(body); found != nil {
			f.RowsS, f.RowsRSS = hundredths(time.Since(began).Seconds()), mega(most-before)
			_, content, err := crowd.ask(ctx, http.MethodGet, string(found[1]), who, nil)
			if err != nil {
				return err
			}
			f.Rows, err = rowsOf(content)
			return err
		}
		if time.Since(began) > 5*time.Minute {
			return fmt.Errorf("%w: no workbook after %v", Failed, time.Since(began))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// rowsOf counts the rows of a workbook but its head.
func rowsOf(content []byte) (int, error) {
	book, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	defer book.Close()
	rows, err := book.Rows(book.GetSheetName(0))
	if err != nil {
		return 0, err
	}
	n := -1
	for rows.Next() {
		n++
	}
	return n, rows.Close()
}

// keep writes each contact as a row, empty but for its line, so that figures can be crossed; it returns how many.
func keep(ctx context.Context, h *House, all iter.Seq[stats.Invented]) (n int, err error) {
	const rows = 500
	var contacts, lines store.Builder
	begin := func() {
		contacts, lines = store.Builder{}, store.Builder{}
		contacts.Text(`INSERT INTO contact (id, key_id, person_id, channel, state, lang, opened_at, state_since) VALUES `)
		lines.Text(`INSERT INTO stat_counted (contact_id, talked, gone_at, day, line) VALUES `)
	}
	flush := func() error {
		defer begin()
		return h.DB.Tx(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, contacts.SQL(), contacts.Args()...)
			if err == nil {
				_, err = tx.Exec(ctx, lines.SQL(), lines.Args()...)
			}
			return err
		})
	}
	begin()
	for k := range all {
		at := store.Millis(k.At)
		id := fmt.Sprintf("%012x-%08x", at, n)
		day, text := h.Stats.Line(k)
		contacts.Row(id, "", "", k.Channel, "closed", k.Lang, at, at)
		lines.Row(id, k.Talked.Milliseconds(), 0, day, text)
		if n++; n%rows == 0 {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if n%rows == 0 {
		return n, nil
	}
	return n, flush()
}
