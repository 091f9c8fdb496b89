package staff_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// device is a phone that makes and keeps passkeys, in a browser on some site.
type device struct {
	t    *testing.T
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func (w *world) device() *device {
	return &device{
		t: w.t, site: virtualwebauthn.RelyingParty{ID: "vigie.example", Name: "Vigie", Origin: "https://vigie.example"},
		auth: virtualwebauthn.NewAuthenticator(), key: newCredential(w.t),
	}
}

// newCredential makes a key whose coordinates fill their 32 bytes: the library leaves a leading zero out
// (one key in 128), which RFC 8152 §13.1.1 forbids and no real device does.
func newCredential(t *testing.T) virtualwebauthn.Credential {
	t.Helper()
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes() // 4, x, y (SEC 1 §2.3.3)
		if err != nil {
			t.Fatal(err)
		}
		if point[1] == 0 || point[33] == 0 {
			continue
		}
		data, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, data)
	}
}

// create answers navigator.credentials.create.
func (d *device) create(options []byte) []byte {
	d.t.Helper()
	asked := must[*virtualwebauthn.AttestationOptions](d.t)(virtualwebauthn.ParseAttestationOptions(string(options)))
	d.auth.Options.UserHandle = []byte(asked.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.site, d.auth, d.key, *asked))
}

// get answers navigator.credentials.get; a passkey in one device counts its signatures.
func (d *device) get(options []byte) []byte {
	d.t.Helper()
	asked := must[*virtualwebauthn.AssertionOptions](d.t)(virtualwebauthn.ParseAssertionOptions(string(options)))
	d.key.Counter++
	return []byte(virtualwebauthn.CreateAssertionResponse(d.site, d.auth, d.key, *asked))
}

// register gives a person who is logged in a passkey in this device.
func (w *world) register(session staff.Session, d *device, name string) staff.AddedPasskey {
	w.t.Helper()
	token, options, err := w.BeginPasskey(ctx, session)
	if err != nil {
		w.t.Fatal(err)
	}
	return must[staff.AddedPasskey](w.t)(w.FinishPasskey(ctx, session, token, name, d.create(options)))
}

func (w *world) invitation() []byte {
	w.t.Helper()
	return must[[]byte](w.t)(w.BeginPasskeyLogin())
}

// A passkey alone opens the door: no login, no password, and both factors at once. Any node finishes
// what another began.
func TestLogInWithAPasskey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, secondFactor)
		camille := w.camille()
		token, session := w.logIn("camille")
		if session.Needs != staff.NeedFactor {
			t.Fatalf("needs %q", session.Needs)
		}
		phone := w.device()
		other := w.node(secondFactor)
		ceremony, options, err := w.BeginPasskey(ctx, session)
		if err != nil {
			t.Fatal(err)
		}
		var asked struct {
			PublicKey struct {
				User                   struct{ Name, DisplayName string }
				AuthenticatorSelection struct {
					ResidentKey, UserVerification string
					RequireResidentKey            bool
				}
				Attestation string
			}
		}
		if err := json.Unmarshal(options, &asked); err != nil {
			t.Fatal(err)
		}
		if k := asked.PublicKey; k.User.Name != "camille" || k.User.DisplayName != "Camille" || k.AuthenticatorSelection.ResidentKey != "required" ||
			k.AuthenticatorSelection.UserVerification != "required" || !k.AuthenticatorSelection.RequireResidentKey || k.Attestation != "none" || strings.Contains(string(options), "Kervella") {
			t.Errorf("her phone is asked %s", options)
		}
		added := must[staff.AddedPasskey](t)(other.FinishPasskey(ctx, session, ceremony, " mon  téléphone ", phone.create(options)))
		if added.Name != "mon téléphone" {
			t.Errorf("named %q", added.Name)
		}
		if session, person, err := w.Lookup(ctx, token); err != nil || session.Needs != staff.NeedNothing || !person.Can(staff.DeskUse) {
			t.Errorf("enrolled: needs %q, %v", session.Needs, err)
		}

		invitation := w.invitation()
		if strings.Contains(string(invitation), "camille") || strings.Contains(string(invitation), "allowCredentials") || !strings.Contains(string(invitation), `"userVerification":"required"`) {
			t.Errorf("anybody is told %s", invitation)
		}
		step := must[staff.LoginStep](t)(other.FinishPasskeyLogin(ctx, phone.get(invitation), office, laptop))
		if step.Next != staff.NextNothing || step.Person.ID != camille.ID || step.Session.How != "passkey" || step.Session.Needs != staff.NeedNothing {
			t.Errorf("step %+v", step)
		}
		if _, person, err := w.Lookup(ctx, step.Token); err != nil || !person.Can(staff.DeskUse) {
			t.Errorf("%+v, %v", person, err)
		}
		f := must[staff.Factors](t)(w.Factors(ctx, camille.ID))
		if len(f.Passkeys) != 1 || f.Passkeys[0].Name != "mon téléphone" || !f.Passkeys[0].UsedAt.Equal(w.clock.Now()) {
			t.Errorf("factors %+v", f)
		}
		// Where a second factor is asked for and she has no code generator, the password asks for the passkey.
		if next := must[staff.LoginStep](t)(w.Authenticate(ctx, "camille", good, office, laptop)); next.Next != staff.NextPasskey || next.Token != "" {
			t.Errorf("by password: %+v", next)
		}
	})
}

