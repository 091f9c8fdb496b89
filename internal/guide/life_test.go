package guide_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var (
	eden = audit.Actor{Kind: audit.Staff, ID: "staff-eden"}
	alix = audit.Actor{Kind: audit.Staff, ID: "staff-alix"}
)

// world is a helpline with two nodes that share a record.
type world struct {
	t          *testing.T
	ctx        context.Context
	here, away *guide.Guides
	at         time.Time
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{t: t, ctx: t.Context(), at: time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)}
	set, err := catalogue.Seeds()
	w.must(err)
	b, err := bus.Open(w.ctx, bus.Options{})
	w.must(err)
	t.Cleanup(b.Close)
	log := audit.Open(db, []byte("key of the test's log, of 32 byte"), b.NodeID(), func() time.Time { return w.at })
	open := func() *guide.Guides {
		g, err := guide.Open(w.ctx, guide.Options{DB: db, Audit: log, Bus: b, Catalogue: func() *catalogue.Set { return set }, Now: func() time.Time { return w.at }})
		w.must(err)
		t.Cleanup(g.Close)
		return g
	}
	w.here, w.away = open(), open()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, key string) {
	w.t.Helper()
	if f := fault.As(err); f == nil || f.Key != key {
		w.t.Fatalf("got %v, want %s", err, key)
	}
}

// shows waits until both nodes show a page with these words in its French text, or not at all ("").
func (w *world) shows(slug, words string) {
	w.t.Helper()
	for _, g := range []*guide.Guides{w.here, w.away} {
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			p, ok := g.Current().Page(slug)
			if ok == (words != "") && (!ok || strings.Contains(p.In("fr").Title, words)) {
				break
			}
			if time.Now().After(end) {
				w.t.Fatalf("%s is shown as %q (%v), want %q", slug, p.In("fr").Title, ok, words)
			}
		}
	}
}

// titled is a page of Vigie's under another title.
func titled(sources map[string]string, title string) map[string]string {
	all := map[string]string{}
	for lang, source := range sources {
		_, rest, _ := strings.Cut(source, "title = ")
		_, rest, _ = strings.Cut(rest, "\n")
		all[lang] = "+++\ntitle = \"" + title + "\"\n" + rest
	}
	return all
}

func TestTheLifeOfAPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		seed, err := w.here.Get(w.ctx, "sextortion")
		w.must(err)
		if seed.Number != 0 || seed.State != guide.Published {
			t.Fatalf("Vigie's own page is %d, %s", seed.Number, seed.State)
		}

		draft, err := w.here.Save(w.ctx, "sextortion", 0, 0, titled(seed.Sources, "Chantage"), eden)
		w.must(err)
		w.shows("sextortion", seed.Sources["fr"][len("+++\ntitle = \""):][:10]) // everybody still reads the old one
		_, err = w.away.Save(w.ctx, "sextortion", 0, 0, titled(seed.Sources, "Autre"), alix)
		w.refused(err, "fault.guide.moved")
		draft, err = w.away.Save(w.ctx, "sextortion", draft.Number, draft.Rev, map[string]string{"fr": "pas fini"}, alix)
		w.must(err)
		_, err = w.here.Save(w.ctx, "sextortion", draft.Number, draft.Rev-1, seed.Sources, eden)
		w.refused(err, "fault.guide.moved")
		w.refused(w.here.Submit(w.ctx, "sextortion", draft.Number, draft.Rev, eden), "fault.guide.missing")
		draft, err = w.here.Save(w.ctx, "sextortion", draft.Number, draft.Rev, titled(seed.Sources, "Chantage avec une image"), eden)
		w.must(err)
		w.refused(w.here.Publish(w.ctx, "sextortion", draft.Number, draft.Rev, alix), "fault.guide.moved") // nobody asked for it
		w.must(w.here.Submit(w.ctx, "sextortion", draft.Number, draft.Rev, eden))
		_, err = w.here.Save(w.ctx, "sextortion", draft.Number, draft.Rev+1, seed.Sources, eden)
		w.refused(err, "fault.guide.in_review")
		w.refused(w.here.Publish(w.ctx, "sextortion", draft.Number, draft.Rev+1, eden), "fault.guide.own")
		w.must(w.away.Return(w.ctx, "sextortion", draft.Number, draft.Rev+1, alix))
		w.must(w.here.Submit(w.ctx, "sextortion", draft.Number, draft.Rev+2, eden))
		before := w.away.Current()
		w.must(w.away.Publish(w.ctx, "sextortion", draft.Number, draft.Rev+3, alix))
		w.shows("sextortion", "Chantage avec une image")
		if w.away.Current() == before {
			t.Error("the library is the same")
		}

		w.must(w.here.Verified(w.ctx, "sextortion", eden))
		p, _ := w.here.Current().Page("sextortion")
		if p.Facts().VerifiedOn != "2026-11-29" || p.In("fr").Title != "Chantage avec une image" || p.Version != draft.Number+1 {
			t.Errorf("verified: %+v, version %d", p.Facts(), p.Version)
		}
		all, err := w.here.Versions(w.ctx, "sextortion")
		w.must(err)
		if len(all) != 3 || all[0].State != guide.Published || all[1].State != guide.Replaced || all[2].State != guide.Replaced || all[2].Number != 0 {
			t.Errorf("its versions are %+v", all)
		}
	})
}

func TestANewPageAndOneTakenOffTheSite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		seed, err := w.here.Get(w.ctx, "danger-easy")
		w.must(err)
		_, err = w.here.Save(w.ctx, "danger-easy", -1, 0, seed.Sources, eden)
		w.refused(err, "fault.guide.exists")
		_, err = w.here.Save(w.ctx, "../secret", -1, 0, seed.Sources, eden)
		w.refused(err, "fault.guide.slug")
		_, err = w.here.Save(w.ctx, "danger", -1, 0, map[string]string{"fr": strings.Repeat("x", 600<<10)}, eden)
		w.refused(err, "fault.guide.body_long")
		draft, err := w.here.Save(w.ctx, "danger", -1, 0, titled(seed.Sources, "En danger"), eden)
		w.must(err)
		w.must(w.here.Submit(w.ctx, "danger", draft.Number, draft.Rev, eden))
		w.must(w.here.Publish(w.ctx, "danger", draft.Number, draft.Rev+1, alix))
		w.shows("danger", "En danger")
		entries, err := w.here.Entries(w.ctx)
		w.must(err)
		if len(entries) != len(guide.Seeds().All())+1 {
			t.Errorf("%d pages are listed", len(entries))
		}

		w.must(w.here.Archive(w.ctx, "danger", alix))
		w.shows("danger", "")
		w.refused(w.here.Archive(w.ctx, "danger", alix), "fault.guide.moved")
		w.refused(w.here.Archive(w.ctx, "sextortion", alix), "fault.guide.led_to")
		w.must(w.here.Archive(w.ctx, "quick-exit", alix)) // one of Vigie's own
		w.shows("quick-exit", "")
		w.must(w.here.Restore(w.ctx, "quick-exit", alix))
		w.must(w.here.Restore(w.ctx, "danger", alix))
		w.shows("danger", "En danger")
		w.shows("quick-exit", "i")
		w.refused(w.here.Archive(w.ctx, "nothing", alix), "fault.not_found")

		draft, err = w.here.Save(w.ctx, "nothing", -1, 0, seed.Sources, eden)
		w.must(err)
		w.must(w.here.Discard(w.ctx, "nothing", draft.Number, draft.Rev, alix))
		_, err = w.here.Get(w.ctx, "nothing")
		w.refused(err, "fault.not_found")
	})
}
