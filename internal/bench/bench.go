// Package bench is one harness and one result for every `vigie bench …`. It measures the program as it
// is served: a server process of its own (this program again), a crowd in another process, both on
// loopback, and every message through the production handler, session, rights, routing, seal and audit.
//
// What is acknowledged is kept by the crowd, outside of the server, and compared with the record at the
// end: nothing may be lost, nothing doubled, everything readable, and the audit chain whole.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/evidence"
	"vigie/internal/staff"
	"vigie/internal/stats"
	"vigie/internal/store"
	"vigie/internal/takedown"
)

// Bench runs measurements.
type Bench struct {
	// Program is the path of vigie; it is run again as the server and as the crowd.
	Program string
	// Open opens the rooms on a record that no server has open, migrated.
	Open func(ctx context.Context, data, database string) (*House, error)
	// Out takes the result, Log what happens meanwhile.
	Out, Log io.Writer
	// JSON says that the last line of Out is the result as one JSON object.
	JSON bool
	// Profile is a folder to which profiles of the server are written; "" for none.
	Profile string
	// Within is the folder in which temporary folders are made; "" is the system's.
	Within string
	// Break is how the server is broken on purpose (a build with the tag "breakable"); "" is not.
	Break string
}

// House is the rooms that the bench prepares and verifies a record with.
type House struct {
	DB       *store.DB
	Staff    *staff.Staff
	Contacts *contact.Contacts
	Chats    *chat.Chats
	Files    *casefile.Files
	Evidence *evidence.Evidence
	Takedown *takedown.Takedown
	Stats    *stats.Stats
	// Invented makes up contacts for the figures: over so many days until now, so many on a usual one.
	Invented func(now time.Time, days int, each float64) iter.Seq[stats.Invented]
	Audit    []byte // the key of the audit
	Close    func() error
}

// Result is what a measurement found. The parts that a measurement does not have are left out of its JSON.
type Result struct {
	Bench   string  `json:"bench"`
	Store   string  `json:"store"`
	Machine machine `json:"machine"`
	// NotShown says why this machine cannot make the measurement; there are no figures then.
	NotShown string `json:"not_shown,omitempty"`
	*Fate
	*Talk
	*Cost
	*Crash
	*Start
	*Idle
	*Wait
	// Phone is what became of calls that were talked meanwhile.
	Phone *Phone `json:"phone,omitempty"`
	// Calls and Pictures have names in common with the other parts, and so stand beside them until the JSON is written.
	Calls    *Calls    `json:"-"`
	Pictures *Pictures `json:"-"`
	Cases    *Cases    `json:"-"`
	Floor    *Floor    `json:"-"`
	Figures  *Counted  `json:"-"`
	Site     *Site     `json:"-"`
}

// MarshalJSON writes the parts as one object.
func (r Result) MarshalJSON() ([]byte, error) {
	type parts Result
	all, err := json.Marshal(parts(r))
	var beside any
	switch {
	case r.Calls != nil:
		beside = r.Calls
	case r.Pictures != nil:
		beside = r.Pictures
	case r.Cases != nil:
		beside = r.Cases
	case r.Floor != nil:
		beside = r.Floor
	case r.Figures != nil:
		beside = r.Figures
	case r.Site != nil:
		beside = r.Site
	}
	if err != nil || beside == nil {
		return all, err
	}
	more, err := json.Marshal(beside)
	return append(append(all[:len(all)-1], ','), more[1:]...), err
}

// Fate is what became of what was sent. An acknowledged message is lost when it is not in the record, or
// when the other side's page never showed it; doubled when it stands there, or was shown, twice.
type Fate struct {
	Acknowledged int64 `json:"acknowledged"`
	Lost         int64 `json:"lost"`
	Doubled      int64 `json:"doubled"`
	// Disordered stand in another order than one side wrote them, Unreadable do not open to their words.
	Disordered int64 `json:"disordered"`
	Unreadable int64 `json:"unreadable"`
	// Resent were sent again, because no answer came.
	Resent  int64 `json:"resent"`
	ChainOK bool  `json:"chain_ok"`
}

func (f *Fate) good() bool {
	return f.Lost == 0 && f.Doubled == 0 && f.Disordered == 0 && f.Unreadable == 0 && f.ChainOK
}

// take notes what the record says.
func (f *Fate) take(found finding) {
	f.Lost += found.lost
	f.Doubled += found.doubled
	f.Disordered, f.Unreadable, f.ChainOK = found.disordered, found.unreadable, found.chain == ""
}

