// Package stamptest is an authority for time stamps that runs beside the tests, with certificates of its own, and that
// misbehaves in every way a test asks it to. Nobody believes it who was not told to.
package stamptest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Way is how the authority answers.
type Way string

// The ways. The first ones are right.
const (
	Well     Way = "well"
	WithMods Way = "granted with modifications"
	OldName  Way = "names its certificate by SHA-1 alone (RFC 2634)"
	RSA      Way = "signs with RSA PKCS #1 v1.5 and SHA-512"

	Down   Way = "closes the connection"
	Slow   Way = "begins to answer and does not end"
	Ill    Way = "answers 503"
	Busy   Way = "answers 429"
	NoPay  Way = "answers 403"
	Moved  Way = "answers 301"
	Refuse Way = "does not stamp under this policy"
	NoTime Way = "has no clock just now"

	HTML          Way = "is a page of a hotel's network"
	Endless       Way = "never ends"
	Empty         Way = "is empty"
	Cut           Way = "is cut in the middle"
	Trailing      Way = "has something after it"
	GrantsNothing Way = "grants and holds nothing"
	OtherHash     Way = "is of another hash"
	SHA1          Way = "is of a SHA-1"
	OtherNonce    Way = "has another nonce"
	NoNonce       Way = "has no nonce"
	Forged        Way = "is signed with another key"
	Altered       Way = "was changed after it was signed"
	OtherRoot     Way = "comes from another authority of the same name"
	NotForStamps  Way = "is signed by a certificate for servers"
	ForBoth       Way = "is signed by a certificate for servers and stamps"
	NotCritical   Way = "is signed by a certificate that does not insist"
	Expired       Way = "is signed by a certificate that was over then"
	NoCertificate Way = "lacks the certificate"
	OtherName     Way = "names another certificate than the one it is signed with"
	NoName        Way = "does not name its certificate"
	OtherPolicy   Way = "is made under another policy than was asked for"
	LastYear      Way = "is of last year"
	NextWeek      Way = "is of next week"
	Insists       Way = "insists on an extension that nobody knows"
	TwoSigners    Way = "has two signers"
	PSS           Way = "is signed with RSASSA-PSS, which openssl ts does not check"
	OtherContent  Way = "signs something that is no time stamp"
)

// Authority is a root, an intermediate one below it, and the certificate that stamps.
type Authority struct {
	// URL is where it listens, on loopback; "" for one that was only made.
	URL string
	// Root is whom to believe.
	Root *x509.Certificate

	now    func() time.Time
	middle issued
	signer map[Way]issued
	other  *Authority

	mu     sync.Mutex
	way    Way
	asked  int
	serial int64
}

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// Start returns an authority that listens until the test is over.
func Start(tb testing.TB) *Authority {
	tb.Helper()
	a, err := New(time.Now)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(a)
	tb.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// New makes an authority whose clock is given; it answers where it is served.
func New(now func() time.Time) (*Authority, error) {
	a, err := newAuthority(now)
	if err == nil {
		a.other, err = newAuthority(now)
	}
	return a, err
}

func newAuthority(now func() time.Time) (*Authority, error) {
	a := &Authority{now: now, way: Well, signer: map[Way]issued{}}
	root, err := issue(issued{}, "Autorité d'essai", now(), nil)
	if err != nil {
		return nil, err
	}
	a.Root = root.cert
	if a.middle, err = issue(root, "Autorité d'essai, horodatage", now(), nil); err != nil {
		return nil, err
	}
	for _, way := range []Way{Well, RSA, NotForStamps, ForBoth, NotCritical, Expired, OtherName} {
		if a.signer[way], err = issue(a.middle, "Horodatage d'essai", now(), &way); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Misbehave says how the authority answers from now on.
func (a *Authority) Misbehave(way Way) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.way = way
}

// Asked counts the questions that arrived.
func (a *Authority) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// RootPEM is the root certificate as OpenSSL reads it.
func (a *Authority) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw})
}

// Roots is the root alone.
func (a *Authority) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Root)
	return pool
}

