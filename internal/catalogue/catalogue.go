// Package catalogue holds what the helpline can change without a programmer: the reasons for which
// people contact it, the contact form, the words that ring a bell, what is said and advised, who answers
// at night, when the line is open. Another country changes these documents, not the code.
//
// Each document is a text in TOML with comments, made to be read and edited by the people who know the
// trade. Vigie brings a first edition of each (seeds/); a version that somebody publishes is kept for
// ever in the database, so that an old contact is read with the form it was filled with. Publishing
// checks the text alone and against all the others, and refuses with the line and the reason: unknown
// keys, codes used twice, a sentence missing in a language, a lexicon that no longer hears its own test
// sentences. A code that contacts may carry is never taken away, only retired.
//
// The rest of the house sees a Set: all documents read and joined, immutable, swapped whole when a
// version is published, on every node.
package catalogue

import (
	"bytes"
	"context"
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

	"github.com/BurntSushi/toml"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/fault"
	"vigie/internal/store"
)

// subject announces a published version to the other nodes: {"doc":"form","version":3}.
const subject = "catalogue"

// catchUp is how often a node looks for a version whose announcement it missed.
const catchUp = time.Minute

// Catalogue is the documents of one record. It is safe for concurrent use.
type Catalogue struct {
	db      *store.DB
	log     *audit.Log
	bus     *bus.Bus
	current atomic.Pointer[Set]
	trouble atomic.Pointer[Flaws]
	stop    func()

	mu    sync.Mutex // held by whoever changes what is below and current with it
	texts map[Doc]stored
	forms map[int]*Form // old versions of the form, joined with the current set
}

// stored is the newest version of a document.
type stored struct {
	version int
	edition int // of the seed; 0 for a text that somebody wrote
	text    []byte
}

// Version is one published version of a document.
type Version struct {
	Doc     Doc
	Version int
	// Seed says that Vigie brought it; otherwise By is the id of the member of staff who published it.
	Seed        bool
	By          string
	PublishedAt time.Time
}

// Open reads the catalogue of a record; documents that are not there yet begin with their seeds, and
// those that nobody ever edited follow the newer seeds of a newer program. A document that this program
// cannot use any more does not keep the helpline from opening: its seed is used in its place, the log
// says so and Trouble tells what is wrong.
func Open(ctx context.Context, db *store.DB, log *audit.Log, b *bus.Bus) (*Catalogue, error) {
	c := &Catalogue{db: db, log: log, bus: b}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	var err error
	if c.stop, err = b.Follow(ctx, subject, catchUp, c.follow); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return c, nil
}

// Close stops listening for the versions of other nodes.
func (c *Catalogue) Close() { c.stop() }

// Current returns the catalogue as it is now. Keep the set for the length of one act, not longer.
func (c *Catalogue) Current() *Set { return c.current.Load() }

// Trouble returns what is wrong with documents that could not be used and were set aside for their
// seeds, or for the version before; nil when all is well.
func (c *Catalogue) Trouble() Flaws {
	if f := c.trouble.Load(); f != nil {
		return *f
	}
	return nil
}

// errMoved says that somebody published while we looked.
var errMoved = errors.New("catalogue: another version was published meanwhile")

// load reads the record, writes the seeds that are missing or newer, and swaps the set. c.mu is held.
func (c *Catalogue) load(ctx context.Context) error {
	for {
		texts, err := c.newest(ctx)
		if err != nil {
			return err
		}
		planned := withSeeds(texts, Seed)
		set, flaws := c.joined(planned)
		if len(flaws) > 0 { // perhaps a newer seed does not fit what was edited
			planned = withMissing(texts, Seed)
			set, flaws = c.joined(planned)
		}
		if len(flaws) > 0 {
			set = c.rescue(planned, flaws)
		} else {
			c.trouble.Store(nil)
		}
		err = c.db.Tx(ctx, func(tx *store.Tx) error {
			for _, doc := range Docs {
				if planned[doc].version == texts[doc].version {
					continue
				}
				if err := insertText(ctx, tx, doc, planned[doc], ""); err != nil {
					return err
				}
			}
			return nil
		})
		if store.IsConflict(err) { // another node opened at the same moment
			continue
		}
		if err != nil {
			return fmt.Errorf("catalogue: %w", err)
		}
		c.texts, c.forms = planned, map[int]*Form{}
		c.current.Store(set)
		return nil
	}
}

// withMissing gives the documents that have no version yet their seed as version 1.
func withMissing(texts map[Doc]stored, seed func(Doc) []byte) map[Doc]stored {
	planned := maps.Clone(texts)
	for _, doc := range Docs {
		if planned[doc].version == 0 {
			planned[doc] = stored{version: 1, edition: editionOf(seed(doc)), text: seed(doc)}
		}
	}
	return planned
}