// Nothing is written for somebody who only opens the log-in page, however often.
func TestAnInvitationIsNotWritten(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	before := w.db.Statements()
	first, second := w.invitation(), w.invitation()
	if n := w.db.Statements() - before; n != 0 {
		t.Errorf("%d statements", n)
	}
	if string(first) == string(second) {
		t.Error("two invitations have the same challenge")
	}
}

// What a device signed is heard once: not again, not on another node, not at the same moment.
func TestAReplayedPasskeyLogin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		_, session := w.logIn("camille")
		phone := w.device()
		phone.auth.Options.BackupEligible = true // a synchronised passkey does not count, so only the challenge protects
		w.register(session, phone, "téléphone")
		nodes := []*staff.Staff{w.Staff, w.node()}
		for range 5 {
			phone.key.Counter = ^uint32(0)
			response := phone.get(w.invitation()) // counter 0
			var all sync.WaitGroup
			in := make(chan string, 6)
			for i := range 6 {
				all.Go(func() {
					if step, err := nodes[i%2].FinishPasskeyLogin(ctx, response, office, laptop); err == nil {
						in <- step.Token
					} else if fault.KindOf(err) != fault.Gone {
						t.Errorf("a replay: %v", err)
					}
				})
			}
			all.Wait()
			if len(in) != 1 {
				t.Errorf("%d sessions from one signature", len(in))
			}
			_, err := w.FinishPasskeyLogin(ctx, response, office, laptop)
			wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		}
		// The sweep does not make it good again.
		response := phone.get(w.invitation())
		must[staff.LoginStep](t)(w.FinishPasskeyLogin(ctx, response, office, laptop))
		w.clock.Move(6 * time.Minute)
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		_, err := w.FinishPasskeyLogin(ctx, response, office, laptop)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
	})
}

// Whatever a device or an attacker shows instead, the door stays shut, with one sentence for all.
func TestPasskeyLoginRefuses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	camille, nour := w.camille(), w.nour()
	w.ange()
	_, session := w.logIn("camille")
	phone := w.device()
	w.register(session, phone, "téléphone")
	good := func() []byte { return phone.get(w.invitation()) }
	closed := func(err error) {
		t.Helper()
		wantFault(t, err, fault.Unauthenticated, "fault.staff.passkey")
	}
	try := func(response []byte) error {
		t.Helper()
		w.clock.Move(time.Second)
		_, err := w.FinishPasskeyLogin(ctx, response, office, laptop)
		return err
	}
	if err := try(good()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", "null", "[]", `{"id":"x"}`, strings.Repeat("[", 10000), strings.Repeat("A", 1<<20)} {
		closed(try([]byte(text)))
	}
	t.Run("another site", func(t *testing.T) {
		phishing := *phone
		phishing.site.Origin = "https://vigie.example.evil.example"
		closed(try(phishing.get(w.invitation())))
		phishing.site = virtualwebauthn.RelyingParty{ID: "evil.example", Origin: "https://vigie.example"}
		closed(try(phishing.get(w.invitation())))
	})
	t.Run("nobody verified", func(t *testing.T) {
		found := *phone // a phone found in the street, its key used without a finger or a PIN
		found.auth.Options.UserNotVerified = true
		closed(try(found.get(w.invitation())))
		phone.key.Counter = found.key.Counter
	})
	t.Run("another key", func(t *testing.T) {
		thief := w.device()
		thief.auth.Options.UserHandle = []byte(camille.ID)
		closed(try(thief.get(w.invitation())))
		thief.key.ID = phone.key.ID
		closed(try(thief.get(w.invitation())))
	})
	t.Run("another person's handle", func(t *testing.T) {
		swapped := *phone
		swapped.auth.Options.UserHandle = []byte(nour.ID)
		closed(try(swapped.get(w.invitation())))
		swapped.auth.Options.UserHandle = nil
		closed(try(swapped.get(w.invitation())))
		swapped.auth.Options.UserHandle = []byte("nobody")
		closed(try(swapped.get(w.invitation())))
		phone.key.Counter = swapped.key.Counter
	})
	t.Run("a challenge of its own making", func(t *testing.T) {
		over := func(err error) { t.Helper(); wantFault(t, err, fault.Gone, "fault.staff.ceremony_over") }
		forged := []byte(`{"publicKey":{"challenge":"` + strings.Repeat("A", 54) + `","rpId":"vigie.example"}}`)
		over(try(phone.get(forged)))
		foreign := newWorld(t, storetest.SQLite(t))
		over(try(phone.get(foreign.invitation())))
		late := w.invitation()
		w.clock.Move(5*time.Minute + time.Second)
		over(try(phone.get(late)))
	})
	t.Run("a count that went back", func(t *testing.T) {
		if err := try(good()); err != nil {
			t.Fatal(err)
		}
		copied := *phone
		if err := try(good()); err != nil {
			t.Fatal(err)
		}
		closed(try(copied.get(w.invitation())))
		if err := w.WriteFailures(ctx, true); err != nil {
			t.Fatal(err)
		}
		if acts := strings.Join(w.acts("staff.login_failed"), " "); !strings.Contains(acts, "passkey_copied") {
			t.Errorf("the log says %s", acts)
		}
	})
	t.Run("somebody who left", func(t *testing.T) {
		if err := w.SetActive(ctx, camille.ID, false, operator); err != nil {
			t.Fatal(err)
		}
		closed(try(good()))
	})
}