// issue makes a certificate: a root where nobody issues it, an authority where way is nil, else one that stamps that way.
func issue(by issued, name string, now time.Time, way *Way) (c issued, err error) {
	c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if way != nil && *way == RSA {
		c.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return c, err
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return c, err
	}
	t := &x509.Certificate{SerialNumber: number.Add(number, big.NewInt(1)), Subject: pkix.Name{CommonName: name, Organization: []string{"Vigie, essais"}, Country: []string{"FR"}},
		NotBefore: now.Add(-5 * 365 * 24 * time.Hour), NotAfter: now.Add(5 * 365 * 24 * time.Hour), BasicConstraintsValid: true}
	if way == nil {
		t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	} else {
		t.KeyUsage = x509.KeyUsageDigitalSignature
		stamps, servers := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
		usage, critical := []asn1.ObjectIdentifier{stamps}, true
		switch *way {
		case NotForStamps:
			usage = []asn1.ObjectIdentifier{servers}
		case ForBoth:
			usage = []asn1.ObjectIdentifier{servers, stamps}
		case NotCritical:
			critical = false
		case Expired:
			t.NotAfter = now.Add(-24 * time.Hour)
		}
		t.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: must(usage)}}
	}
	if by.cert == nil {
		by = issued{cert: t, key: c.key}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.cert, c.key.Public(), by.key)
	if err != nil {
		return c, err
	}
	c.cert, err = x509.ParseCertificate(der)
	return c, err
}

// ServeHTTP answers a question (RFC 3161 §3.4).
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked++
	a.serial++
	way, serial := a.way, a.serial
	a.mu.Unlock()
	question, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "a question of RFC 3161 is wanted", http.StatusBadRequest)
		return
	}
	switch way {
	case Down:
		panic(http.ErrAbortHandler)
	case Ill:
		http.Error(w, "later", http.StatusServiceUnavailable)
		return
	case Busy:
		http.Error(w, "later", http.StatusTooManyRequests)
		return
	case NoPay:
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	case Moved: // without a Location, or the client would follow
		w.WriteHeader(http.StatusMovedPermanently)
		return
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<p>Bienvenue ! Acceptez nos conditions.</p>")
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	if way == Endless {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
		return
	}
	answer := a.Answer(way, question, serial)
	if way == Slow {
		w.Write(answer[:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	w.Write(answer)
}

type algorithm struct {
	OID        asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type imprint struct {
	Algorithm algorithm
	Hash      []byte
}

type question struct {
	Version      int
	Imprint      imprint
	Policy       asn1.ObjectIdentifier `asn1:"optional"`
	Nonce        *big.Int              `asn1:"optional"`
	Certificates bool                  `asn1:"optional"`
}

type accuracy struct {
	Seconds int
	Millis  int `asn1:"tag:0"`
}

type info struct {
	Version    int
	Policy     asn1.ObjectIdentifier
	Imprint    imprint
	Serial     *big.Int
	At         time.Time        `asn1:"generalized"`
	Accuracy   accuracy         `asn1:"optional"`
	Nonce      *big.Int         `asn1:"optional"`
	Extensions []pkix.Extension `asn1:"optional,tag:1"`
}

var (
	sha256OID = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	sha512OID = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	sha1OID   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	ecdsaOID  = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	rsaOID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	pssOID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	mgfOID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	tstOID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	dataOID   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	policyOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 1}
)

// Answer is what the authority says to a question.
func (a *Authority) Answer(way Way, asked []byte, serial int64) []byte {
	var q question
	if _, err := asn1.Unmarshal(asked, &q); err != nil {
		return status(2, 5, nil) // badDataFormat
	}
	switch way {
	case Refuse:
		return status(2, 15, nil)
	case NoTime:
		return status(2, 14, nil)
	case GrantsNothing:
		return status(0, -1, nil)
	case Empty:
		return nil
	case OtherRoot:
		return a.other.Answer(Well, asked, serial)
	}
	i := info{Version: 1, Policy: policyOID, Imprint: q.Imprint, Serial: big.NewInt(serial), At: a.now().UTC().Truncate(time.Second), Accuracy: accuracy{1, 500}, Nonce: q.Nonce}
	if q.Policy != nil && way != OtherPolicy {
		i.Policy = q.Policy
	}
	switch way {
	case OtherHash:
		i.Imprint.Hash = make([]byte, sha256.Size)
	case SHA1:
		i.Imprint = imprint{algorithm{sha1OID, asn1.NullRawValue}, make([]byte, 20)}
	case OtherNonce:
		i.Nonce = big.NewInt(42)
	case NoNonce:
		i.Nonce = nil
	case LastYear:
		i.At = i.At.AddDate(-1, 0, 0)
	case NextWeek:
		i.At = i.At.AddDate(0, 0, 7)
	case Insists:
		i.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 9}, Critical: true, Value: []byte{5, 0}}}
	}
	token := a.sign(way, must(i))
	if way == Altered { // a bit of the time
		at := i.At.Format("20060102150405Z")
		for n := range token[:len(token)-len(at)] {
			if string(token[n:n+len(at)]) == at {
				token[n+len(at)-2] ^= 1
			}
		}
	}
	granted := 0
	if way == WithMods {
		granted = 1
	}
	answer := status(granted, -1, token)
	switch way {
	case Cut:
		return answer[:len(answer)/2]
	case Trailing:
		return append(answer, 5, 0)
	}
	return answer
}

