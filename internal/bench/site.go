package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/store"
)

// SiteOptions shape a measurement of the site: readers ask for guides, many a second, while visitors talk with counsellors.
type SiteOptions struct {
	Visitors, PerSecond, Connections int
	Interval                         time.Duration
	Measure                          time.Duration
	// Runs is how often it is measured with the readers and how often without, in turns.
	Runs   int
	Engine store.Engine
}

// Site is what a measurement of the site found.
type Site struct {
	Visitors    int     `json:"visitors"`
	PerSecond   int     `json:"requests_per_s"`
	Connections int     `json:"connections"`
	MeasuredS   float64 `json:"measured_s"`
	Runs        int     `json:"runs"`
	// Answered are requests for pages that were answered with all of the page in the measured times; Failed were not.
	Answered int64 `json:"answered"`
	Failed   int64 `json:"failed"`
	// Reached is how many were answered a second, of PerSecond that were due.
	Reached float64 `json:"answered_per_s"`
	// Page is from when a page was due until its last byte.
	Page Latency `json:"page_ms"`
	// Bytes is what a page has on the wire, head and all, in the mean.
	Bytes int64 `json:"page_bytes"`
	// ChatWith and ChatWithout are the p99 from a visitor to her counsellor's desk of each run, and their medians.
	ChatWith    []float64 `json:"chat_p99_with_ms"`
	ChatWithout []float64 `json:"chat_p99_without_ms"`
	With        float64   `json:"chat_p99_with_median_ms"`
	Without     float64   `json:"chat_p99_without_median_ms"`
	// CPU is the server's, in cores, with the readers and without; the readers' own process has one core's worth at most.
	CPUWith    float64 `json:"server_cores_with"`
	CPUWithout float64 `json:"server_cores_without"`
	Readers    float64 `json:"readers_cores"`
	Others     float64 `json:"others_cores"`
}

func (s *Site) print(w io.Writer) {
	fmt.Fprintf(w, "  %d visitors talk; %d pages a second are asked for on %d connections, for %g s, by a process of one core\n", s.Visitors, s.PerSecond, s.Connections, s.MeasuredS)
	fmt.Fprintf(w, "  pages: %d answered, %.0f a second; %d failed; %d bytes each on the wire\n", s.Answered, s.Reached, s.Failed, s.Bytes)
	fmt.Fprintf(w, "  a page  p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f ms, from when it was due\n", s.Page.P50, s.Page.P95, s.Page.P99, s.Page.Max)
	fmt.Fprintf(w, "  chat, p99 to the desk: median of %d runs in turns %.2f ms with the readers, %.2f ms without\n", s.Runs, s.With, s.Without)
	fmt.Fprintf(w, "  processor: server %.2f cores with the readers, %.2f without; the readers %.2f; others took at most %.2f", s.CPUWith, s.CPUWithout, s.Readers, s.Others)
	if s.Others > quietEnough {
		fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
	}
	fmt.Fprintln(w)
}

// readersReport is what the readers saw.
type readersReport struct {
	Answered, Failed, Bytes int64
	Took                    []time.Duration
	Fault                   string
}

// SiteRead measures it.
func (b Bench) SiteRead(ctx context.Context, o SiteOptions) error {
	s := &Site{Visitors: o.Visitors, PerSecond: o.PerSecond, Connections: o.Connections, MeasuredS: o.Measure.Seconds(), Runs: o.Runs}
	result := Result{Bench: "site", Store: string(o.Engine), Machine: thisMachine(), Site: s}
	b.logf("%s", result.Machine)
	var pages []time.Duration
	var bytes int64
	for run := range 2 * o.Runs {
		read := run%2 == 0
		r, seen, cost, err := b.siteRun(ctx, o, read)
		if err != nil {
			return err
		}
		cores := hundredths(cost.CPU / o.Measure.Seconds())
		s.Others = max(s.Others, cost.Others)
		if !read {
			s.ChatWithout, s.CPUWithout = append(s.ChatWithout, r.ToDesk.P99), cores
			b.logf("run %d, nobody reads: chat p99 %.2f ms", run+1, r.ToDesk.P99)
			continue
		}
		s.ChatWith, s.CPUWith, s.Readers = append(s.ChatWith, r.ToDesk.P99), cores, hundredths(cost.BesideCPU/o.Measure.Seconds())
		s.Answered, s.Failed, bytes = s.Answered+seen.Answered, s.Failed+seen.Failed, bytes+seen.Bytes
		pages = append(pages, seen.Took...)
		b.logf("run %d, %d pages a second: chat p99 %.2f ms, %d answered, %d failed %s", run+1, o.PerSecond, r.ToDesk.P99, seen.Answered, seen.Failed, seen.Fault)
	}
	s.Page, s.With, s.Without = latencyOf(pages), median(s.ChatWith), median(s.ChatWithout)
	s.Reached = hundredths(float64(s.Answered) / (o.Measure.Seconds() * float64(o.Runs)))
	s.Bytes = bytes / max(s.Answered, 1)
	if err := b.result(result); err != nil {
		return err
	}
	if s.Failed > 0 || s.Answered == 0 {
		return fmt.Errorf("%w: %d pages were not answered", Failed, s.Failed)
	}
	return nil
}

