package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"vigie/internal/audit"
	"vigie/internal/blob"
	"vigie/internal/bus"
	"vigie/internal/casefile"
	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/evidence"
	"vigie/internal/evidence/bundle"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var (
	claire = audit.Actor{Kind: audit.Staff, ID: "staff-claire"}
	nadia  = audit.Actor{Kind: audit.Staff, ID: "staff-nadia"}
)

type world struct {
	*evidence.Evidence
	t        *testing.T
	ctx      context.Context
	db       *store.DB
	files    *casefile.Files
	contacts *contact.Contacts
	set      *catalogue.Set
	blobs    *blob.Disk
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{t: t, ctx: context.Background(), db: db}
		custodian, err := seal.FileCustodian(filepath.Join(t.TempDir(), "vigie.key"))
		w.must(err)
		keys, err := seal.Open(w.ctx, db, custodian, time.Now)
		w.must(err)
		w.set, err = catalogue.Seeds()
		w.must(err)
		b, err := bus.Open(w.ctx, bus.Options{})
		w.must(err)
		t.Cleanup(b.Close)
		log := audit.Open(db, keys.Derive("audit"), b.NodeID(), time.Now)
		current := func() *catalogue.Set { return w.set }
		w.contacts, err = contact.New(contact.Options{DB: db, Keys: keys, Audit: log, Bus: b, Catalogue: current, Log: slog.New(slog.DiscardHandler)})
		w.must(err)
		t.Cleanup(w.contacts.Stop)
		w.files = casefile.New(casefile.Options{DB: db, Keys: keys, Audit: log, Bus: b, Contacts: w.contacts, Catalogue: current})
		w.blobs, err = blob.OpenDisk(t.TempDir())
		w.must(err)
		sniff := func(head []byte) string {
			if bytes.HasPrefix(head, []byte("\x89PNG")) {
				return "image/png"
			}
			return ""
		}
		w.Evidence = evidence.New(evidence.Options{DB: db, Keys: keys, Audit: log, Files: w.files, Blobs: w.blobs, Catalogue: current, Sniff: sniff, Max: 1 << 20})
		test(w)
	})
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
		w.t.Fatalf("%v; want %s", err, key)
	}
}

func (w *world) file() string {
	w.t.Helper()
	ct, err := w.contacts.Open(w.ctx, contact.Opening{ID: store.NewID(), Channel: contact.ChannelChat, Lang: "fr"})
	w.must(err)
	f, err := w.files.OpenFor(w.ctx, ct.ID, casefile.RoomChild, claire)
	w.must(err)
	return f.ID
}

var picture = []byte("\x89PNG\r\n\x1a\n and then what it shows")

