package trunk

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// session is the timer that ends a call which nobody ended, because one side is gone (RFC 4028).
type session struct {
	interval time.Duration // zero is none
	ours     bool          // we refresh, else they do
	said     bool          // the other side knows of it
	timer    *time.Timer
}

// maxInterval is the longest session interval that is taken seriously; a longer one is cut.
const maxInterval = 24 * time.Hour

// parseInterval reads Session-Expires or Min-SE: seconds, and who refreshes.
func parseInterval(value string) (interval time.Duration, refresher string, ok bool) {
	seconds, rest, _ := strings.Cut(value, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(seconds), 10, 32)
	if err != nil || n == 0 {
		return 0, "", false
	}
	return min(time.Duration(n)*time.Second, maxInterval), strings.ToLower(parseParams(rest)["refresher"]), true
}

// intervalTooShort is our minimum if a request asks for less, and can be told so (RFC 4028 §9); else 0.
func (s *Server) intervalTooShort(m *message) time.Duration {
	interval, _, ok := parseInterval(m.get("Session-Expires"))
	if ok && interval < s.options.MinSession && (m.has("Supported", "timer") || m.has("Require", "timer")) {
		return s.options.MinSession
	}
	return 0
}

func minSE(d time.Duration) header { return header{"Min-SE", strconv.Itoa(int(d / time.Second))} }

// asked reads what a request of theirs wants; want is what we would like, zero for nothing. Where the request does
// not say who refreshes, they do if they can.
func (x *session) asked(m *message, want time.Duration) {
	able := m.has("Supported", "timer") || m.has("Require", "timer")
	interval, refresher, ok := parseInterval(m.get("Session-Expires"))
	x.stop()
	switch {
	case ok:
		if least, _, ok := parseInterval(m.get("Min-SE")); want > 0 && want < interval {
			if !ok {
				least = 90 * time.Second
			}
			interval = max(want, least)
		}
		x.interval, x.said = interval, true
	case want > 0:
		if least, _, ok := parseInterval(m.get("Min-SE")); ok {
			want = max(want, least)
		}
		x.interval, x.said = want, able
	default:
		*x = session{}
		return
	}
	x.ours = refresher == "uas" || !able
}

// accept says in a 200 of ours what was agreed, and is called with the call's lock.
func (x *session) accept(c *Call, m *message) {
	if x.interval == 0 || !x.said {
		return
	}
	who := "uac"
	if x.ours {
		who = "uas"
	} else {
		m.add("Require", "timer")
	}
	m.add("Session-Expires", strconv.Itoa(int(x.interval/time.Second))+";refresher="+who)
}

// ask puts what we want into a request of ours: within a call we go on refreshing if we do.
func (x *session) ask(m *message, within bool) {
	m.add("Supported", "100rel, timer")
	if x.interval == 0 {
		return
	}
	value := strconv.Itoa(int(x.interval / time.Second))
	if within {
		who := "uas"
		if x.ours {
			who = "uac"
		}
		value += ";refresher=" + who
	}
	m.add("Session-Expires", value)
}

// answered reads what the answer to a request of ours agreed to. If the other side knows nothing of timers, we
// refresh alone: that shows, too, whether it is still there.
func (x *session) answered(m *message) {
	interval, refresher, ok := parseInterval(m.get("Session-Expires"))
	if ok {
		x.interval, x.ours, x.said = interval, refresher != "uas", true
	} else if x.interval > 0 {
		x.ours, x.said = true, false
	}
}

// start counts anew.
func (x *session) start(c *Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.stop()
	if x.interval == 0 || c.state != Up {
		return
	}
	if x.ours {
		x.timer = c.after(x.interval/2, func() { go c.guarded("refresh", c.refresh) })
		return
	}
	// RFC 4028 §10: a little before the end, so that the BYE still finds the call.
	x.timer = c.after(x.interval-min(32*time.Second, x.interval/3), func() {
		go c.guarded("expiry", func() { c.fail(408, End{By: Network, Status: 408, Reason: "expired"}) })
	})
}

func (x *session) stop() {
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil
	}
}

// Probe asks the other side whether the call still is, and ends it, by Network, where nothing answers or the other side
// knows nothing of it.
func (c *Call) Probe() { go c.guarded("probe", c.refresh) }

// refresh says that the call still is, by UPDATE where the other side takes it, else by a re-INVITE with what is
// agreed already.
func (c *Call) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*c.s.timers.long())
	defer cancel()
	c.mu.Lock()
	updates := c.updates
	c.mu.Unlock()
	var status int
	var err error
	if updates {
		status, err = c.refreshByUpdate(ctx)
	}
	if !updates || status == 405 || status == 501 {
		err = c.reoffer(ctx, nil)
		var failure *Failure
		status = 200
		if errors.As(err, &failure) {
			status, err = failure.Status, nil
		}
	}
	switch {
	case errors.Is(err, ErrOver):
	case errors.Is(err, ErrSilent), status == 408, status == 481:
		c.fail(408, End{By: Network, Status: 408, Reason: "expired"})
	default:
		// Refused is not gone: ask again at the next time.
		c.session.start(c)
	}
}

func (c *Call) refreshByUpdate(ctx context.Context) (int, error) {
	for range 2 {
		c.mu.Lock()
		if c.state != Up {
			c.mu.Unlock()
			return 0, ErrOver
		}
		m := c.dialog.request("UPDATE")
		m.add("Contact", c.s.contactOf(c.dialog.flow, ""))
		c.session.ask(m, true)
		c.mu.Unlock()
		response, err := c.exchange(ctx, m)
		if err != nil {
			return 0, err
		}
		c.mu.Lock()
		least, _, ok := parseInterval(response.get("Min-SE"))
		raise := response.status == 422 && ok && least > c.session.interval
		if raise {
			c.session.interval = least
		} else if response.status < 300 {
			c.session.answered(response)
		}
		c.mu.Unlock()
		if !raise {
			return response.status, nil
		}
	}
	return 422, nil
}
