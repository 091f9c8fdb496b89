package fetch

import "fmt"

// Kind is the sort of a failure.
type Kind string

// The kinds.
const (
	// Unreachable is a server that gave no whole answer; nothing follows from it about what it holds.
	Unreachable Kind = "unreachable"
	// Refused is our own rule: the code names it. Nothing was asked of the place that it forbids.
	Refused Kind = "refused"
	// TooSlow is an answer that took longer than it may.
	TooSlow Kind = "too_slow"
	// TooLarge is an answer of more bytes than are read.
	TooLarge Kind = "too_large"
	// NotText is an answer that is a picture, a sound, a film or anything else but text. None of it was kept.
	NotText Kind = "not_text"
	// NotJSON is an answer of an API that is not what was asked for, such as a page of HTML with status 200.
	NotJSON Kind = "not_json"
)

// Code says more exactly what failed.
type Code string

// The codes of each kind.
const (
	// Refused.
	ByAddress     Code = "address"     // it cannot be read as an address, or is longer than 8,192 bytes
	ByScheme      Code = "scheme"      // neither http nor https
	ByUserinfo    Code = "userinfo"    // a name or password stands before the host
	ByHost        Code = "host"        // neither a plain name nor a plainly written address: 2130706433, 0x7f.1, fe80::1%eth0
	ByPort        Code = "port"        // neither 80 nor 443 nor declared
	ByScope       Code = "scope"       // a host that was not declared
	ByNetwork     Code = "network"     // the name leads to an address that is private, reserved or our own
	ByDowngrade   Code = "downgrade"   // a redirect from https to http
	ByRedirects   Code = "redirects"   // more than five
	ByEncoding    Code = "encoding"    // packed otherwise than once with gzip
	ByCertificate Code = "certificate" // not valid for this host, or no TLS of version 1.2 or later
	ByClear       Code = "clear"       // an API without TLS
	ByMethod      Code = "method"      // not one that a connector may use

	// Unreachable.
	NoSuchName   Code = "no_such_name"   // the name does not exist
	NoNameServer Code = "no_name_server" // whether it exists could not be learnt
	NoConnection Code = "no_connection"
	Cut          Code = "cut"     // the connection ended before the answer did
	Broken       Code = "broken"  // not HTTP, or not packed as it says
	Stopped      Code = "stopped" // by us: the caller gave up

	// TooSlow.
	SlowWhole  Code = "whole"
	SlowHeader Code = "header"
	SlowPace   Code = "pace"

	// TooLarge.
	LargeHeader   Code = "header"
	LargeWire     Code = "wire"     // as it comes
	LargeUnpacked Code = "unpacked" // after decompression

	// NotText and NotJSON.
	Declared  Code = "declared" // its content type says so
	Sniffed   Code = "sniffed"  // its first 512 bytes say so
	Malformed Code = "malformed"
)

// Failure says why there is no (whole) answer. It is an error whose text is made of codes alone, so that it may stand in a
// log: an address is personal data, and what a foreign server wrote might be anything.
type Failure struct {
	Kind Kind
	Code Code
	// Sent says that the server may have read the request, so that whether it acted on it is unknown. A request that was not
	// sent may be made again.
	Sent bool
}

// Error is "fetch: refused (network)".
func (f *Failure) Error() string { return fmt.Sprintf("fetch: %s (%s)", f.Kind, f.Code) }

// Is makes errors.Is(err, &Failure{Kind: TooSlow}) true for every TooSlow, and with a code for that one.
func (f *Failure) Is(other error) bool {
	o, ok := other.(*Failure)
	return ok && o.Kind == f.Kind && (o.Code == "" || o.Code == f.Code)
}
