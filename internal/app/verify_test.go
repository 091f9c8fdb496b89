package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"vigie/internal/evidence/bundle"
	"vigie/internal/evidence/stamp"
	"vigie/internal/evidence/stamp/stamptest"
)

// evidence writes what the script of `vigie verify` looks at into a folder: whole.zip, changed.zip (a byte of a piece), bare.zip
// (no stamp at all), forged.zip (stamped by somebody else of the same name) and the authority's root.pem and root.der.
func evidence(ts *testscript.TestScript, _ bool, args []string) {
	must := func(err error) {
		if err != nil {
			ts.Fatalf("evidence: %v", err)
		}
	}
	write := func(name string, content []byte) {
		must(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), name), content, 0o600))
	}
	must(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	authority, whole := stampedCase(must, true)
	write("whole.zip", whole)
	write("root.pem", authority.RootPEM())
	write("root.der", authority.Root.Raw)
	write("changed.zip", bytes.Replace(whole, []byte("200 euros"), []byte("900 euros"), 1))
	_, forged := stampedCase(must, true)
	write("forged.zip", forged)
	_, bare := stampedCase(must, false)
	write("bare.zip", bare)
}

// stampedCase is a case of one message with the authority that stamped it.
func stampedCase(must func(error), stamped bool) (*stamptest.Authority, []byte) {
	authority, err := stamptest.New(time.Now)
	must(err)
	server := httptest.NewServer(authority)
	defer server.Close()
	ask := func(sum [sha256.Size]byte) *stamp.Stamp {
		s, _, err := stamp.Client{HTTP: http.DefaultClient, URL: server.URL, Roots: authority.Roots()}.Ask(context.Background(), sum)
		must(err)
		return &s
	}
	message := []byte("donne 200 euros ou je publie\n")
	now := time.Now()
	b := bundle.Bundle{Case: "2026-0123", ExportedAt: now, ExportedBy: "Dominique", Purpose: "plainte\x1b[2J", Program: "vigie", Roots: authority.Roots(), Items: []bundle.Item{{
		ID: "0197aaaa-0000-7000-8000-000000000001", Kind: "message", Category: "sextortion", Capture: "handed_over", TakenAt: now, Operator: "Camille", Tool: "vigie", MIME: "text/plain",
		SHA256: sha256.Sum256(message), Size: int64(len(message)), Custody: []bundle.Custody{{At: now, Act: "taken", By: "Camille"}},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(message)), nil }}}}
	if stamped {
		b.Items[0].Stamp = ask(b.Items[0].SHA256)
		sum, err := b.Digest(true)
		must(err)
		b.Stamp = ask(sum)
	}
	var out bytes.Buffer
	must(bundle.Write(&out, b))
	return authority, out.Bytes()
}
