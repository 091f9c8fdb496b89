package routetest

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Installed is where `make test` puts the servers that routes are tried against (tools/remotes), below the house's folder.
// It returns the path of something there, or skips the test and says why.
func Installed(t *testing.T, name ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above this test")
		}
	}
	path := filepath.Join(append([]string{dir, ".vigie", "remotes"}, name...)...)
	if _, err := os.Stat(path); err != nil {
		missing(t, "the servers of tools/remotes are not installed (make deps)")
	}
	return path
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("VIGIE_FORBID_SKIPS") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// said is what a program wrote; it writes while the test reads.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Start runs a server until the end of the test, or until stop, and returns once an address of it answers with anything.
func Start(t *testing.T, cmd *exec.Cmd, address string) (stop func()) {
	t.Helper()
	var words said
	cmd.Stdout, cmd.Stderr = &words, &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { cmd.Wait(); close(gone) }()
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), words.String())
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get(address); err == nil {
			res.Body.Close()
			return stop
		}
		select {
		case <-gone:
			t.Fatalf("%s ended", filepath.Base(cmd.Path))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", filepath.Base(cmd.Path))
		}
	}
}
