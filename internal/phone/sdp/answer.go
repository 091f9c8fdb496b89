package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/phone/audio"
)

// eventType is the payload type of telephone-event in our own offers.
const eventType = 101

// Answer answers an offer: one codec of G.711, the first of the offer's order that is among ours, and beside it Opus where
// both have it, in the offer's order; its telephone-event and its comfort noise; its profile; everything else refused in its place. Errors: ErrNoCommonCodec,
// ErrSecurity.
func Answer(offer Session, ours Local) (answer []byte, agreed Agreed, err error) {
	format, formats, ok := ours.common(offer.Formats)
	if !ok {
		return nil, Agreed{}, ErrNoCommonCodec
	}
	var key *Crypto
	var srtp *SRTP
	switch {
	case offer.Secure && ours.Security == Off, !offer.Secure && ours.Security == Required, offer.Secure && len(offer.Crypto) == 0:
		return nil, Agreed{}, ErrSecurity
	case offer.Secure:
		// The offerer's order is its preference (RFC 4568 §7.1.1).
		theirs := offer.Crypto[0]
		for _, k := range ours.Keys {
			// An offer later in the call that still has the suite in use goes on with it.
			if j := slices.IndexFunc(offer.Crypto, func(c Crypto) bool { return c.Suite == k.Suite }); j >= 0 {
				theirs = offer.Crypto[j]
				break
			}
		}
		k := ours.keyFor(theirs.Tag, theirs.Suite)
		key, srtp = &k, &SRTP{Suite: theirs.Suite, Send: k.Key, Receive: theirs.Key}
	}

	direction := Meet(offer.Direction, ours.Direction)
	if !offer.Remote.Addr().IsUnspecified() {
		agreed.Remote, agreed.RTCP = offer.Remote, offer.RTCP
		if offer.Mux && ours.Mux {
			agreed.RTCP = offer.Remote
		}
	}
	agreed.Mux = offer.Mux && ours.Mux
	agreed.Codec, agreed.SendType, agreed.ReceiveType = format.Codec, format.Type, format.Type
	agreed.Accepts = formats
	agreed.OpusSend, agreed.HasOpus = opusOf(formats)
	agreed.HasEvent, agreed.EventSend, agreed.EventReceive = offer.HasEvent, offer.Event, offer.Event
	agreed.Noise = offer.Noise && ours.Noise
	agreed.Ptime = ptime(offer.Ptime)
	agreed.Direction = direction
	agreed.Held = !offer.Direction.receives()
	agreed.SRTP = srtp

	w := ours.head()
	for i, m := range offer.media {
		if i != offer.audio {
			// A refused stream keeps its kind, its profile and a format (RFC 3264 §6).
			first, _, _ := strings.Cut(m.formats, " ")
			fmt.Fprintf(w, "m=%s 0 %s %s\r\n", m.kind, m.proto, first)
			continue
		}
		stream := stream{proto: m.proto, formats: formats, direction: direction, mux: agreed.Mux}
		if offer.HasEvent {
			stream.event, stream.hasEvent, stream.eventRange = offer.Event, true, commonEvents(offer.EventRange)
		}
		stream.noise = agreed.Noise
		if key != nil {
			stream.crypto = []Crypto{*key}
		}
		stream.write(w, ours.Address)
	}
	return []byte(w.String()), agreed, nil
}

// Offer makes an offer of all our codecs. With Security Required it is RTP/SAVP with a key for each suite.
// The second result are those keys: Accept wants them.
func Offer(ours Local) ([]byte, []Crypto) {
	s := stream{proto: "RTP/AVP", direction: ours.Direction, mux: ours.Mux, noise: ours.Noise,
		event: eventType, hasEvent: true, eventRange: "0-15"}
	for _, c := range ours.Codecs {
		s.formats = append(s.formats, Format{uint8(c), c})
	}
	if ours.Security == Required || len(ours.Keys) > 0 {
		s.proto = "RTP/SAVP"
		suites := offered
		if len(ours.Keys) > 0 {
			// Later in a call only the suite in use is offered, with the key in use.
			suites = nil
			for _, k := range ours.Keys {
				suites = append(suites, k.Suite)
			}
		}
		for i, suite := range suites {
			s.crypto = append(s.crypto, ours.keyFor(i+1, suite))
		}
	}
	w := ours.head()
	s.write(w, ours.Address)
	return []byte(w.String()), s.crypto
}

