package site

import (
	"net/http"

	"github.com/a-h/templ"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// Quiz is « Suis-je victime ? », for the young. The page is the same for everybody: it is answered in the browser
// (assets/ts/quiz-walk.ts), which keeps nothing and sends nothing, unless she hands her answers over to the chat herself.
func (s *Room) Quiz(w http.ResponseWriter, r *http.Request) error {
	return s.quiz(w, r, catalogue.QuizYoung, "/quiz", guide.Young)
}

// QuizParents is the same for parents, about their child.
func (s *Room) QuizParents(w http.ResponseWriter, r *http.Request) error {
	return s.quiz(w, r, catalogue.QuizParent, "/quiz/parents", guide.Parent)
}

func (s *Room) quiz(w http.ResponseWriter, r *http.Request, code, path, reader string) error {
	say := speaking(r, reader)
	return s.page(w, r, path, func() (templ.Component, error) {
		quiz, ok := s.Catalogue().Quizzes.ByCode(code)
		if !ok {
			return nil, fault.New(fault.NotFound, "fault.not_found")
		}
		v := s.walking(say, quiz, reader)
		// The title stays in the history of a phone that others use.
		page := s.frame(say, path, "", say.T("quiz.page"), say.T("quiz.description"))
		page.Nav, page.Styles, page.Scripts = nil, append(page.Styles, "quiz.css"), []string{"quiz.js"}
		return quizPage(v, page), nil
	})
}

// walk is a quiz as its page has it.
type walk struct {
	say   *i18n.Printer
	quiz  catalogue.Quiz
	who   string // how its reader answers the first question of the chat, "" where the chat does not ask it so
	chat  string
	other ui.Link // the quiz for other readers
	helps map[string]help
	data  quizData
}

// help is what stands beside a danger: who answers now, and what to read.
type help struct {
	numbers []ui.NumberProps
	guides  []quizGuide
}

// quizData is what the browser walks through: assets/ts/quiz-engine.ts has the same in its words.
type quizData struct {
	Code      string         `json:"code"`
	Questions []quizQuestion `json:"questions"`
	Bands     []quizBand     `json:"bands"`
}

type quizQuestion struct {
	Code    string       `json:"code"`
	Text    string       `json:"text"`
	Hint    string       `json:"hint,omitempty"`
	When    []string     `json:"when,omitempty"`
	Answers []quizAnswer `json:"answers"`
}

type quizAnswer struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Score  int    `json:"score"`
	Danger string `json:"danger,omitempty"`
}

type quizBand struct {
	Code   string      `json:"code"`
	From   int         `json:"from"`
	Title  string      `json:"title"`
	Text   string      `json:"text"`
	Guides []quizGuide `json:"guides"`
}

type quizGuide struct {
	Href  string `json:"href"`
	Title string `json:"title"`
}

// walking puts a quiz together for its reader.
func (s *Room) walking(say *i18n.Printer, quiz catalogue.Quiz, reader string) walk {
	v := walk{say: say, quiz: quiz, chat: say.Path("/chat"), helps: map[string]help{}}
	v.data = quizOf(say, quiz, s.Guides.Current())
	if s.Catalogue().Questions.Has(catalogue.AskWho, reader) {
		v.who = reader
		v.chat += "?" + catalogue.AskWho + "=" + reader
	}
	v.other = ui.Link{Href: say.Path("/quiz/parents"), Label: say.T("quiz.for_parents")}
	if quiz.For == catalogue.Adult {
		v.other = ui.Link{Href: say.Path("/quiz"), Label: say.T("quiz.for_young")}
	}
	for _, danger := range quiz.Dangers() {
		h := help{numbers: s.numbers(say, danger)}
		for _, p := range s.Guides.Current().Guides(reader, guide.Topic) {
			if p.Facts().Danger == danger {
				h.guides = append(h.guides, quizGuideOf(say, p))
			}
		}
		v.helps[danger] = h
	}
	return v
}

// quizOf is a quiz as a browser walks through it, in the reader's language. A guide that is not published is left out.
func quizOf(say *i18n.Printer, quiz catalogue.Quiz, library *guide.Library) quizData {
	in := func(t catalogue.Text) string {
		if len(t) == 0 {
			return ""
		}
		return say.Text(t.In(say.Lang()))
	}
	data := quizData{Code: quiz.Code}
	for _, q := range quiz.Questions {
		question := quizQuestion{Code: q.Code, Text: in(q.Text), Hint: in(q.Hint), When: q.When}
		for _, a := range q.Answers {
			question.Answers = append(question.Answers, quizAnswer{a.Code, in(a.Text), a.Score, a.Grave})
		}
		data.Questions = append(data.Questions, question)
	}
	for _, b := range quiz.Bands {
		band := quizBand{Code: b.Code, From: b.From, Title: in(b.Title), Text: in(b.Text), Guides: []quizGuide{}}
		for _, slug := range b.Guides {
			if p, ok := library.Page(slug); ok {
				band.Guides = append(band.Guides, quizGuideOf(say, p))
			}
		}
		data.Bands = append(data.Bands, band)
	}
	return data
}

func quizGuideOf(say *i18n.Printer, p guide.Page) quizGuide {
	return quizGuide{say.Path(p.Path()), say.Text(p.In(say.Lang()).Title)}
}

// band is what is said at the end from a score on, by its place.
func (v walk) band(i int) quizBand { return v.data.Bands[i] }
