package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"vigie/internal/app"
	"vigie/internal/audit"
	"vigie/internal/config"
	"vigie/internal/contact"
	"vigie/internal/picture/picturetest"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// TestMain lets this test program become the process that opens pictures.
func TestMain(m *testing.M) { picturetest.Main(m) }

// world is the whole house behind a test server, with people in it.
type world struct {
	*testing.T
	app    *app.App
	server *httptest.Server
	people map[staff.Role]staff.Person
	data   string // the folder of everything that is kept
	clock  *hand
}

// hand is a clock that goes on, and jumps when told.
type hand struct{ ahead atomic.Int64 }

func (h *hand) now() time.Time        { return time.Now().Round(0).Add(time.Duration(h.ahead.Load())) }
func (h *hand) jumps(d time.Duration) { h.ahead.Add(int64(d)) }

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, app.Options{AlwaysOpen: true})
}

// newWorldAt is a world that keeps the helpline's hours; its clock stands at an hour in Paris, "22:45".
func newWorldAt(t *testing.T, hour string) *world {
	t.Helper()
	w := newWorldWith(t, app.Options{})
	w.itIs(hour)
	return w
}

// itIs puts the clock on to the next time it is so late in Paris.
func (w *world) itIs(hour string) {
	w.Helper()
	now := w.clock.now().In(i18n.Paris)
	at, err := time.ParseInLocation("2006-01-02 15:04", now.Format(time.DateOnly)+" "+hour, i18n.Paris)
	if err != nil {
		w.Fatal(err)
	}
	if at.Before(now) {
		at = at.AddDate(0, 0, 1)
	}
	w.clock.jumps(at.Sub(now))
}

func newWorldWith(t *testing.T, o app.Options, settings ...func(*config.Config)) *world {
	t.Helper()
	clock := &hand{}
	o.Now = clock.now
	c := config.Config{
		Data: t.TempDir(), PublicURL: "http://localhost:8018", HelplineName: "Vigie", HelplineCall: "3018", QuitTo: "https://meteo.example/",
		ChatCapacity: 3, OfferFor: 20 * time.Second, DeskGrace: 2 * time.Minute, FilesMax: 1 << 20, IllegalFiles: "hold",
		TrustedProxies: []string{"127.0.0.0/8"},
	}
	for _, set := range settings {
		set(&c)
	}
	a, err := app.Fresh(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	background := a.Background(ctx)
	w := &world{T: t, app: a, server: httptest.NewServer(a.Handler()), people: map[staff.Role]staff.Person{}, data: c.Data, clock: clock}
	t.Cleanup(func() {
		a.Handler().Drain()
		w.server.Close()
		cancel()
		background.Wait()
		a.Close()
	})
	for role, alias := range map[staff.Role]string{staff.Counsellor: "Camille", staff.Supervisor: "Dominique", staff.Editor: "Sacha", staff.Administrator: "Alix", staff.Officer: "Maëlle"} {
		p, err := a.Staff.Add(t.Context(), staff.NewPerson{Login: string(role)[:5], Alias: alias, Roles: []staff.Role{role}, Langs: []string{"fr", "en"}, Password: "une phrase assez longue"}, audit.Actor{Kind: "operator", ID: "test"})
		if err != nil {
			t.Fatal(err)
		}
		w.people[role] = p
	}
	return w
}

// browser is one person's browser: its cookies, its network, its last page.
type browser struct {
	*world
	client  *http.Client
	network string
	code    int
	header  http.Header
	body    string
}

var networks atomic.Int64

func (w *world) browser() *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	n := networks.Add(1)
	return &browser{world: w, network: "10." + strconv.FormatInt(n/250, 10) + "." + strconv.FormatInt(n%250, 10) + ".1", client: &http.Client{
		Jar: secureJar{jar}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// secureJar keeps Secure cookies for the plain test server, as browsers do for localhost.
type secureJar struct{ http.CookieJar }

func (j secureJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(asTLS(u), cookies)
}
func (j secureJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(asTLS(u)) }

func asTLS(u *url.URL) *url.URL {
	c := *u
	c.Scheme = "https"
	return &c
}

// as logs a member of staff in, without the password's cost.
func (w *world) as(role staff.Role) *browser {
	w.Helper()
	return w.loggedIn(w.people[role].ID)
}

// colleague is another counsellor, at her desk.
func (w *world) colleague(alias string) *browser {
	w.Helper()
	p, err := w.app.Staff.Add(w.Context(), staff.NewPerson{Login: strings.ToLower(alias), Alias: alias, Roles: []staff.Role{staff.Counsellor}, Langs: []string{"fr", "en"}, Password: "une phrase assez longue"}, audit.Actor{Kind: "operator", ID: "test"})
	if err != nil {
		w.Fatal(err)
	}
	b := w.loggedIn(p.ID)
	b.get("/desk").want(http.StatusOK)
	if err := w.app.Router.Beat(w.Context(), p.ID); err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *world) loggedIn(id string) *browser {
	w.Helper()
	b := w.browser()
	token, _, err := w.app.Staff.OpenSession(w.Context(), id, "password", "test")
	if err != nil {
		w.Fatal(err)
	}
	return b.with("__Host-vigie-staff", token)
}

func (b *browser) do(method, path string, body io.Reader, header http.Header) *browser {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, body)
	if err != nil {
		b.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("X-Forwarded-For", b.network)
	res, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.code, b.header, b.body = res.StatusCode, res.Header, string(text)
	return b
}

func (b *browser) get(path string) *browser { b.Helper(); return b.do("GET", path, nil, nil) }

// post sends a form, and goes where it is sent on.
func (b *browser) post(path string, fields ...string) *browser {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	b.do("POST", path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}})
	if b.code == http.StatusSeeOther && strings.HasPrefix(b.header.Get("Location"), "/") {
		return b.get(b.header.Get("Location"))
	}
	return b
}

// quickly sends a form as a script does, and gets the pieces of page that it is answered with.
func (b *browser) quickly(path string, fields ...string) *browser {
	b.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do("POST", path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}})
}

