package guide

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// subject announces that something was published; its payload is the page's slug.
const subject = "guide"

// catchUp is how often a node looks for what it was not told.
const catchUp = time.Minute

// State is where a version of a page is in its life.
type State string

// The states.
const (
	Draft     State = "draft"     // it is being written
	Review    State = "review"    // a second person is to read it
	Published State = "published" // everybody reads it
	Replaced  State = "replaced"  // everybody read it
	Archived  State = "archived"  // it was taken off the site, and can be shown again
)

// Version is one version of a page. Number 0 is what Vigie brings, which nobody has changed.
type Version struct {
	Slug    string
	Number  int
	Rev     int
	State   State
	Sources map[string]string
	// Seed is the hash of Vigie's own text when this version was begun, "" where there was none.
	Seed      string
	WrittenBy string
	WrittenAt time.Time
	DecidedBy string
	DecidedAt time.Time
}

// Entry is a page as an editor finds it in the list.
type Entry struct {
	Page  Page  // as it is shown, or as it is being written where it never was
	Shown State // Published, Archived, or "" for one that never was shown
	Open  State // Draft or Review of the version that is being written, "" for none
	// Newer says that Vigie brings another text than the one from which the helpline's own was made.
	Newer bool
}

// Options are what the room works with.
type Options struct {
	DB        *store.DB
	Audit     *audit.Log
	Bus       *bus.Bus
	Catalogue func() *catalogue.Set
	Pictures  Drawer
	Now       func() time.Time
}

// Guides are the pages of one record. It is safe for concurrent use.
type Guides struct {
	o       Options
	current atomic.Pointer[Library]
	stop    func()

	mu    sync.Mutex // held by whoever swaps the library
	shown string     // the numbers of the versions that it was made of
}

// Open reads the pages of a record.
func Open(ctx context.Context, o Options) (*Guides, error) {
	g := &Guides{o: o}
	if err := g.refresh(ctx); err != nil {
		return nil, err
	}
	var err error
	if g.stop, err = o.Bus.Follow(ctx, subject, catchUp, g.follow); err != nil {
		return nil, fmt.Errorf("guide: %w", err)
	}
	return g, nil
}

// Close stops listening to the other nodes.
func (g *Guides) Close() { g.stop() }

// Current is what everybody may read now. Keep it for the length of one act, not longer.
func (g *Guides) Current() *Library { return g.current.Load() }

func (g *Guides) follow(ctx context.Context) {
	if err := g.refresh(ctx); err != nil && ctx.Err() == nil {
		slog.Warn("guide: cannot look for newer pages", "cause", err)
	}
}

// refresh makes the library anew where the record shows other versions than it holds: Vigie's own pages, and over them the
// helpline's.
func (g *Guides) refresh(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	shown, err := store.All(ctx, g.o.DB, scanVersion, selectShown)
	if err != nil {
		return fmt.Errorf("guide: %w", err)
	}
	mark := ""
	for _, v := range shown {
		mark += fmt.Sprint(v.Slug, " ", v.Number, " ", v.State, ";")
	}
	old := g.current.Load()
	if old != nil && mark == g.shown {
		return nil
	}
	pages := map[string]Page{}
	for _, p := range Seeds().All() {
		pages[p.Slug] = p
	}
	for _, v := range shown {
		if v.State == Archived {
			delete(pages, v.Slug)
			continue
		}
		p, flaws := Read(v.Slug, v.Sources)
		if len(flaws) > 0 { // it could be published once; a rule is newer than it
			slog.Error("guide: a page cannot be shown any more", "page", v.Slug, "version", v.Number, "why", flaws)
			continue
		}
		p.Version = v.Number
		pages[v.Slug] = p
	}
	g.shown = mark
	g.current.Store(newLibrary(slices.Collect(maps.Values(pages))))
	return nil
}

// seedOf is Vigie's own text of a page, and its hash; ok is false for a page that the helpline made.
func seedOf(slug string) (sources map[string]string, hash string, ok bool) {
	sources, ok = allSeeds()[slug]
	if !ok {
		return nil, "", false
	}
	return sources, hashOf(sources), true
}

