// Package trunkline joins the sound of a call to its signalling: a media.Line that is configured by what was
// agreed in SDP. It is apart so that phone/trunk knows nothing of RTP and phone/media nothing of SDP.
package trunkline

import (
	"net/netip"
	"sync"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// Line is the line of one call of a trunk.
type Line struct {
	*media.Line
	peers []netip.Prefix

	mu   sync.Mutex
	last media.Remote
}

// Open opens the line of a call; the other end may be found within the trunk's MediaPeers. Errors: those of
// media.Open.
func Open(t trunk.Trunk, o media.Options) (*Line, error) {
	l, err := media.Open(o)
	if err != nil {
		return nil, err
	}
	return &Line{Line: l, peers: t.MediaPeers}, nil
}

// Configure says what was agreed. Errors: those of media.Line.Configure.
func (l *Line) Configure(a sdp.Agreed) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := remoteOf(a)
	r.Latch = l.peers
	if !a.Remote.IsValid() {
		// Held by the address 0.0.0.0 (RFC 3264 §8.4): where the other end was, but nothing is sent.
		r.RTP, r.RTCP = l.last.RTP, l.last.RTCP
	}
	if err := l.Line.Configure(r); err != nil {
		return err
	}
	l.last = r
	return nil
}

// remoteOf is what was agreed in the words of the line.
func remoteOf(a sdp.Agreed) media.Remote {
	r := media.Remote{
		RTP: a.Remote, RTCP: a.RTCP, Mux: a.Mux, Codec: a.Codec, PayloadType: a.SendType, Ptime: ptime(a.Ptime),
		Direction: map[sdp.Direction]media.Direction{
			sdp.SendRecv: media.Both, sdp.SendOnly: media.SendOnly, sdp.RecvOnly: media.ReceiveOnly, sdp.Inactive: media.Inactive,
		}[a.Direction],
		Accepts: map[uint8]audio.Codec{a.ReceiveType: a.Codec},
	}
	if a.HasOpus {
		r.Opus = a.OpusSend
	}
	for _, f := range a.Accepts {
		r.Accepts[f.Type] = f.Codec
	}
	if a.HasEvent {
		r.Events, r.AcceptsEvents = a.EventSend, a.EventReceive
	}
	if a.Noise {
		r.Noise = uint8(media.Noise)
	}
	if a.SRTP != nil {
		r.Sends = &media.Keys{Suite: string(a.SRTP.Suite), Master: a.SRTP.Send}
		r.Receives = &media.Keys{Suite: string(a.SRTP.Suite), Master: a.SRTP.Receive}
	}
	return r
}

// ptime is a wish that a line can grant: whole tens of milliseconds, 10 to 60.
func ptime(wanted time.Duration) time.Duration {
	return min(max(wanted.Truncate(10*time.Millisecond), 10*time.Millisecond), 60*time.Millisecond)
}
