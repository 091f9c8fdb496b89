package trunk

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// datagram takes what came over a datagram socket. Nothing of data may be kept.
func (s *Server) datagram(f flow, data []byte) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked("datagram", r)
		}
	}()
	source := f.remote.Addr()
	known := s.door.known(source)
	if !known && !s.stranger(source, bytes.HasPrefix(data, []byte("INVITE "))) {
		return
	}
	if len(data) <= 4 && len(bytes.Trim(data, "\r\n\x00")) == 0 {
		return // a keep-alive
	}
	m, err := parseDatagram(data)
	switch {
	case m == nil || err != nil && (!known || m.method == "" || m.method == "ACK"):
		s.count(Malformed)
	case err != nil:
		s.count(Malformed)
		if r, _, err := readRequest(m, f); err == nil && m.clean() == nil {
			s.reply(r, 400)
		}
	default:
		s.take(m, f)
	}
}

// stranger says whether a stranger is listened to: only if a trunk knows its peer by digest, only an INVITE, and
// only a few times a second.
func (s *Server) stranger(source netip.Addr, invite bool) bool {
	if !s.door.byDigest || !invite {
		s.count(Stranger)
		return false
	}
	if !s.door.strangers.take(source) {
		s.count(Throttled)
		return false
	}
	return true
}

// take handles one message that was read.
func (s *Server) take(m *message, f flow) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked("message", r)
		}
	}()
	s.counts.received.Add(1)
	source := f.remote.Addr()
	known := s.door.known(source)
	if m.status != 0 {
		if known || f.conn != nil && !f.conn.stranger {
			s.response(m)
		}
		return
	}
	if !known && f.network != "UDP" && !s.stranger(source, m.method == "INVITE") {
		return
	}
	r, status, err := readRequest(m, f)
	if err != nil {
		s.count(Malformed)
		return
	}
	if status != 0 {
		s.count(map[int]Refusal{400: Malformed, 416: Scheme, 483: Hops, 505: Version}[status])
		if known && r.method != "ACK" {
			s.reply(r, status)
		}
		return
	}
	s.mu.Lock()
	tx := s.servers[serverKey(r, r.method)]
	s.mu.Unlock()
	if tx != nil {
		tx.repeat(r)
		return
	}
	switch {
	case r.method == "ACK":
		if c := s.callOf(r); c != nil {
			c.acknowledged(r)
		}
	case r.method == "CANCEL":
		s.cancelled(r, known)
	case r.inDialog():
		s.within(r, known)
	default:
		s.outside(r, known)
	}
}

// response gives a response to the transaction that waits for it.
func (s *Server) response(m *message) {
	vias := m.list("Via")
	_, method, err := parseSeq(m.get("CSeq"))
	if len(vias) != 1 || err != nil || m.version != "SIP/2.0" || m.status < 100 || m.status > 699 {
		s.count(Malformed)
		return
	}
	v, err := parseVia(vias[0])
	if err != nil {
		s.count(Malformed)
		return
	}
	s.mu.Lock()
	tx := s.clients[v.branch()+"|"+strings.ToUpper(method)]
	s.mu.Unlock()
	if tx != nil {
		tx.receive(m)
	}
}

// reply answers without keeping anything: to be asked again is to answer again.
func (s *Server) reply(r *request, status int, more ...header) {
	if r.method == "ACK" {
		return
	}
	m := r.respond(status, s.nonces.tag(r))
	s.sign(m)
	m.headers = append(m.headers, more...)
	r.back().write(m.bytes())
}

// sign says who we are and, where it matters, what we can do.
func (s *Server) sign(m *message) {
	switch {
	case m.status == 405 || m.status == 501 || m.method == "INVITE":
		m.set("Allow", strings.Join(allowedMethods, ", "))
	case m.status == 415:
		m.add("Accept", "application/sdp, application/dtmf-relay, application/dtmf, message/sipfrag")
		m.add("Accept-Encoding", "identity")
	}
	if m.method != "" {
		m.set("User-Agent", s.options.UserAgent)
	}
}

// trunksOf are the trunks that may deliver from where the request came.
func (s *Server) trunksOf(r *request) []*line { return s.door.candidates(r.flow.remote.Addr()) }

// callOf finds the call of a request within a dialog, nil if there is none or it comes from somewhere else.
func (s *Server) callOf(r *request) *Call {
	s.mu.Lock()
	c := s.calls[dialogKey(r.callID, r.to.tag(), r.from.tag())]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	if r.flow.remote.Addr() != c.source() && !slices.Contains(s.trunksOf(r), c.line) {
		s.count(Stranger)
		return nil
	}
	return c
}

