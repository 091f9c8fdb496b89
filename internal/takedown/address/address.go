// Package address reads what somebody pasted and says what it leads to: which platform, whether an
// account, a post, a conversation or a short link, and the one address under which we write it down.
//
// A child copies a link from her phone, with words around it, without https://, from an app that adds who
// shared it with whom, or through a page that carries another one. A notice needs the exact electronic
// location (DSA Art. 16(2)(b)), the same each time, without what says who shared it. And a link may be a
// trap: a host that looks like a platform's and is not is never taken for it, and is said to be suspicious.
//
// What platforms look like is data (catalogue.Platforms). Nothing here asks the network: where a short
// link leads, and whether an unknown host runs Mastodon, only they can say.
package address

import (
	"net"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"vigie/internal/catalogue"
)

// Target is what an address leads to.
type Target struct {
	// Platform is a code of the catalogue; "" for a host that it does not know.
	Platform string
	// Looks are the open networks that an unknown host's address looks like: its server is to be asked.
	Looks []string
	Kind  catalogue.AddressKind
	// Account and Item are what the address names; "" where it does not.
	Account, Item string
	// Address is the normal form: recognising it gives the same target again. "" when the text holds no
	// address, or one that leads nowhere.
	Address string
	// Host is the host that was pasted, in ASCII and without a port.
	Host string
	// Troubles say why somebody should look twice; none for most.
	Troubles []Trouble
	// Imitates is the code of the platform that the host is made to look like.
	Imitates string
	// Carrier is the address that carried this one, in its own normal form.
	Carrier string
	// Given is the link as it was pasted, without the words around it.
	Given string
}

// Found says that the text held an address.
func (t Target) Found() bool { return t.Address != "" }

// Has says whether the target has a trouble.
func (t Target) Has(trouble Trouble) bool {
	for _, own := range t.Troubles {
		if own == trouble {
			return true
		}
	}
	return false
}

// Suspicious says that the address is made to deceive, or may be: nobody opens it, and no notice goes to
// the platform that it seems to be.
func (t Target) Suspicious() bool {
	return t.posing() || t.Has(Userinfo) && t.Platform == ""
}

// posing says that the host itself is made to look like something else.
func (t Target) posing() bool { return t.Has(Lookalike) || t.Has(MixedScript) || t.Has(Disguised) }

// Trouble is why somebody should look twice.
type Trouble string

// The troubles.
const (
	Lookalike   Trouble = "lookalike"    // the host is written to look like a platform's: "instagrаm.com"
	MixedScript Trouble = "mixed_script" // one name in the host mixes alphabets
	Disguised   Trouble = "disguised"    // the host has a platform's name in it and is not its: "instagram.com.login.example"
	Userinfo    Trouble = "userinfo"     // something stands before an @ in front of the host: "instagram.com@login.example"
	Backslash   Trouble = "backslash"    // browsers read \ as /
	Control     Trouble = "control"      // invisible signs stood in it
	Port        Trouble = "port"         // a platform's host with a port that is not its
	CutOff      Trouble = "cut"          // it ends in … and may be shortened
	BadHost     Trouble = "host"         // what stands for the host can be none
	TooLong     Trouble = "long"
	Nested      Trouble = "nested" // an address that carries one that carries another
)

// Troubles lists them all; the sentence of each is address.trouble.<code>.
var Troubles = []Trouble{Lookalike, MixedScript, Disguised, Userinfo, Backslash, Control, Port, CutOff, BadHost, TooLong, Nested}

const (
	// MaxLinks is how many targets one paste gives.
	MaxLinks = 2000
	// maxLink is the longest link that is read, in bytes.
	maxLink = 4096
	// maxRead is how many links of a paste are looked at, those that fold into others included.
	maxRead = 10 * MaxLinks
)

// Recognise says what the first link of a text leads to. A text without one gives a target that is not Found.
func Recognise(platforms *catalogue.Platforms, text string) Target {
	r := reader{platforms, namesOf(platforms)}
	for _, link := range r.links(text) {
		return r.read(link, 0)
	}
	return Target{Kind: catalogue.ToUnknown}
}

