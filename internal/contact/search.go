package contact

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/seal"
	"vigie/internal/store"
)

// The kinds of value that are found by the exact value.
const (
	kindHandle = "handle"
	kindURL    = "url"
	kindPhone  = "phone"
	// kindAuthor is the handle of somebody accused. It is indexed and not searched, until the data
	// protection officer has recorded a legal basis.
	kindAuthor = "author_handle"
)

// Filter says which contacts are looked for. What is zero does not filter.
type Filter struct {
	From, To     int64 // Unix milliseconds, From included, To not
	Channels     []string
	States       []State
	CounsellorID string
	PersonID     string
	Danger       bool
	// Facts must all hold: codes of the form's facts.
	Facts []catalogue.FactCode
	// Exact is a handle, an address or a phone number, in any usual form.
	Exact string
	// After continues where a page ended.
	After Cursor
	Limit int // 50 when 0, 200 at most
	// By is who looks; contacts of a person she knows are not there for her.
	By      audit.Actor
	Purpose string
}

// Cursor is where a page of a search ended.
type Cursor struct {
	OpenedAt int64
	ID       string
}

// Search returns the contacts that a filter finds, the newest first, and where to go on (a zero cursor
// at the end). Each search is recorded with the names of its filters and how many it found, never with
// a value that somebody typed.
func (c *Contacts) Search(ctx context.Context, f Filter) ([]Contact, Cursor, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	var exact []string
	if f.Exact != "" {
		var err error
		if exact, err = c.find(ctx, f.Exact); err != nil {
			return nil, Cursor{}, err
		}
	}
	var found []Contact
	if f.Exact == "" || len(exact) > 0 {
		query, args := f.query(exact)
		var err error
		if found, err = store.All(ctx, c.db, scanContact, query, args...); err != nil {
			return nil, Cursor{}, err
		}
	}
	var next Cursor
	if len(found) > f.Limit {
		found = found[:f.Limit]
		last := found[f.Limit-1]
		next = Cursor{OpenedAt: last.OpenedAt, ID: last.ID}
	}
	err := c.db.Tx(ctx, func(tx *store.Tx) error {
		return c.log.Record(ctx, tx, audit.Entry{Actor: f.By, Act: "contact.search", Object: "contact", Purpose: f.Purpose,
			Detail: map[string]string{"by": f.names(), "found": strconv.Itoa(len(found))}})
	})
	if err != nil {
		return nil, Cursor{}, err
	}
	return found, next, nil
}

func (f Filter) query(exact []string) (string, []any) {
	var b store.Builder
	b.Text(selectContact + ` WHERE 1 = 1`)
	if f.From > 0 {
		b.And("opened_at >=", f.From)
	}
	if f.To > 0 {
		b.And("opened_at <", f.To)
	}
	if len(f.Channels) > 0 {
		store.In(&b, " AND channel", f.Channels)
	}
	if len(f.States) > 0 {
		store.In(&b, " AND state", f.States)
	}
	if f.CounsellorID != "" {
		b.Text(" AND (")
		b.Text("counsellor_id = ")
		b.Arg(f.CounsellorID)
		b.Text(" OR sticky_id = ")
		b.Arg(f.CounsellorID)
		b.Text(")")
	}
	if f.PersonID != "" {
		b.And("person_id =", f.PersonID)
	}
	if f.Danger {
		b.Text(" AND danger")
	}
	for _, fact := range f.Facts {
		b.Text(" AND EXISTS (SELECT 1 FROM contact_fact x WHERE x.contact_id = contact.id AND x.field = ")
		b.Arg(fact.Field)
		b.Text(" AND x.code = ")
		b.Arg(fact.Code)
		b.Text(")")
	}
	if len(exact) > 0 {
		store.In(&b, " AND id", exact)
	}
	if f.By.Kind == audit.Staff {
		b.Text(" AND NOT EXISTS (SELECT 1 FROM person_barred k WHERE k.person_id = contact.person_id AND k.staff_id = ")
		b.Arg(f.By.ID)
		b.Text(")")
	}
	if f.After != (Cursor{}) {
		b.Text(" AND (opened_at, id) < (")
		b.Arg(f.After.OpenedAt)
		b.Text(", ")
		b.Arg(f.After.ID)
		b.Text(")")
	}
	b.Text(" ORDER BY opened_at DESC, id DESC LIMIT ")
	b.Arg(f.Limit + 1)
	return b.SQL(), b.Args()
}