// A file is kept as it came: its hash is that of the original, and each opening of it is in its custody and in the log.
func TestAFileIsKeptUntouched(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		for range 2 { // sent twice
			w.must(w.AddFile(w.ctx, file, id, "proof-1", evidence.Content{Name: "capture.png"}, bytes.NewReader(picture), claire))
		}
		items, err := w.Items(w.ctx, file)
		w.must(err)
		sum := sha256.Sum256(picture)
		if len(items) != 1 || items[0].Number != 1 || items[0].Media != "image/png" || items[0].Size != int64(len(picture)) || items[0].Content.SHA256 != hex.EncodeToString(sum[:]) {
			w.t.Fatalf("kept: %+v", items)
		}
		_, r, err := w.Original(w.ctx, id, "police", nadia)
		w.must(err)
		got, err := io.ReadAll(r)
		w.must(err)
		w.must(r.Close())
		if !bytes.Equal(got, picture) {
			w.t.Error("another file comes out than went in")
		}
		chain, err := w.Chain(w.ctx, id)
		w.must(err)
		if len(chain) != 2 || chain[0].Act != "added" || chain[0].Actor != claire || chain[1].Act != "opened" || chain[1].Purpose != "police" || chain[1].Actor != nadia {
			w.t.Errorf("its custody is %+v", chain)
		}
		n, err := store.One(w.ctx, w.db, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM audit WHERE act = 'evidence.opened' AND object_id = $1`, id)
		w.must(err)
		if n != 1 {
			w.t.Errorf("the opening is %d times in the log", n)
		}
		taken, err := w.Taken(w.ctx, file)
		w.must(err)
		if !taken["proof-1"] {
			w.t.Error("where it comes from is forgotten")
		}
	})
}

// Where a category says "no capture", the file is refused and nothing of it is left; the address and a statement are kept.
func TestNothingIsCapturedThatNobodyMayKeep(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		for _, c := range w.set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.must(w.files.SetTopic(w.ctx, file, c.Code, claire))
			}
		}
		w.refused(w.AddFile(w.ctx, file, store.NewID(), "", evidence.Content{}, bytes.NewReader(picture), claire), "fault.evidence.no_capture")
		w.must(w.AddLink(w.ctx, file, store.NewID(), evidence.Content{Address: "https://example.org/p/1", Statement: "Une image sexuelle d’une enfant."}, claire))
		items, err := w.Items(w.ctx, file)
		w.must(err)
		if len(items) != 1 || !items[0].NoCapture || items[0].Kind != evidence.KindLink {
			w.t.Errorf("kept: %+v", items)
		}
		n := 0
		w.must(w.blobs.Each(w.ctx, time.Now().Add(time.Hour), func(string) error { n++; return nil }))
		if n != 0 {
			w.t.Errorf("%d files lie on the disk", n)
		}
	})
}

// What is refused, or cut on its way, leaves nothing.
func TestWhatIsNotTakenLeavesNothing(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		add := func(r io.Reader) error {
			return w.AddFile(w.ctx, file, store.NewID(), "", evidence.Content{}, r, claire)
		}
		w.refused(add(strings.NewReader("%PDF-1.7")), "fault.evidence.media")
		w.refused(add(strings.NewReader("")), "fault.evidence.media")
		w.refused(add(io.MultiReader(bytes.NewReader(picture), io.LimitReader(zeros{}, 2<<20))), "fault.blob.too_large")
		if err := add(io.MultiReader(bytes.NewReader(make([]byte, 0)), iotest.ErrReader(io.ErrClosedPipe))); !fault.Is(err, fault.Invalid) {
			w.t.Errorf("cut at once: %v", err)
		}
		if err := add(io.MultiReader(bytes.NewReader(append(bytes.Clone(picture), make([]byte, 8000)...)), iotest.ErrReader(io.ErrClosedPipe))); err == nil {
			w.t.Error("a file that was cut was kept")
		}
		w.refused(w.AddLink(w.ctx, file, store.NewID(), evidence.Content{Address: "deux mots"}, claire), "fault.evidence.address")
		w.refused(w.AddStatement(w.ctx, file, store.NewID(), evidence.Content{}, claire), "fault.evidence.statement")
		w.refused(w.AddStatement(w.ctx, file, store.NewID(), evidence.Content{Statement: strings.Repeat("a", 8001)}, claire), "fault.evidence.long")
		w.must(w.files.Close(w.ctx, file, "solved", claire))
		w.refused(add(bytes.NewReader(picture)), "fault.case.not_open")
		items, err := w.Items(w.ctx, file)
		w.must(err)
		n := 0
		w.must(w.blobs.Each(w.ctx, time.Now().Add(time.Hour), func(string) error { n++; return nil }))
		if len(items) != 0 || n != 0 {
			w.t.Errorf("%d items and %d files are left", len(items), n)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// After a merge each item has a number of its own, and its file still opens.
func TestAMergeNumbersItems(t *testing.T) {
	onEach(t, func(w *world) {
		a, b := w.file(), w.file()
		for _, file := range []string{a, a, b} {
			w.must(w.AddFile(w.ctx, file, store.NewID(), "", evidence.Content{}, bytes.NewReader(picture), claire))
		}
		w.must(w.files.Merge(w.ctx, a, b, claire))
		items, err := w.Items(w.ctx, b)
		w.must(err)
		if len(items) != 3 || items[0].Number != 1 || items[1].Number != 2 || items[2].Number != 3 {
			w.t.Fatalf("the numbers are %+v", items)
		}
		for _, item := range items {
			_, r, err := w.Original(w.ctx, item.ID, "check", claire)
			w.must(err)
			w.must(r.Close())
		}
	})
}

// The digest of words is that of a text which an export shows.
func TestTheDigestOfWordsCanBeTakenAgain(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		w.must(w.AddLink(w.ctx, file, id, evidence.Content{Address: " https://example.org/p/1 ", Account: "@dark.wolf", Seen: "28/11/2026 18 h 02"}, claire))
		item, err := w.Item(w.ctx, id)
		w.must(err)
		sum := sha256.Sum256([]byte("address: https://example.org/p/1\naccount: @dark.wolf\nplatform: \nseen: 28/11/2026 18 h 02\nstatement: \n"))
		if item.Content.SHA256 != hex.EncodeToString(sum[:]) || item.Content.Text() != "address: https://example.org/p/1\naccount: @dark.wolf\nplatform: \nseen: 28/11/2026 18 h 02\nstatement: \n" {
			w.t.Errorf("it is %+v", item.Content)
		}
		if _, err := w.Item(w.ctx, store.NewID()); !fault.Is(err, fault.NotFound) {
			w.t.Errorf("an item that is not there: %v", err)
		}
	})
}

// The export of a file is checked by somebody else's eyes: whole, with every piece, and its own making in each custody.
func TestAnExportCanBeChecked(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		alias := func(id string) string { return strings.TrimPrefix(id, "staff-") }
		_, err := w.Export(w.ctx, file, "V-7K4M-29", "police", "Vigie", alias, nadia)
		w.refused(err, "fault.evidence.none")
		id := store.NewID()
		w.must(w.AddFile(w.ctx, file, id, "", evidence.Content{Name: "capture.png"}, bytes.NewReader(picture), claire))
		w.must(w.AddLink(w.ctx, file, store.NewID(), evidence.Content{Address: "https://example.org/p/1", Statement: "Des insultes."}, claire))
		w.must(w.AddStatement(w.ctx, file, store.NewID(), evidence.Content{Statement: "Vu à 18 h."}, claire))
		_, err = w.Export(w.ctx, file, "V-7K4M-29", "press", "Vigie", alias, nadia)
		w.refused(err, "fault.evidence.purpose")
		b, err := w.Export(w.ctx, file, "V-7K4M-29", "police", "Vigie", alias, nadia)
		w.must(err)
		var zip bytes.Buffer
		w.must(bundle.Write(&zip, b))
		report, err := bundle.Check(bytes.NewReader(zip.Bytes()), int64(zip.Len()), nil)
		w.must(err)
		for _, f := range report.Findings {
			if f.Level == bundle.Broken {
				w.t.Errorf("the check says %+v", f)
			}
		}
		if report.Items != 3 || report.Case != "V-7K4M-29" || report.Purpose != "police" {
			w.t.Errorf("the report is %+v", report)
		}
		for _, part := range []string{string(picture), "https://example.org/p/1", "Vu à 18 h.", "exported"} {
			if !bytes.Contains(zip.Bytes(), []byte(part)) {
				w.t.Errorf("the export lacks %q", part)
			}
		}
		chain, err := w.Chain(w.ctx, id)
		w.must(err)
		if last := chain[len(chain)-1]; last.Act != "exported" || last.Actor != nadia || last.Purpose != "police" {
			w.t.Errorf("its custody ends with %+v", last)
		}
	})
}

// A picture that was kept before anybody knew what it is: once its case is about what nobody may hold, it is neither opened nor
// exported; its hash is.
func TestAPictureThatMayNotBeHeldAnyMore(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		w.must(w.AddFile(w.ctx, file, id, "", evidence.Content{Address: "https://example.org/p/1"}, bytes.NewReader(picture), claire))
		for _, c := range w.set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.must(w.files.SetTopic(w.ctx, file, c.Code, claire))
			}
		}
		_, _, err := w.Original(w.ctx, id, "police", nadia)
		w.refused(err, "fault.evidence.no_capture")
		b, err := w.Export(w.ctx, file, "V-7K4M-29", "police", "Vigie", func(id string) string { return id }, nadia)
		w.must(err)
		var zip bytes.Buffer
		w.must(bundle.Write(&zip, b))
		report, err := bundle.Check(bytes.NewReader(zip.Bytes()), int64(zip.Len()), nil)
		w.must(err)
		for _, f := range report.Findings {
			if f.Level == bundle.Broken {
				w.t.Errorf("the check says %+v", f)
			}
		}
		sum := sha256.Sum256(picture)
		if bytes.Contains(zip.Bytes(), picture) || !bytes.Contains(zip.Bytes(), []byte(hex.EncodeToString(sum[:]))) {
			w.t.Error("the picture leaves, or its hash does not")
		}
	})
}