// All says what the links of a text lead to, in their order, each once: links to one thing are folded
// into the first of them, and learn from the others whose it is. left is how many more there were than
// MaxLinks.
func All(platforms *catalogue.Platforms, text string) (targets []Target, left int) {
	r := reader{platforms, namesOf(platforms)}
	at := map[string]int{}
	links := r.links(text)
	for i, link := range links {
		if i >= maxRead {
			left += len(links) - i
			break
		}
		t := r.read(link, 0)
		key := t.Address
		if key == "" {
			key = t.Given
		}
		// One post is named with its account by one link and without by another: "/p/…" and "/lea/p/…".
		item := ""
		if platform, ok := platforms.ByCode(t.Platform); ok && !platform.Open && t.Item != "" {
			item = "\x00" + t.Platform + "\x00" + string(t.Kind) + "\x00" + t.Item
		}
		i, known := at[key]
		if !known && item != "" {
			if i, known = at[item]; known && (targets[i].Account == "") == (t.Account == "") {
				known = false
			}
		}
		switch {
		case known:
			if targets[i].Account == "" && t.Account != "" {
				t.Given = targets[i].Given
				targets[i] = t
			}
		case len(targets) == MaxLinks:
			left++
			continue
		default:
			i = len(targets)
			targets = append(targets, t)
		}
		at[key] = i
		if _, taken := at[item]; item != "" && !taken {
			at[item] = i
		}
	}
	return targets, left
}

// reader reads links with the platforms of one moment.
type reader struct {
	platforms *catalogue.Platforms
	names     names
}

// begins is the beginning of a web address. Browsers take any number of slashes, of either kind.
var begins = regexp.MustCompile(`(?i)https?:[/\\]+`)