// withSeeds does so too, and gives the documents that nobody edited the newer seed.
func withSeeds(texts map[Doc]stored, seed func(Doc) []byte) map[Doc]stored {
	planned := withMissing(texts, seed)
	for _, doc := range Docs {
		old := planned[doc]
		if edition := editionOf(seed(doc)); old.edition > 0 && old.edition < edition {
			planned[doc] = stored{version: old.version + 1, edition: edition, text: seed(doc)}
		}
	}
	return planned
}

func editionOf(text []byte) int {
	var h head
	_, _ = toml.Decode(string(text), &h) // what cannot be read has edition 0 and its flaws are told elsewhere
	return h.Edition
}

// joined reads the planned texts as what they are: published.
func (c *Catalogue) joined(planned map[Doc]stored) (*Set, Flaws) {
	texts := make(map[Doc][]byte, len(Docs))
	asSeeded := true
	for _, doc := range Docs {
		texts[doc] = planned[doc].text
		asSeeded = asSeeded && bytes.Equal(texts[doc], Seed(doc))
	}
	var set *Set
	if asSeeded { // the usual case: read once a process
		seeded, err := Seeds()
		if err == nil {
			copied := *seeded
			set = &copied
		}
	}
	if set == nil {
		var pages map[Doc]*page
		var lexicon *Lexicon
		if bytes.Equal(texts[DocLexicon], Seed(DocLexicon)) {
			if seeded, err := Seeds(); err == nil {
				lexicon = seeded.Lexicon
			}
		} else if c.texts != nil && bytes.Equal(texts[DocLexicon], c.texts[DocLexicon].text) {
			lexicon = c.current.Load().Lexicon
		}
		set, pages = read(texts, published, lexicon)
		if flaws := flawsOf(pages); len(flaws) > 0 {
			return nil, flaws
		}
	}
	set.Versions = make(map[Doc]int, len(Docs))
	for _, doc := range Docs {
		set.Versions[doc] = planned[doc].version
	}
	return set, nil
}

// rescue puts seeds in the place of what cannot be used: first of the documents with flaws, then of all.
// A set in use stays.
func (c *Catalogue) rescue(planned map[Doc]stored, flaws Flaws) *Set {
	c.trouble.Store(&flaws)
	for _, f := range flaws {
		slog.Error("catalogue: a document cannot be used", "doc", f.Doc, "line", f.Line, "path", f.Path, "why", f.Key)
	}
	if set := c.current.Load(); set != nil {
		return set
	}
	partly := maps.Clone(planned)
	for _, f := range flaws {
		partly[f.Doc] = stored{text: Seed(f.Doc)}
	}
	if set, again := c.joined(partly); len(again) == 0 {
		return set
	}
	set, err := Seeds()
	if err != nil {
		panic(err) // a test reads the seeds; without them there is no program
	}
	return set
}

// follow takes over what another node published.
func (c *Catalogue) follow(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refresh(ctx); err != nil && ctx.Err() == nil {
		slog.Warn("catalogue: cannot look for newer versions", "cause", err)
	}
}

// refresh loads when the record holds other versions than we do. c.mu is held.
func (c *Catalogue) refresh(ctx context.Context) error {
	versions, err := store.All(ctx, c.db, scanNumber, selectNumbers)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	for _, v := range versions {
		if c.texts[v.doc].version != v.version {
			return c.load(ctx)
		}
	}
	return nil
}

// Check says what would keep text from being published as the next version of doc, without publishing.
func (c *Catalogue) Check(doc Doc, text []byte) Flaws {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, flaws := c.propose(doc, text)
	return flaws
}

