package phone_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
)

// written is an outside telephone whose every word is the test's: it answers an INVITE, and gives back what it is told.
type written struct {
	conn   *net.UDPConn
	invite chan map[string]string // the headers of what it answered
	told   chan string            // the first lines of answers
}

func write(t *testing.T) *written {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &written{conn: conn, invite: make(chan map[string]string, 1), told: make(chan string, 16)}
	go s.reads()
	return s
}

func (s *written) at() string { return s.conn.LocalAddr().String() }

func (s *written) reads() {
	buffer := make([]byte, 65535)
	for {
		n, from, err := s.conn.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		lines := strings.Split(string(buffer[:n]), "\r\n")
		head := map[string]string{"source": from.String()}
		for _, line := range lines[1:] {
			if name, value, ok := strings.Cut(line, ": "); ok && head[name] == "" {
				head[name] = value
			}
		}
		switch method, _, _ := strings.Cut(lines[0], " "); method {
		case "INVITE", "BYE":
			body, kind := "", ""
			if method == "INVITE" {
				head["To"] += ";tag=theirs"
				kind = "Content-Type: application/sdp\r\n"
				body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
				select {
				case s.invite <- head:
				default: // said again
				}
			}
			_, _ = s.conn.WriteToUDP(fmt.Appendf(nil, "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s>\r\n%sContent-Length: %d\r\n\r\n%s",
				head["Via"], head["From"], head["To"], head["Call-ID"], head["CSeq"], s.at(), kind, len(body), body), from)
		case "SIP/2.0":
			s.told <- lines[0]
		}
	}
}

// refers asks to have the call passed on to a number.
func (s *written) refers(t *testing.T, in map[string]string, seq int, to string) string {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", in["source"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.WriteToUDP(fmt.Appendf(nil, "REFER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d REFER\r\n"+
		"Contact: <sip:%s>\r\nRefer-To: <%s>\r\nContent-Length: 0\r\n\r\n", in["source"], s.at(), seq, in["To"], in["From"], in["Call-ID"], seq, s.at(), to), at); err != nil {
		t.Fatal(err)
	}
	select {
	case told := <-s.told:
		return told
	case <-time.After(8 * time.Second):
		t.Fatal("it was told nothing")
		return ""
	}
}

// Nobody outside puts one call in the place of another, be it one of ours or not: two callers would be joined who do not
// know of one another.
func TestNobodyOutsideJoinsTwoCalls(t *testing.T) {
	t.Parallel()
	outside := write(t)
	w := newRecord(t).node(setting{proxy: outside.at()})
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.Together))
	in := <-outside.invite
	w.sees(id, "the 119 is in the call", func(v phone.View) bool { return v.ThirdUp })
	_, ours, _ := strings.Cut(in["From"], ";tag=")
	for i, replaces := range []string{"other%40place%3Bto-tag%3Da%3Bfrom-tag%3Db", in["Call-ID"] + "%3Bto-tag%3D" + ours + "%3Bfrom-tag%3Dtheirs"} {
		if told := outside.refers(t, in, 10+i, "sip:17@127.0.0.1?Replaces="+replaces); !strings.HasPrefix(told, "SIP/2.0 603") {
			t.Errorf("it was told %q, want 603", told)
		}
	}
	if n := w.trunk.Refused(trunk.TollFraud); n != 0 {
		t.Errorf("%d were counted as numbers that cost", n)
	}
	must(t, "the caller", r.heard.last, anneTone)
	if v := w.sees(id, "the call goes on", func(v phone.View) bool { return v.State == phone.Talking }); v.Third != "119" || v.Coming != "" {
		t.Errorf("the call is %+v", v)
	}
	// The same without is taken.
	if told := outside.refers(t, in, 20, "sip:17@127.0.0.1"); !strings.HasPrefix(told, "SIP/2.0 202") {
		t.Errorf("it was told %q, want 202", told)
	}
}
