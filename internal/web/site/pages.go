package site

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/ui"
)

// nav are the parts of the site; here is the address of the one that is open.
func nav(say *i18n.Printer, here string) []ui.Link {
	var all []ui.Link
	for _, part := range []struct{ path, key string }{{"/chat", "site.nav_talk"}, {"/guides", "site.nav_guides"}, {"/quiz", "site.nav_quiz"}, {"/vault", "site.nav_vault"}, {"/news", "site.nav_news"}} {
		all = append(all, ui.Link{Href: say.Path(part.path), Label: say.T(part.key), Current: part.path == here})
	}
	return all
}

// frame is the frame of a page that search engines may keep. title is in words: "" is the name of the site alone.
func (s *Room) frame(say *i18n.Printer, path, here, title, description string) ui.PageProps {
	return ui.PageProps{Site: s.Site, Title: title, Description: description, Path: path, Index: true, Styles: []string{"site.css"}, Nav: nav(say, here), Footer: ui.FootLinks(say),
		Extra: told{s.Site, say, path, title, description, "website", "", ""}.head()}
}

// told is what other programs are told of a page: who shows a link to it, and search engines.
type told struct {
	site                           ui.Site
	say                            *i18n.Printer
	path, title, description, kind string
	picture, date                  string
}

// jsonLD is the page for search engines (schema.org). It is data, which no browser runs.
func (t told) jsonLD() (string, bool) {
	if t.kind != "article" || t.site.URL == "" {
		return "", false
	}
	article := map[string]any{
		"@context": "https://schema.org", "@type": "Article", "headline": t.title, "description": t.description, "inLanguage": t.say.Lang(),
		"mainEntityOfPage": t.site.URL + t.say.Path(t.path), "isAccessibleForFree": true, "publisher": map[string]any{"@type": "Organization", "name": t.site.Name, "url": t.site.URL},
	}
	if t.date != "" {
		article["dateModified"] = t.date
	}
	if t.picture != "" {
		article["image"] = t.site.URL + t.picture
	}
	text, err := json.Marshal(article) // it escapes <, > and &: nothing in it ends the element
	return string(text), err == nil
}

// speaking is the printer for a reader.
func speaking(r *http.Request, reader string) *i18n.Printer {
	return answer.Printer(answer.WithAdult(r, reader != guide.Young))
}

// chat leads to the first questions; those whom a page is for, and who are no child, have said who they are.
func (s *Room) chat(say *i18n.Printer, reader string) string {
	to := say.Path("/chat")
	if reader != "" && reader != guide.Young && s.Catalogue().Questions.Has(catalogue.AskWho, reader) {
		to += "?" + catalogue.AskWho + "=" + reader
	}
	return to
}

// numbers are who answers now, for a danger, as a page that stands for hours may say it: ours has hours, and is at the end of the page.
func (s *Room) numbers(say *i18n.Printer, danger string) []ui.NumberProps {
	speaks := catalogue.Young
	if say.SpeaksToAdults() {
		speaks = catalogue.Adult
	}
	var all []ui.NumberProps
	for _, n := range s.Catalogue().Numbers.For(danger) {
		if n.Ours || n.Kind != "" {
			continue
		}
		all = append(all, ui.NumberProps{Number: n.Number, Name: n.Label.In(say.Lang()), Text: n.What(speaks).In(say.Lang()), SMS: !n.By("call") && n.By("sms"), Grave: n.Emergency})
	}
	return all
}

// Young is the first page of the app, and the door of the young: four doors, the first of them to us.
func (s *Room) Young(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	return s.page(w, r, "/young", func() (templ.Component, error) {
		l := s.Guides.Current()
		return youngPage(say, s.frame(say, "/young", "", say.T("site.young_title"), say.T("site.young_lead")), l.Guides(guide.Young, guide.Topic), s.numbers(say, catalogue.General)), nil
	})
}

