package site

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
)

// rss is a feed (RSS 2.0).
type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title       string `xml:"title"`
	Link        string `xml:"link"`
	GUID        string `xml:"guid"`
	Description string `xml:"description"`
	Published   string `xml:"pubDate"`
}

func asXML(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", " ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Feed is the news as a feed.
func (s *Room) Feed(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(r).ToAdults()
	return s.file(w, r, "/news.xml", func() (string, []byte, error) {
		feed := rss{Version: "2.0", Channel: rssChannel{Title: s.Site.Name + " · " + say.T("site.news_title"), Link: s.Site.URL + say.Path("/news"), Description: say.T("site.news_lead"), Language: say.Lang()}}
		for _, p := range s.Guides.Current().News() {
			at, err := time.ParseInLocation(time.DateOnly, p.Facts().PublishedOn, i18n.Paris)
			if err != nil {
				continue
			}
			address := s.Site.URL + say.Path(p.Path())
			t := p.In(say.Lang())
			feed.Channel.Items = append(feed.Channel.Items, rssItem{Title: say.Text(t.Title), Link: address, GUID: address, Description: say.Text(t.Summary), Published: at.Format(time.RFC1123Z)})
		}
		body, err := asXML(feed)
		return "application/rss+xml; charset=utf-8", body, err
	})
}

// sitemap is what there is to read (sitemaps.org), each page with its other language.
type sitemap struct {
	XMLName xml.Name     `xml:"urlset"`
	NS      string       `xml:"xmlns,attr"`
	XHTML   string       `xml:"xmlns:xhtml,attr"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapURL struct {
	Loc      string        `xml:"loc"`
	Modified string        `xml:"lastmod,omitempty"`
	Others   []sitemapLink `xml:"xhtml:link"`
}

type sitemapLink struct {
	Rel  string `xml:"rel,attr"`
	Lang string `xml:"hreflang,attr"`
	Href string `xml:"href,attr"`
}

// fixed are the pages of the site that are no guides, as search engines may keep them.
var fixed = []string{"/", "/young", "/parents", "/professionals", "/guides", "/news", "/quiz", "/quiz/parents", "/vault", "/app", "/figures", "/numbers", "/privacy", "/embed"}

// Sitemap tells search engines what there is.
func (s *Room) Sitemap(w http.ResponseWriter, r *http.Request) error {
	return s.file(w, r, "/sitemap.xml", func() (string, []byte, error) {
		m := sitemap{NS: "http://www.sitemaps.org/schemas/sitemap/0.9", XHTML: "http://www.w3.org/1999/xhtml"}
		add := func(path, modified string) {
			var others []sitemapLink
			for _, lang := range i18n.Languages {
				others = append(others, sitemapLink{"alternate", lang, s.Site.URL + i18n.For(lang).Path(path)})
			}
			for _, lang := range i18n.Languages {
				m.URLs = append(m.URLs, sitemapURL{s.Site.URL + i18n.For(lang).Path(path), modified, others})
			}
		}
		for _, path := range fixed {
			add(path, "")
		}
		for _, p := range s.Guides.Current().All() {
			add(p.Path(), lastChanged(p))
		}
		body, err := asXML(m)
		return "application/xml; charset=utf-8", body, err
	})
}

func lastChanged(p guide.Page) string {
	if day := p.Facts().PublishedOn; day != "" {
		return day
	}
	return p.Facts().VerifiedOn
}

// Robots says what programs may visit: everything that is for everybody to read, and nothing of a conversation or of the staff.
func (s *Room) Robots(w http.ResponseWriter, r *http.Request) error {
	return s.file(w, r, "/robots.txt", func() (string, []byte, error) {
		text := "User-agent: *\nDisallow: /desk\nDisallow: /admin\nDisallow: /wall\nDisallow: /chat\nDisallow: /en/chat\nDisallow: /message\nDisallow: /en/message\nDisallow: /resume\nDisallow: /en/resume\nDisallow: /envelope\nDisallow: /quit\n"
		if s.Site.URL != "" {
			text += "\nSitemap: " + s.Site.URL + "/sitemap.xml\n"
		}
		return "text/plain; charset=utf-8", []byte(text), nil
	})
}

// Media is a picture of a page. Its address is that of what it shows, for ever.
func (s *Room) Media(w http.ResponseWriter, r *http.Request) error {
	p, err := s.Guides.Picture(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", p.Kind)
	h.Set("Content-Length", strconv.Itoa(len(p.Body)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(p.Body)
	return nil
}
