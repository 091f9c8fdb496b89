package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/contact"
	"vigie/internal/freeport"
	"vigie/internal/store/storetest"
)

// AsProgram in the environment makes the test binary the program: see TestMain.
const AsProgram = "BENCH_AS_PROGRAM"

// house is a helpline that runs on two machines: two processes of the program on one PostgreSQL, with one
// key file and one folder of files, and their buses joined.
type house struct {
	*testing.T
	bench    Bench
	data     string
	database string
	nodes    [2]*machineNode
	letters  letters
	contacts uint32
}

// machineNode is one of the two. It keeps its addresses when it is started again.
type machineNode struct {
	http, bus string
	server    *server
}

const nodeSecret = "deux phares et un seul secret"

// twoNodes starts the house with one counsellor, who can log in as "camille".
func twoNodes(t *testing.T) *house {
	t.Helper()
	t.Setenv(AsProgram, "yes")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, bench: Bench{Program: program, Log: t.Output()}, data: t.TempDir(), database: storetest.PostgresDSN(t)}
	for i := range h.nodes {
		h.nodes[i] = &machineNode{http: freeport.Address(), bus: freeport.Address()}
	}
	h.run(password+"\n", "user", "add", "camille", "--alias", "Camille", "--role", "counsellor", "--password-stdin")
	for i := range h.nodes {
		h.start(i)
	}
	return h
}

// start starts one of the two.
func (h *house) start(i int) {
	h.Helper()
	n := h.nodes[i]
	s, err := h.bench.start(h.Context(), serving{data: h.data, database: h.database, listen: n.http, more: []string{
		"--bus-cluster-listen", n.bus, "--bus-routes", h.nodes[1-i].bus, "--bus-cluster-secret", nodeSecret,
	}})
	if err != nil {
		h.Fatal(err)
	}
	n.server = s
	h.Cleanup(func() { _ = s.kill() })
}

// run runs one command of the program on this house, and returns what it says.
func (h *house) run(in string, args ...string) string {
	h.Helper()
	c := exec.CommandContext(h.Context(), h.bench.Program, append(args, "--data", h.data, "--database", h.database, "--log-level", "warn")...)
	c.Env = quietly()
	c.Stdin = strings.NewReader(in)
	out, err := c.CombinedOutput()
	if err != nil {
		h.Fatalf("vigie %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// wait waits for what the other side, or the other node, brings.
func (h *house) wait(what string, done func() bool) {
	h.Helper()
	h.waitUntil(time.Now().Add(30*time.Second), what, done)
}

func (h *house) waitUntil(deadline time.Time, what string, done func() bool) {
	h.Helper()
	for ; !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatalf("waited in vain: %s", what)
		}
	}
}

// person is somebody in front of her page: a child, or a counsellor. When her node does not answer, her
// browser comes back through the balancer in front of the two, which is to say to the other one.
type person struct {
	*house
	name   string
	head   head
	desk   bool
	stream *listener

	mu sync.Mutex
	// contact is whom she talks with, "" before.
	contact string
	// shown has each letter that her page shows, with its number.
	shown map[uint32]int64
	// twice is a letter that her page showed under two numbers.
	twice error
	// wrote is what she wrote and was acknowledged, in order.
	wrote []uint32
	// rang is the contact that rings at her desk.
	rang string
}

func (h *house) other(address string) string {
	if address == h.nodes[0].http {
		return h.nodes[1].http
	}
	return h.nodes[0].http
}

// child comes in by a node, and waits with her page open.
func (h *house) child(node int) *person {
	h.Helper()
	h.contacts++
	c := &crowd{order: order{Address: h.nodes[node].http}}
	opening := newID(contactMark, h.contacts)
	t := &conversation{id: contact.IDOf(opening), opening: opening, head: head{host: h.nodes[node].http, address: address(h.contacts)}}
	d := newDoor(t.head.host, 1)
	defer d.close()
	if err := c.enter(h.Context(), d, t); err != nil {
		h.Fatal(err)
	}
	after, err := c.load(h.Context(), d, t)
	if err != nil {
		h.Fatal(err)
	}
	p := &person{house: h, name: "the child", head: t.head, contact: t.id, shown: map[uint32]int64{}}
	p.opens("/chat/events?after=", after)
	return p
}

// counsellor logs in at a node, opens her desk and is available.
func (h *house) counsellor(node int) *person {
	h.Helper()
	cookie, err := logIn(h.Context(), h.nodes[node].http, "camille")
	if err != nil {
		h.Fatal(err)
	}
	p := &person{house: h, name: "the counsellor", head: head{host: h.nodes[node].http, cookie: cookie}, desk: true, shown: map[uint32]int64{}}
	p.page()
	p.opens("/desk/events?after=", "")
	if r := p.post("/desk/presence", form(nil, "state", "available")); r.status != http.StatusOK {
		h.Fatalf("being available answered %d", r.status)
	}
	return p
}

// opens opens the stream of her page, which comes back by itself as long as the test lasts.
func (p *person) opens(path, after string) {
	p.Helper()
	opened := make(chan struct{}, 1)
	p.stream = &listener{head: p.head, path: path, last: after, hear: p.hear, again: 20 * time.Millisecond, opened: func() {
		select {
		case opened <- struct{}{}:
		default:
		}
	}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.stream.listen(func() { p.stream.head.host = p.other(p.stream.head.host) })
	}()
	p.Cleanup(func() { p.stream.close(); <-ended })
	select {
	case <-opened:
	case <-time.After(30 * time.Second):
		p.Fatal("the stream does not open")
	}
}

// hear is what her page is told.
func (p *person) hear(_, event []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bubbles(event, func(index uint32, seq int64, whole bool) {
		if had, there := p.shown[index]; there && had != seq {
			p.twice = errors.Join(p.twice, fmt.Errorf("%s sees letter %d as number %d and as %d", p.name, index, had, seq))
		}
		if !whole {
			p.twice = errors.Join(p.twice, fmt.Errorf("%s sees letter %d without its words", p.name, index))
		}
		p.shown[index] = seq
	})
	if at := bytes.Index(event, acceptMark); at >= 36 && bytes.Contains(event, ringMark) {
		p.rang = string(event[at-36 : at])
	}
}

// post posts a form until a node answers it, as her page does.
func (p *person) post(path string, form []byte) reply {
	p.mu.Lock()
	h := p.head
	p.mu.Unlock()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		w := &wire{host: h.host}
		r, err := w.do(func(b []byte) []byte { return h.post(b, path, form) })
		w.close()
		if err == nil && r.status < 500 || time.Now().After(deadline) {
			p.mu.Lock()
			p.head.host = h.host
			p.mu.Unlock()
			return r
		}
		h.host = p.other(h.host)
	}
}

