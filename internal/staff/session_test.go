package staff_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

func wantOver(t *testing.T, err error) {
	t.Helper()
	wantFault(t, err, fault.Unauthenticated, "fault.staff.session_over")
}

// A session that is used goes on; one that is not ends after half an hour, on any node.
func TestIdleSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		token, _ := w.logIn("camille")
		other := w.node()
		for i := range 6 {
			w.clock.Move(29 * time.Minute)
			node := []*staff.Staff{w.Staff, other}[i%2]
			if _, _, err := node.Lookup(ctx, token); err != nil {
				t.Fatalf("after %d half hours of work: %v", i, err)
			}
		}
		w.clock.Move(30*time.Minute + time.Second)
		_, _, err := other.Lookup(ctx, token)
		wantOver(t, err)
		if n := w.count(`SELECT count(*) FROM staff_session`); n != 0 {
			t.Error("its row stays")
		}
		_, _, err = w.Lookup(ctx, token)
		wantOver(t, err)
	})
}

// After twelve hours it ends in the middle of work.
func TestAbsoluteSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		token, session := w.logIn("camille")
		if want := w.clock.Now().Add(12 * time.Hour); !session.EndsAt.Equal(want) {
			t.Errorf("it says it ends at %v", session.EndsAt)
		}
		for range 12*4 - 1 {
			w.clock.Move(15 * time.Minute)
			if _, _, err := w.Lookup(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Move(15 * time.Minute)
		_, _, err := w.Lookup(ctx, token)
		wantOver(t, err)
	})
}

// What a page does by itself does not keep a session alive.
func TestPeekIsNoUse(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	token, _ := w.logIn("camille")
	for range 6 {
		w.clock.Move(5 * time.Minute)
		if _, _, err := w.Peek(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Move(time.Minute)
	_, _, err := w.Peek(ctx, token)
	wantOver(t, err)
}

// A thousand requests in a second cost the record one statement, and in a minute of work a few.
func TestLookupIsCheap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		token, _ := w.logIn("camille")
		before := db.Statements()
		for range 1000 {
			if _, _, err := w.Lookup(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		if n := db.Statements() - before; n > 1 {
			t.Errorf("%d statements for a thousand requests", n)
		}
		before = db.Statements()
		for range 600 {
			w.clock.Move(100 * time.Millisecond)
			if _, _, err := w.Lookup(ctx, token); err != nil {
				t.Fatal(err)
			}
		}
		// Every five seconds it is read again, once a minute the use is written.
		if n := db.Statements() - before; n < 12 || n > 14 {
			t.Errorf("%d statements in a minute", n)
		}
		sessions := must[[]staff.Session](t)(w.Sessions(ctx, must[staff.Person](t)(w.ByLogin(ctx, "camille")).ID))
		if len(sessions) != 1 || w.clock.Now().Sub(sessions[0].SeenAt) > time.Minute {
			t.Errorf("seen %v, it is %v", sessions, w.clock.Now())
		}
	})
}

// What is revoked on one node is over on the others as soon as they hear of it, and without hearing of
// it within seconds.
func TestRevokeEverywhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		phone, _ := w.logIn("camille")
		desk, deskSession := w.logIn("camille")
		other := w.node()
		deaf := must[*staff.Staff](t)(staff.New(db, w.keys, w.trail, nil, staff.Options{Now: w.clock.Now, Costs: light}))
		for _, node := range []*staff.Staff{w.Staff, other, deaf} {
			for _, token := range []string{phone, desk} {
				if _, _, err := node.Lookup(ctx, token); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Revoke(ctx, camille.ID, deskSession.ID, operator); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Lookup(ctx, desk)
		wantOver(t, err)
		eventually(t, "the other node hears of it", func() bool { _, _, err := other.Lookup(ctx, desk); return err != nil })
		if _, _, err := other.Lookup(ctx, phone); err != nil {
			t.Errorf("her phone: %v", err)
		}
		w.clock.Move(6 * time.Second)
		_, _, err = deaf.Lookup(ctx, desk)
		wantOver(t, err)
		if list := must[[]staff.Session](t)(w.Sessions(ctx, camille.ID)); len(list) != 1 {
			t.Errorf("sessions: %+v", list)
		}
		if err := w.RevokeAll(ctx, camille.ID, "", operator); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.Lookup(ctx, phone)
		wantOver(t, err)
		if n := w.count(`SELECT count(*) FROM staff_session`); n != 0 {
			t.Errorf("%d rows stay", n)
		}
	})
}

// Of all sessions but one, the one stays.
func TestRevokeAllButThis(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		here, session := w.logIn("camille")
		there, _ := w.logIn("camille")
		nour := w.nour()
		hers, hersSession := w.logIn("nour")
		if err := w.RevokeAll(ctx, camille.ID, session.ID, operator); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Lookup(ctx, here); err != nil {
			t.Error(err)
		}
		_, _, err := w.Lookup(ctx, there)
		wantOver(t, err)
		// A session that is not hers cannot be kept, or ended, in her name.
		if err := w.Revoke(ctx, camille.ID, hersSession.ID, operator); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Lookup(ctx, hers); err != nil {
			t.Errorf("Nour (%s) is out: %v", nour.ID, err)
		}
	})
}

