package site

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"vigie/internal/guide"
	"vigie/internal/web/answer"
	"vigie/internal/web/assets"
	"vigie/internal/web/i18n"
)

// buttonPolicy is the content security policy of the button: no script, no form, no picture from anywhere, and nobody frames it but the
// sites that the helpline names.
func (s *Room) buttonPolicy() string {
	may := "'none'"
	if len(s.App.EmbedOrigins) > 0 {
		may = strings.Join(s.App.EmbedOrigins, " ") + " 'self'"
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors " + may
}

// EmbedButton is what stands in the frame on a partner's page: one link, which opens the chat in a tab of its own. It sets nothing, asks
// nothing and runs nothing.
func (s *Room) EmbedButton(w http.ResponseWriter, r *http.Request) error {
	say := speaking(r, guide.Young)
	h := w.Header()
	h.Set("Content-Security-Policy", s.buttonPolicy())
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), interest-cohort=()")
	return s.page(w, r, "/embed/button", func() (templ.Component, error) {
		return embedButton(say, s.Site.Name, len(s.App.EmbedOrigins) > 0), nil
	})
}

// EmbedScript is what a partner's page loads. Its words are put in here, in each language.
func (s *Room) EmbedScript(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // it is for other sites
	h.Set("Cache-Control", "public, max-age=3600")
	return s.file(w, r, "/embed.js", func() (string, []byte, error) {
		type words struct {
			Path  string `json:"path"`
			Title string `json:"title"`
		}
		all := map[string]words{}
		for _, lang := range i18n.Languages {
			say := i18n.For(lang)
			all[lang] = words{say.Path("/embed/button"), say.T("embed.frame_title", "name", s.Site.Name)}
		}
		said, err := json.Marshal(all) // it escapes <, > and &
		if err != nil {
			return "", nil, err
		}
		script := assets.Read(assets.URL("embed.js"))
		return "text/javascript; charset=utf-8", []byte("{const VIGIE=" + string(said) + ";\n" + string(script) + "}\n"), nil
	})
}

// EmbedPage tells a school how to put the button into its pages.
func (s *Room) EmbedPage(w http.ResponseWriter, r *http.Request) error {
	say := answer.Printer(answer.WithAdult(r, true))
	return s.page(w, r, "/embed", func() (templ.Component, error) {
		page := s.frame(say, "/embed", "", say.T("embed.title"), say.T("embed.lead"))
		page.Styles, page.Scripts = append(page.Styles, "app.css"), []string{"embed-page.js"}
		return embedPage(say, page, s.Site.URL), nil
	})
}

// tagFor is what a webmaster copies.
func tagFor(url, lang string) string {
	return `<script src="` + url + `/embed.js" data-lang="` + lang + `" defer></script>`
}

// linkFor is the same for a page in which no script may stand.
func linkFor(say *i18n.Printer, url, name string) string {
	return `<a href="` + url + say.Path("/chat") + `" target="_blank" rel="noopener noreferrer">` + say.T("embed.link_words", "name", name) + `</a>`
}
