package catalogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// Catalogue is the room: the documents in the database, and the set they make now. It is safe for
// concurrent use, and each node has one.
type Catalogue struct {
	db    *store.DB
	trail *audit.Log
	bus   *bus.Bus

	current atomic.Pointer[Set]
	loading sync.Mutex
	stop    func()
}

// Open reads the newest version of every document. A document that is not there yet, or whose seed came
// with a newer edition and that nobody has edited, gets the seed as its next version.
func Open(ctx context.Context, db *store.DB, trail *audit.Log, b *bus.Bus) (*Catalogue, error) {
	c := &Catalogue{db: db, trail: trail, bus: b, stop: func() {}}
	if err := c.seed(ctx); err != nil {
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	if b != nil {
		stop, err := b.Subscribe("catalogue", func(string, []byte) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := c.load(ctx); err != nil {
				slog.Error("the catalogue could not be read again", "error", err)
			}
		})
		if err != nil {
			return nil, err
		}
		c.stop = stop
	}
	return c, nil
}

// Close leaves the bus.
func (c *Catalogue) Close() { c.stop() }

// Current is the catalogue as it is now. It never changes under a caller.
func (c *Catalogue) Current() *Set { return c.current.Load() }

// Version is one published text of a document.
type Version struct {
	Doc         Doc
	Number      int
	Edition     int
	Text        []byte
	PublishedAt int64 // Unix milliseconds
	PublishedBy string
}

const selectVersion = `SELECT doc, version, edition, body, published_at, published_by FROM catalogue_version`

func scanVersion(r store.Row) (Version, error) {
	var v Version
	var text string
	err := r.Scan(&v.Doc, &v.Number, &v.Edition, &text, &v.PublishedAt, &v.PublishedBy)
	v.Text = []byte(text)
	return v, err
}

const newest = selectVersion + ` v WHERE version = (SELECT max(version) FROM catalogue_version n WHERE n.doc = v.doc)`

const insertVersion = `INSERT INTO catalogue_version (doc, version, edition, body, published_at, published_by)
	VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (doc, version) DO NOTHING`

// seed puts in what Vigie brings. Two nodes that start at once put it in once.
func (c *Catalogue) seed(ctx context.Context) error {
	set, err := Seeds()
	if err != nil {
		return fmt.Errorf("catalogue: the seeds: %w", err)
	}
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		there, err := store.All(ctx, tx, scanVersion, newest)
		if err != nil {
			return err
		}
		have := map[Doc]Version{}
		for _, v := range there {
			have[v.Doc] = v
		}
		for _, doc := range Docs {
			edition := set.document(doc).edition()
			v, ok := have[doc]
			if ok && (v.Edition == 0 || v.Edition >= edition) {
				continue
			}
			if _, err := tx.Exec(ctx, insertVersion, string(doc), v.Number+1, edition, string(Seed(doc)), store.Millis(time.Now()), ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// load makes the set of the newest versions. A stored catalogue that this program cannot read (it was
// published by a newer one) falls back on the seeds, document by document, rather than closing the line.
func (c *Catalogue) load(ctx context.Context) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	all, err := store.All(ctx, c.db, scanVersion, newest)
	if err != nil {
		return err
	}
	texts, versions := seedTexts(), map[Doc]int{}
	for _, v := range all {
		texts[v.Doc], versions[v.Doc] = v.Text, v.Number
	}
	set, flaws := Read(texts)
	if set == nil {
		slog.Error("the stored catalogue cannot be read; the seeds stand in", "flaws", len(flaws), "first", string(flaws[0].Doc)+" line "+strconv.Itoa(flaws[0].Line))
		if set, err = Seeds(); err != nil {
			return err
		}
		fresh := *set
		set = &fresh
	}
	set.Versions = versions
	c.current.Store(set)
	return nil
}

// Publish checks a document against all the others and makes it the newest version. base is the version
// the editor began from. It returns fault.Invalid with every flaw and its line, fault.Conflict
// "fault.catalogue.changed" when somebody published meanwhile, fault.NotFound "fault.catalogue.unknown".
func (c *Catalogue) Publish(ctx context.Context, doc Doc, text []byte, base int, by audit.Actor) (int, error) {
	if Seed(doc) == nil {
		return 0, fault.New(fault.NotFound, "fault.catalogue.unknown")
	}
	number := 0
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		all, err := store.All(ctx, tx, scanVersion, newest)
		if err != nil {
			return err
		}
		texts := seedTexts()
		for _, v := range all {
			texts[v.Doc] = v.Text
			if v.Doc == doc {
				number = v.Number
			}
		}
		if number != base {
			return fault.New(fault.Conflict, "fault.catalogue.changed")
		}
		texts[doc] = text
		if _, flaws := Read(texts); len(flaws) > 0 {
			return flaws.fault()
		}
		number++
		n, err := tx.Exec(ctx, insertVersion, string(doc), number, 0, string(text), store.Millis(time.Now()), by.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "fault.catalogue.changed")
		}
		if err := c.trail.Record(ctx, tx, audit.Entry{Actor: by, Act: "catalogue.publish", Object: "catalogue", ObjectID: string(doc),
			Detail: map[string]string{"version": strconv.Itoa(number)}}); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			if err := c.load(context.WithoutCancel(ctx)); err != nil {
				slog.Error("the catalogue could not be read again", "error", err)
			}
			if c.bus != nil {
				c.bus.Publish("catalogue", []byte("{}"))
			}
		})
		return nil
	})
	return number, err
}

// Get returns one version of a document; 0 is the newest. fault.NotFound "fault.catalogue.unknown".
func (c *Catalogue) Get(ctx context.Context, doc Doc, version int) (Version, error) {
	v, err := store.One(ctx, c.db, scanVersion, selectVersion+` WHERE doc = $1 AND ($2 = 0 OR version = $2) ORDER BY version DESC LIMIT 1`, string(doc), version)
	if errors.Is(err, store.ErrNoRow) {
		err = fault.New(fault.NotFound, "fault.catalogue.unknown")
	}
	return v, err
}

// History lists the versions of a document, the newest first.
func (c *Catalogue) History(ctx context.Context, doc Doc) ([]Version, error) {
	return store.All(ctx, c.db, scanVersion, selectVersion+` WHERE doc = $1 ORDER BY version DESC`, string(doc))
}
