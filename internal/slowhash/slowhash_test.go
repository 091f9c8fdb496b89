package slowhash_test

import (
	"context"
	"encoding/hex"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"vigie/internal/fault"
	"vigie/internal/slowhash"
)

// light is for the tests that are about something else than the cost.
var light = slowhash.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}

// The key of a known secret is the one the reference implementation gives
// (phc-winner-argon2, test.c: version 0x13, Argon2id, t=2, m=2^16, p=1, "password", "somesalt").
func TestKeyIsArgon2id(t *testing.T) {
	key, err := slowhash.Key(context.Background(), []byte("password"), []byte("somesalt"), slowhash.Params{MemoryKiB: 1 << 16, Passes: 2, Lanes: 1}, 32)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(key); got != "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7" {
		t.Errorf("key = %s", got)
	}
}

// A hash is recognised by its secret only, also after having been written down and read again.
func TestVerify(t *testing.T) {
	ctx := context.Background()
	sum, err := slowhash.Hash(ctx, []byte("le phare de Cordouan"), light)
	if err != nil {
		t.Fatal(err)
	}
	read, err := slowhash.Parse(sum.String())
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{"le phare de Cordouan": true, "le phare de cordouan": false, "": false} {
		if got, err := read.Verify(ctx, []byte(secret)); err != nil || got != want {
			t.Errorf("Verify(%q) = %v, %v", secret, got, err)
		}
	}
	if again, _ := slowhash.Hash(ctx, []byte("le phare de Cordouan"), light); again.String() == sum.String() {
		t.Error("two hashes of one secret are alike: the salt is not fresh")
	}
}

// Only what this house writes is read: other algorithms, other spellings and absurd costs are refused.
func TestParseRefuses(t *testing.T) {
	good := "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc"
	if _, err := slowhash.Parse(good); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	for _, bad := range []string{
		"", "$", "$$$$$", "motdepasse",
		"$argon2i$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=16$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=3,p=0$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=3,p=257$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=+65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=065536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$t=3,m=65536,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=3,p=1$c29t$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJA",
		"$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPd",
		"$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm\n5c8y7cJHApl8ArZWb2GRPPc",
		good + "$", good + "=",
	} {
		if _, err := slowhash.Parse(bad); err == nil {
			t.Errorf("read: %q", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=64,t=1,p=8$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, text string) {
		sum, err := slowhash.Parse(text)
		if err != nil {
			return
		}
		if sum.String() != text {
			t.Errorf("%q is read as %q", text, sum)
		}
		if sum.Params.MemoryKiB > 256<<10 || sum.Params.Passes > 16 || sum.Params.Lanes > 8 || len(sum.Salt) > 64 || len(sum.Key) > 64 {
			t.Errorf("%q would cost too much", text)
		}
	})
}

// However many knock at once, one hashes; beyond the line one is asked to come back, at once.
func TestTheLineIsShort(t *testing.T) {
	leave := slowhash.Occupy()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var line sync.WaitGroup
	hash := func() error { _, err := slowhash.Hash(ctx, []byte("x"), light); return err }
	waiting := make(chan error, slowhash.LongestLine+1)
	for range slowhash.LongestLine + 1 {
		line.Go(func() { waiting <- hash() })
	}
	for end := time.Now().Add(10 * time.Second); slowhash.Inside() < slowhash.LongestLine+1; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("they do not wait: more than one hashes at a time")
		}
	}
	brief, end := context.WithTimeout(ctx, 5*time.Second)
	defer end()
	if _, err := slowhash.Hash(brief, []byte("x"), light); fault.KindOf(err) != fault.TooMany {
		t.Errorf("one more than the line holds: %v", err)
	}
	leave()
	line.Wait()
	close(waiting)
	for err := range waiting {
		if err != nil {
			t.Errorf("one of the line was not served: %v", err)
		}
	}
}

// Whoever stops waiting leaves the line.
func TestGivingUpLeavesTheLine(t *testing.T) {
	leave := slowhash.Occupy()
	defer leave()
	ctx, stop := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { _, err := slowhash.Hash(ctx, []byte("x"), light); left <- err }()
	for slowhash.Inside() == 0 {
		runtime.Gosched()
	}
	stop()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if n := slowhash.Inside(); n != 0 {
		t.Errorf("%d still in the line", n)
	}
}

// Three log-ins fill 64 MiB three times; once it is quiet again the process is as small as before.
func TestMemoryIsGivenBack(t *testing.T) {
	defer slowhash.SetQuiet(50 * time.Millisecond)()
	debug.FreeOSMemory() // what the other tests left
	before := resident(t)
	for range 3 {
		if _, err := slowhash.Hash(context.Background(), []byte("trois connexions"), slowhash.Default); err != nil {
			t.Fatal(err)
		}
	}
	given := slowhash.GivenBack()
	during := resident(t)
	if during-before < 48 {
		t.Fatalf("a hash shows only %d MiB more in memory: this test would see nothing", during-before)
	}
	select {
	case <-given:
	case <-time.After(10 * time.Second):
		t.Fatal("the memory was never given back")
	}
	if after := resident(t); after-before > 8 {
		t.Errorf("resident memory: %d MiB before, %d at work, %d after", before, during, after)
	}
}
