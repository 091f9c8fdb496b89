package phone_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone"
	"vigie/internal/phone/caller"
	"vigie/internal/store/storetest"
)

// The dispatcher of deploy/kamailio, as it is given to operators with its addresses made ours: calls go to two nodes by
// turns, pass over one that drains, and over one that is dead.
func TestADispatcherInFrontOfTwoNodes(t *testing.T) {
	program, err := exec.LookPath("kamailio")
	if err != nil {
		missing(t, "kamailio")
	}
	rec := newRecordOn(t, storetest.Postgres(t))
	one, two := rec.node(setting{at: "127.0.0.11"}), rec.node(setting{at: "127.0.0.12"})
	front := dispatcher(t, program, one.trunk.Addr("udp").String(), two.trunk.Addr("udp").String())
	both := func() (int, int) { return one.phone.Calls(), two.phone.Calls() }

	first, second := one.rings(skip, through(front)), one.rings(skip, through(front))
	one.until("the two calls are on two nodes", func() bool { a, b := both(); return a == 1 && b == 1 })
	first.hangsUp()
	second.hangsUp()
	one.until("both are over", func() bool { a, b := both(); return a+b == 0 })

	one.trunk.Drain()
	third, fourth := one.rings(skip, through(front)), one.rings(skip, through(front))
	one.until("both calls are on the node that does not drain", func() bool { a, b := both(); return a == 0 && b == 2 })
	third.hangsUp()
	fourth.hangsUp()
	one.until("both are over", func() bool { a, b := both(); return a+b == 0 })

	one.stop() // dead: nothing answers there
	fifth := two.rings(skip, through(front))
	two.until("the call is on the node that lives", func() bool { return two.phone.Calls() == 1 })
	fifth.hangsUp()
	two.until("it is written off", func() bool { return two.outcome() == phone.ByCaller })
}

// through has a telephone call by the dispatcher.
func through(front string) how { return func(o *caller.Options) { o.To = "sip:3018@" + front } }

// missing skips a test for want of a program, or fails where nothing may be skipped.
func missing(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatalf("%s is not installed, and nothing may be skipped", program)
	}
	t.Skipf("%s is not installed", program)
}

// dispatcher starts Kamailio with our configuration in front of these nodes, and returns where it listens.
func dispatcher(t *testing.T, program string, nodes ...string) string {
	t.Helper()
	config, err := os.ReadFile("../../deploy/kamailio/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	front := "127.0.0.3:" + fmt.Sprint(freeport.Port())
	text := string(config)
	for from, to := range map[string]string{
		"listen=udp:192.0.2.5:5060": "listen=udp:" + front, "listen=tcp:192.0.2.5:5060": "listen=tcp:" + front,
		"198.51.100.0/28": "127.0.0.1/32", "198.51.100.1:5060": "127.0.0.1:9",
		"/etc/kamailio/dispatcher.list": filepath.Join(dir, "dispatcher.list"), "children=4": "children=2",
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("the configuration has no %q (any more)", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	var list strings.Builder
	for _, node := range nodes {
		list.WriteString("1 sip:" + node + ";transport=udp 0 10\n")
	}
	for name, content := range map[string]string{"kamailio.cfg": text, "dispatcher.list": list.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	run := exec.Command(program, "-f", filepath.Join(dir, "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir, "-P", filepath.Join(dir, "pid"))
	run.Stdout, run.Stderr = &said, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	t.Cleanup(func() {
		_ = run.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = run.Process.Kill()
		}
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("kamailio ended: %v\n%s", err, said.String())
		default:
		}
		if conn, err := net.DialTimeout("tcp", front, time.Second); err == nil {
			_ = conn.Close()
			time.Sleep(300 * time.Millisecond) // its UDP workers come a moment later
			return front
		}
	}
	t.Fatalf("kamailio does not listen\n%s", said.String())
	return ""
}
