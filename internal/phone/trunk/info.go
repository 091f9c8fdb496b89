package trunk

import (
	"strconv"
	"strings"
	"time"
)

// Digit is a key that was pressed.
type Digit struct {
	Key rune // 0 to 9, *, #, A to D
	// Lasted is how long it was held, zero when the other side does not say.
	Lasted time.Duration
}

// informed is an INFO: the way in which some networks send keys (application/dtmf-relay, application/dtmf). Any other
// one is answered and means nothing.
func (c *Call) informed(r *request, tx *serverTx) {
	if len(r.body) == 0 {
		tx.refuse(200)
		return
	}
	kind, _, _ := strings.Cut(r.get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/dtmf-relay", "application/dtmf":
	default:
		c.s.count(Type)
		c.s.refuse(tx, 415)
		return
	}
	digit, ok := parseDigit(r.body)
	if !ok {
		c.s.count(Malformed)
		tx.refuse(400)
		return
	}
	tx.refuse(200)
	c.mu.Lock()
	tell := c.onDigit
	c.mu.Unlock()
	if tell != nil {
		tell(digit)
	}
}

// parseDigit reads "Signal=5\r\nDuration=160" or "5". Some send 10 and 11 for * and #.
func parseDigit(body []byte) (Digit, bool) {
	if len(body) > 256 {
		return Digit{}, false
	}
	var d Digit
	signal := ""
	for line := range strings.Lines(string(body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok && signal == "":
			signal = strings.TrimSpace(line)
		case name == "signal":
			signal = value
		case name == "duration":
			if ms, err := strconv.ParseUint(value, 10, 16); err == nil {
				d.Lasted = time.Duration(ms) * time.Millisecond
			}
		}
	}
	switch signal {
	case "10":
		signal = "*"
	case "11":
		signal = "#"
	}
	signal = strings.ToUpper(signal)
	if len(signal) != 1 || !strings.Contains("0123456789*#ABCD", signal) {
		return Digit{}, false
	}
	d.Key = rune(signal[0])
	return d, true
}
