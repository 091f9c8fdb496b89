package bundle

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

// The README of a bundle, in two languages, one after the other. A line that begins with four spaces is a command.
var (
	//go:embed readme.fr.txt
	readmeFrench string
	//go:embed readme.en.txt
	readmeEnglish string

	readmes = template.Must(template.New("").Parse(readmeFrench + "\n\n" + readmeEnglish))
)

// readme is README.txt. What it prints of a piece is one line each that begins with three spaces, so that no name of a file and
// no statement can be taken for a command.
func (m manifest) readme() ([]byte, error) {
	var b bytes.Buffer
	if err := readmes.Execute(&b, readmePage{m}); err != nil {
		return nil, fmt.Errorf("bundle: README: %w", err)
	}
	return b.Bytes(), nil
}

type readmePage struct{ manifest }

// Folder is the name of the ZIP without its ending.
func (p readmePage) Folder() string {
	return strings.TrimSuffix(fileName(p.Case, p.ExportedAt.Time), ".zip")
}

// Roots are the files of the authorities.
func (p readmePage) Roots() (files []string) {
	for _, a := range p.Authorities {
		files = append(files, a.File)
	}
	if p.Stamped {
		files = append(files, manifestRoot)
	}
	return files
}

// Line puts a text of somebody else's on one line of reasonable length.
func (readmePage) Line(s string) string {
	s = strings.Join(strings.Fields(strings.Map(printable, s)), " ")
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120]) + "…"
	}
	return s
}

// Files is how many files are in the folder once the ZIP is unpacked.
func (p readmePage) Files() int {
	n := 4
	for _, e := range p.Items {
		n++
		if e.Stamp != nil {
			n += 2
		}
	}
	if p.Stamped {
		n += 2
	}
	if roots := p.Roots(); len(roots) > 0 {
		n += len(roots) + 1
	}
	return n
}

// Listed is the command that compares a piece with the manifest: the line after its name has its SHA-256.
func (readmePage) Listed(e entry) string {
	return fmt.Sprintf(`grep -A1 '"file": "%s"' manifest.json | grep "\"sha256\": \"$(sha256sum < %s | cut -c-64)\""`, e.File, e.File)
}

// Verify is the command that checks the stamp of a piece. The certificates are looked at as they were then (-attime), for
// they are over long before the stamp is; the one that is believed need not be a root (-partial_chain).
func (p readmePage) Verify(e entry) string {
	return verify(e.Stamp.Response, e.File, e.Stamp.Root, e.Stamp.At)
}

// VerifyManifest is the same for the manifest, whose stamp was made at its export.
func (p readmePage) VerifyManifest() string {
	return verify(manifestTSR, manifestName, manifestRoot, p.ExportedAt)
}

func verify(response, data, root string, then instant) string {
	return fmt.Sprintf("openssl ts -verify -in %s -data %s -CAfile %s -untrusted %s -attime %d -partial_chain", response, data, root, chainName, then.Unix())
}
