// Package fault says what went wrong in the words of the house.
//
// A feature room does not know about HTTP, and a screen does not know about SQL; what passes between
// them is a Fault: a kind (what sort of thing happened), a message key (the sentence a person will
// read, in her language, telling her what to do next) and the cause, which only the log sees.
// Anything that is not a Fault is Internal: the person reads a kind general sentence and the log
// keeps the rest.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the sort of a fault. The web maps each kind to one status, in one place.
type Kind string

const (
	// Internal is ours: a bug, a broken disk. It is what every error that is not a Fault counts as.
	Internal Kind = "internal"
	// Invalid is input that cannot be taken as it is; its sentence says how to put it right.
	Invalid Kind = "invalid"
	// Unauthenticated asks for a session that is missing or over.
	Unauthenticated Kind = "unauthenticated"
	// Forbidden is a right that is missing.
	Forbidden Kind = "forbidden"
	// NotFound is also the answer for what exists but must not be known to exist.
	NotFound Kind = "not_found"
	// Conflict is something that changed meanwhile, or was done already by somebody else.
	Conflict Kind = "conflict"
	// Gone is something that is over: a closed conversation, an erased contact.
	Gone Kind = "gone"
	// TooLarge is more bytes or characters than we take.
	TooLarge Kind = "too_large"
	// TooMany is too fast: slow down, never locked out.
	TooMany Kind = "too_many"
	// Unsupported is a type of file or content that we do not take.
	Unsupported Kind = "unsupported"
	// Unavailable passes: the record is restarting, a key is out of reach.
	Unavailable Kind = "unavailable"
)

// Fault is an error with a kind and the key of its sentence.
type Fault struct {
	Kind Kind
	// Key names the sentence in web/i18n, "fault.chat.too_long".
	Key string
	// Args are the names and values put into the sentence; never personal data.
	Args []any
	// Cause is for the log, and must itself carry no word, number or address of a person.
	Cause error
}

// New returns a fault without a cause. args are name, value pairs for the sentence.
func New(kind Kind, key string, args ...any) *Fault {
	return &Fault{Kind: kind, Key: key, Args: args}
}

// Wrap returns a fault that keeps its cause for the log.
func Wrap(cause error, kind Kind, key string, args ...any) *Fault {
	return &Fault{Kind: kind, Key: key, Args: args, Cause: cause}
}

// Error is for the log: kind, key and cause.
func (f *Fault) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("%s (%s): %v", f.Key, f.Kind, f.Cause)
	}
	return fmt.Sprintf("%s (%s)", f.Key, f.Kind)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (f *Fault) Unwrap() error { return f.Cause }

// As returns the first Fault in err's chain, or nil.
func As(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// KindOf returns the kind of err: "" for nil, Internal for anything that is not a Fault.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if f := As(err); f != nil {
		return f.Kind
	}
	return Internal
}

// Is says whether err is a fault of this kind.
func Is(err error, kind Kind) bool { return KindOf(err) == kind }
