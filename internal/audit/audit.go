// Package audit keeps who did and who looked.
//
// The people who answer children can read terrible things about them; what protects the child from the
// one who looks without a reason is that every look is written down and that nobody, the administrator
// of the database included, can take it back unnoticed. So a row is written in the transaction of the
// act itself (no act without its row, no row without its act), and within a second the rows are sealed
// into blocks, each of which is bound to the one before by a keyed hash. Verify walks the chain and names
// the first place that does not agree.
//
// A row holds ids and codes, never a word, a name, a number or an address; the check is in this room, so
// that no other can forget it. A look is the opening of a file, a conversation or an item, not each
// drawing of a screen.
//
// What the chain cannot show by itself: rows that were deleted within the second before they were
// sealed, and the end of the chain cut off, blocks and rows together (keep Head outside: Verify compares
// it); nor what is done by somebody who holds the custodian's keys as well as the database.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"vigie/internal/fault"
	"vigie/internal/store"
)

// The kinds of those who act.
const (
	Visitor  = "visitor"  // a child, a parent, a teacher; ID is the contact's
	Staff    = "staff"    // ID is the member's
	System   = "system"   // a clock, a rule; ID names which: "routing"
	Operator = "operator" // whoever runs commands on the server; ID may be empty
)

// Actor is who did it.
type Actor struct{ Kind, ID string }

// Entry is one act or one look, to be written.
type Entry struct {
	Actor Actor
	// Act is a code of the room that acts: "contact.open", "file.read".
	Act string
	// Object is the kind of thing acted upon, "contact", and ObjectID its id.
	Object, ObjectID string
	// Purpose is the code of the reason that was asked for, where one is: "training".
	Purpose string
	// Detail are codes, ids and counts only.
	Detail map[string]string
}

// Row is one entry as it is kept.
type Row struct {
	ID string
	At int64 // Unix milliseconds
	Entry
	// Block is the number of the block that seals the row; 0 until it is sealed.
	Block int64

	detail string // as it is stored, which is what is sealed
	mark   []byte
}

// Log writes and seals. It is safe for concurrent use; each node has one.
type Log struct {
	db   *store.DB
	key  []byte
	node string
	now  func() time.Time
}

// Open returns the log of a record. key is the custodian's purpose key "audit"; node is this node's id,
// for the lease of the sealer.
func Open(db *store.DB, key []byte, node string, now func() time.Time) *Log {
	return &Log{db: db, key: key, node: node, now: now}
}

// Record writes the entry in the act's own transaction. An entry that holds anything but codes and ids
// is fault.Internal "fault.audit.entry", and the act must not be done.
func (l *Log) Record(ctx context.Context, tx *store.Tx, e Entry) error {
	args, err := l.args(e)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "fault.audit.entry")
	}
	if _, err := tx.Exec(ctx, insertRow, args...); err != nil {
		return fmt.Errorf("audit: recording %s: %w", e.Act, err)
	}
	return nil
}

// Stmt returns the entry as a statement for store.Append, where it goes with the act's own. An entry
// that Record would refuse makes a statement that fails, and the unit with it.
func (l *Log) Stmt(e Entry) store.Stmt {
	args, err := l.args(e)
	if err != nil {
		slog.Error("audit: an entry was refused, and its act with it", "cause", err)
		return store.Stmt{SQL: refusedRow, Args: []any{store.NewID()}}
	}
	return store.Stmt{SQL: insertRow, Args: args}
}

func (l *Log) args(e Entry) ([]any, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	r := Row{ID: store.NewID(), At: store.Millis(l.now()), Entry: e, detail: written(e.Detail)}
	return []any{r.ID, r.At, e.Actor.Kind, e.Actor.ID, e.Act, e.Object, e.ObjectID, e.Purpose, r.detail, r.sign(l.key)}, nil
}

// written is a detail as it is stored: "" for none, else JSON with its names in order. Nothing that check
// lets through needs to be escaped.
func written(detail map[string]string) string {
	if len(detail) == 0 {
		return ""
	}
	b := make([]byte, 0, 128)
	for i, name := range slices.Sorted(maps.Keys(detail)) {
		b = append(b, "{,"[min(i, 1)], '"')
		b = append(b, name...)
		b = append(b, `":"`...)
		b = append(b, detail[name]...)
		b = append(b, '"')
	}
	return string(append(b, '}'))
}

// maxText is the longest code, id or detail, in bytes.
const maxText = 64

