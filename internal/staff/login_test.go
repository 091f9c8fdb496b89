package staff_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/slowhash"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// With the right password she is in, and the log says how.
func TestAuthenticate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		step := must[staff.LoginStep](t)(w.Authenticate(ctx, " CAMILLE ", good, office, laptop))
		if step.Next != staff.NextNothing || step.Person.ID != camille.ID || step.Person.Name != "" {
			t.Errorf("step %+v", step)
		}
		session, person, err := w.Lookup(ctx, step.Token)
		if err != nil || person.ID != camille.ID || session.Device != laptop || session.How != "password" || !person.Can(staff.DeskUse) {
			t.Errorf("session %+v of %+v, %v", session, person, err)
		}
		if acts := w.acts("staff.login"); len(acts) != 1 || !strings.Contains(acts[0], `"how":"password"`) {
			t.Errorf("the log says %q", acts)
		}
		if n := w.count(`SELECT count(*) FROM staff_session WHERE token_hash = $1`, []byte(step.Token)); n != 0 {
			t.Error("the token itself is in the record")
		}
	})
}

// Whatever was wrong, the answer is the same word for word.
func TestAuthenticateTellsNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	camille := w.camille()
	w.add(staff.NewPerson{Login: "lou", Alias: "Lou", Roles: []staff.Role{staff.Editor}})
	lou := must[staff.Person](t)(w.ByLogin(ctx, "lou"))
	if err := w.SetActive(ctx, lou.ID, false, operator); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string][2]string{
		"a wrong password":      {"camille", "not her password"},
		"no password":           {"camille", ""},
		"an unknown login":      {"sacha", good},
		"an impossible login":   {"<script>'; --", good},
		"an account not active": {"lou", good},
		"somebody's id":         {camille.ID, good},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := w.Authenticate(ctx, try[0], try[1], what, laptop)
			wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
			if f := fault.As(err); f != nil && (len(f.Args) > 0 || f.Cause != nil) {
				t.Errorf("the fault carries %v, %v", f.Args, f.Cause)
			}
		})
	}
}

// A login that does not exist takes as long as one that does.
func TestAnUnknownLoginCostsTheSame(t *testing.T) {
	costs := slowhash.Params{MemoryKiB: 16 << 10, Passes: 2, Lanes: 1}
	w := newWorld(t, storetest.SQLite(t), func(o *staff.Options) { o.Costs = costs })
	w.camille()
	// The quickest of some, taken in turns: what else the machine does only makes single ones slower. Where no
	// password is hashed, no number of them makes the two alike.
	quickest := map[string]time.Duration{"camille": time.Hour, "sacha": time.Hour}
	alike := func() bool {
		known, unknown := quickest["camille"], quickest["sacha"]
		return unknown >= known*2/3 && known >= unknown*2/3
	}
	for i := 0; i < 12 || i < 60 && !alike(); i++ {
		for login := range quickest {
			began := time.Now()
			_, err := w.Authenticate(ctx, login, "not her password", fmt.Sprint(login, i), laptop)
			quickest[login] = min(quickest[login], time.Since(began))
			wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
			w.clock.Move(time.Minute) // past any delay
		}
	}
	if !alike() {
		t.Errorf("known %v, unknown %v", quickest["camille"], quickest["sacha"])
	}
}

// Failures are slowed down, for a login that does not exist like for one that does; success clears them.
func TestFailuresAreSlowed(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	for _, login := range []string{"camille", "sacha"} {
		var waits []int
		for range 12 {
			_, err := w.Authenticate(ctx, login, "not her password", cafe, laptop)
			f := fault.As(err)
			if f.Kind == fault.Unauthenticated {
				waits = append(waits, 0)
				continue
			}
			wantFault(t, err, fault.TooMany, "fault.staff.wait")
			seconds := f.Args[1].(int)
			waits = append(waits, seconds)
			w.clock.Move(time.Duration(seconds) * time.Second)
		}
		// Three typing errors are free; then each failure makes the next one wait longer.
		if want := []int{0, 0, 0, 0, 1, 0, 2, 0, 4, 0, 8, 0}; !slices.Equal(waits, want) {
			t.Errorf("%s waits %v, want %v", login, waits, want)
		}
	}
	// The right password is not heard during the delay either, and is when it is over.
	_, err := w.Authenticate(ctx, "camille", good, cafe, laptop)
	wantFault(t, err, fault.TooMany, "fault.staff.wait")
	w.clock.Move(30 * time.Second)
	if _, err := w.Authenticate(ctx, "camille", good, cafe, laptop); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := w.Authenticate(ctx, "camille", "not her password", cafe, laptop)
		wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
	}
}

