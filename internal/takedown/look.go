package takedown

import (
	"context"
	"slices"
	"strings"

	"vigie/internal/store"
	"vigie/internal/takedown/fetch"
	"vigie/internal/takedown/route"
)

// look says whether what was notified is still there, and why it says so: a code of fetch, or of the routes without their
// "route.why.". Where the network has an API that we have a log-in for, it is asked first, because it names things by what
// they are and not by a page that shows the same to whoever is not logged in. Where it cannot tell, the pages are looked at.
func (t *Takedown) look(ctx context.Context, n Notice) (found, why string) {
	if seen, ok := t.lookByAPI(ctx, n); ok && seen.Sight != route.Unsure {
		return string(seen.Sight), strings.TrimPrefix(seen.Why, "route.why.")
	} else if ok && !saysLittle[seen.Why] {
		return string(fetch.Unsure), strings.TrimPrefix(seen.Why, "route.why.") // a page cannot know better
	}
	return t.lookAtPages(ctx, n)
}

// saysLittle are the reasons of an API that cannot tell which say nothing of the content: the pages may.
var saysLittle = map[string]bool{"route.why.unreachable": true, "route.why.credentials": true, "route.why.foreign": true, "route.why.blocked": true}

// lookByAPI asks the API by which a notice went, or by which it could go; ok is false where there is none. What the network
// calls it is kept the first time: once it is gone, nobody can ask what its address meant.
func (t *Takedown) lookByAPI(ctx context.Context, n Notice) (_ route.Seen, ok bool) {
	n, r, c, ok := t.api(ctx, n)
	if !ok {
		return route.Seen{}, false
	}
	found := n.Content.Found
	if found == (route.Found{}) {
		var err error
		if found, err = r.Resolve(ctx, n.target(t), c); err != nil {
			return route.Seen{}, false
		}
		if err := t.change(ctx, n.ID, func(_ *store.Tx, n *Notice) error { n.Content.Found = found; return nil }); err != nil {
			t.slog.Warn("takedown: what a network calls something could not be kept", "notice", n.ID, "error", err)
		}
	}
	seen, err := r.Look(ctx, n.target(t), found, c)
	return seen, err == nil
}

// api is the API that knows what a notice is about, if we have a log-in for one, and the notice as it would go by it.
func (t *Takedown) api(ctx context.Context, n Notice) (Notice, route.Route, route.Credentials, bool) {
	open, err := t.apis(ctx, n)
	if err != nil || len(open) == 0 {
		return n, nil, nil, false
	}
	if n.SubmittedAt == 0 || !slices.Contains(open, n.Route) {
		n.Route = open[0]
	}
	r, c, err := t.way(ctx, n)
	return n, r, c, err == nil
}

// lookAtPages asks for the page of each address. It is gone when all of them are, there when one of them is. Of what nobody may
// keep only the status is asked.
func (t *Takedown) lookAtPages(ctx context.Context, n Notice) (found, why string) {
	if t.pages == nil {
		return string(fetch.Unsure), "no_fetcher"
	}
	platform, _ := t.catalogue().Platforms.ByCode(n.Platform)
	rules := fetch.Rules{Gone: platform.Judge.Gone, Walls: platform.Judge.Wall}
	mode := fetch.Text
	if ground, ok := t.catalogue().Grounds.ByCode(n.Ground); ok && ground.NoCapture {
		mode = fetch.Status
	}
	scope := fetch.Scope{Domains: platform.Hosts, Ports: t.ports}
	if n.Content.Host != "" {
		scope.Hosts = append(scope.Hosts, n.Content.Host)
	}
	found, why = string(fetch.Gone), string(fetch.WhyStatus)
	for _, address := range n.Content.Addresses {
		verdict := fetch.Judge(rules, t.pages.Look(ctx, address, scope, mode))
		switch verdict.Found {
		case fetch.There:
			return string(fetch.There), string(verdict.Why)
		case fetch.Unsure:
			found, why = string(fetch.Unsure), string(verdict.Why)
		case fetch.Gone:
			if found == string(fetch.Gone) {
				why = string(verdict.Why)
			}
		}
	}
	return found, why
}

// hear asks the API by which a notice went what became of the report there. It is no decision (DSA Art. 16(5)): what the network
// says is kept, and a person reads it and writes what it means. A network that tells nothing is asked again with the next look.
func (t *Takedown) hear(ctx context.Context, n Notice) error {
	if !ByAPI(n.Route) || n.DecidedAt > 0 || n.State != Submitted && n.State != Acknowledged {
		return nil
	}
	r, c, err := t.way(ctx, n)
	if err != nil {
		return nil // a person looks after it
	}
	follower, ok := r.(route.Follower)
	if !ok {
		return nil
	}
	sent := route.Sent{Reference: n.Content.Reference, At: store.Time(n.SubmittedAt)}
	fate, err := follower.Follow(ctx, t.worded(n), n.Content.Found, sent, c)
	if err != nil || fate.State == route.Received || fate.State == route.Untold || fate.State == n.Content.Fate {
		return nil
	}
	return t.change(ctx, n.ID, func(tx *store.Tx, n *Notice) error {
		if n.DecidedAt > 0 || n.Content.Fate == fate.State {
			return nil
		}
		n.Content.Fate, n.Content.FateSaid, n.DueAt = fate.State, fate.Said, store.Millis(t.now())
		return t.happened(ctx, tx, *n, machine, "notice_fate", string(fate.State))
	})
}
