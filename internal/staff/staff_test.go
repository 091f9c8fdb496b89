package staff_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"vigie/internal/bus"
	"vigie/internal/staff"
	"vigie/internal/store"
	"vigie/internal/store/storetest"
)

// After a person has used everything, none of her secrets is in the record's files, and nothing of her
// is on the bus but her id.
func TestNoSecretIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vigie.db")
	db := must[*store.DB](t)(store.Open(ctx, "sqlite:"+path, store.Options{}))
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, db)
	carried := make(chan string, 1000)
	stop := must[func()](t)(w.bus.Subscribe(">", func(subject string, payload []byte) { carried <- subject + " " + string(payload) }))
	defer stop()

	camille := w.camille()
	token, session := w.logIn("camille")
	phone, paper := w.enrol(session)
	w.register(session, w.device(), "téléphone d'Anne-Marie")
	half := w.half("camille")
	code := phone.code()
	must[staff.LoginStep](t)(w.Code(ctx, half, code, laptop))
	w.Authenticate(ctx, "kanari-typed-as-login", "kanari-typed-as-password", cafe, laptop)
	if err := w.WriteFailures(ctx, true); err != nil {
		t.Fatal(err)
	}

	raw := func(token string) string {
		b, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	secrets := map[string]string{
		"password": good, "name": "Kervella", "session token": token, "session token, raw": raw(token), "half": half, "half, raw": raw(half),
		"TOTP secret": phone.secret, "recovery code": paper[0], "recovery code, typed": strings.ReplaceAll(paper[0], "-", ""), "passkey's name": "téléphone d'Anne",
		"typed login": "kanari-typed", "network": cafe,
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		content := must[[]byte](t)(os.ReadFile(file))
		for what, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("the %s is in %s", what, filepath.Base(file))
			}
		}
	}
	w.bus.Publish("end", nil)
	heard := ""
	for line := ""; line != "end "; line = <-carried {
		heard += line + "\n"
	}
	if !strings.Contains(heard, "staff."+camille.ID+` {"what":"session"}`) {
		t.Errorf("the bus carried %s", heard)
	}
	for what, secret := range secrets {
		if strings.Contains(heard, secret) {
			t.Errorf("the %s is on the bus", what)
		}
	}
	if strings.Contains(heard, "amille\"") {
		t.Errorf("her alias is on the bus: %s", heard)
	}
}

// Housekeeping writes the failures by itself, and what is left when the server stops.
func TestRun(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.camille()
	running, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() { w.Run(running); close(stopped) }()
	guess := func() { w.Authenticate(ctx, "camille", "not her password", cafe, laptop) }
	guess()
	eventually(t, "the first failure is written", func() bool { return len(w.acts("staff.login_failed")) == 1 })
	guess()
	stop()
	<-stopped
	if acts := w.acts("staff.login_failed"); len(acts) != 2 {
		t.Errorf("the log says %q", acts)
	}
}

// Two nodes with another bus each (a network cut in two) agree again within seconds.
func TestABusCutInTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		camille := w.camille()
		token, _ := w.logIn("camille")
		island := must[*bus.Bus](t)(bus.Open(ctx, bus.Options{}))
		t.Cleanup(island.Close)
		far := must[*staff.Staff](t)(staff.New(db, w.keys, w.trail, island, staff.Options{Now: w.clock.Now, Costs: light}))
		if _, _, err := far.Lookup(ctx, token); err != nil {
			t.Fatal(err)
		}
		if err := w.SetActive(ctx, camille.ID, false, operator); err != nil {
			t.Fatal(err)
		}
		w.clock.Move(5 * time.Second)
		_, _, err := far.Lookup(ctx, token)
		wantOver(t, err)
	})
}

// Every role, right, need and way of logging in has its words in both languages.
func TestEveryCodeHasItsWords(t *testing.T) {
	var keys []string
	for _, role := range append(staff.Roles, staff.Pending) {
		keys = append(keys, "staff.role."+string(role))
	}
	for _, right := range staff.Rights() {
		keys = append(keys, "staff.right."+string(right))
	}
	for _, need := range []staff.Need{staff.NeedPassword, staff.NeedFactor} {
		keys = append(keys, "staff.need."+string(need))
	}
	for _, how := range []string{"password", "password-code", "password-recovery", "passkey", "operator"} {
		keys = append(keys, "staff.how."+how)
	}
	for _, lang := range []string{"fr", "en"} {
		var words map[string]string
		if _, err := toml.DecodeFile(filepath.Join("..", "web", "i18n", "staff."+lang+".toml"), &words); err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if words[key] == "" {
				t.Errorf("%s has no words in %q", key, lang)
			}
		}
	}
}
