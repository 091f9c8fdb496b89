package media

import (
	"time"

	"vigie/internal/phone/audio"
)

// Packet is a piece of one party's speech on its way through a room, free of the numbering of the line it
// came by. It is only valid during the call it is handed to: whoever keeps it copies Payload.
type Packet struct {
	// Codec says what Payload is; of G.711 each byte is a sample, of Noise the first says how loud a silence is.
	Codec   audio.Codec
	Payload []byte
	// Stream is another number when the numbering below starts afresh: the sender has another SSRC, began
	// again, or a player plays anew. It says nothing else.
	Stream uint32
	// Sequence and Timestamp are the sender's own (RFC 3550 §5.1): a gap in them is a gap in the sound, and a
	// gap in Timestamp alone is silence that was not sent. Timestamp counts samples at 8 kHz (48 kHz of Opus).
	Sequence  uint16
	Timestamp uint32
	// Marker is the first packet after a silence.
	Marker bool
	// At is when it came in.
	At time.Time
	// Decoder is that of the speaker's line, where she may speak Opus: see Plain.
	Decoder *Decoder

	plain *Packet
}

// Leg is one party of a call as its room sees it: a line to a telephone, a counsellor's browser, a player of
// music, a recorder. All methods may be called at any time from any goroutine.
type Leg interface {
	// ID tells the legs of a room apart; it never changes.
	ID() string
	// Speaks gives the leg the ear of its room: it calls out with each packet that its party says, from one
	// goroutine at a time. The room calls it once, when the leg is added, and with nil when it is taken out;
	// after Speaks(nil) has returned, the old out is not called any more.
	Speaks(out func(*Packet))
	// Hears says whom the leg hears from now on: the ids of the speakers, in the order in which they were
	// added to the room. A leg that can carry one voice only mixes when there are two or more.
	Hears(speakers []string)
	// Hear hands over a packet of one of those speakers. It must not wait: what cannot be sent is dropped.
	Hear(speaker string, p *Packet)
	// Quality is how the line has done so far.
	Quality() Quality
	// Close ends the leg and frees what it holds. Closing twice is closing once.
	Close() error
}

// Quality is how a line does: what was received from it, and what its other end reports of what we sent
// (RFC 3550 §6.4). Zero values are "not known".
type Quality struct {
	// Received counts packets taken, Lost those that never came, Late those that came too late to be heard,
	// Refused those that were not of this call.
	Received, Lost, Late, Refused uint64
	Sent                          uint64
	// Jitter is the interarrival jitter (RFC 3550 §6.4.1), Delay what the jitter buffer adds now.
	Jitter, Delay time.Duration
	// RemoteLost is the fraction of our packets that the other end misses (0 to 1), RemoteJitter its jitter.
	RemoteLost   float64
	RemoteJitter time.Duration
	// RoundTrip is measured by RTCP or ICE.
	RoundTrip time.Duration
	// MOS is the mean opinion score that the E-model (ITU-T G.107) estimates, 1 to 4.5.
	MOS float64
	// LastHeard is when the last packet came.
	LastHeard time.Time
}
