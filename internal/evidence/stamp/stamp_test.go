package stamp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/evidence/stamp"
	"vigie/internal/evidence/stamp/stamptest"
	"vigie/internal/fault"
)

// proof stands for a piece of evidence.
var (
	proof = []byte("capture d'écran")
	hash  = sha256.Sum256(proof)
)

func client(a *stamptest.Authority) stamp.Client {
	return stamp.Client{HTTP: http.DefaultClient, URL: a.URL, Roots: a.Roots()}
}

// good is a stamp that holds, made in a given way.
func good(t testing.TB, a *stamptest.Authority, way stamptest.Way) (stamp.Stamp, stamp.Stamped) {
	t.Helper()
	a.Misbehave(way)
	s, said, err := client(a).Ask(t.Context(), hash)
	if err != nil {
		t.Fatalf("a stamp that %s: %v", way, err)
	}
	return s, said
}

var rightWays = []stamptest.Way{stamptest.Well, stamptest.WithMods, stamptest.OldName, stamptest.RSA}

// An authority that does everything right, in each way that is right, is believed, and so is its stamp afterwards, offline, by whoever has
// the hash and its root certificate.
func TestAStampThatHoldsIsBelieved(t *testing.T) {
	a := stamptest.Start(t)
	for _, way := range rightWays {
		s, said := good(t, a, way)
		if said.Accuracy != 1500*time.Millisecond || said.Serial.Sign() != 1 || !strings.Contains(said.Authority(), "Horodatage d'essai") || !said.Root().Equal(a.Root) || len(said.Chain) != 3 {
			t.Errorf("%s: it says %+v", way, said)
		}
		for what, token := range map[string][]byte{"the response": s.Response, "the token in it": inner(t, s.Response)} {
			again, err := stamp.Verify(token, hash, a.Roots())
			if err != nil || !again.At.Equal(said.At) || again.Serial.Cmp(said.Serial) != 0 {
				t.Errorf("%s: %s says %+v afterwards: %v", way, what, again, err)
			}
		}
	}
}

// inner is the token in a response.
func inner(t *testing.T, response []byte) []byte {
	t.Helper()
	var r struct {
		Status asn1.RawValue
		Token  asn1.RawValue
	}
	if _, err := asn1.Unmarshal(response, &r); err != nil {
		t.Fatal(err)
	}
	return r.Token.FullBytes
}

