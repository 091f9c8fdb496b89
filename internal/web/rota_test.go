package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/staff"
	"vigie/internal/store"
)

// Whoever comes back after a night begins with the handover page, whoever was away for lunch with her desk; a new colleague too.
func TestAMorningBeginsWithTheHandover(t *testing.T) {
	w := newWorld(t)
	w.as(staff.Counsellor)
	person, err := w.app.Staff.Get(t.Context(), w.people[staff.Counsellor].ID)
	if err != nil {
		t.Fatal(err)
	}
	const word = "une lampe au large"
	if err := w.app.Staff.SetPassword(t.Context(), person.ID, word, false, audit.Actor{Kind: audit.Operator}); err != nil {
		t.Fatal(err)
	}
	lands := func() string {
		t.Helper()
		b := w.browser()
		b.post("/desk/login", "login", person.Login, "password", word).want(http.StatusOK)
		if b.get("/desk/handover").want(http.StatusOK); !strings.Contains(b.body, "<h1>Relève</h1>") {
			t.Error("the page does not open")
		}
		to, err := w.landed(person.Login, word)
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	if to := lands(); to != "/desk" {
		t.Errorf("a new colleague is led to %s", to)
	}
	if err := w.app.Router.SetPresence(t.Context(), person.ID, "available", ""); err != nil {
		t.Fatal(err)
	}
	w.clock.jumps(time.Hour)
	if to := lands(); to != "/desk" {
		t.Errorf("after lunch she is led to %s", to)
	}
	w.clock.jumps(9 * time.Hour)
	if to := lands(); to != "/desk/handover" {
		t.Errorf("in the morning she is led to %s", to)
	}
}

// landed is where the answer to a log-in leads.
func (w *world) landed(login, word string) (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.PostForm(w.server.URL+"/desk/login", map[string][]string{"login": {login}, "password": {word}})
	if err != nil {
		return "", err
	}
	_ = r.Body.Close()
	return r.Header.Get("Location"), nil
}

// The handover shows what its reader may open: a contact in danger to its counsellor and to who supervises, its number to the others,
// and nothing at all to whoever knows the person. No word of a conversation is on it.
func TestTheHandoverKeepsNeedToKnow(t *testing.T) {
	w := newWorld(t)
	camille, noe, supervisor := w.as(staff.Counsellor), w.colleague("Noe"), w.as(staff.Supervisor)
	child := w.browser()
	id := child.opens()
	w.answered(camille, id)
	child.says("Je veux mourir")
	camille.post("/desk/contacts/"+id+"/danger", "on", "1")
	w.until("it is in danger", func() bool { return w.latest(id).Danger })
	camille.get("/desk/handover").want(http.StatusOK).sees("Dangers ouverts 1").seesNot("Je veux mourir").leadsTo("/desk?c="+id, true)
	supervisor.get("/desk/handover").want(http.StatusOK).sees("Dangers ouverts 1").seesNot("Je veux mourir").leadsTo("/desk/history/"+id, true)
	noe.get("/desk/handover").want(http.StatusOK).sees("que vous ne pouvez pas ouvrir").leadsTo(id, false)
	w.as(staff.Officer).get("/desk/handover").want(http.StatusOK).seesNot("Dangers ouverts").leadsTo(id, false)
	if err := w.app.DB.Tx(t.Context(), func(tx *store.Tx) error {
		return w.app.Contacts.Bar(t.Context(), tx, w.latest(id).PersonID, w.people[staff.Supervisor].ID, audit.Actor{Kind: audit.Staff, ID: w.people[staff.Supervisor].ID})
	}); err != nil {
		t.Fatal(err)
	}
	supervisor.get("/desk/handover").want(http.StatusOK).seesNot("que vous ne pouvez pas ouvrir").leadsTo(id, false)
}

// leadsTo wants an address in the page, or wants it nowhere.
func (b *browser) leadsTo(address string, there bool) *browser {
	b.Helper()
	if strings.Contains(b.body, address) != there {
		b.Errorf("%q is in the page: %v", address, !there)
	}
	return b
}

// A counsellor sees no draft, and can neither plan nor decide; what she may not change is not offered to her.
func TestACounsellorReadsTheRotaAndPlansNothing(t *testing.T) {
	w := newWorld(t)
	camille := w.as(staff.Counsellor)
	day := w.app.Rota.Today()
	w.as(staff.Supervisor).post("/desk/rota/shifts", "id", store.NewID(), "who", w.people[staff.Counsellor].ID, "on", day, "from", "09:00", "to", "17:00", "post", "both", "week", day).want(http.StatusOK).sees("Publier la semaine", "brouillon")
	camille.get("/desk/rota").want(http.StatusOK).seesNot("09:00", "Publier la semaine", "Planifier un poste")
	camille.post("/desk/rota/publish", "week", day).want(http.StatusForbidden)
	w.as(staff.Supervisor).post("/desk/rota/publish", "week", day).want(http.StatusOK)
	camille.get("/desk/rota").want(http.StatusOK).sees("09:00–17:00").seesNot("Planifier un poste")
	w.as(staff.Supervisor).post("/desk/rota/shifts", "id", store.NewID(), "who", w.people[staff.Counsellor].ID, "on", day, "from", "16:00", "to", "18:00", "post", "both", "week", day).want(http.StatusConflict).sees("déjà un poste")
	w.browser().get("/calendar/" + strings.Repeat("a", 43)).want(http.StatusNotFound)
}