// Draft is the catalogue as it would be with text as the next version of doc, without publishing it; or what keeps it from
// being published.
func (c *Catalogue) Draft(doc Doc, text []byte) (*Set, Flaws) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.propose(doc, bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// Decided says that somebody published doc, and that what she published is in use: neither our seed nor what stands in for a
// document that cannot be read.
func (c *Catalogue) Decided(doc Doc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := c.texts[doc]
	return have.version > 0 && have.edition == 0 && len(c.Trouble()) == 0
}

// propose reads the catalogue as it would be with text. c.mu is held.
func (c *Catalogue) propose(doc Doc, text []byte) (*Set, Flaws) {
	texts := make(map[Doc][]byte, len(Docs))
	for _, d := range Docs {
		texts[d] = c.texts[d].text
	}
	for _, f := range c.Trouble() { // one broken document does not keep the others from being published
		texts[f.Doc] = Seed(f.Doc)
	}
	texts[doc] = text
	var lexicon *Lexicon
	if doc != DocLexicon && doc != DocLexiconTest {
		lexicon = c.current.Load().Lexicon
	}
	set, pages := read(texts, proposed, lexicon)
	if flaws := flawsOf(pages); len(flaws) > 0 {
		return nil, flaws
	}
	set.continues(pages[doc], c.current.Load())
	if flaws := flawsOf(pages); len(flaws) > 0 {
		return nil, flaws
	}
	set.Versions = maps.Clone(c.current.Load().Versions)
	return set, nil
}

// Publish makes text the newest version of doc, on every node, and returns its number; a text that is
// the newest already changes nothing. It returns fault.Invalid with {doc}, {line} and the reason for a
// text that cannot be used, its cause being Flaws with every reason, and fault.NotFound
// "fault.catalogue.document" for a document that does not exist.
func (c *Catalogue) Publish(ctx context.Context, doc Doc, text []byte, by audit.Actor) (version int, err error) {
	return c.publish(ctx, doc, 0, text, by)
}

// PublishOver is Publish for an editor who began with version base: when another one was published in
// the meantime it is fault.Conflict "fault.catalogue.moved", and nothing is lost on either side.
func (c *Catalogue) PublishOver(ctx context.Context, doc Doc, base int, text []byte, by audit.Actor) (version int, err error) {
	return c.publish(ctx, doc, base, text, by)
}

func (c *Catalogue) publish(ctx context.Context, doc Doc, base int, text []byte, by audit.Actor) (int, error) {
	if Seed(doc) == nil {
		return 0, fault.New(fault.NotFound, "fault.catalogue.document")
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // as a form post carries it
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.refresh(ctx); err != nil {
			return 0, err
		}
		old := c.texts[doc]
		if base > 0 && base != old.version {
			return 0, fault.New(fault.Conflict, "fault.catalogue.moved", "doc", string(doc), "version", old.version)
		}
		if bytes.Equal(old.text, text) {
			return old.version, nil
		}
		set, flaws := c.propose(doc, text)
		if len(flaws) > 0 {
			return 0, flaws.fault()
		}
		next := stored{version: old.version + 1, text: text}
		err := c.write(ctx, doc, next, by)
		if errors.Is(err, errMoved) || store.IsConflict(err) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("catalogue: publishing %s: %w", doc, err)
		}
		c.texts[doc], c.forms = next, map[int]*Form{}
		set.Versions[doc] = next.version
		c.current.Store(set)
		if left := slices.DeleteFunc(slices.Clone(c.Trouble()), func(f Flaw) bool { return f.Doc == doc }); len(left) > 0 {
			c.trouble.Store(&left)
		} else {
			c.trouble.Store(nil)
		}
		return next.version, nil
	}
}

// write commits a version, provided that every document still is what the text was checked against.
func (c *Catalogue) write(ctx context.Context, doc Doc, next stored, by audit.Actor) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		versions, err := store.All(ctx, tx, scanNumber, selectNumbers)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if c.texts[v.doc].version != v.version {
				return errMoved
			}
		}
		if err := insertText(ctx, tx, doc, next, by.ID); err != nil {
			return err
		}
		entry := audit.Entry{Actor: by, Act: "catalogue.publish", Object: "catalogue", ObjectID: string(doc),
			Detail: map[string]string{"version": strconv.Itoa(next.version)}}
		if err := c.log.Record(ctx, tx, entry); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			payload, _ := json.Marshal(map[string]any{"doc": doc, "version": next.version})
			c.bus.Publish(subject, payload)
		})
		return nil
	})
}

// Versions lists the versions of a document, the newest first.
func (c *Catalogue) Versions(ctx context.Context, doc Doc) ([]Version, error) {
	return store.All(ctx, c.db, scanVersion, selectVersions, string(doc))
}

// Text returns the text of a version, or of the newest for 0; fault.NotFound "fault.catalogue.version"
// when there is none.
func (c *Catalogue) Text(ctx context.Context, doc Doc, version int) (string, error) {
	text, err := store.One(ctx, c.db, scanText, selectText, string(doc), version)
	if errors.Is(err, store.ErrNoRow) {
		return "", fault.New(fault.NotFound, "fault.catalogue.version")
	}
	return text, err
}