// names lists what a filter filters by.
func (f Filter) names() string {
	var names []string
	for name, used := range map[string]bool{
		"period": f.From > 0 || f.To > 0, "channel": len(f.Channels) > 0, "state": len(f.States) > 0, "counsellor": f.CounsellorID != "",
		"person": f.PersonID != "", "danger": f.Danger, "facts": len(f.Facts) > 0, "exact": f.Exact != "",
	} {
		if used {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, "/")
}

// maxExact bounds how many contacts one exact value may bring.
const maxExact = 500

// find returns the contacts indexed under a value, whatever it is. It returns fault.Invalid
// "fault.contact.exact" for what is neither a handle nor an address nor a number.
func (c *Contacts) find(ctx context.Context, typed string) ([]string, error) {
	typed = clean(typed, false)
	var ids []string
	tried := false
	for kind, normal := range normals {
		if kind == kindAuthor && !c.authorSearch {
			continue
		}
		value := normal(typed)
		if value == "" {
			continue
		}
		tried = true
		owners, err := c.keys.Find(ctx, c.db, kind, value)
		if err != nil {
			return nil, err
		}
		for _, owner := range owners {
			if id := contactOf(owner); !slices.Contains(ids, id) && len(ids) < maxExact {
				ids = append(ids, id)
			}
		}
	}
	if !tried {
		return nil, fault.New(fault.Invalid, "fault.contact.exact")
	}
	return ids, nil
}

// index has find find a contact by the values of one of its fields, in their normal forms by kind, and
// no longer by those that the field had before.
func (c *Contacts) index(ctx context.Context, tx *store.Tx, key *seal.Key, contactID, field string, values map[string][]string) error {
	owner := contactID + "/" + field
	for kind := range normals {
		if err := c.keys.Unindex(ctx, tx, key, owner, kind); err != nil {
			return err
		}
		for _, value := range values[kind] {
			if err := c.keys.Index(ctx, tx, key, owner, kind, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexField indexes an answer whose field is found by value.
func (c *Contacts) indexField(ctx context.Context, tx *store.Tx, key *seal.Key, contactID string, field catalogue.Field, value string) error {
	if field.Find == "" {
		return nil
	}
	values := map[string][]string{}
	if field.Find == "lines" {
		values = valuesIn(value)
	} else if v := normals[field.Find](value); v != "" {
		values[field.Find] = []string{v}
	}
	return c.index(ctx, tx, key, contactID, field.Code, values)
}

// maxValues bounds how many values one answer is found by.
const maxValues = 50

// valuesIn finds the addresses, numbers and accounts in a text that has one a line, more or less:
// "Insta : @dark_wolf". Whose the accounts are is not said, so they are taken for those of somebody
// accused.
func valuesIn(text string) map[string][]string {
	values, n := map[string][]string{}, 0
	add := func(kind, value string) {
		if value != "" && n < maxValues && !slices.Contains(values[kind], value) {
			values[kind] = append(values[kind], value)
			n++
		}
	}
	for line := range strings.Lines(text) {
		if number := NormalPhone(line); number != "" {
			add(kindPhone, number)
			continue
		}
		parts := strings.FieldsFunc(line, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;()<>\"«»", r) })
		for _, part := range parts {
			switch {
			case strings.HasPrefix(part, "@"):
				add(kindAuthor, NormalHandle(part))
			case strings.Contains(part, "://") || strings.Contains(part, ".") && strings.Contains(part, "/"):
				add(kindURL, NormalURL(part))
			case len(parts) == 1:
				add(kindAuthor, NormalHandle(part))
			}
		}
	}
	return values
}

// normals bring a value into the one form under which it is indexed; "" is what cannot be one.
var normals = map[string]func(string) string{
	kindHandle: NormalHandle, kindAuthor: NormalHandle, kindURL: NormalURL, kindPhone: NormalPhone,
}

// NormalHandle is an account's name without its @, in lower case; "" is what cannot be one.
func NormalHandle(s string) string {
	s = strings.TrimLeft(strings.ToLower(strings.TrimSpace(s)), "@")
	if s == "" || len(s) > 100 || strings.ContainsFunc(s, unicode.IsSpace) || strings.Contains(s, "/") {
		return ""
	}
	return s
}

// NormalNumber writes a telephone number in one way, whatever way it was written: "+33612345678". A number that
// it cannot read that far (a short or an unknown national one) keeps its digits alone; "" has none.
func NormalNumber(s string) string {
	if n := NormalPhone(s); n != "" {
		return n
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// NormalPhone is a number with its country: "+33612345678"; "" is what cannot be one. A number that begins with one 0 is
// French.
func NormalPhone(s string) string {
	s = strings.TrimSpace(s)
	plus := strings.HasPrefix(s, "+")
	var digits strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case strings.ContainsRune(" .-/()+\u00a0\u202f", r):
		default:
			return ""
		}
	}
	d := digits.String()
	switch {
	case plus:
	case strings.HasPrefix(d, "00"):
		d = d[2:]
	case strings.HasPrefix(d, "0") && len(d) == 10:
		d = "33" + d[1:]
	default:
		return ""
	}
	if national, french := strings.CutPrefix(d, "33"); french {
		d = "33" + strings.TrimLeft(national, "0") // +33 (0)6…
	}
	if len(d) < 8 || len(d) > 15 {
		return ""
	}
	return "+" + d
}

// NormalURL is an address without what changes from one copy to the next: scheme, "www.", the part
// after #, a slash at the end; "" is what cannot be one.
func NormalURL(s string) string {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || !strings.Contains(u.Host, ".") || strings.ContainsAny(u.Host, " \t") || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	host := strings.ToLower(u.Host)
	for cut := true; cut; {
		label, rest, _ := strings.Cut(host, ".")
		if cut = (label == "www" || label == "m") && strings.Contains(rest, "."); cut {
			host = rest
		}
	}
	out := host + strings.TrimRight(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		out += "?" + u.RawQuery
	}
	if len(out) > 2000 {
		return ""
	}
	return out
}
