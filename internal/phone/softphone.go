package phone

import (
	"context"

	"github.com/google/uuid"

	"vigie/internal/fault"
	"vigie/internal/phone/media"
	"vigie/internal/phone/rtc"
)

// errNoPhone is told where this helpline has no phone.
var errNoPhone = fault.New(fault.Unavailable, "fault.phone.off")

// On says that this helpline has a phone.
func (p *Phone) On() bool { return p != nil && p.browsers != nil }

// ICEServers are what a browser may use to find its way to us.
func (p *Phone) ICEServers() []rtc.ICEServer {
	if !p.On() {
		return nil
	}
	return p.browsers.ICEServers()
}

// Offer answers a browser's offer (SDP, RFC 8829) on the node that holds the call it is for; node "" is this one.
// The same peer again is an ICE restart. It returns fault.Invalid "fault.phone.offer" for what is no offer.
func (p *Phone) Offer(ctx context.Context, staffID, node, peerID, sdp string) (answer string, err error) {
	if !p.On() {
		return "", errNoPhone
	}
	if !isID(peerID) { // it names a leg in the room of a call, where the music and the recording have names of their own
		return "", fault.New(fault.Invalid, "fault.phone.offer")
	}
	r, err := p.at(ctx, node, ask{Op: "offer", Staff: staffID, Peer: peerID, SDP: sdp})
	return r.SDP, err
}

// isID says that a text is an id as we and the browsers make them.
func isID(text string) bool {
	u, err := uuid.Parse(text)
	return err == nil && u.String() == text
}

// Candidates are the ways to a browser, as it finds them.
func (p *Phone) Candidates(ctx context.Context, staffID, node, peerID string, candidates []string) error {
	if !p.On() {
		return errNoPhone
	}
	_, err := p.at(ctx, node, ask{Op: "candidates", Staff: staffID, Peer: peerID, Candidates: candidates})
	return err
}

// Leave is a browser that goes.
func (p *Phone) Leave(ctx context.Context, staffID, node, peerID string) error {
	if !p.On() {
		return errNoPhone
	}
	_, err := p.at(ctx, node, ask{Op: "leave", Staff: staffID, Peer: peerID})
	return err
}

// Test has a counsellor hear herself a second later, so that she knows before a child rings that she is heard.
func (p *Phone) Test(ctx context.Context, staffID, node, peerID string) error {
	if !p.On() {
		return errNoPhone
	}
	_, err := p.at(ctx, node, ask{Op: "test", Staff: staffID, Peer: peerID})
	return err
}

// echo plays a browser back to itself until it leaves or is needed for a call.
func (p *Phone) echo(peerID, staffID string) error {
	peer, ok := p.browsers.Peer(peerID)
	if !ok || peer.StaffID() != staffID {
		return fault.New(fault.Gone, "fault.phone.no_peer")
	}
	return p.tests.run(p.running, peer, p.sounds.get("test_call", p.lang))
}

var _ media.Leg = (*rtc.Peer)(nil)