// Whatever does not hold is not believed, and who asked can tell an authority that is away from one that refuses and from one that lies.
func TestWhatDoesNotHoldIsNotBelieved(t *testing.T) {
	const away, refused, broken, clock = "fault.stamp.away", "fault.stamp.refused", "fault.stamp.broken", "fault.stamp.clock"
	a := stamptest.Start(t)
	for _, c := range []struct {
		way  stamptest.Way
		kind fault.Kind
		key  string
		why  string
	}{
		{stamptest.Down, fault.Unavailable, away, ""},
		{stamptest.Slow, fault.Unavailable, away, "deadline"},
		{stamptest.Ill, fault.Unavailable, away, "503"},
		{stamptest.Busy, fault.Unavailable, away, "429"},
		{stamptest.NoTime, fault.Unavailable, refused, "its clock is not available"},
		{stamptest.NoPay, fault.Forbidden, refused, "403"},
		{stamptest.Moved, fault.Forbidden, refused, "301"},
		{stamptest.Refuse, fault.Forbidden, refused, `does not stamp under this policy ("non")`},
		{stamptest.HTML, fault.Invalid, broken, "text/html"},
		{stamptest.Endless, fault.Invalid, broken, "longer than"},
		{stamptest.Empty, fault.Invalid, broken, "cannot be read"},
		{stamptest.Cut, fault.Invalid, broken, "cannot be read"},
		{stamptest.Trailing, fault.Invalid, broken, "cannot be read"},
		{stamptest.GrantsNothing, fault.Invalid, broken, "holds none"},
		{stamptest.OtherHash, fault.Invalid, broken, "another hash"},
		{stamptest.SHA1, fault.Invalid, broken, "not a SHA-256"},
		{stamptest.OtherNonce, fault.Invalid, broken, "nonce"},
		{stamptest.NoNonce, fault.Invalid, broken, "nonce"},
		{stamptest.Forged, fault.Invalid, broken, "signature does not hold"},
		{stamptest.Altered, fault.Invalid, broken, "changed after it was signed"},
		{stamptest.OtherRoot, fault.Invalid, broken, "not believed"},
		{stamptest.NotForStamps, fault.Invalid, broken, "time stamps alone"},
		{stamptest.ForBoth, fault.Invalid, broken, "time stamps alone"},
		{stamptest.NotCritical, fault.Invalid, broken, "insist"},
		{stamptest.Expired, fault.Invalid, broken, "expired"},
		{stamptest.NoCertificate, fault.Invalid, broken, "certificate is not in it"},
		{stamptest.OtherName, fault.Invalid, broken, "another certificate than it says"},
		{stamptest.NoName, fault.Invalid, broken, "by which certificate"},
		{stamptest.LastYear, fault.Invalid, clock, "ours is"},
		{stamptest.NextWeek, fault.Invalid, clock, "ours is"},
		{stamptest.Insists, fault.Invalid, broken, "extension"},
		{stamptest.TwoSigners, fault.Invalid, broken, "several signers"},
		{stamptest.PSS, fault.Invalid, broken, "in a way that is not known"},
		{stamptest.OtherContent, fault.Invalid, broken, "not a token"},
	} {
		a.Misbehave(c.way)
		asking := client(a)
		if c.way == stamptest.Slow {
			asking.Within = 200 * time.Millisecond
		}
		s, _, err := asking.Ask(t.Context(), hash)
		f := fault.As(err)
		if f == nil || f.Kind != c.kind || f.Key != c.key || !strings.Contains(f.Error(), c.why) || s.Response != nil {
			t.Errorf("an authority whose answer %s: %v, want %s (%s) for %q", c.way, err, c.key, c.kind, c.why)
		}
		if c.key == refused && !errors.Is(err, stamp.ErrRefused) {
			t.Errorf("an authority that %s has not refused", c.way)
		}
	}
	asking := client(a)
	a.Misbehave(stamptest.OtherPolicy)
	asking.Policy = asn1.ObjectIdentifier{1, 2, 3}
	if _, _, err := asking.Ask(t.Context(), hash); err == nil || !strings.Contains(err.Error(), "policy 1.3.6.1.4.1.55555.1, and 1.2.3 was asked for") {
		t.Errorf("a stamp under another policy: %v", err)
	}
	a.Misbehave(stamptest.Well)
	if _, said, err := asking.Ask(t.Context(), hash); err != nil || said.Policy != "1.2.3" {
		t.Errorf("a stamp under the policy that was asked for: %v %v", said.Policy, err)
	}
}

// Where nobody listens, and where whoever asks has gone, the authority is away.
func TestNobodyThere(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	a := stamptest.Start(t)
	asking := client(a)
	asking.URL = gone.URL
	if _, _, err := asking.Ask(t.Context(), hash); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody listens: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := client(a).Ask(ctx, hash); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the asker has gone: %v", err)
	}
}

// The log-in of the contract is sent, and each question has a nonce of its own of eight bytes.
func TestWhatIsAsked(t *testing.T) {
	a := stamptest.Start(t)
	var user string
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ = r.BasicAuth()
		a.ServeHTTP(w, r)
	}))
	defer front.Close()
	asking := client(a)
	asking.URL, asking.User, asking.Password = front.URL, "vigie", "secret"
	seen := map[string]bool{}
	for range 20 {
		_, said, err := asking.Ask(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		if seen[said.Nonce.String()] || said.Nonce.BitLen() != 63 {
			t.Errorf("nonce %x", said.Nonce)
		}
		seen[said.Nonce.String()] = true
	}
	if user != "vigie" {
		t.Errorf("the user is %q", user)
	}
}

