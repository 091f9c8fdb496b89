package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// server is our own server process.
type server struct {
	command *exec.Cmd
	address string
	log     *tail
	exited  chan struct{}
	err     error // why it exited; read after exited
	took    time.Duration
}

// serving is how a server is started.
type serving struct {
	data, database string
	listen         string // "" is a free port
	profile        string
	chats          int      // how many conversations a counsellor may have; 0 is capacity
	more           []string // further flags
}

// quietly is what the bench does not inherit: settings for another server.
func quietly() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VIGIE_") {
			env = append(env, e)
		}
	}
	return env
}

// start runs the program as a server and waits until /readyz says that it is ready.
func (b Bench) start(ctx context.Context, o serving) (*server, error) {
	if o.listen == "" {
		o.listen = "127.0.0.1:0"
	}
	args := []string{"serve", "--data", o.data, "--listen", o.listen, "--always-open",
		"--chat-capacity", strconv.Itoa(cmp.Or(o.chats, capacity)), "--trusted-proxies", "127.0.0.0/8", "--log-level", "warn"}
	if o.database != "" {
		args = append(args, "--database", o.database)
	}
	if o.profile != "" {
		args = append(args, "--profile", o.profile)
	}
	if b.Break != "" {
		args = append(args, "--break", b.Break)
	}
	args = append(args, o.more...)
	s := &server{log: &tail{}, exited: make(chan struct{})}
	s.command = exec.Command(b.Program, args...)
	s.command.Env = quietly()
	s.command.Stderr = s.log
	s.command.SysProcAttr = diesWithUs()
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	tooLate := time.After(time.Minute)
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	addresses := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, address, ok := strings.Cut(lines.Text(), "serving on "); ok {
				addresses <- address
			}
		}
	}()
	go func() {
		<-read // Wait closes the pipe
		s.err = s.command.Wait()
		close(s.exited)
	}()
	select {
	case s.address = <-addresses:
	case <-s.exited:
		return nil, fmt.Errorf("the server did not start: %w\n%s", s.err, s.log)
	case <-tooLate:
		return nil, errors.Join(fmt.Errorf("the server did not start within a minute\n%s", s.log), s.kill())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.kill())
	}
	for {
		if text, err := s.get("/readyz"); err == nil && strings.HasPrefix(text, "ready") {
			s.took = time.Since(began)
			return s, nil
		}
		select {
		case <-s.exited:
			return nil, fmt.Errorf("the server did not get ready: %w\n%s", s.err, s.log)
		case <-tooLate: // it listens, and its record does not answer
			return nil, errors.Join(fmt.Errorf("the server did not get ready within a minute\n%s", s.log), s.kill())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.kill())
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *server) pid() int { return s.command.Process.Pid }

var plain = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

func get(url string) (string, error) {
	res, err := plain.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return string(text), err
}

func (s *server) get(path string) (string, error) { return get("http://" + s.address + path) }

// statements is how many SQL statements the server has run since it started.
func (s *server) statements() (int64, error) {
	const name = "vigie_sql_statements_total "
	text, err := s.get("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok {
			n, err := strconv.ParseFloat(value, 64)
			return int64(n), err
		}
	}
	return 0, errors.New("the server does not count its statements")
}

// kill ends the server as the kernel would: at once.
func (s *server) kill() error {
	_ = s.command.Process.Kill()
	<-s.exited
	return nil
}

// stop asks the server to end and waits for it.
func (s *server) stop() error {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		if s.err != nil {
			return fmt.Errorf("the server ended: %w\n%s", s.err, s.log)
		}
		return nil
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the server did not stop within a minute"), s.kill())
	}
}

// tail keeps the end of what a process says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailKept = 8 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - tailKept; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// crowdProcess is our own load process.
type crowdProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	said    chan told
	log     *tail
	err     error // read after said is closed
}

// gather starts the crowd.
func (b Bench) gather(o order) (*crowdProcess, error) {
	p := &crowdProcess{said: make(chan told, 16), log: &tail{}}
	p.command = exec.Command(b.Program, "bench", "load")
	if o.Do == browsing || o.Do == coming { // their browsers have machines of their own: here theirs gives way to the others
		p.command = exec.Command("nice", "-n", "10", b.Program, "bench", "load")
	}
	p.command.Env = quietly()
	if o.Phones != nil { // those who read must not wait for those who speak
		p.command.Env = append(p.command.Env, "GOMAXPROCS=4")
	}
	if o.Do == browsing { // one core's worth, so that the server has the other
		p.command.Env = append(p.command.Env, "GOMAXPROCS=1")
	}
	p.command.Stderr = p.log
	p.command.SysProcAttr = diesWithUs()
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.said)
		lines := json.NewDecoder(out)
		for {
			var t told
			if err := lines.Decode(&t); err != nil {
				break
			}
			p.said <- t
		}
		if err := p.command.Wait(); err != nil {
			p.err = fmt.Errorf("the crowd: %w\n%s", err, p.log)
		}
	}()
	return p, json.NewEncoder(p.in).Encode(o)
}

// hears waits for a phase.
func (p *crowdProcess) hears(ctx context.Context, phase string) (told, error) {
	for {
		select {
		case t, still := <-p.said:
			if !still {
				return told{}, errors.Join(errors.New("the crowd ended before its time"), p.err)
			}
			if t.Phase == phase {
				return t, nil
			}
		case <-ctx.Done():
			return told{}, ctx.Err()
		}
	}
}

func (p *crowdProcess) pid() int { return p.command.Process.Pid }

// stop has the crowd finish; its report follows.
func (p *crowdProcess) stop() { p.tell("stop") }

// tell says a word to the crowd; one that is gone does not hear it, and is missed when it is to be heard.
func (p *crowdProcess) tell(word string) { _, _ = io.WriteString(p.in, word+"\n") }

// end makes sure that it is gone.
func (p *crowdProcess) end() {
	_ = p.in.Close()
	_ = p.command.Process.Kill()
	for range p.said { // closed once it is gone
	}
}

// profiles takes profiles of the server for as long as a measurement lasts.
func (b Bench) profiles(address string, seconds int) (wait func()) {
	if address == "" {
		return func() {}
	}
	var all sync.WaitGroup
	save := func(name, path string) {
		text, err := get("http://" + address + path)
		if err == nil {
			err = os.WriteFile(filepath.Join(b.Profile, name), []byte(text), 0o600)
		}
		if err != nil {
			b.logf("profile %s: %v", name, err)
		}
	}
	all.Go(func() { save("cpu.pprof", "/debug/pprof/profile?seconds="+strconv.Itoa(seconds)) })
	return func() {
		all.Wait()
		save("heap.pprof", "/debug/pprof/heap")
		save("goroutine.pprof", "/debug/pprof/goroutine")
		save("allocs.pprof", "/debug/pprof/allocs")
	}
}
