package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// world is one record and one bus, and the nodes that open a catalogue on them.
type world struct {
	*testing.T
	db  *store.DB
	log *audit.Log
	bus *bus.Bus
}

var editor = audit.Actor{Kind: audit.Staff, ID: "editor-1"}

func each(t *testing.T, test func(w world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, err := bus.Open(t.Context(), bus.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		log := audit.Open(db, make([]byte, 32), "node", time.Now)
		test(world{t, db, log, b})
	})
}

func (w world) node() *catalogue.Catalogue {
	w.Helper()
	c, err := catalogue.Open(w.Context(), w.db, w.log, w.bus)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(c.Close)
	return c
}

// text is the newest text of a document with something replaced in it.
func (w world) text(c *catalogue.Catalogue, doc catalogue.Doc, old, new string) []byte {
	w.Helper()
	text, err := c.Text(w.Context(), doc, 0)
	if err != nil {
		w.Fatal(err)
	}
	if !strings.Contains(text, old) {
		w.Fatalf("%s does not contain %q", doc, old)
	}
	return []byte(strings.Replace(text, old, new, 1))
}

func (w world) publish(c *catalogue.Catalogue, doc catalogue.Doc, text []byte) int {
	w.Helper()
	version, err := c.Publish(w.Context(), doc, text, editor)
	if err != nil {
		w.Fatal(err)
	}
	return version
}

// soon waits until something becomes true.
func (w world) soon(what string, is func() bool) {
	w.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			w.Fatalf("still not: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A new record begins with the seeds, once, whoever opens it first.
func TestOpenWritesTheSeedsOnce(t *testing.T) {
	each(t, func(w world) {
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() { w.node() })
		}
		nodes.Wait()
		c := w.node()
		for _, doc := range catalogue.Docs {
			versions, err := c.Versions(w.Context(), doc)
			if err != nil || len(versions) != 1 || versions[0].Version != 1 || !versions[0].Seed {
				w.Errorf("%s: %v, %v", doc, versions, err)
			}
		}
		if c.Trouble() != nil {
			w.Errorf("trouble: %v", c.Trouble())
		}
		if set := c.Current(); set.Versions[catalogue.DocForm] != 1 || len(set.Lexicon.Scan("je veux mourir")) == 0 {
			w.Error("the current set is not the seeds")
		}
	})
}

// What an editor publishes is there at once on her node and soon on the others; the version before stays.
func TestPublish(t *testing.T) {
	each(t, func(w world) {
		here, there := w.node(), w.node()
		before := here.Current()
		text := w.text(here, catalogue.DocLines, "Prends ton temps. On reste là.", "Prends tout ton temps. On reste là.")
		if v := w.publish(here, catalogue.DocLines, text); v != 2 {
			w.Fatalf("it is version %d, want 2", v)
		}
		said := func(c *catalogue.Catalogue) string {
			return c.Current().Lines.Say(catalogue.LineSilenceFirst, catalogue.Young, "fr", nil)
		}
		if said(here) != "Prends tout ton temps. On reste là." || here.Current().Versions[catalogue.DocLines] != 2 {
			w.Errorf("here: %q", said(here))
		}
		if before.Lines.Say(catalogue.LineSilenceFirst, catalogue.Young, "fr", nil) != "Prends ton temps. On reste là." {
			w.Error("a set that somebody holds was changed")
		}
		w.soon("the other node speaks the new line", func() bool { return said(there) == said(here) })

		if v := w.publish(here, catalogue.DocLines, text); v != 2 {
			w.Errorf("published again it became version %d", v)
		}
		versions, err := here.Versions(w.Context(), catalogue.DocLines)
		if err != nil || len(versions) != 2 || versions[0].Version != 2 || versions[0].By != editor.ID || versions[0].Seed || time.Since(versions[0].PublishedAt) > time.Minute {
			w.Errorf("%+v, %v", versions, err)
		}
		old, err := here.Text(w.Context(), catalogue.DocLines, 1)
		if err != nil || old != string(catalogue.Seed(catalogue.DocLines)) {
			w.Errorf("version 1 is not the seed any more: %v", err)
		}
		n, err := store.One(w.Context(), w.db, func(r store.Row) (n int, err error) { err = r.Scan(&n); return n, err },
			`SELECT count(*) FROM audit WHERE act = 'catalogue.publish' AND object_id = 'lines' AND actor_id = $1`, editor.ID)
		if err != nil || n != 1 {
			w.Errorf("%d entries in the log, want 1 (%v)", n, err)
		}
	})
}

