package site

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"testing"

	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

var update = flag.Bool("update", false, "write the pages that the elements are tried on")

// hashed is what the build puts into the names of assets.
var hashed = regexp.MustCompile(`(/assets/[\w-]+?)-[A-Z0-9]{8}(\.\w+)`)

// The elements' tests try the vault on this very page (assets/test/vault.spec.ts): `go test ./internal/web/site -run VaultPage -update`
// writes it anew.
func TestTheVaultPageIsTheOneThatTheElementIsTriedOn(t *testing.T) {
	const file = "../assets/test/vault.html"
	say := i18n.For(i18n.French)
	var b bytes.Buffer
	page := ui.PageProps{Site: ui.Site{Name: "Vigie", Quit: "/quit"}, Title: say.T("vault.title"), Path: "/vault", Styles: []string{"vault.css"}, Script: "vault.js"}
	if err := vaultPage(say, page).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	got := hashed.ReplaceAll(b.Bytes(), []byte("$1$2"))
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the page has changed: write %s anew with -update", file)
	}
}

// Each thing that the element says has a sentence, in both languages.
func TestTheVaultHasAllOfItsSentences(t *testing.T) {
	for _, lang := range i18n.Languages {
		for _, code := range sentences {
			if !i18n.For(lang).Has("vault.say." + code) {
				t.Errorf("%s: the vault cannot say %q", lang, code)
			}
		}
	}
}
