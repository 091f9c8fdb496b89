package route

import (
	"time"

	"vigie/internal/fault"
)

// Refused is a sending, or a question, that came to nothing: nothing was filed, and the same again comes to the same.
// Its fault says why, and what to do:
//
//   - "fault.route.credentials": the credentials are not taken, are over, or lack a right;
//   - "fault.route.shape": the credentials are not what this route needs (what);
//   - "fault.route.gone": there is nothing at the address, or no longer;
//   - "fault.route.address": the address is none that this API has;
//   - "fault.route.elsewhere": the address is on a server where we have no account (server);
//   - "fault.route.empty", "fault.route.long": the text, see CheckText;
//   - "fault.route.reason": the ground has no word in this API, or one that it does not know;
//   - "fault.route.authority": this reason is taken only by the app's own moderation;
//   - "fault.route.taken_not": the remote declines what it was sent (status), and may say why (Said);
//   - "fault.route.foreign": who answers does not speak this API;
//   - "fault.route.mailbox", "fault.route.letter", "fault.route.xarf", "fault.route.mail_login", "fault.route.mail_tls",
//     "fault.route.mail_declined": what goes by e-mail, see packages mail and xarf;
//   - or the client's own, where it does not go to such an address.
type Refused struct {
	*fault.Fault
	// Said is the remote's own words, 300 characters at most, "" for none. They may name somebody: shown, sealed, never
	// logged.
	Said string
}

// Unwrap gives the fault to fault.As.
func (r *Refused) Unwrap() error { return r.Fault }

// Later is a sending, or a question, that the remote, or the way to it, had no place for: nothing was filed. Its fault
// is "fault.route.later".
type Later struct {
	*fault.Fault
	// RetryAfter is what the remote asked for, a minute where it asked for nothing, a day at most.
	RetryAfter time.Duration
}

// Unwrap gives the fault to fault.As.
func (l *Later) Unwrap() error { return l.Fault }

// Unknown is a sending of which nobody knows whether it arrived. Its fault is "fault.route.unknown"; the cause, for the
// log, says what happened and holds no word of the notice.
type Unknown struct{ *fault.Fault }

// Unwrap gives the fault to fault.As.
func (u *Unknown) Unwrap() error { return u.Fault }

func refused(key string, args ...any) *Refused {
	kind := fault.Invalid
	switch key {
	case "fault.route.credentials":
		kind = fault.Forbidden
	case "fault.route.gone":
		kind = fault.Gone
	case "fault.route.long":
		kind = fault.TooLarge
	case "fault.route.foreign":
		kind = fault.Unsupported
	}
	return &Refused{Fault: fault.New(kind, key, args...)}
}

// Refuse is what a route says when it declines by itself, before anything is sent. key is one of Refused's.
func Refuse(key string, args ...any) error { return refused(key, args...) }

const (
	aMinute = time.Minute
	aDay    = 24 * time.Hour
)

func later(cause error, after time.Duration) *Later {
	if after <= 0 {
		after = aMinute
	}
	return &Later{Fault: fault.Wrap(cause, fault.Unavailable, "fault.route.later"), RetryAfter: min(after, aDay)}
}

// Wait is what a route says when it is too early to ask.
func Wait(cause error, after time.Duration) error { return later(cause, after) }

func unknown(cause error) *Unknown {
	return &Unknown{Fault: fault.Wrap(cause, fault.Unavailable, "fault.route.unknown")}
}
