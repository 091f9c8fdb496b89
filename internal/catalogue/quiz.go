package catalogue

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Quizzes are the questions by which somebody looks at what happens to her, or to her child. They are answered on her own
// device: nothing of it is sent, unless she hands her answers over to whoever answers her (Told). A quiz says where to look
// and who helps; it never says that nothing is wrong.
type Quizzes struct {
	head
	// Reason is what the counsellor reads of a grave answer that was handed over, with {danger}, what it is called.
	Reason Text `toml:"reason"`
	// Weight is what such an answer adds to the priority, in points.
	Weight int    `toml:"weight"`
	All    []Quiz `toml:"quiz"`
}

// The quizzes of the site, each with its page.
const (
	QuizYoung  = "young"
	QuizParent = "parent"
)

// Quiz is one of them.
type Quiz struct {
	Code      string         `toml:"code"`
	For       string         `toml:"for"` // Young or Adult
	Title     Text           `toml:"title"`
	Intro     Text           `toml:"intro"`
	Questions []QuizQuestion `toml:"question"`
	Bands     []QuizBand     `toml:"band"`
}

// QuizQuestion is one question; every one can be passed over.
type QuizQuestion struct {
	Code string `toml:"code"`
	Text Text   `toml:"text"`
	Hint Text   `toml:"hint"`
	// When names the answers, "question.answer" of questions before it, one of which must have been given for it to be asked;
	// empty asks always.
	When    []string     `toml:"when"`
	Answers []QuizAnswer `toml:"answer"`
}

// QuizAnswer is one answer.
type QuizAnswer struct {
	Code  string `toml:"code"`
	Text  Text   `toml:"text"`
	Score int    `toml:"score"` // 0 to 4
	// Grave is the danger that the answer tells of, "" for none. One such answer outweighs every score, and shows at once who
	// answers now.
	Grave string `toml:"grave"`
	// Now says that a life may be in danger now: handed over, the answer marks the contact, as the gravest words do.
	Now bool `toml:"now"`
}

// QuizBand is what is said at the end from a score on.
type QuizBand struct {
	Code  string `toml:"code"` // one of QuizBands
	From  int    `toml:"from"`
	Title Text   `toml:"title"`
	Text  Text   `toml:"text"`
	// Guides are the addresses of what to read.
	Guides []string `toml:"guides"`
}

// QuizBands are the codes of the bands, from the calmest. A grave answer leads to the last.
var QuizBands = []string{"calm", "worrying", "alarming"}

// QuizReason begins the code of a danger that an answer told of, as a reason of priority: "quiz.suicide".
const QuizReason = "quiz."

// reason is what the counsellor reads of a danger that an answer told of.
func (q *Quizzes) reason(danger Danger) Text {
	said := Text{}
	for _, lang := range Languages {
		said[lang], _ = q.Reason.Fill(lang, map[string]string{"danger": danger.Label.In(lang)})
	}
	return said
}

// ByCode returns a quiz.
func (q *Quizzes) ByCode(code string) (Quiz, bool) {
	i := slices.IndexFunc(q.All, func(quiz Quiz) bool { return quiz.Code == code })
	if i < 0 {
		return Quiz{}, false
	}
	return q.All[i], true
}

// Dangers are those that its answers tell of, in the order in which they are met.
func (q Quiz) Dangers() []string {
	var all []string
	for _, question := range q.Questions {
		for _, danger := range question.Dangers() {
			if !slices.Contains(all, danger) {
				all = append(all, danger)
			}
		}
	}
	return all
}

// Dangers are those that the answers of a question tell of.
func (q QuizQuestion) Dangers() []string {
	var all []string
	for _, a := range q.Answers {
		if a.Grave != "" && !slices.Contains(all, a.Grave) {
			all = append(all, a.Grave)
		}
	}
	return all
}

// Told are answers as somebody hands them over, in the order of the quiz.
type Told struct {
	Quiz    Quiz
	Answers []Given
}

// Given is a question and what was answered.
type Given struct {
	Question QuizQuestion
	Answer   QuizAnswer
}

// maxCodes bounds what is read of answers that are handed over: a quiz has not so many.
const maxCodes = 2000

