package media

import (
	"net"
	"syscall"
)

// shareBuffer is how much a shared port may have waiting: 0.1 s of 2,000 calls, as the kernel counts.
const shareBuffer = 8 << 20

// Enlarge gives a socket that serves many calls a larger buffer than the system's own: past net.core.rmem_max
// where we may (CAP_NET_ADMIN), and up to it where not.
func Enlarge(c *net.UDPConn) {
	_ = c.SetReadBuffer(shareBuffer)
	_ = c.SetWriteBuffer(shareBuffer)
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		whole(int(fd))
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, shareBuffer)
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUFFORCE, shareBuffer)
	})
}

// whole says that no datagram of ours is ever cut in pieces, which none is large enough for: the kernel needs no
// number for each then, which is a thirtieth of what sending costs.
func whole(fd int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, syscall.IP_PMTUDISC_PROBE)
}