// A passkey is enrolled by the person who began it, from the response to that very invitation, once.
func TestRegistrationRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		w.nour()
		_, session := w.logIn("camille")
		_, nours := w.logIn("nour")
		phone := w.device()
		begin := func() (string, []byte) {
			t.Helper()
			token, options, err := w.BeginPasskey(ctx, session)
			if err != nil {
				t.Fatal(err)
			}
			return token, options
		}
		token, options := begin()
		response := phone.create(options)
		_, err := w.FinishPasskey(ctx, nours, token, "téléphone", response)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		_, err = w.FinishPasskey(ctx, session, token, "", response)
		wantFault(t, err, fault.Invalid, "fault.staff.passkey_name")
		must[staff.AddedPasskey](t)(w.FinishPasskey(ctx, session, token, "téléphone", response))
		_, err = w.FinishPasskey(ctx, session, token, "encore", response)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")

		token, options = begin()
		if !strings.Contains(string(options), "excludeCredentials") {
			t.Error("her phone is not told that it has a passkey already")
		}
		_, err = w.FinishPasskey(ctx, session, token, "le même", phone.create(options))
		wantFault(t, err, fault.Conflict, "fault.staff.passkey_there")

		for what, spoil := range map[string]func(d *device){
			"another site":    func(d *device) { d.site.Origin = "https://evil.example" },
			"another id":      func(d *device) { d.site.ID = "evil.example" },
			"nobody verified": func(d *device) { d.auth.Options.UserNotVerified = true },
			"nobody present":  func(d *device) { d.auth.Options.UserNotPresent = true },
		} {
			d := w.device()
			spoil(d)
			token, options := begin()
			_, err := w.FinishPasskey(ctx, session, token, "autre", d.create(options))
			if f := fault.As(err); f == nil || f.Key != "fault.staff.passkey_refused" {
				t.Errorf("%s: %v", what, err)
			}
		}
		first, old := begin()
		_, newer := begin()
		_, err = w.FinishPasskey(ctx, session, first, "échangé", w.device().create(newer))
		wantFault(t, err, fault.Invalid, "fault.staff.passkey_refused")
		_, err = w.FinishPasskey(ctx, session, first, "après", w.device().create(old)) // heard once, right or not
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		late, options := begin()
		w.clock.Move(6 * time.Minute)
		_, err = w.FinishPasskey(ctx, session, late, "trop tard", w.device().create(options))
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		if f := must[staff.Factors](t)(w.Factors(ctx, session.PersonID)); len(f.Passkeys) != 1 {
			t.Errorf("passkeys: %+v", f.Passkeys)
		}
	})
}