// However many guess at her password from elsewhere, a counsellor gets in from where she works; and a
// place she never was at is slowed, not locked.
func TestAStrangerCannotLockHerOut(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	w.logIn("camille")
	guessed := 0
	for i := range 60 {
		if _, err := w.Authenticate(ctx, "camille", "not her password", fmt.Sprint("stranger ", i), laptop); fault.Is(err, fault.Unauthenticated) {
			guessed++
		}
	}
	if guessed > 12 {
		t.Errorf("%d guesses were heard at once from sixty addresses", guessed)
	}
	if _, err := w.Authenticate(ctx, "camille", good, office, laptop); err != nil {
		t.Errorf("at her desk: %v", err)
	}
	_, err := w.Authenticate(ctx, "camille", good, "at home, the first time", laptop)
	wantFault(t, err, fault.TooMany, "fault.staff.wait")
	w.clock.Move(31 * time.Second)
	if _, err := w.Authenticate(ctx, "camille", good, "at home, the first time", laptop); err != nil {
		t.Errorf("at home, half a minute later: %v", err)
	}
}

// One address that tries one password on everybody is slowed too; an office of forty that arrives at
// nine is not.
func TestOneAddressManyLogins(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	heard := 0
	for i := range 100 {
		if _, err := w.Authenticate(ctx, fmt.Sprint("login", i), "one password for all", cafe, laptop); fault.Is(err, fault.Unauthenticated) {
			heard++
		}
	}
	if heard < 40 || heard > 42 {
		t.Errorf("%d logins were tried at once", heard)
	}
	w.logIn("camille") // from the office, which has nothing to do with it
	w.clock.Move(10 * time.Second)
	if _, err := w.Authenticate(ctx, "camille", good, cafe, laptop); err != nil {
		t.Errorf("from the café, ten seconds later: %v", err)
	}
}

// A hundred guesses sent at the same instant do not all pass before the first has failed.
func TestGuessesAtOnce(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	var all sync.WaitGroup
	var heard sync.Map
	for i := range 100 {
		all.Go(func() {
			if _, err := w.Authenticate(ctx, "camille", "not her password", cafe, laptop); fault.Is(err, fault.Unauthenticated) {
				heard.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	heard.Range(func(any, any) bool { n++; return true })
	if n > 4 {
		t.Errorf("%d were heard", n)
	}
}

// Who leaves before being heard, or meets a fault of ours, has failed at nothing.
func TestGivingUpIsNoFailure(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	gone, leave := context.WithCancel(ctx)
	leave()
	for range 20 {
		if _, err := w.Authenticate(gone, "camille", "not her password", cafe, laptop); err == nil || fault.As(err) != nil {
			t.Fatalf("err = %v", err)
		}
	}
	// Nor has who leaves while others hash before her.
	done := make(chan struct{})
	others, stop := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for others.Err() == nil {
			slowhash.Key(others, []byte("somebody else"), []byte("somesalt"), slowhash.Params{MemoryKiB: 128 << 10, Passes: 4, Lanes: 1}, 32)
		}
	}()
	var left []string
	for i := 0; len(left) < 5 && i < 500; i++ {
		brief, leave := context.WithTimeout(ctx, 5*time.Millisecond)
		who := fmt.Sprint("sacha", i)
		if _, err := w.Authenticate(brief, who, "not her password", who, laptop); errors.Is(err, context.DeadlineExceeded) {
			left = append(left, who)
		}
		leave()
	}
	stop()
	<-done
	if len(left) < 5 {
		t.Fatalf("only %d left the line", len(left))
	}
	for _, who := range left {
		for range 4 { // three are free, the fourth brings the first delay
			_, err := w.Authenticate(ctx, who, "not her password", who, laptop)
			wantFault(t, err, fault.Unauthenticated, "fault.staff.login")
		}
	}
}

// A million failures are a few lines in the log, with their number and without what was typed.
func TestFailuresAreCountedInTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		guess := func(login string) {
			if _, err := w.Authenticate(ctx, login, "not her password", cafe, laptop); err == nil {
				t.Fatal("it was her password")
			}
			w.clock.Move(time.Minute)
			if err := w.WriteFailures(ctx, false); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 12 {
			guess("camille")
			guess(fmt.Sprint("nobody", i))
		}
		counts := map[bool]int{} // by whether the account exists
		lines := 0
		scan := func(r store.Row) (line [2]string, err error) { return line, r.Scan(&line[0], &line[1]) }
		all := must[[][2]string](t)(store.All(ctx, db, scan, `SELECT object_id, detail FROM audit WHERE act = 'staff.login_failed'`))
		for _, line := range all {
			var detail struct{ Count, Stage string }
			if err := json.Unmarshal([]byte(line[1]), &detail); err != nil {
				t.Fatal(err)
			}
			var n int
			fmt.Sscan(detail.Count, &n)
			counts[line[0] != ""] += n
			lines++
			if strings.Contains(line[1], "nobody") || strings.Contains(line[1], "camille") || detail.Stage != "password" {
				t.Errorf("the log says %q", line)
			}
		}
		// Twenty-four failures over twenty-four minutes: at most one line in ten minutes for her and one
		// for all who do not exist.
		if lines > 6 {
			t.Errorf("%d lines", lines)
		}
		if err := w.WriteFailures(ctx, true); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, detail := range w.acts("staff.login_failed") {
			var d struct{ Count string }
			json.Unmarshal([]byte(detail), &d)
			var n int
			fmt.Sscan(d.Count, &n)
			total += n
		}
		if total != 24 {
			t.Errorf("%d failures are in the log, want 24 (%v)", total, counts)
		}
	})
}
