package staff_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"vigie/internal/fault"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// generator is the app in a person's phone.
type generator struct {
	w      *world
	secret string
}

func (g generator) code() string {
	g.w.t.Helper()
	return must[string](g.w.t)(totp.GenerateCode(g.secret, g.w.clock.Now()))
}

// enrol gives a person who is logged in a code generator and ten codes on paper. The clock moves on, so
// that the code of the enrolment is over.
func (w *world) enrol(session staff.Session) (generator, []string) {
	w.t.Helper()
	offered := must[staff.Enrolment](w.t)(w.BeginTOTP(ctx, session))
	g := generator{w, offered.Secret}
	paper := must[[]string](w.t)(w.FinishTOTP(ctx, session, offered.Ceremony, g.code()))
	w.clock.Move(90 * time.Second)
	return g, paper
}

// half begins a log-in with the right password and returns the half that a code finishes.
func (w *world) half(login string) string {
	w.t.Helper()
	step := must[staff.LoginStep](w.t)(w.Authenticate(ctx, login, good, office, laptop))
	if step.Next == staff.NextNothing || step.Half == "" || step.Token != "" {
		w.t.Fatalf("no second step: %+v", step)
	}
	return step.Half
}

// With a code generator enrolled, the password is half of a log-in and the code the other half.
func TestLogInWithACode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		here, session := w.logIn("camille")
		elsewhere, _ := w.logIn("camille")
		phone, paper := w.enrol(session)
		if _, _, err := w.Lookup(ctx, here); err != nil {
			t.Errorf("the browser she enrolled in: %v", err)
		}
		_, _, err := w.Lookup(ctx, elsewhere)
		wantOver(t, err) // it had shown a password only
		if f := must[staff.Factors](t)(w.Factors(ctx, camille.ID)); !f.TOTP || f.RecoveryLeft != 10 || len(paper) != 10 {
			t.Errorf("factors %+v, %d codes", f, len(paper))
		}

		half := w.half("camille")
		if _, _, err := w.Lookup(ctx, half); err == nil {
			t.Error("the half opens the door")
		}
		_, err = w.Code(ctx, half, "000000", laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
		code := phone.code()
		step := must[staff.LoginStep](t)(w.Code(ctx, half, code[:3]+" "+code[3:], laptop))
		if _, person, err := w.Lookup(ctx, step.Token); err != nil || person.ID != camille.ID {
			t.Errorf("%+v, %v", person, err)
		}
		// The half is used up, and so is the code.
		_, err = w.Code(ctx, half, phone.code(), laptop)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		_, err = w.Code(ctx, w.half("camille"), code, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
		w.clock.Move(30 * time.Second)
		must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), phone.code(), laptop))
		if acts := w.acts("staff.login"); !strings.Contains(acts[len(acts)-1], "password-code") {
			t.Errorf("the log says %q", acts)
		}
		if secret := must[[]byte](t)(store.One(ctx, db, func(r store.Row) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT secret_sealed FROM staff_totp`)); strings.Contains(string(secret), phone.secret) {
			t.Error("the secret is in the record")
		}
	})
}

// A code seen over her shoulder and sent at the very moment she sends it herself opens one session, not
// two, on however many nodes.
func TestTheSameCodeAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		_, session := w.logIn("camille")
		phone, paper := w.enrol(session)
		nodes := []*staff.Staff{w.Staff, w.node()}
		for _, what := range []string{"a code of the phone", "a recovery code"} {
			for round := range 5 {
				code := phone.code()
				if what == "a recovery code" {
					code = paper[round]
				}
				halves := []string{w.half("camille"), w.half("camille"), w.half("camille")}
				var all sync.WaitGroup
				in := make(chan string, 6)
				start := make(chan struct{})
				for i := range 6 {
					all.Go(func() {
						<-start
						if step, err := nodes[i%2].Code(ctx, halves[i%3], code, laptop); err == nil {
							in <- step.Token
						}
					})
				}
				close(start)
				all.Wait()
				if len(in) != 1 {
					t.Errorf("%s opened %d sessions", what, len(in))
				}
				w.clock.Move(10 * time.Minute)
			}
		}
	})
}

// Two attempts with one half: one finishes it.
func TestOneHalfAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		_, session := w.logIn("camille")
		phone, paper := w.enrol(session)
		half := w.half("camille")
		codes := append([]string{phone.code()}, paper[:3]...)
		var all sync.WaitGroup
		in := make(chan string, len(codes))
		for _, code := range codes {
			all.Go(func() {
				if step, err := w.Code(ctx, half, code, laptop); err == nil {
					in <- step.Token
				}
			})
		}
		all.Wait()
		if len(in) != 1 {
			t.Errorf("%d sessions", len(in))
		}
		if n := w.count(`SELECT count(*) FROM staff_recovery WHERE used_at <> 0`); n > 1 {
			t.Errorf("%d recovery codes are gone for one log-in", n)
		}
	})
}

// A phone's clock may be half a minute off, not more.
func TestSkew(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	_, session := w.logIn("camille")
	phone, _ := w.enrol(session)
	for _, c := range []struct {
		off time.Duration
		in  bool
	}{{-90 * time.Second, false}, {-30 * time.Second, true}, {30 * time.Second, true}, {90 * time.Second, false}} {
		w.clock.Move(10 * time.Minute)
		code := must[string](t)(totp.GenerateCode(phone.secret, w.clock.Now().Add(c.off)))
		_, err := w.Code(ctx, w.half("camille"), code, laptop)
		if (err == nil) != c.in {
			t.Errorf("a clock %v off: %v", c.off, err)
		}
	}
}

// The codes are those of RFC 6238 (appendix B, SHA-1, the last six of its eight digits).
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if step := staff.MatchStep("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", want, time.Unix(at, 0)); step != at/30 {
			t.Errorf("at %d the code %s is of step %d", at, want, step)
		}
	}
	if staff.MatchStep("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "", time.Unix(59, 0)) != 0 || staff.MatchStep("not base32!", "287082", time.Unix(59, 0)) != 0 {
		t.Error("nothing is a code")
	}
}

// Guessing the six digits is slowed more and more, across nodes, restarts and halves; she gets in when
// the delay is over, and a passkey or a colleague is not held up.
func TestGuessedCodesAreSlowed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		_, session := w.logIn("camille")
		phone, _ := w.enrol(session)
		heard, waited := 0, time.Duration(0)
		for i := 0; heard < 14; i++ {
			node := w.node() // a restart forgets nothing
			_, err := node.Code(ctx, w.half("camille"), fmt.Sprintf("%06d", i), laptop)
			if fault.Is(err, fault.Unauthenticated) {
				heard++
				continue
			}
			wantFault(t, err, fault.TooMany, "fault.staff.wait")
			wait := time.Duration(fault.As(err).Args[1].(int)) * time.Second
			waited += wait
			w.clock.Move(wait)
		}
		if waited < 20*time.Minute || waited > 40*time.Minute {
			t.Errorf("fourteen guesses took %v", waited)
		}
		_, err := w.Code(ctx, w.half("camille"), phone.code(), laptop)
		wantFault(t, err, fault.TooMany, "fault.staff.wait")
		w.clock.Move(5 * time.Minute)
		must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), phone.code(), laptop))
		w.clock.Move(time.Minute)
		_, err = w.Code(ctx, w.half("camille"), "000000", laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code") // success cleared the count
	})
}

// Codes on paper: each opens once, read with its look-alikes, and new ones make the old ones void.
func TestRecoveryCodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		_, session := w.logIn("camille")
		_, err := w.NewRecoveryCodes(ctx, session)
		wantFault(t, err, fault.Conflict, "fault.staff.no_factor")
		_, paper := w.enrol(session)
		form := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$`)
		seen := map[string]bool{}
		for _, code := range paper {
			if !form.MatchString(code) || seen[code] {
				t.Errorf("code %q", code)
			}
			seen[code] = true
		}
		typed := strings.NewReplacer("0", "o", "1", "l", "-", " ").Replace(strings.ToLower(paper[3]))
		step := must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), typed, laptop))
		if step.Session.How != "password-recovery" {
			t.Errorf("how: %s", step.Session.How)
		}
		_, err = w.Code(ctx, w.half("camille"), paper[3], laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
		if f := must[staff.Factors](t)(w.Factors(ctx, camille.ID)); f.RecoveryLeft != 9 {
			t.Errorf("%d are left", f.RecoveryLeft)
		}
		fresh := must[[]string](t)(w.NewRecoveryCodes(ctx, step.Session))
		_, err = w.Code(ctx, w.half("camille"), paper[4], laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
		must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), fresh[4], laptop))
	})
}