// A person names, renames and removes her passkeys; with the last one, in a house that asks for a second
// factor, she cannot.
func TestPasskeysAreHers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		w.nour()
		_, session := w.logIn("camille")
		_, nours := w.logIn("nour")
		phone, token := w.device(), w.device()
		first := w.register(session, phone, "téléphone")
		w.clock.Move(time.Minute)
		second := w.register(session, token, "porte-clés")
		wantFault(t, w.RenamePasskey(ctx, nours, first.ID, "à moi"), fault.NotFound, "fault.staff.passkey_unknown")
		wantFault(t, w.RemovePasskey(ctx, nours, first.ID), fault.NotFound, "fault.staff.passkey_unknown")
		if err := w.RenamePasskey(ctx, session, first.ID, "ancien téléphone"); err != nil {
			t.Fatal(err)
		}
		if f := must[staff.Factors](t)(w.Factors(ctx, camille.ID)); len(f.Passkeys) != 2 || f.Passkeys[0].Name != "ancien téléphone" || f.Passkeys[1].Name != "porte-clés" {
			t.Errorf("passkeys: %+v", f.Passkeys)
		}
		stolen := must[staff.LoginStep](t)(w.FinishPasskeyLogin(ctx, phone.get(w.invitation()), cafe, laptop))
		if err := w.RemovePasskey(ctx, session, first.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Lookup(ctx, stolen.Token)
		wantOver(t, err)
		_, err = w.FinishPasskeyLogin(ctx, phone.get(w.invitation()), cafe, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.passkey")
		must[staff.LoginStep](t)(w.FinishPasskeyLogin(ctx, token.get(w.invitation()), office, laptop))
		strict := w.node(secondFactor)
		wantFault(t, strict.RemovePasskey(ctx, session, second.ID), fault.Conflict, "fault.staff.last_factor")
		must[staff.LoginStep](t)(w.FinishPasskeyLogin(ctx, token.get(w.invitation()), office, laptop))
		late := session
		late.ConfirmedAt = w.clock.Now().Add(-time.Hour)
		wantFault(t, w.RemovePasskey(ctx, late, second.ID), fault.Forbidden, "fault.staff.confirm")
		wantFault(t, w.RenamePasskey(ctx, late, second.ID, "à moi"), fault.Forbidden, "fault.staff.confirm")
		if acts := w.acts("staff.passkey_rename"); len(acts) != 1 {
			t.Errorf("the log says %q", acts)
		}
	})
}

// Who has a passkey only, and lost it, gets in with her password and a code from the paper that came with
// it, where the house asks for a second factor; not with her password alone.
func TestALostPasskey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, secondFactor)
		w.camille()
		_, session := w.logIn("camille")
		paper := w.register(session, w.device(), "téléphone").Recovery
		if len(paper) != 10 {
			t.Fatalf("the first passkey comes with %d codes", len(paper))
		}
		half := w.half("camille")
		_, err := w.Code(ctx, half, "123456", laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
		step := must[staff.LoginStep](t)(w.Code(ctx, half, paper[0], laptop))
		if !step.Person.Can(staff.DeskUse) {
			t.Errorf("roles %v", step.Person.Roles)
		}
	})
}

// The codes on her paper stay good when another passkey follows, or when she had a code generator before.
func TestRecoveryCodesComeWithTheFirstFactor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, secondFactor)
		w.camille()
		w.nour()
		_, session := w.logIn("camille")
		paper := w.register(session, w.device(), "téléphone").Recovery
		if more := w.register(session, w.device(), "porte-clés").Recovery; more != nil {
			t.Errorf("the second passkey came with %d codes", len(more))
		}
		must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), paper[9], laptop))
		_, session = w.logIn("nour")
		_, paper = w.enrol(session)
		if more := w.register(session, w.device(), "téléphone").Recovery; more != nil {
			t.Errorf("a passkey beside a code generator came with %d codes", len(more))
		}
		must[staff.LoginStep](t)(w.Code(ctx, w.half("nour"), paper[9], laptop))
	})
}

// A house that names no site, or an address instead of a name, has no passkeys, and says so.
func TestNoPasskeys(t *testing.T) {
	for _, site := range []string{"", "127.0.0.1", "::1"} {
		t.Run("site "+site, func(t *testing.T) { withoutPasskeys(t, site) })
	}
}

func withoutPasskeys(t *testing.T, site string) {
	w := newWorld(t, storetest.SQLite(t), func(o *staff.Options) { o.RelyingParty = site })
	w.camille()
	_, session := w.logIn("camille")
	_, _, err := w.BeginPasskey(ctx, session)
	wantFault(t, err, fault.Unsupported, "fault.staff.no_passkeys")
	_, err = w.BeginPasskeyLogin()
	wantFault(t, err, fault.Unsupported, "fault.staff.no_passkeys")
	_, err = w.FinishPasskeyLogin(ctx, nil, office, laptop)
	wantFault(t, err, fault.Unsupported, "fault.staff.no_passkeys")
	if w.Passkeys() {
		t.Error("it says it has some")
	}
}
