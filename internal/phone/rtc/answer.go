package rtc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"vigie/internal/phone/audio"
)

// What a softphone offers is always of one shape (RFC 9429, RFC 8843): lines of audio bundled on one
// transport, the first of which carries the counsellor's voice too. The answer takes the codecs that a
// telephone line has, in our order, and no comfort noise (RFC 3389), so that a browser sends a packet every
// 20 ms for as long as its microphone is open.

// Tracks is how many voices a browser can be sent at once, each on its own track.
const Tracks = 4

const (
	longestOffer = 64 << 10
	mostLines    = 16
)

// preferred is our order of codecs; the first that the browser has is what it will speak. A telephone line of
// France is A-law, and G.711 needs no decoding on its way there. Where the browser asks for it, Opus is the first.
var preferred = []audio.Codec{audio.PCMA, audio.PCMU, audio.Opus}

// payloads are the numbers that one session gives to codecs (RFC 3551 §6); noPayload where it has none.
type payloads struct {
	of     [3]uint8 // by the order of preferred
	digits uint8    // telephone-event at 8 kHz (RFC 4733)
	opus   bool     // Opus comes first
}

const noPayload = 255

func (p *payloads) number(c audio.Codec) uint8 {
	for i, known := range preferred {
		if known == c {
			return p.of[i]
		}
	}
	return noPayload
}

func (p *payloads) codec(number uint8) (audio.Codec, bool) {
	for i, n := range p.of {
		if n == number && n != noPayload {
			return preferred[i], true
		}
	}
	return 0, false
}

// line is one m= section of an offer.
type line struct {
	mid      string
	kind     string // "audio", or what is refused
	format   string // the first payload type, said again when the line is refused
	proto    string
	refused  bool
	receives bool // the browser wants to hear on it
	sends    bool
}

// offer is what an answer is made from.
type offer struct {
	ufrag, pwd   string
	fingerprints []fingerprint
	lines        []line
	payloads     payloads
	candidates   []string
	again        bool // of a session that was answered before
}

// againMark stands in an offer of a session that the browser takes for open (phone-line.ts adds it): if we do not
// know it any more, there is nothing to begin, because the browser would not shake hands again.
const againMark = "vigie-again"

// opusMark stands in an offer of a browser that wants to speak Opus, because its caller does (phone-line.ts adds it).
const opusMark = "vigie-opus"

// fingerprint is a hash of the certificate that the browser will show (RFC 8122 §5).
type fingerprint struct{ algorithm, value string }

// readOffer reads SDP that anyone may have written. Its errors quote nothing of it.
func readOffer(text string) (offer, error) {
	var o offer
	if len(text) > longestOffer {
		return o, errors.New("rtc: the offer is too long")
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return o, errors.New("rtc: the offer is not SDP")
	}
	if len(d.MediaDescriptions) == 0 || len(d.MediaDescriptions) > mostLines {
		return o, errors.New("rtc: the offer has no lines, or too many")
	}
	_, o.again = d.Attribute(againMark)
	bundled := bundleOf(&d)
	o.payloads = payloads{of: [3]uint8{noPayload, noPayload, noPayload}, digits: noPayload}
	speaks := false
	for _, m := range d.MediaDescriptions {
		l, err := o.line(&d, m, bundled)
		if err != nil {
			return o, err
		}
		if l.sends {
			if speaks {
				l.sends = false // one voice a browser
			}
			speaks = true
		}
		o.lines = append(o.lines, l)
	}
	_, o.payloads.opus = d.Attribute(opusMark)
	if o.ufrag == "" || o.pwd == "" || len(o.fingerprints) == 0 {
		return o, errors.New("rtc: the offer has no audio line that can be answered")
	}
	return o, nil
}

func bundleOf(d *sdp.SessionDescription) map[string]bool {
	in := map[string]bool{}
	for _, a := range d.Attributes {
		if words := strings.Fields(a.Value); a.Key == "group" && len(words) > 1 && words[0] == "BUNDLE" {
			for _, mid := range words[1:] {
				in[mid] = true
			}
		}
	}
	return in
}

func (o *offer) line(d *sdp.SessionDescription, m *sdp.MediaDescription, bundled map[string]bool) (line, error) {
	l := line{kind: token(m.MediaName.Media), proto: token(strings.Join(m.MediaName.Protos, "/")), format: "0", refused: true}
	if len(m.MediaName.Formats) > 0 {
		l.format = token(m.MediaName.Formats[0])
	}
	mid, _ := m.Attribute("mid")
	l.mid = token(mid)
	if l.mid == "" || len(l.mid) > 16 {
		return l, errors.New("rtc: a line of the offer has no name")
	}
	_, together := m.Attribute("bundle-only")
	off := m.MediaName.Port.Value == 0 && !together
	if l.kind != "audio" || off || !bundled[mid] || !strings.HasSuffix(l.proto, "TLS/RTP/SAVPF") {
		return l, nil
	}
	if _, ok := m.Attribute("rtcp-mux"); !ok {
		return l, nil
	}
	p, ok := payloadsOf(m)
	if !ok {
		return l, nil // no codec of ours
	}
	if o.ufrag == "" { // the first line stands for the whole bundle (RFC 8843 §7.2)
		o.payloads = p
		o.ufrag, o.pwd = attribute(d, m, "ice-ufrag"), attribute(d, m, "ice-pwd")
		if n := len(o.ufrag); n < 4 || n > 256 || len(o.pwd) < 22 || len(o.pwd) > 256 {
			return l, errors.New("rtc: the offer has no credentials of ICE")
		}
		for _, list := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
			for _, a := range list {
				if words := strings.Fields(a.Value); a.Key == "fingerprint" && len(words) == 2 && len(o.fingerprints) < 4 {
					o.fingerprints = append(o.fingerprints, fingerprint{strings.ToLower(words[0]), strings.ToUpper(words[1])})
				}
			}
		}
		if setup := attribute(d, m, "setup"); setup == "passive" {
			return l, errors.New("rtc: the offer wants us to begin, which a softphone does not")
		}
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" && len(o.candidates) < mostCandidates {
			o.candidates = append(o.candidates, a.Value)
		}
	}
	l.refused = false
	switch direction(d, m) {
	case "sendrecv":
		l.sends, l.receives = true, true
	case "sendonly":
		l.sends = true
	case "recvonly":
		l.receives = true
	}
	return l, nil
}

