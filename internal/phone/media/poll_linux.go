package media

import (
	"encoding/binary"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller reads the ports of many lines with one goroutine. A goroutine a port is woken for each packet, reads it,
// and reads once more to find that there is no other: of the three system calls that a relayed packet costs that
// way, and of what it takes to wake somebody, two remain. It is also 10 KB less a line.
type poller struct {
	file  *os.File // the epoll instance, on which the runtime's own poller waits
	fd    int
	mu    sync.RWMutex
	ports []*polled // by what the kernel says of an event
	free  []int32
}

// polledAtOnce is how many ports are looked after in a round.
const polledAtOnce = 128

// pollers is one for each core.
var pollers = sync.OnceValues(func() ([]*poller, error) {
	var all []*poller
	for range runtime.GOMAXPROCS(0) {
		p, err := newPoller()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
})

var pollerTurn atomic.Uint32

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that os.NewFile has the runtime wait for it
		_ = unix.Close(fd)
		return nil, err
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	raw, err := p.file.SyscallConn()
	if err != nil {
		_ = p.file.Close()
		return nil, err
	}
	go p.run(raw)
	return p, nil
}

// run goes on for as long as the process.
func (p *poller) run(raw syscall.RawConn) {
	var events [polledAtOnce]unix.EpollEvent
	buffer := make([]byte, 2048)
	n := 0
	wait := func(uintptr) bool {
		n = pollEvents(p.fd, &events)
		return n > 0
	}
	for raw.Read(wait) == nil {
		beginRound()
		for i := range events[:n] {
			p.mu.RLock()
			port := p.ports[events[i].Fd]
			p.mu.RUnlock()
			if port != nil {
				port.receive(buffer)
			}
		}
		endRound()
		runtime.Gosched() // who signals has his turn too
	}
}

// pollEvents is epoll_wait(2) without waiting.
func pollEvents(fd int, events *[polledAtOnce]unix.EpollEvent) int {
	n, _, no := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(events)), polledAtOnce, 0, 0, 0)
	if no != 0 {
		return 0
	}
	return int(n)
}

// polled is a port that a poller reads. Its file is not the runtime's, which would be woken for it too.
type polled struct {
	at   netip.AddrPort
	take func(b []byte, from netip.AddrPort, at time.Time)

	poller *poller
	slot   int32

	reading sync.Mutex // held while the file is read, writing while it is written: nobody uses a number that was given back
	writing sync.Mutex
	fd      int
	name    unix.RawSockaddrInet6 // of whoever was sent to last, or of IPv4 in the same place
	size    uintptr
	to      netip.AddrPort
}

// listenPort opens a port; whatever comes waits until serve.
func listenPort(at netip.AddrPort) (port, error) {
	family := unix.AF_INET
	if at.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	whole(fd)
	var local unix.Sockaddr
	if family == unix.AF_INET {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		err = unix.Bind(fd, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
	}
	if err == nil {
		local, err = unix.Getsockname(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	switch a := local.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(at.Addr(), uint16(a.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(at.Addr(), uint16(a.Port))
	}
	return &polled{at: at, fd: fd, slot: -1}, nil
}

func (p *polled) local() netip.AddrPort { return p.at }

// serve hands every datagram to take from now on.
func (p *polled) serve(take func(b []byte, from netip.AddrPort, at time.Time)) error {
	all, err := pollers()
	if err != nil {
		return err
	}
	p.take = take
	p.poller = all[int(pollerTurn.Add(1)/2)%len(all)] // RTP and RTCP of a line by the same
	return p.poller.add(p)
}

func (o *poller) add(p *polled) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.free); n > 0 {
		p.slot, o.free = o.free[n-1], o.free[:n-1]
	} else {
		p.slot = int32(len(o.ports))
		o.ports = append(o.ports, nil)
	}
	o.ports[p.slot] = p
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(o.fd, unix.EPOLL_CTL_ADD, p.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: p.slot}))
}

// remove gives the port's place back. An event that is under way may find another port there, whose read finds
// nothing.
func (o *poller) remove(p *polled) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = unix.EpollCtl(o.fd, unix.EPOLL_CTL_DEL, p.fd, nil)
	o.ports[p.slot] = nil
	o.free = append(o.free, p.slot)
}

// receive reads one datagram; the poller comes again for the next.
func (p *polled) receive(buffer []byte) {
	var name unix.RawSockaddrInet6
	size := uint32(unsafe.Sizeof(name))
	p.reading.Lock()
	if p.fd < 0 {
		p.reading.Unlock()
		return
	}
	n, _, no := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(p.fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)))
	p.reading.Unlock()
	if no == 0 {
		p.take(buffer[:n], readName(&name), time.Now())
	}
}

// send drops what cannot go at once, as any datagram may be lost.
func (p *polled) send(b []byte, to netip.AddrPort) {
	if len(b) == 0 {
		return
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.fd < 0 {
		return
	}
	if p.to != to {
		size, ok := writeName(&p.name, to, p.at.Addr().Is6())
		if !ok {
			return
		}
		p.to, p.size = to, size
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(p.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&p.name)), p.size)
}

func (p *polled) close() error {
	if p.slot >= 0 {
		p.poller.remove(p)
	}
	p.reading.Lock()
	defer p.reading.Unlock()
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.fd < 0 {
		return nil
	}
	err := unix.Close(p.fd)
	p.fd = -1
	return os.NewSyscallError("close", err)
}

// readName reads an address as the kernel writes it.
func readName(n *unix.RawSockaddrInet6) netip.AddrPort {
	if n.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), bigEndian(&four.Port))
	}
	return plain(netip.AddrPortFrom(netip.AddrFrom16(n.Addr), bigEndian(&n.Port)))
}

// writeName writes an address as the kernel reads it; false for one of the other family.
func writeName(n *unix.RawSockaddrInet6, to netip.AddrPort, six bool) (uintptr, bool) {
	if !six {
		if !to.Addr().Unmap().Is4() {
			return 0, false
		}
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		*four = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr().Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&four.Port))[:], to.Port())
		return unix.SizeofSockaddrInet4, true
	}
	if !to.Addr().IsValid() {
		return 0, false
	}
	*n = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: to.Addr().As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&n.Port))[:], to.Port())
	return unix.SizeofSockaddrInet6, true
}

func bigEndian(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}