// One person's code or half is nothing in another's log-in.
func TestCodesAreHers(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	w.nour()
	_, session := w.logIn("camille")
	_, paper := w.enrol(session)
	_, session = w.logIn("nour")
	phone, _ := w.enrol(session)
	_, err := w.Code(ctx, w.half("nour"), paper[0], laptop)
	wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
	_, err = w.Code(ctx, w.half("camille"), phone.code(), laptop)
	wantFault(t, err, fault.Unauthenticated, "fault.staff.code")
}

// A half lives five minutes, and dies with the password it was begun with, with the account, and with
// a reset.
func TestAHalfEnds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		_, session := w.logIn("camille")
		phone, _ := w.enrol(session)
		for what, end := range map[string]func() error{
			"five minutes":     func() error { w.clock.Move(5*time.Minute + time.Second); return nil },
			"another password": func() error { return w.SetPassword(ctx, camille.ID, good, false, operator) },
			"all logged out":   func() error { return w.RevokeAll(ctx, camille.ID, "", operator) },
			"begun while she logged out everywhere": func() error {
				_, err := db.Exec(ctx, `UPDATE staff SET epoch = epoch + 1`)
				return err
			},
			"deactivated": func() error {
				if err := w.SetActive(ctx, camille.ID, false, operator); err != nil {
					return err
				}
				return w.SetActive(ctx, camille.ID, true, operator)
			},
		} {
			half := w.half("camille")
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Code(ctx, half, phone.code(), laptop); fault.KindOf(err) != fault.Gone {
				t.Errorf("%s: %v", what, err)
			}
			w.clock.Move(time.Minute)
		}
		half := w.half("camille")
		if err := w.ResetFactors(ctx, camille.ID, operator); err != nil {
			t.Fatal(err)
		}
		_, err := w.Code(ctx, half, phone.code(), laptop)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		w.logIn("camille") // by her password alone, as before
		for _, bad := range []string{"", "x", half + "A"} {
			_, err := w.Code(ctx, bad, "123456", laptop)
			wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		}
	})
}

