package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"vigie/internal/contact"
	"vigie/internal/contact/words"
	"vigie/internal/routing/flood"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/web/i18n/voicetest"
)

// told are all the texts of a page or a piece of one, what only a screen reader or a script says among them.
func told(page string) []string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return []string{page}
	}
	var all []string
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data == "noscript": // its inside is not parsed: we have scripts
			all = append(all, told(n.Data)...)
		case n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style":
			all = append(all, strings.TrimSpace(n.Data))
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "placeholder", "aria-label", "title", "alt", "content":
				all = append(all, a.Val)
			default:
				if strings.HasPrefix(a.Key, "data-") && strings.Contains(a.Val, " ") { // a word alone is a code
					all = append(all, a.Val)
				}
			}
		}
	}
	return all
}

// The pages that a visitor sees from the first question to the last, in French: whoever said that she is an
// adult is told "vous", a young person "tu", and whoever said nothing is taken for young.
func TestEachIsSpokenToAsWhoSheIs(t *testing.T) {
	for who, amiss := range map[string]func(string) string{
		"": voicetest.Vous, "young": voicetest.Vous, "friend": voicetest.Vous,
		"parent": voicetest.Tu, "professional": voicetest.Tu, "other": voicetest.Tu,
	} {
		t.Run("she is "+who, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			w := newWorldAt(t, "21:00")
			heard := 0
			hear := func(b *browser, code int) *browser {
				t.Helper()
				b.want(code)
				for _, text := range told(b.body) {
					if _, drawn := words.Index("fr", text); drawn { // one of her four words, drawn by chance
						continue
					}
					if word := amiss(text); word != "" {
						t.Errorf("she is told %q: %s", word, text)
					}
				}
				heard++
				return b
			}
			w.walks(who, hear)
			if heard < 40 {
				t.Errorf("%d pages and pieces: the walk was cut short", heard)
			}
		})
	}
}

