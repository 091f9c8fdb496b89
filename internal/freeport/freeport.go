// Package freeport finds ports of this machine that nobody has, for benchmarks and for tests, whose servers and
// telephones must be told a port before they start.
//
// A port asked of the kernel (":0") and given back is soon lent to somebody else's connection. So these lie below
// the ports that Linux lends (ip_local_port_range, 32768 and more) and below those of the telephone lines (20000 and
// more), each is tried in UDP and in TCP on every address of the machine, and none is named twice.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

const (
	first = 10000
	count = 10000
)

var (
	mu   sync.Mutex
	next = rand.IntN(count) // two processes at once should not look in the same place
)

// Port is one that is free. It panics where there is none: whoever asks cannot go on.
func Port() int { return Row(1) }

// Address is a free port of 127.0.0.1, as it is listened on.
func Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(Port())) }

// Row is the first of n free ports in a row; it is even, as the ports of sound are (RFC 3550 §11).
func Row(n int) int {
	mu.Lock()
	defer mu.Unlock()
	for tried := 0; tried < count; {
		at := next + next%2
		if at+n > count {
			next, tried = 0, tried+count-next
			continue
		}
		next, tried = at+n, tried+at+n-next
		if err := allFree(first+at, n); err == nil {
			return first + at
		}
	}
	panic(fmt.Sprintf("freeport: no %d ports in a row are free from %d to %d", n, first, first+count-1))
}

func allFree(port, n int) error {
	for p := port; p < port+n; p++ {
		at := ":" + strconv.Itoa(p)
		tcp, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		udp, err := net.ListenPacket("udp", at)
		if err := errors.Join(err, tcp.Close()); err != nil {
			return err
		}
		if err := udp.Close(); err != nil {
			return err
		}
	}
	return nil
}
