// Package mediatest has the counterparts against which the sound of calls is proven: a telephone that speaks
// RTP on a socket of its own, and a leg that says one tone and keeps what it hears.
//
// Each party has a tone of its own, and what is asked afterwards is which tones are in what a party
// received: those that must be, and those that must not.
package mediatest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"vigie/internal/phone/audio"
)

// Loudness is the amplitude at which everybody says a tone, of full scale: four at once are not too loud for
// a mix, which would bend them.
const Loudness = 0.18

// Phone is a telephone on loopback. It is written without anything of the lines it tests.
type Phone struct {
	tb    testing.TB
	conn  *net.UDPConn
	codec audio.Codec

	mu        sync.Mutex
	to        netip.AddrPort
	tone      [][]byte // what it says, packet for packet, over and over
	at        int
	talking   bool
	ssrc      uint32
	sequence  uint16
	timestamp uint32
	heard     []Heard
	slip      time.Duration
	seals     *srtp.Context
	opens     *srtp.Context
	done      chan struct{}
}

// Heard is a packet that the telephone received.
type Heard struct {
	rtp.Packet
	At   time.Time
	From netip.AddrPort
}

// Dial is a telephone that speaks a codec of G.711, or Opus and A-law, and says a tone of freq hertz and the Loudness of all, once
// it knows where to.
func Dial(tb testing.TB, codec audio.Codec, freq float64) *Phone {
	tb.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	p := &Phone{tb: tb, conn: conn, codec: codec, ssrc: uint32(freq) << 8, sequence: 65500, timestamp: 1<<32 - 9000, done: make(chan struct{})}
	p.Say(freq)
	go p.listen()
	go p.talk()
	tb.Cleanup(p.Hang)
	return p
}

// Hang ends the telephone.
func (p *Phone) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
	default:
		close(p.done)
		_ = p.conn.Close()
	}
}

// Addr is where the telephone listens.
func (p *Phone) Addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Say changes the tone; 0 is silence that is sent.
func (p *Phone) Say(freq float64) { p.SayAt(freq, Loudness) }

// SayAt changes the tone and how loud it is, 0 to 1.
func (p *Phone) SayAt(freq, amplitude float64) {
	// A second of a whole number of hertz begins again where it ended.
	var tone [][]byte
	if p.codec == audio.Opus {
		tone = opusTone(p.tb, freq, amplitude)
	} else {
		law := make([]byte, audio.Rate)
		p.codec.Encode(law, audio.Sine(freq, amplitude, time.Second))
		tone = slices.Collect(slices.Chunk(law, audio.Frame))
	}
	p.mu.Lock()
	p.tone = tone
	p.mu.Unlock()
}

// Talk makes the telephone send to this address, 50 packets a second.
func (p *Phone) Talk(to netip.AddrPort) {
	p.mu.Lock()
	p.to, p.talking = to, true
	p.mu.Unlock()
}

// Hush makes it stop sending; its time goes on.
func (p *Phone) Hush() {
	p.mu.Lock()
	p.talking = false
	p.mu.Unlock()
}

// Skip loses n packets on the way.
func (p *Phone) Skip(n uint16) {
	p.mu.Lock()
	p.sequence += n
	p.timestamp += uint32(n) * p.ticks()
	p.mu.Unlock()
}

// Restart lets its stream begin again under another SSRC, as after an exchange behind it.
func (p *Phone) Restart(ssrc uint32) {
	p.mu.Lock()
	p.ssrc, p.sequence, p.timestamp = ssrc, 7, 77
	p.mu.Unlock()
}

// Secure makes it speak SRTP from now on.
func (p *Phone) Secure(seals, opens *srtp.Context) {
	p.mu.Lock()
	p.seals, p.opens = seals, opens
	p.mu.Unlock()
}

func (p *Phone) talk() {
	start := time.Now()
	for n := time.Duration(1); ; n++ {
		select {
		case <-p.done:
			return
		case <-time.After(time.Until(start.Add(n * 20 * time.Millisecond))):
		}
		p.mu.Lock()
		p.slip = max(p.slip, time.Since(start)-n*20*time.Millisecond)
		p.timestamp += p.ticks()
		if p.talking {
			p.sequence++
			p.send(rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: uint8(p.codec), SequenceNumber: p.sequence, Timestamp: p.timestamp, SSRC: p.ssrc},
				Payload: p.tone[p.at],
			})
		}
		p.at = (p.at + 1) % len(p.tone)
		p.mu.Unlock()
	}
}

