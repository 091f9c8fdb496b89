package catalogue

import "testing"

// The seeds are a whole catalogue without a flaw.
func TestSeeds(t *testing.T) {
	_, flaws := Read(seedTexts())
	for _, f := range flaws {
		t.Errorf("%s.toml:%d: %s: %s %v", f.Doc, f.Line, f.Path, f.Key, f.Args)
	}
}