// want fails unless the answer has this status.
func (b *browser) want(code int) *browser {
	b.Helper()
	if b.code != code {
		b.Fatalf("answered %d, want %d:\n%s", b.code, code, b.text())
	}
	return b
}

// sees fails unless the page shows these words.
func (b *browser) sees(words ...string) *browser {
	b.Helper()
	for _, word := range words {
		if !strings.Contains(b.text(), word) {
			b.Fatalf("the page does not show %q:\n%s", word, b.text())
		}
	}
	return b
}

func (b *browser) seesNot(words ...string) *browser {
	b.Helper()
	for _, word := range words {
		if strings.Contains(b.body, word) {
			b.Fatalf("the page shows %q", word)
		}
	}
	return b
}

// text is what a person reads of the page.
func (b *browser) text() string {
	doc, err := html.Parse(strings.NewReader(b.body))
	if err != nil {
		return b.body
	}
	var out strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template" || n.Data == "head") {
			return
		}
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" {
			out.WriteString(strings.TrimSpace(n.Data) + " ")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return out.String()
}

// opens starts a chat with these answers, and returns its contact's id.
func (b *browser) opens(fields ...string) string {
	b.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	b.post("/chat", append([]string{"contact_id", id}, fields...)...).want(http.StatusOK)
	return contact.IDOf(id)
}

func (b *browser) says(words string) *browser {
	b.Helper()
	return b.post("/chat/messages", "message_id", uuid.Must(uuid.NewV7()).String(), "body", words)
}

// until tries again for a while: what is looked for is brought by something that runs beside.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("waited in vain: %s", what)
		}
	}
}

// answered has the counsellor at her desk take the contact that rings.
func (w *world) answered(counsellor *browser, id string) {
	w.Helper()
	w.onDuty(counsellor)
	w.until("the contact rings", func() bool {
		ring, ok, err := w.app.Router.RingingAt(w.Context(), w.people[staff.Counsellor].ID)
		return err == nil && ok && ring.ContactID == id
	})
	counsellor.post("/desk/contacts/" + id + "/accept").want(http.StatusOK)
}

// onDuty has the counsellor sit down at her desk.
func (w *world) onDuty(counsellor *browser) {
	w.Helper()
	counsellor.get("/desk").want(http.StatusOK)
	if err := w.app.Router.Beat(w.Context(), w.people[staff.Counsellor].ID); err != nil {
		w.Fatal(err)
	}
	counsellor.post("/desk/presence", "state", "available").want(http.StatusOK)
}

// words are the four words of a contact, as they are typed.
func (w *world) words(id string) string {
	w.Helper()
	words, err := w.app.Contacts.ResumeCode(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return strings.Join(words, " ")
}

// latest is the last contact of the person of a contact.
func (w *world) latest(id string) contact.Contact {
	w.Helper()
	ct, err := w.app.Contacts.Get(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	all, err := w.app.Contacts.OfPerson(w.Context(), ct.PersonID)
	if err != nil {
		w.Fatal(err)
	}
	return all[len(all)-1]
}

// leaves leaves a message, and returns its contact's id.
func (b *browser) leaves(words string) string {
	b.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	b.post("/message", "contact_id", id, "message_id", uuid.NewString(), "body", words).want(http.StatusOK)
	return contact.IDOf(id)
}

// reads gives the browser a session of its own for a contact.
func (b *browser) reads(id string) *browser {
	b.Helper()
	token, err := b.app.Contacts.NewSession(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return b.with("__Host-vigie", token)
}

// ofStaff says whether somebody of the staff is, or was, logged in here.
func (b *browser) ofStaff() bool {
	u, _ := url.Parse(b.server.URL)
	return slices.ContainsFunc(b.client.Jar.Cookies(u), func(c *http.Cookie) bool { return c.Name == "__Host-vigie-staff" })
}

// with puts a cookie into the browser.
func (b *browser) with(name, token string) *browser {
	u, _ := url.Parse(b.server.URL)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: token, Path: "/", Secure: true}})
	return b
}
