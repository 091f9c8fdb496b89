package takedown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/route"
)

// A sending by machine is a job in four steps, each written before the next: the notice is "sending"; what the address names is
// found; the moment of the try is written down; it is sent. A process that dies after the third step leaves a notice of which
// nobody knows whether it arrived: whoever works the job again sees the moment, sends nothing, and calls it unknown.

// Server is the host whose API takes a notice: that of its address on an open network, "" where a network has one API.
func (t *Takedown) server(n Notice) string {
	if n.Route != "mastodon" || len(n.Content.Addresses) == 0 {
		return ""
	}
	u, err := url.Parse(n.Content.Addresses[0])
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// ByMachine returns the routes by which a machine can send a notice now: those of its platform, or of what its host looks
// like, that we have a log-in for.
func (t *Takedown) ByMachine(ctx context.Context, n Notice) ([]string, error) {
	apis, err := t.apis(ctx, n)
	return append(t.lettersOf(n), apis...), err
}

// apis are those of them that are APIs: an API is told of one address, a letter of all.
func (t *Takedown) apis(ctx context.Context, n Notice) ([]string, error) {
	if t.remote == nil || len(n.Content.Addresses) != 1 {
		return nil, nil
	}
	var codes []string
	if platform, ok := t.catalogue().Platforms.ByCode(n.Platform); ok {
		for _, r := range platform.Routes {
			if r.For(catalogue.AddressKind(n.Kind)) {
				codes = append(codes, string(r.Kind))
			}
		}
	} else {
		codes = machineRoutes[:1] // an unknown host may be a server of the open network: whoever has a log-in there knows
	}
	var open []string
	for _, code := range codes {
		if !ByAPI(code) {
			continue
		}
		n.Route = code
		_, ok, err := t.login(ctx, code, t.server(n))
		if err != nil {
			return nil, err
		}
		if ok {
			open = append(open, code)
		}
	}
	return open, nil
}

// SendBy has a machine send a notice that is ready. Pressed twice, it is sent once. It returns fault.Invalid
// "fault.takedown.route" for a route that this notice cannot go by, fault.Conflict "fault.takedown.changed" unless it is ready.
func (t *Takedown) SendBy(ctx context.Context, id, via string, by audit.Actor) error {
	before, err := t.Notice(ctx, id)
	if err != nil {
		return err
	}
	open, err := t.apis(ctx, before)
	if err != nil {
		return err
	}
	if !slices.Contains(open, via) {
		return fault.New(fault.Invalid, "fault.takedown.route")
	}
	return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		n.Route, n.TriedAt, n.SubmittedBy, n.Content.Trouble = via, 0, by.ID, ""
		if err := t.move(ctx, tx, n, Send, by, via); err != nil {
			return err
		}
		return t.sends.Enqueue(ctx, tx, checkArgs{Notice: jobs.ID(n.ID)}, jobs.Unique(jobs.ID(n.ID)))
	})
}

// send is the job that sends a notice.
func (t *Takedown) send(ctx context.Context, job jobs.Job[checkArgs]) error {
	n, err := t.Notice(ctx, string(job.Args.Notice))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case n.State == Unknown:
		return t.reconcile(ctx, n)
	case n.State != Sending:
		return nil
	case n.TriedAt > 0: // another try got so far, and its process died
		return t.lost(ctx, n.ID)
	}
	r, c, err := t.way(ctx, n)
	if err != nil {
		return t.ended(ctx, n.ID, err)
	}
	found, err := r.Resolve(ctx, n.target(t), c)
	if err != nil {
		return t.ended(ctx, n.ID, err)
	}
	if err := t.change(ctx, n.ID, func(_ *store.Tx, n *Notice) error {
		if n.State != Sending || n.TriedAt > 0 {
			return changed()
		}
		if n.Content.Mark = t.mark(*n); ByAPI(n.Route) {
			n.Content.Found = found
		}
		n.TriedAt = store.Millis(t.now())
		return nil
	}); err != nil {
		return err
	}
	sent, err := r.Send(ctx, t.worded(n), found, c)
	// What was sent is written down even where the node stops: it happened.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err != nil {
		return t.ended(ctx, n.ID, err)
	}
	return t.change(ctx, n.ID, func(tx *store.Tx, n *Notice) error {
		if !ByLetter(n.Route) { // a letter's is our own mail server's
			n.Content.Reference = sent.Reference
		}
		return t.arrived(ctx, tx, n, audit.Actor{Kind: audit.Staff, ID: n.SubmittedBy})
	})
}

// ended writes how a sending ended that brought no answer of the network's own: refused, put off, or unknown.
func (t *Takedown) ended(ctx context.Context, id string, err error) error {
	var refused *route.Refused
	var later *route.Later
	var unknown *route.Unknown
	switch {
	case errors.As(err, &refused):
		return t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
			n.TriedAt, n.Content.Trouble, n.Content.Said, n.DueAt = 0, refused.Key, refused.Said, store.Millis(t.now())
			n.Content.TroubleOf = nil
			for _, a := range refused.Args {
				n.Content.TroubleOf = append(n.Content.TroubleOf, fmt.Sprint(a))
			}
			return t.move(ctx, tx, n, Refuse, machine, "")
		})
	case errors.As(err, &later):
		if err := t.change(ctx, id, func(_ *store.Tx, n *Notice) error { n.TriedAt, n.Content.Trouble = 0, later.Key; return nil }); err != nil {
			return err
		}
		return jobs.Again(t.now().Add(later.RetryAfter))
	case errors.As(err, &unknown):
		return t.lost(ctx, id)
	}
	return err // ours: it is tried again, and the moment of the try says whether anything was sent
}

