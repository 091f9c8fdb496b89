package sdp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
)

// head is a description's head, of a side at 192.0.2.1.
const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

var ours = sdp.Local{Address: netip.MustParseAddrPort("198.51.100.7:40000"), Codecs: []audio.Codec{audio.PCMA, audio.PCMU}, Noise: true, ID: 7, Version: 3}

// answered parses an offer and answers it.
func answered(t *testing.T, offer string, local sdp.Local) (string, sdp.Agreed) {
	t.Helper()
	s, err := sdp.Parse([]byte(offer))
	if err != nil {
		t.Fatalf("%v in %q", err, offer)
	}
	answer, agreed, err := sdp.Answer(s, local)
	if err != nil {
		t.Fatalf("%v for %q", err, offer)
	}
	return string(answer), agreed
}

// What telephone networks offer is read, however they write it.
func TestOffersAreRead(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, test := range []struct {
		name, text string
		remote     netip.AddrPort
		rtcp       netip.AddrPort
		formats    []sdp.Format
		event      int // -1 for none
		direction  sdp.Direction
	}{
		{"static types need no names", head + "m=audio 5000 RTP/AVP 8 0\r\n", at("192.0.2.1:5000"), at("192.0.2.1:5001"),
			[]sdp.Format{{8, audio.PCMA}, {0, audio.PCMU}}, -1, sdp.SendRecv},
		{"lines ended by LF, names in small letters, numbers of their own", strings.ReplaceAll(head, "\r", "") + "m=audio 5000 RTP/AVP 97 98 100\na=rtpmap:97 pcma/8000\na=rtpmap:98 Opus/48000/2\na=rtpmap:100 Telephone-Event/8000\n",
			at("192.0.2.1:5000"), at("192.0.2.1:5001"), []sdp.Format{{97, audio.PCMA}, {98, audio.Opus}}, 100, sdp.SendRecv},
		{"the stream's own address", head + "m=audio 5000/2 RTP/AVP 0\r\nc=IN IP4 203.0.113.9/127\r\na=rtcp:6001\r\n", at("203.0.113.9:5000"), at("203.0.113.9:6001"),
			[]sdp.Format{{0, audio.PCMU}}, -1, sdp.SendRecv},
		{"reports to another address", head + "m=audio 5000 RTP/AVP 0\r\na=rtcp:6001 IN IP4 203.0.113.8\r\na=recvonly\r\n", at("192.0.2.1:5000"), at("203.0.113.8:6001"),
			[]sdp.Format{{0, audio.PCMU}}, -1, sdp.RecvOnly},
		{"IPv6", "v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n", at("[2001:db8::1]:5000"), at("[2001:db8::1]:5001"),
			[]sdp.Format{{0, audio.PCMU}}, -1, sdp.SendRecv},
		{"hold, said for the whole session", head + "a=sendonly\r\nm=audio 5000 RTP/AVP 0\r\n", at("192.0.2.1:5000"), at("192.0.2.1:5001"), []sdp.Format{{0, audio.PCMU}}, -1, sdp.SendOnly},
		{"hold as before RFC 3264", strings.Replace(head, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1) + "m=audio 5000 RTP/AVP 0\r\n", at("0.0.0.0:5000"), at("0.0.0.0:5001"),
			[]sdp.Format{{0, audio.PCMU}}, -1, sdp.SendOnly},
		{"telephone-event at another rate is not ours", head + "m=audio 5000 RTP/AVP 0 101 102\r\na=rtpmap:101 telephone-event/48000\r\na=rtpmap:102 telephone-event/8000\r\na=fmtp:102 0-11\r\n",
			at("192.0.2.1:5000"), at("192.0.2.1:5001"), []sdp.Format{{0, audio.PCMU}}, 102, sdp.SendRecv},
		{"a switched-off stream before the one", head + "m=audio 0 RTP/AVP 0\r\nm=image 5004 udptl t38\r\nm=audio 5000 RTP/AVP 8\r\n", at("192.0.2.1:5000"), at("192.0.2.1:5001"),
			[]sdp.Format{{8, audio.PCMA}}, -1, sdp.SendRecv},
		{"a name that a static type does not have", head + "m=audio 5000 RTP/AVP 0 18\r\na=rtpmap:0 G729/8000\r\n", at("192.0.2.1:5000"), at("192.0.2.1:5001"), nil, -1, sdp.SendRecv},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := sdp.Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if s.Remote != test.remote || s.RTCP != test.rtcp || s.Direction != test.direction {
				t.Errorf("read %v, reports to %v, %v", s.Remote, s.RTCP, s.Direction)
			}
			if !reflect.DeepEqual(s.Formats, test.formats) {
				t.Errorf("formats are %v, want %v", s.Formats, test.formats)
			}
			if s.HasEvent != (test.event >= 0) || s.HasEvent && int(s.Event) != test.event {
				t.Errorf("telephone-event is %v (%v), want %d", s.Event, s.HasEvent, test.event)
			}
		})
	}
}

