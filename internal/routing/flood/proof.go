package flood

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/internal/fault"
)

// The proof of work is hashcash over SHA-256, solved by the page without a word while the child reads.
//
//	challenge  "v1.<act>.<bits>.<end>.<nonce>.<mac>"
//	           bits: leading zero bits asked for, decimal; end: Unix seconds after which it is void;
//	           nonce: 16 random bytes; mac: HMAC-SHA256 of what precedes the last dot; both base64url
//	           without padding
//	proof      "<challenge>.<count>", count a decimal number below 2^53 (JavaScript's whole numbers),
//	           such that SHA-256(proof) begins with that many zero bits
//
// A page without JavaScript sends the challenge itself, without a count: it is let in once its time has
// come (PlainWait), because a browser that cannot compute is no reason to leave a child outside.
//
// Nothing of it is kept but, until its end, the marks of the challenges that were used.
const (
	proofVersion = "v1"
	// MaxProof is the longest proof that is read at all, in bytes.
	MaxProof = 200
	// MinBits and MaxBits bound the work: 2^12 hashes are nothing, 2^20 are seconds on an old phone.
	MinBits, MaxBits = 12, 20
	// PlainWait is how old a challenge must be that stands for itself, in place of the work.
	PlainWait = 8 * time.Second
)

// proofs issues and checks challenges. A challenge is used once on each node; with several nodes and
// one key it could be used once on each, which divides the work by their number and no more.
type proofs struct {
	key  []byte
	ttl  time.Duration
	size int // marks kept in each half

	mu     sync.Mutex
	spent  map[[16]byte]struct{}
	before map[[16]byte]struct{} // the previous half, still remembered
	turned int64                 // when the halves last changed places, Unix seconds
}

func newProofs(key []byte, ttl time.Duration, size int) *proofs {
	return &proofs{key: key, ttl: ttl, size: size, spent: make(map[[16]byte]struct{}), before: make(map[[16]byte]struct{})}
}

func (p *proofs) challenge(act Act, bits int, now time.Time) string {
	var nonce [16]byte
	rand.Read(nonce[:]) // crypto/rand.Read never fails (Go 1.24)
	body := strings.Join([]string{
		proofVersion, encodeAct(act), strconv.Itoa(bits),
		strconv.FormatInt(now.Add(p.ttl).Unix(), 10), base64.RawURLEncoding.EncodeToString(nonce[:]),
	}, ".")
	return body + "." + base64.RawURLEncoding.EncodeToString(p.mac(body))
}

func (p *proofs) mac(body string) []byte {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte("vigie proof of work\x00" + body))
	return h.Sum(nil)
}

// parsed is a proof taken apart; nothing in it is believed before its mac was checked.
type parsed struct {
	body  string // what the mac covers
	act   Act
	bits  int
	end   int64
	nonce [16]byte
	mac   []byte
}

// parseProof takes a proof apart. It accepts exactly one spelling of each proof, so that the same work
// cannot be presented twice under two spellings.
func parseProof(text string) (parsed, bool) {
	var none parsed
	if len(text) > MaxProof {
		return none, false
	}
	parts := strings.Split(text, ".")
	if len(parts) != 7 || parts[0] != proofVersion {
		return none, false
	}
	p := parsed{body: strings.Join(parts[:5], ".")}
	act, ok := decodeAct(parts[1])
	if !ok {
		return none, false
	}
	p.act = act
	zeros, ok := parseNumber(parts[2], MaxBits)
	if !ok || zeros < MinBits {
		return none, false
	}
	p.bits = int(zeros)
	if p.end, ok = parseNumber(parts[3], 1<<40); !ok {
		return none, false
	}
	// Strict refuses stray bits after the last letter: a second spelling of the same bytes.
	strict := base64.RawURLEncoding.Strict()
	nonce, err := strict.DecodeString(parts[4])
	if err != nil || len(nonce) != len(p.nonce) || strings.ContainsAny(parts[4], "\r\n") {
		return none, false
	}
	copy(p.nonce[:], nonce)
	if p.mac, err = strict.DecodeString(parts[5]); err != nil || len(p.mac) != sha256.Size || strings.ContainsAny(parts[5], "\r\n") {
		return none, false
	}
	if _, ok := parseNumber(parts[6], 1<<53-1); !ok {
		return none, false
	}
	return p, true
}