// While sessions are looked up, opened and revoked at once, none that is revoked is ever taken for good
// afterwards: what was read before the revoking is not put into the cache after it.
func TestRevokeDuringLookups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		for range 20 {
			token, session, err := w.OpenSession(ctx, camille.ID, "operator", laptop)
			if err != nil {
				t.Fatal(err)
			}
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					for range 20 {
						w.Lookup(ctx, token)
					}
				})
			}
			if err := w.Revoke(ctx, camille.ID, session.ID, operator); err != nil {
				t.Fatal(err)
			}
			readers.Wait()
			_, _, err = w.Lookup(ctx, token)
			wantOver(t, err)
		}
	})
}

// Whatever is shown as a cookie, only a token opens.
func TestLookupRefuses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	token, _ := w.logIn("camille")
	before := w.db.Statements()
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "A", strings.Repeat("A", 1<<20), token[:42] + "=", token[:42] + "\n", "'; DROP TABLE staff; --"} {
		_, _, err := w.Lookup(ctx, bad)
		wantOver(t, err)
	}
	if n := w.db.Statements() - before; n != 0 {
		t.Errorf("%d statements for what cannot be a token", n)
	}
	other := []byte(token)
	other[0] ^= 1
	_, _, err := w.Lookup(ctx, string(other))
	wantOver(t, err)
}

// A clock that is put back or forward for a moment neither gives a session more than twelve hours of it
// nor breaks it.
func TestClockJumps(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	token, _ := w.logIn("camille")
	w.clock.Move(-48 * time.Hour)
	if _, _, err := w.Lookup(ctx, token); err != nil {
		t.Errorf("put back: %v", err)
	}
	w.clock.Move(48*time.Hour + time.Minute)
	if _, _, err := w.Lookup(ctx, token); err != nil {
		t.Errorf("set right: %v", err)
	}
	w.clock.Move(13 * time.Hour)
	_, _, err := w.Lookup(ctx, token)
	wantOver(t, err)
}

// A log-in that was being written on one node while the password changed on another counts for nothing:
// it carries the epoch that it read.
func TestASessionOfAnotherEpoch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		token, _ := w.logIn("camille")
		if _, err := db.Exec(ctx, `UPDATE staff SET epoch = epoch + 1 WHERE id = $1`, camille.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.Lookup(ctx, token)
		wantOver(t, err)
		if list := must[[]staff.Session](t)(w.Sessions(ctx, camille.ID)); len(list) != 0 {
			t.Errorf("sessions: %+v", list)
		}
	})
}

// What is over is swept away, and nothing else.
func TestSweep(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		w.logIn("camille")
		must[*seal.Key](t)(w.keys.NewKey(ctx, seal.KindStaff, "an account that a crash kept from being written"))
		w.clock.Move(20 * time.Minute)
		live, _ := w.logIn("camille")
		w.clock.Move(11 * time.Minute)
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT count(*) FROM staff_session`); n != 1 {
			t.Errorf("%d sessions stay", n)
		}
		if _, _, err := w.Lookup(ctx, live); err != nil {
			t.Error(err)
		}
		w.clock.Move(2 * time.Hour)
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if n := w.count(`SELECT count(*) FROM keys.wrapped_key WHERE kind = 'staff'`); n != 1 {
			t.Errorf("%d keys stay, want Camille's", n)
		}
	})
}

// To change how she logs in, a person who has been in for a while shows her password again.
func TestConfirm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.camille()
		token, session := w.logIn("camille")
		if _, err := w.BeginTOTP(ctx, session); err != nil {
			t.Errorf("just logged in: %v", err)
		}
		w.clock.Move(16 * time.Minute)
		session, _, _ = w.Lookup(ctx, token)
		_, err := w.BeginTOTP(ctx, session)
		wantFault(t, err, fault.Forbidden, "fault.staff.confirm")
		wantFault(t, w.Confirm(ctx, session, "not her password", office), fault.Unauthenticated, "fault.staff.password_wrong")
		if err := w.Confirm(ctx, session, good, office); err != nil {
			t.Fatal(err)
		}
		session, _, _ = w.Lookup(ctx, token)
		if _, err := w.BeginTOTP(ctx, session); err != nil {
			t.Errorf("confirmed: %v", err)
		}
	})
}

// Whatever a cookie holds: only what newToken could have made is looked up at all, in one spelling.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"", strings.Repeat("A", 43), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "=", strings.Repeat("\n", 43), "\xff\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		hash, ok := staff.TokenHash(token)
		if !ok {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 32 || base64.RawURLEncoding.EncodeToString(raw) != token || sha256.Sum256(raw) != hash {
			t.Fatalf("%q is taken for a token", token)
		}
	})
}
