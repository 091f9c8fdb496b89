package phone_test

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
)

// vanishing is the address of a telephone that answers whoever rings it, and is gone at once, without a word.
func vanishing(t *testing.T) string {
	t.Helper()
	line, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close() })
	headers := regexp.MustCompile(`(?m)^(Via|From|Call-ID|CSeq):.*\r\n`)
	to := regexp.MustCompile(`(?m)^To:.*?\r\n`)
	go func() {
		b := make([]byte, 8192)
		answered := false
		for {
			n, from, err := line.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			asked := string(b[:n])
			if answered || !strings.HasPrefix(asked, "INVITE ") {
				continue
			}
			answered = true
			body := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
			answer := "SIP/2.0 200 OK\r\n" + strings.Join(headers.FindAllString(asked, -1), "") + strings.TrimSuffix(to.FindString(asked), "\r\n") + ";tag=gone\r\n" +
				fmt.Sprintf("Contact: <sip:%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", line.LocalAddr(), len(body), body)
			_, _ = line.WriteToUDPAddrPort([]byte(answer), from)
		}
	}()
	return line.LocalAddr().String()
}

// An outside telephone that is gone without a word is noticed: the counsellor is told, and a caller who was left with it
// does not sit in silence.
func TestAnOutsideTelephoneThatVanishes(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]phone.How{"in a conference": phone.Together, "with the caller alone": phone.Straight} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRecord(t).node(setting{first: before(vanishing(t))})
			w.works(anne)
			at := w.opens(anne, anneTone)
			r := w.rings(skip)
			id := w.answers(anne, at)
			w.ok(w.phone.Invite(t.Context(), anne, id, "119", how))
			if how == phone.Straight {
				select {
				case <-r.over:
				case <-time.After(80 * time.Second):
					t.Fatal("the caller sits in silence")
				}
				if end := w.outcome(); end != phone.BySilence {
					t.Errorf("the call ended by %q", end)
				}
				return
			}
			w.sees(id, "the 119 is there", func(v phone.View) bool { return v.ThirdUp })
			deadline := time.Now().Add(80 * time.Second)
			for v, ok, _ := w.phone.View(t.Context(), id); !ok || v.Third != ""; v, ok, _ = w.phone.View(t.Context(), id) {
				if time.Now().After(deadline) {
					t.Fatalf("nobody noticed: %+v", v)
				}
				time.Sleep(200 * time.Millisecond)
			}
			w.sees(id, "why it is not there any more", func(v phone.View) bool { return v.Failed == phone.BySilence })
			must(t, "the caller", r.heard.last, anneTone)
		})
	}
}

// A caller whose own telephone puts us on hold is not a bad line, and comes back to whom she talked with.
func TestACallerWhoPutsUsOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	hers, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Media: phone.Lines(phone.LineOptions{Address: netip.MustParseAddr("127.0.0.1")}),
		Trunks: []trunk.Trunk{{Name: "home", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Proxy: "sip:" + w.trunk.Addr("udp").String(), Plan: trunk.Plan{Numbers: []string{"3018"}}}}})
	w.ok(err)
	t.Cleanup(func() { hers.Close() })
	c, err := hers.Dial(t.Context(), trunk.Dial{Trunk: "home", To: "3018"})
	w.ok(err)
	b := speaks(c, childTone)
	phone.LineOf(c).SendDigits("5") //nolint:errcheck // it ends the greeting
	id := w.answers(anne, at)
	must(t, "the caller", b.last, anneTone)
	w.ok(c.Hold(t.Context(), true))
	w.sees(id, "her telephone has us wait", func(v phone.View) bool { return v.Away })
	time.Sleep(5 * time.Second) // longer than a line is silent before it is called bad
	if v, _, err := w.phone.View(t.Context(), id); err != nil || v.Bad() || !v.Away {
		t.Errorf("the line is %+v (%v)", v, err)
	}
	w.ok(c.Hold(t.Context(), false))
	w.sees(id, "she is back", func(v phone.View) bool { return !v.Away })
	must(t, "the caller again", b.last, anneTone)
	must(t, "the counsellor", at.last, childTone)
}
