package freeport

import (
	"net"
	"strconv"
	"testing"
)

// Whoever asks is never given a port twice, nor one that somebody listens on, in UDP or in TCP, on any address.
func TestNobodyHasThePort(t *testing.T) {
	mu.Lock()
	start := next
	mu.Unlock()
	taken := map[int]bool{}
	for i, listen := range []func(at string) (interface{ Close() error }, error){
		func(at string) (interface{ Close() error }, error) { return net.Listen("tcp", "127.0.0.7:"+at) },
		func(at string) (interface{ Close() error }, error) { return net.ListenPacket("udp", "127.0.0.8:"+at) },
	} {
		port := first + (start+2+6*i)%(count-20)
		l, err := listen(strconv.Itoa(port))
		if err != nil {
			t.Skipf("somebody has port %d already: %v", port, err)
		}
		defer l.Close()
		taken[port] = true
	}
	for range 20 {
		row := Row(2)
		if row%2 != 0 || row < first || row+1 >= first+count {
			t.Fatalf("%d is not even, or out of reach", row)
		}
		for _, port := range []int{row, row + 1} {
			if taken[port] {
				t.Fatalf("%d was given to two", port)
			}
			taken[port] = true
		}
	}
}

// At the end of the range it begins anew.
func TestTheRangeIsARing(t *testing.T) {
	mu.Lock()
	next = count - 3
	mu.Unlock()
	for range 4 {
		if port := Row(2); port < first || port+1 >= first+count {
			t.Fatalf("%d is out of reach", port)
		}
	}
}
