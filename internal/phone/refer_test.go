package phone_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"vigie/internal/audit"
	"vigie/internal/catalogue"
	"vigie/internal/phone"
	"vigie/internal/phone/trunk"
)

// passing is a call of Anne's with the 119, which will pass it on to the 17: that one rings until answer is called, and
// speaks with Bilal's tone. The 112 is busy.
type passing struct {
	*world
	r      *ring
	id     string
	at     *browser
	help   *beyond
	police chan *beyond // the 17, once it has answered
	answer func()
}

func (w *world) passes() *passing {
	t := w.t
	t.Helper()
	p := &passing{world: w, police: make(chan *beyond, 1)}
	help, let := make(chan *beyond, 1), make(chan struct{})
	p.answer = func() { close(let) }
	w.onDial(func(c *trunk.Call) {
		switch c.Called() {
		case "119":
			if c.Ring() == nil && c.Answer(context.Background()) == nil {
				help <- speaks(c, helpTone)
			}
		case "17":
			if c.Ring() != nil {
				return
			}
			select {
			case <-let:
			case <-c.Done():
				return
			}
			if c.Answer(context.Background()) == nil {
				p.police <- speaks(c, bilalTone)
			}
		default:
			_ = c.Refuse(486)
		}
	})
	w.works(anne)
	p.at = w.opens(anne, anneTone)
	p.r = w.rings(skip)
	p.id = w.answers(anne, p.at)
	w.ok(w.phone.Invite(t.Context(), anne, p.id, "119", phone.Together))
	p.help = <-help
	must(t, "the caller with both", p.r.heard.last, anneTone, helpTone)
	return p
}

// asks has the 119 ask for a number, and returns what it is told in the end.
func (p *passing) asks(number string) <-chan error {
	told := make(chan error, 1)
	go func() { told <- p.help.call.Refer(context.Background(), number) }()
	return told
}

func (p *passing) soon(told <-chan error) error {
	p.t.Helper()
	select {
	case err := <-told:
		return err
	case <-time.After(10 * time.Second):
		p.t.Fatal("the 119 was never told")
		return nil
	}
}

// The 119 passes the call on: who it asks for is rung, takes its place when it answers, and not before; the 119 leaves
// then. Who hears whom is heard, and the desk says who is in the call.
func TestAnOutsideTelephonePassesTheCallOn(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.Record = true }})
	p := w.passes()
	w.lasts("recorded", 2*time.Second)
	told := p.asks("17")
	if v := w.sees(p.id, "the 17 rings", func(v phone.View) bool { return v.Coming == "17" && len(w.dials()) == 2 }); v.Third != "119" || !v.ThirdUp {
		t.Fatalf("the call is %+v", v)
	}
	must(t, "the caller, while it rings there", p.r.heard.last, anneTone, helpTone)
	must(t, "the 119, while it rings there", p.help.last, anneTone, childTone)
	p.answer()
	police := <-p.police
	must(t, "the 17 that is told of the recording", police.last, musicTone)
	must(t, "the caller meanwhile", p.r.heard.last, anneTone, helpTone)
	must(t, "the caller with the 17", p.r.heard.last, anneTone, bilalTone)
	must(t, "the 17", police.last, anneTone, childTone)
	must(t, "the counsellor", p.at.last, childTone, bilalTone)
	if err := p.soon(told); err != nil {
		t.Errorf("the 119 was told %v", err)
	}
	select {
	case <-p.help.call.Done():
	case <-time.After(6 * time.Second):
		t.Error("the 119 is still in a line with nobody")
	}
	if v := w.sees(p.id, "the 17 is in the call", func(v phone.View) bool { return v.Third == "17" }); !v.ThirdUp || v.Coming != "" || v.State != phone.Talking {
		t.Errorf("the call is %+v", v)
	}
	acts, err := w.audit.Rows(t.Context(), audit.Filter{ObjectID: p.id, Act: "phone.referred", Limit: 10})
	w.ok(err)
	if len(acts) != 1 || acts[0].Detail["from"] != "119" || acts[0].Detail["to"] != "17" {
		t.Errorf("it is in the log as %+v", acts)
	}
	w.ok(w.phone.Drop(t.Context(), anne, p.id))
	must(t, "the caller afterwards", p.r.heard.last, anneTone)
}

