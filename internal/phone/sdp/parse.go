package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"vigie/internal/phone/audio"
)

// What a description of a telephone call never reaches, and what one that does is refused for.
const (
	maxBytes = 16 << 10
	maxLines = 512
	maxMedia = 16
)

// section is the session's head or one of its streams, while it is read.
type section struct {
	media      media
	connection string // value of its c= line
	attributes []attribute
}

type attribute struct{ name, value string }

// get is the value of the first attribute with this name.
func (s *section) get(name string) (string, bool) {
	for _, a := range s.attributes {
		if strings.EqualFold(a.name, name) {
			return a.value, true
		}
	}
	return "", false
}

// Parse reads a description. The stream of speech is the first m=audio that is switched on and of a profile that
// we know. Errors: ErrMalformed, ErrNoAudio, ErrNoAddress. That no codec of it is one of ours is not an error
// here: Formats is empty then.
func Parse(text []byte) (Session, error) {
	head, sections, err := split(text)
	if err != nil {
		return Session{}, err
	}
	s := Session{audio: -1}
	for i, sec := range sections {
		s.media = append(s.media, sec.media)
		if s.audio < 0 && sec.media.kind == "audio" && sec.media.port > 0 && profile(sec.media.proto) {
			s.audio = i
		}
	}
	if s.audio < 0 {
		return s, ErrNoAudio
	}
	return s, s.read(&head, &sections[s.audio])
}

// profile says whether we can talk in it.
func profile(proto string) bool {
	switch strings.ToUpper(proto) {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF":
		return true
	}
	return false
}

// split cuts a text into the session's head and its streams.
func split(text []byte) (head section, sections []section, err error) {
	if len(text) > maxBytes {
		return head, nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(text))
	}
	current := &head
	lines := 0
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if lines++; lines > maxLines {
			return head, nil, fmt.Errorf("%w: too many lines", ErrMalformed)
		}
		if len(line) < 2 || line[1] != '=' {
			return head, nil, fmt.Errorf("%w: line %d", ErrMalformed, lines)
		}
		value := string(bytes.TrimSpace(line[2:]))
		if lines == 1 && (line[0] != 'v' || value != "0") {
			return head, nil, fmt.Errorf("%w: no version", ErrMalformed)
		}
		switch line[0] {
		case 'm':
			m, err := parseMedia(value)
			if err != nil {
				return head, nil, err
			}
			if len(sections) == maxMedia {
				return head, nil, fmt.Errorf("%w: too many streams", ErrMalformed)
			}
			sections = append(sections, section{media: m})
			current = &sections[len(sections)-1]
		case 'c':
			if current.connection == "" {
				current.connection = value
			}
		case 'a':
			name, v, _ := strings.Cut(value, ":")
			current.attributes = append(current.attributes, attribute{strings.TrimSpace(name), strings.TrimSpace(v)})
		}
	}
	if lines == 0 {
		return head, nil, fmt.Errorf("%w: empty", ErrMalformed)
	}
	return head, sections, nil
}

// parseMedia reads an m= value, "audio 49170/2 RTP/AVP 0 8 101".
func parseMedia(value string) (media, error) {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return media{}, fmt.Errorf("%w: a stream without formats", ErrMalformed)
	}
	number, _, _ := strings.Cut(fields[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return media{}, fmt.Errorf("%w: a stream's port", ErrMalformed)
	}
	return media{
		kind: strings.ToLower(fields[0]), port: int(port), proto: fields[2], formats: strings.Join(fields[3:], " "),
	}, nil
}

// parseConnection reads a c= value, "IN IP4 192.0.2.1/127": only numbers (ErrNoAddress), of either family.
func parseConnection(value string) (netip.Addr, error) {
	fields := strings.Fields(value)
	if len(fields) < 3 || !strings.EqualFold(fields[0], "IN") {
		return netip.Addr{}, fmt.Errorf("%w: a connection", ErrMalformed)
	}
	number, _, _ := strings.Cut(fields[2], "/")
	address, err := netip.ParseAddr(number)
	if err != nil || address.Zone() != "" || address.IsMulticast() {
		return netip.Addr{}, ErrNoAddress
	}
	return address.Unmap(), nil
}

