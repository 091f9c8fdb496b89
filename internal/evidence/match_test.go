package evidence_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"vigie/internal/blob"
	"vigie/internal/casefile"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/evidence"
	"vigie/internal/evidence/bundle"
	"vigie/internal/jobs"
	pictures "vigie/internal/picture"
	"vigie/internal/picture/pdq"
	"vigie/internal/picture/pdq/invented"
	"vigie/internal/picture/picturetest"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// TestMain lets this test program become the process that opens pictures.
func TestMain(m *testing.M) { picturetest.Main(m) }

// seeing is a helpline whose nodes know pictures again.
type seeing struct{ *world }

func onSeeing(t *testing.T, test func(w *seeing)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &seeing{world: &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC))}}
		var err error
		w.blobs, err = blob.OpenDisk(t.TempDir())
		w.Must(err)
		test(w)
	})
}

// node opens the room as one more node does, which works its jobs; knows says whether it also keeps what it knows of pictures.
func (w *seeing) node(opens evidence.Pictures, knows bool) *evidence.Evidence {
	w.T.Helper()
	work := jobs.New(jobs.Options{DB: w.DB, Bus: w.Bus, Now: w.Now, Poll: 20 * time.Millisecond})
	e := evidence.New(evidence.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: w.blobs, Catalogue: w.Catalogue,
		Sniff: func([]byte) string { return "image/png" }, Max: 8 << 20, Now: w.Now, Jobs: work, Bus: w.Bus, Pictures: opens})
	w.runs(work.Run)
	if knows {
		w.runs(e.Run)
	}
	return e
}

// runs runs something until the test is over.
func (w *seeing) runs(run func(context.Context)) {
	ctx, stop := context.WithCancel(w.Ctx)
	done := make(chan struct{})
	go func() { run(ctx); close(done) }()
	w.T.Cleanup(func() { stop(); <-done })
}

func (w *seeing) keeps(e *evidence.Evidence, fileID string, original []byte) (id string) {
	w.T.Helper()
	id = store.NewID()
	w.Must(e.AddFile(w.Ctx, fileID, id, "", evidence.Content{Name: "capture.png"}, bytes.NewReader(original), claire))
	return id
}

// becomes waits until the hash of an item is so far, and no job is left.
func (w *seeing) becomes(id, state string) {
	w.T.Helper()
	until(w.T, id+" is "+state, func() bool {
		item, err := w.Item(w.Ctx, id)
		w.Must(err)
		return item.Hash == state && w.Count(`SELECT count(*) FROM job`) == 0
	})
}

