package address

import (
	"strings"
)

// The signs that may stand as they are in a part of an address (RFC 3986 §3.3–3.5); all others are
// written %XX. What need not be written so is decoded (§6.2.2.2), so that two spellings of one address
// are one.
const (
	inPath     = "!$&'()*+,;=:@/"
	inQuery    = "!$'()*,;:@/?+"
	inFragment = "!$&'()*+,;=:@/?"
)

func unreserved(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '.' || b == '_' || b == '~'
}

func hex(b byte) (byte, bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, true
	case b >= 'A' && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

// escaped reads %XX at i.
func escaped(s string, i int) (byte, bool) {
	if i+2 >= len(s) || s[i] != '%' {
		return 0, false
	}
	high, okHigh := hex(s[i+1])
	low, okLow := hex(s[i+2])
	return high<<4 | low, okHigh && okLow
}

// escape writes a part of an address in its normal form. A % that begins nothing is itself escaped.
func escape(s, allowed string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		sign, was := escaped(s, i)
		if was {
			i += 2
		} else {
			sign = s[i]
		}
		if unreserved(sign) || !was && strings.IndexByte(allowed, sign) >= 0 {
			b.WriteByte(sign)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[sign>>4])
		b.WriteByte(digits[sign&15])
	}
	return b.String()
}

// unescape decodes a host; false where a % begins nothing.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		sign, ok := escaped(s, i)
		if !ok {
			return "", false
		}
		b.WriteByte(sign)
		i += 2
	}
	return b.String(), true
}

// cleanPath writes a path in its normal form, "/" before it, without . and .. (RFC 3986 §5.2.4). On a
// known platform several slashes are one: there they mean nothing.
func cleanPath(path string, known bool) string {
	var kept []string
	segments := strings.Split(escape(path, inPath), "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == ".":
			if last {
				kept = append(kept, "")
			}
		case s == "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		case s == "" && known && !last:
		default:
			kept = append(kept, s)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// cleanQuery writes a query in its normal form, without empty pairs and without the parameters that drop names.
func cleanQuery(query string, drop func(name string) bool) string {
	var kept []string
	for _, pair := range strings.Split(strings.TrimPrefix(query, "?"), "&") {
		name, value, has := strings.Cut(pair, "=")
		name, value = escape(name, inQuery), escape(value, inQuery+"=")
		if name == "" && value == "" || drop != nil && drop(name) {
			continue
		}
		if has {
			name += "=" + value
		}
		kept = append(kept, name)
	}
	return strings.Join(kept, "&")
}

// route is the fragment of an address whose page finds its content by it ("#/user/12", "#!/12"); a place
// within a page says nothing of what the page is.
func route(fragment string) string {
	fragment, _, _ = strings.Cut(escape(fragment, inFragment), ":~:")
	if len(fragment) > 1 && (fragment[0] == '/' || fragment[0] == '!') {
		return fragment
	}
	return ""
}

// steady writes an address so that it is found whole in a text: a sign at its end that would be taken for
// the sentence's, and a beginning within that would be taken for another link's, are escaped.
func steady(address string) string {
	for {
		if withoutEnd(address) == address && !strings.HasSuffix(address, "...") {
			break
		}
		last := address[len(address)-1]
		const digits = "0123456789ABCDEF"
		address = address[:len(address)-1] + "%" + string(digits[last>>4]) + string(digits[last&15])
	}
	for {
		i := glued(address)
		if i < 0 {
			return address
		}
		colon := i + strings.IndexByte(address[i:], ':')
		address = address[:colon] + "%3A" + address[colon+1:]
	}
}