// read fills the session from its stream of speech; what the stream does not say, the head does.
func (s *Session) read(head, sec *section) error {
	connection := sec.connection
	if connection == "" {
		connection = head.connection
	}
	if connection == "" {
		return ErrNoAddress
	}
	address, err := parseConnection(connection)
	if err != nil {
		return err
	}
	s.Remote = netip.AddrPortFrom(address, uint16(sec.media.port))
	if err := s.readRTCP(sec); err != nil {
		return err
	}
	s.readFormats(sec)
	s.readDirection(head, sec)

	proto := strings.ToUpper(sec.media.proto)
	s.Secure = strings.Contains(proto, "SAVP")
	s.Feedback = strings.HasSuffix(proto, "F")
	for _, a := range sec.attributes {
		if strings.EqualFold(a.name, "crypto") {
			if c, ok := parseCrypto(a.value); ok {
				s.Crypto = append(s.Crypto, c)
			}
		}
	}
	if value, ok := sec.get("ptime"); ok {
		if ms, err := strconv.Atoi(value); err == nil && ms >= 5 && ms <= 200 {
			s.Ptime = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}

// readRTCP finds where reports go (RFC 3605, RFC 5761 §5.1.1).
func (s *Session) readRTCP(sec *section) error {
	port := s.Remote.Port()
	if port < 65535 {
		port++
	}
	s.RTCP = netip.AddrPortFrom(s.Remote.Addr(), port)
	if _, ok := sec.get("rtcp-mux"); ok {
		s.Mux = true
	}
	value, ok := sec.get("rtcp")
	if !ok {
		return nil
	}
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return fmt.Errorf("%w: a=rtcp", ErrMalformed)
	}
	number, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil || number == 0 {
		return fmt.Errorf("%w: a=rtcp", ErrMalformed)
	}
	address := s.Remote.Addr()
	if len(fields) >= 4 {
		if address, err = parseConnection(strings.Join(fields[1:4], " ")); err != nil {
			return err
		}
	}
	s.RTCP = netip.AddrPortFrom(address, uint16(number))
	return nil
}

// readFormats matches the numbers of the m= line with their names: dynamic ones by rtpmap, the static ones of
// RFC 3551 §6 also without.
func (s *Session) readFormats(sec *section) {
	names := map[uint8]string{0: "pcmu/8000", 8: "pcma/8000", 13: "cn/8000"}
	for _, a := range sec.attributes {
		if !strings.EqualFold(a.name, "rtpmap") {
			continue
		}
		number, name, ok := strings.Cut(a.value, " ")
		if t, err := strconv.ParseUint(number, 10, 7); ok && err == nil {
			names[uint8(t)] = strings.ToLower(strings.TrimSpace(name))
		}
	}
	for number := range strings.FieldsSeq(sec.media.formats) {
		t, err := strconv.ParseUint(number, 10, 7)
		if err != nil {
			continue
		}
		switch names[uint8(t)] {
		case "pcmu/8000", "pcmu/8000/1":
			s.Formats = append(s.Formats, Format{uint8(t), audio.PCMU})
		case "pcma/8000", "pcma/8000/1":
			s.Formats = append(s.Formats, Format{uint8(t), audio.PCMA})
		case "opus/48000/2":
			s.Formats = append(s.Formats, Format{uint8(t), audio.Opus})
		case "cn/8000":
			s.Noise = s.Noise || t == 13
		case "telephone-event/8000", "telephone-event/8000/1":
			if !s.HasEvent {
				s.HasEvent, s.Event, s.EventRange = true, uint8(t), eventRange(sec, number)
			}
		}
	}
}

// eventRange is the fmtp of the telephone-event with this number, "0-15" when it has none (RFC 4733 §2.4.1).
func eventRange(sec *section, number string) string {
	for _, a := range sec.attributes {
		if t, value, ok := strings.Cut(a.value, " "); ok && t == number && strings.EqualFold(a.name, "fmtp") {
			return strings.TrimSpace(value)
		}
	}
	return "0-15"
}

// readDirection takes the stream's own attribute, else the head's, else both ways; and the hold of before
// RFC 3264, whose address is all zeros, as a side that wants to hear nothing (RFC 3264 §8.4).
func (s *Session) readDirection(head, sec *section) {
	for _, part := range []*section{head, sec} {
		for _, a := range part.attributes {
			for _, d := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
				if strings.EqualFold(a.name, d.String()) {
					s.Direction = d
				}
			}
		}
	}
	if s.Remote.Addr().IsUnspecified() {
		s.Direction = directionOf(s.Direction.sends(), false)
	}
}
