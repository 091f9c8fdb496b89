package media

import "vigie/internal/phone/audio"

// Decoder makes G.711 of what one speaker says in Opus, for those of the room who cannot take Opus: once a
// packet, whoever asks. It belongs to the line that the speech comes in by; the zero value is ready.
type Decoder struct {
	reader  audio.OpusReader
	stream  uint32
	last    uint32
	time    uint32
	packet  Packet
	samples [mostLaw]int16
	law     [mostLaw]byte
}

// Plain is the packet as G.711 or comfort noise: itself, or what its Decoder makes of it; nil where there is none.
// It is only valid for as long as the packet is.
func (p *Packet) Plain() *Packet {
	switch {
	case p.Codec != audio.Opus:
		return p
	case p.plain == nil && p.Decoder != nil:
		p.plain = p.Decoder.decode(p)
	}
	return p.plain
}

// decode makes a packet of a numbering of its own, so that nobody takes it for the one that its speaker has in
// another codec.
func (d *Decoder) decode(p *Packet) *Packet {
	n := d.reader.Read(d.samples[:], p.Payload)
	if n == 0 {
		return nil
	}
	if d.stream == p.Stream {
		d.time += uint32(int32(p.Timestamp-d.last) / 6) // 48 kHz in 8
	}
	d.stream, d.last = p.Stream, p.Timestamp
	d.packet = Packet{
		Codec: audio.PCMA, Payload: d.law[:audio.PCMA.Encode(d.law[:], d.samples[:n])], Stream: ^p.Stream,
		Sequence: p.Sequence, Timestamp: d.time, Marker: p.Marker, At: p.At,
	}
	return &d.packet
}
