// Package bustest joins the buses of two nodes, for the tests of rooms that run on several.
package bustest

import (
	"context"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/freeport"
)

// Options are those of two nodes that will find one another.
func Options() (a, b bus.Options) {
	at, other := freeport.Address(), freeport.Address()
	return bus.Options{ClusterListen: at, Routes: []string{other}, ClusterSecret: "between nodes"},
		bus.Options{ClusterListen: other, Routes: []string{at}, ClusterSecret: "between nodes"}
}

// Two are the buses of two nodes that hear one another. They close with the test.
func Two(t testing.TB) (a, b *bus.Bus) {
	t.Helper()
	open := func(o bus.Options) *bus.Bus {
		b, err := bus.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b
	}
	first, second := Options()
	a, b = open(first), open(second)
	Meet(t, a, b)
	return a, b
}

// Meet waits until what a says is heard at b: by whatever was subscribed there before, too, because the way
// between them keeps the order.
func Meet(t testing.TB, a, b *bus.Bus) {
	t.Helper()
	heard := make(chan struct{}, 1)
	stop, err := b.Subscribe("bustest.hello", func(string, []byte) {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for deadline := time.Now().Add(20 * time.Second); ; {
		a.Publish("bustest.hello", nil)
		select {
		case <-heard:
			return
		case <-time.After(20 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("the two buses do not meet")
			}
		}
	}
}
