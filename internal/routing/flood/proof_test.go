package flood

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/fault"
)

func newTestProofs() *proofs { return newProofs([]byte("a key of the test"), time.Minute, 1000) }

var proofTime = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

// A proof is for one act, once, in its time, of the work asked for, and of ours.
func TestWhatAProofMustBe(t *testing.T) {
	p := newTestProofs()
	solved := func() string { return Solve(p.challenge(OpenChat, MinBits, proofTime)) }

	if err := p.spend(OpenChat, solved(), proofTime.Add(time.Minute)); err != nil {
		t.Fatalf("a good proof in its last second: %v", err)
	}
	if err := p.spend(OpenChat, solved(), proofTime.Add(61*time.Second)); fault.KindOf(err) != fault.Gone {
		t.Errorf("a second late: %v", err)
	}
	if err := p.spend(LeaveMessage, solved(), proofTime); fault.KindOf(err) != fault.Invalid {
		t.Errorf("for another act: %v", err)
	}
	again := solved()
	if err := p.spend(OpenChat, again, proofTime); err != nil {
		t.Fatal(err)
	}
	if err := p.spend(OpenChat, again, proofTime); fault.KindOf(err) != fault.Gone {
		t.Errorf("used twice: %v", err)
	}
	// The same challenge with another solution is still the same challenge.
	challenge := p.challenge(OpenChat, MinBits, proofTime)
	first := Solve(challenge)
	if err := p.spend(OpenChat, first, proofTime); err != nil {
		t.Fatal(err)
	}
	if err := p.spend(OpenChat, solveAfter(challenge, first), proofTime); fault.KindOf(err) != fault.Gone {
		t.Errorf("a second solution of one challenge: %v", err)
	}

	stranger := newProofs([]byte("another key"), time.Minute, 1000)
	if err := p.spend(OpenChat, Solve(stranger.challenge(OpenChat, MinBits, proofTime)), proofTime); fault.KindOf(err) != fault.Invalid {
		t.Errorf("signed by another: %v", err)
	}
	unworked := p.challenge(OpenChat, MaxBits, proofTime) + ".0"
	if err := p.spend(OpenChat, unworked, proofTime); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without the work: %v", err)
	}
	// Less work than asked for: the number is covered by the mac.
	cheap := Solve(strings.Replace(p.challenge(OpenChat, MaxBits, proofTime), "-open.20.", "-open.12.", 1))
	if err := p.spend(OpenChat, cheap, proofTime); fault.KindOf(err) != fault.Invalid {
		t.Errorf("with the work rewritten: %v", err)
	}
}

// solveAfter finds the next solution after one.
func solveAfter(challenge, first string) string {
	count, _ := parseNumber(first[len(challenge)+1:], 1<<53-1)
	for {
		count++
		proof := challenge + "." + strconv.FormatInt(count, 10)
		if leadingZerosOf(proof) >= MinBits {
			return proof
		}
	}
}

func leadingZerosOf(text string) int { return leadingZeros(sha256.Sum256([]byte(text))) }

// A used proof stays used until its challenge is over, whatever else is used meanwhile.
func TestAUsedProofIsRemembered(t *testing.T) {
	p := newTestProofs()
	now := proofTime
	var used []string
	for range 40 {
		proof := Solve(p.challenge(OpenChat, MinBits, now))
		if err := p.spend(OpenChat, proof, now); err != nil {
			t.Fatal(err)
		}
		used = append(used, proof)
		now = now.Add(7 * time.Second)
		for _, old := range used {
			if p.spend(OpenChat, old, now) == nil {
				t.Fatalf("a proof was taken twice")
			}
		}
	}
	if n := len(p.spent) + len(p.before); n > 20 {
		t.Fatalf("%d marks are kept for challenges of a minute", n)
	}
}