// status is a TimeStampResp (RFC 3161 §2.4.2).
func status(code, failure int, token []byte) []byte {
	type statusInfo struct {
		Status  int
		Text    asn1.RawValue  `asn1:"optional"`
		Failure asn1.BitString `asn1:"optional"`
	}
	s := statusInfo{Status: code}
	if failure >= 0 {
		bits := make([]byte, failure/8+1)
		bits[failure/8] = 0x80 >> (failure % 8)
		s.Failure = asn1.BitString{Bytes: bits, BitLength: failure + 1}
		s.Text = asn1.RawValue{FullBytes: sequence(must(asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("non")}))}
	}
	return sequence(must(s), token)
}

// sign puts a CMS SignedData around a TSTInfo (RFC 5652 §5).
func (a *Authority) sign(way Way, content []byte) []byte {
	signer, ok := a.signer[way]
	if !ok || way == OtherName {
		signer = a.signer[Well]
	}
	key := signer.key
	if way == Forged {
		key = a.signer[OtherName].key
	}
	digest, digestOID, signature := crypto.SHA256, sha256OID, algorithm{OID: ecdsaOID}
	var options crypto.SignerOpts = crypto.SHA256
	switch way {
	case RSA:
		digest, digestOID, options, signature = crypto.SHA512, sha512OID, crypto.SHA512, algorithm{rsaOID, asn1.NullRawValue}
	case PSS:
		signer = a.signer[RSA]
		key = signer.key
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		hash := algorithm{sha256OID, asn1.NullRawValue}
		signature = algorithm{pssOID, asn1.RawValue{FullBytes: sequence(explicit(0, must(hash)),
			explicit(1, must(algorithm{mgfOID, asn1.RawValue{FullBytes: must(hash)}})), explicit(2, must(32)))}}
	}
	kind := tstOID
	if way == OtherContent {
		kind = dataOID
	}
	sum := digest.New()
	sum.Write(content)
	signed := [][]byte{attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}, must(kind)), attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}, must(sum.Sum(nil)))}
	named := signer.cert
	if way == OtherName {
		named = a.signer[OtherName].cert
	}
	switch way {
	case NoName:
	case OldName:
		old := sha1.Sum(named.Raw)
		signed = append(signed, attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}, sequence(sequence(sequence(must(old[:]))))))
	default:
		hash := sha256.Sum256(named.Raw)
		signed = append(signed, attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}, sequence(sequence(sequence(must(hash[:]))))))
	}
	slices.SortFunc(signed, bytes.Compare) // a SET in DER
	attributes := join(signed...)
	sum = digest.New()
	sum.Write(raw(asn1.ClassUniversal, asn1.TagSet, attributes))
	value, err := key.Sign(rand.Reader, sum.Sum(nil), options)
	if err != nil {
		panic(err) // the keys are made for these algorithms
	}
	info := sequence(must(1), sequence(signer.cert.RawIssuer, must(signer.cert.SerialNumber)), must(algorithm{digestOID, asn1.NullRawValue}),
		raw(asn1.ClassContextSpecific, 0, attributes), must(signature), must(value))
	if way == TwoSigners {
		info = join(info, info)
	}
	certificates := raw(asn1.ClassContextSpecific, 0, join(signer.cert.Raw, a.middle.cert.Raw))
	if way == NoCertificate {
		certificates = raw(asn1.ClassContextSpecific, 0, a.middle.cert.Raw)
	}
	data := sequence(must(3), raw(asn1.ClassUniversal, asn1.TagSet, must(algorithm{digestOID, asn1.NullRawValue})),
		sequence(must(kind), explicit(0, must(content))), certificates, raw(asn1.ClassUniversal, asn1.TagSet, info))
	return sequence(must(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), explicit(0, data))
}

func attribute(oid asn1.ObjectIdentifier, value []byte) []byte {
	return sequence(must(oid), raw(asn1.ClassUniversal, asn1.TagSet, value))
}

func sequence(parts ...[]byte) []byte {
	return raw(asn1.ClassUniversal, asn1.TagSequence, join(parts...))
}

func explicit(tag int, inner []byte) []byte { return raw(asn1.ClassContextSpecific, tag, inner) }

func raw(class, tag int, inner []byte) []byte {
	return must(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: inner})
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// must is the DER of a value; what is given here can be written.
func must(value any) []byte {
	der, err := asn1.Marshal(value)
	if err != nil {
		panic(err)
	}
	return der
}
