package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/audit"
	"vigie/internal/chat"
	"vigie/internal/contact"
	"vigie/internal/fault"
	"vigie/internal/routing"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/web/i18n"
)

// keptByTheHouse are tables that change by themselves, or when a page is only looked at.
var keptByTheHouse = map[string]bool{
	"stat_due": true, "stat_cell": true, "stat_counted": true, // what came before is counted when its turn comes
	"audit": true, "audit_block": true, "audit_lease": true, "presence": true, "routing_setting": true, "waiting_place": true, "message_mark": true,
}

// traces counts everything that is kept: the rows of each table, uploads that are still reserved, sealed
// files and unfinished ones, and files in the folder for temporary ones.
func (w *world) traces() map[string]int {
	w.Helper()
	count := func(query string) int {
		n, err := store.One(w.Context(), w.app.DB, func(r store.Row) (n int, err error) { return n, r.Scan(&n) }, query)
		if err != nil {
			w.Fatalf("%s: %v", query, err)
		}
		return n
	}
	all := map[string]int{"an upload under way": count(`SELECT count(*) FROM attachment WHERE claim <> ''`)}
	for _, schema := range []string{"main", "keys"} {
		tables, err := store.All(w.Context(), w.app.DB, func(r store.Row) (name string, err error) { return name, r.Scan(&name) },
			`SELECT name FROM `+schema+`.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
		if err != nil {
			w.Fatal(err)
		}
		for _, table := range tables {
			if !keptByTheHouse[table] {
				all["rows of "+table] = count(`SELECT count(*) FROM ` + schema + `.` + table)
			}
		}
	}
	for _, dir := range []string{filepath.Join(w.data, "files"), os.Getenv("TMPDIR")} {
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				all["files in "+dir]++
			}
			return nil
		})
	}
	return all
}

// leavesNothing fails when what was done has left anything behind.
func (w *world) leavesNothing(before map[string]int) {
	w.Helper()
	after := w.traces()
	if maps.Equal(before, after) {
		return
	}
	for name, n := range after {
		if n != before[name] {
			w.Errorf("%s: %d, were %d", name, n, before[name])
		}
	}
	for name, n := range before {
		if _, there := after[name]; !there {
			w.Errorf("%s: none, were %d", name, n)
		}
	}
}

// upload is the form of one file; what "sure" says comes first, as on the page.
func upload(sure, name, declared string, content []byte) (body []byte, kind string) {
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	if sure != "" {
		_ = parts.WriteField("sure", sure)
	}
	file, _ := parts.CreatePart(map[string][]string{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}, "Content-Type": {declared},
	})
	_, _ = file.Write(content)
	_ = parts.Close()
	return b.Bytes(), parts.FormDataContentType()
}

func (b *browser) postsRaw(path, kind string, body []byte) *browser {
	b.Helper()
	return b.do("POST", path, bytes.NewReader(body), http.Header{"Content-Type": {kind}, "Sec-Fetch-Site": {"same-origin"}})
}

const urlencoded = "application/x-www-form-urlencoded"

var aPicture = append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{7}, 2000)...)

// badInput is one thing that comes in and cannot be taken. It is answered with a status and a sentence, in
// the language of whoever reads it, and leaves nothing.
type badInput struct {
	name string
	code int
	says error
	do   func(b *browser, in string) // in is "" or "/en"
}

// badTalk is a child who talks with a counsellor, in one language, with a proof asked of her.
type badTalk struct {
	child, counsellor *browser
	opening, id       string // what her page posted, and the contact it made
	proof             string
}

func (w *world) talks(in string) badTalk {
	w.Helper()
	t := badTalk{child: w.browser(), counsellor: w.as(staff.Counsellor), opening: uuid.Must(uuid.NewV7()).String(), proof: uuid.NewString()}
	t.id = contact.IDOf(t.opening)
	t.child.post(in+"/chat", "contact_id", t.opening).want(http.StatusOK)
	w.answered(t.counsellor, t.id)
	t.counsellor.post("/desk/contacts/"+t.id+"/proof", "proof_id", t.proof, "what", "screenshot_post").want(http.StatusOK)
	t.counsellor.post("/desk/presence", "state", "busy").want(http.StatusOK) // nothing else rings meanwhile
	return t
}

// Whatever a visitor's browser sends, in either language.
func TestBadInputOfAVisitor(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	for _, in := range []string{"", "/en"} {
		lang := i18n.French
		if in != "" {
			lang = i18n.English
		}
		mine, others := w.talks(in), w.talks(in)
		others.child.says("à moi").want(http.StatusOK)
		theirs, err := w.app.Chats.Messages(t.Context(), others.id, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		theirLast := ""
		for _, m := range theirs {
			if m.From == chat.Visitor {
				theirLast = m.ID
			}
		}
		id := func() string { return uuid.Must(uuid.NewV7()).String() }
		file := func(proof, sure, name, declared string, content []byte) func(*browser, string) {
			return func(b *browser, in string) {
				body, kind := upload(sure, name, declared, content)
				b.postsRaw(in+"/chat/file/"+proof, kind, body)
				b.rests()
			}
		}
		tooLong := fault.New(fault.Invalid, "fault.chat.too_long", "max", 4000)
		for _, c := range []badInput{
			{"a message of 1 MB", 413, fault.New(fault.TooLarge, "fault.form.too_large"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", strings.Repeat("a", 1<<20))
			}},
			{"a message that is too long, which comes back to the field", 422, tooLong, func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", strings.Repeat("é", 4001)).sees(strings.Repeat("é", 4001))
			}},
			{"a message of control characters", 422, fault.New(fault.Invalid, "fault.chat.empty"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", "\x00\x01\x02\x1b\x7f")
			}},
			{"a message that nobody would see", 422, fault.New(fault.Invalid, "fault.chat.empty"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", "\u200b\u202e\u2066 \u0301\xff")
			}},
			{"a message without an id", 422, fault.New(fault.Invalid, "fault.chat.id"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", "../../etc/passwd", "body", "a")
			}},
			{"a message under another's id", 409, fault.New(fault.Conflict, "fault.chat.again"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", theirLast, "body", "pas à moi")
			}},
			{"a form that cannot be read", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				b.postsRaw(in+"/chat/messages", urlencoded, []byte("message_id=%zz&body=%"))
			}},
			{"a form in parts that are none", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				b.postsRaw(in+"/chat/messages", "multipart/form-data; boundary=x", []byte("--x\r\nnonsense"))
			}},
			{"a form from another site", 403, fault.New(fault.Forbidden, "fault.form.elsewhere"), func(b *browser, in string) {
				b.do("POST", in+"/chat/messages", strings.NewReader("body=a"), http.Header{"Content-Type": {urlencoded}, "Sec-Fetch-Site": {"cross-site"}})
			}},
			{"a file in parts that are none", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				b.postsRaw(in+"/chat/file/"+mine.proof, "multipart/form-data; boundary=x", []byte("--x\r\nnonsense"))
			}},
			{"a file without parts", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				b.postsRaw(in+"/chat/file/"+mine.proof, "image/png", aPicture)
			}},
			{"a form without a file", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				b.postsRaw(in+"/chat/file/"+mine.proof, "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"sure\"\r\n\r\nyes\r\n--x--\r\n"))
			}},
			{"a file whose end is missing", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, in string) {
				body, kind := upload("yes", "a.png", "image/png", aPicture)
				b.postsRaw(in+"/chat/file/"+mine.proof, kind, body[:len(body)-200])
			}},
			{"a file without the sentence about naked pictures", 422, fault.New(fault.Invalid, "fault.public.sure"), file(mine.proof, "", "a.png", "image/png", aPicture)},
			{"a file with another answer to that sentence", 422, fault.New(fault.Invalid, "fault.public.sure"), file(mine.proof, "yes and no and yes and no", "a.png", "image/png", aPicture)},
			{"a file that is too large", 413, fault.New(fault.TooLarge, "fault.blob.too_large", "max", 1), file(mine.proof, "yes", "a.png", "image/png", append(bytes.Clone(aPicture), make([]byte, 1<<20)...))},
			{"a file that is far too large", 413, fault.New(fault.TooLarge, "fault.blob.too_large", "max", 1), file(mine.proof, "yes", "a.png", "image/png", append(bytes.Clone(aPicture), make([]byte, 3<<20)...))},
			{"an empty file", 422, fault.New(fault.Invalid, "fault.chat.file_empty"), file(mine.proof, "yes", "a.png", "image/png", nil)},
			{"a program that says it is a picture", 415, fault.New(fault.Unsupported, "fault.chat.media"), file(mine.proof, "yes", "a.png", "image/png", append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 500)...))},
			{"a page that says it is a picture", 415, fault.New(fault.Unsupported, "fault.chat.media"), file(mine.proof, "yes", "a.jpg", "image/jpeg", []byte("<!doctype html><script>alert(1)</script>"))},
			{"a drawing that can hold a script", 415, fault.New(fault.Unsupported, "fault.chat.media"), file(mine.proof, "yes", "a.svg", "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`))},
			{"a file that nobody asked for", 404, fault.New(fault.NotFound, "fault.chat.proof_unknown"), file(uuid.NewString(), "yes", "a.png", "image/png", aPicture)},
			{"a file that was asked of another", 404, fault.New(fault.NotFound, "fault.chat.proof_unknown"), file(others.proof, "yes", "a.png", "image/png", aPicture)},
		} {
			t.Run(lang+"/"+c.name, func(t *testing.T) { w.refuses(t, mine.child, in, lang, c) })
		}
		for range 6 {
			w.rests() // an opening may be sent again for two minutes
		}
		nobody := w.browser()
		garbage := w.browser()
		u, _ := url.Parse(w.server.URL)
		garbage.client.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-vigie", Value: strings.Repeat("x", 43), Path: "/", Secure: true}})
		over := fault.New(fault.Unauthenticated, "fault.contact.session")
		for _, c := range []struct {
			who *browser
			badInput
		}{
			{nobody, badInput{"a message of nobody", 401, over, func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", "a")
			}}},
			{nobody, badInput{"a file of nobody", 401, over, file(mine.proof, "yes", "a.png", "image/png", aPicture)}},
			{garbage, badInput{"a message with a forged cookie", 401, over, func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", "a")
			}}},
			{nobody, badInput{"an opening without an id", 422, fault.New(fault.Invalid, "fault.contact.opening"), func(b *browser, in string) {
				b.post(in+"/chat", "contact_id", "1 OR 1=1")
			}}},
			{nobody, badInput{"an opening under another's id", 409, fault.New(fault.Conflict, "fault.contact.opened"), func(b *browser, in string) {
				b.post(in+"/chat", "contact_id", others.opening)
			}}},
			{nobody, badInput{"four words that are two", 422, fault.New(fault.Invalid, "fault.contact.resume_four"), func(b *browser, in string) {
				b.post(in+"/resume", "words", "lune chat")
			}}},
			{nobody, badInput{"four words of 1 MB", 413, fault.New(fault.TooLarge, "fault.form.too_large"), func(b *browser, in string) {
				b.post(in+"/resume", "words", strings.Repeat("lune ", 1<<18))
			}}},
			{nobody, badInput{"a letter without words", 422, fault.New(fault.Invalid, "fault.chat.empty"), func(b *browser, in string) {
				b.post(in+"/message", "contact_id", id(), "message_id", id(), "body", "\x00")
			}}},
			{nobody, badInput{"a letter that is too long", 422, tooLong, func(b *browser, in string) {
				b.post(in+"/message", "contact_id", id(), "message_id", id(), "body", strings.Repeat("é", 4001)).sees(strings.Repeat("é", 4001))
			}}},
			{nobody, badInput{"a page that is none", 404, fault.New(fault.NotFound, "fault.not_found"), func(b *browser, in string) { b.get(in + "/nulle-part") }}},
		} {
			t.Run(lang+"/"+c.name, func(t *testing.T) { w.refuses(t, c.who, in, lang, c.badInput) })
		}

		t.Run(lang+"/a line that breaks in the middle of a file", func(t *testing.T) {
			before := w.traces()
			mine.child.hangsUp(in + "/chat/file/" + mine.proof)
			w.until("the upload is forgotten", func() bool { return maps.Equal(before, w.traces()) })
		})
		t.Run(lang+"/a message replayed is one message", func(t *testing.T) {
			replayed := id()
			mine.child.on(t).post(in+"/chat/messages", "message_id", replayed, "body", "une fois").want(http.StatusOK)
			before := w.traces()
			mine.child.on(t).post(in+"/chat/messages", "message_id", replayed, "body", "une fois").want(http.StatusOK)
			w.on(t).leavesNothing(before)
		})
		t.Run(lang+"/a file replayed is one file", func(t *testing.T) {
			file(mine.proof, "yes", "../../a.png", "text/html", aPicture)(mine.child, in)
			mine.child.on(t).want(http.StatusSeeOther)
			before := w.traces()
			file(mine.proof, "yes", "a.png", "image/png", aPicture)(mine.child, in) // the answer was lost
			mine.child.on(t).want(http.StatusSeeOther)
			w.on(t).leavesNothing(before)
			w.refuses(t, mine.child, in, lang, badInput{"", 410, fault.New(fault.Gone, "fault.chat.proof_closed"), file(mine.proof, "yes", "a.png", "image/png", append(bytes.Clone(aPicture), 0))})
		})
		t.Run(lang+"/a contact's id, which every desk sees, opens nothing of it", func(t *testing.T) {
			marks := w.traces()["rows of network_mark"]
			fresh := w.browser()
			theirs := fresh.opens()
			thief := w.browser()
			thief.post(in+"/chat", "contact_id", theirs).want(http.StatusOK)
			thief.on(t).says("à moi ?")
			said, err := w.app.Chats.Messages(t.Context(), theirs, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range said {
				if m.From == chat.Visitor {
					t.Errorf("she writes in another's conversation: %q", m.Body)
				}
			}
			thief.post(in + "/chat/end")
			fresh.post(in + "/chat/end")
			w.until("where they came from is forgotten", func() bool { return w.traces()["rows of network_mark"] <= marks })
		})
		t.Run(lang+"/an opening replayed is one contact", func(t *testing.T) {
			opening, b := id(), w.browser()
			b.post(in+"/chat", "contact_id", opening).want(http.StatusOK)
			before := w.traces()
			b.post(in+"/chat", "contact_id", opening).want(http.StatusOK)
			w.on(t).leavesNothing(before)
			b.get("/quit")
		})
		t.Run(lang+"/a letter replayed is one letter", func(t *testing.T) {
			contactID, messageID := id(), id()
			w.browser().post(in+"/message", "contact_id", contactID, "message_id", messageID, "body", "deux fois").want(http.StatusOK)
			before := w.traces()
			again := w.browser().post(in+"/message", "contact_id", contactID, "message_id", messageID, "body", "deux fois")
			after := w.traces()
			after["rows of visitor_session"] = before["rows of visitor_session"] // the answer that did not arrive gave a cookie too
			if !maps.Equal(before, after) {
				t.Errorf("answered %d, and there is more than one letter: %v, was %v", again.code, after, before)
			}
		})
		t.Run(lang+"/goodbye twice, and a word after it", func(t *testing.T) {
			mine.child.on(t).post(in + "/chat/end").want(http.StatusOK)
			before := w.traces()
			mine.child.on(t).post(in + "/chat/end").want(http.StatusOK)
			w.on(t).leavesNothing(before)
			w.refuses(t, mine.child, in, lang, badInput{"", 410, fault.New(fault.Gone, "fault.chat.over"), func(b *browser, in string) {
				b.post(in+"/chat/messages", "message_id", id(), "body", "encore")
			}})
			mine.child.on(t).post(in+"/chat/rate", "code", "a_lot").want(http.StatusOK)
			before = w.traces()
			mine.child.on(t).post(in+"/chat/rate", "code", "a_little").want(http.StatusOK)
			w.on(t).leavesNothing(before)
		})
		others.child.post(in + "/chat/end").want(http.StatusOK)
		for _, id := range []string{mine.id, others.id} {
			mine.counsellor.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
		}
		if all, _ := w.app.Chats.Messages(t.Context(), others.id, 0, 100); len(all) < len(theirs) {
			t.Errorf("another's conversation has %d messages, had %d", len(all), len(theirs))
		}
	}
}