// Parents is the door of parents.
func (s *Room) Parents(w http.ResponseWriter, r *http.Request) error {
	return s.door(w, r, guide.Parent)
}

// Professionals is the door of those who work with the young.
func (s *Room) Professionals(w http.ResponseWriter, r *http.Request) error {
	return s.door(w, r, guide.Professional)
}

func (s *Room) door(w http.ResponseWriter, r *http.Request, reader string) error {
	say := speaking(r, reader)
	path := "/" + reader + "s"
	return s.page(w, r, path, func() (templ.Component, error) {
		l := s.Guides.Current()
		v := doorView{say: say, reader: reader, topics: l.Guides(reader, guide.Topic), platforms: l.Guides(reader, guide.Platform), numbers: s.numbers(say, catalogue.General), phone: s.Site.Phone}
		v.chat = s.chat(say, reader)
		return doorPage(v, s.frame(say, path, "", say.T("site."+reader+"_title"), say.T("site."+reader+"_lead"))), nil
	})
}

// doorView is the door of adults.
type doorView struct {
	say               *i18n.Printer
	reader            string
	topics, platforms []guide.Page
	numbers           []ui.NumberProps
	chat, phone       string
}

// List shows all guides; a search is posted (Search), so that what somebody looks for stands in no address and no history.
func (s *Room) List(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	return s.page(w, r, "/guides", func() (templ.Component, error) {
		return guidesPage(s.listing(say), s.guidesFrame(say)), nil
	})
}

func (s *Room) guidesFrame(say *i18n.Printer) ui.PageProps {
	page := s.frame(say, "/guides", "/guides", say.T("site.guides_title"), say.T("site.guides_lead"))
	page.Scripts = []string{"guides.js"}
	return page
}

// listing is the list of guides, and of what was found where somebody searched.
type listing struct {
	say      *i18n.Printer
	groups   []group
	typed    string
	searched bool
	cut      bool
	hits     []guide.Hit
}

// group are the guides of a reader.
type group struct {
	reader                  string
	topics, easy, platforms []guide.Page
}

func (s *Room) listing(say *i18n.Printer) listing {
	l := s.Guides.Current()
	v := listing{say: say}
	for _, reader := range guide.Readers {
		g := group{reader, l.Guides(reader, guide.Topic), l.Guides(reader, guide.Easy), l.Guides(reader, guide.Platform)}
		if len(g.topics)+len(g.easy)+len(g.platforms) > 0 {
			v.groups = append(v.groups, g)
		}
	}
	return v
}

