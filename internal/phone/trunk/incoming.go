package trunk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"vigie/internal/phone/sdp"
)

// invited is an INVITE for a new call, from the trunks that may deliver from there (none is a stranger).
func (s *Server) invited(r *request, lines []*line) {
	l, ok := s.admit(r, lines)
	if !ok {
		return
	}
	// From here on the caller is known to be a trunk's.
	if s.looped(r) {
		s.count(Loop)
		s.reply(r, 482)
		return
	}
	// Measured before anything is kept for the call.
	if !s.invites.take() || !l.invites.take() {
		s.count(Throttled)
		s.reply(r, 503, retryAfter(1))
		return
	}
	tx := s.begin(r, random())
	if tx == nil {
		return
	}
	defer func() {
		if f := recover(); f != nil {
			s.panicked("invite", f)
			tx.refuse(500)
		}
	}()
	s.mu.Lock()
	key := mergeKey(r)
	_, merged := s.merging[key]
	if !merged {
		s.merging[key] = tx
	}
	take := s.incoming
	s.mu.Unlock()
	called := calledOf(r, l)
	status, kind := 0, refusals
	var more []header
	switch {
	case merged:
		status, kind = 482, Loop
	case s.draining.Load():
		status, kind, more = 503, Draining, []header{retryAfter(30)}
	case s.full(l, keptShare):
		status, kind, more = 503, Full, []header{retryAfter(5)}
	case len(l.Numbers) > 0 && !slices.Contains(l.Numbers, called):
		status, kind = 404, Unknown
	case take == nil:
		status, kind = 480, Nobody
	case targetOf(r) == "":
		status, kind = 400, Malformed // RFC 3261 §12.1.1: without it there is no way back
	case !acceptsDescriptions(r.message):
		status, kind = 406, Type
	}
	if status == 0 {
		if minimum := s.intervalTooShort(r.message); minimum > 0 {
			status, kind, more = 422, Interval, []header{minSE(minimum)}
		}
	}
	if status != 0 {
		s.count(kind)
		s.refuse(tx, status, more...)
		return
	}
	offer, status := s.offerIn(r)
	if status == 0 && offer != nil {
		// Asked before a line is opened: a call that cannot be agreed on costs nothing.
		if _, _, err := sdp.Answer(*offer, sdp.Local{Codecs: l.Codecs, Security: l.security}); err != nil {
			status = s.refusalOf(err)
		}
	}
	if status != 0 {
		s.refuse(tx, status)
		return
	}
	c, err := s.newCall(l)
	if err != nil {
		s.count(Unmedia)
		s.log.Error("sip: no line for a call", "trunk", l.Name, "error", err)
		s.refuse(tx, 500)
		return
	}
	c.caller, c.called, c.invite, c.offer = callerOf(r), called, tx, offer
	c.reliablyMust = r.has("Require", "100rel")
	c.reliably = c.reliablyMust || r.has("Supported", "100rel")
	c.updates = r.has("Allow", "UPDATE")
	c.session.asked(r.message, l.SessionExpires)
	c.dialog = dialog{
		callID: r.callID, local: untagged(r.to), remote: untagged(r.from), localTag: tx.tag, remoteTag: r.from.tag(),
		target: targetOf(r), routes: routesOf(r.message, false), remoteSeq: r.seq, flow: r.flow,
	}
	c.mu.Lock()
	c.register()
	c.mu.Unlock()
	tx.mu.Lock()
	tx.canceled = c.cancelled
	tx.mu.Unlock()
	tx.answer(r.respond(100, ""))
	s.log.Info("sip: a call came in", "call", c.id, "trunk", l.Name)
	go c.guarded("incoming", func() { take(c) })
}

// targetOf is where the caller can be reached: its Contact, which only RFC 2543 did not ask for.
func targetOf(r *request) string {
	if target := contactIn(r.message); target != "" {
		return target
	}
	if r.get("Contact") == "" && !strings.HasPrefix(r.via.branch(), magic) {
		return r.from.uri.String()
	}
	return ""
}

// acceptsDescriptions says that a caller who lists what it takes takes descriptions (RFC 3261 §20.1).
func acceptsDescriptions(m *message) bool {
	accepted := m.list("Accept")
	return len(accepted) == 0 || slices.ContainsFunc(accepted, func(kind string) bool {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/sdp", "application/*", "*/*":
			return true
		}
		return false
	})
}

