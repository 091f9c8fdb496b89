// Package stamp has an outside authority say when something existed, in a form that a police officer or a lawyer can check
// without us: RFC 3161 time stamps.
//
// We send the SHA-256 of a piece of evidence, never the evidence, and get back a statement of the time, signed by the
// authority. What comes back is believed only when all of it holds: that it was granted, that it is of our hash and answers
// our question (the nonce), who signed it, that this signer was allowed to stamp times then, by a chain to a root that the
// house has chosen, and that the time is about now. An authority that is away keeps nobody waiting: the fault says so, and
// its caller asks again later.
//
// The reading is our own, over cryptobyte and crypto/x509, because a bundle of evidence is judged here that anybody may
// have made. The library that was looked at (digitorus/timestamp with its pkcs7) is made for tokens of a friend: its BER
// reader runs past the end of a token that was cut, what it cannot parse it passes over, it ignores what comes after a token, a
// token without a certificate is not checked at all, and the signer's certificate is neither compared with the one that the
// token names (RFC 5035) nor asked whether it may stamp times. RFC 3161 §3 sends everything in DER, so that nothing more lenient
// is needed. That plain OpenSSL believes what we believe, and we what it stamps, is in the tests.
package stamp

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"vigie/internal/fault"
)

// MaxSize bounds a question and an answer in bytes. With a whole chain of certificates an answer has about 10,000.
const MaxSize = 128 << 10

// Stamp is a time stamp as it is kept, and as OpenSSL reads it.
type Stamp struct {
	// Request is what was asked: a TimeStampReq in DER (RFC 3161 §2.4.1), a .tsq file.
	Request []byte
	// Response is what the authority answered: a TimeStampResp in DER (§2.4.2), a .tsr file.
	Response []byte
}

// Stamped is what a time stamp says, once it holds.
type Stamped struct {
	// At is the authority's time, UTC, and Accuracy how far off it may be; 0 where the authority does not say.
	At       time.Time
	Accuracy time.Duration
	// Serial is the number of this stamp at its authority, and Policy the rules it was made under, as an OID.
	Serial *big.Int
	Policy string
	// Nonce is that of the question; nil where the question had none.
	Nonce *big.Int
	// Chain goes from the certificate that signed to the root that is believed.
	Chain []*x509.Certificate
}

// Authority is who signed, in words: "CN=Horodatage 3,O=Exemple,C=FR".
func (s Stamped) Authority() string { return s.Chain[0].Subject.String() }

// Root is the certificate that the house has chosen to believe.
func (s Stamped) Root() *x509.Certificate { return s.Chain[len(s.Chain)-1] }

// Pool is roots as crypto/x509 takes them.
func Pool(roots ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, root := range roots {
		pool.AddCert(root)
	}
	return pool
}

// broken is a time stamp that does not hold; the cause names what of it.
func broken(why string, args ...any) error {
	return fault.Wrap(fmt.Errorf("time stamp: "+why, args...), fault.Invalid, "fault.stamp.broken")
}

// Verify checks a time stamp without asking anybody: token is a TimeStampToken or the whole TimeStampResp around it, hash
// the SHA-256 of what was stamped, roots whom to believe. It returns fault.Invalid "fault.stamp.broken", whose cause says
// why, for one that does not hold. Validity of the certificates is that of the stamped time, so that a stamp outlives
// them; whether one was revoked is not asked.
func Verify(token []byte, hash [sha256.Size]byte, roots *x509.CertPool) (Stamped, error) {
	t, err := read(token)
	if err != nil {
		return Stamped{}, err
	}
	return t.verify(hash, roots)
}

// Verify does the same with a stamp as it is kept, and checks that the answer is the one to its question.
func (s Stamp) Verify(hash [sha256.Size]byte, roots *x509.CertPool) (Stamped, error) {
	asked, err := readRequest(s.Request)
	if err != nil {
		return Stamped{}, err
	}
	if asked.hash != hash {
		return Stamped{}, broken("the question is of another hash")
	}
	said, err := Verify(s.Response, hash, roots)
	if err != nil {
		return Stamped{}, err
	}
	switch {
	case asked.nonce != nil && said.Nonce == nil, asked.nonce == nil && said.Nonce != nil,
		asked.nonce != nil && asked.nonce.Cmp(said.Nonce) != 0: // RFC 3161 §2.4.2: the same value
		return Stamped{}, broken("the nonce of the answer is not that of the question")
	case asked.policy != "" && asked.policy != said.Policy:
		return Stamped{}, broken("it was made under policy %s, and %s was asked for", said.Policy, asked.policy)
	}
	return said, nil
}

// Certificates are those that a token or a response carries, in its order, without any judgement about them.
func Certificates(token []byte) ([]*x509.Certificate, error) {
	t, err := read(token)
	return t.certificates, err
}

// Imprint is the SHA-256 that a token or a response is of, without any judgement about it.
func Imprint(token []byte) (hash [sha256.Size]byte, err error) {
	t, err := read(token)
	return t.hash, err
}

// read takes a TimeStampToken, or the one in a TimeStampResp that was granted.
func read(der []byte) (t token, err error) {
	if len(der) > MaxSize {
		return t, broken("it is longer than %d bytes", MaxSize)
	}
	if isToken(der) {
		return readToken(der)
	}
	answer, err := readResponse(der)
	if err != nil {
		return t, err
	}
	if !answer.granted() {
		return t, broken("the authority did not grant it: %v", answer.refusal())
	}
	return readToken(answer.token)
}

// verify checks everything about a token but the nonce (RFC 3161 §2.2 and §2.3, RFC 5652 §5.4 and §5.6, RFC 5816).
func (t token) verify(hash [sha256.Size]byte, roots *x509.CertPool) (said Stamped, err error) {
	if t.hash != hash {
		return said, broken("it is of another hash: what was stamped is not this")
	}
	signer, err := t.signerCertificate()
	if err != nil {
		return said, err
	}
	if err := mayStamp(signer); err != nil {
		return said, err
	}
	if err := t.signedBy(signer); err != nil {
		return said, err
	}
	if roots == nil { // crypto/x509 would take the machine's
		return said, broken("no authority is configured to be believed")
	}
	others := x509.NewCertPool()
	for _, c := range t.certificates {
		others.AddCert(c)
	}
	chains, err := signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, CurrentTime: t.at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown): // whose words are long, and guesses
		return said, broken("its signer is not believed: it leads to no authority that is known here")
	case err != nil:
		return said, broken("its signer is not believed: %w", err)
	}
	return Stamped{At: t.at, Accuracy: t.accuracy, Serial: t.serial, Policy: t.policy, Nonce: t.nonce, Chain: shortest(chains)}, nil
}

func shortest(chains [][]*x509.Certificate) []*x509.Certificate {
	best := chains[0]
	for _, c := range chains[1:] {
		if len(c) < len(best) {
			best = c
		}
	}
	return best
}

// mayStamp checks that a certificate is for time stamps and for nothing else (RFC 3161 §2.3: one extended key usage,
// critical).
func mayStamp(c *x509.Certificate) error {
	if len(c.ExtKeyUsage) != 1 || c.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping || len(c.UnknownExtKeyUsage) != 0 {
		return broken("its signer's certificate is not one for time stamps alone")
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidExtKeyUsage) && !e.Critical {
			return broken("its signer's certificate does not insist on being for time stamps alone")
		}
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return broken("its signer's certificate is not for signing")
	}
	return nil
}

// ErrRefused is in the cause of a refusal: the authority answered, and said no.
var ErrRefused = errors.New("time stamp: refused")
