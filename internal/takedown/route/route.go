// Package route is how a notice reaches a platform that takes notices by an API, one package per API below
// this one.
//
// A route knows nothing of us but what it is given: a notice, credentials that were unsealed for one call, and
// a client to ask with. It keeps nothing, writes nothing down and tries nothing twice. What it must get right is
// the one question that a second notice, or a lost one, hangs on: was something filed? So Send has four ends and
// no others:
//
//   - a Sent: it was filed, and the remote said so in its own form;
//   - a Refused: nothing was filed, and trying the same again will not help;
//   - a Later: nothing was filed, and the same may be tried again;
//   - an Unknown: the request may have arrived. Nobody sends again before it was reconciled, by the remote's own
//     list where it has one (Reconciler), by a person where it has none.
//
// Reading (Resolve, Look, Reconcile, Follow) changes nothing at the remote, so its failures are Refused or Later.
//
// An API that takes a notice gives no decision of DSA Art. 16(5). What a Follower reads is what the remote says
// of the report, and whether the content is gone is looked at apart (Look).
package route

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Route is one API. Its methods may be called at the same time from many goroutines, and end with their context.
type Route interface {
	// About says what this API can do before anything is asked of it.
	About() About
	// Resolve finds what an address names, in the words of the API, so that a target that is gone is known before
	// a notice is sent. It fails with Refused ("fault.route.gone", "fault.route.address", …) or Later.
	Resolve(ctx context.Context, t Target, c Credentials) (Found, error)
	// Send files the notice, once. It fails with Refused, Later or Unknown.
	Send(ctx context.Context, n Notice, f Found, c Credentials) (Sent, error)
	// Look asks whether what Resolve found is still there. It asks for a state and never for a picture or a film.
	// Where it cannot tell, it says Unsure and why; it fails only when the credentials are not of its shape.
	Look(ctx context.Context, t Target, f Found, c Credentials) (Seen, error)
}

// Reconciler is a route whose remote may have a list of one's own reports. What has none is reconciled by a person.
type Reconciler interface {
	// Reconcile looks for a notice whose sending ended Unknown at a time, by its target and its mark. It fails with
	// Refused or Later; Later too when so little time has passed that the remote may still be at it (Settled).
	Reconcile(ctx context.Context, n Notice, f Found, sent time.Time, c Credentials) (Trace, error)
}

// Follower is a route whose remote may tell what became of a report. It fails with Refused or Later.
type Follower interface {
	Follow(ctx context.Context, n Notice, f Found, s Sent, c Credentials) (Fate, error)
}

// Client sends one request and gives its answer: outside tests, the fetcher that reaches public addresses only. It must not
// follow the redirects of a POST (a 307 would file twice), nor try it again. An error of its own that is a fault of kind
// Forbidden or Invalid says that it did not go there. It works on net/http with the request's context, in which is noted how
// far the request came.
type Client interface {
	Do(*http.Request) (*http.Response, error)
}

// About is what an API can do, in figures and words that the desk plans with.
type About struct {
	// Name is that of the API, "Mastodon".
	Name string
	// Text is how many characters (Unicode code points) a notice's text may have, our mark left out.
	Text int
	// Items and Accounts say what may be reported.
	Items, Accounts bool
	// Receipt says whether the remote gives a reference for what it takes.
	Receipt bool
}

// Kind is what a notice is about.
type Kind string

// The kinds.
const (
	Account Kind = "account"
	Item    Kind = "item" // a post, a film, a comment
)

// Target is what an address names, as the desk read it from the address; the API was not asked yet.
type Target struct {
	Platform string // the catalogue's code, "mastodon"
	Kind     Kind
	Account  string // the handle without "@", "theo" or "theo.bsky.social"; "" where the address does not say it
	Item     string // the item's sign in the address, "108882889550545820"; "" for an account
	Address  string // the normal address, "https://…"
	Server   string // the host it is on, where a platform has many: "mastodon.example"; else ""
}

// Found is a target in the words of its API. It is kept beside the notice, and opens nothing.
type Found struct {
	Account string `json:"account"`           // an account's id: "108366849347798387", "did:plc:…"
	Item    string `json:"item,omitempty"`    // an item's id: "108882889550545820", "at://…", "dQw4w9WgXcQ"
	Version string `json:"version,omitempty"` // which version of the item, where the API wants to know (a CID)
	Dialect string `json:"dialect,omitempty"` // which program answers there and what it takes, in the route's own words
}

// Ground is why, in the code of each vocabulary; "" where a vocabulary has no word for it.
type Ground struct {
	DSA      string // KEYWORD_…, the DSA Transparency Database's
	Bluesky  string // the part after "#reason" of tools.ozone.report.defs: "ChildSafetyHarassment"
	Mastodon string // "legal", "other", …
	Own      string // from a list that the platform gives and changes: YouTube's "reason" or "reason/secondary"
}