// page loads her page anew, and returns the letters on it from top to bottom.
func (p *person) page() (onPage []uint32) {
	p.Helper()
	path := "/chat"
	if p.desk {
		path = "/desk"
	}
	d := newDoor(p.head.host, 1)
	defer d.close()
	res, body, err := d.ask(p.Context(), http.MethodGet, path, p.head, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		p.Fatalf("%s does not get her page: %v %v", p.name, res, err)
	}
	bubbles(body, func(index uint32, _ int64, _ bool) { onPage = append(onPage, index) })
	return onPage
}

// answers takes the contact that rings.
func (p *person) answers(child *person) {
	p.Helper()
	p.wait("the contact rings", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.rang == child.contact })
	r := p.post("/desk/contacts/"+child.contact+"/accept", nil)
	if r.status != http.StatusOK {
		p.Fatalf("taking what rings answered %d", r.status)
	}
	p.mu.Lock()
	p.contact = child.contact
	p.mu.Unlock()
	p.hear(nil, r.body)
}

// writes sends one message and returns it once it is acknowledged; while no node answers it is sent again.
// It may run beside the test, so a refusal is an error and not the test's end.
func (p *person) writes() (uint32, error) {
	index, l := p.letters.add(0, p.desk, time.Since(time.Time{}))
	l.id = newID(letterMark, index)
	path := "/chat/messages"
	if p.desk {
		path = "/desk/contacts/" + p.contact + "/messages"
	}
	r := p.post(path, form(nil, "message_id", l.id, "body", words(l.id, p.desk)))
	if r.status != http.StatusOK {
		return index, fmt.Errorf("%s could not write: %d %s", p.name, r.status, r.body)
	}
	p.hear(nil, r.body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrote = append(p.wrote, index)
	return index, nil
}

func (p *person) sees(index uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown[index] > 0
}

// converse has the two write in turn, each only once she has read what the other wrote. Where the buses of
// the nodes are not joined, each would only find it when it next compares its pages with the record, and
// half a dozen turns would take minutes.
func converse(child, counsellor *person, turns int) {
	child.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for range turns {
		for _, pair := range [][2]*person{{child, counsellor}, {counsellor, child}} {
			index, err := pair[0].writes()
			if err != nil {
				child.Fatal(err)
			}
			child.waitUntil(deadline, pair[1].name+" reads what was written", func() bool { return pair[1].sees(index) })
		}
	}
}

// meanwhile has both write as fast as they are acknowledged while something happens to a node, and goes on
// for a while afterwards.
func meanwhile(child, counsellor *person, happens func()) {
	child.Helper()
	const before, afterwards = 6, 6
	var both sync.WaitGroup
	half := make(chan struct{}, 2)
	happened := make(chan struct{})
	failed := make(chan error, 2)
	for _, p := range []*person{child, counsellor} {
		both.Go(func() {
			left := -1
			for n := 1; left != 0; n++ {
				if _, err := p.writes(); err != nil {
					failed <- err
					half <- struct{}{}
					return
				}
				if n == before {
					half <- struct{}{}
				}
				select {
				case <-happened:
					if left < 0 {
						left = afterwards
					}
					left--
				default:
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	<-half
	<-half
	happens()
	close(happened)
	both.Wait()
	select {
	case err := <-failed:
		child.Fatal(err)
	default:
	}
}

// nothingLost compares what was acknowledged with what the two see, on the pages that stayed open and on
// pages loaded anew: everything once, in the same order, each one's own in the order she wrote it.
func nothingLost(child, counsellor *person) {
	child.Helper()
	all := len(child.wrote) + len(counsellor.wrote)
	for _, p := range []*person{child, counsellor} {
		child.wait(fmt.Sprintf("%s sees all %d messages", p.name, all), func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.shown) >= all
		})
		p.mu.Lock()
		if p.twice != nil {
			child.Error(p.twice)
		}
		if len(p.shown) != all {
			child.Errorf("%s sees %d messages, %d were acknowledged", p.name, len(p.shown), all)
		}
		p.mu.Unlock()
		onPage := p.page()
		for _, writer := range []*person{child, counsellor} {
			mine := slices.DeleteFunc(slices.Clone(onPage), func(i uint32) bool { return !slices.Contains(writer.wrote, i) })
			// A desk brings the newest hundred at first; the rest comes as one scrolls up.
			if want := writer.wrote[len(writer.wrote)-min(len(mine), len(writer.wrote)):]; !slices.Equal(mine, want) {
				child.Errorf("the page of %s has of %s %v, want %v", p.name, writer.name, mine, want)
			}
		}
		if want := min(all, shownAtFirst); len(onPage) < want {
			child.Errorf("the page of %s has %d messages, want %d", p.name, len(onPage), want)
		}
	}
	child.mu.Lock()
	defer child.mu.Unlock()
	counsellor.mu.Lock()
	defer counsellor.mu.Unlock()
	for index, seq := range child.shown {
		if counsellor.shown[index] != seq {
			child.Errorf("letter %d is number %d for the child and %d for the counsellor", index, seq, counsellor.shown[index])
		}
	}
}

// shownAtFirst is how many messages any page brings, less the house's own lines.
const shownAtFirst = 90

// well has the doctor look at the house: nothing needs a look, and the audit's chain holds.
func (h *house) well() {
	h.Helper()
	said := h.run("", "doctor")
	if strings.Contains(said, "LOOK") || !strings.Contains(said, "the audit chain holds") {
		h.Errorf("the doctor says:\n%s", said)
	}
}

// A child on one node and a counsellor on another talk as if there were one; then the child's node is
// killed in mid-sentence, and nobody notices more than a hitch. Started again, it takes the next child.
func TestTheNodeOfTheChildIsKilled(t *testing.T) {
	h := twoNodes(t)
	counsellor := h.counsellor(1)
	child := h.child(0)
	counsellor.answers(child)
	converse(child, counsellor, 6)
	meanwhile(child, counsellor, func() { _ = h.nodes[0].server.kill() })
	converse(child, counsellor, 2)
	nothingLost(child, counsellor)

	h.start(0)
	next := h.child(0)
	counsellor.answers(next)
	converse(next, counsellor, 3)
	if next.head.host != h.nodes[0].http || counsellor.head.host != h.nodes[1].http {
		t.Error("the two were not on two nodes")
	}
	h.well()
}

// The counsellor's node is killed: she goes on at the other, still logged in, and the child is still hers.
func TestTheNodeOfTheCounsellorIsKilled(t *testing.T) {
	h := twoNodes(t)
	counsellor := h.counsellor(1)
	child := h.child(0)
	counsellor.answers(child)
	converse(child, counsellor, 2)
	meanwhile(child, counsellor, func() { _ = h.nodes[1].server.kill() })
	converse(child, counsellor, 2)
	nothingLost(child, counsellor)
	h.start(1)
	converse(child, counsellor, 2)
	nothingLost(child, counsellor)
	h.well()
}

// A node is stopped in order, and started again, and then the other: an evening's update.
func TestNodesAreUpdatedUnderATalkingPair(t *testing.T) {
	h := twoNodes(t)
	counsellor := h.counsellor(1)
	child := h.child(0)
	counsellor.answers(child)
	converse(child, counsellor, 2)
	for i := range h.nodes {
		meanwhile(child, counsellor, func() {
			if err := h.nodes[i].server.stop(); err != nil {
				t.Error(err)
			}
		})
		h.start(i)
		converse(child, counsellor, 2)
	}
	nothingLost(child, counsellor)
	h.well()
}
