package bus_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"vigie/internal/bus"
	"vigie/internal/freeport"
)

func open(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func hear(t *testing.T, b *bus.Bus, subject string) <-chan string {
	t.Helper()
	heard := make(chan string, 100)
	stop, err := b.Subscribe(subject, func(s string, p []byte) { heard <- s + " " + string(p) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return heard
}

func next(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case s := <-heard:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was heard")
		return ""
	}
}

// Whoever announces is heard in the same process, in order, and only by those who asked for it.
func TestOneNodeHearsItself(t *testing.T) {
	b := open(t, bus.Options{})
	contacts := hear(t, b, "contact.*.message")
	for i := range 10 {
		b.Publish("queue", nil)
		b.Publish(fmt.Sprintf("contact.%d.message", i), []byte("{}"))
	}
	for i := range 10 {
		if got, want := next(t, contacts), fmt.Sprintf("contact.%d.message {}", i); got != want {
			t.Fatalf("heard %q, want %q", got, want)
		}
	}
}

// Where there is no other node, what is meant for the others is not said.
func TestNothingIsSaidElsewhereByOneNode(t *testing.T) {
	b := open(t, bus.Options{})
	heard := hear(t, b, "queue")
	b.PublishElsewhere("queue", []byte("to the others"))
	b.Publish("queue", []byte("to all"))
	if got := next(t, heard); got != "queue to all" {
		t.Fatalf("heard %q", got)
	}
}

// Two nodes joined by a route hear one another; a stranger without their secret is not let in.
func TestNodesJoinedByRoutes(t *testing.T) {
	a, b := freeport.Address(), freeport.Address()
	one := open(t, bus.Options{ClusterListen: a, Routes: []string{b}, ClusterSecret: "lamp"})
	two := open(t, bus.Options{ClusterListen: b, Routes: []string{a}, ClusterSecret: "lamp"})
	stranger := open(t, bus.Options{ClusterListen: freeport.Address(), Routes: []string{a}, ClusterSecret: "guess"})
	joined := make(chan struct{}, 10)
	defer one.OnReconnect(func() { joined <- struct{}{} })()
	heard, never := hear(t, two, "queue"), hear(t, stranger, "queue")
	deadline := time.After(10 * time.Second)
	for done := false; !done; {
		one.Publish("queue", []byte("1"))
		select {
		case <-heard:
			done = true
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("the other node hears nothing")
		}
	}
	select {
	case <-joined:
	case <-time.After(10 * time.Second):
		t.Error("a node is not told that the way to another is there")
	}
	one.PublishElsewhere("queue", []byte("elsewhere"))
	for got := ""; got != "queue elsewhere"; {
		got = next(t, heard)
	}
	select {
	case s := <-never:
		t.Errorf("the stranger heard %q", s)
	default:
	}
}

// A cluster that the helpline runs itself: the bus comes up before it, hears again after a loss, and tells
// those who have to read the record anew.
func TestABusOfTheirOwnComesBack(t *testing.T) {
	address := freeport.Address()
	b := open(t, bus.Options{URLs: []string{"nats://" + address}})
	back := make(chan struct{}, 10)
	stop := b.OnReconnect(func() { back <- struct{}{} })
	heard := make(chan string, 100)
	if _, err := b.Subscribe("queue", func(_ string, p []byte) { heard <- string(p) }); err != nil {
		t.Fatal(err)
	}
	hears := func(word string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; {
			b.Publish("queue", []byte(word))
			select {
			case got := <-heard:
				if got == word {
					return
				}
			case <-time.After(50 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q was not heard", word)
			}
		}
	}
	end := natsAt(t, address)
	hears("one")
	for len(back) > 0 {
		<-back
	}
	end()
	end = natsAt(t, address)
	defer end()
	select {
	case <-back:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told that announcements were missed")
	}
	hears("two")
	stop()
}

// natsAt runs a server of the cluster.
func natsAt(t *testing.T, address string) (end func()) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: n, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server did not start")
	}
	return func() { s.Shutdown(); s.WaitForShutdown() }
}

// A bus that lets other nodes in without a secret does not start.
func TestClusterNeedsASecret(t *testing.T) {
	if b, err := bus.Open(context.Background(), bus.Options{ClusterListen: freeport.Address()}); err == nil {
		b.Close()
		t.Error("it started")
	}
}

// An address that cannot be read is not repeated where its password would be read: in the log.
func TestAPasswordIsNotRepeated(t *testing.T) {
	_, err := bus.Open(t.Context(), bus.Options{URLs: []string{"nats://vigie:hunter/2@one:4222"}})
	if err == nil || strings.Contains(err.Error(), "hunter") || !strings.Contains(err.Error(), "bus-url") {
		t.Errorf("said: %v", err)
	}
}

// A node that cannot have its address says so, and not only that it did not start.
func TestAnAddressThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", freeport.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = bus.Open(t.Context(), bus.Options{ClusterListen: l.Addr().String(), ClusterSecret: "lamp"})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("said: %v", err)
	}
}