// Notice is what is sent. It says what is wrong and where, and nothing of who told us: no name, no school, no word
// of the child's (the text was reviewed for it before it comes here).
type Notice struct {
	ID     string
	Mark   string // by which it is found again (Mark)
	Target Target
	Ground Ground
	Text   string // the statement of reasons, DSA Art. 16(2)(a)
	Lang   string // the text's language, "fr"
}

// Mark is what our notice is found by in a list of reports, made from its id with a key of ours: ten signs from which the id
// cannot be made, nor without the key from the id, and which stand nowhere else. They tell the remote no more than that two texts
// with the same mark are the same notice.
func Mark(key []byte, id string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("vigie notice mark\x00" + id))
	return signs(mac.Sum(nil))
}

// UnkeyedMark is the mark of the notices that were sent before marks were made with a key: by it they are found again.
func UnkeyedMark(id string) string {
	sum := sha256.Sum256([]byte("vigie notice mark\x00" + id))
	return signs(sum[:])
}

func signs(sum []byte) string {
	signs := marks.EncodeToString(sum)[:10]
	return signs[:5] + "-" + signs[5:]
}

// marks are Crockford's signs: no I, L, O or U, so that a mark is never a word and is read aloud without doubt.
var marks = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// markRoom is what the mark adds to a text: an empty line and "Ref. XXXXX-XXXXX".
const markRoom = 2 + len("Ref. XXXXX-XXXXX")

// Marked is the text as it is sent, in normal form (NFC) and with the mark as its last line.
func (n Notice) Marked() string {
	return norm.NFC.String(strings.TrimSpace(n.Text)) + "\n\nRef. " + n.Mark
}

// TextFor is what is left for a text of a remote that takes so many characters, once the mark is in.
func TextFor(limit int) int { return limit - markRoom }

// CheckText returns Refused for a text that this API would not take ("fault.route.long"), or that is empty
// ("fault.route.empty"): found here, before anything is sent. Characters are code points; a remote that counts graphemes
// counts fewer.
func CheckText(n Notice, a About) error {
	switch length := utf8.RuneCountInString(norm.NFC.String(strings.TrimSpace(n.Text))); {
	case length == 0:
		return refused("fault.route.empty")
	case length > a.Text:
		return refused("fault.route.long", "max", a.Text, "length", length)
	}
	return nil
}

// Sent is what the remote said when it took a notice.
type Sent struct {
	Reference string    // the report's id there; "" where none is given (YouTube)
	At        time.Time // the remote's time where it gives one, else ours
	State     State
}

// State is what the remote says of a report.
type State string

// The states.
const (
	Received State = "received" // it is there, and nobody says that it was looked at
	Handled  State = "handled"  // it was closed; what was done is not said
	Acted    State = "acted"    // something was done about the content or the account
	Rejected State = "rejected" // it was closed without anything being done
	Untold   State = "untold"   // the remote does not say
)

// Fate is what the remote tells of a report later on. It is not the decision of DSA Art. 16(5), and not a look.
type Fate struct {
	State State
	At    time.Time // when it was closed; zero where it was not, or is not said
	// Said is the remote's own words on it, 300 characters at most. They may name somebody: shown, sealed, never logged.
	Said string
	Why  string // the key of a sentence ("route.why.…") for Untold
}

// Arrival is what a list of our reports says of one.
type Arrival string

// The arrivals.
const (
	Arrived   Arrival = "arrived"
	Absent    Arrival = "absent" // the whole list was read and it is not there: it may be sent again
	AskAHuman Arrival = "ask"    // the remote has no list, or one that proves nothing
)

// Trace is what Reconcile found.
type Trace struct {
	Arrival Arrival
	Sent    Sent   // for Arrived
	Why     string // for AskAHuman, the key of a sentence ("route.why.…")
}

// Settled is how long after a sending its absence from a list is believed.
const Settled = 5 * time.Minute

// Sight is what Look saw.
type Sight string

// The sights.
const (
	There  Sight = "there"
	Gone   Sight = "gone"
	Unsure Sight = "unsure"
)

// Seen is a look at a target.
type Seen struct {
	Sight Sight
	Why   string // the key of a sentence ("route.why.…"): how it is gone, or why nobody knows
}

// Credentials open a remote for one call: JSON of the route's own shape, which its package documents. They are never
// printed, whatever prints them.
type Credentials []byte

const unsaid = "(credentials)"

// String hides them.
func (Credentials) String() string { return unsaid }

// GoString hides them from %#v.
func (Credentials) GoString() string { return unsaid }

// Format hides them from every verb, %x too.
func (Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, unsaid) }

// LogValue hides them from the log.
func (Credentials) LogValue() slog.Value { return slog.StringValue(unsaid) }

// MarshalJSON hides them from whatever is written down with them in it.
func (Credentials) MarshalJSON() ([]byte, error) { return []byte(`"` + unsaid + `"`), nil }
