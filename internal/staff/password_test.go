package staff_test

import (
	"strings"
	"testing"

	"vigie/internal/fault"
	"vigie/internal/slowhash"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// A password is long and not what everybody tries first. Nothing says which signs it must have.
func TestPasswordPolicy(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	camille := w.camille()
	refused := map[string][]string{
		"fault.staff.password_short": {"", "court", "onze signes", "éèàùçêîôûë1"},
		"fault.staff.password_long":  {strings.Repeat("un phare dans la nuit ", 20), "une lampe \xff au large"},
		"fault.staff.password_common": {
			"motdepasse123", "MotDePasse2026!", "azertyuiop123", "qwertyuiop[]", "123456789012", "000000000000", "121212121212",
			"Bonjour2026!!", "soleil-soleil", "P4ssw0rd!P4ssw0rd!", "iloveyou-iloveyou", "abcdefghijklm", "camille-2026!!", "Camille Camille", "vigie3018vigie",
			"correct horse battery staple", "kervella123456", "qsdfghjklmwxcvbn", "aaaaaaaaaaaaaaaa", "JanvierFévrier",
		},
	}
	for key, passwords := range refused {
		for _, password := range passwords {
			wantFault(t, w.SetPassword(ctx, camille.ID, password, false, operator), fault.Invalid, key)
			if t.Failed() {
				t.Fatalf("of %q", password)
			}
		}
	}
	for _, password := range []string{good, better, "83920174659928", "tramontane et granit", "Пароль-маяк-море", "灯台の光が海を照らす夜に", "panneau de signalisation", staff.MakePassword(), staff.MakePassword()} {
		if err := w.SetPassword(ctx, camille.ID, password, false, operator); err != nil {
			t.Errorf("%q is refused: %v", password, err)
		}
	}
}

// The same letters typed on another keyboard are the same password; a copy of the record does not even
// let anybody try passwords on it without the root key.
func TestPasswordIsPepperedAndNormal(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	camille := w.camille()
	const composed, decomposed = "une br\u00e8che \u00e9troite", "une bre\u0300che e\u0301troite"
	if err := w.SetPassword(ctx, camille.ID, composed, false, operator); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Authenticate(ctx, "camille", decomposed, office, laptop); err != nil {
		t.Errorf("typed on a Mac: %v", err)
	}
	phc := must[string](t)(store.One(ctx, w.db, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT password FROM staff`))
	sum := must[slowhash.Sum](t)(slowhash.Parse(phc))
	if right, err := sum.Verify(ctx, []byte(composed)); right || err != nil {
		t.Errorf("the hash can be tried without the pepper (%v)", err)
	}
}

// When the house raises the costs, a hash is renewed the next time its owner logs in.
func TestOldHashesAreRenewed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		dearer := w.node(func(o *staff.Options) { o.Costs = slowhash.Params{MemoryKiB: 128, Passes: 2, Lanes: 1} })
		hash := func() string {
			return must[string](t)(store.One(ctx, db, func(r store.Row) (s string, err error) { return s, r.Scan(&s) }, `SELECT password FROM staff`))
		}
		if _, err := dearer.Authenticate(ctx, "camille", "not her password", office, laptop); err == nil || !strings.Contains(hash(), "m=64,t=1") {
			t.Fatalf("a wrong password: %v, hash %s", err, hash())
		}
		if _, err := dearer.Authenticate(ctx, "camille", good, office, laptop); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(hash(), "m=128,t=2") {
			t.Errorf("the hash is still %s", hash())
		}
		if _, err := dearer.Authenticate(ctx, "camille", good, office, laptop); err != nil {
			t.Errorf("with the new hash: %v", err)
		}
	})
}

// Changing her password, a person shows the old one; her other browsers are out, this one is not.
func TestChangePassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		here, session := w.logIn("camille")
		elsewhere, _ := w.logIn("camille")
		wantFault(t, w.ChangePassword(ctx, session, "not her password", better, office), fault.Unauthenticated, "fault.staff.password_wrong")
		wantFault(t, w.ChangePassword(ctx, session, good, good, office), fault.Invalid, "fault.staff.password_same")
		wantFault(t, w.ChangePassword(ctx, session, good, "court", office), fault.Invalid, "fault.staff.password_short")
		if _, _, err := w.Lookup(ctx, elsewhere); err != nil {
			t.Fatalf("nothing changed, and: %v", err)
		}
		if err := w.ChangePassword(ctx, session, good, better, office); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Lookup(ctx, here); err != nil {
			t.Errorf("the browser she changed it in: %v", err)
		}
		_, _, err := w.Lookup(ctx, elsewhere)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.session_over")
		_, err = w.Authenticate(ctx, "camille", good, office, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
		if _, err := w.Authenticate(ctx, "camille", better, office, laptop); err != nil {
			t.Errorf("the new one: %v", err)
		}
		if acts := w.acts("staff.password"); len(acts) != 1 {
			t.Errorf("the log says %q", acts)
		}
	})
}

// A password that somebody else chose opens the door to one room: the one where it is changed.
func TestAGivenPasswordMustBeChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		given := staff.MakePassword()
		w.add(staff.NewPerson{Login: "lou", Alias: "Lou", Roles: []staff.Role{staff.Administrator}, Password: given, Given: true})
		step := must[staff.LoginStep](t)(w.Authenticate(ctx, "lou", given, office, laptop))
		session, person, err := w.Lookup(ctx, step.Token)
		if err != nil {
			t.Fatal(err)
		}
		if session.Needs != staff.NeedPassword || step.Session.Needs != staff.NeedPassword || person.Can(staff.StaffManage) || step.Person.Can(staff.StaffManage) || !person.Can(staff.ProfileOwn) {
			t.Errorf("needs %q, roles %v", session.Needs, person.Roles)
		}
		if err := w.ChangePassword(ctx, session, given, good, office); err != nil {
			t.Fatal(err)
		}
		session, person, err = w.Lookup(ctx, step.Token)
		if err != nil || session.Needs != staff.NeedNothing || !person.Can(staff.StaffManage) {
			t.Errorf("after that: needs %q, roles %v, %v", session.Needs, person.Roles, err)
		}
		// An administrator who resets it puts her back there, and out of her sessions.
		if err := w.SetPassword(ctx, person.ID, given, true, operator); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.Lookup(ctx, step.Token)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.session_over")
	})
}

// Whatever is typed, the policy answers; what it lets through can be hashed and is as long as it says.
func FuzzPassword(f *testing.F) {
	for _, seed := range []string{good, "motdepasse2026", "\xff\xfe lampe au large", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", "İİİİİİİİİİİİ phare", "ﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃ"} {
		f.Add(seed, "camille", "Camille", "Anne-Marie Kervella")
	}
	f.Fuzz(func(t *testing.T, password, login, alias, name string) {
		err := staff.CheckPassword(password, staff.Person{Login: login, Alias: alias, Name: name})
		if err == nil && len(password) < 12 {
			t.Errorf("%q is let through", password)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
}
