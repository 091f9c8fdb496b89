package swarm

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// board is one socket on which every leg has an address of its own, all of 127.0.0.0/8 being this machine: so
// a thousand telephones send and receive many datagrams in one system call, and the machine's other core is
// not eaten up by those who measure. When a datagram came is told by the kernel: at the moment the server sent
// it, whenever we get round to reading it.
type board struct {
	fd     int
	port   uint16
	every  time.Duration  // how often it is looked at; the kernel keeps what came meanwhile
	drain  net.PacketConn // RTCP, which is not measured
	closed atomic.Bool
}

const (
	inOne     = 16  // datagrams sent at once: their stamps are at most so many sends old
	inMany    = 128 // datagrams read at once
	readEvery = 500 * time.Microsecond
	longest   = 1600
	infoSize  = 28 // cmsghdr and in_pktinfo
)

// openBoard opens the socket and the one of RTCP, one port higher.
func openBoard() (*board, error) {
	for range 64 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		b := &board{fd: fd, every: readEvery}
		if err := b.bind(); err != nil {
			_ = unix.Close(fd)
			return nil, err
		}
		if b.port%2 == 0 {
			if b.drain, err = net.ListenPacket("udp4", fmt.Sprintf("0.0.0.0:%d", b.port+1)); err == nil {
				go b.discard()
				return b, nil
			}
		}
		_ = unix.Close(fd)
	}
	return nil, fmt.Errorf("swarm: no pair of ports is free")
}

func (b *board) bind() error {
	for _, o := range [][3]int{
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, 32 << 20}, {unix.SOL_SOCKET, unix.SO_SNDBUF, 32 << 20},
	} {
		if err := unix.SetsockoptInt(b.fd, o[0], o[1], o[2]); err != nil {
			return err
		}
	}
	_ = unix.SetsockoptInt(b.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) // where we may
	_ = unix.SetsockoptInt(b.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20)
	if err := unix.Bind(b.fd, &unix.SockaddrInet4{}); err != nil {
		return err
	}
	at, err := unix.Getsockname(b.fd)
	if err == nil {
		b.port = uint16(at.(*unix.SockaddrInet4).Port)
	}
	return err
}

func (b *board) discard() {
	var one [longest]byte
	for {
		if _, _, err := b.drain.ReadFrom(one[:]); err != nil {
			return
		}
	}
}

func (b *board) close() {
	b.closed.Store(true)
	_ = b.drain.Close()
}

// mmsghdr is recvmmsg(2)'s struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// outgoing is room for datagrams that leave together.
type outgoing struct {
	b       *board
	n       int
	headers [inOne]mmsghdr
	vectors [inOne]unix.Iovec
	names   [inOne]unix.RawSockaddrInet4
	infos   [inOne][32]byte
	data    [inOne][longest]byte
}

func newOutgoing(b *board) *outgoing {
	o := &outgoing{b: b}
	for i := range o.headers {
		h := &o.headers[i].hdr
		o.vectors[i].Base = &o.data[i][0]
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&o.names[i])), unix.SizeofSockaddrInet4
		h.Iov, h.Iovlen = &o.vectors[i], 1
		h.Control, h.Controllen = &o.infos[i][0], 32
		writeInfo(o.infos[i][:])
	}
	return o
}

// writeInfo lays the head of an IP_PKTINFO; which address it says comes later.
func writeInfo(b []byte) {
	binary.NativeEndian.PutUint64(b, infoSize)
	binary.NativeEndian.PutUint32(b[8:], unix.IPPROTO_IP)
	binary.NativeEndian.PutUint32(b[12:], unix.IP_PKTINFO)
}

// slot is where the next datagram is to be written.
func (o *outgoing) slot() []byte { return o.data[o.n][:] }

// put takes what was written into slot, and says whether it is time to flush.
func (o *outgoing) put(size int, from netip.Addr, to netip.AddrPort) (full bool) {
	i := o.n
	o.vectors[i].Len = uint64(size)
	four := to.Addr().As4()
	o.names[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: four}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&o.names[i].Port))[:], to.Port())
	source := from.As4()
	copy(o.infos[i][20:24], source[:]) // ipi_spec_dst
	o.n++
	return o.n == inOne
}

// flush sends them. A datagram that cannot go is passed over: it will be missed.
func (o *outgoing) flush() {
	for at := 0; at < o.n; {
		sent, _, no := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(o.b.fd), uintptr(unsafe.Pointer(&o.headers[at])), uintptr(o.n-at), 0, 0, 0)
		switch {
		case no == unix.EINTR:
		case no != 0:
			at++
		default:
			at += int(sent)
		}
	}
	o.n = 0
}

// write sends one datagram.
func (b *board) write(data []byte, from netip.Addr, to netip.AddrPort) error {
	var info [32]byte
	writeInfo(info[:])
	source := from.As4()
	copy(info[20:24], source[:])
	return unix.Sendmsg(b.fd, data, info[:], &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}, 0)
}

// read hands over every datagram that comes, until the board is closed: to which of our addresses it was
// sent, where from, and when it came, in Unix nanoseconds. It looks every now and then and never waits in the
// socket: waking us up for each packet would be charged to the server, which no network does.
func (b *board) read(take func(data []byte, to [4]byte, from netip.AddrPort, at int64)) {
	defer unix.Close(b.fd)
	var (
		headers  [inMany]mmsghdr
		vectors  [inMany]unix.Iovec
		names    [inMany]unix.RawSockaddrInet4
		controls [inMany][128]byte
		data     = make([][longest]byte, inMany)
	)
	for !b.closed.Load() {
		for i := range headers {
			h := &headers[i].hdr
			vectors[i] = unix.Iovec{Base: &data[i][0], Len: longest}
			h.Name, h.Namelen = (*byte)(unsafe.Pointer(&names[i])), unix.SizeofSockaddrInet4
			h.Iov, h.Iovlen = &vectors[i], 1
			h.Control, h.Controllen = &controls[i][0], uint64(len(controls[i]))
		}
		n, _, no := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&headers[0])), inMany, unix.MSG_DONTWAIT, 0, 0)
		if no != 0 {
			waitUntil(monotonic() + int64(b.every))
			continue
		}
		for i := range int(n) {
			to, at := readControl(controls[i][:headers[i].hdr.Controllen])
			port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&names[i].Port))[:])
			take(data[i][:headers[i].n], to, netip.AddrPortFrom(netip.AddrFrom4(names[i].Addr), port), at)
		}
	}
}

// readControl finds the address (IP_PKTINFO) and the time (SCM_TIMESTAMPNS) of a datagram.
func readControl(b []byte) (to [4]byte, at int64) {
	for len(b) >= 16 {
		size := binary.NativeEndian.Uint64(b)
		level, kind := binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:])
		if size < 16 || size > uint64(len(b)) {
			return to, at
		}
		switch body := b[16:size]; {
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(body) >= 12:
			copy(to[:], body[8:12])
		case level == unix.SOL_SOCKET && kind == unix.SCM_TIMESTAMPNS && len(body) >= 16:
			at = int64(binary.NativeEndian.Uint64(body))*1e9 + int64(binary.NativeEndian.Uint64(body[8:]))
		}
		b = b[min(uint64(len(b)), (size+7)&^7):]
	}
	return to, at
}

// waitUntil sleeps until this time of the monotonic clock, more exactly than the runtime's timers do.
func waitUntil(nanoseconds int64) {
	at := unix.NsecToTimespec(nanoseconds)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil) == unix.EINTR {
	}
}

// monotonic is that clock's time.
func monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // it always exists
	return t.Nano()
}
