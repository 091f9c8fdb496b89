package trunk

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// algorithms are those of RFC 8760 that telephone networks use, the better one first.
var algorithms = []struct {
	name string
	new  func() hash.Hash
}{{"SHA-256", sha256.New}, {"MD5", md5.New}}

// algorithm finds one by its name, in any letter case and also as -sess; no name is MD5 (RFC 2617 §3.2.1).
func algorithm(name string) (make func() hash.Hash, sess bool, ok bool) {
	if name == "" {
		name = "MD5"
	}
	name = strings.ToUpper(name)
	base, sess := strings.CutSuffix(name, "-SESS")
	for _, a := range algorithms {
		if a.name == base {
			return a.new, sess, true
		}
	}
	return nil, false, false
}

// challenge is what a WWW-Authenticate or Proxy-Authenticate asks.
type challenge struct {
	realm, nonce, opaque, algorithm, qop string
	stale                                bool
}

// parseDigest reads the parameters after "Digest", names in lower case, values without their quotes but with the
// backslashes in them: so they are hashed (RFC 2617 §3.2.2.2, unq).
func parseDigest(value string) (params, bool) {
	scheme, rest, ok := cutSpace(strings.TrimSpace(value))
	if !ok || !strings.EqualFold(scheme, "Digest") || len(rest) > 4096 {
		return nil, false
	}
	p := params{}
	for _, part := range splitList(rest) {
		name, v, ok := strings.Cut(part, "=")
		if !ok {
			return nil, false
		}
		v = strings.TrimSpace(v)
		if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
			v = v[1 : len(v)-1]
		}
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(v, `\\`, ""), `\"`, ""), `"`) || strings.HasSuffix(strings.ReplaceAll(v, `\\`, ""), `\`) {
			return nil, false // it would end somewhere else when it is sent back
		}
		p[strings.ToLower(strings.TrimSpace(name))] = v
	}
	return p, true
}

// bestChallenge is the one that we can answer best, for a realm or for any with "".
func bestChallenge(values []string, realm string) (challenge, bool) {
	best, rank := challenge{}, len(algorithms)
	for _, value := range values {
		p, ok := parseDigest(value)
		if !ok || p["nonce"] == "" || realm != "" && p["realm"] != realm {
			continue
		}
		name := strings.TrimSuffix(strings.ToUpper(p["algorithm"]), "-SESS")
		if name == "" {
			name = "MD5"
		}
		for i, a := range algorithms {
			if a.name == name && i < rank {
				rank = i
				best = challenge{p["realm"], p["nonce"], p["opaque"], p["algorithm"], p["qop"], strings.EqualFold(p["stale"], "true")}
			}
		}
	}
	return best, rank < len(algorithms)
}

// digestOf is the response of RFC 2617 §3.2.2 with the hash functions of RFC 8760.
func digestOf(p params, user, password, method string, body []byte) (string, bool) {
	newHash, sess, ok := algorithm(p["algorithm"])
	if !ok {
		return "", false
	}
	h := func(parts ...string) string {
		sum := newHash()
		sum.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum.Sum(nil))
	}
	ha1 := h(user, p["realm"], password)
	if sess {
		ha1 = h(ha1, p["nonce"], p["cnonce"])
	}
	ha2 := h(method, p["uri"])
	switch p["qop"] {
	case "":
		return h(ha1, p["nonce"], ha2), true
	case "auth-int":
		sum := newHash()
		sum.Write(body)
		ha2 = h(method, p["uri"], hex.EncodeToString(sum.Sum(nil)))
	case "auth":
	default:
		return "", false
	}
	return h(ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"], ha2), true
}

// authorization answers a challenge.
func (c challenge) authorization(user, password, method, uri string, body []byte) string {
	p := params{"realm": c.realm, "nonce": c.nonce, "uri": uri, "algorithm": c.algorithm}
	if c.qop != "" {
		p["qop"] = "auth"
		if !slices.ContainsFunc(strings.Split(c.qop, ","), func(q string) bool { return strings.TrimSpace(q) == "auth" }) {
			p["qop"] = "auth-int"
		}
		p["nc"], p["cnonce"] = "00000001", random()[:16]
	} else if _, sess, _ := algorithm(c.algorithm); sess {
		p["cnonce"] = random()[:16]
	}
	response, _ := digestOf(p, user, password, method, body)
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, user, c.realm, c.nonce, uri, response)
	if c.algorithm != "" {
		text += ", algorithm=" + c.algorithm
	}
	if p["cnonce"] != "" {
		text += fmt.Sprintf(`, cnonce="%s"`, p["cnonce"])
	}
	if p["qop"] != "" {
		text += fmt.Sprintf(`, qop=%s, nc=%s`, p["qop"], p["nc"])
	}
	if c.opaque != "" {
		text += fmt.Sprintf(`, opaque="%s"`, c.opaque)
	}
	return text
}

// authorize answers the challenge in a response to a request of ours: the same request with credentials, or false
// if there is nothing to answer it with.
func (l *line) authorize(request, response *message) bool {
	asks, answers := "WWW-Authenticate", "Authorization"
	if response.status == 407 {
		asks, answers = "Proxy-Authenticate", "Proxy-Authorization"
	}
	if l.User == "" || l.Password == "" {
		return false
	}
	var values []string
	for _, h := range response.headers {
		if strings.EqualFold(h.name, asks) {
			values = append(values, h.value)
		}
	}
	c, ok := bestChallenge(values, l.Realm)
	// Answered once: a second challenge for the same request means that the password is wrong, unless only the
	// nonce was too old.
	if !ok || request.get(answers) != "" && !c.stale {
		return false
	}
	request.set(answers, c.authorization(l.User, l.Password, request.method, request.uri, request.body))
	return true
}

// nonces are made and known again without being kept: a time, and a seal over it and the address that it was
// made for.
type nonces struct {
	key [32]byte
	now func() time.Time
}

// nonceTime is how long a nonce is good. Within it, and from the same address only, credentials could be played
// again; the transaction that they belong to would be the same.
const nonceTime = time.Minute

func newNonces(now func() time.Time) *nonces {
	n := &nonces{now: now}
	rand.Read(n.key[:]) // never fails (crypto/rand)
	return n
}

func (n *nonces) seal(text string) []byte {
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write([]byte(text))
	return mac.Sum(nil)[:16]
}

func (n *nonces) make(source netip.Addr) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n.now().UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(b[:], n.seal("nonce|"+string(b[:])+source.String())...))
}

// check says whether the nonce is ours and made for this address, and whether it is still good.
func (n *nonces) check(nonce string, source netip.Addr) (ours, fresh bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 || subtle.ConstantTimeCompare(b[8:], n.seal("nonce|"+string(b[:8])+source.String())) != 1 {
		return false, false
	}
	age := n.now().Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b[:8]))))
	return true, age >= 0 && age <= nonceTime
}

// tag is the tag of an answer for which nothing is kept: the same for the same request.
func (n *nonces) tag(r *request) string {
	return hex.EncodeToString(n.seal("tag|" + r.callID + "|" + r.via.branch() + "|" + r.get("CSeq")))
}

// verdict is what credentials are worth.
type verdict uint8

const (
	credentialsNone  verdict = iota // there are none for us: ask
	credentialsStale                // right, but with a nonce that is too old: ask again
	credentialsWrong
	credentialsGood
)

// realm is the name in which a trunk asks for a digest.
func (l *line) realm() string {
	if l.Realm != "" {
		return l.Realm
	}
	return "vigie"
}

// credentials reads the Authorization of a request for this trunk.
func (s *Server) credentials(l *line, r *request) verdict {
	result := credentialsNone
	for _, h := range r.headers {
		if !strings.EqualFold(h.name, "Authorization") {
			continue
		}
		p, ok := parseDigest(h.value)
		if !ok || p["realm"] != l.realm() {
			continue
		}
		want, ok := digestOf(p, l.User, l.Password, r.method, r.body)
		// An algorithm that was not asked for is not taken: it would be the weaker one.
		name := strings.TrimSuffix(strings.ToUpper(p["algorithm"]), "-SESS")
		ok = ok && slices.ContainsFunc(l.Algorithms, func(a string) bool {
			return strings.EqualFold(a, name) || name == "" && strings.EqualFold(a, "MD5")
		})
		sameUser := subtle.ConstantTimeCompare([]byte(p["username"]), []byte(l.User)) == 1
		sameResponse := subtle.ConstantTimeCompare([]byte(strings.ToLower(p["response"])), []byte(want)) == 1
		if !ok || !sameUser || !sameResponse {
			return credentialsWrong
		}
		ours, fresh := s.nonces.check(p["nonce"], r.flow.remote.Addr())
		switch {
		case !ours:
			return credentialsStale // made by another node, or before we were started again
		case !fresh:
			result = credentialsStale
		default:
			return credentialsGood
		}
	}
	return result
}

// challenges are the headers that ask for a digest, the preferred algorithm first (RFC 8760 §2.4).
func (s *Server) challenges(l *line, r *request, m *message, stale bool) {
	nonce := s.nonces.make(r.flow.remote.Addr())
	for _, name := range l.Algorithms {
		value := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, l.realm(), nonce, strings.ToUpper(name))
		if stale {
			value += ", stale=true"
		}
		m.add("WWW-Authenticate", value)
	}
}