// siteRun is one measurement on a record of its own.
func (b Bench) siteRun(ctx context.Context, o SiteOptions, read bool) (*report, *readersReport, *Cost, error) {
	e := evening{engine: o.Engine, profiled: read, prepare: func(h *House) (order, error) {
		counsellors, err := seats(ctx, h, counsellorsFor(o.Visitors))
		return order{Visitors: o.Visitors, Seats: counsellors, Interval: o.Interval, Measure: o.Measure, Pool: poolSize, Seed: 1}, err
	}}
	if read {
		e.beside = func() *order {
			return &order{Do: browsing, Measure: o.Measure, Pool: o.Connections, Read: o.PerSecond}
		}
	}
	r, also, cost, err := b.spend(ctx, e)
	return r, also.Readers, cost, err
}

// guidesRead are the pages that readers ask for: those that many look for at once, and the list of all.
var guidesRead = []string{"/guides/sextortion", "/guides/cyberbullying", "/guides/intimate-images", "/guides/snapchat", "/guides/sextortion-parents", "/guides/parental-control", "/en/guides/sextortion", "/guides", "/news"}

// readPages asks for pages at a pace, whether they are answered or not, on kept-alive connections, and times each from when it was due. It is the load
// process of readers, which has one core (GOMAXPROCS).
func readPages(ctx context.Context, o order, out *json.Encoder) error {
	r := readersReport{}
	var mu sync.Mutex
	var all sync.WaitGroup
	var next atomic.Int64
	began := time.Now()
	every := time.Second / time.Duration(o.Read)
	due := int64(o.Measure / every)
	for range o.Pool {
		all.Go(func() {
			var took []time.Duration
			var bytes, failed int64
			fault := ""
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				r.Took, r.Answered, r.Bytes, r.Failed = append(r.Took, took...), r.Answered+int64(len(took)), r.Bytes+bytes, r.Failed+failed
				if fault != "" {
					r.Fault = fault
				}
			}()
			var c *readerConn
			defer func() {
				if c != nil {
					_ = c.conn.Close()
				}
			}()
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= due {
					return
				}
				at := began.Add(time.Duration(n) * every)
				if ahead := time.Until(at); ahead > 0 {
					time.Sleep(ahead)
				}
				if c == nil {
					conn, err := net.Dial("tcp", o.Address)
					if err != nil {
						failed, fault = failed+1, err.Error()
						continue
					}
					c = &readerConn{conn: conn, in: bufio.NewReaderSize(conn, 32<<10)}
				}
				size, err := c.read(o.Address, guidesRead[int(n)%len(guidesRead)])
				if err != nil {
					_ = c.conn.Close()
					c, failed, fault = nil, failed+1, err.Error()
					continue
				}
				took, bytes = append(took, time.Since(at)), bytes+int64(size)
			}
		})
	}
	all.Wait()
	return out.Encode(told{Phase: phaseOver, Readers: &r})
}

// readerConn is a browser's connection.
type readerConn struct {
	conn net.Conn
	in   *bufio.Reader
}

// read asks for a page and reads all of it; it returns how many bytes it has, its head with it.
func (c *readerConn) read(host, path string) (int, error) {
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nAccept-Encoding: br, gzip\r\nAccept: text/html\r\n\r\n"); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	head := 0
	for name, values := range res.Header {
		for _, value := range values {
			head += len(name) + len(value) + 4
		}
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d", path, res.StatusCode)
	}
	if err == nil && n < 500 {
		err = fmt.Errorf("%s has %d bytes", path, n)
	}
	return int(n) + head, err
}