// ticks are 20 ms of its clock.
func (p *Phone) ticks() uint32 {
	if p.codec == audio.Opus {
		return 6 * audio.Frame
	}
	return audio.Frame
}

// send sends one packet. Called with mu held.
func (p *Phone) send(packet rtp.Packet) {
	b, err := packet.Marshal()
	if err == nil && p.seals != nil {
		b, err = p.seals.EncryptRTP(nil, b, nil)
	}
	if err != nil {
		p.tb.Error(err)
		return
	}
	_, _ = p.conn.WriteToUDPAddrPort(b, p.to)
}

// Throw sends bytes as they are.
func (p *Phone) Throw(to netip.AddrPort, b []byte) { _, _ = p.conn.WriteToUDPAddrPort(b, to) }

// Press presses a key as RFC 4733 does it, in the place of the tone: an event of 100 ms, of whose packets
// drop says which are lost on the way (0 is the first, the last three are ends).
func (p *Phone) Press(number, event uint8, drop func(i int) bool) {
	p.mu.Lock()
	was := p.talking
	p.talking = false
	begun := p.timestamp + audio.Frame
	p.mu.Unlock()
	for i := range 8 {
		p.mu.Lock()
		p.sequence++
		payload := []byte{event, 10, 0, 0}
		binary.BigEndian.PutUint16(payload[2:], uint16(min(i+1, 5)*audio.Frame))
		if i >= 5 {
			payload[1] |= 0x80
		}
		if drop == nil || !drop(i) {
			p.send(rtp.Packet{
				Header:  rtp.Header{Version: 2, Marker: i == 0, PayloadType: number, SequenceNumber: p.sequence, Timestamp: begun, SSRC: p.ssrc},
				Payload: payload,
			})
		}
		p.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
	p.mu.Lock()
	p.talking = was
	p.mu.Unlock()
}

func (p *Phone) listen() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		at := time.Now()
		b := buffer[:n]
		p.mu.Lock()
		if p.opens != nil {
			if b, err = p.opens.DecryptRTP(nil, b, nil); err != nil {
				p.mu.Unlock()
				continue
			}
		}
		var packet rtp.Packet
		if packet.Unmarshal(slices.Clone(b)) == nil {
			p.heard = append(p.heard, Heard{Packet: packet, At: at, From: from})
		}
		p.mu.Unlock()
	}
}

// Forget forgets what was heard so far.
func (p *Phone) Forget() {
	p.mu.Lock()
	p.heard, p.slip = nil, 0
	p.mu.Unlock()
}

// Packets are those heard since Forget, as they came.
func (p *Phone) Packets() []Heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// Sound is what was heard since Forget, laid out by its timestamps; where nothing came it is 0. Packets that
// are no speech of the telephone's codec, or of A-law where that is Opus, are left out.
func (p *Phone) Sound() []int16 {
	var sound []int16
	var last uint32
	var opus audio.OpusReader
	at, begun := 0, false
	for _, h := range p.Packets() {
		var samples []int16
		rate := uint32(1)
		switch {
		case h.PayloadType == uint8(audio.Opus) && p.codec == audio.Opus:
			samples, rate = make([]int16, 6*audio.Frame), 6
			samples = samples[:opus.Read(samples, h.Payload)]
		case h.PayloadType == uint8(p.codec), h.PayloadType == uint8(audio.PCMA) && p.codec == audio.Opus:
			samples = make([]int16, len(h.Payload))
			audio.Codec(h.PayloadType).Decode(samples, h.Payload)
		default:
			continue
		}
		if begun {
			at += int(int32(h.Timestamp-last)) / int(rate)
		}
		begun, last = true, h.Timestamp
		if at < 0 || at > 120*audio.Rate {
			continue
		}
		if need := at + len(samples); need > len(sound) {
			sound = append(sound, make([]int16, need-len(sound))...)
		}
		copy(sound[at:], samples)
	}
	return sound
}

// Slip is how late the machine woke the telephone at worst since Forget: what it may have done to the lines
// as well, and no fault of theirs.
func (p *Phone) Slip() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slip
}

// Gap is the longest time without a packet since Forget.
func (p *Phone) Gap() time.Duration {
	var longest time.Duration
	heard := p.Packets()
	for i := 1; i < len(heard); i++ {
		longest = max(longest, heard[i].At.Sub(heard[i-1].At))
	}
	return longest
}