// isCode says whether a text is a code: "contact.open", "no_answer", "v2".
func isCode(text string) bool {
	if text == "" || len(text) > maxText {
		return false
	}
	separated := true // at the start as after a separator, a letter or digit must follow
	for i, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9' && i > 0:
			separated = false
		case (c == '.' || c == '_' || c == '-') && !separated:
			separated = true
		default:
			return false
		}
	}
	return !separated
}

// sayable says whether a text may be in the log: a code, an id or a count; not a word with its spaces
// and accents, not a telephone number, not an address.
func sayable(text string) bool {
	if len(text) > maxText {
		return false
	}
	letters, hex, marks := false, true, 0
	for _, c := range []byte(text) {
		switch {
		case '0' <= c && c <= '9':
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			letters = true
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letters, hex = true, false
		case c == '.', c == ':':
			marks++
		case c == '-', c == '_', c == '/':
			hex = false
		default:
			return false
		}
	}
	if !letters && len(text) >= 9 && text[0] == '0' {
		return false // a telephone number as people write it; counts and times do not begin with a zero
	}
	if hex && marks > 1 {
		_, notAddress := netip.ParseAddr(text)
		_, notWithPort := netip.ParseAddrPort(text)
		return notAddress != nil && notWithPort != nil
	}
	return true
}

// check refuses what could be somebody's word, number or address: spaces, accents, "@", "+", anything
// long. Its error names the field and not what was in it.
func (e Entry) check() error {
	switch e.Actor.Kind {
	case Visitor, Staff, System, Operator:
	default:
		return fmt.Errorf("audit: no such kind of actor (act %q)", codeOnly(e.Act))
	}
	for _, c := range [...]struct{ field, text string }{{"act", e.Act}, {"object", e.Object}, {"purpose", e.Purpose}} {
		if c.text == "" && c.field != "act" {
			continue
		}
		if !isCode(c.text) {
			return fmt.Errorf("audit: the %s is not a code (act %q)", c.field, codeOnly(e.Act))
		}
	}
	for _, c := range [...]struct{ field, text string }{{"actor's id", e.Actor.ID}, {"object's id", e.ObjectID}} {
		if !sayable(c.text) {
			return fmt.Errorf("audit: the %s is not an id (act %q)", c.field, e.Act)
		}
	}
	if len(e.Detail) > 16 {
		return fmt.Errorf("audit: too many details (act %q)", e.Act)
	}
	for name, text := range e.Detail {
		if !isCode(name) {
			return fmt.Errorf("audit: a detail's name is not a code (act %q)", e.Act)
		}
		if !sayable(text) {
			return fmt.Errorf("audit: the detail %s is neither a code nor an id (act %q)", name, e.Act)
		}
	}
	return nil
}

// codeOnly keeps a word that was passed as an act by mistake out of the log.
func codeOnly(act string) string {
	if isCode(act) {
		return act
	}
	return "?"
}

// markSize is the length of a row's mark, in bytes.
const markSize = 16

// sign returns the row's mark: a keyed hash of all that it says. It lets Verify name the row that was
// altered, and finds one altered even before it was sealed.
func (r *Row) sign(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("vigie audit row"))
	mac.Write(r.canonical(nil))
	return mac.Sum(nil)[:markSize]
}

// canonical writes the row so that two different rows are never written alike: each part with its
// length, in this order.
func (r *Row) canonical(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(r.At))
	for _, part := range [...]string{r.ID, r.Actor.Kind, r.Actor.ID, r.Act, r.Object, r.ObjectID, r.Purpose, r.detail} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// scanRow reads the columns of rowColumns.
func scanRow(s store.Row) (r Row, err error) {
	err = s.Scan(&r.ID, &r.At, &r.Actor.Kind, &r.Actor.ID, &r.Act, &r.Object, &r.ObjectID, &r.Purpose, &r.detail, &r.mark, &r.Block)
	if err == nil && r.detail != "" {
		if json.Unmarshal([]byte(r.detail), &r.Detail) != nil {
			r.Detail = nil // altered; Verify says so
		}
	}
	return r, err
}

// Filter chooses rows to read; what is empty does not choose.
type Filter struct {
	ActorKind, ActorID string
	Object, ObjectID   string
	Act                string
	From, Until        time.Time // At in [From, Until)
	// Before is the ID of the last row of the page before; the newest rows come first.
	Before string
	// Limit is the most rows to return, 1 to 500 (default 100).
	Limit int
}

// Rows reads the log, the newest first. Reading it is itself a look: the caller records it.
func (l *Log) Rows(ctx context.Context, f Filter) ([]Row, error) {
	query, args := f.query()
	rows, err := store.All(ctx, l.db, scanRow, query, args...)
	if err != nil {
		return nil, fmt.Errorf("audit: reading: %w", err)
	}
	return rows, nil
}
