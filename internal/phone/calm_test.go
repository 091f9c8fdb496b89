package phone_test

import (
	"encoding/binary"
	"testing"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/contact"
	"vigie/internal/phone"
)

// A caller for whom it rings asks the record for nothing over and over.
func TestACallThatRingsAsksForLittle(t *testing.T) {
	t.Parallel()
	w := newRecord(t).node(setting{rules: func(rules *catalogue.Phone) { rules.AnnounceEvery = 200 * time.Millisecond }})
	w.works(anne)
	w.rings(skip)
	id := w.ringing(anne)
	time.Sleep(500 * time.Millisecond)
	before := w.db.Statements()
	time.Sleep(2 * time.Second)
	if n := w.db.Statements() - before; n > 60 {
		t.Errorf("%d statements were run in two seconds", n)
	}
	if w.state(id) != contact.Offered {
		t.Fatal("it does not ring any more")
	}
}

// A flood of keys is shown at no desk more often than a hand could press them.
func TestAFloodOfKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	told := make(chan struct{}, 1<<16)
	stop, err := w.bus.Subscribe("contact.*.phone", func(string, []byte) { told <- struct{}{} })
	w.ok(err)
	t.Cleanup(stop)
	sound := w.deaf()
	id := w.answers(anne, at)
	w.sees(id, "they talk", func(v phone.View) bool { return v.State == phone.Talking })
	w.ok(w.bus.Flush())
	before := len(told)
	packet := make([]byte, 16)
	for n := range 2000 { // in about two seconds, each another key
		packet[0], packet[1] = 2<<6, 101|0x80
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], uint32(n*160))
		binary.BigEndian.PutUint32(packet[8:], 7)
		packet[12], packet[13] = byte(n%10), 0x8a
		_, err := sound.Write(packet)
		w.ok(err)
		time.Sleep(time.Millisecond)
	}
	w.sees(id, "a key was pressed", func(v phone.View) bool { return v.Pressed != "" })
	if n := len(told) - before; n < 1 || n > 80 {
		t.Errorf("desks were told %d times", n)
	}
}

// Whoever is on hold when a script is said hears the music again when it is over.
func TestAScriptOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.works(anne)
	at := w.opens(anne, anneTone)
	r := w.rings(skip)
	id := w.answers(anne, at)
	must(t, "the caller", r.heard.last, anneTone)
	w.ok(w.phone.Hold(t.Context(), anne, id, true))
	must(t, "the caller on hold", r.heard.last, musicTone)
	w.ok(w.phone.Say(t.Context(), anne, id, "silent_1"))
	time.Sleep(1500 * time.Millisecond)
	must(t, "the caller on hold", r.heard.last, musicTone)
	w.sees(id, "she is on hold", func(v phone.View) bool { return v.State == phone.Held })
}
