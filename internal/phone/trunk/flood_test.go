package trunk_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"vigie/internal/phone/trunk"
)

// heap is the memory that is in use after everything unused was given back.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// 200,000 datagrams of noise, half of them made to look like requests, leave the memory as it was: from a stranger,
// and from a peer that has gone mad. The server answers afterwards.
func TestFloodCostsNoMemory(t *testing.T) {
	for name, peers := range map[string][]netip.Prefix{"stranger": {netip.MustParsePrefix("127.0.0.1/32")}, "peer": loopback} {
		t.Run(name, func(t *testing.T) {
			s := server(t, func(o *trunk.Options) {
				o.Trunks[0].Peers = peers
				o.Trunks = append(o.Trunks, trunk.Trunk{Name: "roaming", Challenge: true, User: "u", Password: "p"})
			})
			s.Incoming(func(c *trunk.Call) { c.Refuse(486) })
			mad := newPuppetAt(t, s.Addr("udp"), "127.0.0.2")
			random := rand.New(rand.NewPCG(1, 2))
			noise := make([]byte, 2048)
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			heads := []string{"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK", "OPTIONS sip:a@b SIP/2.0\r\n", "SIP/2.0 200 OK\r\nVia: ", "INVITE ", "\r\n\r\n",
				"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.2;rport;branch=z9hG4bKx\r\nf: <sip:a@b>;tag=1\r\nt: <sip:b@c>\r\ni: x\r\nCSeq: 1 INVITE\r\nm: <sip:a@b>\r\nx-"}
			const datagrams = 200_000
			sent := func() {
				buffer := make([]byte, 0, 2048)
				for i := range datagrams {
					buffer = buffer[:0]
					if i%2 == 0 {
						buffer = append(buffer, heads[random.IntN(len(heads))]...)
					}
					from := random.IntN(1024)
					buffer = append(buffer, noise[from:from+random.IntN(900)]...)
					if _, err := mad.conn.WriteToUDPAddrPort(buffer, s.Addr("udp")); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := heap()
			begin := time.Now()
			sent()
			took := time.Since(begin)
			var after int64
			// What a transaction keeps is given back after its time.
			eventually(t, "the memory is given back", func() bool {
				after = heap()
				return after < before+4<<20
			})
			st := s.Stats()
			var dropped uint64
			for _, n := range st.Refused {
				dropped += n
			}
			t.Logf("%d datagrams in %v, %d of them counted as refused; memory %d KiB before, %d KiB after", datagrams, took.Round(time.Millisecond), dropped, before>>10, after>>10)
			if dropped < datagrams/20 {
				t.Errorf("only %d datagrams were counted", dropped)
			}
			good := newPuppet(t, s.Addr("udp"))
			good.request("OPTIONS", 1, puppetTo, "", "")
			good.hears("SIP/2.0 200")
		})
	}
}
