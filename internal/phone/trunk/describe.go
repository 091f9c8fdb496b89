package trunk

import (
	"errors"
	"net/netip"
	"strings"

	"vigie/internal/phone/sdp"
)

// ours is our side of the call for a description. The caller holds the call's lock.
func (c *Call) ours(id, version uint64) sdp.Local {
	a := c.media.Local()
	if public := c.s.options.PublicIP; public.IsValid() {
		a = netip.AddrPortFrom(public, a.Port())
	}
	return sdp.Local{
		Address: a, Codecs: c.line.Codecs, Security: c.line.security, Keys: c.secrets, Noise: true, Direction: c.want,
		ID: id, Version: version,
	}
}

// answerTo makes our answer to an offer. The caller holds the call's lock.
func (c *Call) answerTo(offer sdp.Session) (text []byte, agreed sdp.Agreed, err error) {
	text, err = c.author.Write(func(id, version uint64) ([]byte, error) {
		var text []byte
		text, agreed, err = sdp.Answer(offer, c.ours(id, version))
		return text, err
	})
	if err == nil {
		c.keep(agreed)
	}
	return text, agreed, err
}

// keep remembers what was agreed, and our key with it.
func (c *Call) keep(agreed sdp.Agreed) {
	c.agreed = &agreed
	c.secrets = nil
	if agreed.SRTP != nil {
		c.secrets = []sdp.Crypto{{Tag: 1, Suite: agreed.SRTP.Suite, Key: agreed.SRTP.Send}}
	}
}

// offerOurs makes an offer, and keeps what it was made of until the answer comes. The caller holds the lock.
func (c *Call) offerOurs() []byte {
	var local sdp.Local
	text, _ := c.author.Write(func(id, version uint64) ([]byte, error) {
		local = c.ours(id, version)
		text, keys := sdp.Offer(local)
		local.Keys = keys
		// What was made is offered again as it is, should the numbers change.
		if len(c.secrets) == 0 {
			c.secrets = keys
		}
		return text, nil
	})
	c.pending = &local
	return text
}

// accepted takes the answer to the offer of ours that is open, and tells the line.
func (c *Call) accepted(answer []byte) error {
	c.mu.Lock()
	if c.pending == nil {
		c.mu.Unlock()
		return nil
	}
	agreed, err := sdp.Accept(*c.pending, answer)
	c.pending = nil
	if err != nil {
		c.mu.Unlock()
		return err
	}
	c.keep(agreed)
	c.mu.Unlock()
	return c.configure(agreed)
}

// configure tells the line what was agreed.
func (c *Call) configure(agreed sdp.Agreed) error {
	if err := c.media.Configure(agreed); err != nil {
		return err
	}
	c.setHeld(agreed.Held)
	return nil
}

// offerIn reads the offer of a request: nil when it has none. The status is what to refuse it with, 0 if nothing.
func (s *Server) offerIn(r *request) (*sdp.Session, int) {
	if len(r.body) == 0 {
		return nil, 0
	}
	if encoding := r.get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		s.count(Type)
		return nil, 415
	}
	body, ok := descriptionIn(r.message)
	if !ok {
		s.count(Type)
		return nil, 415
	}
	offer, err := sdp.Parse(body)
	if err != nil {
		return nil, s.refusalOf(err)
	}
	return &offer, 0
}

// refusalOf is the status for a description that we cannot agree to.
func (s *Server) refusalOf(err error) int {
	if errors.Is(err, sdp.ErrMalformed) {
		s.count(Malformed)
		return 400
	}
	s.count(Codec)
	return 488
}

// descriptionIn finds the description in a body: alone, or as a part of a multipart one, as networks send that put
// their own parts beside it (RFC 5621 §3).
func descriptionIn(m *message) ([]byte, bool) {
	kind, rest, _ := strings.Cut(m.get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "application/sdp" {
		return m.body, true
	}
	boundary := parseParams(rest)["boundary"]
	if !strings.HasPrefix(kind, "multipart/") || boundary == "" {
		return nil, false
	}
	for _, part := range strings.Split(string(m.body), "--"+boundary) {
		head, body, ok := strings.Cut(strings.TrimPrefix(part, "\r\n"), "\r\n\r\n")
		if !ok {
			continue
		}
		for line := range strings.SplitSeq(head, "\r\n") {
			name, value, _ := strings.Cut(line, ":")
			value, _, _ = strings.Cut(value, ";")
			name = strings.TrimSpace(name)
			if (strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "c")) &&
				strings.EqualFold(strings.TrimSpace(value), "application/sdp") {
				return []byte(strings.TrimSuffix(body, "\r\n")), true
			}
		}
	}
	return nil, false
}