// A text that cannot be used changes nothing, and the fault names the line and the reason, all of them.
func TestRefusedChangesNothing(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		text := w.text(c, catalogue.DocQueues, "publics = [\"parent\"]", "publics = [\"aunt\", \"uncle\"]")
		_, err := c.Publish(w.Context(), catalogue.DocQueues, text, editor)
		f := fault.As(err)
		if f == nil || f.Kind != fault.Invalid || f.Key != "fault.catalogue.reference_missing" {
			w.Fatalf("%v", err)
		}
		var flaws catalogue.Flaws
		if !errors.As(err, &flaws) || len(flaws) != 2 || flaws[0].Line == 0 {
			w.Errorf("%v", flaws)
		}
		args := fmt.Sprint(f.Args...)
		if !strings.Contains(args, "queues") || !strings.Contains(args, "aunt") {
			w.Errorf("the sentence knows %s", args)
		}
		if got := c.Check(catalogue.DocQueues, text); len(got) != 2 {
			w.Errorf("looked at before publishing: %v", got)
		}
		if v := c.Current().Versions[catalogue.DocQueues]; v != 1 {
			w.Errorf("it is version %d", v)
		}
		if _, err := c.Publish(w.Context(), "recipes", []byte("edition = 1"), editor); !fault.Is(err, fault.NotFound) {
			w.Errorf("a document that does not exist: %v", err)
		}
	})
}

// A document that another one leans on is not pulled away from under it.
func TestOtherDocumentsAreChecked(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		_, err := c.Publish(w.Context(), catalogue.DocNumbers, w.text(c, catalogue.DocNumbers, "code = \"18\"\nnumber = \"18\"", "code = \"19\"\nnumber = \"19\""), editor)
		if err != nil { // nobody calls the 18 by its code
			w.Errorf("%v", err)
		}
		_, err = c.Publish(w.Context(), catalogue.DocLexicon, w.text(c, catalogue.DocLexicon, `danger = "suicide"`, `danger = "ennui"`), editor)
		if f := fault.As(err); f == nil || f.Key != "fault.catalogue.reference_missing" {
			w.Errorf("%v", err)
		}
		// Publishing the topics without one that a card speaks of names the card.
		text := w.text(c, catalogue.DocDoNow, "topic = \"general\"\nfor = \"adult\"", "topic = \"other\"\nfor = \"adult\"")
		if _, err = c.Publish(w.Context(), catalogue.DocDoNow, text, editor); fault.As(err) == nil || fault.As(err).Key != "fault.catalogue.required_missing" {
			w.Errorf("%v", err)
		}
	})
}

// What contacts carry is retired, never removed, and a field keeps its type.
func TestCodesAreForEver(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		for _, change := range []struct {
			doc      catalogue.Doc
			old, new string
			key      string
		}{
			{catalogue.DocTaxonomy, `code = "fake_news"`, `code = "false_news"`, "code_gone"},
			{catalogue.DocForm, `code = "school_level"`, `code = "level_of_school"`, "code_gone"},
			{catalogue.DocForm, `code = "home_school"`, `code = "schooled_at_home"`, "code_gone"},
			{catalogue.DocForm, "code = \"known_before\"\ntype = \"yesno\"", "code = \"known_before\"\ntype = \"age\"", "type_changed"},
			{catalogue.DocQuestions, `code = "screens"`, `code = "display"`, ""}, // donow speaks of it: refused before
			{catalogue.DocLexicon, "code = \"exposed\"", "code = \"doxed\"", ""}, // its own sentences speak of it
			{catalogue.DocPlatforms, `code = "bereal"`, `code = "be_real"`, ""},  // the guides speak of it
		} {
			_, err := c.Publish(w.Context(), change.doc, w.text(c, change.doc, change.old, change.new), editor)
			f := fault.As(err)
			if f == nil || f.Kind != fault.Invalid || change.key != "" && f.Key != "fault.catalogue."+change.key {
				w.Errorf("%s → %s: %v", change.old, change.new, err)
			}
		}
		w.publish(c, catalogue.DocTaxonomy, w.text(c, catalogue.DocTaxonomy, `code = "fake_news"`, "code = \"fake_news\"\nretired = true"))
		field, _ := c.Current().Form.Field("category_main")
		for _, choice := range field.Offered() {
			if choice.Code == "fake_news" {
				w.Error("a retired category is still offered")
			}
		}
		if said := c.Current().Form.Say("category_main", "fake_news", "en"); said != "Fake news" {
			w.Errorf("an old contact reads %q", said)
		}
	})
}