// Accept takes the answer to our offer. ours is what the offer was made of, with Keys set to those that Offer gave
// back. Errors: ErrMalformed (also an answer with another number of streams), ErrNoAudio (our stream refused),
// ErrNoAddress, ErrNoCommonCodec, ErrSecurity.
func Accept(ours Local, answer []byte) (Agreed, error) {
	theirs, err := Parse(answer)
	if err != nil {
		return Agreed{}, err
	}
	if theirs.audio != 0 {
		return Agreed{}, fmt.Errorf("%w: not an answer to our offer", ErrMalformed)
	}
	format, formats, ok := ours.common(theirs.Formats)
	if !ok {
		return Agreed{}, ErrNoCommonCodec
	}
	a := Agreed{
		Mux:   theirs.Mux && ours.Mux,
		Codec: format.Codec, SendType: format.Type, ReceiveType: uint8(format.Codec),
		HasEvent: theirs.HasEvent, EventSend: theirs.Event, EventReceive: eventType,
		Noise:     theirs.Noise && ours.Noise,
		Ptime:     ptime(theirs.Ptime),
		Direction: Meet(theirs.Direction, ours.Direction),
		// An answer of recvonly to our sendonly is our hold, not theirs.
		Held: !theirs.Direction.receives() && ours.Direction.sends(),
	}
	a.OpusSend, a.HasOpus = opusOf(formats)
	for _, f := range theirs.Formats {
		if slices.Contains(ours.Codecs, f.Codec) {
			a.Accepts = append(a.Accepts, Format{uint8(f.Codec), f.Codec})
		}
	}
	if !theirs.Remote.Addr().IsUnspecified() {
		a.Remote, a.RTCP = theirs.Remote, theirs.RTCP
		if a.Mux {
			a.RTCP = theirs.Remote
		}
	}
	if theirs.Secure != (len(ours.Keys) > 0) {
		return Agreed{}, ErrSecurity
	}
	if theirs.Secure {
		if len(theirs.Crypto) == 0 {
			return Agreed{}, ErrSecurity
		}
		// The answer carries the tag of the line that it chose (RFC 4568 §5.1.3).
		chosen := theirs.Crypto[0]
		j := slices.IndexFunc(ours.Keys, func(k Crypto) bool { return k.Suite == chosen.Suite && k.Tag == chosen.Tag })
		if j < 0 {
			return Agreed{}, ErrSecurity
		}
		a.SRTP = &SRTP{Suite: chosen.Suite, Send: ours.Keys[j].Key, Receive: chosen.Key}
	}
	return a, nil
}

// common is the first codec of G.711 that is among ours, and the formats that an answer takes: that one, and Opus.
func (l Local) common(theirs []Format) (law Format, formats []Format, ok bool) {
	opus := false
	for _, f := range theirs {
		switch {
		case !slices.Contains(l.Codecs, f.Codec):
		case f.Codec.Law() && !ok:
			law, ok = f, true
			formats = append(formats, f)
		case f.Codec == audio.Opus && !opus:
			opus = true
			formats = append(formats, f)
		}
	}
	return law, formats, ok
}

// opusOf is the payload type that Opus has among these.
func opusOf(formats []Format) (uint8, bool) {
	for _, f := range formats {
		if f.Codec == audio.Opus {
			return f.Type, true
		}
	}
	return 0, false
}

// ptime is what is wanted, 20 ms when nothing is.
func ptime(wanted time.Duration) time.Duration {
	if wanted == 0 {
		return 20 * time.Millisecond
	}
	return wanted
}

// commonEvents is what we answer to a range of events: the sixteen keys, or what of them was offered.
func commonEvents(theirs string) string {
	if theirs == "0-11" || theirs == "0-9" {
		return theirs
	}
	return "0-15"
}

// head writes the session's lines. The o= line names nobody (RFC 8866 §5.2 allows "-").
func (l Local) head() *strings.Builder {
	w := &strings.Builder{}
	family := family(l.Address.Addr())
	fmt.Fprintf(w, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.ID, l.Version, family, l.Address.Addr(), family, l.Address.Addr())
	return w
}

func family(a netip.Addr) string {
	if a.Is4() || a.Is4In6() {
		return "IP4"
	}
	return "IP6"
}

// stream is our m= line with its attributes.
type stream struct {
	proto           string
	formats         []Format
	event           uint8
	hasEvent, noise bool
	eventRange      string
	direction       Direction
	mux             bool
	crypto          []Crypto
}

func (s stream) write(w *strings.Builder, address netip.AddrPort) {
	fmt.Fprintf(w, "m=audio %d %s", address.Port(), s.proto)
	for _, f := range s.formats {
		fmt.Fprintf(w, " %d", f.Type)
	}
	if s.noise {
		w.WriteString(" 13")
	}
	if s.hasEvent {
		fmt.Fprintf(w, " %d", s.event)
	}
	w.WriteString("\r\n")
	for _, f := range s.formats {
		rate := strconv.Itoa(audio.Rate)
		if f.Codec == audio.Opus {
			rate = "48000/2" // RFC 7587 §7: always, whatever is in it
		}
		fmt.Fprintf(w, "a=rtpmap:%d %s/%s\r\n", f.Type, f.Codec, rate)
		if f.Codec == audio.Opus {
			fmt.Fprintf(w, "a=fmtp:%d useinbandfec=1\r\n", f.Type)
		}
	}
	if s.hasEvent {
		fmt.Fprintf(w, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d %s\r\n", s.event, s.event, s.eventRange)
	}
	fmt.Fprintf(w, "a=ptime:20\r\na=%s\r\n", s.direction)
	if s.mux {
		w.WriteString("a=rtcp-mux\r\n")
	}
	for _, c := range s.crypto {
		fmt.Fprintf(w, "a=crypto:%s\r\n", c)
	}
}
