package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"vigie/internal/freeport"
	"vigie/internal/phone/relay"
	"vigie/internal/phone/swarm"
)

// CallsOptions shape a measurement of relayed calls.
type CallsOptions struct {
	Calls           int
	To              relay.To
	WarmUp, Measure time.Duration
	// Peer measures rtpengine and Kamailio beside us, where they are installed.
	Peer bool
	// LoseEvery has our relay lose every so manieth packet, to show that this is noticed.
	LoseEvery int
}

// Calls is what carrying calls takes: ours, and the same of the peer from the same run.
type Calls struct {
	To        relay.To `json:"to"`
	MeasuredS float64  `json:"measured_s"`
	Carried
	Peer *Carried `json:"peer"`
	// PeerIs is what the peer is, or why there is none.
	PeerIs string `json:"peer_is"`
}

// Carried is what became of one program's calls.
type Carried struct {
	Calls  int `json:"calls"`
	Failed int `json:"failed"`
	// SetupPerS is from the first INVITE, or the first browser's offer, until every call has its sound.
	SetupPerS float64 `json:"setup_per_s"`
	Sent      int64   `json:"sent"`
	Lost      int64   `json:"lost"`
	Late      int64   `json:"late"`
	Foreign   int64   `json:"foreign"` // heard by somebody else than the one they were for
	Added     Added   `json:"added_ms"`
	// CPU is of all of the program's processes, in the measured time; CallsPerCore what it makes of one core that
	// does nothing else.
	CPU          float64 `json:"cpu_s"`
	CallsPerCore int     `json:"calls_per_core"`
	// RSS is what its processes hold, shared memory counted once; RSSPerCall what of it came with the calls.
	RSS        float64 `json:"rss_mb"`
	RSSPerCall float64 `json:"rss_kb_per_call"`
	// LoadCPU is the crowd's, and LoadLag how late it was with its packets, at p99.
	LoadCPU float64 `json:"load_cpu_s"`
	LoadLag float64 `json:"load_lag_ms"`
	// Others is how many cores other programs, and the machine's host, took meanwhile: beyond
	// quietEnough the figures are of a busy machine.
	Others float64 `json:"others_cores"`
	Suite  string  `json:"suite,omitempty"`
}

// quietEnough is how many cores others may take before the times say more of them than of what is measured.
const quietEnough = 0.12

// Added is the time from one end to the other, which on loopback is the program's own.
type Added struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// carrier is a program that carries calls, at work.
type carrier struct {
	target  swarm.Target
	pids    []int // of its processes; those below them are its too
	profile string
	end     func() error
}

// spent is the processor time of all its processes.
func (c carrier) spent() (all time.Duration) {
	for _, pid := range c.pids {
		all += processor(pid) + processorBelow(pid)
	}
	return all
}

// holds is the memory of all its processes.
func (c carrier) holds() (all int64) {
	for _, pid := range c.pids {
		for _, id := range append(below(pid), pid) {
			all += share(id)
		}
	}
	return all
}

// Calls measures calls that are relayed: the relay on one core, those who call on another.
func (b Bench) Calls(ctx context.Context, o CallsOptions) error {
	r := Result{Bench: "calls", Machine: thisMachine(), Calls: &Calls{To: o.To, MeasuredS: o.Measure.Seconds()}}
	b.logf("%s", r.Machine)
	if runtime.GOOS != "linux" {
		return b.notShown(r, "the crowd of telephones needs Linux")
	}
	if r.Machine.Cores < 2 {
		b.logf("one core alone: server and crowd share it, and the times say little")
	}
	ours := func(ctx context.Context, answers string) (carrier, error) { return b.relay(ctx, o, answers) }
	b.logf("ours: %d calls, %s", o.Calls, o.To)
	carried, err := b.carry(ctx, o, ours)
	if err != nil {
		return err
	}
	r.Calls.Carried = *carried
	peer, err := findPeer(ctx)
	switch {
	case !o.Peer:
		r.Calls.PeerIs = "not asked for"
	case err != nil:
		r.Calls.PeerIs = err.Error()
	default:
		r.Calls.PeerIs = peer.String()
		b.logf("the peer: %s", r.Calls.PeerIs)
		r.Calls.Peer, err = b.carry(ctx, o, func(ctx context.Context, answers string) (carrier, error) { return peer.start(ctx, b, o, answers) })
		if err != nil {
			r.Calls.PeerIs += "; it was not measured: " + err.Error()
		}
	}
	if err := b.result(r); err != nil {
		return err
	}
	if c := r.Calls; c.Failed > 0 || c.Foreign > 0 || c.Lost*100 > c.Sent {
		return fmt.Errorf("%w: %d of our calls failed, %d packets of %d were lost, %d heard by others", Failed, c.Failed, c.Lost, c.Sent, c.Foreign)
	}
	return nil
}

