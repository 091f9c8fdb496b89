// Package sdp describes the sound of a telephone call: it reads what the other side offers (RFC 8866), answers
// it or makes an offer of ours (RFC 3264), and says what both agreed on. It is pure: no socket, no clock.
//
// A session here is one stream of speech. Everything else that a peer may offer (video, fax, a second
// stream) is refused with port 0 in its own place, as RFC 3264 §6 asks, and never makes a call fail.
//
// The reading is forgiving, because telephone networks are: types without rtpmap, any letter case, lines
// ended by LF alone, hold said by the address 0.0.0.0. What is written is as plain as it can be.
package sdp

import (
	"errors"
	"net/netip"
	"time"

	"vigie/internal/phone/audio"
)

// What can be wrong with a description. The trunk answers ErrMalformed with 400 and the others with 488
// (RFC 3261 §21.4.1, §21.4.26).
var (
	// ErrMalformed is a text that is no session description, or a line of it that cannot be read.
	ErrMalformed = errors.New("sdp: malformed description")
	// ErrNoAudio is a description without a stream of speech that is switched on.
	ErrNoAudio = errors.New("sdp: no audio offered")
	// ErrNoCommonCodec is an offer of codecs of which we speak none: without one of G.711 nobody could be greeted.
	ErrNoCommonCodec = errors.New("sdp: no common codec")
	// ErrNoAddress is a stream whose address is a name or missing: only numbers are taken, nothing is looked up.
	ErrNoAddress = errors.New("sdp: no usable address")
	// ErrSecurity is an offer without SRTP where the trunk requires it, with it where the trunk has it switched
	// off, or without a suite that we know.
	ErrSecurity = errors.New("sdp: no common security")
)

// Direction says which ways speech travels (RFC 8866 §6.7), seen from the side whose description says it.
type Direction uint8

// The directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the direction as its attribute is written.
func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

// Reverse is the same direction as the other side sees it.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// sends and receives say which ways are open.
func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// directionOf is the direction in which these ways are open.
func directionOf(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// Meet is what is left of an offered direction when the answering side wants ours: the answer's direction
// (RFC 3264 §6.1), which never opens a way that the offer closed.
func Meet(offered, ours Direction) Direction {
	theirs := offered.Reverse()
	return directionOf(theirs.sends() && ours.sends(), theirs.receives() && ours.receives())
}

// Format is a codec with the payload type that one side gave it.
type Format struct {
	Type  uint8
	Codec audio.Codec
}

// Security is the choice of a trunk about SRTP by SDES (RFC 4568).
type Security uint8

// The choices. Allowed takes SRTP when the other side offers it and offers plain RTP itself: a peer without
// SRTP would refuse the whole call (RFC 3264 has no "either").
const (
	Off Security = iota
	Allowed
	Required
)

// Session is a description read, reduced to what matters to one stream of speech.
type Session struct {
	// Remote is where the other side wants to receive RTP. Its address is 0.0.0.0 or :: in an old-style hold.
	Remote netip.AddrPort
	// RTCP is where it wants reports: the port after Remote's, or that of a=rtcp (RFC 3605), or Remote itself
	// with Mux (RFC 5761).
	RTCP netip.AddrPort
	Mux  bool
	// Formats are those of its codecs that we know, in its order of preference.
	Formats []Format
	// Event is the payload type of telephone-event at 8 kHz (RFC 4733), and HasEvent whether there is one;
	// EventRange is what its fmtp says, "0-15" when nothing.
	Event      uint8
	HasEvent   bool
	EventRange string
	// Noise says that comfort noise (RFC 3389, type 13) is understood.
	Noise bool
	// Ptime is how much sound a packet should carry; zero is not said.
	Ptime time.Duration
	// Direction is the other side's, already Inactive or SendOnly where it holds by the address 0.0.0.0.
	Direction Direction
	// Secure is RTP/SAVP or SAVPF; Feedback the AVPF profiles. Crypto are the keys in it that we can use.
	Secure   bool
	Feedback bool
	Crypto   []Crypto

	// media are all its m= lines in order, and audio which of them is the stream.
	media []media
	audio int
}

// media is an m= line as an answer must repeat it.
type media struct {
	kind, proto, formats string
	port                 int
}

// Local is our side of a call: what an offer or an answer is made of.
type Local struct {
	// Address is where we receive RTP; reports come to the port after it, or to it with Mux.
	Address netip.AddrPort
	Mux     bool
	// Codecs are those that this trunk may use; their order is that of our offers. In an answer it is the
	// offer's order that counts. Opus is only ever agreed on beside one of G.711.
	Codecs []audio.Codec
	// Security is the trunk's choice, and Keys those that this call already has: an offer or answer after the
	// first one goes on with them. Nil Keys are made when they are needed.
	Security Security
	Keys     []Crypto
	// Noise says that we understand comfort noise.
	Noise bool
	// Direction is what we want: SendRecv, or SendOnly to hold the other side.
	Direction Direction
	// ID and Version are those of the o= line (RFC 8866 §5.2); see Author.
	ID, Version uint64
}

// Agreed is what both sides now do.
type Agreed struct {
	// Remote and RTCP are where to send; an invalid address is nowhere (an old-style hold).
	Remote, RTCP netip.AddrPort
	Mux          bool
	// Codec is the codec that we speak ourselves, one of G.711. SendType is its payload type in what we send, ReceiveType
	// in what we get: they only differ with a peer that numbers its own way (RFC 3264 §5.1).
	Codec                 audio.Codec
	SendType, ReceiveType uint8
	// OpusSend is the payload type under which somebody else's Opus may be passed on; HasOpus says that it may.
	OpusSend uint8
	HasOpus  bool
	// Accepts are all formats that may come in: several codecs may be agreed on, and either side may change
	// between them in any packet (RFC 3264 §7).
	Accepts []Format
	// EventSend and EventReceive are the payload types of telephone-event; HasEvent says that there are any.
	EventSend, EventReceive uint8
	HasEvent                bool
	// Noise says that comfort noise may come and go as type 13.
	Noise bool
	// Ptime is how much sound the other side wants in a packet, 20 ms when it does not say.
	Ptime time.Duration
	// Direction is ours: SendOnly is a caller on hold with music, RecvOnly one who put us on hold.
	Direction Direction
	// Held says that the other side put us on hold: it does not want to hear us, or nobody.
	Held bool
	// SRTP is nil on a plain line, else the keys of both ways.
	SRTP *SRTP
}

// SRTP are the keys of a call, one for each way (RFC 4568 §6.1).
type SRTP struct {
	Suite         Suite
	Send, Receive []byte // master key and salt, as long as the suite says
}
