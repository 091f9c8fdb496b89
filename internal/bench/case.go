package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"vigie/internal/audit"
	"vigie/internal/casefile"
	"vigie/internal/contact"
	"vigie/internal/evidence"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/takedown"
)

// CaseOptions shape a measurement of case files.
type CaseOptions struct {
	// Cases are searched; one more has Items and Notices, and is opened.
	Cases, Items, Notices int
	// Runs is how often it is opened, and how often each kind of search is made.
	Runs   int
	Engine store.Engine
	// Miss looks for what was never kept, to show that a search that finds nothing is noticed.
	Miss bool
}

// Cases is what opening a large case file takes, and finding one among many.
type Cases struct {
	Cases   int     `json:"cases"`
	Items   int     `json:"items"`
	Notices int     `json:"notices"`
	MadeS   float64 `json:"made_s"` // how long it took to make them
	Runs    int     `json:"runs"`
	// Opened is the page of the large case, from the request to its last byte, by a server of its own; Page its size.
	Opened Latency `json:"opened_ms"`
	Page   int     `json:"page_bytes"`
	// Each search is one call of the room, its row of the log included, and must find the file that it was made for.
	Handle   Latency `json:"handle_ms"`
	Number   Latency `json:"number_ms"`
	URL      Latency `json:"url_ms"`
	Filter   Latency `json:"filter_ms"`
	NotFound int     `json:"not_found"`
	// Others is what other processes took of the machine while it was searched: PostgreSQL too.
	Others float64 `json:"others_cores"`
}

func (c *Cases) print(w io.Writer) {
	fmt.Fprintf(w, "  %d case files, and one with %d items of evidence and %d notices, made in %.0f s\n", c.Cases, c.Items, c.Notices, c.MadeS)
	for _, l := range []struct {
		name string
		Latency
	}{{"opened          ", c.Opened}, {"found by account", c.Handle}, {"found by number ", c.Number}, {"found by address", c.URL}, {"by its fields   ", c.Filter}} {
		fmt.Fprintf(w, "  %s  p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f ms, %d times\n", l.name, l.P50, l.P95, l.P99, l.Max, c.Runs)
	}
	fmt.Fprintf(w, "  the page has %d bytes; %d searches did not find their file; others took %.2f cores\n", c.Page, c.NotFound, c.Others)
}

// known is what a made case is found by.
type known struct{ file, handle, number, url string }

func knownOf(i int) known {
	return known{handle: fmt.Sprintf("loup.%06d", i), number: fmt.Sprintf("+336%08d", i), url: fmt.Sprintf("https://social.example/@loup/%06d", i)}
}

// CaseFiles measures opening a large case file, and finding one among many.
func (b Bench) CaseFiles(ctx context.Context, o CaseOptions) error {
	c := &Cases{Cases: o.Cases, Items: o.Items, Notices: o.Notices, Runs: o.Runs}
	result := Result{Bench: "case", Store: string(o.Engine), Machine: thisMachine(), Cases: c}
	b.logf("%s", result.Machine)
	rec, err := b.newRecord(ctx, o.Engine)
	if err != nil {
		return err
	}
	defer rec.remove()
	h, err := b.Open(ctx, rec.place.data, rec.database)
	if err != nil {
		return err
	}
	token, large, err := b.fill(ctx, h, o, c)
	if err := errors.Join(err, h.Close()); err != nil {
		return err
	}
	s, err := b.start(ctx, serving{data: rec.place.data, database: rec.database})
	if err != nil {
		return err
	}
	err = c.open(ctx, s.address, token, large)
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	if err := b.result(result); err != nil {
		return err
	}
	if c.NotFound > 0 {
		return fmt.Errorf("%w: %d searches did not find their file", Failed, c.NotFound)
	}
	return nil
}