var allSeeds = sync.OnceValue(seedSources)

func hashOf(sources map[string]string) string {
	h := sha256.New()
	for _, lang := range Languages {
		_, _ = fmt.Fprintf(h, "%s %d\n%s", lang, len(sources[lang]), sources[lang])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Entries are all pages, with what is being written of them, in the library's order; what was never shown comes last.
func (g *Guides) Entries(ctx context.Context) ([]Entry, error) {
	open, err := store.All(ctx, g.o.DB, scanVersion, selectAlive)
	if err != nil {
		return nil, fmt.Errorf("guide: %w", err)
	}
	entries := map[string]*Entry{}
	pages := []Page{}
	for _, p := range Seeds().All() {
		entries[p.Slug] = &Entry{Page: p, Shown: Published}
	}
	for _, v := range open {
		e := entries[v.Slug]
		if e == nil {
			e = &Entry{Page: Page{Slug: v.Slug, texts: map[string]Text{}}}
			entries[v.Slug] = e
		}
		p, _ := Read(v.Slug, v.Sources) // an unfinished one shows what of it can be read
		p.Version = v.Number
		switch v.State {
		case Published, Archived:
			e.Page, e.Shown = p, v.State
			_, hash, isSeed := seedOf(v.Slug)
			e.Newer = isSeed && v.Seed != hash
		default:
			e.Open = v.State
			if e.Shown == "" {
				e.Page = p
			}
		}
	}
	for _, e := range entries {
		pages = append(pages, e.Page)
	}
	sorted := inOrder(pages)
	all := make([]Entry, 0, len(entries))
	for _, p := range sorted {
		all = append(all, *entries[p.Slug])
	}
	return all, nil
}

// Get is the version to work on: the one that is being written, else the one that is shown, else Vigie's own. It returns fault.NotFound
// "fault.not_found" for a page that does not exist.
func (g *Guides) Get(ctx context.Context, slug string) (Version, error) {
	all, err := g.Versions(ctx, slug)
	if err != nil {
		return Version{}, err
	}
	for _, state := range []State{Draft, Review, Published, Archived} {
		for _, v := range all {
			if v.State == state {
				return v, nil
			}
		}
	}
	return Version{}, fault.New(fault.NotFound, "fault.not_found")
}

// Versions are all of a page, the newest first, Vigie's own last where there is one.
func (g *Guides) Versions(ctx context.Context, slug string) ([]Version, error) {
	all, err := store.All(ctx, g.o.DB, scanVersion, selectVersions, slug)
	if err != nil {
		return nil, fmt.Errorf("guide: %w", err)
	}
	if sources, hash, ok := seedOf(slug); ok {
		state := Published
		if slices.ContainsFunc(all, func(v Version) bool { return v.State == Published || v.State == Archived }) {
			state = Replaced
		}
		all = append(all, Version{Slug: slug, State: state, Sources: sources, Seed: hash})
	}
	return all, nil
}

// Check says what would keep sources from being published as a page, without keeping them.
func (g *Guides) Check(slug string, sources map[string]string) (Page, Flaws) {
	p, flaws := Read(slug, sources)
	if len(flaws) == 0 {
		flaws = g.Current().Join(p, g.o.Catalogue())
	}
	return p, flaws
}

// maxSources bounds what is kept of an unfinished page, in bytes.
const maxSources = 512 << 10

// Save keeps what is being written, finished or not. base and rev are what the writer began with: a version and its rev, or of a page that is shown its version and 0. It returns fault.Conflict
// "fault.guide.moved" when somebody else saved meanwhile, fault.Conflict "fault.guide.exists" for a new page (base -1) whose address is taken,
// fault.Conflict "fault.guide.in_review" for one that waits to be read, and fault.TooLarge "fault.guide.body_long".
func (g *Guides) Save(ctx context.Context, slug string, base, rev int, sources map[string]string, by audit.Actor) (saved Version, err error) {
	if !IsSlug(slug) {
		return saved, fault.New(fault.Invalid, "fault.guide.slug")
	}
	size := 0
	for _, s := range sources {
		size += len(s)
	}
	if size > maxSources {
		return saved, fault.New(fault.TooLarge, "fault.guide.body_long", "lang", "", "n", size, "most", maxSources)
	}
	err = g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		all, err := store.All(ctx, tx, scanVersion, selectVersions, slug)
		if err != nil {
			return err
		}
		_, hash, isSeed := seedOf(slug)
		if base < 0 && (isSeed || len(all) > 0) {
			return fault.New(fault.Conflict, "fault.guide.exists")
		}
		now := g.o.Now()
		if i := slices.IndexFunc(all, func(v Version) bool { return v.State == Draft || v.State == Review }); i >= 0 {
			open := all[i]
			switch {
			case open.State == Review:
				return fault.New(fault.Conflict, "fault.guide.in_review")
			case open.Number != base || open.Rev != rev:
				return fault.New(fault.Conflict, "fault.guide.moved")
			}
			open.Rev, open.Sources, open.WrittenBy, open.WrittenAt = rev+1, sources, by.ID, now
			saved = open
			return g.update(ctx, tx, open, rev)
		}
		newest := 0
		if len(all) > 0 {
			newest = all[0].Number
		}
		shown := slices.IndexFunc(all, func(v Version) bool { return v.State == Published || v.State == Archived })
		if base >= 0 && (shown >= 0 && all[shown].Number != base || shown < 0 && base != 0) {
			return fault.New(fault.Conflict, "fault.guide.moved")
		}
		saved = Version{Slug: slug, Number: newest + 1, Rev: 1, State: Draft, Sources: sources, Seed: hash, WrittenBy: by.ID, WrittenAt: now}
		return g.insert(ctx, tx, saved)
	})
	if store.IsConflict(err) {
		err = fault.New(fault.Conflict, "fault.guide.moved")
	}
	return saved, err
}

