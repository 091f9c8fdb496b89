package push

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// A push service lets those in who show that they are who the browser subscribed to (VAPID, RFC 8292): a token signed with the key whose public
// half the browser was given.

// validFor is how long a token holds; 24 hours are the most (RFC 8292 §2).
const validFor = 12 * time.Hour

var b64 = base64.RawURLEncoding

// signer is the helpline's key for push services. It is made from the root key and kept nowhere, so every node has the same, and it is there after a
// restore: with another key every browser would have to ask again.
func signer(derive func(name string) []byte) (*ecdsa.PrivateKey, error) {
	// A number may be beyond the order of the curve, once in four thousand million.
	for n := range 8 {
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), derive("push-vapid-"+strconv.Itoa(n))); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("push: no key could be made of the root key")
}

// PublicKey is what a browser needs to subscribe (applicationServerKey); "" where push is off.
func (p *Push) PublicKey() string {
	if !p.On() {
		return ""
	}
	raw, err := p.key.PublicKey.Bytes()
	if err != nil {
		return ""
	}
	return b64.EncodeToString(raw)
}

// authorization is the header for one push service (RFC 8292 §3), with a JSON Web Token of ES256 (RFC 7518 §3.4).
func (p *Push) authorization(to *url.URL, now time.Time) (string, error) {
	type claims struct {
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
		Subject  string `json:"sub,omitempty"`
	}
	said, err := json.Marshal(claims{to.Scheme + "://" + to.Host, now.Add(validFor).Unix(), p.o.Subject})
	if err != nil {
		return "", err
	}
	token := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64.EncodeToString(said)
	sum := sha256.Sum256([]byte(token))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return "vapid t=" + token + "." + b64.EncodeToString(signature) + ", k=" + p.PublicKey(), nil
}
