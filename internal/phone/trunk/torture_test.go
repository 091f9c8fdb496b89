package trunk_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/phone/trunk"
)

// prober is a peer on a loopback address of its own and on a port that a Via names, 5060 when it names none: without
// rport, answers go there (RFC 3261 §18.2.2).
type prober struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
	seq  int
}

func newProber(t *testing.T, to netip.AddrPort, port uint16) *prober {
	t.Helper()
	for range 50 {
		own := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(rand.IntN(250)), byte(1 + rand.IntN(250))})
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, port)))
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return &prober{t: t, conn: conn, to: to}
		}
	}
	t.Fatal("no loopback address with a free port")
	return nil
}

func (p *prober) send(data []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(data, p.to); err != nil {
		p.t.Fatal(err)
	}
}

// answer waits for the next final answer, "" for none in this time; the ACK of a refusal is not sent, so that the
// answer may come again.
func (p *prober) answer(wait time.Duration) (status int, text string) {
	buffer := make([]byte, 65535)
	for end := time.Now().Add(wait); ; {
		p.conn.SetReadDeadline(end)
		n, _, err := p.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return 0, ""
		}
		text = string(buffer[:n])
		fields := strings.SplitN(text, " ", 3)
		if len(fields) == 3 && fields[0] == "SIP/2.0" {
			if status, _ = strconv.Atoi(fields[1]); status >= 200 {
				return status, text
			}
		}
	}
}

// alive asks with OPTIONS and wants the answer to just that; what else comes meanwhile is handed back.
func (p *prober) alive() (others []int) {
	p.t.Helper()
	p.seq++
	mark := fmt.Sprintf("alive-%d", p.seq)
	p.send([]byte("OPTIONS sip:vigie@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK" + mark +
		";rport\r\nFrom: <sip:a@127.0.0.1>;tag=x\r\nTo: <sip:vigie@127.0.0.1>\r\nCall-ID: " + mark +
		"\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"))
	for {
		status, text := p.answer(3 * time.Second)
		if status == 0 {
			p.t.Fatal("the server does not answer OPTIONS any more")
		}
		if strings.Contains(text, "Call-ID: "+mark+"\r\n") {
			if status != 200 {
				p.t.Fatalf("OPTIONS was answered with %d", status)
			}
			return others
		}
		others = append(others, status)
	}
}

// tortured opens a server that refuses each call that gets through with 486.
func tortured(t *testing.T, port uint16) (*trunk.Server, *prober) {
	t.Helper()
	s := server(t, nil)
	s.Incoming(func(c *trunk.Call) { c.Refuse(486) })
	return s, newProber(t, s.Addr("udp"), port)
}

// All messages of RFC 4475 are sent over the wire, and each is answered, or dropped, as the RFC says; where it
// leaves a choice, all that it allows are listed. 486 is a call that got through. The server answers OPTIONS after
// each of them. No answer is 0.
func TestTortureMessages(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil || len(files) != 50 {
		t.Fatalf("%d messages in sipgo's module, want 50", len(files))
	}
	want := map[string][]int{
		// §3.1.1, valid: whoever takes no registrations answers 405.
		"wsinv":      {481}, // its To has a tag: it belongs to a call that we do not have
		"intmeth":    {501},
		"esc01":      {486},
		"escnull":    {405},
		"esc02":      {501}, // RE%47IST%45R is not REGISTER
		"lwsdisp":    {200},
		"longreq":    {486},
		"dblreq":     {405}, // what follows the first message is thrown away
		"semiuri":    {200},
		"transports": {200},
		"mpart01":    {405},
		"unreason":   {0}, // responses to nothing
		"noreason":   {0},
		// §3.1.2, invalid
		"badinv01":   {400},
		"clerr":      {400},
		"ncl":        {400},
		"scalar02":   {400},
		"scalarlg":   {0},
		"quotbal":    {400},
		"ltgtruri":   {400},
		"lwsruri":    {400},
		"lwsstart":   {400},
		"trws":       {400, 200},
		"escruri":    {400},
		"baddate":    {486, 400},
		"regbadct":   {405, 400},
		"badaspec":   {200, 400},
		"baddn":      {200, 400},
		"badvers":    {505},
		"mismatch01": {400},
		"mismatch02": {400, 501},
		"bigcode":    {0},
		// §3.2 and §3.3
		"badbranch": {200},
		"insuf":     {400},
		"unkscm":    {416},
		"novelsc":   {416},
		"unksm2":    {405, 416},
		"bext01":    {420},
		"invut":     {415},
		"regaut01":  {405},
		"multi01":   {400},
		"mcl01":     {400},
		"bcast":     {0},
		"zeromf":    {483},
		"cparam01":  {405},
		"cparam02":  {405},
		"regescrt":  {405},
		"sdp01":     {406},
		"inv2543":   {486},
		// not of the RFC: sipgo's own
		"test": {0, 400, 405, 501},
	}
	if len(want) != 50 {
		t.Fatalf("%d expectations, want one for each message", len(want))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			port := uint16(5060)
			if name == "quotbal" {
				port = 5050 // its Via says so
			}
			_, p := tortured(t, port)
			p.send(data)
			time.Sleep(20 * time.Millisecond)
			got := 0
			if others := p.alive(); len(others) > 0 {
				got = others[0]
			}
			if !slices.Contains(want[name], got) {
				t.Errorf("answered with %d, want one of %v", got, want[name])
			}
		})
	}
}