// lost writes that nobody knows whether a notice arrived, and asks the network's own list later.
func (t *Takedown) lost(ctx context.Context, id string) error {
	err := t.change(ctx, id, func(tx *store.Tx, n *Notice) error {
		n.DueAt = store.Millis(t.now())
		return t.move(ctx, tx, n, Lose, machine, "")
	})
	if err != nil {
		return err
	}
	return jobs.Again(t.now().Add(route.Settled + time.Minute))
}

// reconcile asks the network's own list, where it has one, whether an unknown notice is there. Otherwise a person is asked.
func (t *Takedown) reconcile(ctx context.Context, n Notice) error {
	r, c, err := t.way(ctx, n)
	if err != nil {
		return nil // a person is asked
	}
	found, err := r.Resolve(ctx, n.target(t), c)
	if err != nil {
		return again(t, err)
	}
	trace, err := route.Reconcile(ctx, r, t.worded(n), found, store.Time(n.TriedAt), c)
	if err != nil {
		return again(t, err)
	}
	switch trace.Arrival {
	case route.Arrived:
		return t.change(ctx, n.ID, func(tx *store.Tx, n *Notice) error {
			n.Content.Reference = trace.Sent.Reference
			return t.arrived(ctx, tx, n, audit.Actor{Kind: audit.Staff, ID: n.SubmittedBy})
		})
	case route.Absent:
		return t.change(ctx, n.ID, func(tx *store.Tx, n *Notice) error {
			n.TriedAt, n.DueAt = 0, store.Millis(t.now())
			return t.move(ctx, tx, n, NotThere, machine, "")
		})
	}
	return nil
}

// again asks once more after what was put off; what was refused is a person's to find out.
func again(t *Takedown, err error) error {
	var later *route.Later
	if errors.As(err, &later) {
		return jobs.Again(t.now().Add(later.RetryAfter))
	}
	return nil
}

// way is the API that a notice goes by, and how we are known there.
func (t *Takedown) way(ctx context.Context, n Notice) (route.Route, route.Credentials, error) {
	if ByLetter(n.Route) {
		return t.letterWay(ctx, n)
	}
	server := t.server(n)
	c, ok, err := t.login(ctx, n.Route, server)
	if err != nil {
		return nil, nil, err
	}
	if !ok || t.remote == nil {
		return nil, nil, route.Refuse("fault.takedown.route")
	}
	r, err := t.remote(n.Route, c)
	return r, c, err
}

// target is what a notice names, for an API.
func (n Notice) target(t *Takedown) route.Target {
	kind := route.Item
	if n.Kind == string(catalogue.ToProfile) {
		kind = route.Account
	}
	return route.Target{Platform: n.Platform, Kind: kind, Account: n.Content.Account, Item: n.Content.Item, Address: n.Content.Addresses[0], Server: t.server(n)}
}

// mark is by what a notice is found again at a network, and its answers here. What was sent before marks were made with a key
// keeps its own.
func (t *Takedown) mark(n Notice) string {
	switch {
	case n.Content.Mark != "":
		return n.Content.Mark
	case n.TriedAt > 0 || n.SubmittedAt > 0:
		return route.UnkeyedMark(n.ID)
	}
	return route.Mark(t.markKey, n.ID)
}

// worded is a notice in the words of the APIs.
func (t *Takedown) worded(n Notice) route.Notice {
	w := route.Notice{ID: n.ID, Mark: t.mark(n), Target: n.target(t), Text: n.Content.Statement, Lang: n.Content.Lang}
	if g, ok := t.catalogue().Grounds.ByCode(n.Ground); ok {
		if dsa := g.Vocabulary(n.Minor); dsa != nil {
			w.Ground.DSA = dsa.Keyword
		}
		_, reason, _ := strings.Cut(g.Reason(n.Minor), "#reason")
		w.Ground.Bluesky, w.Ground.Mastodon = reason, g.Mastodon
	}
	return w
}

// Through is the address-safe fetcher as the client of an API: what it did not send is told so, in the way that the routes
// listen to (httptrace), because only what may have left the house may have arrived.
func Through(client *fetch.Client) route.Client { return through{client} }

type through struct{ client *fetch.Client }

func (w through) Do(req *http.Request) (*http.Response, error) {
	res, err := w.client.Do(req)
	trace := httptrace.ContextClientTrace(req.Context())
	var failure *fetch.Failure
	if !errors.As(err, &failure) {
		if trace != nil && trace.GotConn != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
		return res, err
	}
	switch {
	case failure.Sent:
		if trace != nil && trace.GotConn != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
	case failure.Kind == fetch.Refused:
		err = fault.Wrap(err, fault.Forbidden, "fault.takedown.not_there")
	case trace != nil && trace.ConnectDone != nil:
		trace.ConnectDone("tcp", "", err)
	}
	return nil, err
}