// copied is a picture as it comes round again: smaller, mirrored, in another format and of less quality.
func copied(t *testing.T, original image.Image) []byte {
	t.Helper()
	b := original.Bounds()
	small := image.NewRGBA(image.Rect(0, 0, b.Dx()*6/10, b.Dy()*6/10))
	draw.CatmullRom.Scale(small, small.Rect, original, b, draw.Src, nil)
	mirrored := image.NewRGBA(small.Rect)
	for y := range small.Rect.Dy() {
		for x := range small.Rect.Dx() {
			mirrored.Set(small.Rect.Dx()-1-x, y, small.At(x, y))
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, mirrored, &jpeg.Options{Quality: 55}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// plain is a wall: there is nothing to know it by.
func plain(t *testing.T, shade uint8) []byte {
	wall := image.NewGray(image.Rect(0, 0, 300, 200))
	draw.Draw(wall, wall.Rect, image.NewUniform(color.Gray{Y: shade}), image.Point{}, draw.Src)
	return picturetest.PNG(t, wall)
}

// huge declares 50,000 × 50,000 pixels in a few bytes.
func huge(t *testing.T) []byte {
	lie := picturetest.PNG(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(lie[16:], 50_000)
	binary.BigEndian.PutUint32(lie[20:], 50_000)
	binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
	return lie
}

// A picture that comes back in another file, smaller, compressed again and in a mirror, is a lead; a wall and what does not open
// are kept and lead nowhere. The hash goes out with an export and lies nowhere in clear.
func TestAPictureThatComesBackIsALead(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		w.Evidence = w.node(pictures.New(), true)
		photograph := invented.Photograph(3018, 800, 600)
		first, second := w.file(), w.file()
		earlier := w.keeps(w.Evidence, first, picturetest.PNG(w.T, photograph))
		w.becomes(earlier, evidence.Hashed)
		w.becomes(w.keeps(w.Evidence, first, picturetest.PNG(w.T, invented.Photograph(17, 800, 600))), evidence.Hashed)
		later := w.keeps(w.Evidence, second, copied(w.T, photograph))
		w.becomes(later, evidence.Hashed)
		for range 2 {
			w.becomes(w.keeps(w.Evidence, second, plain(w.T, 128)), evidence.HashPoor)
			w.becomes(w.keeps(w.Evidence, second, huge(w.T)), evidence.HashUnreadable)
		}

		for _, file := range []string{first, second} {
			all, err := w.MatchesOf(w.Ctx, file)
			w.Must(err)
			if len(all) != 1 {
				w.T.Fatalf("%d matches in a file; want the one", len(all))
			}
			m := all[0]
			if m.Earlier.ItemID != earlier || m.Later.ItemID != later || m.Form != "flip_y" || m.Distance > pdq.Threshold || m.State != evidence.MatchOpen || !m.Across() {
				w.T.Errorf("the match is %+v", m)
			}
			if hers, other := m.Beside(file); hers.FileID != file || other.FileID == file {
				w.T.Errorf("in %s hers is %+v and the other %+v", file, hers, other)
			}
		}

		hash, quality := pdq.Of(photograph)
		b, err := w.Export(w.Ctx, first, "V-7K4M-29", "police", "Vigie", func(id string) string { return id }, nadia)
		w.Must(err)
		if b.Items[0].PDQ != hash.String() || b.Items[0].PDQQuality != quality {
			w.T.Errorf("exported: %s, quality %d; want %s, %d", b.Items[0].PDQ, b.Items[0].PDQQuality, hash, quality)
		}
		var packed bytes.Buffer
		w.Must(bundle.Write(&packed, b))
		if r, err := bundle.Check(bytes.NewReader(packed.Bytes()), int64(packed.Len()), nil); err != nil || r.Result() > bundle.Unproved {
			w.T.Errorf("the export is not what it says: %+v, %v", r, err)
		}
		sealed, err := store.One(w.Ctx, w.DB, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT pdq_sealed FROM evidence_item WHERE id = $1`, earlier)
		w.Must(err)
		if bytes.Contains(sealed, hash[:8]) || bytes.Contains(sealed, []byte(hash.String()[:16])) {
			w.T.Error("the hash lies in clear")
		}
	})
}

// Which of the two lies how is said the same way, whichever of them is looked for.
func TestHowTheLaterLiesBesideTheEarlier(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		original := invented.Photograph(5, 400, 400)
		turned := image.NewRGBA(original.Rect) // a quarter turn against the clock
		for y := range 400 {
			for x := range 400 {
				turned.Set(y, 399-x, original.At(x, y))
			}
		}
		first, second := w.file(), w.file()
		w.Evidence = w.node(pictures.New(), false) // hashes both before either is looked for
		earlier := w.keeps(w.Evidence, first, picturetest.PNG(w.T, original))
		w.Forward(time.Second)
		later := w.keeps(w.Evidence, second, picturetest.PNG(w.T, turned))
		until(w.T, "both are hashed", func() bool { return w.Count(`SELECT count(*) FROM evidence_item WHERE pdq = 'hashed'`) == 2 })
		for _, id := range []string{earlier, later} { // each is looked for alone
			_, err := w.DB.Exec(w.Ctx, `DELETE FROM evidence_match`)
			w.Must(err)
			w.Must(w.LookFor(w.Ctx, id))
			all, err := w.MatchesOf(w.Ctx, first)
			w.Must(err)
			if len(all) != 1 || all[0].Earlier.ItemID != earlier || all[0].Form != "rotate_90" {
				w.T.Errorf("looked for %s: %+v", id, all)
			}
		}
	})
}

// flaky opens pictures, and fails as it is told.
type flaky struct {
	*pictures.Process
	fails atomic.Int32
	asked atomic.Int32
}

func (f *flaky) Hash(ctx context.Context, file io.Reader) (pdq.Forms, int, error) {
	f.asked.Add(1)
	if f.fails.Add(-1) >= 0 {
		return pdq.Forms{}, 0, errors.Join(pictures.ErrEnded, errors.New("killed"))
	}
	return f.Process.Hash(ctx, file)
}

// A job whose process was killed is worked again; worked twice it changes nothing twice, and not what somebody said meanwhile. A
// picture that ends its process again and again does not open.
func TestAHashIsMadeOnceHoweverOftenItIsTried(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		opens := &flaky{Process: pictures.New()}
		opens.fails.Store(2)
		w.Evidence = w.node(opens, true)
		photograph, file := invented.Photograph(3018, 500, 400), w.file()
		earlier := w.keeps(w.Evidence, file, picturetest.PNG(w.T, photograph))
		for n := range int32(2) {
			until(w.T, "it was tried", func() bool {
				return opens.asked.Load() > n && w.Count(`SELECT count(*) FROM job WHERE state = 'waiting' AND last_error <> ''`) == 1
			})
			w.Forward(10 * time.Minute)
		}
		w.becomes(earlier, evidence.Hashed)
		later := w.keeps(w.Evidence, file, copied(w.T, photograph))
		w.becomes(later, evidence.Hashed)
		all, err := w.MatchesOf(w.Ctx, file)
		w.Must(err)
		if len(all) != 1 || all[0].Across() {
			w.T.Fatalf("in one file: %+v", all)
		}
		w.Must(w.Judge(w.Ctx, all[0].ID, evidence.MatchOpen, evidence.MatchSame, claire))

		// As if the processes had died after the work and before its end was written.
		_, err = w.DB.Exec(w.Ctx, `UPDATE evidence_item SET pdq = 'queued'`)
		w.Must(err)
		w.node(opens, true)
		w.becomes(earlier, evidence.Hashed)
		w.becomes(later, evidence.Hashed)
		again, err := w.MatchesOf(w.Ctx, file)
		w.Must(err)
		if len(again) != 1 || again[0].ID != all[0].ID || again[0].State != evidence.MatchSame {
			w.T.Errorf("done twice: %+v", again)
		}

		opens.fails.Store(3)
		asked := opens.asked.Load()
		bad := w.keeps(w.Evidence, file, picturetest.PNG(w.T, invented.Photograph(9, 300, 300)))
		for n := range int32(2) {
			until(w.T, "it was tried", func() bool {
				return opens.asked.Load() > asked+n && w.Count(`SELECT count(*) FROM job WHERE state = 'waiting' AND last_error <> ''`) == 1
			})
			w.Forward(10 * time.Minute)
		}
		w.becomes(bad, evidence.HashUnreadable)
	})
}

// together opens pictures, and holds each until two are open.
type together struct {
	*pictures.Process
	both *sync.WaitGroup
}

func (o together) Hash(ctx context.Context, file io.Reader) (pdq.Forms, int, error) {
	forms, quality, err := o.Process.Hash(ctx, file)
	o.both.Done()
	o.both.Wait()
	return forms, quality, err
}

// Two nodes that hash two copies at the same time find the pair, once.
func TestTwoNodesAtOnceLoseNoPair(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		var both sync.WaitGroup
		both.Add(2)
		w.Evidence = w.node(together{pictures.New(), &both}, true)
		w.node(together{pictures.New(), &both}, true)
		photograph := invented.Photograph(3018, 500, 400)
		first, second := w.file(), w.file()
		one := w.keeps(w.Evidence, first, picturetest.PNG(w.T, photograph))
		other := w.keeps(w.Evidence, second, copied(w.T, photograph))
		w.becomes(one, evidence.Hashed)
		w.becomes(other, evidence.Hashed)
		if n := w.Count(`SELECT count(*) FROM evidence_match`); n != 1 {
			w.T.Errorf("%d pairs", n)
		}
	})
}

// A search waits until the node knows the pictures that are kept; what was kept before there were hashes is hashed at a start.
func TestASearchWaitsUntilTheNodeKnows(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		photograph := invented.Photograph(3018, 500, 400)
		first, second := w.file(), w.file()
		old := evidence.New(evidence.Options{DB: w.DB, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: w.blobs, Catalogue: w.Catalogue,
			Sniff: func([]byte) string { return "image/png" }, Max: 8 << 20, Now: w.Now})
		earlier := w.keeps(old, first, picturetest.PNG(w.T, photograph))
		_, err := w.DB.Exec(w.Ctx, `UPDATE evidence_item SET pdq = 'queued'`) // as the migration does
		w.Must(err)

		w.Evidence = w.node(pictures.New(), false)
		later := w.keeps(w.Evidence, second, copied(w.T, photograph))
		until(w.T, "the search waits", func() bool {
			return w.Count(`SELECT count(*) FROM job WHERE kind = 'evidence.match' AND state = 'waiting' AND tries = 0 AND last_error = ''`) == 1
		})
		w.runs(w.Evidence.Run)
		until(w.T, "all are hashed, and found", func() bool {
			w.Forward(time.Second)
			return w.Count(`SELECT count(*) FROM job`) == 0 && w.Count(`SELECT count(*) FROM evidence_match`) == 1
		})
		for _, id := range []string{earlier, later} {
			w.becomes(id, evidence.Hashed)
		}
	})
}

// A merge moves what is known and loses nothing of it; what was erased is forgotten by every node at once, and is in no match.
func TestWhatIsErasedIsForgottenByEveryNode(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		w.Evidence = w.node(pictures.New(), true)
		away := w.node(pictures.New(), true)
		photograph := invented.Photograph(3018, 500, 400)
		first, second, third := w.file(), w.file(), w.file()
		w.becomes(w.keeps(w.Evidence, first, picturetest.PNG(w.T, photograph)), evidence.Hashed)
		w.Must(w.Files.Merge(w.Ctx, first, second, nadia))
		w.becomes(w.keeps(away, third, copied(w.T, photograph)), evidence.Hashed)
		all, err := w.MatchesOf(w.Ctx, third)
		w.Must(err)
		if len(all) != 1 || all[0].Earlier.FileID != second {
			w.T.Fatalf("after a merge: %+v", all)
		}
		for _, node := range []*evidence.Evidence{w.Evidence, away} { // as before a search
			w.Must(node.Refresh(w.Ctx))
			if n := node.Knows(); n != 2 {
				w.T.Fatalf("a node knows %d pictures", n)
			}
		}

		w.Must(w.Files.Erase(w.Ctx, second, nadia, "request"))
		until(w.T, "both nodes have forgotten it", func() bool { return w.Evidence.Knows() == 1 && away.Knows() == 1 })
		if all, err := w.MatchesOf(w.Ctx, third); err != nil || len(all) != 0 {
			w.T.Errorf("the match of what was erased: %+v, %v", all, err)
		}
		w.becomes(w.keeps(away, third, copied(w.T, photograph)), evidence.Hashed)
		all, err = w.MatchesOf(w.Ctx, third)
		w.Must(err)
		if len(all) != 1 || all[0].Across() {
			w.T.Errorf("a new copy leads to %+v", all)
		}
	})
}

// A verdict is written once, by whoever was first; the custody of both pictures and both timelines tell of it. Whoever was wrong
// may say so.
func TestAVerdictIsGivenOnce(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		w.Evidence = w.node(pictures.New(), true)
		photograph := invented.Photograph(3018, 500, 400)
		first, second := w.file(), w.file()
		earlier := w.keeps(w.Evidence, first, picturetest.PNG(w.T, photograph))
		w.becomes(earlier, evidence.Hashed)
		w.becomes(w.keeps(w.Evidence, second, copied(w.T, photograph)), evidence.Hashed)
		open, err := w.OpenMatches(w.Ctx)
		w.Must(err)
		if len(open) != 1 {
			w.T.Fatalf("open: %+v", open)
		}
		id := open[0].ID
		w.Refused(w.Judge(w.Ctx, id, evidence.MatchOpen, "perhaps", nadia), "fault.evidence.verdict")
		w.Refused(w.Judge(w.Ctx, store.NewID(), evidence.MatchOpen, evidence.MatchSame, nadia), "fault.evidence.match_unknown")
		for range 2 { // pressed twice
			w.Must(w.Judge(w.Ctx, id, evidence.MatchOpen, evidence.MatchSame, nadia))
		}
		w.Refused(w.Judge(w.Ctx, id, evidence.MatchOpen, evidence.MatchOther, claire), "fault.evidence.match_judged")
		m, err := w.Match(w.Ctx, id)
		w.Must(err)
		if m.State != evidence.MatchSame || m.JudgedBy != nadia.ID || m.JudgedAt == 0 {
			w.T.Errorf("judged: %+v", m)
		}
		for _, file := range []string{first, second} {
			events, err := w.Files.Timeline(w.Ctx, file, "", 50)
			w.Must(err)
			if n := len(slices.DeleteFunc(events, func(e casefile.Event) bool { return e.Kind != "match_same" || e.Ref != id })); n != 1 {
				w.T.Errorf("its file tells of it %d times", n)
			}
		}
		chain, err := w.Chain(w.Ctx, earlier)
		w.Must(err)
		if last := chain[len(chain)-1]; len(chain) != 2 || last.Act != "described" || last.Purpose != "picture_same" || last.Actor != nadia {
			w.T.Errorf("its custody is %+v", chain)
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'evidence.match' AND object_id = $1`, id); n != 1 {
			w.T.Errorf("it is %d times in the log", n)
		}
		w.Must(w.Judge(w.Ctx, id, evidence.MatchSame, evidence.MatchOther, claire))
		if open, err := w.OpenMatches(w.Ctx); err != nil || len(open) != 0 {
			w.T.Errorf("still open: %+v, %v", open, err)
		}
	})
}

// Where nobody may hold a picture any more there is no lead to it either, and none is found.
func TestNoLeadToWhatNobodyMayHold(t *testing.T) {
	onSeeing(t, func(w *seeing) {
		w.Evidence = w.node(pictures.New(), true)
		photograph := invented.Photograph(3018, 500, 400)
		first, second := w.file(), w.file()
		w.becomes(w.keeps(w.Evidence, first, picturetest.PNG(w.T, photograph)), evidence.Hashed)
		w.becomes(w.keeps(w.Evidence, second, copied(w.T, photograph)), evidence.Hashed)
		for _, c := range w.Set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.Must(w.Files.SetTopic(w.Ctx, first, c.Code, claire))
			}
		}
		for _, file := range []string{first, second} {
			if all, err := w.MatchesOf(w.Ctx, file); err != nil || len(all) != 0 {
				w.T.Errorf("a lead to it: %+v, %v", all, err)
			}
		}
		w.becomes(w.keeps(w.Evidence, w.file(), copied(w.T, photograph)), evidence.Hashed)
		if n := w.Count(`SELECT count(*) FROM evidence_match`); n != 2 {
			w.T.Errorf("%d pairs; want that of the second and the third, beside the old one", n)
		}
	})
}