// payloadsOf reads which numbers a line gives to our codecs.
func payloadsOf(m *sdp.MediaDescription) (payloads, bool) {
	p := payloads{of: [3]uint8{noPayload, noPayload, noPayload}, digits: noPayload}
	names := map[string]string{"0": "PCMU/8000", "8": "PCMA/8000"}
	for _, a := range m.Attributes {
		if number, name, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" {
			names[number] = strings.TrimSpace(name)
		}
	}
	found := false
	for _, format := range m.MediaName.Formats {
		n, err := strconv.ParseUint(format, 10, 8)
		if err != nil || n > 127 {
			continue
		}
		switch name := strings.ToLower(names[format]); name {
		case "pcma/8000", "pcma/8000/1":
			p.take(0, uint8(n))
			found = true
		case "pcmu/8000", "pcmu/8000/1":
			p.take(1, uint8(n))
			found = true
		case "opus/48000/2":
			p.take(2, uint8(n))
			found = true
		case "telephone-event/8000":
			if p.digits == noPayload {
				p.digits = uint8(n)
			}
		}
	}
	return p, found
}

// take keeps the first number that a codec is given.
func (p *payloads) take(i int, number uint8) {
	if p.of[i] == noPayload {
		p.of[i] = number
	}
}

func attribute(d *sdp.SessionDescription, m *sdp.MediaDescription, key string) string {
	if v, ok := m.Attribute(key); ok {
		return token(v)
	}
	v, _ := d.Attribute(key)
	return token(v)
}

func direction(d *sdp.SessionDescription, m *sdp.MediaDescription) string {
	for _, list := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
		for _, a := range list {
			switch a.Key {
			case "sendrecv", "sendonly", "recvonly", "inactive":
				return a.Key
			}
		}
	}
	return "sendrecv"
}

// token is a value that is said again in the answer: it may hold no break of line.
func token(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "\r\n\x00") {
		return ""
	}
	return s
}

// answering is what our side says of itself.
type answering struct {
	session, version  uint64
	ufrag, pwd, print string
	candidates        []string
	ssrcs             [Tracks]uint32
}

// answer writes our description of the same lines, and returns on how many of the tracks the browser listens.
func (o *offer) answer(a answering) (string, int) {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	say("v=0\r\no=- %d %d IN IP4 0.0.0.0\r\ns=-\r\nt=0 0", a.session, a.version)
	mids := []string{}
	for _, l := range o.lines {
		if !l.refused {
			mids = append(mids, l.mid)
		}
	}
	say("a=group:BUNDLE %s", strings.Join(mids, " "))
	say("a=msid-semantic: WMS *")
	tracks, first := 0, true
	for _, l := range o.lines {
		if l.refused {
			say("m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:%s", l.kind, l.proto, l.format, l.mid)
			continue
		}
		formats, maps := o.payloads.lines()
		say("m=audio 9 %s %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0", l.proto, formats)
		say("a=mid:%s\r\na=rtcp-mux\r\na=setup:passive", l.mid)
		say("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s", a.ufrag, a.pwd, a.print)
		b.WriteString(maps)
		say("a=ptime:20\r\na=maxptime:60")
		hears := l.receives && tracks < Tracks
		say("a=%s", wayOf(l.sends, hears))
		if hears {
			say("a=msid:vigie voice%d\r\na=ssrc:%d cname:vigie", tracks, a.ssrcs[tracks])
			tracks++
		}
		if first {
			for _, c := range a.candidates {
				say("a=candidate:%s", c)
			}
			say("a=end-of-candidates")
			first = false
		}
	}
	return b.String(), tracks
}

// wayOf is our direction on a line, seen from us.
func wayOf(browserSends, browserHears bool) string {
	switch {
	case browserSends && browserHears:
		return "sendrecv"
	case browserSends:
		return "recvonly"
	case browserHears:
		return "sendonly"
	}
	return "inactive"
}

// lines are the formats of an m= line and what they mean.
func (p *payloads) lines() (formats, maps string) {
	var numbers []string
	var b strings.Builder
	order := []int{0, 1, 2}
	if p.opus {
		order = []int{2, 0, 1}
	}
	for _, i := range order {
		c, n := preferred[i], p.of[i]
		if n == noPayload {
			continue
		}
		numbers = append(numbers, strconv.Itoa(int(n)))
		switch c {
		case audio.Opus:
			fmt.Fprintf(&b, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n", n, n)
		default:
			fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", n, c)
		}
	}
	if p.digits != noPayload {
		numbers = append(numbers, strconv.Itoa(int(p.digits)))
		fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-16\r\n", p.digits, p.digits)
	}
	return strings.Join(numbers, " "), b.String()
}
