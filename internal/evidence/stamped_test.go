package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/blob"
	"vigie/internal/casefile/casetest"
	"vigie/internal/evidence"
	"vigie/internal/evidence/bundle"
	"vigie/internal/evidence/stamp"
	"vigie/internal/evidence/stamp/stamptest"
	"vigie/internal/jobs"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// An item that is kept waits for its time stamp while the authority is away or lies, gets it afterwards without anybody's help,
// and takes it along in an export that plain OpenSSL believes.
func TestAnItemIsStampedOnceTheAuthorityIsThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{World: casetest.New(t, db, time.Now())}
		var err error
		w.blobs, err = blob.OpenDisk(t.TempDir())
		w.Must(err)
		authority := stamptest.Start(t)
		work := jobs.New(jobs.Options{DB: db, Now: w.Now, Poll: 20 * time.Millisecond})
		w.Evidence = evidence.New(evidence.Options{DB: db, Keys: w.Keys, Audit: w.Log, Files: w.Files, Blobs: w.blobs, Catalogue: w.Catalogue,
			Sniff: func([]byte) string { return "image/png" }, Max: 1 << 20, Now: w.Now, Jobs: work, Roots: authority.Roots(),
			Authority: stamp.Client{HTTP: http.DefaultClient, URL: authority.URL, Roots: authority.Roots(), Skew: time.Hour, Now: w.Now}})
		ctx, stop := context.WithCancel(w.Ctx)
		done := make(chan struct{})
		go func() { work.Run(ctx); close(done) }()
		t.Cleanup(func() { stop(); <-done })

		authority.Misbehave(stamptest.Down)
		file, id := w.file(), store.NewID()
		w.Must(w.AddFile(w.Ctx, file, id, "", evidence.Content{Name: "capture.png"}, bytes.NewReader(picture), claire))
		until(t, "the authority was asked", func() bool {
			return w.Count(`SELECT count(*) FROM job WHERE state = 'waiting' AND last_error <> ''`) == 1
		})
		if item, err := w.Item(w.Ctx, id); err != nil || item.Stamp != evidence.StampQueued {
			t.Fatalf("while the authority is away: %q, %v", item.Stamp, err)
		}
		authority.Misbehave(stamptest.Forged)
		asked := authority.Asked()
		w.Forward(time.Minute)
		until(t, "it was asked again", func() bool {
			return authority.Asked() > asked && w.Count(`SELECT count(*) FROM job WHERE state = 'waiting' AND last_error = 'fault.stamp.broken'`) == 1
		})
		if item, err := w.Item(w.Ctx, id); err != nil || item.Stamp != evidence.StampQueued {
			t.Fatalf("a forged stamp was believed: %q, %v", item.Stamp, err)
		}
		authority.Misbehave(stamptest.Well)
		w.Forward(5 * time.Minute)
		until(t, "the item is stamped", func() bool {
			item, err := w.Item(w.Ctx, id)
			return err == nil && item.Stamp == evidence.Stamped && item.StampedAt > 0
		})

		b, err := w.Export(w.Ctx, file, "V-7K4M-29", "police", "Vigie", func(id string) string { return id }, nadia)
		w.Must(err)
		var packed bytes.Buffer
		w.Must(bundle.Write(&packed, b))
		folder := unpack(t, packed.Bytes())
		run(t, folder, "sha256sum", "--quiet", "-c", "SHA256SUMS")
		w.Must(os.WriteFile(filepath.Join(folder, "believed.pem"), authority.RootPEM(), 0o600))
		run(t, folder, "openssl", "ts", "-verify", "-data", "manifest.json", "-in", "stamps/manifest.tsr", "-CAfile", "believed.pem", "-untrusted", "authority/chain.pem")
		stamps, err := filepath.Glob(filepath.Join(folder, "stamps", "0001-*.tsr"))
		w.Must(err)
		if len(stamps) != 1 {
			t.Fatalf("the export has %d stamps of its one piece", len(stamps))
		}
		item, err := w.Item(w.Ctx, id)
		w.Must(err)
		run(t, folder, "openssl", "ts", "-verify", "-digest", item.Content.SHA256, "-in", stamps[0], "-CAfile", "believed.pem", "-untrusted", "authority/chain.pem")

		authority.Misbehave(stamptest.Down) // an export is not held up
		b, err = w.Export(w.Ctx, file, "V-7K4M-29", "police", "Vigie", func(id string) string { return id }, nadia)
		w.Must(err)
		if b.Stamp != nil || b.Items[0].Stamp == nil {
			t.Error("without the authority an export has a stamp of its list, or loses those of its pieces")
		}
	})
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	folder := t.TempDir()
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		path := filepath.Join(folder, f.Name)
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func run(t *testing.T, folder, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", program, args, err, out)
	}
}
