package public_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"vigie/internal/web/i18n"
	"vigie/internal/web/public"
	"vigie/internal/web/ui"
)

func home(t *testing.T, lang string, open bool) string {
	t.Helper()
	p := i18n.For(lang)
	var b strings.Builder
	err := public.Home(p, public.HomeProps{
		Page: ui.PageProps{Site: ui.Site{Name: "Vigie", Phone: "3018", Quit: "/quit"}, Path: "/", Room: ui.Harbour, Index: true},
		Open: open, Until: time.Date(2026, 3, 3, 22, 0, 0, 0, time.UTC), Now: time.Date(2026, 3, 3, 19, 0, 0, 0, time.UTC),
		Chat: p.Path("/chat"), Message: p.Path("/message"), Resume: p.Path("/resume"), Young: p.Path("/chat"),
		Numbers: []ui.NumberProps{{Number: "112", Name: "112", Grave: true}},
	}).Render(context.Background(), &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func before(page, first, second string) bool {
	a, b := strings.Index(page, first), strings.Index(page, second)
	return a >= 0 && b >= 0 && a < b
}

// Open: to talk comes first, by chat and by telephone. Closed: who answers now comes first, and no chat
// is promised.
func TestHomeSaysWhatCanBeDoneNow(t *testing.T) {
	for lang, hour := range map[string]string{"fr": "23\u00a0h", "en": "23:00"} {
		p := i18n.For(lang)
		open := home(t, lang, true)
		if !before(open, `href="`+p.Path("/chat")+`"`, `href="tel:3018"`) || !before(open, `href="tel:3018"`, `href="tel:112"`) {
			t.Errorf("%s: open, chat, call and the numbers are not in this order", lang)
		}
		if !strings.Contains(open, hour) {
			t.Errorf("%s: the page does not say until when (%q)", lang, hour)
		}
		closed := home(t, lang, false)
		if !before(closed, `href="#numbers"`, `href="`+p.Path("/message")+`"`) || !before(closed, `href="tel:112"`, `id="doors-title"`) {
			t.Errorf("%s: closed, the numbers that answer do not come first", lang)
		}
		if strings.Contains(closed, p.T("home.chat")) {
			t.Errorf("%s: closed, the page promises a chat", lang)
		}
	}
}
