package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"vigie/internal/phone/relay"
	"vigie/internal/phone/swarm"
)

// peer is what others carry calls with: rtpengine for the sound (in userspace, as its kernel module is not ours to
// load), and Kamailio for the signalling.
type peer struct {
	rtpengine, kamailio string
	versions            [2]string
}

// findPeer looks for Debian's programs; the error says what is missing.
func findPeer(ctx context.Context) (p peer, err error) {
	const hint = "not installed (Debian: apt-get install rtpengine-daemon kamailio)"
	if p.rtpengine, err = exec.LookPath("rtpengine"); err != nil {
		return p, errors.New("rtpengine is " + hint)
	}
	if p.kamailio, err = exec.LookPath("kamailio"); err != nil {
		if p.kamailio, err = exec.LookPath("/usr/sbin/kamailio"); err != nil {
			return p, errors.New("kamailio is " + hint)
		}
	}
	for i, args := range [][]string{{p.rtpengine, "--version"}, {p.kamailio, "-v"}} {
		text, _ := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput() // only for the name
		first, _, _ := strings.Cut(string(text), "\n")
		first = strings.TrimPrefix(strings.TrimPrefix(first, "Version: "), "version: kamailio ")
		p.versions[i], _, _ = strings.Cut(first, " ")
	}
	return p, nil
}

func (p peer) String() string {
	return fmt.Sprintf("rtpengine %s in userspace with Kamailio %s", p.versions[0], p.versions[1])
}

// kamailioConfig relays every call to one address, and its sound by rtpengine. Flags are those that rtpengine's
// documentation gives for a gateway between telephones and browsers.
var kamailioConfig = template.Must(template.New("kamailio").Parse(`
debug=-1
log_stderror=yes
fork=yes
children=4
auto_aliases=no
dns=no
rev_dns=no
disable_tcp=yes
listen=udp:{{.Listen}}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:{{.Control}}")
modparam("rr", "enable_full_lr", 1)

request_route {
	if (has_totag()) {
		if (is_method("BYE")) {
			rtpengine_delete();
		}
		if (!loose_route()) {
			if (is_method("ACK") && !t_check_trans()) {
				exit;
			}
		}
		t_relay();
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) {
			t_relay();
		}
		exit;
	}
	if (!is_method("INVITE")) {
		sl_send_reply("405", "Method Not Allowed");
		exit;
	}
	record_route();
	if (!rtpengine_offer("{{.Offer}}")) {
		sl_send_reply("503", "No rtpengine");
		exit;
	}
	t_on_reply("answered");
	$du = "sip:{{.Answers}}";
	t_relay();
}

onreply_route[answered] {
	if (status =~ "2[0-9][0-9]" && has_body("application/sdp")) {
		rtpengine_answer("{{.Answer}}");
	}
}
`))

// start runs both on the last core, in a folder of their own and out of nobody's configuration.
func (p peer) start(ctx context.Context, b Bench, o CallsOptions, answers string) (carrier, error) {
	c := carrier{}
	folder, err := os.MkdirTemp(b.Within, "vigie-peer-")
	if err != nil {
		return c, err
	}
	var started []*daemon
	c.end = func() error {
		for _, d := range started {
			d.end()
		}
		return os.RemoveAll(folder)
	}
	settings := struct{ Listen, Control, Answers, Offer, Answer string }{freeUDP(), freeUDP(), answers, "replace-origin", "replace-origin"}
	if o.To == relay.WebRTC {
		settings.Offer = "replace-origin ICE=force transport-protocol=UDP/TLS/RTP/SAVPF rtcp-mux-require"
		settings.Answer = "replace-origin ICE=remove transport-protocol=RTP/AVP rtcp-mux-demux"
	}
	var text bytes.Buffer
	if err := kamailioConfig.Execute(&text, settings); err != nil {
		return c, errors.Join(err, c.end())
	}
	file := filepath.Join(folder, "kamailio.cfg")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return c, errors.Join(err, c.end())
	}
	for i, args := range [][]string{
		{p.rtpengine, "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=3", "--interface=127.0.0.1",
			"--listen-ng=" + settings.Control, "--port-min=10000", "--port-max=31999", "--num-threads=1", "--endpoint-learning=immediate", "--delete-delay=0"},
		{p.kamailio, "-f", file, "-DD", "-E", "-m", "256", "-M", "16", "-Y", folder, "-P", filepath.Join(folder, "pid"), "-w", folder},
	} {
		d, err := startDaemon(args, folder)
		if err != nil {
			return c, errors.Join(err, c.end())
		}
		started = append(started, d)
		c.pids = append(c.pids, d.pid())
		if i == 0 { // Kamailio gives up for a minute on an rtpengine that it does not find at once
			if err := speaks(ctx, settings.Control, "1 d7:command4:pinge", started); err != nil {
				return c, errors.Join(err, c.end())
			}
		}
	}
	c.target = swarm.Target{SIP: settings.Listen}
	probe := "OPTIONS sip:bench@" + settings.Listen + " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKprobe\r\nFrom: <sip:probe@localhost>;tag=1\r\nTo: <sip:bench@" +
		settings.Listen + ">\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
	if err := speaks(ctx, settings.Listen, probe, started); err != nil {
		return c, errors.Join(err, c.end())
	}
	return c, nil
}

// speaks waits until somebody at this address answers a question with anything at all.
func speaks(ctx context.Context, address, question string, daemons []*daemon) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	var reply [2048]byte
	for range 100 {
		for _, d := range daemons {
			select {
			case <-d.exited:
				return fmt.Errorf("%s did not start: %w\n%s", filepath.Base(d.command.Path), d.err, d.log)
			default:
			}
		}
		_, _ = conn.Write([]byte(question))
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := conn.Read(reply[:]); err == nil {
			return nil
		}
		if err := settle(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	d := daemons[len(daemons)-1]
	return fmt.Errorf("%s does not answer\n%s", filepath.Base(d.command.Path), d.log)
}

// daemon is a process of the peer's.
type daemon struct {
	command *exec.Cmd
	log     *tail
	exited  chan struct{}
	err     error // read after exited
}

func startDaemon(args []string, folder string) (*daemon, error) {
	d := &daemon{command: exec.Command(args[0], args[1:]...), log: &tail{}, exited: make(chan struct{})}
	d.command.Dir, d.command.Stderr, d.command.Stdout = folder, d.log, d.log
	d.command.SysProcAttr = diesWithUs()
	if err := startOn(lastCore, d.command); err != nil {
		return nil, err
	}
	allowFiles(d.pid())
	go func() {
		d.err = d.command.Wait()
		close(d.exited)
	}()
	return d, nil
}

func (d *daemon) pid() int { return d.command.Process.Pid }

// end asks it to go, with what it has started, and makes sure.
func (d *daemon) end() {
	children := below(d.pid())
	_ = d.command.Process.Signal(os.Interrupt)
	select {
	case <-d.exited:
	case <-time.After(3 * time.Second):
		_ = d.command.Process.Kill()
		<-d.exited
	}
	for _, pid := range children { // those who outlived their parent
		if os.Getpid() != pid {
			endOrphan(pid, d.command.Path)
		}
	}
}

// freeUDP is an address on loopback that was free a moment ago.
func freeUDP() string {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer c.Close()
	return c.LocalAddr().String()
}
