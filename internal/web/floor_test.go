package web_test

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"vigie/internal/catalogue"
	"vigie/internal/staff"
	"vigie/internal/web/i18n"
)

// listens opens an event stream and gives what came down so far.
func (b *browser) listens(path string) func() string {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), "GET", b.server.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("X-Forwarded-For", b.network)
	res, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		b.Fatalf("the stream answers %d", res.StatusCode)
	}
	var mu sync.Mutex
	var came strings.Builder
	go func() {
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4<<20) // a whole form comes as one line
		for lines.Scan() {
			mu.Lock()
			came.WriteString(strings.TrimPrefix(lines.Text(), "data: ") + "\n")
			mu.Unlock()
		}
	}()
	return func() string { mu.Lock(); defer mu.Unlock(); return came.String() }
}

// A danger word in a conversation rings at the supervisor's, with the way to read it, and the floor says who
// has the child and why.
func TestDangerInAConversationRingsTheSupervisor(t *testing.T) {
	w := newWorld(t)
	child, counsellor, supervisor := w.browser(), w.as(staff.Counsellor), w.as(staff.Supervisor)
	id := child.opens()
	w.answered(counsellor, id)
	for _, page := range []string{"/desk", "/desk/floor"} {
		supervisor.get(page).want(http.StatusOK)
		_, inside, _ := strings.Cut(supervisor.body, "<ring-bell")
		inside, _, _ = strings.Cut(inside, "</ring-bell>")
		for _, place := range []string{`id="desk-alert"`, `id="desk-alarms"`} {
			if !strings.Contains(inside, place) {
				t.Errorf("%s has no %s inside its bell", page, place)
			}
		}
	}
	supervisor.seesNot("/desk/history/" + id)
	stream := supervisor.listens("/desk/events?floor=1")
	child.says("je veux mourir").want(http.StatusOK)
	w.until("the supervisor is rung", func() bool { return strings.Contains(stream(), `id="alarm-`) })
	_, alert, _ := strings.Cut(stream(), `id="alarm-`)
	alert, _, _ = strings.Cut(alert, "\n\n")
	for _, part := range []string{"data-ring", "à Camille, en conversation", "/desk/history/" + id, "/seen"} {
		if !strings.Contains(alert, part) {
			t.Errorf("the alert lacks %s: %s", part, alert)
		}
	}
	w.until("the floor is drawn anew", func() bool { return strings.Contains(stream(), `id="c-t`+id) })
	supervisor.get("/desk/floor").sees("En danger, en conversation", "Camille")
	_, section, _ := strings.Cut(supervisor.body, `id="floor-talking"`)
	section, _, _ = strings.Cut(section, "</section>")
	if !strings.Contains(section, "/desk/history/"+id) || !strings.Contains(section, "reason-grave") {
		t.Errorf("the floor does not say why, or not where to read: %s", section)
	}
	supervisor.get("/desk/history/" + id).want(http.StatusOK).sees("je veux mourir")
}

// The second person sees what she says yes to, and her yes reaches the desk of the one who asked by itself.
// Without a script the address is read on a whole page.
func TestTheSecondPersonsYesReachesTheDesk(t *testing.T) {
	w := newWorld(t)
	child, counsellor, supervisor := w.browser(), w.as(staff.Counsellor), w.as(staff.Supervisor)
	id := child.opens()
	w.answered(counsellor, id)
	child.says("je veux mourir").want(http.StatusOK)
	counsellor.post("/desk/contacts/" + id + "/hold").want(http.StatusOK)
	if !strings.Contains(counsellor.body, "<count-down") {
		t.Error("nothing counts the seconds down")
	}
	desk, floor := counsellor.listens("/desk/events"), supervisor.listens("/desk/events?floor=1")
	w.until("the desk is drawn", func() bool { return strings.Contains(desk(), `id="talk-`+id) })

	supervisor.get("/desk/floor").want(http.StatusOK)
	_, hold, _ := strings.Cut(supervisor.body, `id="hold-`+id)
	hold, _, _ = strings.Cut(hold, "</section>")
	if !strings.Contains(hold, "reason-grave") || !strings.Contains(hold, "/desk/history/"+id) {
		t.Errorf("the second person is not told why, or cannot read: %s", hold)
	}
	supervisor.post("/desk/contacts/" + id + "/hold/confirm").want(http.StatusOK)
	w.until("her desk hears the yes", func() bool {
		heard := desk() // the newest is what counts: it was drawn before she said yes, too
		return strings.Contains(heard[max(0, strings.LastIndex(heard, `id="hold-`+id)):], "Confirmée à")
	})
	counsellor.post("/desk/contacts/"+id+"/hold/read").want(http.StatusOK).sees("10.", ", port")
	if !strings.HasPrefix(counsellor.body, "<!doctype html>") {
		t.Errorf("not a whole page: %.200s", counsellor.body)
	}
	w.until("the floor hears that it was read", func() bool { return strings.Contains(floor(), "Lue à") })
	if strings.Contains(desk()+floor(), child.network) {
		t.Error("the address came down a stream")
	}
}