// Search finds guides and news. A script gets the list alone.
func (s *Room) Search(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	r.Body = http.MaxBytesReader(w, r.Body, answer.MaxForm)
	if err := r.ParseForm(); err != nil {
		return fault.Wrap(err, fault.TooLarge, "fault.form.too_large")
	}
	v := s.listing(say)
	v.typed = strings.TrimSpace(r.PostFormValue("q"))
	if v.searched = v.typed != ""; v.searched {
		v.hits, v.cut = s.Guides.Current().Search(say.Lang(), v.typed, "")
		if v.cut {
			v.typed = string([]rune(v.typed)[:min(guide.MaxQuery, len([]rune(v.typed)))])
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	if answer.Scripted(r) {
		answer.Fragment(w, r, found(v))
		return nil
	}
	page := s.guidesFrame(say)
	page.Index = false
	answer.Page(w, r, http.StatusOK, guidesPage(v, page))
	return nil
}

// reading is a guide or an article as it is read.
type reading struct {
	say       *i18n.Printer
	page      guide.Page
	text      guide.Text
	html      string
	pair      *guide.Page
	easy      *guide.Page
	related   []guide.Page
	numbers   []ui.NumberProps
	chat      string
	phone     string
	url       string // in full, to share
	date      string
	old       bool   // it was not verified for long
	home      string // where all of its kind are
	homeLabel string
}

// verifyAfter is how long a guide stands without being verified again; then it says so, and editors are reminded.
const verifyAfter = 183 * 24 * time.Hour

// read puts a page together for its reader.
func (s *Room) read(r *http.Request, l *guide.Library, p guide.Page) reading {
	f := p.Facts()
	say := speaking(r, f.For)
	v := reading{say: say, page: p, text: p.In(say.Lang()), related: l.Related(p), phone: s.Site.Phone, chat: s.chat(say, f.For), url: s.Site.URL + say.Path(p.Path()), old: p.Old(s.Now(), verifyAfter)}
	v.html = say.Text(v.text.HTML)
	if pair, ok := l.Page(f.Pair); ok {
		v.pair = &pair
	}
	if easy, ok := l.EasyOf(p.Slug); ok {
		v.easy = &easy
	}
	if f.Danger != "" {
		v.numbers = s.numbers(say, f.Danger)
	}
	day := f.VerifiedOn
	v.home, v.homeLabel = say.Path("/guides"), say.T("site.nav_guides")
	if p.IsNews() {
		day = f.PublishedOn
		v.home, v.homeLabel = say.Path("/news"), say.T("site.nav_news")
		if len(v.related) == 0 {
			v.related = l.Guides(guide.Young, guide.Topic)[:min(3, len(l.Guides(guide.Young, guide.Topic)))]
		}
	}
	if at, err := time.Parse(time.DateOnly, day); err == nil {
		v.date = say.Date(at)
	}
	return v
}

func (s *Room) readingFrame(v reading, here string) ui.PageProps {
	page := s.frame(v.say, v.page.Path(), here, v.text.Title, v.text.Summary)
	f := v.page.Facts()
	date := f.VerifiedOn
	if f.PublishedOn != "" {
		date = f.PublishedOn
	}
	page.Extra, page.Scripts = told{s.Site, v.say, v.page.Path(), v.text.Title, v.text.Summary, "article", f.Picture, date}.head(), []string{"guides.js"}
	return page
}

// Guide is one guide.
func (s *Room) Guide(w http.ResponseWriter, r *http.Request) error {
	l := s.Guides.Current()
	p, ok := l.Page(r.PathValue("slug"))
	if !ok || p.Path() != "/guides/"+p.Slug {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return s.pageOf(w, r, l, p.Path(), func() (templ.Component, error) {
		v := s.read(r, l, p)
		return guidePage(v, s.readingFrame(v, "/guides")), nil
	})
}

// News lists the articles.
func (s *Room) News(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, "")
	return s.page(w, r, "/news", func() (templ.Component, error) {
		return newsPage(say, s.Guides.Current().News(), s.frame(say, "/news", "/news", say.T("site.news_title"), say.T("site.news_lead"))), nil
	})
}

// moreNews is how many other articles stand below one.
const moreNews = 3

// Article is one of the news.
func (s *Room) Article(w http.ResponseWriter, r *http.Request) error {
	l := s.Guides.Current()
	p, ok := l.Page(r.PathValue("slug"))
	if !ok || !p.IsNews() {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return s.pageOf(w, r, l, p.Path(), func() (templ.Component, error) {
		v := s.read(r, l, p)
		more := slices.DeleteFunc(slices.Clone(l.News()), func(other guide.Page) bool { return other.Slug == p.Slug })
		return articlePage(v, more[:min(moreNews, len(more))], s.readingFrame(v, "/news")), nil
	})
}

// About is a page about the helpline.
func (s *Room) About(w http.ResponseWriter, r *http.Request) error {
	slug := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"+i18n.English), "/")
	l := s.Guides.Current()
	p, ok := l.Page(slug)
	if !ok || p.Kind() != guide.About {
		return fault.New(fault.NotFound, "fault.not_found")
	}
	return s.pageOf(w, r, l, p.Path(), func() (templ.Component, error) {
		v := s.read(r, l, p)
		return aboutPage(v, s.readingFrame(v, "")), nil
	})
}