// read says what one link leads to; depth is 1 for a link that another one carried.
func (r reader) read(link string, depth int) Target {
	t := Target{Kind: catalogue.ToUnknown, Given: link}
	if len(link) > maxLink {
		t.Given = strings.ToValidUTF8(link[:200], "")
		t.Troubles = []Trouble{TooLong}
		return t
	}
	rest, trouble := visible(link)
	if trouble {
		t.Troubles = append(t.Troubles, Control)
	}
	rest = withoutEnd(rest) // a sign of the sentence may have stood before one that nobody sees
	if whole, cut := withoutEllipsis(rest); cut {
		rest = whole
		t.Troubles = append(t.Troubles, CutOff)
	}
	front, behind := rest, ""
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		front, behind = rest[:i], rest[i:]
	}
	if strings.Contains(front, `\`) {
		front = strings.ReplaceAll(front, `\`, "/")
		t.Troubles = append(t.Troubles, Backslash)
	}
	scheme := "https"
	if m := begins.FindStringIndex(front); m != nil && m[0] == 0 {
		if !strings.EqualFold(front[:5], "https") {
			scheme = "http"
		}
		front = front[m[1]:]
	}
	authority, path, _ := strings.Cut(front, "/")
	before, hostPort := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		before, hostPort = authority[:i], authority[i+1:]
		t.Troubles = append(t.Troubles, Userinfo)
	}
	host, port, ok := readHost(hostPort)
	if !ok {
		t.Troubles = append(t.Troubles, BadHost)
		return t
	}
	t.Host = host
	if port == "443" && scheme == "https" || port == "80" && scheme == "http" {
		port = ""
	}
	platform, known := r.platforms.ByHost(host)
	if known {
		t.Platform = platform.Code
		if port == "" {
			scheme = "https"
		}
	} else if trouble, code := r.names.suspect(host); trouble != "" {
		t.Troubles, t.Imitates = append(t.Troubles, trouble), code
	}
	if t.Has(Userinfo) && t.Imitates == "" && before != "" {
		if seemed, ok := r.platforms.ByHost(strings.ToLower(before)); ok && seemed.Code != t.Platform {
			t.Imitates = seemed.Code
		}
	}
	path = cleanPath(path, known)
	query, fragment, _ := strings.Cut(behind, "#")
	server := scheme + "://" + bracketed(host)
	if port != "" {
		server += ":" + port
	}
	whole := server + path + join("?", cleanQuery(query, nil)) + join("#", escape(fragment, inFragment))
	clean := server + path + join("?", cleanQuery(query, r.platforms.Tracks)) + join("#", route(fragment))
	t.Address = steady(clean)
	a, err := catalogue.TakeApart(whole)
	if err != nil {
		return t
	}
	if inner, ok := r.platforms.Wrapped(a); ok {
		if depth > 0 {
			t.Troubles = append(t.Troubles, Nested)
			return t
		}
		switch carried := r.carried(inner); {
		case carried.Has(Nested):
			t.Troubles = append(t.Troubles, Nested)
		case carried.Found():
			carried.Carrier, carried.Given = t.Address, t.Given
			return carried
		}
		return t
	}
	switch {
	case known && port != "" && !platform.Open:
		t.Troubles = append(t.Troubles, Port)
	case known:
		if found, ok := platform.Find(a); ok && r.same(found) {
			t.Kind, t.Account, t.Item, t.Address = found.Kind, found.Account, found.Item, steady(found.Normal)
		}
	case !t.posing():
		r.looks(&t)
	}
	return t
}

// carried reads the address that another one carries; Nested when that one carries one in its turn.
func (r reader) carried(inner string) Target {
	for _, link := range r.links(inner) {
		return r.read(link, 1)
	}
	return Target{}
}

// same says whether a normal form is found again as itself. The catalogue checks so when it is
// published; a name that is a word elsewhere is only met here.
func (r reader) same(found catalogue.Found) bool {
	a, err := catalogue.TakeApart(found.Normal)
	if err != nil {
		return false
	}
	platform, ok := r.platforms.ByHost(a.Host)
	if !ok {
		return false
	}
	again, ok := platform.Find(a)
	return ok && again.Normal == found.Normal && again.Kind == found.Kind && again.Item == found.Item
}

// looks says which open networks an unknown host's address looks like.
func (r reader) looks(t *Target) {
	a, err := catalogue.TakeApart(t.Address)
	if err != nil {
		return
	}
	for _, code := range r.platforms.Looks(a) {
		platform, _ := r.platforms.ByCode(code)
		found, ok := platform.Find(a)
		if !ok {
			continue
		}
		if len(t.Looks) == 0 {
			t.Kind, t.Account, t.Item = found.Kind, found.Account, found.Item
		}
		t.Looks = append(t.Looks, code)
	}
}

// visible takes the signs out of a link that nobody sees: zero width, direction, control. trouble says
// that there were some inside, where no messenger puts them by itself.
func visible(link string) (clean string, trouble bool) {
	hidden := func(c rune) bool {
		return unicode.Is(unicode.Cf, c) || unicode.IsControl(c) || c == '\u034f' || c == unicode.ReplacementChar
	}
	link = strings.TrimFunc(strings.ToValidUTF8(link, "\ufffd"), hidden)
	clean = strings.Map(func(c rune) rune {
		if hidden(c) {
			return -1
		}
		return c
	}, link)
	return clean, clean != link
}

// lookup maps a host as browsers do (UTS #46, non-transitional); underscores and hyphens anywhere are
// met in the wild.
var lookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.VerifyDNSLength(true))

var hostForm = regexp.MustCompile(`^_?[a-z0-9][a-z0-9_-]*(\._?[a-z0-9][a-z0-9_-]*)*$`)

// readHost reads host and port as they stand in an address; the host comes back in ASCII, an IPv6 address
// without its brackets.
func readHost(text string) (host, port string, ok bool) {
	host = text
	if inside, after, bracket := strings.Cut(text, "]"); bracket && strings.HasPrefix(text, "[") {
		ip := net.ParseIP(inside[1:])
		if ip == nil || after != "" && !strings.HasPrefix(after, ":") {
			return "", "", false
		}
		port, ok = readPort(strings.TrimPrefix(after, ":"))
		return ip.String(), port, ok
	}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		if port, ok = readPort(text[i+1:]); !ok {
			return "", "", false
		}
		host = text[:i]
	}
	host, ok = unescape(host)
	if !ok {
		return "", "", false
	}
	host, err := lookup.ToASCII(strings.TrimSuffix(host, "."))
	host = strings.TrimSuffix(host, ".")
	if err != nil || !hostForm.MatchString(host) {
		return "", "", false
	}
	// What is no name once it is written in ASCII was none before.
	if again, err := lookup.ToASCII(host); err != nil || again != host {
		return "", "", false
	}
	return host, port, true
}

var portForm = regexp.MustCompile(`^0*([1-9][0-9]{0,4})$`)

// readPort reads a port; "" is none and fine.
func readPort(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	m := portForm.FindStringSubmatch(text)
	if m == nil || len(m[1]) == 5 && m[1] > "65535" {
		return "", false
	}
	return m[1], true
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func join(sign, text string) string {
	if text == "" {
		return ""
	}
	return sign + text
}
