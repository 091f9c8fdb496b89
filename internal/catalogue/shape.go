package catalogue

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The recognisers of a platform are patterns that somebody who knows the network can read and write:
//
//	"/{account}/status/{item:digits}"    on any main host of the platform
//	"youtu.be/{item}"                    on this host alone
//	"/watch?v={item}"                    a parameter of the query
//	"matrix.to/#/@{account:any}"         behind the #
//	"/games/{item:digits}/**"            and whatever follows
//	"/*/users/{account:digits}"          one part of the path that does not matter
//
// A part in braces is an account or an item, of a class; several of one name are joined by "/", in their
// order. Letters outside braces are compared without regard to case. A pattern is no regular expression:
// what an editor writes can be slow for nobody.

// AddressKind is what an address leads to.
type AddressKind string

// The kinds of address.
const (
	// ToProfile is who publishes: an account, a page, a channel, a group.
	ToProfile AddressKind = "profile"
	// ToPost is what was published: a post, a video, a comment, a story.
	ToPost AddressKind = "post"
	// ToMessage is a conversation or an invitation to one: what is not public.
	ToMessage AddressKind = "message"
	// ToShort hides where it leads; only the platform can tell.
	ToShort AddressKind = "short"
	// ToUnknown is an address of which nothing more is known.
	ToUnknown AddressKind = "unknown"
)

var addressKinds = []string{string(ToProfile), string(ToPost), string(ToMessage), string(ToShort)}

// Shape is one form that the addresses of a platform take, and the one way in which they are written down.
type Shape struct {
	Kind AddressKind `toml:"kind"`
	// Paths are patterns; one of them has to fit.
	Paths []string `toml:"paths"`
	// Normal is the pattern of the one address that stands for all of them, with its host; on an open
	// network the host is {host}, the server's own.
	Normal string `toml:"normal"`
	// Except are words that stand where a name or a number does and are none: "explore".
	Except []string `toml:"except"`
	// Fold says that the platform's account names do not tell capital letters apart.
	Fold bool `toml:"fold"`
	// Keep names query parameters that the address does not open without; all others are dropped.
	Keep []string `toml:"keep"`

	paths  []*pattern
	normal *pattern
}

// Address is an address of the web, taken apart and decoded, so that it can be held against the patterns.
type Address struct {
	Scheme string // http or https
	Host   string // ASCII, small letters, no dot at its end
	Port   string // "" for the scheme's own
	// Path and Fragment are split at "/", the path without empty parts at its end: "/a/b/" is a, b.
	Path     []string
	Query    []Parameter
	Fragment []string
}

// server is the address without its path.
func (a Address) server() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.Port != "" {
		host += ":" + a.Port
	}
	return a.Scheme + "://" + host
}

// Parameter is one name=value of a query.
type Parameter struct{ Name, Value string }

// Found is what a platform says of one of its addresses.
type Found struct {
	Kind          AddressKind
	Account, Item string
	// Normal is the whole address in its normal form.
	Normal string
}

// classes say which signs a part may have; every part is at most maxPart long.
var classes = map[string]struct{ form, sample string }{
	"name":   {`[A-Za-z0-9._-]+`, "Lea.2010_x"},
	"digits": {`[0-9]+`, "1234567890"},
	"id":     {`[A-Za-z0-9_-]+`, "aB3-_x9"},
	"wide":   {`[\p{L}\p{M}\p{N}._·-]+`, "Léa.2010"},
	"fedi":   {`[A-Za-z0-9._-]+(?:@[A-Za-z0-9.-]+)?`, "Lea@videos.example.org"},
	"any":    {`[^/?#]+`, "a:b.example.org"},
	"whole":  {`.+`, "https://example.org/"}, // an address within an address
}

const maxPart = 300

// The names of parts.
const (
	partAccount = "account"
	partItem    = "item"
	partAddress = "address"
)

var partClass = map[string]string{partAccount: "name", partItem: "id", partAddress: "whole"}

// pattern is a pattern that was read.
type pattern struct {
	host           string
	path, fragment []piece
	rest           bool // the path ends in **
	query          []parameter
}

type parameter struct {
	name  string
	value piece
}

// piece is one part of a path, one value or one part of a fragment: literals and named parts in turn.
type piece struct {
	literals []string // one more than parts
	parts    []part
	form     *regexp.Regexp // nil for *
}