// Talk is how long messages took.
type Talk struct {
	Visitors    int     `json:"visitors"`
	Counsellors int     `json:"counsellors"`
	Pool        int     `json:"pool"`
	IntervalS   float64 `json:"interval_s"`
	MeasuredS   float64 `json:"measured_s"`
	// Sent is the messages of both sides in the measured time: each visitor's, and the answers to them.
	Sent        int64   `json:"sent"`
	Delivered   int64   `json:"delivered"`
	Refused     int64   `json:"refused"`
	Reconnected int64   `json:"reconnected"`
	ToDesk      Latency `json:"to_desk_ms"`
	ToVisitor   Latency `json:"to_visitor_ms"`
	Ack         Latency `json:"acknowledged_ms"`
	RampS       float64 `json:"ramp_s"`
}

// Cost is what the server took for it.
type Cost struct {
	SQLPerMessage float64 `json:"sql_per_message"`
	// RSS is what the server held at the end of the measured time, RSSBefore at its beginning.
	RSSBefore float64 `json:"rss_before_mb"`
	RSS       float64 `json:"rss_mb"`
	// CPU is the server's, in the measured time; LoadCPU the crowd's, which shares the machine, BesideCPU that of another one.
	CPU         float64 `json:"cpu_s"`
	LoadCPU     float64 `json:"load_cpu_s"`
	BesideCPU   float64 `json:"beside_cpu_s,omitempty"`
	DatabaseCPU float64 `json:"database_cpu_s,omitempty"`
	// Others is how many cores other programs, and the machine's host, took meanwhile.
	Others float64 `json:"others_cores"`
}

// Failed is a measurement that ran and found what must not be.
var Failed = errors.New("what must hold did not")

// NotShown is a measurement that this machine cannot make: neither good nor bad.
type NotShown struct{ Why string }

func (n NotShown) Error() string { return "not shown: " + n.Why }

// notShown says that this machine cannot tell: never "ok".
func (b Bench) notShown(r Result, why string) error {
	r.NotShown = why
	return errors.Join(b.result(r), NotShown{why})
}

// result prints what was found: in words, and with JSON as the last line.
func (b Bench) result(r Result) error {
	r.print(b.Out)
	if !b.JSON {
		return nil
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = fmt.Fprintf(b.Out, "%s\n", line)
	}
	return err
}

func (b Bench) logf(format string, args ...any) {
	fmt.Fprintf(b.Log, "bench: "+format+"\n", args...)
}