// Offline, a stamp is not one of anything else, and without roots nobody is believed: not whoever this machine believes.
func TestAStampIsOfOneThing(t *testing.T) {
	a := stamptest.Start(t)
	s, _ := good(t, a, stamptest.Well)
	other := sha256.Sum256([]byte("autre chose"))
	if _, err := stamp.Verify(s.Response, other, a.Roots()); err == nil {
		t.Error("a stamp is believed for something else")
	}
	if _, err := stamp.Verify(s.Response, hash, nil); err == nil || !strings.Contains(err.Error(), "no authority is configured") {
		t.Errorf("without roots: %v", err)
	}
	if _, err := stamp.Verify(s.Response, hash, x509.NewCertPool()); err == nil {
		t.Error("a stamp is believed where nobody is")
	}
	second, _ := good(t, a, stamptest.Well)
	if _, err := (stamp.Stamp{Request: second.Request, Response: s.Response}).Verify(hash, a.Roots()); err == nil || !strings.Contains(err.Error(), "nonce") {
		t.Errorf("an answer to another question: %v", err)
	}
	if _, err := (stamp.Stamp{Request: s.Request[:20], Response: s.Response}).Verify(hash, a.Roots()); err == nil {
		t.Error("a question that is cut is believed")
	}
	if got, err := stamp.Imprint(s.Response); err != nil || got != hash {
		t.Errorf("it is of %x: %v", got, err)
	}
}

// A stamp outlives the certificates that made it.
func TestAStampOutlivesItsCertificates(t *testing.T) {
	then := time.Now().AddDate(-20, 0, 0)
	a, err := stamptest.New(func() time.Time { return then })
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a)
	defer server.Close()
	asking := stamp.Client{HTTP: server.Client(), URL: server.URL, Roots: a.Roots(), Now: func() time.Time { return then }}
	s, _, err := asking.Ask(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	if said, err := s.Verify(hash, a.Roots()); err != nil || said.At.Year() != then.UTC().Year() || said.Chain[0].NotAfter.After(time.Now()) {
		t.Errorf("twenty years later: %v %v", said.At, err)
	}
}

// Whichever byte of an answer is changed, it is not believed, or it says the same.
func TestNoChangedByteSaysSomethingElse(t *testing.T) {
	a := stamptest.Start(t)
	s, said := good(t, a, stamptest.Well)
	believed := 0
	for n := range s.Response {
		changed := bytes.Clone(s.Response)
		changed[n] ^= 1 << (n % 8)
		got, err := stamp.Verify(changed, hash, a.Roots())
		if err != nil {
			continue
		}
		believed++
		if !got.At.Equal(said.At) || got.Serial.Cmp(said.Serial) != 0 || got.Policy != said.Policy || !got.Chain[0].Equal(said.Chain[0]) {
			t.Errorf("with byte %d changed it says %+v", n, got)
		}
	}
	if believed > len(s.Response)/10 {
		t.Errorf("%d of %d changed answers are believed", believed, len(s.Response))
	}
}

// needs skips a test whose counterpart is not on the machine, or fails it where skips are forbidden.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatalf("%s is missing, and VIGIE_FORBID_SKIPS is set (Debian: %s)", program, program)
	}
	t.Skipf("%s is missing (Debian: %s)", program, program)
}

