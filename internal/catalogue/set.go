package catalogue

import (
	"slices"
	"strings"
	"sync"
)

// Set is the whole catalogue at one moment: every document read, checked, and checked against the
// others. It is never changed, so it is shared by all without a lock; a published version makes a new
// one.
type Set struct {
	// Versions are the numbers of the documents in the database; 0 for seeds read without one.
	Versions map[Doc]int

	Taxonomy    *Taxonomy
	Form        *Form
	Lexicon     *Lexicon
	DoNow       *DoNow
	Answers     *Answers
	Guides      *Guides
	Protocols   *Protocols
	Numbers     *Numbers
	Hours       *Hours
	Phone       *Phone
	Queues      *Queues
	Questions   *Questions
	Lines       *Lines
	Platforms   *Platforms
	Grounds     *Grounds
	Offences    *Offences
	Partners    *Partners
	Departments *Departments
	Keeping     *Keeping
	Rubric      *Rubric
	Quizzes     *Quizzes

	closure *closure
	tests   *lexiconTest
}

// Reason returns the sentence behind a reason of priority: a reason of the queues ("came_back"), with the
// prefix "lexicon." one of the lexicon ("lexicon.suicide"), or with "quiz." a danger that an answer of the
// quiz told of ("quiz.suicide"). ok is false for a code unknown to them.
func (s *Set) Reason(code string) (reason Text, ok bool) {
	if answered, isQuiz := strings.CutPrefix(code, QuizReason); isQuiz {
		danger, ok := s.Taxonomy.Danger(answered)
		return s.Quizzes.reason(danger), ok
	}
	if entry, isLexicon := strings.CutPrefix(code, "lexicon."); isLexicon {
		e, ok := s.Lexicon.Entry(entry)
		return e.Reason, ok
	}
	r, ok := s.Queues.Reason(code)
	return r.Label, ok
}

// DangerOf is the danger that a reason of priority names: what was heard in somebody's words, or what she
// answered in the quiz; "" for a reason that names none.
func (s *Set) DangerOf(reason string) string {
	if heard, ok := strings.CutPrefix(reason, "lexicon."); ok {
		e, _ := s.Lexicon.Entry(heard)
		return e.Danger
	}
	if answered, ok := strings.CutPrefix(reason, QuizReason); ok {
		d, _ := s.Taxonomy.Danger(answered)
		return d.Code
	}
	return ""
}

// Seeds returns the catalogue as Vigie brings it, without a database: for tests and for the first look.
// It is read once a process.
func Seeds() (*Set, error) { return readSeeds() }

var readSeeds = sync.OnceValues(func() (*Set, error) {
	set, pages := read(seedTexts(), published, nil)
	return set, flawsOf(pages).fault()
})

func flawsOf(pages map[Doc]*page) Flaws {
	var all Flaws
	for _, doc := range Docs {
		all = append(all, pages[doc].flaws...)
	}
	slices.SortStableFunc(all, func(a, b Flaw) int {
		if a.Doc != b.Doc {
			return slices.Index(Docs, a.Doc) - slices.Index(Docs, b.Doc)
		}
		return a.Line - b.Line
	})
	return all
}

// read reads the documents, side by side, and then joins them. lexicon, if not nil, is what the texts of
// the lexicon and of its sentences were read to before: compiling it is most of the work.
func read(texts map[Doc][]byte, strict strictness, lexicon *Lexicon) (*Set, map[Doc]*page) {
	s := &Set{
		Versions: map[Doc]int{},
		Taxonomy: new(Taxonomy), Form: new(Form), Lexicon: new(Lexicon), DoNow: new(DoNow), Answers: new(Answers),
		Guides: new(Guides), Protocols: new(Protocols), Numbers: new(Numbers), Hours: new(Hours), Phone: new(Phone), Queues: new(Queues),
		Questions: new(Questions), Lines: new(Lines), Platforms: new(Platforms), Grounds: new(Grounds), Offences: new(Offences),
		Partners: new(Partners), Departments: new(Departments), Keeping: new(Keeping), Rubric: new(Rubric), Quizzes: new(Quizzes),
		closure: new(closure), tests: new(lexiconTest),
	}
	read := make([]*page, len(Docs))
	var side sync.WaitGroup
	for i, doc := range Docs {
		if lexicon != nil && (doc == DocLexicon || doc == DocLexiconTest) {
			read[i] = &page{doc: doc, source: string(texts[doc])}
			continue
		}
		side.Go(func() { read[i] = decode(doc, texts[doc], s.document(doc), strict) })
	}
	side.Wait()
	if lexicon != nil {
		s.Lexicon = lexicon
	}
	pages := map[Doc]*page{}
	sound := true
	for i, doc := range Docs {
		pages[doc] = read[i]
		sound = sound && len(read[i].flaws) == 0
	}
	if sound { // what is broken by itself says nothing true about the others
		s.join(pages)
		if strict && lexicon == nil && len(pages[DocLexicon].flaws) == 0 {
			s.tests.run(pages[DocLexiconTest], s.Lexicon)
		}
	}
	return s, pages
}

func (s *Set) document(doc Doc) document {
	switch doc {
	case DocTaxonomy:
		return s.Taxonomy
	case DocForm:
		return s.Form
	case DocLexicon:
		return s.Lexicon
	case DocLexiconTest:
		return s.tests
	case DocDoNow:
		return s.DoNow
	case DocAnswers:
		return s.Answers
	case DocGuides:
		return s.Guides
	case DocProtocols:
		return s.Protocols
	case DocNumbers:
		return s.Numbers
	case DocHours:
		return s.Hours
	case DocPhone:
		return s.Phone
	case DocClosure:
		return s.closure
	case DocQueues:
		return s.Queues
	case DocQuestions:
		return s.Questions
	case DocLines:
		return s.Lines
	case DocPlatforms:
		return s.Platforms
	case DocGrounds:
		return s.Grounds
	case DocOffences:
		return s.Offences
	case DocPartners:
		return s.Partners
	case DocDepartments:
		return s.Departments
	case DocRubric:
		return s.Rubric
	case DocQuiz:
		return s.Quizzes
	case DocKeeping:
		return s.Keeping
	}
	panic("catalogue: no document " + string(doc)) // Docs and this list are both ours
}

// join checks the documents against one another and ties them together.
func (s *Set) join(pages map[Doc]*page) {
	s.Taxonomy.join(pages[DocTaxonomy], s)
	s.Form.join(pages[DocForm], s)
	s.Questions.join(pages[DocQuestions], s)
	s.DoNow.join(pages[DocDoNow], s)
	s.Guides.join(pages[DocGuides], s)
	s.Protocols.join(pages[DocProtocols], s)
	s.Numbers.join(pages[DocNumbers], s)
	s.Phone.join(pages[DocPhone], s)
	s.Queues.join(pages[DocQueues], s)
	s.Lexicon.join(pages[DocLexicon], s)
	s.Platforms.join(pages[DocPlatforms], s)
	s.Grounds.join(pages[DocGrounds], s)
	s.Offences.join(pages[DocOffences], s)
	s.Partners.join(pages[DocPartners], s)
	s.Quizzes.join(pages[DocQuiz], s)
	s.Hours.closure = s.closure
}
