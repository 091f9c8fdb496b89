package site

import (
	"net/url"
	"strings"
	"time"

	"vigie/internal/guide"
	"vigie/internal/web/i18n"
)

// forWhom says what kind of page it is and for whom.
func forWhom(say *i18n.Printer, p guide.Page) string {
	f := p.Facts()
	switch {
	case f.Kind == guide.News:
		return say.T("site.is_news") + " · " + dayOf(say, f.PublishedOn)
	case f.Kind == guide.Easy:
		return say.T("site.easy")
	case f.For == "":
		return ""
	}
	return say.T("site.is_" + f.For)
}

// dayOf is a day in words.
func dayOf(say *i18n.Printer, day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return say.Date(at)
}

// mailTo and textTo open a message with the page's address, in the reader's own program: nothing is loaded from anybody.
func mailTo(v reading) string {
	q := url.Values{"subject": {v.text.Title}, "body": {v.url}}
	return "mailto:?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

func textTo(v reading) string {
	return "sms:?" + strings.ReplaceAll(url.Values{"body": {v.text.Title + " " + v.url}}.Encode(), "+", "%20")
}

// shortTitle is the title in a list that says already what its pages are about: of "Snapchat : signaler…" the name alone.
func shortTitle(say *i18n.Printer, p guide.Page) string {
	title := p.In(say.Lang()).Title
	if name, _, ok := strings.Cut(title, ":"); ok && p.Kind() == guide.Platform {
		return strings.TrimSpace(name)
	}
	return say.Text(title)
}