// Told reads answers that are handed over: the code of the quiz and question.answer codes, parted by spaces. What the quiz does
// not know, and what is answered to a question that would not have been asked, is left out; of two answers to one question the
// first counts. false where nothing is left.
func (q *Quizzes) Told(codes string) (Told, bool) {
	if len(codes) > maxCodes {
		return Told{}, false
	}
	words := strings.Fields(codes)
	if len(words) == 0 {
		return Told{}, false
	}
	quiz, ok := q.ByCode(words[0])
	told := Told{Quiz: quiz}
	given := map[string]bool{}
	for _, question := range quiz.Questions {
		if !question.asked(given) {
			continue
		}
		for _, word := range words[1:] {
			code, isHere := strings.CutPrefix(word, question.Code+".")
			i := slices.IndexFunc(question.Answers, func(a QuizAnswer) bool { return a.Code == code })
			if !isHere || i < 0 {
				continue
			}
			given[word] = true
			told.Answers = append(told.Answers, Given{question, question.Answers[i]})
			break
		}
	}
	return told, ok && len(told.Answers) > 0
}

// Codes are the answers as Told reads them.
func (t Told) Codes() string {
	codes := []string{t.Quiz.Code}
	for _, g := range t.Answers {
		codes = append(codes, g.Question.Code+"."+g.Answer.Code)
	}
	return strings.Join(codes, " ")
}

// In says a question and its answer.
func (g Given) In(lang string) string {
	return g.Question.Text.In(lang) + "\n→ " + g.Answer.Text.In(lang)
}

// asked says whether a question is put to whoever gave these answers.
func (q QuizQuestion) asked(given map[string]bool) bool {
	return len(q.When) == 0 || slices.ContainsFunc(q.When, func(code string) bool { return given[code] })
}

// Bounds of a quiz. What it takes in all must stay below 64 points: see scores.
const (
	maxQuizQuestions = 15
	maxQuizAnswers   = 8
	maxQuizScore     = 4
	// maxTold is how long the answers may be that are handed over as one message; some of it is left for what stands around them.
	maxTold = 3800
)

// verdict is what a quiz never says: that nobody did anything to the child.
var verdict = regexp.MustCompile(`(?i)\b(n'es|n'êtes|n'est|n’es|n’êtes|n’est) (sans doute |probablement |vraiment )?pas (une |un )?(victime|harcel)|\b(not|aren't|isn't|n't) (a |being |really |probably )?(victim|bull)|\brien de grave\b|\bnothing serious\b`)

var quizGuide = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func (q *Quizzes) check(p *page) {
	p.text("reason", q.Reason, "danger")
	if q.Weight < 0 || q.Weight > 100_000 {
		p.flaw("max", "weight")
	}
	all := codes{}
	for i, quiz := range q.All {
		path := at("quiz[%d]", i)
		quizCode(p, all, path+".code", quiz.Code)
		quiz.check(p, path)
	}
	for _, code := range []string{QuizYoung, QuizParent} {
		if !all[code] {
			p.flaw("required_missing", "quiz", "code", code)
		}
	}
}

// quizCode checks a code that is joined to others by dots, and so has none.
func quizCode(p *page, all codes, path, code string) {
	all.add(p, path, code)
	if strings.Contains(code, ".") {
		p.flaw("code_form", path, "code", code)
	}
}

func (q Quiz) check(p *page, path string) {
	p.oneOf(path+".for", q.For, Young, Adult)
	p.text(path+".title", q.Title)
	p.text(path+".intro", q.Intro)
	if n := len(q.Questions); n < 1 || n > maxQuizQuestions {
		p.flaw("span", path, "least", 1, "most", maxQuizQuestions)
		return
	}
	before := len(p.flaws)
	questions := codes{}
	reached := map[string]bool{} // answers of the questions above
	for i, question := range q.Questions {
		at := at("%s.question[%d]", path, i)
		quizCode(p, questions, at+".code", question.Code)
		question.check(p, at, reached)
	}
	sound := len(p.flaws) == before
	for i, b := range q.Bands {
		at := at("%s.band[%d]", path, i)
		p.oneOf(at+".code", b.Code, QuizBands...)
		p.text(at+".title", b.Title)
		p.text(at+".text", b.Text)
		for _, t := range []Text{b.Title, b.Text} {
			for _, said := range t {
				if verdict.MatchString(said) {
					p.flaw("quiz_verdict", at+".text")
				}
			}
		}
		for j, slug := range b.Guides {
			if !quizGuide.MatchString(slug) {
				p.flaw("quiz_guide", at+".guides", "slug", slug, "place", j+1)
			}
		}
	}
	rises := len(q.Bands) == len(QuizBands) && q.Bands[0].From == 0
	for i := 0; rises && i < len(q.Bands); i++ {
		rises = q.Bands[i].Code == QuizBands[i] && (i == 0 || q.Bands[i].From > q.Bands[i-1].From)
	}
	switch {
	case !rises:
		p.flaw("quiz_bands", path+".band")
	case sound:
		q.checkReach(p, path)
	}
	for _, lang := range Languages {
		if q.longest(lang) > maxTold {
			p.flaw("quiz_long", path, "max", maxTold, "lang", lang)
		}
	}
}

