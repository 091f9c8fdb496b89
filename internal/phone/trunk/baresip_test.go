package trunk_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone/audio"
	"vigie/internal/phone/sdp"
	"vigie/internal/phone/trunk"
)

// softphone is a baresip that is told what to do.
type softphone struct {
	t       *testing.T
	sip     int
	control net.Conn
}

func baresip(t *testing.T) *softphone {
	t.Helper()
	needs(t, "baresip", "baresip")
	modules, _ := filepath.Glob("/usr/lib/*/baresip/modules")
	if len(modules) == 0 {
		modules = []string{"/usr/lib/baresip/modules"}
	}
	p := &softphone{t: t, sip: freeport.Port()}
	control, dir := freeport.Port(), t.TempDir()
	// "lo" is no interface for baresip, its address is. Sound comes from nowhere and goes there.
	config := fmt.Sprintf("sip_listen 127.0.0.1:%d\nnet_interface 127.0.0.1\nmodule_path %s\nmodule g711.so\nmodule aubridge.so\n"+
		"module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:%d\n"+
		"audio_player aubridge,nil\naudio_source aubridge,nil\naudio_alert aubridge,nil\naudio_channels 1\n", p.sip, modules[0], control)
	for name, text := range map[string]string{"config": config, "accounts": "<sip:+33612345678@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcma\n", "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.Command("baresip", "-f", dir)
	run.Dir = dir
	run.Env = append(os.Environ(), "HOME="+dir)
	log := &logged{}
	run.Stdout, run.Stderr = log, log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Process.Kill()
		run.Wait()
		if t.Failed() {
			t.Logf("baresip said:\n%s", tail(log.text(), 4000))
		}
	})
	eventually(t, "baresip is there", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", control))
		if err == nil {
			p.control = conn
			t.Cleanup(func() { conn.Close() })
		}
		return err == nil
	})
	return p
}

// do gives it a command of its menu, as a netstring of JSON (ctrl_tcp).
func (p *softphone) do(command, params string) {
	p.t.Helper()
	text := fmt.Sprintf(`{"command":%q,"params":%q,"token":"t"}`, command, params)
	if _, err := fmt.Fprintf(p.control, "%d:%s,", len(text), text); err != nil {
		p.t.Fatal(err)
	}
}

// baresip calls us, holds us and takes us back, and hangs up.
func TestBaresipCallsUs(t *testing.T) {
	s := server(t, nil)
	up := answering(s)
	p := baresip(t)
	p.do("dial", "sip:+33800200000@"+s.Addr("udp").String())
	c := soon(t, "the call", up)
	if a := agreedOn(c); a.Codec != audio.PCMA || !a.HasEvent || c.Caller().Number != "+33612345678" {
		t.Errorf("%+v agreed on %+v", c.Caller(), a)
	}
	held := make(chan bool, 2)
	c.OnHold(func(h bool) { held <- h })
	p.do("hold", "")
	if !soon(t, "the hold", held) || agreedOn(c).Direction != sdp.RecvOnly {
		t.Errorf("held, the line is %v", agreedOn(c).Direction)
	}
	p.do("resume", "")
	if soon(t, "the end of the hold", held) || agreedOn(c).Direction != sdp.SendRecv {
		t.Errorf("taken back, the line is %v", agreedOn(c).Direction)
	}
	p.do("hangup", "")
	soon(t, "the end", c.Done())
	if end := c.End(); end.By != trunk.Them || end.Reason != "bye" {
		t.Errorf("ended with %+v", end)
	}
}

// We call baresip, hold it, take it back, and hang up.
func TestWeCallBaresip(t *testing.T) {
	p := baresip(t)
	s := server(t, func(o *trunk.Options) {
		o.Trunks[0] = trunk.Trunk{Name: "out", Peers: loopback, Proxy: fmt.Sprintf("sip:127.0.0.1:%d", p.sip),
			Plan: trunk.Plan{Prefixes: []string{"+336"}}, SessionExpires: 30 * time.Minute}
	})
	c, err := s.Dial(limit(t), trunk.Dial{Trunk: "out", To: "+33612345678"})
	if err != nil {
		t.Fatal(err)
	}
	if a := agreedOn(c); a.Codec != audio.PCMA {
		t.Errorf("agreed on %+v", a)
	}
	for _, hold := range []bool{true, false} {
		if err := c.Hold(limit(t), hold); err != nil {
			t.Errorf("hold %v: %v", hold, err)
		}
	}
	if err := c.Hangup(limit(t), "done"); err != nil {
		t.Error(err)
	}
}
