//go:build !linux

package swarm

import (
	"errors"
	"net/netip"
	"time"
)

// board is for Linux alone, whose system calls it takes.
type board struct {
	port  uint16
	every time.Duration
}

func openBoard() (*board, error) {
	return nil, errors.New("swarm: many telephones on one socket need Linux")
}

type outgoing struct{}

func newOutgoing(*board) *outgoing                                 { return nil }
func (o *outgoing) slot() []byte                                   { return nil }
func (o *outgoing) put(int, netip.Addr, netip.AddrPort) bool       { return false }
func (o *outgoing) flush()                                         {}
func (b *board) write([]byte, netip.Addr, netip.AddrPort) error    { return errors.ErrUnsupported }
func (b *board) close()                                            {}
func (b *board) read(func([]byte, [4]byte, netip.AddrPort, int64)) {}
func waitUntil(int64)                                              {}
func monotonic() int64                                             { return 0 }
