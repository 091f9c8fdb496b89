package stamp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512 of signatures
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSignerV1      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12} // RFC 2634 §5.4
	oidSignerV2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035 §3
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// digests are the hashes that a signature may be of. SHA-1 is not among them.
var digests = map[string]crypto.Hash{oidSHA256.String(): crypto.SHA256, oidSHA384.String(): crypto.SHA384, oidSHA512.String(): crypto.SHA512}

// signatures are the algorithms whose name names the hash too, with that hash.
var signatures = map[string]struct {
	hash crypto.Hash
	name x509.SignatureAlgorithm
}{
	"1.2.840.113549.1.1.11": {crypto.SHA256, x509.SHA256WithRSA},
	"1.2.840.113549.1.1.12": {crypto.SHA384, x509.SHA384WithRSA},
	"1.2.840.113549.1.1.13": {crypto.SHA512, x509.SHA512WithRSA},
	"1.2.840.10045.4.3.2":   {crypto.SHA256, x509.ECDSAWithSHA256},
	"1.2.840.10045.4.3.3":   {crypto.SHA384, x509.ECDSAWithSHA384},
	"1.2.840.10045.4.3.4":   {crypto.SHA512, x509.ECDSAWithSHA512},
}

// request is what of a question is looked at.
type request struct {
	hash   [sha256.Size]byte
	nonce  *big.Int // nil for none
	policy string   // "" for none
}

// der is the TimeStampReq (RFC 3161 §2.4.1), which wants the signer's certificate in the answer.
func (q request) der(policy asn1.ObjectIdentifier) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSHA256)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(q.hash[:])
		})
		if policy != nil {
			b.AddASN1ObjectIdentifier(policy)
		}
		if q.nonce != nil {
			b.AddASN1BigInt(q.nonce)
		}
		b.AddASN1Boolean(true)
	})
	return b.Bytes()
}