// sound says what keeps a version from being published. It is looked at before the transaction that publishes it: a text takes its time to be read, and nobody's
// message waits for that. The rev that the transaction asks for says that it is the same text.
func (g *Guides) sound(ctx context.Context, slug string, number int) error {
	v, err := store.One(ctx, g.o.DB, scanVersion, selectVersion, slug, number)
	if errors.Is(err, store.ErrNoRow) {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	if err != nil {
		return err
	}
	p, flaws := g.Check(slug, v.Sources)
	for _, lang := range Languages {
		t := p.In(lang)
		for _, l := range append(t.links, link{to: t.Picture, picture: t.Picture != ""}) {
			if !l.picture {
				continue
			}
			_, err := g.Picture(ctx, strings.TrimPrefix(l.to, MediaPrefix))
			if fault.Is(err, fault.NotFound) {
				flaws = append(flaws, Flaw{lang, "fault.guide.picture", nil})
			} else if err != nil {
				return err
			}
		}
	}
	return flaws.fault()
}

// open finds the version that is being written and was looked at.
func (g *Guides) open(ctx context.Context, tx *store.Tx, slug string, number, rev int, states ...State) (Version, error) {
	v, err := store.One(ctx, tx, scanVersion, selectVersion, slug, number)
	if errors.Is(err, store.ErrNoRow) {
		return v, fault.New(fault.NotFound, "fault.not_found")
	}
	if err == nil && (v.Rev != rev || !slices.Contains(states, v.State)) {
		err = fault.New(fault.Conflict, "fault.guide.moved")
	}
	return v, err
}

// Submit asks a second person to read a draft; what keeps it from being published is its fault.
func (g *Guides) Submit(ctx context.Context, slug string, number, rev int, by audit.Actor) error {
	if err := g.sound(ctx, slug, number); err != nil {
		return err
	}
	return g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := g.open(ctx, tx, slug, number, rev, Draft)
		if err != nil {
			return err
		}
		v.State, v.Rev = Review, rev+1
		return g.decide(ctx, tx, v, rev, "guide.submit", by)
	})
}