// Two at the same instant: one wins.
func TestOneProofTwoTabs(t *testing.T) {
	p := newTestProofs()
	proof := Solve(p.challenge(OpenChat, MinBits, proofTime))
	var good atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if p.spend(OpenChat, proof, proofTime) == nil {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != 1 {
		t.Fatalf("one proof was taken %d times", good.Load())
	}
}

// Every proof has one spelling: no other text with the same meaning is read.
func TestOneSpelling(t *testing.T) {
	p := newTestProofs()
	good := Solve(p.challenge(OpenChat, MinBits, proofTime))
	if _, ok := parseProof(good); !ok {
		t.Fatalf("%q is not read", good)
	}
	parts := strings.Split(good, ".")
	with := func(i int, text string) string {
		other := append([]string{}, parts...)
		other[i] = text
		return strings.Join(other, ".")
	}
	for name, text := range map[string]string{
		"empty":                 "",
		"another version":       with(0, "v2"),
		"no such act":           with(1, "chat-shut"),
		"dotted act":            with(1, "chat.open"),
		"bits with a zero":      with(2, "012"),
		"bits with a plus":      with(2, "+12"),
		"too little work":       with(2, "1"),
		"too much work":         with(2, "64"),
		"end below zero":        with(3, "-1"),
		"end beyond everything": with(3, "99999999999999999999"),
		"padded nonce":          with(4, parts[4]+"=="),
		"nonce with a newline":  with(4, parts[4][:4]+"\n"+parts[4][4:]),
		"nonce with stray bits": with(4, parts[4][:len(parts[4])-1]+"_"),
		"short nonce":           with(4, parts[4][:20]),
		"mac with a newline":    with(5, parts[5]+"\r\n"),
		"short mac":             with(5, parts[5][:40]),
		"count with a zero":     with(6, "0"+parts[6]),
		"count with a space":    with(6, parts[6]+" "),
		"count beyond a number": with(6, "9007199254740992"),
		"a part too many":       good + ".1",
		"a part too few":        good[:strings.LastIndex(good, ".")],
		"very long":             good + strings.Repeat("0", MaxProof),
	} {
		if _, ok := parseProof(text); ok {
			t.Errorf("%s: %q is read", name, text)
		}
	}
}

// A half that fills early makes room rather than refuse.
func TestAFullMemoryOfProofsStillTakesNewOnes(t *testing.T) {
	p := newProofs([]byte("key"), time.Minute, 10)
	for i := range 50 {
		if err := p.spend(OpenChat, Solve(p.challenge(OpenChat, MinBits, proofTime)), proofTime); err != nil {
			t.Fatalf("proof %d: %v", i+1, err)
		}
	}
	if n := len(p.spent) + len(p.before); n > 20 {
		t.Fatalf("%d marks are kept", n)
	}
}

func TestSolvingNoChallenge(t *testing.T) {
	for _, text := range []string{"", "v1", "a.b.c.d.e.f", "v1.chat-open.64.1.n.m"} {
		if got := Solve(text); got != "" {
			t.Errorf("%q gave %q", text, got)
		}
	}
}

// Whatever comes in as a proof is either refused, or parsed to parts that make the same text again.
func FuzzProof(f *testing.F) {
	p := newTestProofs()
	f.Add(Solve(p.challenge(OpenChat, MinBits, proofTime)))
	f.Add(p.challenge(LeaveMessage, MaxBits, proofTime) + ".0")
	f.Add("v1.chat-open.12.1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.0")
	f.Add("......")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, ok := parseProof(text)
		if !ok {
			if err := p.spend(OpenChat, text, proofTime); err == nil {
				t.Fatalf("%q was taken without being read", text)
			}
			return
		}
		if len(text) > MaxProof || !strings.HasPrefix(text, parsed.body+".") {
			t.Fatalf("%q: body %q", text, parsed.body)
		}
		if parsed.bits < MinBits || parsed.bits > MaxBits || parsed.end < 0 {
			t.Fatalf("%q: %+v", text, parsed)
		}
		if fresh := newTestProofs(); fresh.spend(parsed.act, text, time.Unix(0, 0)) == nil && parsed.bits > leadingZerosOf(text) {
			t.Fatalf("%q was taken without its work", text)
		}
	})
}