// parseNumber reads a decimal number between 0 and most, written the one usual way.
func parseNumber(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most || strconv.FormatInt(n, 10) != text {
		return 0, false
	}
	return n, true
}

// encodeAct writes an act without a dot, the separator.
func encodeAct(act Act) string { return strings.ReplaceAll(string(act), ".", "-") }

func decodeAct(text string) (Act, bool) {
	for _, l := range Limits {
		if encodeAct(l.Act) == text {
			return l.Act, true
		}
	}
	return "", false
}

// spend checks a proof for act and uses it up. A fault says why not: Invalid "fault.flood.proof" for
// anything that is not a proof of ours for this act, Gone "fault.flood.proof_over" for one that is too
// old or was used.
func (p *proofs) spend(act Act, text string, now time.Time) error {
	proof, ok := parseProof(text)
	if !ok || proof.act != act || !hmac.Equal(proof.mac, p.mac(proof.body)) {
		return fault.New(fault.Invalid, "fault.flood.proof")
	}
	if now.Unix() > proof.end {
		return fault.New(fault.Gone, "fault.flood.proof_over")
	}
	if sum := sha256.Sum256([]byte(text)); leadingZeros(sum) < proof.bits {
		return fault.New(fault.Invalid, "fault.flood.proof")
	}
	return p.use(proof, now)
}

// wait uses up a challenge that comes back without the work, and says how long its request must still
// wait. Faults as for spend.
func (p *proofs) wait(act Act, challenge string, now time.Time) (time.Duration, error) {
	proof, ok := parseProof(challenge + ".0")
	if !ok || proof.act != act || !hmac.Equal(proof.mac, p.mac(proof.body)) {
		return 0, fault.New(fault.Invalid, "fault.flood.proof")
	}
	if now.Unix() > proof.end {
		return 0, fault.New(fault.Gone, "fault.flood.proof_over")
	}
	since := now.Sub(time.Unix(proof.end, 0).Add(-p.ttl))
	return min(max(PlainWait-since, 0), PlainWait), p.use(proof, now)
}

// isChallenge says that a text has no count: nothing was computed.
func isChallenge(text string) bool { return strings.Count(text, ".") == 5 }

// use marks a challenge as used: fault.Gone "fault.flood.proof_over" when it was.
func (p *proofs) use(proof parsed, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	if _, used := p.spent[proof.nonce]; used {
		return fault.New(fault.Gone, "fault.flood.proof_over")
	}
	if _, used := p.before[proof.nonce]; used {
		return fault.New(fault.Gone, "fault.flood.proof_over")
	}
	p.spent[proof.nonce] = struct{}{}
	return nil
}

// turn forgets marks whose challenge is over: each half lasts a challenge's life, so a mark outlives
// its challenge. A half that is full turns early: a few proofs could then be used twice, which is
// better than refusing the child who has just made one.
func (p *proofs) turn(now time.Time) {
	if now.Unix()-p.turned <= int64(p.ttl/time.Second) && len(p.spent) < p.size {
		return
	}
	p.before, p.spent = p.spent, make(map[[16]byte]struct{})
	p.turned = now.Unix()
}

func leadingZeros(sum [sha256.Size]byte) int {
	zeros := 0
	for i := 0; i < len(sum); i += 8 {
		n := bits.LeadingZeros64(binary.BigEndian.Uint64(sum[i:]))
		zeros += n
		if n < 64 {
			break
		}
	}
	return zeros
}

// Solve finds the proof for a challenge. Visitors' pages do the same in TypeScript; this one is for our
// simulated children and tests. It returns "" for what is not a challenge.
func Solve(challenge string) string {
	parts := strings.Split(challenge, ".")
	if len(parts) != 6 {
		return ""
	}
	zeros, ok := parseNumber(parts[2], MaxBits)
	if !ok {
		return ""
	}
	for count := int64(0); ; count++ {
		proof := challenge + "." + strconv.FormatInt(count, 10)
		if leadingZeros(sha256.Sum256([]byte(proof))) >= int(zeros) {
			return proof
		}
	}
}