// A supervisor closes the line for a while, in a helpline that is open day and night too: visitors read why,
// in their language, until it opens again, by itself or by her.
func TestASupervisorClosesTheLine(t *testing.T) {
	w := newWorld(t)
	supervisor, colleague := w.as(staff.Supervisor), w.as(staff.Supervisor)
	colleague.get("/desk/floor").want(http.StatusOK)
	w.browser().get("/chat").sees(i18n.For("fr").T("start.title"))
	waits := i18n.For("fr").T("floor.after_closing", "n", 1)
	w.browser().opens()
	supervisor.get("/desk/floor").seesNot(waits)

	w.as(staff.Counsellor).post("/desk/floor/closure", "for", "30m", "reason", "technical").want(http.StatusForbidden)
	supervisor.post("/desk/floor/closure", "for", "a year", "reason", "technical").want(http.StatusUnprocessableEntity)
	supervisor.post("/desk/floor/closure", "for", "30m", "reason", "elsewhere").want(http.StatusUnprocessableEntity)

	version := func() string { return strconv.Itoa(w.app.Catalogue.Current().Versions[catalogue.DocClosure]) }
	before := version()
	for _, end := range []string{"tomorrow", "2h", "1h", "30m"} {
		supervisor.post("/desk/floor/closure", "for", end, "reason", "technical", "base", version()).want(http.StatusOK)
		supervisor.sees("La ligne est fermée jusqu'au", i18n.For("fr").T("floor.reopen"), waits)
		w.browser().get("/chat").sees(i18n.For("fr").T("closed.pause"), i18n.For("fr").T("floor.closed_technical"))
		w.browser().get("/en/chat").sees(i18n.For("en").T("closed.pause"), i18n.For("en").T("floor.closed_technical"))
	}
	colleague.post("/desk/floor/closure", "for", "2h", "reason", "full", "base", before).want(http.StatusConflict).
		sees(i18n.For("fr").T("fault.console.closure_moved"))

	w.clock.jumps(31 * time.Minute)
	w.browser().get("/chat").sees(i18n.For("fr").T("start.title"))
	w.clock.jumps(-31 * time.Minute)
	w.browser().get("/chat").sees(i18n.For("fr").T("closed.pause"))
	supervisor.post("/desk/floor/closure/end", "base", version()).want(http.StatusOK).seesNot("La ligne est fermée", waits)
	w.browser().get("/chat").sees(i18n.For("fr").T("start.title"))
}

// Whoever is refused because too many come at once, at the chat's door or with a message, reads the number to call.
func TestTheNumberToCallStandsBesideARefusal(t *testing.T) {
	w := newWorld(t)
	w.as(staff.Supervisor).post("/desk/floor/proof", "mode", "always").want(http.StatusOK)
	child := w.browser()
	child.post("/chat", "contact_id", uuid.NewString()).want(http.StatusTooManyRequests)
	for _, page := range []string{"", "/en"} {
		child.post(page+"/message", "contact_id", uuid.NewString(), "message_id", uuid.NewString(), "body", "bonjour").want(http.StatusTooManyRequests)
		if !strings.Contains(child.body, `href="tel:3018"`) {
			t.Errorf("no number to call: %s", child.text())
		}
		child.sees("bonjour")
	}
}
