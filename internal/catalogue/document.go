package catalogue

import (
	"embed"
	"errors"
	"reflect"
	"regexp"

	"github.com/BurntSushi/toml"
)

// Doc names a document of the catalogue; its seed is seeds/<doc>.toml.
type Doc string

// The documents, each with the question it answers.
const (
	DocTaxonomy    Doc = "taxonomy"     // what a contact is about, and what counts as a danger
	DocForm        Doc = "form"         // what the counsellor writes down
	DocLexicon     Doc = "lexicon"      // which words raise a priority
	DocLexiconTest Doc = "lexicon_test" // the sentences that the lexicon must and must not hear
	DocDoNow       Doc = "donow"        // what to do while waiting
	DocAnswers     Doc = "answers"      // ready answers
	DocGuides      Doc = "guides"       // guide cards that a counsellor sends
	DocProtocols   Doc = "protocols"    // emergency protocols, step by step
	DocNumbers     Doc = "numbers"      // who answers now
	DocHours       Doc = "hours"        // when we answer
	DocClosure     Doc = "closure"      // "closed now", for an hour or an evening
	DocPhone       Doc = "phone"        // how the phone answers: menu, waiting, call-backs, messages
	DocQueues      Doc = "queues"       // who waits where, and why somebody goes first
	DocQuestions   Doc = "questions"    // the first questions, and the last one
	DocLines       Doc = "lines"        // what the helpline says by itself in a conversation
	DocPlatforms   Doc = "platforms"    // where it happens, and how content is taken down there
	DocGrounds     Doc = "grounds"      // what a notice to a platform may be based on
	DocOffences    Doc = "offences"     // what the law says, in plain words
	DocPartners    Doc = "partners"     // to whom a case is handed on, and with what
	DocDepartments Doc = "departments"  // where the child lives
	DocKeeping     Doc = "keeping"      // how long each kind of data is kept
	DocRubric      Doc = "rubric"       // by what a conversation is talked over after a listening
	DocQuiz        Doc = "quiz"         // the questions by which one looks at what happens, and what is said at their end
)

// Docs lists all documents in the order in which an editor meets them.
var Docs = []Doc{
	DocTaxonomy, DocForm, DocQuestions, DocLines, DocDoNow, DocAnswers, DocGuides, DocProtocols, DocNumbers,
	DocHours, DocClosure, DocPhone, DocQueues, DocLexicon, DocLexiconTest, DocPlatforms, DocGrounds, DocOffences, DocPartners,
	DocDepartments, DocKeeping, DocRubric, DocQuiz,
}

//go:embed seeds/*.toml
var seeds embed.FS

// Seed returns the text of a document as Vigie brings it; nil for a document that does not exist.
func Seed(doc Doc) []byte {
	text, err := seeds.ReadFile("seeds/" + string(doc) + ".toml")
	if err != nil {
		return nil
	}
	return text
}

// seedTexts returns all the seeds.
func seedTexts() map[Doc][]byte {
	texts := make(map[Doc][]byte, len(Docs))
	for _, doc := range Docs {
		texts[doc] = Seed(doc)
	}
	return texts
}

// head is what every document begins with.
type head struct {
	// Edition is raised by one when a seed changes, so that a helpline that never edited the document
	// gets the new one with the new program. An editor leaves it as it is.
	Edition int `toml:"edition"`
}

func (h head) edition() int { return h.Edition }

// document is what each of the typed documents can do: check itself, without looking at the others.
type document interface {
	edition() int
	check(p *page)
}

var lastKey = regexp.MustCompile(`\(last key "([^"]+)"\)`)

// maxText bounds a document: an editor writes sentences, not novels.
const maxText = 1 << 20

// strictness says how much of a document is looked at.
type strictness bool

const (
	// published is for a document that was checked when it was published: what the program cannot do
	// without is checked again, an unknown key is not, so that a node still reads what a newer one wrote.
	published strictness = false
	// proposed is for a document that somebody wants to publish: everything is checked.
	proposed strictness = true
)

// decode reads text into target and checks it alone. Flaws of grammar come alone; others come together.
func decode(doc Doc, text []byte, target document, strict strictness) *page {
	p := &page{doc: doc, strict: strict, source: string(text)}
	if len(text) > maxText {
		p.flaw("too_long", "")
		return p
	}
	if _, err := toml.Decode(string(text), target); err != nil {
		flaw := Flaw{Doc: doc, Key: "fault.catalogue.grammar", Args: []any{"detail", err.Error()}}
		var parse toml.ParseError
		if errors.As(err, &parse) {
			flaw.Line, flaw.Path = parse.Position.Line, parse.LastKey
			flaw.Args = []any{"detail", parse.Message}
		}
		if m := lastKey.FindStringSubmatch(err.Error()); flaw.Line == 0 && m != nil {
			flaw.Path = m[1] // a wrong type: the library names the key in its sentence
			flaw.Line = p.lines().first(m[1])
		}
		p.flaws = Flaws{flaw}
		return p
	}
	if strict {
		for _, path := range p.lines().unknown(reflect.TypeOf(target).Elem()) {
			p.flaw("key_unknown", path, "key", path)
		}
		if len(p.flaws) > 0 { // a misspelt key makes others seem to be missing
			return p
		}
	}
	if target.edition() < 1 {
		p.flaw("edition_missing", "edition")
	}
	target.check(p)
	return p
}