// openssl runs it in a folder and returns all that it says.
func openssl(dir string, args ...string) (string, error) {
	c := exec.Command("openssl", args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Plain OpenSSL believes what we believe, by the file, by its hash and by the question, and does not believe it for another file.
func TestOpenSSLBelievesWhatWeBelieve(t *testing.T) {
	needs(t, "openssl")
	a := stamptest.Start(t)
	for _, way := range rightWays {
		dir := t.TempDir()
		s, _ := good(t, a, way)
		write(t, dir, "proof", proof)
		write(t, dir, "other", []byte("autre chose"))
		write(t, dir, "q.tsq", s.Request)
		write(t, dir, "r.tsr", s.Response)
		write(t, dir, "root.pem", a.RootPEM())
		for _, of := range [][]string{{"-data", "proof"}, {"-digest", hex.EncodeToString(hash[:])}, {"-queryfile", "q.tsq"}} {
			out, err := openssl(dir, append([]string{"ts", "-verify", "-in", "r.tsr", "-CAfile", "root.pem"}, of...)...)
			if err != nil || !strings.Contains(out, "Verification: OK") {
				t.Errorf("%s, by %s: %v\n%s", way, of[0], err, out)
			}
		}
		if out, err := openssl(dir, "ts", "-verify", "-in", "r.tsr", "-CAfile", "root.pem", "-data", "other"); err == nil {
			t.Errorf("%s: openssl believes it for another file\n%s", way, out)
		}
	}
}

// And we believe what OpenSSL stamps, whatever its key, and not for long after its certificate was taken for another's.
func TestWeBelieveWhatOpenSSLStamps(t *testing.T) {
	needs(t, "openssl")
	for _, key := range [][]string{{"rsa:2048"}, {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}, {"ec", "-pkeyopt", "ec_paramgen_curve:P-384"}} {
		for _, digest := range []string{"sha256", "sha384", "sha512"} {
			dir := t.TempDir()
			write(t, dir, "tsa.ext", []byte("keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"))
			write(t, dir, "tsa.cnf", []byte("[tsa]\ndefault_tsa=tsa1\n[tsa1]\nserial=serial\ncrypto_device=builtin\nsigner_cert=tsa.pem\ncerts=ca.pem\nsigner_key=tsa.key\n"+
				"signer_digest="+digest+"\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:1,millisecs:500,microsecs:100\nordering=yes\ntsa_name=yes\ness_cert_id_chain=yes\n"+
				"clock_precision_digits=3\ness_cert_id_alg="+digest+"\n"))
			for _, step := range [][]string{
				append([]string{"req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem", "-newkey"}, key...),
				append([]string{"req", "-nodes", "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr", "-newkey"}, key...),
				{"x509", "-req", "-days", "1", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "tsa.ext", "-out", "tsa.pem"},
			} {
				if out, err := openssl(dir, step...); err != nil {
					t.Fatalf("openssl %v: %v\n%s", step, err, out)
				}
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var question bytes.Buffer
				question.ReadFrom(r.Body)
				os.WriteFile(filepath.Join(dir, "q.tsq"), question.Bytes(), 0o600)
				if out, err := openssl(dir, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "r.tsr"); err != nil {
					http.Error(w, out, 500)
					return
				}
				answer, _ := os.ReadFile(filepath.Join(dir, "r.tsr"))
				w.Header().Set("Content-Type", "application/timestamp-reply")
				w.Write(answer)
			}))
			text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(text)
			ca, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			_, said, err := stamp.Client{HTTP: server.Client(), URL: server.URL, Roots: stamp.Pool(ca)}.Ask(t.Context(), hash)
			server.Close()
			if err != nil || said.Authority() != "CN=tsa" || said.Policy != "1.2.3.4" || said.Accuracy != 1500100*time.Microsecond {
				t.Errorf("%v, %s: %+v %v", key, digest, said, err)
			}
		}
	}
}

// FuzzVerify looks for an answer that makes the reader fall, or that is believed without having been signed.
func FuzzVerify(f *testing.F) {
	a := stamptest.Start(f)
	for _, way := range rightWays {
		s, _ := good(f, a, way)
		f.Add(s.Response, s.Request)
	}
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x02}, []byte{0x30, 0})
	nobody, err := stamptest.New(time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, response, request []byte) {
		if said, err := (stamp.Stamp{Request: request, Response: response}).Verify(hash, nobody.Roots()); err == nil {
			t.Errorf("believed: %+v", said)
		}
		stamp.Certificates(response)
		stamp.Imprint(response)
	})
}