// Where it is busy the 119 stays, and is told so; it may ask again.
func TestAnOutsideTelephoneCannotPassTheCallOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.passes()
	var refused *trunk.Failure
	if err := p.soon(p.asks("112")); !errors.As(err, &refused) || refused.Status != 486 {
		t.Errorf("the 119 was told %v, want 486", err)
	}
	w.sees(p.id, "the desk says why", func(v phone.View) bool {
		return v.Failed == phone.ByBusy && v.Coming == "" && v.Third == "119" && v.ThirdUp
	})
	must(t, "the caller", p.r.heard.last, anneTone, helpTone)
	must(t, "the 119", p.help.last, anneTone, childTone)
	told := p.asks("17")
	w.sees(p.id, "the 17 rings", func(v phone.View) bool { return v.Coming == "17" })
	w.ok(w.phone.Drop(t.Context(), anne, p.id)) // she has had enough: neither is in the call, and nothing rings on
	must(t, "the caller afterwards", p.r.heard.last, anneTone)
	_ = p.soon(told)
	w.until("nothing rings any more", func() bool {
		select {
		case <-w.dials()[len(w.dials())-1].Done():
			return true
		default:
			return false
		}
	})
}

// Only numbers that have a name in the catalogue are asked for: all others are refused and counted, whatever prefix we
// may call ourselves, and so is somebody's own telephone (toll fraud). The caller may ask for nothing at all.
func TestWhatMayNotBeAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.passes()
	var refused *trunk.Failure
	numbers := []string{"+33899123456", "0899123456", "+33639980099", "118218", "114", "+882123456789", overflowPhone}
	for _, number := range numbers {
		if err := p.soon(p.asks(number)); !errors.As(err, &refused) || refused.Status != 603 {
			t.Errorf("%s: the 119 was told %v, want 603", number, err)
		}
	}
	if n := w.trunk.Refused(trunk.TollFraud); n != uint64(len(numbers)) {
		t.Errorf("%d were counted, want %d", n, len(numbers))
	}
	must(t, "the caller", p.r.heard.last, anneTone, helpTone)

	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	theirs, err := trunk.Open(trunk.Options{Listen: []string{"udp:127.0.0.1:0"}, Media: phone.Lines(phone.LineOptions{Address: netip.MustParseAddr("127.0.0.1")}),
		Trunks: []trunk.Trunk{{Name: "up", Peers: loopback, Proxy: "sip:" + w.trunk.Addr("udp").String(), Plan: trunk.Plan{Prefixes: []string{"3", "1"}}}}})
	w.ok(err)
	defer theirs.Close()
	c, err := theirs.Dial(t.Context(), trunk.Dial{Trunk: "up", To: "3018"})
	w.ok(err)
	if err := c.Refer(t.Context(), "119"); !errors.As(err, &refused) || refused.Status != 603 {
		t.Errorf("a caller who asks for the 119 was told %v, want 603", err)
	}
	w.ok(c.Hangup(t.Context(), "done"))
	if n := len(w.dials()); n != 1 {
		t.Errorf("%d telephones rang, want that of the 119 alone", n)
	}
}

// Many exchanges hang up as soon as they have passed a call on. A caller who was left with the 119 waits then for whom
// it asked for; where nobody answers there she is told, and not left in silence.
func TestAnOutsideTelephoneThatHangsUpAsItPassesTheCallOn(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{true, false} {
		w := newRecord(t).node(setting{})
		p := w.passes()
		w.ok(w.phone.Pass(t.Context(), anne, p.id))
		must(t, "the caller who is left with the 119", p.r.heard.last, helpTone)
		p.asks("17")
		w.until("the 17 rings", func() bool { return len(w.dials()) == 2 })
		w.ok(p.help.call.Hangup(t.Context(), "done"))
		w.sees(p.id, "the 17 has its place", func(v phone.View) bool { return v.Third == "17" && !v.ThirdUp && v.State == phone.Passed })
		if answers {
			p.answer()
			must(t, "the caller with the 17", p.r.heard.last, bilalTone)
			must(t, "the 17", (<-p.police).last, childTone)
			continue
		}
		w.lasts("third_leaves", 2*time.Second)
		_ = w.dials()[1].Refuse(480)
		must(t, "the caller with whom nobody is", p.r.heard.last, musicTone)
		if by := p.r.ends(); by != "them" {
			t.Errorf("the call was ended by %q", by)
		}
	}
}
