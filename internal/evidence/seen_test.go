package evidence_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"vigie/internal/blob"
	"vigie/internal/casefile/casetest"
	"vigie/internal/catalogue"
	"vigie/internal/evidence"
	"vigie/internal/jobs"
	pictures "vigie/internal/picture"
	"vigie/internal/picture/pdq"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A picture is drawn covered until somebody asks; the asking is in its custody, opens it to her alone, and the seconds that her page
// reports count once, never for longer than has passed.
func TestAPictureIsCoveredUntilSheAsksAndTheSecondsCount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC))}
		var err error
		w.blobs, err = blob.OpenDisk(t.TempDir())
		w.Must(err)
		draw := drawn(func(file io.Reader, cover pictures.Cover) ([]byte, error) {
			original, err := io.ReadAll(file)
			if !bytes.Equal(original, picture) {
				t.Errorf("another picture is drawn: %q", original)
			}
			return []byte(cover), err
		})
		w.Evidence = evidence.New(evidence.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: w.blobs, Catalogue: w.Catalogue,
			Sniff: func([]byte) string { return "image/png" }, Max: 1 << 20, Pictures: draw, Jobs: jobs.New(jobs.Options{DB: db}), Now: w.Now})
		file, id, began := w.file(), store.NewID(), w.Now()
		w.Must(w.AddFile(w.Ctx, file, id, "", evidence.Content{}, bytes.NewReader(picture), claire))
		shows := func(look, want string) {
			t.Helper()
			if got, err := w.Picture(w.Ctx, id, look, claire); err != nil || string(got) != want {
				t.Errorf("it shows %q, %v; want %q", got, err, want)
			}
		}
		shows("", "covered")
		look, err := w.Uncover(w.Ctx, id, claire)
		w.Must(err)
		shows(look, "uncovered")
		_, err = w.Picture(w.Ctx, id, look, nadia)
		w.Refused(err, "fault.evidence.covered")

		w.Forward(30 * time.Second)
		for _, said := range []time.Duration{20 * time.Second, 10 * time.Second, -time.Hour, 20 * time.Second} { // late, twice, wrongly
			w.Must(w.Seen(w.Ctx, look, said, claire))
		}
		w.Must(w.Seen(w.Ctx, look, 25*time.Second, nadia)) // not hers
		today := func() time.Duration {
			t.Helper()
			all, err := w.SeenSince(w.Ctx, began.Add(-time.Hour))
			w.Must(err)
			if _, there := all[nadia.ID]; there {
				t.Error("who looked at nothing has seen something")
			}
			return all[claire.ID]
		}
		if got := today(); got != 20*time.Second {
			t.Errorf("she has looked for %v", got)
		}
		w.Must(w.Seen(w.Ctx, look, time.Hour, claire))
		if got := today(); got != 31*time.Second { // and a second for the rounding of her page
			t.Errorf("with a page that lies she has looked for %v", got)
		}
		elsewhere, err := w.UncoverElsewhere(w.Ctx, claire) // in a conversation
		w.Must(err)
		w.Forward(5 * time.Second)
		w.Must(w.Seen(w.Ctx, elsewhere, 5*time.Second, claire))
		if got := today(); got != 36*time.Second {
			t.Errorf("with what she saw in a conversation, she has looked for %v", got)
		}
		w.Must(w.Seen(w.Ctx, elsewhere, 5*time.Second, nadia))
		chain, err := w.Chain(w.Ctx, id)
		w.Must(err)
		if len(chain) != 2 || chain[1].Act != "looked" || chain[1].Actor != claire || chain[1].Seconds != 31 {
			t.Errorf("its custody is %+v", chain)
		}
		if n := w.Count(`SELECT count(*) FROM audit WHERE act = 'evidence.looked' AND object_id = $1`, id); n != 1 {
			t.Errorf("the look is %d times in the log", n)
		}
		w.Forward(time.Hour)
		_, err = w.Picture(w.Ctx, id, look, claire)
		w.Refused(err, "fault.evidence.covered")
		if all, err := w.SeenSince(w.Ctx, w.Now()); err != nil || len(all) != 0 {
			t.Errorf("a new day begins with %v, %v", all, err)
		}

		for _, c := range w.Set.Taxonomy.Categories {
			if c.Has(catalogue.NoCapture) {
				w.Must(w.Files.SetTopic(w.Ctx, file, c.Code, claire))
			}
		}
		_, err = w.Uncover(w.Ctx, id, claire)
		w.Refused(err, "fault.evidence.no_capture")
		_, err = w.Picture(w.Ctx, id, "", claire)
		w.Refused(err, "fault.evidence.no_capture")
	})
}

// drawn draws pictures without opening them, and hashes none.
type drawn func(file io.Reader, cover pictures.Cover) ([]byte, error)

func (d drawn) Draw(_ context.Context, file io.Reader, cover pictures.Cover) ([]byte, error) {
	return d(file, cover)
}

func (drawn) Hash(context.Context, io.Reader) (pdq.Forms, int, error) {
	return pdq.Forms{}, 0, pictures.ErrEnded
}