// A contact keeps the form it was filled with, whatever was published since.
func TestOldForm(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		w.publish(c, catalogue.DocForm, w.text(c, catalogue.DocForm, `fr = "Prénom ou surnom donné"`, `fr = "Comment l'appeler"`))
		w.publish(c, catalogue.DocTaxonomy, w.text(c, catalogue.DocTaxonomy, `fr = "Raid numérique"`, `fr = "Meute en ligne"`))
		for version, want := range map[int]string{1: "Prénom ou surnom donné", 2: "Comment l'appeler"} {
			form, err := c.Form(w.Context(), version)
			if err != nil {
				w.Fatal(err)
			}
			field, ok := form.Field("called")
			if !ok || field.Label.In("fr") != want {
				w.Errorf("in version %d it is %q", version, field.Label.In("fr"))
			}
			if said := form.Say("category_main", "pile_on", "fr"); said != "Meute en ligne" {
				w.Errorf("version %d lists categories as %q: the lists are today's", version, said)
			}
		}
		if _, err := c.Form(w.Context(), 99); !fault.Is(err, fault.NotFound) {
			w.Errorf("version 99: %v", err)
		}
	})
}

// Two editors at once: one is told that the other published, and no version is lost or written twice.
func TestEditorsAtOnce(t *testing.T) {
	each(t, func(w world) {
		a, b := w.node(), w.node()
		first := w.text(a, catalogue.DocHours, "closing_soon_minutes = 30", "closing_soon_minutes = 20")
		second := w.text(b, catalogue.DocHours, "closing_soon_minutes = 30", "closing_soon_minutes = 40")
		if _, err := a.PublishOver(w.Context(), catalogue.DocHours, 1, first, editor); err != nil {
			w.Fatal(err)
		}
		if _, err := b.PublishOver(w.Context(), catalogue.DocHours, 1, second, editor); !fault.Is(err, fault.Conflict) || fault.As(err).Key != "fault.catalogue.moved" {
			w.Errorf("the second editor: %v", err)
		}

		// Without a base the last one wins, and every text is a version of its own.
		const editors = 8
		var all sync.WaitGroup
		nodes := []*catalogue.Catalogue{a, b}
		for i := range editors {
			all.Go(func() {
				text := strings.Replace(string(first), "= 20", fmt.Sprintf("= %d", 50+i), 1)
				if _, err := nodes[i%2].Publish(w.Context(), catalogue.DocHours, []byte(text), editor); err != nil {
					w.Error(err)
				}
			})
		}
		all.Wait()
		versions, err := a.Versions(w.Context(), catalogue.DocHours)
		if err != nil || len(versions) != 2+editors || versions[0].Version != 2+editors {
			w.Errorf("%d versions, want %d (%v)", len(versions), 2+editors, err)
		}
		w.soon("both nodes have the newest", func() bool {
			return a.Current().Versions[catalogue.DocHours] == 2+editors && b.Current().Versions[catalogue.DocHours] == 2+editors
		})
		if a.Current().Hours.ClosingSoonMinutes != b.Current().Hours.ClosingSoonMinutes {
			w.Error("the nodes do not agree")
		}
	})
}

