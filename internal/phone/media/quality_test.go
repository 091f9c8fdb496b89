package media_test

import (
	"math"
	"net"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"vigie/internal/phone/audio"
	"vigie/internal/phone/media"
)

// The E-model's figures, worked out by hand from G.107: of a good line, of delay, and of loss that is spread and
// that comes in bursts.
func TestMeanOpinionScore(t *testing.T) {
	for _, c := range []struct {
		name        string
		loss, burst float64
		delay       time.Duration
		want        float64
	}{
		{"nothing wrong", 0, 1, 0, 4.41},
		{"150 ms", 0, 1, 150 * time.Millisecond, 4.33},
		{"400 ms", 0, 1, 400 * time.Millisecond, 3.03},
		{"1 % lost", 0.01, 1, 50 * time.Millisecond, 4.29},
		{"5 % lost", 0.05, 1, 50 * time.Millisecond, 3.87},
		{"5 % lost in bursts of four", 0.05, 4, 50 * time.Millisecond, 3.78},
		{"all lost", 1, 500, time.Second, 1},
	} {
		if got := media.MOS(c.loss, c.burst, c.delay); math.Abs(got-c.want) > 0.03 {
			t.Errorf("%s: %.2f, not %.2f", c.name, got, c.want)
		}
	}
}

// A line counts what is lost, over the wrap-around of the numbers, and what its other end says of ours; it
// reports to it, and says good-bye.
func TestLineReportsAndIsReportedTo(t *testing.T) {
	t.Parallel()
	control, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	line, phone := connect(t, "caller", audio.PCMA, 440, func(r *media.Remote) {
		r.RTCP = control.LocalAddr().(*net.UDPAddr).AddrPort()
	})
	hearing(t, line)

	read := func() []rtcp.Packet {
		t.Helper()
		b := make([]byte, 1500)
		_ = control.SetReadDeadline(time.Now().Add(8 * time.Second))
		n, err := control.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		return packets
	}
	report, ok := read()[0].(*rtcp.SenderReport)
	if !ok || report.SSRC != line.SSRC() || report.PacketCount == 0 || report.OctetCount != report.PacketCount*160 {
		t.Fatalf("the report is %+v", report)
	}
	if len(report.Reports) != 1 || report.Reports[0].TotalLost != 0 {
		t.Errorf("of what was received it says %+v", report.Reports)
	}
	sent := phone.Packets()
	newest := sent[len(sent)-1]
	if step := int32(report.RTPTime - newest.Timestamp); step < -800 || step > 800 {
		t.Errorf("its time is %d samples from that of the sound", step)
	}

	// 50 ms after the report came, the other end tells of our stream.
	answer := &rtcp.ReceiverReport{SSRC: 440 << 8, Reports: []rtcp.ReceptionReport{{
		SSRC: line.SSRC(), FractionLost: 64, Jitter: 80,
		LastSenderReport: uint32(report.NTPTime >> 16), Delay: 0,
	}}}
	time.Sleep(50 * time.Millisecond)
	b, _ := answer.Marshal()
	to := net.UDPAddrFromAddrPort(line.Local())
	to.Port++
	_, _ = control.WriteToUDP(b, to)
	for _, garbage := range [][]byte{{}, {0x80}, {0x80, 200, 0, 1, 0, 0, 0, 0}, b[:20], {0x81, 201, 0xff, 0xff, 0, 0, 0, 1}} {
		_, _ = control.WriteToUDP(garbage, to)
	}
	eventually(t, "the report is taken", func() bool { return line.Quality().RemoteLost > 0 })
	q := line.Quality()
	if q.RemoteLost != 0.25 || q.RemoteJitter != 10*time.Millisecond || q.RoundTrip < 49*time.Millisecond || q.RoundTrip > 300*time.Millisecond {
		t.Errorf("%.2f lost, jitter %v, round trip %v", q.RemoteLost, q.RemoteJitter, q.RoundTrip)
	}
	if q.Received < 20 || q.Lost != 0 || q.Sent < 20 || q.MOS < 4 || time.Since(q.LastHeard) > time.Second {
		t.Errorf("%+v", q)
	}
	phone.Skip(10)
	eventually(t, "the hole is counted", func() bool { return line.Quality().Lost == 10 })

	_ = line.Close()
	for {
		packets := read()
		if bye, ok := packets[len(packets)-1].(*rtcp.Goodbye); ok {
			if len(bye.Sources) != 1 || bye.Sources[0] != line.SSRC() {
				t.Errorf("good-bye of %v", bye.Sources)
			}
			return
		}
	}
}
