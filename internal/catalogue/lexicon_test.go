package catalogue

import (
	"testing"
)

func seedLexicon(t testing.TB) *Lexicon {
	t.Helper()
	l := new(Lexicon)
	p := decode(DocLexicon, Seed(DocLexicon), l, proposed)
	for _, f := range p.flaws {
		t.Errorf("line %d: %s: %s %v", f.Line, f.Path, f.Key, f.Args)
	}
	if t.Failed() {
		t.FailNow()
	}
	return l
}

func TestSentences(t *testing.T) {
	l := seedLexicon(t)
	tests := new(lexiconTest)
	p := decode(DocLexiconTest, Seed(DocLexiconTest), tests, proposed)
	tests.run(p, l)
	for _, f := range p.flaws {
		t.Errorf("line %d: %s %v", f.Line, f.Key, f.Args)
	}
}