// What is no description of a call is refused for what it is.
func TestBadDescriptionsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"nothing":               {"", sdp.ErrMalformed},
		"something else":        {"<xml/>", sdp.ErrMalformed},
		"no version":            {"o=- 1 1 IN IP4 192.0.2.1\r\n", sdp.ErrMalformed},
		"another version":       {"v=1\r\n", sdp.ErrMalformed},
		"a stream cut off":      {head + "m=audio\r\n", sdp.ErrMalformed},
		"a port that is none":   {head + "m=audio 70000 RTP/AVP 0\r\n", sdp.ErrMalformed},
		"no stream":             {head, sdp.ErrNoAudio},
		"only pictures":         {head + "m=video 5000 RTP/AVP 31\r\n", sdp.ErrNoAudio},
		"switched off":          {head + "m=audio 0 RTP/AVP 0\r\n", sdp.ErrNoAudio},
		"another profile":       {head + "m=audio 5000 UDP/TLS/RTP/SAVPF 0\r\n", sdp.ErrNoAudio},
		"no address":            {"v=0\r\nm=audio 5000 RTP/AVP 0\r\n", sdp.ErrNoAddress},
		"a name for an address": {"v=0\r\nc=IN IP4 phone.example.com\r\nm=audio 5000 RTP/AVP 0\r\n", sdp.ErrNoAddress},
		"a group of listeners":  {"v=0\r\nc=IN IP4 224.2.1.1/127\r\nm=audio 5000 RTP/AVP 0\r\n", sdp.ErrNoAddress},
		"too many streams":      {head + strings.Repeat("m=audio 5000 RTP/AVP 0\r\n", 17), sdp.ErrMalformed},
		"too long":              {head + strings.Repeat("a=x\r\n", 5000), sdp.ErrMalformed},
	} {
		if _, err := sdp.Parse([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// An answer has one codec, the first of the offer that is ours, with the offer's own numbers, and refuses every other
// stream in its place.
func TestAnswerTakesTheOfferersChoice(t *testing.T) {
	text, agreed := answered(t, head+"m=video 5002 RTP/AVP 31 32\r\nm=audio 5000 RTP/AVP 18 0 8 13 96\r\na=rtpmap:96 TELEPHONE-EVENT/8000\r\na=fmtp:96 0-15,66\r\na=ptime:30\r\nm=image 5004 udptl t38\r\n", ours)
	want := "v=0\r\no=- 7 3 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=video 0 RTP/AVP 31\r\nm=audio 40000 RTP/AVP 0 13 96\r\n" +
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\na=ptime:20\r\na=sendrecv\r\nm=image 0 udptl t38\r\n"
	if text != want {
		t.Errorf("answered\n%s\nwant\n%s", text, want)
	}
	if agreed.Codec != audio.PCMU || agreed.EventSend != 96 || agreed.EventReceive != 96 || !agreed.Noise || agreed.Ptime != 30*time.Millisecond ||
		agreed.Remote != netip.MustParseAddrPort("192.0.2.1:5000") || agreed.Held || agreed.SRTP != nil {
		t.Errorf("agreed on %+v", agreed)
	}
	_, agreed = answered(t, head+"m=audio 5000 RTP/AVP 8 0\r\n", ours)
	if agreed.Codec != audio.PCMA || agreed.HasEvent || agreed.Noise || agreed.Ptime != 20*time.Millisecond {
		t.Errorf("agreed on %+v", agreed)
	}
	s, _ := sdp.Parse([]byte(head + "m=audio 5000 RTP/AVP 18\r\n"))
	if _, _, err := sdp.Answer(s, ours); !errors.Is(err, sdp.ErrNoCommonCodec) {
		t.Errorf("G.729 alone: %v", err)
	}
}

// Each direction that may be offered, met by each that we may want (RFC 3264 §6.1).
func TestDirectionsMeet(t *testing.T) {
	all := []sdp.Direction{sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive}
	want := map[sdp.Direction][]sdp.Direction{
		//            we want: sendrecv, sendonly, recvonly, inactive
		sdp.SendRecv: {sdp.SendRecv, sdp.SendOnly, sdp.RecvOnly, sdp.Inactive},
		sdp.SendOnly: {sdp.RecvOnly, sdp.Inactive, sdp.RecvOnly, sdp.Inactive},
		sdp.RecvOnly: {sdp.SendOnly, sdp.SendOnly, sdp.Inactive, sdp.Inactive},
		sdp.Inactive: {sdp.Inactive, sdp.Inactive, sdp.Inactive, sdp.Inactive},
	}
	for offered, answers := range want {
		for i, ours := range all {
			if got := sdp.Meet(offered, ours); got != answers[i] {
				t.Errorf("%v offered and %v wanted: %v, want %v", offered, ours, got, answers[i])
			}
		}
	}
}

// What one side offers, the other one answers, and both agree on the same: for each choice of codecs and security.
func TestBothSidesAgree(t *testing.T) {
	theirs := sdp.Local{Address: netip.MustParseAddrPort("[2001:db8::2]:30000"), Noise: true, Mux: true}
	for name, test := range map[string]struct {
		offered, answered []audio.Codec
		security          sdp.Security
		want              audio.Codec
	}{
		"the offerer's order":  {[]audio.Codec{audio.PCMU, audio.PCMA}, []audio.Codec{audio.PCMA, audio.PCMU}, sdp.Off, audio.PCMU},
		"the only common one":  {[]audio.Codec{audio.Opus, audio.PCMA}, []audio.Codec{audio.PCMU, audio.PCMA}, sdp.Off, audio.PCMA},
		"Opus beside it":       {[]audio.Codec{audio.Opus, audio.PCMA}, []audio.Codec{audio.PCMU, audio.PCMA, audio.Opus}, sdp.Off, audio.PCMA},
		"with SRTP":            {[]audio.Codec{audio.PCMA}, []audio.Codec{audio.PCMA}, sdp.Required, audio.PCMA},
		"with SRTP if they do": {[]audio.Codec{audio.PCMA}, []audio.Codec{audio.PCMA}, sdp.Allowed, audio.PCMA},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := ours, theirs
			a.Codecs, b.Codecs, a.Security, b.Security, a.Mux = test.offered, test.answered, test.security, test.security, true
			offer, keys := sdp.Offer(a)
			a.Keys = keys
			parsed, err := sdp.Parse(offer)
			if err != nil {
				t.Fatal(err)
			}
			answer, atB, err := sdp.Answer(parsed, b)
			if err != nil {
				t.Fatal(err)
			}
			atA, err := sdp.Accept(a, answer)
			if err != nil {
				t.Fatalf("%v for\n%s", err, answer)
			}
			if atA.Codec != test.want || atB.Codec != test.want || atA.EventSend != atB.EventReceive || atA.EventReceive != atB.EventSend || !atA.HasEvent {
				t.Errorf("agreed on %+v and %+v", atA, atB)
			}
			opus := slices.Contains(test.offered, audio.Opus) && slices.Contains(test.answered, audio.Opus)
			if atA.HasOpus != opus || atB.HasOpus != opus || opus && (len(atA.Accepts) != 2 || len(atB.Accepts) != 2 || atA.OpusSend != atB.OpusSend) {
				t.Errorf("of Opus agreed on %+v and %+v", atA, atB)
			}
			if atA.Remote != theirs.Address || atB.Remote != ours.Address || !atA.Mux || atA.RTCP != atA.Remote || atB.RTCP != atB.Remote {
				t.Errorf("sends to %v (%v) and %v (%v)", atA.Remote, atA.RTCP, atB.Remote, atB.RTCP)
			}
			if (test.security == sdp.Required) != (atA.SRTP != nil) {
				t.Fatalf("SRTP is %+v", atA.SRTP)
			}
			if atA.SRTP != nil && (atA.SRTP.Suite != sdp.AES256GCM || !bytes.Equal(atA.SRTP.Send, atB.SRTP.Receive) || !bytes.Equal(atA.SRTP.Receive, atB.SRTP.Send) ||
				bytes.Equal(atA.SRTP.Send, atA.SRTP.Receive) || len(atA.SRTP.Send) != 44) {
				t.Errorf("keys %+v and %+v", atA.SRTP, atB.SRTP)
			}
		})
	}
}

// The keys of RFC 4568 are read to the letter: a line that we could not follow is as if it were not there.
func TestCryptoLines(t *testing.T) {
	const key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" // RFC 4568 §6.1
	secure := func(lines string) string { return head + "m=audio 5000 RTP/SAVP 8\r\n" + lines }
	local := ours
	local.Security = sdp.Allowed
	for name, test := range map[string]struct {
		lines string
		suite sdp.Suite // "" is refused
	}{
		"plain":                      {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20\r\n", sdp.AES128SHA80},
		"small letters, no lifetime": {"a=CRYPTO:3 aes_cm_128_hmac_sha1_32 INLINE:" + key + "\r\n", sdp.AES128SHA32},
		"the second line is ours":    {"a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + key + "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n", sdp.AES128SHA80},
		"a master key index":         {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:4\r\n", ""},
		"two keys":                   {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key + "\r\n", ""},
		"not encrypted":              {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP\r\n", ""},
		"too short a key":            {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkg\r\n", ""},
		"a key that is none":         {"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%%%\r\n", ""},
		"none at all":                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := sdp.Parse([]byte(secure(test.lines)))
			if err != nil {
				t.Fatal(err)
			}
			answer, agreed, err := sdp.Answer(s, local)
			if test.suite == "" {
				if !errors.Is(err, sdp.ErrSecurity) {
					t.Errorf("%v for %q", err, test.lines)
				}
				return
			}
			if err != nil || agreed.SRTP.Suite != test.suite || len(agreed.SRTP.Receive) != 30 || strings.Contains(string(answer), key) {
				t.Errorf("%v: %+v\n%s", err, agreed.SRTP, answer)
			}
		})
	}
	s, _ := sdp.Parse([]byte(secure("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n")))
	if _, _, err := sdp.Answer(s, ours); !errors.Is(err, sdp.ErrSecurity) {
		t.Errorf("SRTP on a trunk that has it switched off: %v", err)
	}
	local.Security = sdp.Required
	s, _ = sdp.Parse([]byte(head + "m=audio 5000 RTP/AVP 8\r\n"))
	if _, _, err := sdp.Answer(s, local); !errors.Is(err, sdp.ErrSecurity) {
		t.Errorf("plain RTP on a trunk that requires SRTP: %v", err)
	}
}

// An answer that does not answer what we offered is not taken.
func TestAnswersThatDoNotFit(t *testing.T) {
	offer := ours
	secured := ours
	secured.Security = sdp.Required
	_, secured.Keys = sdp.Offer(secured)
	for name, test := range map[string]struct {
		local sdp.Local
		text  string
		want  error
	}{
		"refused":               {offer, head + "m=audio 0 RTP/AVP 8\r\n", sdp.ErrNoAudio},
		"another stream first":  {offer, head + "m=video 0 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 8\r\n", sdp.ErrMalformed},
		"a codec not offered":   {offer, head + "m=audio 5000 RTP/AVP 18\r\n", sdp.ErrNoCommonCodec},
		"nothing":               {offer, "", sdp.ErrMalformed},
		"plain instead of SRTP": {secured, head + "m=audio 5000 RTP/AVP 8\r\n", sdp.ErrSecurity},
		"SRTP instead of plain": {offer, head + "m=audio 5000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n", sdp.ErrSecurity},
		"another tag":           {secured, head + "m=audio 5000 RTP/SAVP 8\r\na=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n", sdp.ErrSecurity},
	} {
		if _, err := sdp.Accept(test.local, []byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// The version of a description grows by one when something changed, and only then.
func TestVersionsGrowWithChanges(t *testing.T) {
	author := sdp.NewAuthor()
	write := func(d sdp.Direction) (version uint64) {
		author.Write(func(id, v uint64) ([]byte, error) {
			local := ours
			local.ID, local.Version, local.Direction = id, v, d
			text, _ := sdp.Offer(local)
			version = v
			return text, nil
		})
		return version
	}
	var got []uint64
	for _, d := range []sdp.Direction{sdp.SendRecv, sdp.SendRecv, sdp.SendOnly, sdp.SendOnly, sdp.SendRecv} {
		got = append(got, write(d))
	}
	if want := []uint64{1, 1, 2, 2, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("versions are %v, want %v", got, want)
	}
}

// Nothing that can be sent makes reading fail otherwise than by an error, and what is answered can be read.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{head + "m=audio 5000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
		head + "m=audio 5000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20\r\n",
		head + "m=video 5002 RTP/AVP 31\r\nm=audio 5000 RTP/AVP 0\r\na=rtcp:5003 IN IP6 2001:db8::1\r\na=inactive\r\n", "v=0\nm=audio 1 RTP/AVP 0\nc=IN IP4 0.0.0.0"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := sdp.Parse(text)
		local := ours
		local.Security = sdp.Allowed
		local.Codecs = append(local.Codecs, audio.Opus)
		sdp.Accept(local, text)
		if err != nil {
			return
		}
		answer, agreed, err := sdp.Answer(s, local)
		if err != nil {
			return
		}
		again, err := sdp.Parse(answer)
		if err != nil || len(again.Formats) == 0 || len(again.Formats) > 2 || !slices.Contains(again.Formats, sdp.Format{Type: agreed.ReceiveType, Codec: agreed.Codec}) ||
			len(again.Formats) == 2 != agreed.HasOpus || again.Direction != agreed.Direction {
			t.Errorf("our own answer is read as %+v (%v):\n%s", again, err, answer)
		}
	})
}
