package phone_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/phone/trunk"
	"vigie/internal/store"
)

// deaf is a telephone that calls, and whose network is gone as soon as the call is up: it answers nothing any more. It
// returns the way by which its sound would come.
func (w *world) deaf() net.Conn {
	w.t.Helper()
	own, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	w.ok(err)
	port := own.LocalAddr().(*net.UDPAddr).Port
	w.ok(own.Close())
	line, err := net.Dial("udp", w.trunk.Addr("udp").String())
	w.ok(err)
	w.t.Cleanup(func() { line.Close() })
	at := line.LocalAddr().String()
	body := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n", port)
	send := func(method, toTag, more string) {
		_, err := fmt.Fprintf(line, "%s sip:3018@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@127.0.0.1>;tag=deaf\r\n"+
			"To: <sip:3018@127.0.0.1>%s\r\nCall-ID: deaf\r\nCSeq: 1 %s\r\nContact: <sip:%s>\r\n%s", method, at, method, child, toTag, method, at, more)
		w.ok(err)
	}
	send("INVITE", "", fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	answer := make([]byte, 4096)
	for {
		w.ok(line.SetReadDeadline(time.Now().Add(5 * time.Second)))
		n, err := line.Read(answer)
		w.ok(err)
		if said := string(answer[:n]); strings.HasPrefix(said, "SIP/2.0 200") {
			send("ACK", ";tag="+regexp.MustCompile(`(?m)^To:.*;tag=([^;\r]+)`).FindStringSubmatch(said)[1], "Content-Length: 0\r\n\r\n")
			to, err := strconv.Atoi(regexp.MustCompile(`(?m)^m=audio (\d+)`).FindStringSubmatch(said)[1])
			w.ok(err)
			sound, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: to})
			w.ok(err)
			w.t.Cleanup(func() { sound.Close() })
			return sound
		}
	}
}

// The end of a call is written at once, and not when a telephone whose network is gone confirms that we hang up: it
// never does, and its counsellor is free all the same.
func TestATelephoneThatNeverSaysGoodbye(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{t1: 500 * time.Millisecond})
	w.works(anne)
	w.deaf()
	id := w.ringing(anne)
	_, err := w.contacts.EndConversation(t.Context(), id, contact.VisitorOf(id), contact.Change{})
	w.ok(err)
	begun := time.Now()
	w.until("the end of the call is written", func() bool { return w.outcome() != "" })
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	w.until("the call is gone", func() bool { return w.phone.Calls() == 0 })
}

// A call whose end could not be written when it ended is ended later, though its node lives: nobody waits in line who
// is not on the line.
func TestACallThatItsNodeDoesNotHaveAnyMore(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, w *world) {
		ct, err := w.contacts.Open(t.Context(), contact.Opening{ID: store.NewID(), Channel: contact.ChannelPhone, Lang: "fr"})
		w.ok(err)
		now := store.Millis(w.now())
		for i, contactID := range []string{"", ct.ID} {
			_, err = w.db.Exec(t.Context(), `INSERT INTO phone_call (id, contact_id, node, trunk, direction, state, lang, began_at, lease_until)
				VALUES ($1, $2, $3, 'operator', 'in', 'waiting', 'fr', $4, $5)`, store.NewID(), contactID, w.phone.Node(), now-60_000+int64(i), now+20_000)
			w.ok(err)
		}
		w.until("the call is ended", func() bool { return w.outcome() == phone.ByBreakdown })
		w.until("nobody waits who is not there", func() bool { return w.state(ct.ID) == contact.Closed })
	})
}

// Somebody whom we ring may answer at the very moment at which nobody waits for it any more: the line is hung up all
// the same, and nobody stands in it alone.
func TestALineThatIsAnsweredTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rings(skip, pressing(caller.Key{Digit: '0', After: 1500 * time.Millisecond})).ends()
	ct := w.letter()
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.takes(anne, ct.ID)
	for range 12 {
		answered := make(chan *trunk.Call, 1)
		w.onDial(func(c *trunk.Call) {
			go func() { _ = w.phone.HangUp(context.Background(), anne, ct.ID) }()
			if c.Answer(context.Background()) == nil {
				answered <- c
				return
			}
			close(answered)
		})
		w.ok(w.phone.CallBack(t.Context(), anne, ct.ID, true))
		w.ok(w.phone.Attach(t.Context(), anne, ct.ID, at.id, false))
		w.until("the try is over", func() bool { return w.phone.Calls() == 0 })
		c, ok := <-answered
		if !ok {
			continue
		}
		select {
		case <-c.Done():
		case <-time.After(3 * time.Second):
			t.Fatal("whoever answered is still in a line with nobody")
		}
	}
}
