package staff_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A person is found again as she was added, and her real name is nowhere in the record.
func TestAdd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		added := w.add(staff.NewPerson{
			Login: " Camille.K ", Alias: "Camille", Name: "Anne-Marie  Kervella", Langs: []string{"fr", "br"}, Skills: []string{"topic.sextortion", "public.parent"},
			Roles: []staff.Role{staff.Supervisor, staff.Counsellor, staff.Supervisor}, ChatCapacity: 2,
		})
		got := must[staff.Person](t)(w.Get(ctx, added.ID))
		want := staff.Person{
			ID: added.ID, Login: "camille.k", Alias: "Camille", Name: "Anne-Marie Kervella", Langs: []string{"fr", "br"}, Skills: []string{"topic.sextortion", "public.parent"},
			Roles: []staff.Role{staff.Counsellor, staff.Supervisor}, ChatCapacity: 2, Active: true, CreatedAt: w.clock.Now(),
		}
		if !equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		sealed := must[[]byte](t)(store.One(ctx, db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT name_sealed FROM staff`))
		if bytes.Contains(sealed, []byte("Kervella")) {
			t.Error("the name is in the record")
		}
		if acts := w.acts("staff.add"); len(acts) != 1 || strings.Contains(acts[0], "Kervella") || strings.Contains(acts[0], "camille") {
			t.Errorf("the log says %q", acts)
		}
		colleague := must[staff.Person](t)(w.Colleague(ctx, added.ID))
		if colleague.Name != "" || colleague.Alias != "Camille" {
			t.Errorf("colleagues see %+v", colleague)
		}
		_, err := w.Get(ctx, store.NewID())
		wantFault(t, err, fault.NotFound, "fault.staff.unknown")
	})
}

func equal(a, b staff.Person) bool {
	return a.ID == b.ID && a.Login == b.Login && a.Alias == b.Alias && a.Name == b.Name && slices.Equal(a.Roles, b.Roles) && slices.Equal(a.Langs, b.Langs) &&
		slices.Equal(a.Skills, b.Skills) && a.ChatCapacity == b.ChatCapacity && a.Active == b.Active && a.CreatedAt.Equal(b.CreatedAt)
}

// What an account cannot be is said in a sentence, and nothing of it is written.
func TestAddRefuses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	fine := staff.NewPerson{Login: "lou", Alias: "Lou", Name: "Jean Le Goff", Roles: []staff.Role{staff.Counsellor}, Langs: []string{"fr"}, Password: good}
	for what, c := range map[string]struct {
		change func(*staff.NewPerson)
		kind   fault.Kind
		key    string
	}{
		"a login with a space":         {func(n *staff.NewPerson) { n.Login = "lou le goff" }, fault.Invalid, "fault.staff.login_form"},
		"a login of one letter":        {func(n *staff.NewPerson) { n.Login = "l" }, fault.Invalid, "fault.staff.login_form"},
		"a login that is taken":        {func(n *staff.NewPerson) { n.Login = "CAMILLE" }, fault.Conflict, "fault.staff.login_taken"},
		"an alias that is taken":       {func(n *staff.NewPerson) { n.Alias = "camille" }, fault.Conflict, "fault.staff.alias_taken"},
		"an alias that looks alike":    {func(n *staff.NewPerson) { n.Alias = "Camillé" }, fault.Conflict, "fault.staff.alias_taken"},
		"an alias with the real name":  {func(n *staff.NewPerson) { n.Alias = "Lou Le Góff" }, fault.Invalid, "fault.staff.alias_tells"},
		"an alias with markup":         {func(n *staff.NewPerson) { n.Alias = "<b>Lou" }, fault.Invalid, "fault.staff.alias_form"},
		"an alias with a turned line":  {func(n *staff.NewPerson) { n.Alias = "Lou\u202eX" }, fault.Invalid, "fault.staff.alias_form"},
		"no alias":                     {func(n *staff.NewPerson) { n.Alias = " " }, fault.Invalid, "fault.staff.alias_form"},
		"no role":                      {func(n *staff.NewPerson) { n.Roles = nil }, fault.Invalid, "fault.staff.roles"},
		"an unknown role":              {func(n *staff.NewPerson) { n.Roles = []staff.Role{"minister"} }, fault.Invalid, "fault.staff.roles"},
		"the role of nobody":           {func(n *staff.NewPerson) { n.Roles = []staff.Role{staff.Pending} }, fault.Invalid, "fault.staff.roles"},
		"no language":                  {func(n *staff.NewPerson) { n.Langs = nil }, fault.Invalid, "fault.staff.langs"},
		"a language with a space":      {func(n *staff.NewPerson) { n.Langs = []string{"fr en"} }, fault.Invalid, "fault.staff.langs"},
		"a skill with a space":         {func(n *staff.NewPerson) { n.Skills = []string{"topic sextortion"} }, fault.Invalid, "fault.staff.skills"},
		"a skill twice":                {func(n *staff.NewPerson) { n.Skills = []string{"a", "b", "a"} }, fault.Invalid, "fault.staff.skills"},
		"fewer than no chats":          {func(n *staff.NewPerson) { n.ChatCapacity = -1 }, fault.Invalid, "fault.staff.capacity"},
		"a short password":             {func(n *staff.NewPerson) { n.Password = "onze lettre" }, fault.Invalid, "fault.staff.password_short"},
		"a name of a thousand letters": {func(n *staff.NewPerson) { n.Name = strings.Repeat("a", 1000) }, fault.Invalid, "fault.staff.name_form"},
	} {
		t.Run(what, func(t *testing.T) {
			n := fine
			c.change(&n)
			_, err := w.Add(ctx, n, operator)
			wantFault(t, err, c.kind, c.key)
		})
	}
	if n := w.count(`SELECT count(*) FROM staff`); n != 1 {
		t.Errorf("%d accounts, want Camille's alone", n)
	}
	if _, err := w.Add(ctx, fine, operator); err != nil {
		t.Errorf("the fine one: %v", err)
	}
}

// Two who ask for the same login at once: one has it, the other reads who was faster.
func TestAddAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var all sync.WaitGroup
		results := make(chan error, 6)
		for i := range 6 {
			all.Go(func() {
				_, err := w.Add(ctx, staff.NewPerson{Login: "lou", Alias: "Lou " + string(rune('A'+i)), Roles: []staff.Role{staff.Editor}, Langs: []string{"fr"}, Password: good}, operator)
				results <- err
			})
		}
		all.Wait()
		close(results)
		done := 0
		for err := range results {
			if err == nil {
				done++
			} else {
				wantFault(t, err, fault.Conflict, "fault.staff.login_taken")
			}
		}
		if done != 1 {
			t.Errorf("%d made the account", done)
		}
	})
}

// Only what a change names changes; what changed is in the log by the names of the fields, and is true
// at once on a node that had read the person before.
func TestChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille, nour := w.camille(), w.nour()
		other := w.node()
		if must[staff.Person](t)(other.Colleague(ctx, camille.ID)).Has(staff.Supervisor) {
			t.Fatal("she is a supervisor already")
		}
		roles, skills := []staff.Role{staff.Counsellor, staff.Supervisor}, []string{"topic.grooming"}
		changed := must[staff.Person](t)(w.Change(ctx, camille.ID, staff.Change{Roles: &roles, Skills: &skills}, operator))
		if changed.Name != "Anne-Marie Kervella" || changed.Alias != "Camille" || !changed.Has(staff.Supervisor) || !slices.Equal(changed.Skills, skills) {
			t.Errorf("changed to %+v", changed)
		}
		if got := must[staff.Person](t)(w.Get(ctx, camille.ID)); !equal(got, changed) {
			t.Errorf("read again: %+v", got)
		}
		if acts := w.acts("staff.change"); len(acts) != 1 || !strings.Contains(acts[0], "roles/skills") {
			t.Errorf("the log says %q", acts)
		}
		eventually(t, "the other node hears of it", func() bool {
			return must[staff.Person](t)(other.Colleague(ctx, camille.ID)).Has(staff.Supervisor)
		})
		alias := "NOUR"
		_, err := w.Change(ctx, camille.ID, staff.Change{Alias: &alias}, operator)
		wantFault(t, err, fault.Conflict, "fault.staff.alias_taken")
		name := "Farida Nour"
		_, err = w.Change(ctx, nour.ID, staff.Change{Name: &name}, operator)
		wantFault(t, err, fault.Invalid, "fault.staff.alias_tells")
		_, err = w.Change(ctx, store.NewID(), staff.Change{}, operator)
		wantFault(t, err, fault.NotFound, "fault.staff.unknown")
	})
}

// A house always keeps somebody who can let people in.
func TestTheLastAdministratorStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ange, camille := w.ange(), w.camille()
		counsellor := []staff.Role{staff.Counsellor}
		_, err := w.Change(ctx, ange.ID, staff.Change{Roles: &counsellor}, operator)
		wantFault(t, err, fault.Conflict, "fault.staff.last_administrator")
		wantFault(t, w.SetActive(ctx, ange.ID, false, operator), fault.Conflict, "fault.staff.last_administrator")

		// Of two administrators who take one another's role away in the same moment, the second waits for
		// the first, and is refused.
		both := []staff.Role{staff.Counsellor, staff.Administrator}
		must[staff.Person](t)(w.Change(ctx, camille.ID, staff.Change{Roles: &both}, operator))
		second := make(chan error, 1)
		err = db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE staff_turn SET rev = rev + 1`); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE staff SET roles = 'counsellor' WHERE id = $1`, camille.ID); err != nil {
				return err
			}
			go func() {
				_, err := w.Change(ctx, ange.ID, staff.Change{Roles: &counsellor}, operator)
				second <- err
			}()
			select {
			case err := <-second:
				t.Errorf("the second did not wait: %v", err)
				second <- err
			case <-time.After(300 * time.Millisecond):
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantFault(t, <-second, fault.Conflict, "fault.staff.last_administrator")
	})
}

// Whoever is deactivated is out at once, on every node, and cannot come back in until she is let in.
func TestDeactivate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		w.ange()
		token, _ := w.logIn("camille")
		other := w.node()
		if _, _, err := other.Lookup(ctx, token); err != nil {
			t.Fatal(err)
		}
		if err := w.SetActive(ctx, camille.ID, false, operator); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Lookup(ctx, token)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.session_over")
		eventually(t, "she is out on the other node", func() bool { _, _, err := other.Lookup(ctx, token); return err != nil })
		_, err = w.Authenticate(ctx, "camille", good, office, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
		_, _, err = w.OpenSession(ctx, camille.ID, "operator", laptop)
		wantFault(t, err, fault.NotFound, "fault.staff.unknown")
		if roster := must[[]staff.Person](t)(w.Roster(ctx)); len(roster) != 1 || roster[0].Alias != "Ange" {
			t.Errorf("on the roster: %+v", roster)
		}
		if all := must[[]staff.Person](t)(w.List(ctx)); len(all) != 2 || all[1].Alias != "Camille" || all[1].Name != "Anne-Marie Kervella" {
			t.Errorf("everybody: %+v", all)
		}
		if err := w.SetActive(ctx, camille.ID, true, operator); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.Lookup(ctx, token)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.session_over") // an old session does not rise again
		w.logIn("camille")
	})
}

// Of a person who left and is forgotten, only the alias stays.
func TestForget(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		wantFault(t, w.Forget(ctx, camille.ID, operator), fault.Conflict, "fault.staff.still_active")
		if err := w.SetActive(ctx, camille.ID, false, operator); err != nil {
			t.Fatal(err)
		}
		if err := w.Forget(ctx, camille.ID, operator); err != nil {
			t.Fatal(err)
		}
		got := must[staff.Person](t)(w.Get(ctx, camille.ID))
		if got.Alias != "Camille" || got.Name != "" || strings.Contains(got.Login, "camille") {
			t.Errorf("still known: %+v", got)
		}
		wantFault(t, w.SetActive(ctx, camille.ID, true, operator), fault.Gone, "fault.staff.forgotten")
		wantFault(t, w.SetPassword(ctx, camille.ID, better, false, operator), fault.Gone, "fault.staff.forgotten")
	})
}