// What somebody edited is hers: the seeds come only to documents that nobody touched.
func TestEditedIsLeftAlone(t *testing.T) {
	each(t, func(w world) {
		edited := strings.Replace(string(catalogue.Seed(catalogue.DocHours)), "closing_soon_minutes = 30", "closing_soon_minutes = 45", 1)
		w.writes(catalogue.DocHours, edited)
		c := w.node()
		if set := c.Current(); set.Hours.ClosingSoonMinutes != 45 || set.Versions[catalogue.DocHours] != 1 || set.Versions[catalogue.DocForm] != 1 {
			w.Errorf("%d minutes, versions %v", set.Hours.ClosingSoonMinutes, set.Versions)
		}
	})
}

// Lines that the house once needed and says no more are still read where somebody published them, and
// keep nothing else from being published.
func TestLinesNobodySaysAnyMoreAreLeftAlone(t *testing.T) {
	each(t, func(w world) {
		once := "[[line]]\ncode = \"listening\"\nyoung = { fr = \"Écris « non merci ».\", en = \"Write “no thanks”.\" }\nadult = { fr = \"Écrivez « non merci ».\", en = \"Write “no thanks”.\" }\n"
		w.writes(catalogue.DocLines, string(catalogue.Seed(catalogue.DocLines))+once)
		c := w.node()
		if len(c.Trouble()) > 0 || c.Current().Versions[catalogue.DocLines] != 1 {
			w.Errorf("versions %v, trouble %v", c.Current().Versions, c.Trouble())
		}
		w.publish(c, catalogue.DocHours, w.text(c, catalogue.DocHours, "closing_soon_minutes = 30", "closing_soon_minutes = 45"))
	})
}

// A node that missed every announcement catches up before it publishes anything itself.
func TestMissedAnnouncement(t *testing.T) {
	each(t, func(w world) {
		here := w.node()
		deaf, err := bus.Open(w.Context(), bus.Options{})
		if err != nil {
			w.Fatal(err)
		}
		w.Cleanup(deaf.Close)
		w.bus = deaf
		there := w.node()
		w.publish(here, catalogue.DocHours, w.text(here, catalogue.DocHours, "closing_soon_minutes = 30", "closing_soon_minutes = 45"))
		w.publish(there, catalogue.DocQueues, w.text(there, catalogue.DocQueues, "ageing_per_minute = 2", "ageing_per_minute = 3"))
		if set := there.Current(); set.Hours.ClosingSoonMinutes != 45 || set.Queues.AgeingPerMinute != 3 || set.Versions[catalogue.DocHours] != 2 {
			w.Errorf("%d minutes, %d points, versions %v", set.Hours.ClosingSoonMinutes, set.Queues.AgeingPerMinute, set.Versions)
		}
	})
}

// writes puts a version 1 that somebody published with another program.
func (w world) writes(doc catalogue.Doc, text string) {
	w.Helper()
	_, err := w.db.Exec(w.Context(), `INSERT INTO catalogue_version (doc, version, edition, body, published_at, published_by) VALUES ($1, 1, 0, $2, 0, 'editor-1')`, string(doc), text)
	if err != nil {
		w.Fatal(err)
	}
}

// A document that this program cannot use does not keep the line from opening.
func TestBrokenRecord(t *testing.T) {
	for _, broken := range []struct {
		doc  catalogue.Doc
		text string
	}{
		{catalogue.DocHours, "this is no TOML"},
		{catalogue.DocHours, "edition = 1\ntimezone = \"Europe/Atlantis\"\n[[week]]\ndays = []\nfrom = \"09:00\"\nto = \"10:00\""},
		{catalogue.DocTaxonomy, "edition = 1\n[[category]]\ncode = \"x\"\nfamily = \"y\"\nchi = \"z\"\nlabel = { fr = \"x\", en = \"x\" }"},
	} {
		each(t, func(w world) {
			w.writes(broken.doc, broken.text)
			c := w.node()
			if flaws := c.Trouble(); len(flaws) == 0 || flaws[0].Doc != broken.doc {
				w.Errorf("the trouble is %v", flaws)
			}
			if set := c.Current(); len(set.Lexicon.Scan("je veux mourir")) == 0 || len(set.Taxonomy.Categories) < 50 {
				w.Error("the line does not work")
			}
			// Another document can be published meanwhile; published anew the broken one is well again.
			if err := c.CloseUntil(w.Context(), 0, time.Now().Add(time.Hour), nil, editor); err != nil || c.Trouble() == nil {
				w.Errorf("closing the line: %v, trouble %v", err, c.Trouble())
			}
			w.publish(c, broken.doc, catalogue.Seed(broken.doc))
			if c.Trouble() != nil {
				w.Errorf("still in trouble: %v", c.Trouble())
			}
		})
	}
}

