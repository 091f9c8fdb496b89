package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// The staff's pages speak the language of the account, and before anybody has logged in, or where she chose
// none, that of the browser; so do the sentences of what went wrong.
func TestTheStaffsPagesSpeakHerLanguage(t *testing.T) {
	w := newWorld(t)
	fr, en := i18n.For(i18n.French), i18n.For(i18n.English)
	english := http.Header{"Accept-Language": {"en-GB,en;q=0.9,fr;q=0.5"}}
	get := func(b *browser, path string, code int, header http.Header, p *i18n.Printer, keys ...string) {
		t.Helper()
		b.do("GET", path, nil, header).want(code)
		if !strings.Contains(b.body, `<html lang="`+p.Lang()+`"`) {
			t.Errorf("%s is not marked %s: %.200s", path, p.Lang(), b.body)
		}
		for _, key := range keys {
			b.sees(p.T(key))
		}
	}
	get(w.browser(), "/desk/login", 200, nil, fr, "login.title")
	get(w.browser(), "/desk/login", 200, english, en, "login.title")

	supervisor := w.as(staff.Supervisor)
	get(supervisor, "/desk/floor", 200, nil, fr, "floor.title")
	get(supervisor, "/desk/floor", 200, english, en, "floor.title", "floor.decide")
	get(supervisor, "/admin/staff", 403, english, en, "fault.forbidden")
	get(supervisor, "/desk/nowhere", 404, english, en, "fault.not_found")

	supervisor.post("/desk/account/lang", "lang", "en").want(200).sees(en.T("account.title"))
	for _, path := range []string{"/desk", "/desk/floor", "/desk/history", "/desk/account"} {
		get(supervisor, path, 200, nil, en)
	}
	get(supervisor, "/admin/staff", 403, nil, en, "fault.forbidden")
	supervisor.post("/desk/account/lang", "lang", "tlh").want(422).sees(en.T("fault.staff.screen_lang"))
	supervisor.post("/desk/account/lang", "lang", "fr").want(200)
	get(supervisor, "/desk/floor", 200, english, fr, "floor.title")
	get(w.as(staff.Administrator), "/admin/audit", 200, english, en)
}