// cancelled is a CANCEL: of an INVITE that is still open, of one that was answered (then it only gets its 200), or
// of none.
func (s *Server) cancelled(r *request, known bool) {
	s.mu.Lock()
	tx := s.servers[serverKey(r, "INVITE")]
	s.mu.Unlock()
	if tx == nil {
		if known {
			s.count(Unmatched)
			s.reply(r, 481)
		}
		return
	}
	m := r.respond(200, tx.tag)
	r.back().write(m.bytes())
	tx.cancel()
}

// within is a request in a dialog.
func (s *Server) within(r *request, known bool) {
	c := s.callOf(r)
	if c == nil {
		if known {
			s.count(Unmatched)
			s.reply(r, 481)
		}
		return
	}
	if !c.pace.take() {
		s.count(Throttled)
		s.reply(r, 503, retryAfter(1))
		return
	}
	if s.refusedMethod(r) {
		return
	}
	tx := s.begin(r, c.localTag())
	if tx == nil {
		return
	}
	work := func() {
		// However it ends, also by a fault of ours, the request has an answer and its transaction an end.
		defer tx.refuse(500)
		c.handle(r, tx)
	}
	if !c.enqueue(work) {
		tx.refuse(503)
	}
}

// refusedMethod answers a method or an extension that we do not have.
func (s *Server) refusedMethod(r *request) bool {
	switch {
	case !slices.Contains(knownMethods, r.method):
		s.count(Method)
		s.reply(r, 501)
	case !slices.Contains(allowedMethods, r.method):
		s.count(Method)
		s.reply(r, 405)
	default:
		missing := r.unsupported()
		if len(missing) == 0 {
			return false
		}
		s.count(Extension)
		s.reply(r, 420, header{"Unsupported", strings.Join(missing, ", ")})
	}
	return true
}

// begin opens the transaction of a request; nil if somebody else just did. One of a call is forgotten after a while
// even if the call ended before it was answered; that of a new call lives as long as it rings.
func (s *Server) begin(r *request, tag string) *serverTx {
	tx := &serverTx{s: s, key: serverKey(r, r.method), request: r, tag: tag}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.servers[tx.key]; twice || s.closed {
		return nil
	}
	s.servers[tx.key] = tx
	if r.inDialog() {
		tx.timer = time.AfterFunc(s.timers.long(), tx.end)
	}
	return tx
}

// outside is a request that belongs to no call.
func (s *Server) outside(r *request, known bool) {
	if !known {
		s.invited(r, nil)
		return
	}
	if s.refusedMethod(r) {
		return
	}
	switch r.method {
	case "INVITE":
		s.invited(r, s.trunksOf(r))
	case "OPTIONS":
		s.asked(r)
	case "REFER":
		// Nobody calls anybody because a stranger to all calls asks for it.
		s.count(TollFraud)
		s.reply(r, 403)
	default: // BYE, PRACK, UPDATE, INFO, NOTIFY without a dialog
		s.count(Unmatched)
		s.reply(r, 481)
	}
}

// asked answers OPTIONS as an INVITE would be answered now (RFC 3261 §11.2). Nothing is kept for it.
func (s *Server) asked(r *request) {
	if s.draining.Load() {
		s.reply(r, 503, retryAfter(30))
		return
	}
	s.reply(r, 200, header{"Allow", strings.Join(allowedMethods, ", ")}, header{"Accept", "application/sdp"},
		header{"Accept-Language", "en, fr"}, header{"Supported", "100rel, timer"})
}

// mergeKey is the same for two copies of a request that came by different ways (RFC 3261 §8.2.2.2).
func mergeKey(r *request) string { return r.callID + "|" + r.from.tag() + "|" + r.get("CSeq") }

// looped says that the request came by us before: one of its Vias is of a transaction of ours that is still open.
func (s *Server) looped(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range r.list("Via") {
		if v, err := parseVia(value); err == nil {
			if _, ours := s.clients[v.branch()+"|INVITE"]; ours {
				return true
			}
		}
	}
	return false
}

func retryAfter(seconds int) header { return header{"Retry-After", strconv.Itoa(seconds)} }

func seqText(seq uint32, method string) string {
	return strconv.FormatUint(uint64(seq), 10) + " " + method
}