// Return gives a page that was to be read back to its writer.
func (g *Guides) Return(ctx context.Context, slug string, number, rev int, by audit.Actor) error {
	return g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := g.open(ctx, tx, slug, number, rev, Review)
		if err != nil {
			return err
		}
		v.State, v.Rev = Draft, rev+1
		return g.decide(ctx, tx, v, rev, "guide.return", by)
	})
}

// Discard throws away what is being written.
func (g *Guides) Discard(ctx context.Context, slug string, number, rev int, by audit.Actor) error {
	return g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		if _, err := g.open(ctx, tx, slug, number, rev, Draft); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteVersion, slug, number, rev); err != nil {
			return err
		}
		return g.record(ctx, tx, slug, number, "guide.discard", by)
	})
}

// Publish shows a page to everybody, on every node. Who wrote it last cannot: four eyes see what a child will read. It returns fault.Forbidden
// "fault.guide.own" then, and what keeps it from being published.
func (g *Guides) Publish(ctx context.Context, slug string, number, rev int, by audit.Actor) error {
	if err := g.sound(ctx, slug, number); err != nil {
		return err
	}
	err := g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := g.open(ctx, tx, slug, number, rev, Review)
		if err != nil {
			return err
		}
		if v.WrittenBy == by.ID {
			return fault.New(fault.Forbidden, "fault.guide.own")
		}
		if _, err := tx.Exec(ctx, replaceShown, slug); err != nil {
			return err
		}
		v.State, v.Rev = Published, rev+1
		return g.decide(ctx, tx, v, rev, "guide.publish", by)
	})
	if err != nil {
		return err
	}
	return g.refresh(ctx)
}

// Archive takes a page off the site; Restore shows it again. A page that others lead to stays: it returns fault.Conflict "fault.guide.led_to" with one of them.
func (g *Guides) Archive(ctx context.Context, slug string, by audit.Actor) error {
	l := g.Current()
	gone, isShown := l.Page(slug)
	for _, p := range l.All() {
		if isShown && p.Slug != slug && p.leadsTo(gone) {
			return fault.New(fault.Conflict, "fault.guide.led_to", "title", p.In(Languages[0]).Title)
		}
	}
	return g.show(ctx, slug, Published, Archived, "guide.archive", by)
}

// Restore shows a page again that was taken off the site.
func (g *Guides) Restore(ctx context.Context, slug string, by audit.Actor) error {
	return g.show(ctx, slug, Archived, Published, "guide.restore", by)
}

func (g *Guides) show(ctx context.Context, slug string, from, to State, act string, by audit.Actor) error {
	err := g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		v, err := store.One(ctx, tx, scanVersion, selectShownOf, slug)
		if errors.Is(err, store.ErrNoRow) {
			sources, hash, ok := seedOf(slug)
			if !ok || from != Published {
				return fault.New(fault.NotFound, "fault.not_found")
			}
			newest, err := store.All(ctx, tx, scanVersion, selectVersions, slug)
			if err != nil {
				return err
			}
			v = Version{Slug: slug, Number: 1, Rev: 1, State: to, Sources: sources, Seed: hash, WrittenBy: by.ID, WrittenAt: g.o.Now(), DecidedBy: by.ID, DecidedAt: g.o.Now()}
			if len(newest) > 0 {
				v.Number = newest[0].Number + 1
			}
			if err := g.insert(ctx, tx, v); err != nil {
				return err
			}
			return g.record(ctx, tx, slug, v.Number, act, by)
		}
		if err != nil {
			return err
		}
		if v.State != from {
			return fault.New(fault.Conflict, "fault.guide.moved")
		}
		v.State, v.Rev = to, v.Rev+1
		return g.decide(ctx, tx, v, v.Rev-1, act, by)
	})
	if err != nil {
		return err
	}
	return g.refresh(ctx)
}

