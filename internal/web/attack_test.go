package web_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/contact"
	"vigie/internal/staff"
)

// Whoever said that she knows a person acts no more on anything of hers, whatever address she types.
func TestKnowingAPersonBindsActs(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/" + id + "/danger?on=1")
	counsellor.post("/desk/contacts/" + id + "/known").want(http.StatusOK)
	supervisor := w.as(staff.Supervisor)
	supervisor.post("/desk/contacts/" + id + "/known").want(http.StatusOK)
	for _, who := range []*browser{counsellor, supervisor} {
		for _, act := range []string{"end", "close", "dismiss", "danger", "grave", "past", "field", "take", "accept", "handover", "hold", "hold/confirm",
			"hold/read", "hold/review", "hold/release", "give", "assign", "settle", "notes", "proof", "block", "join", "apart"} {
			who.post("/desk/contacts/"+id+"/"+act, "on", "1", "code", "joke", "field", "called", "value", "Lou", "other", contact.IDOf(id))
			if who.code < 400 {
				t.Errorf("%s: %d", act, who.code)
			}
		}
		who.get("/desk/contacts/" + id).want(http.StatusNotFound)
		who.get("/desk/history/" + id).want(http.StatusNotFound)
	}
	if ct, err := w.app.Contacts.Get(t.Context(), id); err != nil || ct.State == contact.Closed || ct.Grave {
		t.Errorf("%+v, %v", ct, err)
	}
}

// A counsellor marks a danger in the line, and reads nothing of what is not hers by it.
func TestMarkingADangerTellsNothing(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens("topic", "sextortion")
	counsellor := w.as(staff.Counsellor)
	counsellor.do("POST", "/desk/contacts/"+id+"/danger", strings.NewReader("on=1"), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}, "Vigie-Script": {"1"}}).want(http.StatusNoContent)
	if counsellor.body != "" {
		t.Error(counsellor.body)
	}
}

// The network address is kept only where a life may be in danger, and whoever read it alone does not make
// her own review disappear.
func TestTheAddressIsForDangerOnly(t *testing.T) {
	w := newWorld(t)
	child, counsellor, supervisor := w.browser(), w.as(staff.Counsellor), w.as(staff.Supervisor)
	id := child.opens()
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/" + id + "/hold").want(http.StatusForbidden)
	counsellor.post("/desk/contacts/"+id+"/danger", "on", "1").want(http.StatusOK)
	counsellor.post("/desk/contacts/" + id + "/hold").want(http.StatusOK)
	counsellor.post("/desk/contacts/" + id + "/hold/read").want(http.StatusForbidden)
	supervisor.post("/desk/contacts/" + id + "/hold/confirm").want(http.StatusOK)
	counsellor.post("/desk/contacts/" + id + "/hold/read").want(http.StatusOK).sees(child.network)
	counsellor.get("/desk").seesNot(child.network)

	alone := w.browser()
	other := alone.opens()
	supervisor.post("/desk/contacts/"+other+"/danger", "on", "1")
	supervisor.post("/desk/contacts/"+other+"/give", "to", w.people[staff.Supervisor].ID)
	if err := w.app.Contacts.HoldNetwork(t.Context(), other, audit.Actor{Kind: audit.Staff, ID: w.people[staff.Supervisor].ID}, "danger"); err != nil {
		t.Fatal(err)
	}
	w.clock.jumps(61 * time.Second)
	supervisor.post("/desk/contacts/" + other + "/hold/read").want(http.StatusOK)
	supervisor.post("/desk/contacts/" + other + "/hold/release").want(http.StatusForbidden)
}

// Reading a contact that is over is a look, and is in the log.
func TestReadingWhatIsOverIsLogged(t *testing.T) {
	w := newWorld(t)
	child, counsellor := w.browser(), w.as(staff.Counsellor)
	id := child.opens()
	w.answered(counsellor, id)
	counsellor.post("/desk/contacts/"+id+"/dismiss", "code", "test").want(http.StatusOK)
	looks := func() int {
		rows, err := w.app.Audit.Rows(t.Context(), audit.Filter{ObjectID: id, Act: "contact.look", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	before := looks()
	counsellor.do("GET", "/desk/contacts/"+id, nil, http.Header{"Vigie-Script": {"1"}}).want(http.StatusOK)
	if looks() != before+1 {
		t.Errorf("%d looks, %d before", looks(), before)
	}
}

// New words are made slowly; a browser that asks for them again and again holds nobody else up.
func TestNewWordsAreCounted(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	child.opens()
	var refused atomic.Int64
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			tab := *child
			tab.post("/chat/words")
			if tab.code == http.StatusTooManyRequests {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 {
		t.Error("twelve at once")
	}
}

// A link to the way out ends nobody's work, and a link on another site nobody's session.
func TestALinkToTheWayOut(t *testing.T) {
	w := newWorld(t)
	if got := w.as(staff.Counsellor).get("/quit").header.Get("Clear-Site-Data"); got != `"cache"` {
		t.Errorf("of staff: %s", got)
	}
	if got := w.browser().do("GET", "/quit", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}}).header.Get("Clear-Site-Data"); got != "" {
		t.Errorf("from another site: %s", got)
	}
}

// An administrator's screen that was left alone makes no account that reads conversations.
func TestRightsAreGivenByWhoIsThere(t *testing.T) {
	w := newWorld(t)
	admin := w.as(staff.Administrator)
	w.clock.jumps(25 * time.Minute)
	admin.post("/admin/staff", "login", "nouvelle", "alias", "Nouvelle", "role", "supervisor", "lang", "fr").want(http.StatusForbidden)
	editor := w.people[staff.Editor]
	admin.post("/admin/staff/"+editor.ID, "alias", editor.Alias, "role", "supervisor", "lang", "fr", "name", "Sans Perte").want(http.StatusForbidden)
	if !strings.Contains(admin.body, "Sans Perte") {
		t.Error("what was typed is lost")
	}
	if p, err := w.app.Staff.Get(t.Context(), editor.ID); err != nil || p.Has(staff.Supervisor) {
		t.Errorf("%v, %v", p.Roles, err)
	}
	if err := w.app.Staff.SetActive(t.Context(), editor.ID, false, audit.Actor{Kind: audit.Operator, ID: "test"}); err != nil {
		t.Fatal(err)
	}
	admin.post("/admin/staff/"+editor.ID+"/forget", "again", editor.Alias).want(http.StatusForbidden)
	if p, err := w.app.Staff.Get(t.Context(), editor.ID); err != nil || p.Forgotten() {
		t.Errorf("%v, %v", p, err)
	}
}
