package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"vigie/internal/blob"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/evidence"
	"vigie/internal/evidence/bundle"
	"vigie/internal/fault"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

var claire, nadia = casetest.Claire, casetest.Nadia

type world struct {
	*casetest.World
	*evidence.Evidence
	blobs *blob.Disk
}

func onEach(t *testing.T, test func(w *world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC))}
		var err error
		w.blobs, err = blob.OpenDisk(t.TempDir())
		w.Must(err)
		sniff := func(head []byte) string {
			if bytes.HasPrefix(head, []byte("\x89PNG")) {
				return "image/png"
			}
			return ""
		}
		w.Evidence = evidence.New(evidence.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: w.blobs, Catalogue: w.Catalogue, Sniff: sniff, Max: 1 << 20, Now: w.Now})
		test(w)
	})
}

func (w *world) file() string { return w.File(claire).ID }

var picture = []byte("\x89PNG\r\n\x1a\n and then what it shows")

// A file is kept as it came: its hash is that of the original, and each opening of it is in its custody and in the log.
func TestAFileIsKeptUntouched(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		for range 2 { // sent twice
			w.Must(w.AddFile(w.Ctx, file, id, "proof-1", evidence.Content{Name: "capture.png"}, bytes.NewReader(picture), claire))
		}
		items, err := w.Items(w.Ctx, file)
		w.Must(err)
		sum := sha256.Sum256(picture)
		if len(items) != 1 || items[0].Number != 1 || items[0].Media != "image/png" || items[0].Size != int64(len(picture)) || items[0].Content.SHA256 != hex.EncodeToString(sum[:]) {
			w.T.Fatalf("kept: %+v", items)
		}
		_, r, err := w.Original(w.Ctx, id, "police", nadia)
		w.Must(err)
		got, err := io.ReadAll(r)
		w.Must(err)
		w.Must(r.Close())
		if !bytes.Equal(got, picture) {
			w.T.Error("another file comes out than went in")
		}
		chain, err := w.Chain(w.Ctx, id)
		w.Must(err)
		if len(chain) != 2 || chain[0].Act != "added" || chain[0].Actor != claire || chain[1].Act != "opened" || chain[1].Purpose != "police" || chain[1].Actor != nadia {
			w.T.Errorf("its custody is %+v", chain)
		}
		n, err := store.One(w.Ctx, w.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM audit WHERE act = 'evidence.opened' AND object_id = $1`, id)
		w.Must(err)
		if n != 1 {
			w.T.Errorf("the opening is %d times in the log", n)
		}
		taken, err := w.Taken(w.Ctx, file)
		w.Must(err)
		if !taken["proof-1"] {
			w.T.Error("where it comes from is forgotten")
		}
	})
}

// Where a category says "no capture", the file is refused and nothing of it is left; the address and a statement are kept.
func TestNothingIsCapturedThatNobodyMayKeep(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		for _, c := range w.Set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.Must(w.Files.SetTopic(w.Ctx, file, c.Code, claire))
			}
		}
		w.Refused(w.AddFile(w.Ctx, file, store.NewID(), "", evidence.Content{}, bytes.NewReader(picture), claire), "fault.evidence.no_capture")
		w.Must(w.AddLink(w.Ctx, file, store.NewID(), evidence.Content{Address: "https://example.org/p/1", Statement: "Une image sexuelle d’une enfant."}, claire))
		items, err := w.Items(w.Ctx, file)
		w.Must(err)
		if len(items) != 1 || !items[0].NoCapture || items[0].Kind != evidence.KindLink {
			w.T.Errorf("kept: %+v", items)
		}
		n := 0
		w.Must(w.blobs.Each(w.Ctx, time.Now().Add(time.Hour), func(string) error { n++; return nil }))
		if n != 0 {
			w.T.Errorf("%d files lie on the disk", n)
		}
	})
}

// What is refused, or cut on its way, leaves nothing.
func TestWhatIsNotTakenLeavesNothing(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		add := func(r io.Reader) error {
			return w.AddFile(w.Ctx, file, store.NewID(), "", evidence.Content{}, r, claire)
		}
		w.Refused(add(strings.NewReader("%PDF-1.7")), "fault.evidence.media")
		w.Refused(add(strings.NewReader("")), "fault.evidence.media")
		w.Refused(add(io.MultiReader(bytes.NewReader(picture), io.LimitReader(zeros{}, 2<<20))), "fault.blob.too_large")
		if err := add(io.MultiReader(bytes.NewReader(make([]byte, 0)), iotest.ErrReader(io.ErrClosedPipe))); !fault.Is(err, fault.Invalid) {
			w.T.Errorf("cut at once: %v", err)
		}
		if err := add(io.MultiReader(bytes.NewReader(append(bytes.Clone(picture), make([]byte, 8000)...)), iotest.ErrReader(io.ErrClosedPipe))); err == nil {
			w.T.Error("a file that was cut was kept")
		}
		w.Refused(w.AddLink(w.Ctx, file, store.NewID(), evidence.Content{Address: "deux mots"}, claire), "fault.evidence.address")
		w.Refused(w.AddStatement(w.Ctx, file, store.NewID(), evidence.Content{}, claire), "fault.evidence.statement")
		w.Refused(w.AddStatement(w.Ctx, file, store.NewID(), evidence.Content{Statement: strings.Repeat("a", 8001)}, claire), "fault.evidence.long")
		w.Must(w.Files.Close(w.Ctx, file, "solved", claire))
		w.Refused(add(bytes.NewReader(picture)), "fault.case.not_open")
		items, err := w.Items(w.Ctx, file)
		w.Must(err)
		n := 0
		w.Must(w.blobs.Each(w.Ctx, time.Now().Add(time.Hour), func(string) error { n++; return nil }))
		if len(items) != 0 || n != 0 {
			w.T.Errorf("%d items and %d files are left", len(items), n)
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
			w.Must(w.AddFile(w.Ctx, file, store.NewID(), "", evidence.Content{}, bytes.NewReader(picture), claire))
		}
		w.Must(w.Files.Merge(w.Ctx, a, b, claire))
		items, err := w.Items(w.Ctx, b)
		w.Must(err)
		if len(items) != 3 || items[0].Number != 1 || items[1].Number != 2 || items[2].Number != 3 {
			w.T.Fatalf("the numbers are %+v", items)
		}
		for _, item := range items {
			_, r, err := w.Original(w.Ctx, item.ID, "check", claire)
			w.Must(err)
			w.Must(r.Close())
		}
	})
}

// The digest of words is that of a text which an export shows.
func TestTheDigestOfWordsCanBeTakenAgain(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		w.Must(w.AddLink(w.Ctx, file, id, evidence.Content{Address: " https://example.org/p/1 ", Account: "@dark.wolf", Seen: "28/11/2026 18 h 02"}, claire))
		item, err := w.Item(w.Ctx, id)
		w.Must(err)
		sum := sha256.Sum256([]byte("address: https://example.org/p/1\naccount: @dark.wolf\nplatform: \nseen: 28/11/2026 18 h 02\nstatement: \n"))
		if item.Content.SHA256 != hex.EncodeToString(sum[:]) || item.Content.Text() != "address: https://example.org/p/1\naccount: @dark.wolf\nplatform: \nseen: 28/11/2026 18 h 02\nstatement: \n" {
			w.T.Errorf("it is %+v", item.Content)
		}
		if _, err := w.Item(w.Ctx, store.NewID()); !fault.Is(err, fault.NotFound) {
			w.T.Errorf("an item that is not there: %v", err)
		}
	})
}

// The export of a file is checked by somebody else's eyes: whole, with every piece, and its own making in each custody.
func TestAnExportCanBeChecked(t *testing.T) {
	onEach(t, func(w *world) {
		file := w.file()
		alias := func(id string) string { return strings.TrimPrefix(id, "staff-") }
		_, err := w.Export(w.Ctx, file, "V-7K4M-29", "police", "Vigie", alias, nadia)
		w.Refused(err, "fault.evidence.none")
		id := store.NewID()
		w.Must(w.AddFile(w.Ctx, file, id, "", evidence.Content{Name: "capture.png"}, bytes.NewReader(picture), claire))
		w.Must(w.AddLink(w.Ctx, file, store.NewID(), evidence.Content{Address: "https://example.org/p/1", Statement: "Des insultes."}, claire))
		w.Must(w.AddStatement(w.Ctx, file, store.NewID(), evidence.Content{Statement: "Vu à 18 h."}, claire))
		_, err = w.Export(w.Ctx, file, "V-7K4M-29", "press", "Vigie", alias, nadia)
		w.Refused(err, "fault.evidence.purpose")
		b, err := w.Export(w.Ctx, file, "V-7K4M-29", "police", "Vigie", alias, nadia)
		w.Must(err)
		var zip bytes.Buffer
		w.Must(bundle.Write(&zip, b))
		report, err := bundle.Check(bytes.NewReader(zip.Bytes()), int64(zip.Len()), nil)
		w.Must(err)
		for _, f := range report.Findings {
			if f.Level == bundle.Broken {
				w.T.Errorf("the check says %+v", f)
			}
		}
		if report.Items != 3 || report.Case != "V-7K4M-29" || report.Purpose != "police" {
			w.T.Errorf("the report is %+v", report)
		}
		for _, part := range []string{string(picture), "https://example.org/p/1", "Vu à 18 h.", "exported"} {
			if !bytes.Contains(zip.Bytes(), []byte(part)) {
				w.T.Errorf("the export lacks %q", part)
			}
		}
		chain, err := w.Chain(w.Ctx, id)
		w.Must(err)
		if last := chain[len(chain)-1]; last.Act != "exported" || last.Actor != nadia || last.Purpose != "police" {
			w.T.Errorf("its custody ends with %+v", last)
		}
	})
}

// A picture that was kept before anybody knew what it is: once its case is about what nobody may hold, it is neither opened nor
// exported; its hash is.
func TestAPictureThatMayNotBeHeldAnyMore(t *testing.T) {
	onEach(t, func(w *world) {
		file, id := w.file(), store.NewID()
		w.Must(w.AddFile(w.Ctx, file, id, "", evidence.Content{Address: "https://example.org/p/1"}, bytes.NewReader(picture), claire))
		for _, c := range w.Set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.Must(w.Files.SetTopic(w.Ctx, file, c.Code, claire))
			}
		}
		_, _, err := w.Original(w.Ctx, id, "police", nadia)
		w.Refused(err, "fault.evidence.no_capture")
		b, err := w.Export(w.Ctx, file, "V-7K4M-29", "police", "Vigie", func(id string) string { return id }, nadia)
		w.Must(err)
		var zip bytes.Buffer
		w.Must(bundle.Write(&zip, b))
		report, err := bundle.Check(bytes.NewReader(zip.Bytes()), int64(zip.Len()), nil)
		w.Must(err)
		for _, f := range report.Findings {
			if f.Level == bundle.Broken {
				w.T.Errorf("the check says %+v", f)
			}
		}
		sum := sha256.Sum256(picture)
		if bytes.Contains(zip.Bytes(), picture) || !bytes.Contains(zip.Bytes(), []byte(hex.EncodeToString(sum[:]))) {
			w.T.Error("the picture leaves, or its hash does not")
		}
	})
}

// Somebody who has an address finds the file in which it is kept, however the address was copied; after a merge she finds the
// file that goes on, and after the file is erased nothing.
func TestAFileIsFoundByAnAddressThatItKeeps(t *testing.T) {
	onEach(t, func(w *world) {
		file, other := w.file(), w.file()
		w.Must(w.AddLink(w.Ctx, file, store.NewID(), evidence.Content{Address: "https://www.instagram.com/p/Abc1/"}, claire))
		finds := func(typed string, want ...string) {
			w.T.Helper()
			found, _, err := w.Files.Search(w.Ctx, casefile.Filter{Exact: typed}, claire)
			w.Must(err)
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			if !slices.Equal(ids, want) {
				w.T.Errorf("%q finds %v, want %v", typed, ids, want)
			}
		}
		finds("instagram.com/p/Abc1", file)
		finds("http://m.instagram.com/p/Abc1/#x", file)
		finds("https://instagram.com/p/other")
		w.Must(w.Files.Merge(w.Ctx, file, other, claire))
		finds("https://www.instagram.com/p/Abc1", other)
		w.Must(w.Files.Erase(w.Ctx, other, nadia, "request"))
		finds("https://www.instagram.com/p/Abc1")
	})
}