type part struct{ name, class string }

var partForm = regexp.MustCompile(`\{([a-z]+)(?::([a-z]+))?\}`)

// readPattern reads a pattern; the error is a short English phrase for the editor's sentence.
func readPattern(text string) (*pattern, error) {
	p := &pattern{}
	rest, fragment, hasFragment := strings.Cut(text, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	host, inside, _ := strings.Cut(rest, "/")
	if p.host = host; host != "{host}" && (host != strings.ToLower(host) || strings.ContainsAny(host, "{}*: @")) {
		return nil, fmt.Errorf("host %q", host)
	}
	var err error
	read := func(s string) piece {
		made, e := readPiece(s)
		if err == nil {
			err = e
		}
		return made
	}
	inside = strings.TrimSuffix(inside, "/")
	if cut, ok := strings.CutSuffix("/"+inside, "/**"); ok {
		p.rest, inside = true, strings.TrimPrefix(cut, "/")
	}
	if inside != "" {
		for _, segment := range strings.Split(inside, "/") {
			p.path = append(p.path, read(segment))
		}
	}
	if hasQuery {
		for _, pair := range strings.Split(query, "&") {
			name, value, ok := strings.Cut(pair, "=")
			if !ok || name == "" || strings.ContainsAny(name, "{}*") {
				return nil, fmt.Errorf("query %q", pair)
			}
			p.query = append(p.query, parameter{name, read(value)})
		}
	}
	if hasFragment {
		for _, segment := range strings.Split(fragment, "/") {
			p.fragment = append(p.fragment, read(segment))
		}
	}
	if err == nil && len(p.path)+len(p.query)+len(p.fragment) == 0 {
		err = errors.New("empty")
	}
	return p, err
}

func readPiece(text string) (piece, error) {
	if text == "*" {
		return piece{}, nil
	}
	var p piece
	form := "^"
	at := 0
	for _, m := range partForm.FindAllStringSubmatchIndex(text, -1) {
		name, class := text[m[2]:m[3]], ""
		if m[4] >= 0 {
			class = text[m[4]:m[5]]
		} else {
			class = partClass[name]
		}
		if partClass[name] == "" {
			return p, fmt.Errorf("{%s}", name)
		}
		if _, ok := classes[class]; !ok {
			return p, fmt.Errorf("{%s:%s}", name, class)
		}
		literal := text[at:m[0]]
		p.literals, p.parts = append(p.literals, literal), append(p.parts, part{name, class})
		form += "(?i:" + regexp.QuoteMeta(literal) + ")(" + classes[class].form + ")"
		at = m[1]
	}
	p.literals = append(p.literals, text[at:])
	form += "(?i:" + regexp.QuoteMeta(text[at:]) + ")$"
	if strings.ContainsAny(strings.Join(p.literals, ""), "{}*") {
		return p, fmt.Errorf("%q", text)
	}
	p.form = regexp.MustCompile(form) // made of quoted text and forms of ours
	return p, nil
}

// parts are the named parts of a pattern, in their order.
func (p *pattern) parts() []part {
	var all []part
	for _, s := range p.path {
		all = append(all, s.parts...)
	}
	for _, q := range p.query {
		all = append(all, q.value.parts...)
	}
	for _, f := range p.fragment {
		all = append(all, f.parts...)
	}
	return all
}

// values are what the parts of an address are, by their names, in their order.
type values map[string][]string

func (v values) match(p piece, text string) bool {
	if text == "" && p.form == nil || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	if p.form == nil {
		return true
	}
	found := p.form.FindStringSubmatch(text)
	if found == nil {
		return false
	}
	for i, part := range p.parts {
		if len(found[i+1]) > maxPart && part.name != partAddress {
			return false
		}
		v[part.name] = append(v[part.name], found[i+1])
	}
	return true
}

func (v values) matchAll(pieces []piece, texts []string, more bool) bool {
	if len(texts) < len(pieces) || len(texts) > len(pieces) && !more {
		return false
	}
	for i, p := range pieces {
		if !v.match(p, texts[i]) {
			return false
		}
	}
	return true
}

// match holds an address against the pattern. main says that the host is one that patterns without a
// host are meant for.
func (p *pattern) match(a Address, main bool) (values, bool) {
	if p.host == "" && !main || p.host != "" && p.host != "{host}" && p.host != strings.TrimPrefix(a.Host, "www.") {
		return nil, false
	}
	found := values{}
	if !found.matchAll(p.path, a.Path, p.rest) {
		return nil, false
	}
	for _, want := range p.query {
		i := slices.IndexFunc(a.Query, func(q Parameter) bool { return q.Name == want.name })
		if i < 0 || !found.match(want.value, a.Query[i].Value) {
			return nil, false
		}
	}
	if len(p.fragment) > 0 && !found.matchAll(p.fragment, a.Fragment, false) {
		return nil, false
	}
	return found, true
}

// fill writes the pattern as an address with what was found; server is what stands for {host}.
func (p *pattern) fill(server string, found values, keep []Parameter) string {
	used := map[string]int{}
	write := func(pieces []piece, escape func(string) string) string {
		var b strings.Builder
		for i, s := range pieces {
			if i > 0 {
				b.WriteByte('/')
			}
			for j, part := range s.parts {
				b.WriteString(s.literals[j])
				b.WriteString(escape(found[part.name][used[part.name]]))
				used[part.name]++
			}
			if len(s.literals) > 0 {
				b.WriteString(s.literals[len(s.literals)-1])
			}
		}
		return b.String()
	}
	if p.host != "{host}" {
		server = "https://" + p.host
	}
	address := server + "/" + write(p.path, url.PathEscape)
	sign := "?"
	for _, q := range p.query {
		address += sign + q.name + "=" + write([]piece{q.value}, url.QueryEscape)
		sign = "&"
	}
	for _, k := range keep {
		address += sign + url.QueryEscape(k.Name) + "=" + url.QueryEscape(k.Value)
		sign = "&"
	}
	if len(p.fragment) > 0 {
		address += "#" + write(p.fragment, url.PathEscape)
	}
	return address
}

// read reads the patterns of the shape.
func (s *Shape) read(page *page, path string, open bool, belongs func(host string) bool) (ok bool) {
	before := len(page.flaws)
	page.oneOf(path+".kind", string(s.Kind), addressKinds...)
	if len(s.Paths) == 0 {
		page.flaw("empty", path+".paths")
	}
	normal, err := readPattern(s.Normal)
	if err != nil {
		page.flaw("shape_form", path+".normal", "pattern", s.Normal, "detail", err.Error(), "example", "/{account}/status/{item:digits}")
		return false
	}
	if normal.rest || normal.host == "" || (normal.host == "{host}") != open || normal.host != "{host}" && !belongs(strings.TrimPrefix(normal.host, "www.")) || strings.Contains(s.Normal, "*") {
		page.flaw("shape_host", path+".normal", "pattern", s.Normal, "server", "{host}")
	}
	s.normal, s.paths = normal, nil
	for i, text := range s.Paths {
		line := at("%s.paths[%d]", path, i)
		p, err := readPattern(text)
		if err != nil {
			page.flaw("shape_form", line, "pattern", text, "detail", err.Error(), "example", "/{account}/status/{item:digits}")
			continue
		}
		if p.host == "{host}" || strings.HasPrefix(p.host, "www.") || p.host != "" && (open || !belongs(p.host)) {
			page.flaw("shape_host", line, "pattern", text, "server", "{host}")
		}
		if !carries(p.parts(), normal.parts()) {
			page.flaw("shape_parts", line, "pattern", text, "normal", s.Normal)
		}
		s.paths = append(s.paths, p)
	}
	return len(page.flaws) == before
}

// carries says whether what a pattern finds is enough for the normal form, and of its classes.
func carries(have, want []part) bool {
	for _, name := range []string{partAccount, partItem} {
		of := func(parts []part) []part {
			return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.name != name })
		}
		if w := of(want); len(w) > 0 && !slices.Equal(of(have), w) {
			return false
		}
	}
	return !slices.ContainsFunc(append(slices.Clone(have), want...), func(p part) bool { return p.name == partAddress })
}