// refuse answers an open transaction with a status and headers.
func (s *Server) refuse(tx *serverTx, status int, more ...header) {
	m := tx.request.respond(status, tx.tag)
	s.sign(m)
	m.headers = append(m.headers, more...)
	tx.answer(m)
}

// admit finds the trunk of a new call, and asks for a digest where the trunk wants one; nothing is kept for that.
func (s *Server) admit(r *request, lines []*line) (*line, bool) {
	known := len(lines) > 0
	if !known {
		for _, l := range s.trunks {
			if l.Challenge && len(l.Peers) == 0 {
				lines = append(lines, l)
			}
		}
	}
	if known {
		if s.refusedMethod(r) {
			return nil, false
		}
		// Several trunks of one peer are told apart by the numbers that they deliver.
		for _, l := range lines {
			if !l.Challenge && len(l.Numbers) > 0 && slices.Contains(l.Numbers, calledOf(r, l)) {
				return l, true
			}
		}
		for _, l := range lines {
			if !l.Challenge {
				return l, true
			}
		}
	}
	var ask *line
	stale := false
	for _, l := range lines {
		if !l.Challenge {
			continue
		}
		switch s.credentials(l, r) {
		case credentialsGood:
			if len(l.Peers) == 0 {
				s.door.welcome(l, r.flow.remote.Addr())
				r.flow.conn.known()
			}
			if !known && s.refusedMethod(r) {
				return nil, false
			}
			return l, true
		case credentialsStale:
			ask, stale = l, true
		case credentialsWrong:
			s.count(Credentials)
			if ask == nil {
				ask = l
			}
		default:
			if ask == nil {
				ask = l
			}
		}
	}
	if ask == nil {
		s.count(Stranger)
		return nil, false
	}
	m := r.respond(401, s.nonces.tag(r))
	s.challenges(ask, r, m, stale)
	r.back().write(m.bytes())
	return nil, false
}

// cancelled is a CANCEL of the call before it was answered.
func (c *Call) cancelled() {
	c.mu.Lock()
	invite := c.invite
	c.mu.Unlock()
	invite.refuse(487)
	c.mu.Lock()
	answered := c.state != Trying && c.state != Ringing
	c.mu.Unlock()
	if !answered {
		c.finish(End{By: Them, Status: 487, Reason: "cancelled"})
	}
}

// Ring tells the caller that it rings here (180).
func (c *Call) Ring() error { return c.progress(180, false) }

// Progress lets the caller hear us before the call is answered: 183 with our answer to what was offered. A caller
// who offered nothing gets our offer when 100rel is understood (RFC 3262 §5), else only the 183.
func (c *Call) Progress() error { return c.progress(183, true) }

func (c *Call) progress(status int, early bool) error {
	if err := c.settled(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.invite == nil || c.state != Trying && c.state != Ringing {
		c.mu.Unlock()
		return ErrOver
	}
	c.move(Ringing)
	m := c.invite.request.respond(status, c.dialog.localTag)
	c.established(m)
	reliably := c.reliablyMust || c.reliably && early
	var agreed *sdp.Agreed
	if early {
		text, a, err := c.describeEarly(reliably)
		if err != nil {
			c.mu.Unlock()
			return err
		}
		agreed = a
		if text != nil {
			m.describe("application/sdp", text)
		}
	}
	c.mu.Unlock()
	if agreed != nil {
		if err := c.configure(*agreed); err != nil {
			return err
		}
	}
	if reliably {
		return c.sendReliably(m)
	}
	c.keepSaying()
	return c.invite.answer(m)
}

// sayAgain is how often it is said that it still rings: proxies on the way give a call up that is silent for three
// minutes (RFC 3261 §13.3.1.1).
const sayAgain = time.Minute

// keepSaying repeats the last provisional answer as long as it rings.
func (c *Call) keepSaying() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.saying != nil {
		return
	}
	c.saying = c.after(sayAgain, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.state == Ringing && c.invite.sayAgain() {
			c.saying.Reset(sayAgain)
		}
	})
}

