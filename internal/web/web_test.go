package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"vigie/internal/staff"
)

// asksWho are the routes whose own answer to a wrong password is 401, for those who may come so far.
var asksWho = map[string]bool{
	"/desk/login": true, "/desk/login/code": true, "/desk/login/passkey": true, "/desk/account/password": true, "/desk/account/confirm": true,
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// Every route is walked by everybody: it opens to whom its right says, and to nobody else.
func TestRoleByRoute(t *testing.T) {
	w := newWorld(t)
	visitor := w.browser()
	visitor.opens()
	who := map[string]*browser{"nobody": w.browser(), "visitor": visitor}
	for role := range w.people {
		who[string(role)] = w.as(role)
	}
	for _, route := range w.app.Handler().Routes() {
		if strings.HasSuffix(route.Path, "/events") {
			continue // an open door lets the stream run; TestStreamsNeedTheirRight looks at the closed ones
		}
		path := placeholder.ReplaceAllString(route.Path, uuid.NewString())
		for name, b := range who {
			allowed := route.Right == staff.Public || route.Right == staff.Visitor && name == "visitor" || staff.Role(name).Can(route.Right)
			if name == "visitor" && (path == "/quit" || path == "/chat/end" || path == "/chat/close") {
				continue // they would end the conversation that the other lines need
			}
			if name != "nobody" && strings.HasSuffix(path, "logout") {
				continue
			}
			b.do(route.Method, path, nil, http.Header{"Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}})
			if asksWho[route.Path] && allowed && b.code == http.StatusUnauthorized {
				continue
			}
			refused := b.code == http.StatusUnauthorized || b.code == http.StatusForbidden
			if allowed && refused && b.code != http.StatusForbidden || !allowed && !refused {
				t.Errorf("%s %s by %s: %d, allowed %v", route.Method, path, name, b.code, allowed)
			}
			if b.code == http.StatusInternalServerError {
				t.Errorf("%s %s by %s broke", route.Method, path, name)
			}
		}
	}
}

// A right that opens nothing promises what is not there. These are asked inside a page instead of at its door.
func TestEveryRightOpensSomething(t *testing.T) {
	used := map[staff.Right]bool{staff.ContactAll: true, staff.CatalogueEdit: true, staff.ContactIllegal: true}
	for _, route := range newWorld(t).app.Handler().Routes() {
		used[route.Right] = true
	}
	for _, right := range staff.Rights() {
		if !used[right] {
			t.Errorf("%s opens nothing", right)
		}
	}
}

// A stream is as closed as a page.
func TestStreamsNeedTheirRight(t *testing.T) {
	w := newWorld(t)
	w.browser().get("/chat/events").want(http.StatusUnauthorized)
	w.as(staff.Editor).get("/desk/events").want(http.StatusForbidden)
}

// Without JavaScript, by plain forms: a child opens the chat, waits, is answered, says goodbye and is
// thanked; the counsellor fills what is missing and closes.
func TestFirstContactByPlainForms(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	child.get("/chat").want(http.StatusOK)
	id := child.opens()
	child.sees("Tu es dans la file")
	child.says("il a mis mes photos sur snap").want(http.StatusOK).sees("il a mis mes photos sur snap")
	w.answered(counsellor, id)
	counsellor.get("/desk").sees("il a mis mes photos sur snap")
	counsellor.post("/desk/contacts/"+id+"/messages", "message_id", uuid.NewString(), "body", "Je te crois. Tu as bien fait de venir.").want(http.StatusOK)
	child.get("/chat").sees("Tu parles avec Camille", "Je te crois.")
	child.post("/chat/end").want(http.StatusOK).sees("La conversation est terminée")
	child.post("/chat/rate", "code", "a_lot").want(http.StatusOK).sees("Merci. On lit chaque réponse.")
	counsellor.get("/desk").sees("La conversation est terminée. Il reste la fiche.")
}

// The quick exit goes out whatever happens, and takes the session with it; storage is left alone.
func TestQuickExit(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	child.opens()
	child.get("/quit").want(http.StatusSeeOther)
	if got := child.header.Get("Location"); got != "https://meteo.example/" {
		t.Errorf("goes to %q", got)
	}
	if got := child.header.Get("Clear-Site-Data"); got != `"cache", "cookies"` {
		t.Errorf("clears %s", got)
	}
	child.post("/chat/messages", "message_id", uuid.NewString(), "body", "a").want(http.StatusUnauthorized)
	w.browser().get("/quit").want(http.StatusSeeOther)
}

// No page sets a cookie before a chat is opened.
func TestNoCookieBeforeAChat(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/", "/en", "/chat", "/en/chat", "/message", "/resume", "/numbers", "/privacy", "/quit"} {
		b := w.browser().get(path)
		for _, c := range b.header["Set-Cookie"] {
			t.Errorf("%s sets a cookie: %s", path, strings.SplitN(c, "=", 2)[0])
		}
		if b.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has no policy", path)
		}
	}
}