// rests lets ten seconds pass, after which another file may come, at a desk that is still there.
func (w *world) rests() {
	w.Helper()
	w.clock.jumps(10 * time.Second)
	if err := w.app.Router.Beat(w.Context(), w.people[staff.Counsellor].ID); err != nil {
		w.Fatal(err)
	}
}

// on is this world in a test of its own.
func (w *world) on(t *testing.T) *world {
	copied := *w
	copied.T = t
	return &copied
}

func (b *browser) on(t *testing.T) *browser {
	copied := *b
	copied.world = b.world.on(t)
	return &copied
}

func (w *world) refuses(t *testing.T, who *browser, in, lang string, c badInput) {
	t.Helper()
	w, b := w.on(t), who.on(t)
	before := w.traces()
	c.do(b, in)
	b.want(c.code)
	say := i18n.For(lang)
	if b.ofStaff() {
		say = say.ToAdults()
	}
	b.sees(say.Fault(c.says))
	w.leavesNothing(before)
}

// hangsUp sends the beginning of a file and goes.
func (b *browser) hangsUp(path string) {
	b.Helper()
	body, kind := upload("yes", "a.png", "image/png", bytes.Repeat(aPicture, 50))
	u, _ := url.Parse(b.server.URL)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		b.Fatal(err)
	}
	cookie := b.client.Jar.Cookies(u)[0]
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nSec-Fetch-Site: same-origin\r\nCookie: %s=%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		path, u.Host, cookie.Name, cookie.Value, kind, len(body))
	_, _ = conn.Write(body[:len(body)/2])
	b.until("the upload is under way", func() bool { return b.traces()["an upload under way"] > 0 })
	conn.Close()
}