// check looks at a question; reached are the answers of those above that somebody can give, to which it adds its own.
func (q QuizQuestion) check(p *page, path string, reached map[string]bool) {
	p.text(path+".text", q.Text)
	p.optional(path+".hint", q.Hint)
	can := len(q.When) == 0
	for i, code := range q.When {
		if !reached[code] {
			p.flaw("quiz_when", at("%s.when[%d]", path, i), "code", code)
		}
		can = can || reached[code]
	}
	if n := len(q.Answers); n < 2 || n > maxQuizAnswers {
		p.flaw("span", path+".answer", "least", 2, "most", maxQuizAnswers)
	}
	if !can {
		p.flaw("quiz_unreached", path+".answer", "code", q.Code)
	}
	answers := codes{}
	for i, a := range q.Answers {
		apath := at("%s.answer[%d]", path, i)
		quizCode(p, answers, apath+".code", a.Code)
		p.text(apath+".text", a.Text)
		if a.Score < 0 || a.Score > maxQuizScore {
			p.flaw("span", apath+".score", "least", 0, "most", maxQuizScore)
		}
		if a.Now && a.Grave == "" {
			p.flaw("empty", apath+".grave")
		}
		if can {
			reached[q.Code+"."+a.Code] = true
		}
	}
}

// checkReach holds the bands against the scores that answers can make.
func (q Quiz) checkReach(p *page, path string) {
	reached, most := q.scores(), 0
	for score := range 64 {
		if reached&(1<<score) != 0 {
			most = score
		}
	}
	for i, b := range q.Bands {
		until := 64
		if i+1 < len(q.Bands) {
			until = q.Bands[i+1].From
		}
		among := false
		for score := b.From; score < min(until, 64); score++ {
			among = among || reached&(1<<score) != 0
		}
		if !among {
			p.flaw("quiz_band", at("%s.band[%d].from", path, i), "code", b.Code, "most", most)
		}
	}
}

// scores are all the scores that some answers make, as bits. What was answered matters to what is asked later only by which
// questions it opens, so that answers which open the same are walked together.
func (q Quiz) scores() (all uint64) {
	opens := map[string]uint32{} // answer → questions that it opens
	for i, question := range q.Questions {
		for _, code := range question.When {
			opens[code] |= 1 << i
		}
	}
	walked := map[uint32]uint64{0: 1} // questions opened → scores
	for i, question := range q.Questions {
		next := map[uint32]uint64{}
		for opened, scores := range walked {
			next[opened] |= scores // passed over, or not asked
			if len(question.When) > 0 && opened&(1<<i) == 0 {
				continue
			}
			for _, a := range question.Answers {
				next[opened|opens[question.Code+"."+a.Code]] |= scores << a.Score
			}
		}
		walked = next
	}
	for _, scores := range walked {
		all |= scores
	}
	return all
}

// longest is how many characters the longest answers to all its questions are, handed over.
func (q Quiz) longest(lang string) (n int) {
	for _, question := range q.Questions {
		most := 0
		for _, a := range question.Answers {
			most = max(most, utf8.RuneCountInString(Given{question, a}.In(lang)))
		}
		n += most + 2 // an empty line before the next
	}
	return n
}

func (q *Quizzes) join(p *page, s *Set) {
	for i, quiz := range q.All {
		for j, question := range quiz.Questions {
			for k, a := range question.Answers {
				if a.Grave == "" {
					continue
				}
				path := at("quiz[%d].question[%d].answer[%d].grave", i, j, k)
				_, ok := s.Taxonomy.Danger(a.Grave)
				p.refers(path, a.Grave, DocTaxonomy, ok)
				if !slices.ContainsFunc(s.Numbers.For(a.Grave), func(n Number) bool { return !n.Ours }) {
					p.flaw("quiz_numbers", path, "code", a.Grave)
				}
			}
		}
	}
}
