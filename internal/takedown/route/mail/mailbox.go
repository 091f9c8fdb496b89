package mail

import (
	"regexp"
	"strings"
	"unicode"

	"vigie/internal/takedown/route"
)

// A mailbox is what RFC 5321 §4.1.2 calls one, without its rarities: no quoted local part, no address in brackets, and ASCII,
// because not every server between us and the platform takes SMTPUTF8 (RFC 6531).
var mailbox = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" +
	`[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)

// checkMailbox returns Refused "fault.route.mailbox" for what is not written as a mailbox, or is longer than one may be
// (RFC 5321 §4.5.3.1).
func checkMailbox(address string) error {
	local, domain, _ := strings.Cut(address, "@")
	if len(local) > 64 || len(domain) > 253 || !mailbox.MatchString(address) {
		return route.Refuse("fault.route.mailbox")
	}
	return nil
}

// IsMailbox says whether a text is written as a mailbox is.
func IsMailbox(address string) bool { return checkMailbox(address) == nil }

// Domain is what stands behind the @ of a mailbox, in small letters.
func Domain(mailbox string) string {
	return strings.ToLower(mailbox[strings.LastIndexByte(mailbox, '@')+1:])
}

// unseen is a sign that has no place in one line: an end of line would begin another header, and a sign that turns the
// direction of writing would show an address that is not the one.
func unseen(r rune) bool { return unicode.IsControl(r) || turns(r) || r == '\u2028' || r == '\u2029' }

// turns says whether a sign turns the direction of writing (Unicode UAX #9).
func turns(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