// walks goes everywhere that a visitor gets to, and lets hear what each page and piece says.
func (w *world) walks(who string, hear func(b *browser, code int) *browser) {
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	scripted := func(b *browser, path string, fields url.Values) *browser {
		return b.do("POST", path, strings.NewReader(fields.Encode()),
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}})
	}
	door := "?who=" + who
	camille := w.as(staff.Counsellor)

	// The door, and the line.
	v := w.browser()
	hear(v.get("/chat"+door), 200)
	w.app.Guard.SetProof(flood.Always, flood.MinBits)
	hear(v.post("/chat", "contact_id", id(), "who", who), http.StatusTooManyRequests)
	hear(v.post("/message", "contact_id", id(), "message_id", id(), "who", who, "body", "bonjour"), http.StatusTooManyRequests)
	w.app.Guard.SetProof(flood.Auto, 0)
	chat := v.opens("who", who, "topic", "distress")
	hear(v, 200)
	stream := v.listens("/chat/events")
	for _, page := range []string{"/", "/numbers", "/privacy", "/resume", "/message", "/cards/sextortion_parent"} {
		if v.get(page); page != "/cards/sextortion_parent" { // a card speaks to whom it is for
			hear(v, 200)
		}
	}
	hear(v.get("/nowhere"), http.StatusNotFound)
	hear(v.post("/resume", "words", "un deux trois"), 422)
	hear(v.post("/resume", "words", "abeille abeille abeille abeille"), v.code)

	// The conversation.
	hear(v.says(strings.Repeat("a", 5000)), 422)
	hear(v.says(" "), 422)
	hear(scripted(v, "/chat/messages", url.Values{"message_id": {"x"}, "body": {"bonjour"}}), 422)
	hear(v.says("je veux mourir"), 200)
	hear(scripted(v, "/chat/words", nil), 200)
	w.answered(camille, chat)
	hear(v.get("/chat"), 200)
	hear(v.get("/chat?write"), 200)
	hear(v.get("/resume/mine"), 200)
	words, elsewhere := w.words(chat), w.browser()
	for _, act := range []string{"look", "ask", "look"} {
		hear(elsewhere.post("/resume/mine", "words", words, "act", act), 200)
	}
	hear(v.get("/chat"), 200)
	hear(elsewhere.post("/resume/mine", "words", words, "act", "keep"), 200)
	proof := id()
	camille.post("/desk/contacts/"+chat+"/proof", "proof_id", proof, "what", "screenshot_post").want(200)
	hear(v.get("/chat"), 200)
	for _, sent := range []struct{ sure, kind string }{{"no", "image/png"}, {"yes", "application/pdf"}, {"yes", "image/png"}} {
		head := []byte("%PDF-1.7\nune facture")
		if sent.kind == "image/png" {
			head = aPicture
		}
		body, kind := upload(sent.sure, "a.png", sent.kind, head)
		v.postsRaw("/chat/file/"+proof, kind, body)
		hear(v, v.code)
	}
	hear(v.get("/chat"), 200)
	body, kind := upload("yes", "a.png", "image/png", aPicture)
	v.postsRaw("/chat/file/"+proof, kind, body) // nothing is asked for any more
	hear(v, v.code)
	park(w, chat)
	hear(v.get("/chat"), 200)
	words = w.words(chat)
	back := w.browser()
	hear(back.post("/resume", "words", words), 200).sees("cachés pour l'instant")

	// The end; and that of somebody in danger to whom nobody has spoken yet, who can still go on.
	hear(back.post("/chat/end"), 200)
	afraid := w.browser()
	afraid.opens("who", who)
	hear(afraid.says("je veux mourir"), 200)
	hear(afraid.post("/chat/end"), 200)
	hear(afraid.post("/chat"), 200)
	hear(afraid.post("/chat/end"), 200)
	hear(scripted(back, "/chat/rate", url.Values{"code": {"nothing"}}), 422)
	hear(back.post("/chat/rate", "code", "a_lot"), 200)
	hear(scripted(back, "/chat/messages", url.Values{"message_id": {id()}, "body": {"encore"}}), back.code)

	// Somebody who is blocked for a while.
	blocked := w.browser()
	rude := blocked.opens("who", who)
	w.answered(camille, rude)
	camille.post("/desk/contacts/"+rude+"/block", "reason", "insults", "hours", "1").want(200)
	camille.post("/desk/contacts/"+rude+"/dismiss", "code", "abusive").want(200)
	hear(blocked.get("/chat"), 200)
	hear(blocked.post("/chat", "who", who), http.StatusForbidden)

	// The evening ends.
	camille.post("/desk/presence", "state", "away").want(200)
	w.itIs("22:45")
	hear(w.browser().get("/chat"+door), 200)
	late, empty := w.browser(), w.browser()
	late.opens("who", who)
	hear(late.says("on se moque de moi"), 200)
	empty.opens("who", who)
	w.itIs("23:10")
	hear(late.get("/chat"), 200)
	hear(late.post("/chat/later"), 200)
	hear(late.get("/chat"), 200)
	hear(empty.post("/chat/later"), 200)
	night := w.browser()
	hear(night.get("/chat"+door), 200)
	hear(night.get("/message"+door), 200)
	hear(night.post("/message", "contact_id", id(), "message_id", id(), "who", who, "body", ""), 422)
	hear(night.post("/message", "contact_id", id(), "message_id", id(), "who", who, "body", "bonjour", "when", "demain"), 422)
	letter := contact.IDOf(func() string {
		l := id()
		hear(night.post("/message", "contact_id", l, "message_id", id(), "who", who, "body", "je veux mourir"), 200)
		return l
	}())
	hear(night.get("/chat"), 200)
	hear(night.get("/"), 200)
	hear(night.post("/chat/words"), 200)
	morning := w.browser()
	hear(morning.post("/resume", "words", w.words(letter)), 200).sees("caché")
	w.itIs("09:30")
	hear(morning.get("/chat"), 200)

	// What came down the stream of her page: where she stood, each time that it changed.
	for _, piece := range strings.Split(stream(), "\n\n") {
		v.body, v.code = piece, 200
		hear(v, 200)
	}
}

// park lets a conversation rest, as after a long silence.
func park(w *world, id string) {
	w.Helper()
	err := w.app.DB.Tx(w.Context(), func(tx *store.Tx) error {
		_, err := w.app.Contacts.Park(w.Context(), tx, id, contact.SystemActor)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the stream hears of it
}