// fill makes the cases, and searches among them.
func (b Bench) fill(ctx context.Context, h *House, o CaseOptions, c *Cases) (token, large string, err error) {
	p, err := h.Staff.Add(ctx, staff.NewPerson{Login: "bench-001", Alias: "Banc 001", Roles: []staff.Role{staff.Counsellor}, Langs: []string{"fr"}}, operator)
	if err != nil {
		return "", "", err
	}
	if token, _, err = h.Staff.OpenSession(ctx, p.ID, "operator", "bench"); err != nil {
		return "", "", err
	}
	by := audit.Actor{Kind: audit.Staff, ID: p.ID}
	began := time.Now()
	b.logf("making %d case files", o.Cases)
	files := make([]string, o.Cases)
	if err := inParallel(o.Cases, func(i int) (err error) {
		if i%10_000 == 0 && i > 0 {
			b.logf("%d of them, after %.0f s", i, time.Since(began).Seconds())
		}
		files[i], err = h.make(ctx, knownOf(i), by)
		return err
	}); err != nil {
		return "", "", err
	}
	b.logf("making one with %d items and %d notices", o.Items, o.Notices)
	if large, err = h.make(ctx, knownOf(o.Cases), by); err != nil {
		return "", "", err
	}
	for i := range o.Items {
		if err := h.Evidence.AddLink(ctx, large, store.NewID(), evidence.Content{Address: knownOf(i).url, Account: knownOf(i).handle, Seen: "hier"}, by); err != nil {
			return "", "", err
		}
	}
	for i := range o.Notices {
		if err := h.Takedown.Begin(ctx, takedown.Drafting{ID: store.NewID(), FileID: large, Kind: "post", Ground: "harassment", Minor: true,
			Content: takedown.Content{Addresses: []string{knownOf(i).url}, Host: "social.example", Seen: "hier", Facts: "Des insultes."}}, by); err != nil {
			return "", "", err
		}
	}
	c.MadeS = hundredths(time.Since(began).Seconds())
	b.logf("searching among them, %d times in each way", o.Runs)
	spent, busy, searching := processor(os.Getpid()), busyTime(), time.Now()
	err = c.search(ctx, h, files, o, by)
	spent, busy = processor(os.Getpid())-spent, busyTime()-busy
	c.Others = hundredths(max(0, (busy-spent).Seconds()/time.Since(searching).Seconds()))
	return token, large, err
}

// make is one case: a child who wrote, an account, a number, an address that is kept.
func (h *House) make(ctx context.Context, k known, by audit.Actor) (string, error) {
	ct, err := h.Contacts.Open(ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"})
	if err != nil {
		return "", err
	}
	file, err := h.Files.OpenFor(ctx, ct.ID, casefile.RoomChild, by)
	if err != nil {
		return "", err
	}
	if err := h.Files.SavePerson(ctx, casefile.Person{ID: store.NewID(), FileID: file.ID, Part: casefile.Child,
		Content: casefile.PersonContent{Name: "Lou", Handle: k.handle, Phone: k.number}}, by); err != nil {
		return "", err
	}
	return file.ID, h.Evidence.AddLink(ctx, file.ID, store.NewID(), evidence.Content{Address: k.url, Seen: "hier"}, by)
}

// search looks for files that are there, each by what it alone has, and for a page of them by their fields.
func (c *Cases) search(ctx context.Context, h *House, files []string, o CaseOptions, by audit.Actor) error {
	measure := func(what func(k known) casefile.Filter, exact bool) (Latency, error) {
		var all []time.Duration
		for range o.Runs {
			i := rand.IntN(len(files))
			k := knownOf(i)
			if o.Miss {
				k = knownOf(i + 10_000_000)
			}
			began := time.Now()
			found, _, err := h.Files.Search(ctx, what(k), by)
			if err != nil {
				return Latency{}, err
			}
			all = append(all, time.Since(began))
			hit := len(found) > 0 && !exact
			for _, f := range found {
				hit = hit || f.ID == files[i]
			}
			if !hit {
				c.NotFound++
			}
		}
		return latencyOf(all), nil
	}
	var err error
	for _, s := range []struct {
		into  *Latency
		what  func(k known) casefile.Filter
		exact bool
	}{
		{&c.Handle, func(k known) casefile.Filter { return casefile.Filter{Exact: "@" + k.handle} }, true},
		{&c.Number, func(k known) casefile.Filter { return casefile.Filter{Exact: k.number} }, true},
		{&c.URL, func(k known) casefile.Filter { return casefile.Filter{Exact: k.url} }, true},
		{&c.Filter, func(known) casefile.Filter {
			return casefile.Filter{State: casefile.Open, OwnerID: by.ID, Readable: by.ID}
		}, false},
	} {
		if *s.into, err = measure(s.what, s.exact); err != nil {
			return err
		}
	}
	return nil
}

// open asks a server for the page of a case, as its counsellor's browser does.
func (c *Cases) open(ctx context.Context, address, token, file string) error {
	door := newDoor(address, 1)
	defer door.close()
	var all []time.Duration
	for range c.Runs {
		began := time.Now()
		res, page, err := door.ask(ctx, http.MethodGet, "/desk/cases/"+file, head{host: address, cookie: staffCookie + "=" + token}, nil)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("the page of a case answered %d", res.StatusCode)
		}
		all = append(all, time.Since(began))
		c.Page = len(page)
	}
	c.Opened = latencyOf(all)
	return nil
}

// inParallel runs n steps, 32 at a time, and stops at the first error.
func inParallel(n int, step func(i int) error) error {
	var group sync.WaitGroup
	steps, failed := make(chan int), make(chan error, 32)
	for range 32 {
		group.Go(func() {
			for i := range steps {
				if err := step(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		select {
		case steps <- i:
		case err = <-failed:
		}
	}
	close(steps)
	group.Wait()
	select {
	case err = <-failed:
	default:
	}
	return err
}