func readRequest(der []byte) (q request, err error) {
	wrong := broken("the question cannot be read")
	in := cryptobyte.String(der)
	var body cryptobyte.String
	var version int
	if len(der) > MaxSize || !in.ReadASN1(&body, tag.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 {
		return q, wrong
	}
	if q.hash, err = readImprint(&body); err != nil {
		return q, err
	}
	if body.PeekASN1Tag(tag.OBJECT_IDENTIFIER) {
		var policy asn1.ObjectIdentifier
		if !body.ReadASN1ObjectIdentifier(&policy) {
			return q, wrong
		}
		q.policy = policy.String()
	}
	if body.PeekASN1Tag(tag.INTEGER) {
		q.nonce = new(big.Int)
		if !body.ReadASN1Integer(q.nonce) {
			return q, wrong
		}
	}
	var certificates bool
	if !readFlag(&body, &certificates) || !body.SkipOptionalASN1(tag.Tag(0).ContextSpecific().Constructed()) || !body.Empty() {
		return q, wrong
	}
	return q, nil
}

// readImprint takes a MessageImprint, which must be a SHA-256.
func readImprint(in *cryptobyte.String) (hash [sha256.Size]byte, err error) {
	var imprint, value cryptobyte.String
	if !in.ReadASN1(&imprint, tag.SEQUENCE) {
		return hash, broken("its hash cannot be read")
	}
	algorithm, ok := readAlgorithm(&imprint)
	if !ok || !imprint.ReadASN1(&value, tag.OCTET_STRING) || !imprint.Empty() {
		return hash, broken("its hash cannot be read")
	}
	if !algorithm.Equal(oidSHA256) || len(value) != len(hash) {
		return hash, broken("its hash is not a SHA-256")
	}
	return [sha256.Size]byte(value), nil
}

// readAlgorithm takes an AlgorithmIdentifier; those that are known have no parameters that matter.
func readAlgorithm(in *cryptobyte.String) (oid asn1.ObjectIdentifier, ok bool) {
	var a cryptobyte.String
	ok = in.ReadASN1(&a, tag.SEQUENCE) && a.ReadASN1ObjectIdentifier(&oid)
	return oid, ok
}

// readFlag takes a BOOLEAN DEFAULT FALSE.
func readFlag(in *cryptobyte.String, to *bool) bool {
	return !in.PeekASN1Tag(tag.BOOLEAN) || in.ReadASN1Boolean(to)
}

// response is what of a TimeStampResp is looked at (RFC 3161 §2.4.2).
type response struct {
	status  int
	said    string // the authority's own words
	failure int    // the bit of PKIFailureInfo that is set, -1 for none
	token   []byte
}

// Statuses and failures of RFC 3161 §2.4.2 that are told apart.
const (
	granted         = 0
	grantedWithMods = 1
	waiting         = 3

	timeNotAvailable = 14
	systemFailure    = 25
)

var failures = map[int]string{0: "it does not take this hash", 2: "it does not do this", 5: "it could not read the question", timeNotAvailable: "its clock is not available",
	15: "it does not stamp under this policy", 16: "it does not know an extension", 17: "it has not what was asked for", systemFailure: "it failed"}

func (r response) granted() bool { return r.status == granted || r.status == grantedWithMods }

// passes says whether asking again later makes sense.
func (r response) passes() bool {
	return r.status == waiting || r.failure == timeNotAvailable || r.failure == systemFailure
}

// refusal says what the authority said, its own words cut short and in quotes.
func (r response) refusal() error {
	words := fmt.Sprintf("status %d", r.status)
	if why, ok := failures[r.failure]; ok {
		words += ", " + why
	}
	if r.said != "" {
		words += fmt.Sprintf(" (%.200q)", r.said)
	}
	return fmt.Errorf("%w: %s", ErrRefused, words)
}

func readResponse(der []byte) (r response, err error) {
	wrong := broken("the answer cannot be read")
	in := cryptobyte.String(der)
	var body, status cryptobyte.String
	if !in.ReadASN1(&body, tag.SEQUENCE) || !in.Empty() || !body.ReadASN1(&status, tag.SEQUENCE) || !status.ReadASN1Integer(&r.status) {
		return r, wrong
	}
	var texts cryptobyte.String
	var there bool
	if !status.ReadOptionalASN1(&texts, &there, tag.SEQUENCE) {
		return r, wrong
	}
	var said []string
	for !texts.Empty() {
		var text cryptobyte.String
		if !texts.ReadASN1(&text, tag.UTF8String) {
			return r, wrong
		}
		said = append(said, string(text))
	}
	r.said, r.failure = strings.Join(said, " "), -1
	if status.PeekASN1Tag(tag.BIT_STRING) {
		var bits asn1.BitString
		if !status.ReadASN1BitString(&bits) {
			return r, wrong
		}
		for bit := range bits.BitLength {
			if bits.At(bit) == 1 {
				r.failure = bit
				break
			}
		}
	}
	if !status.Empty() {
		return r, wrong
	}
	r.token = body
	if r.granted() && len(body) == 0 {
		return r, broken("the answer grants a time stamp and holds none")
	}
	return r, nil
}

// token is what of a TimeStampToken is looked at: a CMS SignedData (RFC 5652) around a TSTInfo.
type token struct {
	// From the TSTInfo (RFC 3161 §2.4.2).
	hash     [sha256.Size]byte
	at       time.Time
	accuracy time.Duration
	serial   *big.Int
	policy   string
	nonce    *big.Int

	info         []byte // the TSTInfo itself
	certificates []*x509.Certificate

	// From its one SignerInfo.
	issuer     []byte   // with number, or else:
	number     *big.Int // nil where the signer is named by keyID
	keyID      []byte
	digest     crypto.Hash
	attributes []byte // as they are signed: a SET
	algorithm  x509.SignatureAlgorithm
	signature  []byte
}

// isToken tells a TimeStampToken, which begins with the name of its type, from a TimeStampResp, which begins with a status.
func isToken(der []byte) bool {
	in := cryptobyte.String(der)
	var body cryptobyte.String
	return in.ReadASN1(&body, tag.SEQUENCE) && body.PeekASN1Tag(tag.OBJECT_IDENTIFIER)
}

const maxCertificates = 16

func readToken(der []byte) (t token, err error) {
	wrong := broken("it is not a token of RFC 3161")
	var outer, explicit, data, encapsulated, content, info, certificates, signers cryptobyte.String
	var kind asn1.ObjectIdentifier
	var version int
	context := func(n uint8) tag.Tag { return tag.Tag(n).ContextSpecific().Constructed() }
	in := cryptobyte.String(der)
	if !in.ReadASN1(&outer, tag.SEQUENCE) || !in.Empty() || !outer.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidSignedData) ||
		!outer.ReadASN1(&explicit, context(0)) || !outer.Empty() || !explicit.ReadASN1(&data, tag.SEQUENCE) || !explicit.Empty() {
		return t, wrong
	}
	if !data.ReadASN1Integer(&version) || !data.SkipASN1(tag.SET) || !data.ReadASN1(&encapsulated, tag.SEQUENCE) ||
		!encapsulated.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidTSTInfo) || !encapsulated.ReadASN1(&content, context(0)) || !encapsulated.Empty() ||
		!content.ReadASN1(&info, tag.OCTET_STRING) || !content.Empty() {
		return t, wrong
	}
	var there bool
	if !data.ReadOptionalASN1(&certificates, &there, context(0)) || !data.SkipOptionalASN1(context(1)) || !data.ReadASN1(&signers, tag.SET) || !data.Empty() {
		return t, wrong
	}
	if t.certificates, err = readCertificates(certificates); err != nil {
		return t, err
	}
	t.info = info
	if err := t.readInfo(); err != nil {
		return t, err
	}
	if err := t.readSigner(&signers); err != nil {
		return t, err
	}
	if !signers.Empty() {
		return t, broken("it has several signers") // RFC 3161 §2.4.2: that of the TSA only
	}
	return t, nil
}

