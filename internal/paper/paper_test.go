package paper_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/paper"
)

func letter() *paper.Document {
	d := &paper.Document{Lang: "fr", Title: "Fiche d’essai", Author: "Vigie", Header: "Vigie · confidentiel", Footer: "Imprimé par Camille", Page: "Page {page} sur {pages}",
		Missing: "Un carré remplace un signe.", At: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)}
	d.Head("Où en est-on ?")
	d.Text("Œuvre, cœur, naïveté, 1\u202f000\u00a0€ : « tout va bien »…")
	d.Heading("Empreinte")
	d.Facts(paper.Fact{Name: "SHA-256", Value: strings.Repeat("0123456789abcdef", 8)}, paper.Fact{Name: "Vide"})
	return d
}

// read is what pdftotext and pdfinfo (poppler) read in a document.
func read(t *testing.T, d *paper.Document) (text, about string) {
	t.Helper()
	for _, tool := range []string{"pdftotext", "pdfinfo"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed (poppler-utils)")
		}
	}
	pdf, err := d.PDF()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return string(out)
	}
	return run("pdftotext", "-layout", path, "-"), run("pdfinfo", path)
}

// What is written is read again by other programs: accents, ligatures, the title.
func TestAnotherProgramReadsIt(t *testing.T) {
	text, about := read(t, letter())
	for _, want := range []string{"Où en est-on ?", "Œuvre, cœur, naïveté", "« tout va bien »…", "Imprimé par Camille", "Page 1 sur 1", "Vigie · confidentiel"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), want) {
			t.Errorf("%q is not in it: %s", want, text)
		}
	}
	if strings.Contains(text, "Vide") || strings.Contains(text, "Un carré") {
		t.Errorf("what has no value, or is not needed, is in it: %s", text)
	}
	if !strings.Contains(about, "Fiche d’essai") || !strings.Contains(about, "Pages:           1") || !strings.Contains(about, "A4") {
		t.Errorf("it says of itself: %s", about)
	}
	joined := strings.Join(strings.Fields(text), "")
	if !strings.Contains(joined, strings.Repeat("0123456789abcdef", 8)) {
		t.Errorf("a long hash is cut: %s", text)
	}
}

// Printed twice it is the same, byte by byte; and it says its language.
func TestTheSameGivesTheSame(t *testing.T) {
	a, err := letter().PDF()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if b, err := letter().PDF(); err != nil || !bytes.Equal(a, b) {
			t.Fatalf("two prints differ (%v)", err)
		}
	}
	if !bytes.Contains(a, []byte("/Lang (fr)")) {
		t.Error("it does not say its language")
	}
}

// A long table goes on over pages, and its head stands on each of them; no row is lost.
func TestATableOverPages(t *testing.T) {
	d := letter()
	var rows [][]string
	for i := range 150 {
		rows = append(rows, []string{"ligne " + strings.Repeat("x", i%40), "42"})
	}
	d.Table([]paper.Column{{Label: "Quoi", Share: 3}, {Label: "Combien", Share: 1, Number: true}}, rows)
	text, about := read(t, d)
	pages := strings.Count(text, "\f")
	if pages < 3 || strings.Count(text, "Combien") != pages || strings.Count(text, "ligne") != 150 {
		t.Errorf("%d pages, %d heads, %d rows", pages, strings.Count(text, "Combien"), strings.Count(text, "ligne"))
	}
	if !strings.Contains(text, "Page 2 sur "+strings.TrimSpace(strings.Split(strings.Split(about, "Pages:")[1], "\n")[0])) {
		t.Errorf("the pages are not counted: %s", about)
	}
}

// What the letters do not have is a square, said below, and no accident: an emoji, another script, a bell.
func TestSignsThatAreNotThere(t *testing.T) {
	d := letter()
	d.Text("un cœur 💔, سلام, \x07fin\x00")
	text, _ := read(t, d)
	if !strings.Contains(text, "un cœur □, □□□□, fin") || !strings.Contains(text, "Un carré remplace un signe.") {
		t.Errorf("it says: %s", text)
	}
}