func (r Result) print(w io.Writer) {
	if r.Store == "" {
		fmt.Fprintf(w, "%s: %s\n", r.Bench, r.Machine)
	} else {
		fmt.Fprintf(w, "%s on %s: %s\n", r.Bench, r.Store, r.Machine)
	}
	if r.NotShown != "" {
		fmt.Fprintf(w, "  not shown: %s\n", r.NotShown)
	}
	if t := r.Talk; t != nil {
		fmt.Fprintf(w, "  %d visitors, %d counsellors, a message every %g s each and an answer to it, for %g s; posts over %d kept-alive connections, a stream each\n",
			t.Visitors, t.Counsellors, t.IntervalS, t.MeasuredS, t.Pool)
		fmt.Fprintf(w, "  sent %d (%.0f/s)  acknowledged %d  delivered %d  lost %d  doubled %d  refused %d  resent %d  streams that broke %d\n",
			t.Sent, float64(t.Sent)/t.MeasuredS, r.Acknowledged, t.Delivered, r.Lost, r.Doubled, t.Refused, r.Resent, t.Reconnected)
		for _, l := range []struct {
			name string
			Latency
		}{{"to the desk   ", t.ToDesk}, {"to the visitor", t.ToVisitor}, {"acknowledged  ", t.Ack}} {
			fmt.Fprintf(w, "  %s  p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f ms, from when it was due\n", l.name, l.P50, l.P95, l.P99, l.Max)
		}
		fmt.Fprintf(w, "  audit chain %s; everybody was in after %.1f s\n", soundness(r.ChainOK), t.RampS)
	}
	if c := r.Cost; c != nil {
		fmt.Fprintf(w, "  %.2f SQL statements a message, all included; server %.0f MB (%.0f before) and %.1f s of processor", c.SQLPerMessage, c.RSS, c.RSSBefore, c.CPU)
		if c.DatabaseCPU > 0 {
			fmt.Fprintf(w, ", PostgreSQL %.1f s", c.DatabaseCPU)
		}
		fmt.Fprintf(w, ", the crowd %.1f s; others took %.2f cores", c.LoadCPU, c.Others)
		if c.Others > quietEnough {
			fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
		}
		fmt.Fprintln(w)
	}
	if r.Phone != nil {
		r.Phone.print(w)
	}
	if c := r.Crash; c != nil {
		fmt.Fprintf(w, "  fault %s, %d times: acknowledged %d messages and %d contacts, lost %d, doubled %d, out of order %d, unreadable %d, audit chain %s\n",
			c.Fault, c.Kills, r.Acknowledged, c.Contacts, r.Lost, r.Doubled, r.Disordered, r.Unreadable, soundness(r.ChainOK))
		if c.Why != "" {
			fmt.Fprintf(w, "  %s\n", c.Why)
		}
	}
	if s := r.Start; s != nil {
		fmt.Fprintf(w, "  from exec to /readyz in %d runs: median %.0f ms, fastest %.0f, slowest %.0f\n", s.Runs, s.Median, s.Fastest, s.Slowest)
	}
	if i := r.Idle; i != nil {
		fmt.Fprintf(w, "  idle: %.1f MB %g s after the start, %.1f MB %g s after %d log-ins (at most %.1f MB in between)\n", i.AfterStart, i.Settle, i.AfterLogins, i.Settle, i.Logins, i.Peak)
	}
	if r.Calls != nil && r.NotShown == "" {
		r.Calls.print(w)
	}
	if r.Pictures != nil {
		r.Pictures.print(w)
	}
	if r.Cases != nil {
		r.Cases.print(w)
	}
	if r.Site != nil {
		r.Site.print(w)
	}
	if r.Floor != nil {
		r.Floor.print(w)
	}
	if r.Figures != nil {
		r.Figures.print(w)
	}
	if x := r.Wait; x != nil {
		fmt.Fprintf(w, "  %d visitors wait: %.1f MB, none: %.1f MB; %.1f KB a waiting visitor\n", x.Waiting, x.With, x.Without, x.KBEach)
	}
}

func soundness(ok bool) string {
	if ok {
		return "whole"
	}
	return "BROKEN"
}

// place is a folder of one measurement, with everything in it.
type place struct{ root, data, ledger string }

func (b Bench) place() (place, error) {
	root, err := os.MkdirTemp(b.Within, "vigie-bench-")
	return place{root: root, data: filepath.Join(root, "data"), ledger: filepath.Join(root, "ledger")}, err
}

func (p place) remove() { os.RemoveAll(p.root) }

// operator is whoever runs the bench, as the audit names her.
var operator = audit.Actor{Kind: audit.Operator, ID: "bench"}

// seats makes n counsellors and logs them in, without a password: what a log-in costs is not measured here.
func seats(ctx context.Context, h *House, n int) ([]seat, error) {
	return seatsAs(ctx, h, staff.Counsellor, "desk", n)
}

// seatsAs makes n members of staff of a role and logs them in.
func seatsAs(ctx context.Context, h *House, role staff.Role, name string, n int) ([]seat, error) {
	all := make([]seat, n)
	for i := range all {
		p, err := h.Staff.Add(ctx, staff.NewPerson{
			Login: fmt.Sprintf("bench-%s-%03d", name, i+1), Alias: "Banc " + name + " " + strconv.Itoa(i+1),
			Roles: []staff.Role{role}, Langs: []string{"fr", "en"},
		}, operator)
		if err != nil {
			return nil, err
		}
		if all[i].Token, _, err = h.Staff.OpenSession(ctx, p.ID, "operator", "bench"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// prepare makes the record with its counsellors.
func (b Bench) prepare(ctx context.Context, data, database string, counsellors int) ([]seat, error) {
	h, err := b.Open(ctx, data, database)
	if err != nil {
		return nil, err
	}
	all, err := seats(ctx, h, counsellors)
	return all, errors.Join(err, h.Close())
}

const (
	// chatsEach is how many conversations one counsellor has at most in a measurement, and capacity what
	// the house allows for it: far beyond what anybody should have.
	chatsEach = 80
	capacity  = 100
	// poolSize is how many kept-alive connections everything is posted through.
	poolSize = 64
)

func counsellorsFor(visitors int) int { return max(10, (visitors+chatsEach-1)/chatsEach) }

// settle waits, or until ctx ends.
func settle(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
