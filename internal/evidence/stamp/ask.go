package stamp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"time"

	"vigie/internal/fault"
)

// The media types of RFC 3161 §3.4.
const (
	queryType = "application/timestamp-query"
	replyType = "application/timestamp-reply"
)

// Doer sends a request: an http.Client, with whatever proxy and certificates the house needs.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client asks one authority. Only HTTP, URL and Roots must be set.
type Client struct {
	HTTP Doer
	// URL is where the authority takes questions: http or https; the answer is signed either way.
	URL string
	// User and Password are sent (RFC 7617) where a user is given.
	User, Password string
	// Roots are whom we believe: the authority's own root certificates, never those of the machine.
	Roots *x509.CertPool
	// Policy is the one to stamp under; nil for the authority's own choice.
	Policy asn1.ObjectIdentifier
	// Within bounds the whole exchange; 10 s where it is 0.
	Within time.Duration
	// Skew is how far the authority's time may be from ours; 2 minutes where it is 0. The authority is right, and we may be
	// slow; but a token from last year is no answer.
	Skew time.Duration
	// Now is the house's clock; time.Now where it is nil.
	Now func() time.Time
}

// Ask gets a time stamp of a SHA-256, and believes it only when all of it holds. The faults:
//
//   - fault.Unavailable "fault.stamp.away": the authority did not answer in time, or is not well (HTTP 408, 429, 5xx). Ask
//     again later.
//   - "fault.stamp.refused": it answered, and said no; Unavailable where it says itself that this passes (its clock, a
//     failure, waiting), else Forbidden, and somebody must look at the settings. The cause is ErrRefused.
//   - fault.Invalid "fault.stamp.broken": what came is no time stamp, or one that does not hold; the cause says why.
//   - fault.Invalid "fault.stamp.clock" (minutes): it holds, and its time is not ours.
func (c Client) Ask(ctx context.Context, hash [sha256.Size]byte) (Stamp, Stamped, error) {
	question, err := request{hash: hash, nonce: newNonce()}.der(c.Policy)
	if err != nil {
		return Stamp{}, Stamped{}, fmt.Errorf("stamp: %w", err)
	}
	asked := c.now()
	answer, err := c.post(ctx, question)
	if err != nil {
		return Stamp{}, Stamped{}, err
	}
	answered := c.now()
	if r, err := readResponse(answer); err != nil {
		return Stamp{}, Stamped{}, err
	} else if !r.granted() {
		return Stamp{}, Stamped{}, refused(r.passes(), r.refusal())
	}
	s := Stamp{Request: question, Response: answer}
	said, err := s.Verify(hash, c.Roots)
	if err != nil {
		return Stamp{}, Stamped{}, err
	}
	skew := or(c.Skew, 2*time.Minute) + said.Accuracy
	if off := max(asked.Sub(said.At), said.At.Sub(answered)); off > skew {
		return Stamp{}, Stamped{}, fault.Wrap(fmt.Errorf("time stamp: its time is %s, and ours is %s", said.At.Format(time.RFC3339), answered.UTC().Format(time.RFC3339)),
			fault.Invalid, "fault.stamp.clock", "minutes", int(off.Minutes()))
	}
	return s, said, nil
}

func refused(passes bool, cause error) error {
	kind := fault.Forbidden
	if passes {
		kind = fault.Unavailable
	}
	return fault.Wrap(cause, kind, "fault.stamp.refused")
}

// newNonce is 63 random bits (RFC 3161 §2.4.1: "e.g., a 64 bit integer"): positive and eight bytes for every authority.
func newNonce() *big.Int {
	var b [8]byte
	rand.Read(b[:]) // never fails (Go 1.24)
	b[0] &= 0x7f
	b[0] |= 0x40 // never short
	return new(big.Int).SetBytes(b[:])
}

// post sends a question and returns the answer, whatever it is.
func (c Client) post(ctx context.Context, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, or(c.Within, 10*time.Second))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("stamp: %w", err)
	}
	r.Header.Set("Content-Type", queryType)
	r.Header.Set("Accept", replyType)
	if c.User != "" {
		r.SetBasicAuth(c.User, c.Password)
	}
	away := func(cause error) error { return fault.Wrap(cause, fault.Unavailable, "fault.stamp.away") }
	w, err := c.HTTP.Do(r)
	if err != nil {
		return nil, away(err)
	}
	defer w.Body.Close()
	switch status := w.StatusCode; {
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return nil, away(fmt.Errorf("stamp: the authority answers %s", w.Status))
	case status != http.StatusOK:
		return nil, refused(false, fmt.Errorf("%w: the authority answers %s", ErrRefused, w.Status))
	}
	if kind, _, err := mime.ParseMediaType(w.Header.Get("Content-Type")); err != nil || kind != replyType {
		return nil, broken("the answer is not a time stamp but %.100q", w.Header.Get("Content-Type"))
	}
	answer, err := io.ReadAll(io.LimitReader(w.Body, MaxSize+1))
	if err != nil {
		return nil, away(err)
	}
	if len(answer) > MaxSize {
		return nil, broken("the answer is longer than %d bytes", MaxSize)
	}
	return answer, nil
}

func (c Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func or(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}