// find holds an address against the shape.
func (s *Shape) find(a Address, main bool) (Found, bool) {
	for _, p := range s.paths {
		found, ok := p.match(a, main)
		if !ok {
			continue
		}
		for _, value := range append(slices.Clone(found[partAccount]), found[partItem]...) {
			ok = ok && !slices.Contains(s.Except, strings.ToLower(value))
		}
		if s.Fold {
			for i, account := range found[partAccount] {
				found[partAccount][i] = strings.ToLower(account)
			}
		}
		if !ok {
			continue
		}
		var keep []Parameter
		for _, name := range s.Keep {
			if i := slices.IndexFunc(a.Query, func(q Parameter) bool { return q.Name == name }); i >= 0 {
				keep = append(keep, a.Query[i])
			}
		}
		return Found{
			Kind: s.Kind, Account: strings.Join(found[partAccount], "/"), Item: strings.Join(found[partItem], "/"),
			Normal: s.normal.fill(a.server(), found, keep),
		}, true
	}
	return Found{}, false
}

// Find says what an address of the platform leads to; false when no shape fits it. The host must be the
// platform's, or, for an open network, any.
func (p Platform) Find(a Address) (Found, bool) {
	main := p.Open || p.main(a.Host)
	for i := range p.Shapes {
		if found, ok := p.Shapes[i].find(a, main); ok {
			return found, true
		}
	}
	return Found{}, false
}