// describeEarly is the description of a 183: our answer, or our offer to a caller who offered nothing and will
// answer it in a PRACK; nil when there can be none. The caller holds the lock.
func (c *Call) describeEarly(reliably bool) ([]byte, *sdp.Agreed, error) {
	switch {
	case c.described != nil:
		return c.described, nil, nil
	case c.offer != nil:
		text, agreed, err := c.answerTo(*c.offer)
		if err != nil {
			return nil, nil, err
		}
		c.described, c.offer = text, nil
		return text, &agreed, nil
	case reliably && c.pending == nil && c.agreed == nil:
		return c.offerOurs(), nil, nil
	}
	return nil, nil, nil
}

// established adds what makes a dialog of an answer: our Contact, and the way by the proxies. The caller holds the
// lock.
func (c *Call) established(m *message) {
	for _, h := range c.invite.request.headers {
		if h.name == "Record-Route" {
			m.headers = append(m.headers, h)
		}
	}
	m.add("Contact", c.s.contactOf(c.invite.request.flow, ""))
	m.add("Allow", joined(allowedMethods))
	m.add("Supported", "100rel, timer")
}

// Answer takes the call, and returns when the caller has acknowledged it. Errors: ErrOver when it was hung up
// meanwhile, ErrNotAcknowledged, the context's (the call goes on then); what the line or the description had
// against it, and then the call is refused.
func (c *Call) Answer(ctx context.Context) error {
	if err := c.settled(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.invite == nil || c.state != Trying && c.state != Ringing {
		c.mu.Unlock()
		return ErrOver
	}
	invite := c.invite
	m := invite.request.respond(200, c.dialog.localTag)
	c.established(m)
	var agreed *sdp.Agreed
	switch {
	case c.described != nil:
		m.describe("application/sdp", c.described)
	case c.offer != nil:
		text, a, err := c.answerTo(*c.offer)
		if err != nil {
			c.mu.Unlock()
			c.fail(c.s.refusalOf(err), End{By: Us, Status: 488, Reason: "refused"})
			return err
		}
		agreed, c.described, c.offer = &a, text, nil
		m.describe("application/sdp", text)
	case c.agreed == nil:
		m.describe("application/sdp", c.offerOurs())
	}
	c.session.accept(c, m)
	c.mu.Unlock()
	if agreed != nil {
		if err := c.configure(*agreed); err != nil {
			c.fail(500, End{By: Us, Status: 500, Reason: "media"})
			return err
		}
	}
	c.mu.Lock()
	if !c.move(Answering) {
		c.mu.Unlock()
		return ErrOver
	}
	conf := c.confirm(invite, m, func(ack *request) error { return c.answerInAck(ack) })
	c.mu.Unlock()
	if err := invite.answer(m); errors.Is(err, errAnswered) {
		// A CANCEL was quicker by a hair.
		c.finish(End{By: Them, Status: 487, Reason: "cancelled"})
		return ErrOver
	}
	conf.start()
	select {
	case <-conf.acked:
		return conf.err
	case <-c.done:
		if c.End().Reason == "unacknowledged" {
			return ErrNotAcknowledged
		}
		return ErrOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answerInAck takes the answer to an offer that we made in a 200 (RFC 3261 §13.2.1).
func (c *Call) answerInAck(ack *request) error {
	c.mu.Lock()
	waiting := c.pending != nil
	c.mu.Unlock()
	if !waiting {
		return nil
	}
	body, _ := descriptionIn(ack.message)
	return c.accepted(body)
}

// Refuse refuses the call: 486 busy, 480 not there, 603 never. The caller hears what its network makes of it.
func (c *Call) Refuse(status int) error {
	if status < 300 || status > 699 {
		status = 480
	}
	c.mu.Lock()
	invite, state := c.invite, c.state
	c.mu.Unlock()
	if invite == nil || state != Trying && state != Ringing {
		return ErrOver
	}
	if invite.refuse(status) == errAnswered {
		return ErrOver
	}
	c.finish(End{By: Us, Status: status, Reason: "refused"})
	return nil
}

// keptShare is the tenth of all calls that is for those that we make ourselves: who has answered the last caller that
// there is room for must still be able to bring in the 119.
const keptShare = 10

// full says that there is no room for another call by a trunk; of what there is one part in keeps is kept, none for 0.
func (s *Server) full(l *line, keeps int) bool {
	room := func(calls int) int {
		if keeps > 0 {
			calls -= calls / keeps
		}
		return calls
	}
	return int(s.active.Load()) >= room(s.options.Calls) || l.Calls > 0 && int(l.active.Load()) >= room(l.Calls)
}