// The messages of RFC 5118: addresses of IPv6 in every place, right and wrong.
func TestTortureMessagesOfIPv6(t *testing.T) {
	message := func(start, via, more, body string) string {
		method, _, _ := strings.Cut(start, " ")
		if !strings.Contains(more, "Contact") {
			more += "Contact: \"Caller\" <sip:caller@[2001:db8::1]>\n"
		}
		return strings.ReplaceAll(start+"\nTo: sip:user@example.com\nFrom: sip:user@example.com;tag=81x2\n"+via+
			"\nCall-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nCSeq: 98176 "+method+"\n"+more+
			fmt.Sprintf("Content-Length: %d\n\n%s", len(strings.ReplaceAll(body, "\n", "\r\n")), body), "\n", "\r\n")
	}
	via := "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"
	description := func(lines string) string {
		return "v=0\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\ns=Live video feed for today's meeting\nt=3338481189 3370017201\n" + lines
	}
	for _, test := range []struct {
		section, text string
		want          []int
	}{
		{"4.1 a valid reference", message("REGISTER sip:[2001:db8::10] SIP/2.0", via, "", ""), []int{405}},
		{"4.2 a reference without brackets", message("REGISTER sip:2001:db8::10 SIP/2.0", via, "", ""), []int{400}},
		{"4.3 a port that is part of the address", message("OPTIONS sip:[2001:db8::10:5070] SIP/2.0", via, "", ""), []int{200}},
		{"4.4 a port behind the address", message("OPTIONS sip:[2001:db8::10]:5070 SIP/2.0", via, "", ""), []int{200}},
		{"4.5 received in brackets", message("OPTIONS sip:[2001:db8::10] SIP/2.0",
			"Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-112", "", ""), []int{200}},
		{"4.5 received without brackets", message("OPTIONS sip:[2001:db8::10] SIP/2.0",
			"Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-113", "", ""), []int{200}},
		{"4.6 an address in a Via that has no brackets", message("OPTIONS sip:[2001:db8::10] SIP/2.0",
			"Via: SIP/2.0/UDP 2001:db8::9:1;branch=z9hG4bKas3-114", "", ""), []int{200, 400}},
		{"4.7 addresses in a description", message("INVITE sip:user@[2001:db8::10] SIP/2.0", via, "Content-Type: application/sdp\n",
			description("c=IN IP6 2001:db8::20\nm=audio 6000 RTP/AVP 0\na=rtpmap:0 pcmu/8000\nm=video 6024 RTP/AVP 107\na=rtpmap:107 H263-1998/90000\n")), []int{486}},
		{"4.8 a Via of each family", message("OPTIONS sip:user@[2001:db8::10] SIP/2.0",
			"Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-115;rport\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144", "", ""), []int{200}},
		{"4.9 streams of each family", message("INVITE sip:user@[2001:db8::10] SIP/2.0", via, "Content-Type: application/sdp\n",
			description("m=audio 22334 RTP/AVP 0\nc=IN IP4 192.0.2.1\nm=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1\na=rtpmap:107 H263-1998/90000\n")), []int{486}},
		{"4.10 an IPv4-mapped address", message("OPTIONS sip:user@[::ffff:192.0.2.10] SIP/2.0",
			"Via: SIP/2.0/UDP [::ffff:192.0.2.2]:19823;branch=z9hG4bKbh19;rport\nVia: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-116", "", ""), []int{200}},
		{"4.10 three colons", message("OPTIONS sip:user@[2001:db8:::192.0.2.1] SIP/2.0", via, "", ""), []int{400}},
	} {
		t.Run(test.section, func(t *testing.T) {
			_, p := tortured(t, 5060)
			p.send([]byte(test.text))
			time.Sleep(20 * time.Millisecond)
			got := 0
			if others := p.alive(); len(others) > 0 {
				got = others[0]
			}
			if !slices.Contains(test.want, got) {
				t.Errorf("answered with %d, want one of %v", got, test.want)
			}
		})
	}
}