// carry measures one program.
func (b Bench) carry(ctx context.Context, o CallsOptions, start func(ctx context.Context, answers string) (carrier, error)) (c *Carried, err error) {
	crowd, err := b.process(firstCore, "swarm")
	if err != nil {
		return nil, err
	}
	defer crowd.end()
	if err := crowd.tell(swarm.Order{Calls: o.Calls, Browsers: o.To == relay.WebRTC, WarmUp: o.WarmUp, Measure: o.Measure}); err != nil {
		return nil, err
	}
	listening, err := phaseOf(ctx, crowd, swarm.Listening)
	if err != nil {
		return nil, err
	}
	server, err := start(ctx, listening.Answers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	empty := server.holds()
	if err := crowd.tell(server.target); err != nil {
		return nil, err
	}
	if _, err := phaseOf(ctx, crowd, swarm.Connected); err != nil {
		return nil, err
	}
	b.logf("they are connected; %s to warm up, %s to measure", o.WarmUp, o.Measure)
	if _, err := phaseOf(ctx, crowd, swarm.Measuring); err != nil {
		return nil, err
	}
	spent, load, busy, began := server.spent(), processor(crowd.pid()), busyTime(), time.Now()
	profiled := func() {}
	if server.profile != "" {
		profiled = b.profiles(server.profile, int(o.Measure.Seconds()))
	}
	if _, err := phaseOf(ctx, crowd, swarm.Measured); err != nil {
		return nil, err
	}
	took := time.Since(began)
	spent, load, busy = server.spent()-spent, processor(crowd.pid())-load, busyTime()-busy
	full := server.holds()
	profiled()
	over, err := phaseOf(ctx, crowd, swarm.Over)
	if err != nil {
		return nil, err
	}
	r := over.Report
	c = &Carried{
		Calls: r.Calls, Failed: r.Failed, SetupPerS: hundredths(float64(r.Calls) / r.SetupFor.Seconds()),
		Sent: r.Sent, Lost: r.Lost, Late: r.Late, Foreign: r.Foreign, Suite: r.Suite,
		Added: Added{millis(r.P50), millis(r.P99), millis(r.P999), millis(r.Max)},
		CPU:   spent.Seconds(), RSS: mega(full), RSSPerCall: hundredths(float64(full-empty) / 1000 / float64(r.Calls)),
		LoadCPU: load.Seconds(), LoadLag: millis(r.Lag), Others: hundredths(max(0, (busy-spent-load).Seconds()/took.Seconds())),
	}
	if spent > 0 {
		c.CallsPerCore = int(float64(c.Calls) * took.Seconds() / spent.Seconds())
	}
	return c, nil
}

// relay starts our own way of calls on the last core.
func (b Bench) relay(ctx context.Context, o CallsOptions, answers string) (carrier, error) {
	args := []string{"relay"}
	c := carrier{}
	if b.Profile != "" {
		c.profile = freeport.Address()
		args = append(args, "--profile", c.profile)
	}
	p, err := b.process(lastCore, args...)
	if err != nil {
		return c, err
	}
	c.pids, c.end = []int{p.pid()}, func() error { p.end(); return nil }
	if err = p.tell(relay.Order{To: o.To, Answers: answers, Calls: o.Calls, LoseEvery: o.LoseEvery}); err == nil {
		var told relay.Told
		err = p.hears(ctx, &told)
		c.target = swarm.Target{SIP: told.SIP, Offers: told.Offers}
	}
	if err != nil {
		p.end()
	}
	return c, err
}

func phaseOf(ctx context.Context, p *child, phase string) (swarm.Told, error) {
	var t swarm.Told
	if err := p.hears(ctx, &t); err != nil {
		return t, err
	}
	if t.Phase != phase {
		return t, fmt.Errorf("the crowd is %s, not %s", t.Phase, phase)
	}
	return t, nil
}

// child is a process of this program that is told and tells lines of JSON.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	said    chan json.RawMessage
	log     *tail
	err     error // read after said is closed
}