// leadsTo says whether a page links to another, as its pair or in its text.
func (p Page) leadsTo(other Page) bool {
	f := p.Facts()
	if f.Pair == other.Slug || f.EasyOf == other.Slug || slices.Contains(f.Related, other.Slug) {
		return true
	}
	for _, lang := range Languages {
		if slices.ContainsFunc(p.In(lang).links, func(l link) bool { return pathOf(l.to) == other.Path() }) {
			return true
		}
	}
	return false
}

// Verified notes that somebody held a page against its sources today and that it still holds: a new version that is shown at once, because
// nothing of its text is changed.
func (g *Guides) Verified(ctx context.Context, slug string, by audit.Actor) error {
	today := g.o.Now().Format(time.DateOnly)
	err := g.o.DB.Tx(ctx, func(tx *store.Tx) error {
		all, err := store.All(ctx, tx, scanVersion, selectVersions, slug)
		if err != nil {
			return err
		}
		v := Version{Slug: slug, Rev: 1, State: Published, WrittenBy: by.ID, WrittenAt: g.o.Now(), DecidedBy: by.ID, DecidedAt: g.o.Now()}
		var is bool
		if v.Sources, v.Seed, is = seedOf(slug); !is && len(all) == 0 {
			return fault.New(fault.NotFound, "fault.not_found")
		}
		v.Number = 1
		for i, old := range all {
			if i == 0 {
				v.Number = old.Number + 1
			}
			switch old.State {
			case Draft, Review:
				return fault.New(fault.Conflict, "fault.guide.being_written")
			case Archived:
				return fault.New(fault.Conflict, "fault.guide.moved")
			case Published:
				v.Sources, v.Seed = old.Sources, old.Seed
			}
		}
		p, flaws := Read(slug, v.Sources)
		if len(flaws) > 0 || p.IsNews() {
			return fault.New(fault.Conflict, "fault.guide.moved")
		}
		v.Sources = map[string]string{}
		for _, lang := range Languages {
			t := p.In(lang)
			t.VerifiedOn = today
			v.Sources[lang] = t.Source()
		}
		if _, err := tx.Exec(ctx, replaceShown, slug); err != nil {
			return err
		}
		if err := g.insert(ctx, tx, v); err != nil {
			return err
		}
		return g.record(ctx, tx, slug, v.Number, "guide.verify", by)
	})
	if err != nil {
		return err
	}
	return g.refresh(ctx)
}

// decide writes a version's new state and who decided it, and tells the other nodes.
func (g *Guides) decide(ctx context.Context, tx *store.Tx, v Version, rev int, act string, by audit.Actor) error {
	v.DecidedBy, v.DecidedAt = by.ID, g.o.Now()
	if err := g.update(ctx, tx, v, rev); err != nil {
		return err
	}
	return g.record(ctx, tx, v.Slug, v.Number, act, by)
}

func (g *Guides) record(ctx context.Context, tx *store.Tx, slug string, number int, act string, by audit.Actor) error {
	tx.AfterCommit(func() { g.o.Bus.Publish(subject, []byte(slug)) })
	return g.o.Audit.Record(ctx, tx, audit.Entry{Actor: by, Act: act, Object: "guide", ObjectID: slug, Detail: map[string]string{"version": strconv.Itoa(number)}})
}

func (g *Guides) insert(ctx context.Context, tx *store.Tx, v Version) error {
	sources, err := json.Marshal(v.Sources)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertVersion, v.Slug, v.Number, v.Rev, string(v.State), string(sources), v.Seed, v.WrittenBy, store.Millis(v.WrittenAt), v.DecidedBy, store.Millis(v.DecidedAt))
	return err
}

// update writes a version over the one that had rev.
func (g *Guides) update(ctx context.Context, tx *store.Tx, v Version, rev int) error {
	sources, err := json.Marshal(v.Sources)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, updateVersion, v.Slug, v.Number, rev, v.Rev, string(v.State), string(sources), v.WrittenBy, store.Millis(v.WrittenAt), v.DecidedBy, store.Millis(v.DecidedAt))
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "fault.guide.moved")
	}
	return err
}