// Whatever a browser at the desk sends.
func TestBadInputOfACounsellor(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	mine := w.talks("")
	id := uuid.NewString
	colleague, err := w.app.Staff.Add(t.Context(), staff.NewPerson{Login: "bilal", Alias: "Bilal", Roles: []staff.Role{staff.Counsellor}, Langs: []string{"fr"}}, audit.Actor{Kind: audit.Operator, ID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	others := w.browser().opens()
	if err := errors.Join(w.app.Router.SetPresence(t.Context(), colleague.ID, routing.Busy, ""), w.app.Router.Take(t.Context(), colleague.ID, others)); err != nil {
		t.Fatal(err)
	}
	desk := "/desk/contacts/" + mine.id
	field := ""
	for _, part := range w.app.Catalogue.Current().Form.Sections {
		for _, f := range part.Fields {
			if f.Type == "long" {
				field = f.Code
			}
		}
	}
	over := fault.New(fault.Unauthenticated, "fault.staff.session_over")
	notHers := fault.New(fault.Forbidden, "fault.chat.not_yours")
	notOurs := fault.New(fault.Forbidden, "fault.contact.not_yours")
	unknown := fault.New(fault.NotFound, "fault.contact.unknown")
	tooLarge := fault.New(fault.TooLarge, "fault.form.too_large")
	post := func(path string, fields ...string) func(*browser, string) {
		return func(b *browser, _ string) { b.post(path, fields...) }
	}
	for _, c := range []badInput{
		{"a message of 1 MB", 413, tooLarge, post(desk+"/messages", "message_id", id(), "body", strings.Repeat("a", 1<<20))},
		{"a message that is too long", 422, fault.New(fault.Invalid, "fault.chat.too_long", "max", 4000), post(desk+"/messages", "message_id", id(), "body", strings.Repeat("é", 4001))},
		{"a message of control characters", 422, fault.New(fault.Invalid, "fault.chat.empty"), post(desk+"/messages", "message_id", id(), "body", "\x00\x1b")},
		{"a message without an id", 422, fault.New(fault.Invalid, "fault.chat.id"), post(desk+"/messages", "message_id", "7", "body", "a")},
		{"a message of a kind that only the house writes", 422, fault.New(fault.Invalid, "fault.chat.id"), post(desk+"/messages", "message_id", id(), "kind", "line", "body", "a")},
		{"a message to a contact that is none", 404, unknown, post("/desk/contacts/"+id()+"/messages", "message_id", id(), "body", "a")},
		{"a message to a path", 404, unknown, post("/desk/contacts/..%2f..%2fetc/messages", "message_id", id(), "body", "a")},
		{"a message to a contact of another", 403, notHers, post("/desk/contacts/"+others+"/messages", "message_id", id(), "body", "a")},
		{"a form that cannot be read", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, _ string) {
			b.postsRaw(desk+"/messages", urlencoded, []byte("message_id=%zz"))
		}},
		{"a form in parts that are none", 422, fault.New(fault.Invalid, "fault.form.broken"), func(b *browser, _ string) {
			b.postsRaw(desk+"/notes", "multipart/form-data; boundary=x", []byte("--x\r\nnonsense"))
		}},
		{"a form from another site", 403, fault.New(fault.Forbidden, "fault.form.elsewhere"), func(b *browser, _ string) {
			b.do("POST", desk+"/close", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}})
		}},
		{"taking what does not ring", 409, fault.New(fault.Conflict, "fault.routing.offer_over"), post("/desk/contacts/" + id() + "/accept")},
		{"taking from the line what is not in it", 404, unknown, post("/desk/contacts/" + id() + "/take")},
		{"a presence that is none", 422, fault.New(fault.Invalid, "fault.routing.presence"), post("/desk/presence", "state", "asleep")},
		{"a pause for a reason that is none", 422, fault.New(fault.Invalid, "fault.routing.presence"), post("/desk/presence", "state", "pause", "reason", "because")},
		{"a field that is none", 422, fault.New(fault.Invalid, "fault.catalogue.field_unknown"), post(desk+"/field", "field", "drop table", "value", "a")},
		{"a field of 1 MB", 413, tooLarge, post(desk+"/field", "field", field, "value", strings.Repeat("a", 1<<20))},
		{"a field of another's contact", 403, notOurs, post("/desk/contacts/"+others+"/field", "field", field, "value", "a")},
		{"a note of 1 MB", 413, tooLarge, post(desk+"/notes", "note_id", id(), "text", strings.Repeat("a", 1<<20))},
		{"a note on another's contact", 403, fault.New(fault.Forbidden, "fault.contact.not_yours"), post("/desk/contacts/"+others+"/notes", "note_id", id(), "text", "a")},
		{"taking the danger mark off another's contact", 403, notOurs, post("/desk/contacts/"+others+"/danger", "on", "0")},
		{"ending another's conversation", 403, notOurs, post("/desk/contacts/" + others + "/end")},
		{"closing what is none", 404, unknown, post("/desk/contacts/" + id() + "/close")},
		{"a block without an end", 422, fault.New(fault.Invalid, "fault.routing.block_end", "hours", 24), post(desk+"/block", "reason", "abuse", "hours", "for ever")},
		{"handing over to nobody", 409, fault.New(fault.Conflict, "fault.routing.colleague_cannot"), post(desk+"/handover", "to", id())},
		{"a proof asked twice", 409, fault.New(fault.Conflict, "fault.chat.proof_open"), post(desk+"/proof", "proof_id", id(), "what", "screenshot_post")},
		{"a proof of what is not on the list", 422, fault.New(fault.Invalid, "fault.chat.label", "max", 200), post(desk+"/proof", "proof_id", id(), "what", "A PICTURE OF YOU")},
		{"a look at a file that is none", 404, fault.New(fault.NotFound, "fault.chat.proof_unknown"), func(b *browser, _ string) { b.get("/desk/files/" + id() + "/picture") }},
		{"a mark on a file that is none", 404, fault.New(fault.NotFound, "fault.chat.proof_unknown"), post("/desk/files/" + id() + "/illegal")},
		{"a search for nothing", 422, fault.New(fault.Invalid, "fault.contact.exact"), post("/desk/history", "exact", "\x00")},
	} {
		t.Run(c.name, func(t *testing.T) { w.refuses(t, mine.counsellor, "", i18n.French, c) })
	}
	forged := w.browser()
	u, _ := url.Parse(w.server.URL)
	forged.client.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-vigie-staff", Value: strings.Repeat("A", 43), Path: "/", Secure: true}})
	t.Run("a forged cookie", func(t *testing.T) {
		w.refuses(t, forged, "", i18n.French, badInput{"", 401, over, post(desk+"/messages", "message_id", id(), "body", "a")})
	})
	t.Run("what rings taken twice is taken once", func(t *testing.T) {
		before := w.traces()
		mine.counsellor.on(t).post(desk + "/accept").want(http.StatusOK)
		w.on(t).leavesNothing(before)
	})
	t.Run("a message replayed is one message", func(t *testing.T) {
		replayed := id()
		mine.counsellor.on(t).post(desk+"/messages", "message_id", replayed, "body", "une fois").want(http.StatusOK)
		before := w.traces()
		mine.counsellor.on(t).post(desk+"/messages", "message_id", replayed, "body", "une fois").want(http.StatusOK)
		w.on(t).leavesNothing(before)
	})
	t.Run("a note replayed is one note", func(t *testing.T) {
		replayed := id()
		mine.counsellor.on(t).post(desk+"/notes", "note_id", replayed, "text", "une fois").want(http.StatusOK)
		before := w.traces()
		mine.counsellor.on(t).post(desk+"/notes", "note_id", replayed, "text", "une fois")
		w.on(t).leavesNothing(before)
	})
}