// process starts `vigie bench …` on a core of its own.
func (b Bench) process(core int, args ...string) (*child, error) {
	p := &child{said: make(chan json.RawMessage, 16), log: &tail{}}
	p.command = exec.Command(b.Program, append([]string{"bench"}, args...)...)
	p.command.Env = quietly()
	if core == firstCore { // those who read must not wait for those who write
		p.command.Env = append(p.command.Env, "GOMAXPROCS=4")
	} else {
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
	if err := startOn(core, p.command); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.said)
		lines := json.NewDecoder(out)
		for {
			var line json.RawMessage
			if err := lines.Decode(&line); err != nil {
				break
			}
			p.said <- line
		}
		if err := p.command.Wait(); err != nil {
			p.err = fmt.Errorf("%s: %w\n%s", args[0], err, p.log)
		}
	}()
	return p, nil
}

func (p *child) pid() int { return p.command.Process.Pid }

func (p *child) tell(what any) error { return json.NewEncoder(p.in).Encode(what) }

// hears waits for the next line.
func (p *child) hears(ctx context.Context, into any) error {
	select {
	case line, still := <-p.said:
		if !still {
			return errors.Join(errors.New("a process ended before its time"), p.err)
		}
		return json.Unmarshal(line, into)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end makes sure that it is gone.
func (p *child) end() {
	_ = p.in.Close()
	_ = p.command.Process.Kill()
	for range p.said { // closed once it is gone
	}
}

// starting holds the thread whose cores a new process inherits.
var starting sync.Mutex

// below is the processes that a process has started.
func below(pid int) (all []int) {
	tasks, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, t := range tasks {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + t.Name() + "/children")
		for _, field := range fieldsOf(text) {
			if id, err := strconv.Atoi(field); err == nil {
				all = append(append(all, id), below(id)...)
			}
		}
	}
	return all
}

func (c *Calls) print(w io.Writer) {
	fmt.Fprintf(w, "  calls of G.711 both ways to %s, for %g s; the relay on one core, those who call on another\n", c.To, c.MeasuredS)
	c.Carried.print(w, "ours")
	if c.Peer != nil {
		c.Peer.print(w, "peer")
	}
	fmt.Fprintf(w, "  the peer: %s\n", c.PeerIs)
	if c.Peer != nil {
		fmt.Fprintf(w, "  (in userspace; with rtpengine's kernel module, which is not used here, it would be faster)\n")
	}
}

func (c Carried) print(w io.Writer, who string) {
	fmt.Fprintf(w, "  %s: %d calls (%d failed), %.0f set up a second; sent %d, lost %d, late %d, heard by others %d\n",
		who, c.Calls, c.Failed, c.SetupPerS, c.Sent, c.Lost, c.Late, c.Foreign)
	fmt.Fprintf(w, "        added p50 %.3f  p99 %.3f  p99.9 %.3f  max %.1f ms; %.2f s of processor: %d calls a core; %.0f MB, %.0f KB a call",
		c.Added.P50, c.Added.P99, c.Added.P999, c.Added.Max, c.CPU, c.CallsPerCore, c.RSS, c.RSSPerCall)
	if c.Suite != "" {
		fmt.Fprintf(w, "; %s", c.Suite)
	}
	fmt.Fprintf(w, "\n        the crowd took %.1f s and was %.1f ms late at p99; others took %.2f cores", c.LoadCPU, c.LoadLag, c.Others)
	if c.Others > quietEnough {
		fmt.Fprint(w, ": not a quiet machine, the times are not the program's own")
	}
	fmt.Fprintln(w)
}
