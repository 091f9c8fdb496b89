package rtc

import (
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// ofFirefox has the shape of an offer of Firefox, written from its documentation because the tests run in Chromium
// only: the print of the certificate for the whole session, and later lines of the bundle with port 0.
const ofFirefox = "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 1 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 " + someHash + "\r\na=group:BUNDLE 0 1\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\na=fmtp:101 0-15\r\na=ice-pwd:0123456789abcdef0123456789abcdef\r\na=ice-ufrag:abcd1234\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000/1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=setup:actpass\r\na=ssrc:1 cname:{x}\r\n" +
	"m=audio 0 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\na=bundle-only\r\na=recvonly\r\na=ice-pwd:0123456789abcdef0123456789abcdef\r\na=ice-ufrag:abcd1234\r\na=mid:1\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000/1\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=setup:actpass\r\n"

const someHash = "AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA"

func TestAnOfferWithEveryLineInOneBundleIsAnsweredLineByLine(t *testing.T) {
	offer := strings.ReplaceAll(ofFirefox, "a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0 1 2\r\n") + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=sendrecv\r\n"
	o, err := readOffer(offer)
	if err != nil {
		t.Fatal(err)
	}
	answer, tracks := o.answer(answering{ufrag: "ours", pwd: "ourpassword", print: someHash, candidates: []string{"1 1 udp 1 192.0.2.1 8019 typ host"}, ssrcs: [Tracks]uint32{11, 12, 13, 14}})
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		t.Fatal(err)
	}
	if tracks != 2 || len(d.MediaDescriptions) != 3 {
		t.Fatalf("%d tracks on %d lines", tracks, len(d.MediaDescriptions))
	}
	for i, want := range []struct {
		way, formats string
		port         int
	}{{"sendrecv", "8 0 109 101", 9}, {"sendonly", "8 0 109 101", 9}, {"inactive", "96", 0}} {
		m := d.MediaDescriptions[i]
		if _, ok := m.Attribute(want.way); !ok || strings.Join(m.MediaName.Formats, " ") != want.formats || m.MediaName.Port.Value != want.port {
			t.Errorf("line %d is answered with %v %v, not %+v", i, m.MediaName, m.Attributes, want)
		}
	}
	if group, _ := d.Attribute("group"); group != "BUNDLE 0 1" {
		t.Errorf("what was refused is in the bundle: %q", group)
	}
	for _, never := range []string{"CN/8000", "G722", "extmap", "rtcp-fb"} {
		if strings.Contains(answer, never) {
			t.Errorf("the answer has %s", never)
		}
	}
}

// A browser that asks for Opus gets it before G.711, on each line; whether the order is followed shows a real one.
func TestABrowserThatAsksForOpusGetsItFirst(t *testing.T) {
	o, err := readOffer(strings.Replace(ofFirefox, "t=0 0\r\n", "t=0 0\r\na=vigie-again\r\na=vigie-opus\r\n", 1))
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := o.answer(answering{ufrag: "ours", pwd: "ourpassword", print: someHash})
	if strings.Count(answer, "RTP/SAVPF 109 8 0 101\r\n") != 2 {
		t.Errorf("the answer is\n%s", answer)
	}
}

func FuzzWhateverIsOfferedIsRefusedOrAnsweredLineByLine(f *testing.F) {
	f.Add(ofFirefox)
	f.Add(strings.ReplaceAll(ofFirefox, "\r\n", "\n"))
	f.Add(strings.ReplaceAll(ofFirefox, "a=sendrecv", "a=inactive"))
	f.Add(ofFirefox + ofFirefox)
	f.Add("v= o= 0 0 IN\ns=\nt=\na=fingerprint:0 0\na=group:BUNDLE 3\n\rm=audio 1 TLS/RTP/SAVPF 0 \na=mid:3\na=ice-ufrag:0000\na=ice-pwd:0000000000000000000000\na=rtcp-mux\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readOffer(text)
		if err != nil {
			return
		}
		answer, tracks := o.answer(answering{ufrag: "ours", pwd: "ourpassword", print: someHash})
		var d sdp.SessionDescription
		if err := d.UnmarshalString(answer); err != nil {
			t.Fatalf("the answer is not SDP: %v\n%q\n%q", err, text, answer)
		}
		if len(d.MediaDescriptions) != len(o.lines) || tracks > Tracks {
			t.Errorf("%d lines and %d tracks for %d lines offered:\n%q\n%q", len(d.MediaDescriptions), tracks, len(o.lines), text, answer)
		}
	})
}
