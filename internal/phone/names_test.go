package phone_test

import (
	"testing"

	"github.com/pion/webrtc/v4"
)

// A browser's id is a name in the room of a call: none can be that of the music or of the recording, and so hear what
// they hear or keep them out.
func TestABrowserHasNoOthersName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	w.ok(err)
	defer pc.Close()
	_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio)
	w.ok(err)
	offer, err := pc.CreateOffer(nil)
	w.ok(err)
	for _, id := range []string{"", "music", "recording", "tape", "echo", "0197AAAA-0000-7000-8000-00000000000A", "0197aaaa00007000800000000000000a", "*", "../x"} {
		_, err := w.phone.Offer(t.Context(), anne, "", id, offer.SDP)
		w.refused(err, "fault.phone.offer")
		if n := w.phone.BrowserCount(); n != 0 {
			t.Fatalf("%q has a line", id)
		}
	}
}

// A wish goes to a node and nowhere else, whatever stands where its name should: not to a subject of the bus, and
// nothing is written into it.
func TestAWishGoesToANodeOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var heard int
	stop, err := w.bus.Subscribe("contact.>", func(string, []byte) { heard++ })
	w.ok(err)
	defer stop()
	for _, node := range []string{"*", ">", "x.y", "x y", "\r\nPUB vigie.contact.1.state 2\r\n{}\r\n", "nobody", "../..", "$SYS"} {
		w.refused(w.phone.Leave(t.Context(), anne, node, "0197aaaa-0000-7000-8000-00000000000c"), "fault.phone.no_line")
	}
	w.ok(w.bus.Flush())
	if heard != 0 {
		t.Errorf("%d announcements were made", heard)
	}
}