// fronts are what stands before a host of every platform and shows the same pages.
var fronts = []string{"www", "m", "mobile"}

// main says whether patterns without a host are meant for this one: "help.instagram.com" is Instagram's
// and has no accounts.
func (p Platform) main(host string) bool {
	hosts := p.MainHosts
	if len(hosts) == 0 {
		hosts = p.Hosts
	}
	for _, h := range hosts {
		if host == h {
			return true
		}
		front, ok := strings.CutSuffix(host, "."+h)
		if ok && slices.ContainsFunc(append(fronts, p.Fronts...), func(f string) bool { fits, _ := path.Match(f, front); return fits }) {
			return true
		}
	}
	return false
}

// shapes checks the recognisers of a platform: each can be read, and each normal form is recognised as
// itself, so that an address written down once is found again under the same name.
func (p *Platform) shapes(page *page, path string) {
	belongs := func(host string) bool {
		return slices.ContainsFunc(p.Hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) })
	}
	sound := true
	for i := range p.Shapes {
		sound = p.Shapes[i].read(page, at("%s.address[%d]", path, i), p.Open, belongs) && sound
	}
	if !sound {
		return
	}
	for i := range p.Shapes {
		s := &p.Shapes[i]
		sample := values{}
		for _, part := range s.normal.parts() {
			value := classes[part.class].sample
			if s.Fold && part.name == partAccount {
				value = strings.ToLower(value)
			}
			sample[part.name] = append(sample[part.name], value)
		}
		written := s.normal.fill("https://example.org", sample, nil)
		a, err := TakeApart(written)
		found, ok := p.Find(a)
		if err != nil || !ok || found.Normal != written || found.Kind != s.Kind {
			page.flaw("shape_normal", at("%s.address[%d].normal", path, i), "pattern", s.Normal)
		}
	}
}

// TakeApart takes an http or https address apart that is written as it should be, with a host in ASCII.
func TakeApart(address string) (Address, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Address{}, err
	}
	a := Address{Scheme: u.Scheme, Host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), Port: u.Port()}
	if u.Scheme == "https" && a.Port == "443" || u.Scheme == "http" && a.Port == "80" {
		a.Port = ""
	}
	escaped := strings.Trim(u.EscapedPath(), "/")
	if escaped != "" {
		for _, segment := range strings.Split(escaped, "/") {
			decoded, err := url.PathUnescape(segment)
			if err != nil {
				return Address{}, err
			}
			a.Path = append(a.Path, decoded)
		}
	}
	for _, pair := range strings.Split(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		n, errName := url.QueryUnescape(name)
		v, errValue := url.QueryUnescape(value)
		if name != "" && errName == nil && errValue == nil {
			a.Query = append(a.Query, Parameter{n, v})
		}
	}
	if fragment, _, _ := strings.Cut(u.EscapedFragment(), "?"); fragment != "" {
		for _, segment := range strings.Split(fragment, "/") {
			decoded, err := url.PathUnescape(segment)
			if err != nil {
				return Address{}, err
			}
			a.Fragment = append(a.Fragment, decoded)
		}
	}
	return a, nil
}