// A supervisor closes the line for an hour, and opens it again.
func TestClosedForAWhile(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		reason := catalogue.Text{"fr": "Alerte incendie : on revient \"vite\".", "en": "Fire alarm: we are back soon."}
		if err := c.CloseUntil(w.Context(), 0, time.Now().Add(time.Hour), reason, editor); err != nil {
			w.Fatal(err)
		}
		s := c.Current().Hours.At(time.Now())
		if s.Open || !s.Closed || s.Note.In("fr") != reason["fr"] {
			w.Errorf("%+v", s)
		}
		if err := c.CloseUntil(w.Context(), 0, time.Now().Add(72*time.Hour), reason, editor); !fault.Is(err, fault.Invalid) {
			w.Errorf("for three days: %v", err)
		}
		if err := c.Reopen(w.Context(), 0, editor); err != nil {
			w.Fatal(err)
		}
		if s := c.Current().Hours.At(time.Now()); s.Closed {
			w.Error("it is still closed")
		}
	})
}

// A text as a browser posts it, with the line ends of a form, is the same text.
func TestPostedText(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		posted := strings.ReplaceAll(string(catalogue.Seed(catalogue.DocLexicon)), "\n", "\r\n")
		if v := w.publish(c, catalogue.DocLexicon, []byte(posted)); v != 1 {
			w.Errorf("the same text became version %d", v)
		}
	})
}

// An edited lexicon that no longer hears its own sentences is refused with the sentence.
func TestLexiconKeepsItsSentences(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		_, err := c.Publish(w.Context(), catalogue.DocLexicon, w.text(c, catalogue.DocLexicon, `"je <want> <die>", "veux <die>",`, ""), editor)
		f := fault.As(err)
		if f == nil || f.Key != "fault.catalogue.sentence_missed" || !strings.Contains(fmt.Sprint(f.Args...), "mourir") {
			w.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if _, err := c.Publish(ctx, catalogue.DocHours, catalogue.Seed(catalogue.DocHours), editor); err == nil {
			w.Error("publishing with a context that is over succeeded")
		}
	})
}

// Durations are decided once somebody has published them: neither by our seed, nor by what stands in for a document that cannot be
// read any more.
func TestDurationsAreDecidedByWhoeverPublishesThem(t *testing.T) {
	each(t, func(w world) {
		c := w.node()
		if c.Decided(catalogue.DocKeeping) {
			t.Fatal("a seed counts as decided")
		}
		text := []byte(catalogue.WithDays(string(catalogue.Seed(catalogue.DocKeeping)), map[string]int{catalogue.KeepContact: 365}))
		set, flaws := c.Draft(catalogue.DocKeeping, text)
		if len(flaws) > 0 || set.Keeping.All[0].Days != 365 || c.Current().Keeping.All[0].Days != 730 {
			t.Fatalf("the draft is %+v, %v", set, flaws)
		}
		w.publish(c, catalogue.DocKeeping, text)
		if !c.Decided(catalogue.DocKeeping) {
			t.Error("what was published does not count")
		}
		if _, err := w.db.Exec(w.Context(), `UPDATE catalogue_version SET body = 'notice = [' WHERE doc = 'keeping' AND edition = 0`); err != nil {
			w.Fatal(err)
		}
		if w.node().Decided(catalogue.DocKeeping) {
			t.Error("what stands in for a text that cannot be read counts")
		}
	})
}