// Wrong words, many times: each is answered alike, however near it came, and later and later; while one
// waits, the right words open nothing either. They do once the wait is over.
func TestWrongWordsManyTimes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	code, err := w.app.Contacts.ResumeCode(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	right := strings.Join(code, " ")
	guesser := w.browser()
	unknown := i18n.For(i18n.French).Fault(fault.New(fault.NotFound, "fault.contact.resume_unknown"))
	page := func(typed string) string {
		return strings.ReplaceAll(guesser.body, typed, "")
	}
	near := []string{code[1] + " " + code[0] + " " + code[2] + " " + code[3], code[3] + " " + code[2] + " " + code[1] + " " + code[0]}
	before := w.traces()
	first := ""
	for i, typed := range near {
		guesser.post("/resume", "words", typed).want(http.StatusNotFound).sees(unknown)
		if i == 0 {
			first = page(typed)
		} else if page(typed) != first {
			t.Error("two wrong codes are answered differently")
		}
		guesser.post("/resume", "words", right).want(http.StatusTooManyRequests)
		if len(guesser.header["Set-Cookie"]) > 0 {
			t.Error("the right words open something while one waits")
		}
		guesser.seesNot(unknown)
		w.clock.jumps(31 * time.Second)
	}
	w.leavesNothing(before)
	guesser.post("/resume", "words", right).want(http.StatusOK).sees("Tu es dans la file")
	if s, err := w.app.Contacts.Get(t.Context(), id); err != nil || s.State != contact.Waiting {
		t.Errorf("%v %v", s.State, err)
	}
}
