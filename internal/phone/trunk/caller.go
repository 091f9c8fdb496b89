package trunk

import (
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Caller is who calls, as the network says.
type Caller struct {
	// Number is E.164 with + where the network gives it so, else as it gives it ("0612345678", "anonymous" is
	// empty). It is for the sealed record and the keyed hash only: never shown, never logged.
	Number string
	// Withheld says that the caller asked that the number not be shown (RFC 3323, RFC 3325). The network may
	// tell it all the same, to a trunk that it trusts.
	Withheld bool
}

// callerOf reads who calls: P-Asserted-Identity, which only counts from a trunk that we know (RFC 3325 §9.1), then
// From. A header that cannot be read is as if it were not there.
func callerOf(r *request) Caller {
	var c Caller
	for _, value := range r.list("P-Asserted-Identity") {
		if a, err := parseAddress(value); err == nil {
			if n := numberOf(a.uri); n != "" && (c.Number == "" || !isNumber(c.Number)) {
				c.Number = n
			}
		}
	}
	from := numberOf(r.from.uri)
	if from == "" || strings.HasSuffix(strings.ToLower(r.from.uri.Host), ".invalid") {
		c.Withheld = true
		from = ""
	}
	if c.Number == "" {
		c.Number = from
	}
	for _, value := range r.list("Privacy") {
		for word := range strings.SplitSeq(value, ";") {
			switch strings.ToLower(strings.TrimSpace(word)) {
			case "id", "user", "header", "critical":
				c.Withheld = true
			}
		}
	}
	return c
}

// numberOf is the number of a tel: or sip: URI without what is only for the eye (RFC 3966 §5.1.1), "" for one that
// names nobody.
func numberOf(uri sip.Uri) string {
	user := uri.User
	if uri.Scheme == "tel" {
		user = uri.Raw()
	} else if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return ""
	}
	user, _, _ = strings.Cut(user, ";") // phone-context, npdi and their like
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
	}
	if len(user) > 64 || strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	switch strings.ToLower(user) {
	case "", "anonymous", "unavailable", "restricted", "unknown", "private":
		return ""
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() \u00a0", r) {
			return -1
		}
		return r
	}, user)
	if isNumber(digits) {
		return digits
	}
	return user
}

// calledOf is the number that was called: that of the Request-URI, unless this is our own registration's user or
// none; then that of To.
func calledOf(r *request, l *line) string {
	if n := numberOf(r.target); n != "" && (l.User == "" || n != l.User) {
		return n
	}
	return numberOf(r.to.uri)
}