// An enrolment is finished by the person who began it, with a code of that very generator; a typing
// error may be repeated, a finished enrolment not.
func TestEnrolment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		w.nour()
		_, session := w.logIn("camille")
		_, nours := w.logIn("nour")
		offered := must[staff.Enrolment](t)(w.BeginTOTP(ctx, session))
		if !strings.HasPrefix(offered.URL, "otpauth://totp/Vigie:camille?") || strings.Contains(offered.URL, "Kervella") {
			t.Errorf("the phone is told %q", offered.URL)
		}
		modules := must[[][]bool](t)(offered.QR())
		if len(modules) < 21 || len(modules) != len(modules[0]) || !modules[0][0] || modules[1][1] {
			t.Errorf("a QR of %d modules", len(modules)) // it begins with the corner of a finder pattern
		}
		phone := generator{w, offered.Secret}
		_, err := w.FinishTOTP(ctx, session, offered.Ceremony, "000000")
		wantFault(t, err, fault.Invalid, "fault.staff.totp_code")
		_, err = w.FinishTOTP(ctx, nours, offered.Ceremony, phone.code())
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		_, err = w.Code(ctx, offered.Ceremony, phone.code(), laptop) // an enrolment is no log-in
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		code := phone.code()
		must[[]string](t)(w.FinishTOTP(ctx, session, offered.Ceremony, code))
		_, err = w.FinishTOTP(ctx, session, offered.Ceremony, code)
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
		_, err = w.BeginTOTP(ctx, session)
		wantFault(t, err, fault.Conflict, "fault.staff.totp_there")
		// The code that enrolled does not log in.
		_, err = w.Code(ctx, w.half("camille"), code, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.code")

		late := must[staff.Enrolment](t)(w.BeginTOTP(ctx, nours))
		w.clock.Move(16 * time.Minute)
		_, err = w.FinishTOTP(ctx, nours, late.Ceremony, generator{w, late.Secret}.code())
		wantFault(t, err, fault.Gone, "fault.staff.ceremony_over")
	})
}

// Where the house asks for a second factor, a password alone opens one room, the one where a factor is
// enrolled, and the last factor cannot be taken away.
func TestASecondFactorIsRequired(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, secondFactor)
		w.camille()
		step := must[staff.LoginStep](t)(w.Authenticate(ctx, "camille", good, office, laptop))
		session, person, err := w.Lookup(ctx, step.Token)
		if err != nil || session.Needs != staff.NeedFactor || person.Can(staff.DeskUse) || step.Person.Can(staff.DeskUse) || !person.Can(staff.ProfileOwn) {
			t.Fatalf("needs %q, roles %v, %v", session.Needs, person.Roles, err)
		}
		stranger := must[staff.LoginStep](t)(w.Authenticate(ctx, "camille", good, cafe, laptop))
		phone, _ := w.enrol(session)
		session, person, err = w.Lookup(ctx, step.Token)
		if err != nil || session.Needs != staff.NeedNothing || !person.Can(staff.DeskUse) {
			t.Errorf("enrolled: needs %q, roles %v, %v", session.Needs, person.Roles, err)
		}
		_, _, err = w.Lookup(ctx, stranger.Token) // who had her password does not profit from her enrolment
		wantOver(t, err)
		wantFault(t, w.RemoveTOTP(ctx, session), fault.Conflict, "fault.staff.last_factor")
		must[staff.LoginStep](t)(w.Code(ctx, w.half("camille"), phone.code(), laptop))

		// Elsewhere she may take it away, and the codes on paper go with it.
		free := w.node()
		if err := free.RemoveTOTP(ctx, session); err != nil {
			t.Fatal(err)
		}
		if f := must[staff.Factors](t)(free.Factors(ctx, person.ID)); f.TOTP || f.RecoveryLeft != 0 {
			t.Errorf("left: %+v", f)
		}
	})
}