func readCertificates(in cryptobyte.String) (all []*x509.Certificate, err error) {
	for !in.Empty() {
		var der cryptobyte.String
		if !in.ReadASN1Element(&der, tag.SEQUENCE) || len(all) == maxCertificates {
			return nil, broken("its certificates cannot be read")
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, broken("a certificate in it cannot be read: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

func (t *token) readInfo() (err error) {
	wrong := broken("what it says cannot be read")
	in := cryptobyte.String(t.info)
	var body, at cryptobyte.String
	var version int
	var policy asn1.ObjectIdentifier
	if !in.ReadASN1(&body, tag.SEQUENCE) || !in.Empty() || !body.ReadASN1Integer(&version) || version != 1 || !body.ReadASN1ObjectIdentifier(&policy) {
		return wrong
	}
	t.policy = policy.String()
	if t.hash, err = readImprint(&body); err != nil {
		return err
	}
	t.serial = new(big.Int)
	if !body.ReadASN1Integer(t.serial) || !body.ReadASN1(&at, tag.GeneralizedTime) {
		return wrong
	}
	// "YYYYMMDDhhmmss[.s...]Z", always UTC; Parse takes a fraction without being asked to.
	if t.at, err = time.Parse("20060102150405Z", string(at)); err != nil {
		return wrong
	}
	if body.PeekASN1Tag(tag.SEQUENCE) {
		var accuracy cryptobyte.String
		if !body.ReadASN1(&accuracy, tag.SEQUENCE) || !readAccuracy(accuracy, &t.accuracy) {
			return wrong
		}
	}
	var ordering bool
	if !readFlag(&body, &ordering) {
		return wrong
	}
	if body.PeekASN1Tag(tag.INTEGER) {
		t.nonce = new(big.Int)
		if !body.ReadASN1Integer(t.nonce) {
			return wrong
		}
	}
	var extensions cryptobyte.String
	var there bool
	if !body.SkipOptionalASN1(tag.Tag(0).ContextSpecific().Constructed()) || // its own name for itself; the certificate says it
		!body.ReadOptionalASN1(&extensions, &there, tag.Tag(1).ContextSpecific().Constructed()) || !body.Empty() {
		return wrong
	}
	for !extensions.Empty() {
		var extension cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !extensions.ReadASN1(&extension, tag.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&oid) ||
			!readFlag(&extension, &critical) {
			return wrong
		}
		if critical {
			return broken("it insists on an extension that is not known here (%s)", oid)
		}
	}
	return nil
}

// readAccuracy takes seconds, milliseconds and microseconds, each of which may be missing.
func readAccuracy(in cryptobyte.String, to *time.Duration) bool {
	var seconds, milli, micro int64
	if in.PeekASN1Tag(tag.INTEGER) && !in.ReadASN1Integer(&seconds) {
		return false
	}
	for n, part := range []*int64{&milli, &micro} {
		if t := tag.Tag(n).ContextSpecific(); in.PeekASN1Tag(t) && (!in.ReadASN1Int64WithTag(part, t) || *part < 1 || *part > 999) {
			return false
		}
	}
	const year = 365 * 24 * 3600
	*to = time.Duration(seconds)*time.Second + time.Duration(milli)*time.Millisecond + time.Duration(micro)*time.Microsecond
	return in.Empty() && seconds >= 0 && seconds < year
}

func (t *token) readSigner(in *cryptobyte.String) error {
	wrong := broken("its signature cannot be read")
	var signer, attributes, signature cryptobyte.String
	var version int
	if !in.ReadASN1(&signer, tag.SEQUENCE) || !signer.ReadASN1Integer(&version) {
		return wrong
	}
	if keyID := tag.Tag(0).ContextSpecific(); signer.PeekASN1Tag(keyID) {
		var id cryptobyte.String
		if !signer.ReadASN1(&id, keyID) || len(id) == 0 {
			return wrong
		}
		t.keyID = id
	} else {
		var name, issuer cryptobyte.String
		t.number = new(big.Int)
		if !signer.ReadASN1(&name, tag.SEQUENCE) || !name.ReadASN1Element(&issuer, tag.SEQUENCE) || !name.ReadASN1Integer(t.number) || !name.Empty() {
			return wrong
		}
		t.issuer = issuer
	}
	digest, ok := readAlgorithm(&signer)
	if !ok || !signer.ReadASN1Element(&attributes, tag.Tag(0).ContextSpecific().Constructed()) {
		return wrong // signed attributes must be there (RFC 5652 §5.3), for the content is not plain data
	}
	if t.digest, ok = digests[digest.String()]; !ok {
		return broken("it is signed over a hash that is not trusted (%s)", digest)
	}
	// What is signed is the SET, whose tag the token replaces (RFC 5652 §5.4).
	t.attributes = bytes.Clone(attributes)
	t.attributes[0] = byte(tag.SET)
	algorithm, ok := readAlgorithm(&signer)
	if !ok || !signer.ReadASN1(&signature, tag.OCTET_STRING) || !signer.SkipOptionalASN1(tag.Tag(1).ContextSpecific().Constructed()) || !signer.Empty() {
		return wrong
	}
	t.signature = signature
	if t.algorithm = signatureAlgorithm(algorithm, t.digest); t.algorithm == x509.UnknownSignatureAlgorithm {
		return broken("it is signed in a way that is not known here (%s)", algorithm)
	}
	return nil
}

// signatureAlgorithm is the algorithm in the words of crypto/x509, where it goes with the digest. RSASSA-PSS is not among them:
// openssl ts cannot check it (3.0), and a stamp that only we can check is no evidence.
func signatureAlgorithm(oid asn1.ObjectIdentifier, digest crypto.Hash) x509.SignatureAlgorithm {
	if s, ok := signatures[oid.String()]; ok && s.hash == digest {
		return s.name
	}
	if oid.Equal(oidRSA) { // the hash is the digest's (RFC 3370 §3.2)
		return map[crypto.Hash]x509.SignatureAlgorithm{crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA}[digest]
	}
	return x509.UnknownSignatureAlgorithm
}

// signerCertificate is the certificate that the token says it is signed with; it must be in the token.
func (t token) signerCertificate() (*x509.Certificate, error) {
	for _, c := range t.certificates {
		if t.number != nil && bytes.Equal(c.RawIssuer, t.issuer) && c.SerialNumber.Cmp(t.number) == 0 ||
			t.number == nil && len(t.keyID) > 0 && bytes.Equal(c.SubjectKeyId, t.keyID) {
			return c, nil
		}
	}
	return nil, broken("its signer's certificate is not in it")
}

// signedBy checks the signature, and that what is signed is this TSTInfo and names this certificate.
func (t token) signedBy(signer *x509.Certificate) error {
	in := cryptobyte.String(t.attributes)
	var set cryptobyte.String
	if !in.ReadASN1(&set, tag.SET) {
		return broken("its signed attributes cannot be read")
	}
	seen := map[string]cryptobyte.String{}
	for !set.Empty() {
		var attribute, values cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !set.ReadASN1(&attribute, tag.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&oid) || !attribute.ReadASN1(&values, tag.SET) || !attribute.Empty() {
			return broken("its signed attributes cannot be read")
		}
		if _, twice := seen[oid.String()]; twice {
			return broken("a signed attribute is in it twice (%s)", oid)
		}
		seen[oid.String()] = values
	}
	var kind asn1.ObjectIdentifier
	if values := seen[oidContentType.String()]; !values.ReadASN1ObjectIdentifier(&kind) || !values.Empty() || !kind.Equal(oidTSTInfo) {
		return broken("what is signed is not a time stamp")
	}
	var sum cryptobyte.String
	h := t.digest.New()
	h.Write(t.info)
	if values := seen[oidMessageDigest.String()]; !values.ReadASN1(&sum, tag.OCTET_STRING) || !values.Empty() || !bytes.Equal(sum, h.Sum(nil)) {
		return broken("what it says was changed after it was signed")
	}
	if err := names(seen, signer); err != nil {
		return err
	}
	if err := signer.CheckSignature(t.algorithm, t.attributes, t.signature); err != nil {
		return broken("its signature does not hold: %w", err)
	}
	return nil
}

// names checks that the signed attributes name the signer's certificate by its hash, so that no other certificate of the
// same key takes its place (RFC 3161 §2.4.2, RFC 5816 §2.2.1).
func names(attributes map[string]cryptobyte.String, signer *x509.Certificate) error {
	v2, isV2 := attributes[oidSignerV2.String()]
	v1, isV1 := attributes[oidSignerV1.String()]
	if !isV2 && !isV1 {
		return broken("it does not say by which certificate it is signed")
	}
	wrong := broken("it is signed by another certificate than it says")
	if isV2 {
		id, ok := firstCertificate(v2)
		h := crypto.SHA256
		if ok && id.PeekASN1Tag(tag.SEQUENCE) {
			var oid asn1.ObjectIdentifier
			if oid, ok = readAlgorithm(&id); ok {
				h, ok = digests[oid.String()]
			}
		}
		if !ok {
			return wrong
		}
		sum := h.New()
		sum.Write(signer.Raw)
		var named cryptobyte.String
		if !id.ReadASN1(&named, tag.OCTET_STRING) || !bytes.Equal(named, sum.Sum(nil)) {
			return wrong
		}
	}
	if isV1 { // SHA-1, where finding a second certificate of the same hash is still out of reach
		id, ok := firstCertificate(v1)
		sum := sha1.Sum(signer.Raw)
		var named cryptobyte.String
		if !ok || !id.ReadASN1(&named, tag.OCTET_STRING) || !bytes.Equal(named, sum[:]) {
			return wrong
		}
	}
	return nil
}

// firstCertificate is the first ESSCertID of a SigningCertificate, which is the signer's.
func firstCertificate(values cryptobyte.String) (id cryptobyte.String, ok bool) {
	var signing, all cryptobyte.String
	ok = values.ReadASN1(&signing, tag.SEQUENCE) && values.Empty() && signing.ReadASN1(&all, tag.SEQUENCE) && all.ReadASN1(&id, tag.SEQUENCE)
	return id, ok
}