// Form returns the form as it was in a version, so that an old contact is read with the questions it was
// asked; its lists are today's, in which every code still stands. fault.NotFound
// "fault.catalogue.version" when there is no such version.
func (c *Catalogue) Form(ctx context.Context, version int) (*Form, error) {
	set := c.Current()
	if version == set.Versions[DocForm] {
		return set.Form, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if form, ok := c.forms[version]; ok {
		return form, nil
	}
	text, err := c.Text(ctx, DocForm, version)
	if err != nil {
		return nil, err
	}
	form := new(Form)
	p := decode(DocForm, []byte(text), form, published)
	if len(p.flaws) == 0 {
		form.join(p, set)
	}
	if len(p.flaws) > 0 {
		return nil, fault.Wrap(p.flaws, fault.NotFound, "fault.catalogue.version")
	}
	c.forms[version] = form
	return form, nil
}

// CloseUntil closes the line from now until a moment at most 48 hours away; visitors read the reason.
// It is a published version of DocClosure like any other, and base what it is published over: PublishOver.
func (c *Catalogue) CloseUntil(ctx context.Context, base int, until time.Time, reason Text, by audit.Actor) error {
	// From the whole second before: a visitor who comes in this second finds the line closed.
	return c.setClosure(ctx, base, time.Now().Truncate(time.Second).Format(time.RFC3339), until.Format(time.RFC3339), reason, by)
}

// Reopen ends a closure.
func (c *Catalogue) Reopen(ctx context.Context, base int, by audit.Actor) error {
	return c.setClosure(ctx, base, "", "", nil, by)
}

func (c *Catalogue) setClosure(ctx context.Context, base int, from, until string, reason Text, by audit.Actor) error {
	text, err := toml.Marshal(struct {
		Edition int    `toml:"edition"`
		From    string `toml:"from"`
		Until   string `toml:"until"`
		Reason  Text   `toml:"reason,omitempty"`
	}{editionOf(Seed(DocClosure)), from, until, reason})
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	_, err = c.PublishOver(ctx, DocClosure, base, text, by)
	return err
}

// continues notes on p every code that old has and the set does not: contacts may carry it. Codes are
// retired, not removed.
func (s *Set) continues(p *page, old *Set) {
	have := map[string]string{}
	for _, code := range s.lasting() {
		have[code.what+" "+code.code] = code.kind
	}
	for _, code := range old.lasting() {
		kind, ok := have[code.what+" "+code.code]
		switch {
		case code.doc != p.doc:
		case !ok:
			p.flaw("code_gone", code.what, "code", code.code)
		case kind != code.kind:
			p.flaw("type_changed", code.what, "code", code.code)
		}
	}
}

// lasting is a code that is kept with a contact, a message or a log entry.
type lasting struct {
	doc        Doc
	what, code string
	kind       string // what it must go on being; "" when it does not matter
}

func (s *Set) lasting() []lasting {
	var all []lasting
	add := func(doc Doc, what, code, kind string) { all = append(all, lasting{doc, what, code, kind}) }
	for _, d := range s.Taxonomy.Dangers {
		add(DocTaxonomy, "danger", d.Code, "")
	}
	for _, c := range s.Taxonomy.Categories {
		add(DocTaxonomy, "category", c.Code, "")
	}
	s.Form.each(func(_ Section, f *Field) {
		add(DocForm, "section.field", f.Code, string(f.Type))
		if f.From == "" && f.Type != YesNo {
			for _, c := range f.Choices {
				add(DocForm, "section.field", f.Code+" "+c.Code, "")
			}
		}
	})
	for _, q := range s.Questions.First {
		for _, c := range q.Choices {
			add(DocQuestions, "question.choice", q.Code+" "+c.Code, "")
		}
	}
	for _, c := range s.Questions.Last.Choices {
		add(DocQuestions, "satisfaction.choice", c.Code, "")
	}
	for _, q := range s.Queues.All {
		add(DocQueues, "queue", q.Code, "")
	}
	for _, r := range s.Queues.Reasons {
		add(DocQueues, "reason", r.Code, "")
	}
	for _, e := range s.Lexicon.Entries {
		if !e.Signal {
			add(DocLexicon, "entry", e.Code, "")
		}
	}
	for _, c := range s.Protocols.Cards {
		for _, step := range c.Steps {
			add(DocProtocols, "protocol.step", c.Code+" "+step.Code, "")
		}
	}
	for _, c := range s.Platforms.All {
		add(DocPlatforms, "platform", c.Code, "")
	}
	for _, g := range s.Grounds.All {
		add(DocGrounds, "ground", g.Code, "")
	}
	for _, o := range s.Offences.All {
		add(DocOffences, "offence", o.Code, "")
	}
	for _, p := range s.Partners.All {
		add(DocPartners, "partner", p.Code, "")
		for _, f := range p.Fields {
			add(DocPartners, "partner.field", p.Code+" "+f.Code, string(f.Type))
		}
	}
	for _, d := range s.Departments.All {
		add(DocDepartments, "department", d.Code, "")
	}
	for _, c := range s.Rubric.Criteria {
		add(DocRubric, "criterion", c.Code, "")
	}
	return all
}

// Title is the first line of a document's opening comment, for a list of documents.
func (d Doc) Title() string {
	line, _, _ := strings.Cut(string(Seed(d)), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "#"))
}
