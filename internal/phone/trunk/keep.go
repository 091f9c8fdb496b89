package trunk

import (
	"context"
	"strconv"
	"time"
)

// keep asks a trunk from time to time whether it lives, and keeps us registered there, until the server is closed.
func (s *Server) keep(l *line) {
	if l.hasProxy && l.Options > 0 {
		s.work.Go(func() {
			s.every(l.Options, func(ctx context.Context) time.Duration {
				s.ping(ctx, l)
				return l.Options
			})
		})
	}
	if l.Register {
		s.work.Go(func() {
			s.every(time.Millisecond, func(ctx context.Context) time.Duration { return s.register(ctx, l) })
		})
	}
}

// every runs work at once and then after the time that it gives back, and lives on when it panics.
func (s *Server) every(otherwise time.Duration, work func(context.Context) time.Duration) {
	wait := time.Duration(0)
	for {
		select {
		case <-s.life.Done():
			return
		case <-time.After(wait):
		}
		wait = max(otherwise, time.Second)
		s.guarded("keep", func() {
			ctx, cancel := context.WithTimeout(s.life, s.timers.long()+5*time.Second)
			defer cancel()
			wait = work(ctx)
		})
	}
}

// ping asks with OPTIONS. Any answer is a sign of life but one that says that there is none behind it (RFC 3261
// §11; 408 and 503 come from proxies, too).
func (s *Server) ping(ctx context.Context, l *line) {
	m := s.bare("OPTIONS", l.proxy.uri(""), l)
	m.add("Accept", "application/sdp")
	response, err := s.ask(ctx, l, m)
	if s.life.Err() != nil {
		return
	}
	l.setHealth(s, err == nil && response.status != 408 && response.status != 503)
}

// setHealth takes note of whether a trunk answers, and says so when it changes.
func (l *line) setHealth(s *Server, healthy bool) {
	l.mu.Lock()
	changed := l.healthy != healthy
	l.healthy = healthy
	l.mu.Unlock()
	switch {
	case changed && healthy:
		s.log.Info("sip: the trunk answers again", "trunk", l.Name)
	case changed:
		s.log.Warn("sip: the trunk does not answer", "trunk", l.Name)
	}
}

// bare is a request to a trunk outside of any call.
func (s *Server) bare(method, uri string, l *line) *message {
	domain := hop{network: "UDP", host: l.proxy.host}
	user := l.User
	if !isUser(user) {
		user = "vigie"
	}
	m := &message{method: method, uri: uri}
	m.add("Max-Forwards", "70")
	m.add("From", "<"+domain.uri(user)+">;tag="+random())
	to := domain.uri("")
	if method == "REGISTER" {
		to = domain.uri(user)
	}
	m.add("To", "<"+to+">")
	callID, seq := random(), uint32(1)
	if method == "REGISTER" {
		callID, seq = l.registration, l.nextRegister()
	}
	m.add("Call-ID", callID)
	m.add("CSeq", seqText(seq, method))
	return m
}

// nextRegister counts the REGISTERs of a trunk, so that a late one cannot undo a newer one.
func (l *line) nextRegister() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.registers++
	return l.registers
}

// ask sends a request outside of any call and answers a challenge once.
func (s *Server) ask(ctx context.Context, l *line, m *message) (*message, error) {
	f, err := s.reach(ctx, l)
	if err != nil {
		return nil, err
	}
	if m.get("Contact") == "" {
		user := l.User
		if !isUser(user) {
			user = ""
		}
		contact := s.contactOf(f, user)
		m.add("Contact", contact)
	}
	s.sign(m)
	for tries := 1; ; tries++ {
		tx, err := s.send(m.copy(), f)
		if err != nil {
			return nil, err
		}
		response, err := tx.final(ctx)
		if err != nil {
			return nil, err
		}
		if response.status != 401 && response.status != 407 || tries == maxTries || !l.authorize(m, response) {
			return response, nil
		}
		seq := uint32(2)
		if m.method == "REGISTER" {
			seq = l.nextRegister()
		}
		m.set("CSeq", seqText(seq, m.method))
	}
}

// registerTime is what we ask for, in seconds; the trunk says what it gives.
const registerTime = 600

// register registers us (RFC 3261 §10.2), and says when to do it again.
func (s *Server) register(ctx context.Context, l *line) time.Duration {
	const soon = 30 * time.Second
	expires := registerTime
	for range 2 {
		domain := hop{network: "UDP", host: l.proxy.host, port: l.proxy.port}
		m := s.bare("REGISTER", domain.uri(""), l)
		m.add("Expires", strconv.Itoa(expires))
		response, err := s.ask(ctx, l, m)
		if s.life.Err() != nil {
			return soon
		}
		if err == nil && response.status == 423 {
			least, err := strconv.Atoi(response.get("Min-Expires"))
			if err == nil && least > expires && least <= 86400 {
				expires = least
				continue
			}
		}
		ok := err == nil && response.status >= 200 && response.status < 300
		l.mu.Lock()
		changed := l.registered != ok
		l.registered = ok
		l.mu.Unlock()
		switch {
		case ok && changed:
			s.log.Info("sip: registered", "trunk", l.Name)
		case err != nil:
			s.log.Warn("sip: not registered: the trunk does not answer", "trunk", l.Name)
		case !ok:
			s.log.Warn("sip: not registered", "trunk", l.Name, "status", response.status)
		}
		if !ok {
			return soon
		}
		return max(time.Duration(granted(response, expires))*time.Second/2, 5*time.Second)
	}
	return soon
}

// granted is how many seconds a registration lives: as Contact says, or Expires, or what was asked.
func granted(m *message, asked int) int {
	for _, value := range m.list("Contact") {
		if a, err := parseAddress(value); err == nil {
			if n, err := strconv.Atoi(a.params["expires"]); err == nil && n > 0 && n <= 86400 {
				return min(n, asked)
			}
		}
	}
	if n, err := strconv.Atoi(m.get("Expires")); err == nil && n > 0 && n <= 86400 {
		return min(n, asked)
	}
	return asked
}

// unregister gives a registration back.
func (s *Server) unregister(ctx context.Context, l *line) {
	l.mu.Lock()
	registered := l.registered
	l.registered = false
	l.mu.Unlock()
	if !registered {
		return
	}
	domain := hop{network: "UDP", host: l.proxy.host, port: l.proxy.port}
	m := s.bare("REGISTER", domain.uri(""), l)
	m.add("Expires", "0")
	s.ask(ctx, l, m)
}
