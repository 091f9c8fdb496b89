package web_test

import (
	"net/http"
	"strings"
	"testing"

	"vigie/internal/staff"
)

// Who may see the lists of the floor, and what may be done from a line: each act by each role.
func TestWhoActsFromTheFloor(t *testing.T) {
	w := newWorld(t)
	child := w.browser()
	id := child.opens()
	w.answered(w.as(staff.Counsellor), id)
	contact, end := "/desk/floor/contacts/"+id, "/desk/floor/contacts/"+id+"/end"
	for name, who := range map[string]*browser{"a colleague": w.colleague("Bilal"), "an editor": w.as(staff.Editor), "an administrator": w.as(staff.Administrator), "the officer": w.as(staff.Officer)} {
		if got := who.get(contact).code; got != http.StatusForbidden {
			t.Errorf("%s sees what may be done: %d", name, got)
		}
		if got := who.post(end).code; got != http.StatusForbidden {
			t.Errorf("%s ends it: %d", name, got)
		}
	}
	supervisor := w.as(staff.Supervisor)
	supervisor.get("/desk/floor").want(http.StatusOK)
	if !strings.Contains(supervisor.body, `id="u`+id+`"`) {
		t.Error("the floor does not list the conversation")
	}
	supervisor.get(contact).want(http.StatusOK)
	for _, way := range []string{"/desk/listen/" + id + `"`, "?mode=whisperer", "?mode=joined", "?mode=take", "/give", "/end"} {
		if !strings.Contains(supervisor.body, way) {
			t.Errorf("there is no %s", way)
		}
	}
	supervisor.get("/desk/listen/" + id + "?mode=joined").want(http.StatusOK)
	if !strings.Contains(supervisor.body, `name="mode" value="joined"`) {
		t.Error("the page to begin forgets how she wants to be there")
	}
	stream := supervisor.listens("/desk/events?floor=1")
	w.until("the whole is told", func() bool {
		return strings.Contains(stream(), `id="u`+id+`"`) && strings.Contains(stream(), `data-only="floor-under-way-rows"`)
	})
	supervisor.post(end).want(http.StatusOK)
	w.until("it leaves the lists", func() bool { return strings.Contains(stream(), `id="u`+id+`" data-gone`) })
	child.get("/chat").seesNot("Tu parles avec")

	// Whoever knows the person has her in no list.
	other := w.browser().opens()
	w.until("who waits is told", func() bool { return strings.Contains(stream(), `id="f`+other+`"`) })
	supervisor.post("/desk/contacts/" + other + "/take").want(http.StatusOK)
	supervisor.post("/desk/contacts/" + other + "/known").want(http.StatusOK)
	supervisor.get("/desk/floor").want(http.StatusOK)
	if strings.Contains(supervisor.body, other) {
		t.Error("she sees whom she knows")
	}
	supervisor.get("/desk/floor/contacts/" + other).want(http.StatusNotFound)
}
