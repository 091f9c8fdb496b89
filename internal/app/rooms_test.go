package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each feature room, the other feature rooms it may use. There is no circle in it
// (the compiler sees to that), and a new line here is a decision to be talked about.
var mayImport = map[string][]string{
	"audit":       {},
	"blob":        {},
	"seal":        {},
	"catalogue":   {"audit"},
	"staff":       {"audit", "seal"},
	"datarequest": {"audit", "casefile", "catalogue", "chat", "contact", "paper", "referral", "seal", "takedown"},
	"evidence":    {"audit", "blob", "casefile", "catalogue", "picture", "seal"},
	"contact":     {"audit", "catalogue", "seal"},
	"casefile":    {"audit", "catalogue", "contact", "seal"},
	"chat":        {"audit", "blob", "catalogue", "contact", "picture", "seal"},
	"exposure":    {"catalogue", "contact"},
	"keeping":     {"audit", "casefile", "catalogue", "contact"},
	"guide":       {"audit", "catalogue", "picture"},
	"mask":        {},
	"listening":   {"audit", "chat", "contact", "phone", "routing", "seal"},
	"paper":       {},
	"picture":     {},
	"phone":       {"audit", "blob", "catalogue", "contact", "routing", "seal"},
	"push":        {"contact", "seal"},
	"quality":     {"audit", "catalogue", "contact", "seal"},
	"referral":    {"audit", "blob", "casefile", "catalogue", "seal"},
	"rota":        {"audit", "catalogue", "seal", "staff"},
	"rehearsal":   {"audit", "catalogue", "seal"},
	"routing":     {"audit", "catalogue", "contact", "seal", "staff"},
	"stats":       {"audit", "blob", "catalogue", "contact", "seal", "workbook"},
	"takedown":    {"audit", "casefile", "catalogue", "evidence", "seal"},
	"team":        {"audit", "contact", "seal"},
	"trainee":     {"audit", "contact"},
	"vault":       {},
	"visit":       {"audit", "catalogue", "chat", "contact", "mask", "rehearsal", "seal"},
	"workbook":    {},
}

// foundations may be used by every room; they use nothing but one another.
var foundations = []string{"fault", "store", "bus", "config", "slowhash", "freeport", "jobs", "spoken", "typed"}

// onlyIn says which room may import a library directly.
var onlyIn = map[string][]string{
	"modernc.org/sqlite":            {"store"},
	"github.com/jackc/pgx":          {"store"},
	"github.com/nats-io":            {"bus"},
	"github.com/emiago/sipgo":       {"phone"},
	"github.com/pion":               {"phone"},
	"github.com/hanwen/go-fuse":     {"bench"},
	"github.com/go-webauthn":        {"staff"},
	"golang.org/x/crypto/argon2":    {"slowhash"},
	"filippo.io/age":                {"blob"},
	"database/sql":                  {"store", "seal"},
	"github.com/pressly/goose":      {"store"},
	"github.com/prometheus":         {"web", "app"},
	"github.com/alecthomas/kong":    {"app", "config"},
	"github.com/descope/virtualweb": {"staff"},
	"codeberg.org/go-pdf":           {"paper"},
	"golang.org/x/net/html":         {"takedown"},
	"github.com/emersion":           {"takedown"},
	"net/smtp":                      {"takedown"},
	"github.com/yuin/goldmark":      {"guide"},
	"github.com/kljensen/snowball":  {"guide"},
}

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = "../.."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// room is the first part below internal/: "vigie/internal/web/ui" is in "web".
func room(path string) string {
	inside, ok := strings.CutPrefix(path, "vigie/internal/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(inside, "/")
	return name
}

// The house keeps its rules: who may import whom, and which room alone holds a library.
func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	for _, p := range packages(t) {
		own := room(p.ImportPath)
		if slices.Contains([]string{"utils", "util", "models", "common", "helpers", "manager"}, own) {
			t.Errorf("%s: a room has the name of its noun", p.ImportPath)
		}
		for _, imported := range p.Imports {
			other := room(imported)
			allowed, feature := mayImport[own]
			switch {
			case other == "" || other == own || other == "fault":
			case other == "app":
				if own != "" {
					t.Errorf("%s imports app: only cmd may", p.ImportPath)
				}
			case slices.Contains(foundations, own):
				if !slices.Contains(foundations, other) {
					t.Errorf("%s is a foundation and imports %s", p.ImportPath, imported)
				}
			case feature && !slices.Contains(foundations, other) && !slices.Contains(allowed, other):
				t.Errorf("%s imports %s: the list does not allow it", p.ImportPath, imported)
			}
			for library, rooms := range onlyIn {
				if strings.HasPrefix(imported, library) && own != "" && !slices.Contains(rooms, own) && p.ImportPath != "vigie/internal/store/storetest" {
					t.Errorf("%s imports %s: only %v may", p.ImportPath, imported, rooms)
				}
			}
		}
	}
}

// web writes no SQL: it asks the rooms.
func TestWebWritesNoSQL(t *testing.T) {
	for _, p := range packages(t) {
		if room(p.ImportPath) == "web" && slices.Contains(p.Imports, "vigie/internal/store") {
			t.Errorf("%s imports store", p.ImportPath)
		}
	}
}
