package phone_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
)

// before is a trunk that is tried before the operator's, and calls by this address.
func before(address string) []trunk.Trunk {
	return []trunk.Trunk{{Name: "first", Proxy: "sip:" + address, Plan: trunk.Plan{Numbers: []string{"119", "17"}, Prefixes: []string{"+33"}}}}
}

// refusing is a trunk beyond which every call is answered with this status; it returns its address and how many came.
func refusing(t *testing.T, status int) (address string, came func() int) {
	t.Helper()
	s, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Media: phone.Lines(phone.LineOptions{Address: netip.MustParseAddr("127.0.0.1")}), T1: 50 * time.Millisecond,
		Trunks: []trunk.Trunk{{Name: "us", Peers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	calls := make(chan struct{}, 16)
	s.Incoming(func(c *trunk.Call) {
		calls <- struct{}{}
		_ = c.Refuse(status)
	})
	return s.Addr("udp").String(), func() int { return len(calls) }
}

// A trunk that answers nothing, or is out of order, does not keep the 119 from a call: the next one is taken.
func TestTheNextTrunkIsTriedWhereTheFirstFails(t *testing.T) {
	t.Parallel()
	deaf, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deaf.Close() })
	broken, _ := refusing(t, 503)
	for name, address := range map[string]string{"it answers nothing": deaf.LocalAddr().String(), "it is out of order": broken} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRecord(t).node(setting{first: before(address)})
			w.helpAnswers()
			w.works(anne)
			at := w.opens(anne, anneTone)
			w.rings(skip)
			id := w.answers(anne, at)
			w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
			w.sees(id, "the 119 answers", func(v phone.View) bool { return v.ThirdUp && v.Third == "119" })
			must(t, "the counsellor with the 119", at.last, helpTone)
		})
	}
}

// Who is busy is busy by every trunk: she is rung once.
func TestABusyNumberIsRungByOneTrunkOnly(t *testing.T) {
	t.Parallel()
	address, came := refusing(t, 486)
	w := newRecord(t).node(setting{first: before(address)})
	w.works(anne)
	at := w.opens(anne, anneTone)
	w.rings(skip)
	id := w.answers(anne, at)
	w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
	w.sees(id, "the 119 is busy", func(v phone.View) bool { return v.Failed == phone.ByBusy })
	if first, second := came(), len(w.dials()); first != 1 || second != 0 {
		t.Errorf("it was rung %d and %d times", first, second)
	}
}

// A call that goes on can bring in the 119 while its node stops, and where every line for callers is taken.
func TestTheHelpIsReachedFromACallWhateverElseIsRefused(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(w *world){
		"the node stops": func(w *world) { go w.phone.Drain(context.WithoutCancel(w.t.Context())) },
		"all lines are taken": func(w *world) {
			for range 8 {
				w.rings(skip)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRecord(t).node(setting{calls: 10})
			w.helpAnswers()
			w.works(anne)
			at := w.opens(anne, anneTone)
			r := w.rings(skip)
			id := w.answers(anne, at)
			last(w)
			w.until("nobody new is taken", func() bool {
				another := w.rings(from("+33639980099"))
				select {
				case <-another.over:
					return !another.result.Answered && another.result.Status == 503
				case <-time.After(time.Second):
					return false // she keeps the line that was still free
				}
			})
			w.ok(w.phone.Invite(t.Context(), anne, id, "119", phone.First))
			w.sees(id, "the 119 answers", func(v phone.View) bool { return v.ThirdUp && v.Third == "119" })
			r.hangsUp()
		})
	}
}
