//go:build !linux

package media

import "net"

// Enlarge gives a socket that serves many calls a larger buffer, as far as the system allows.
func Enlarge(c *net.UDPConn) {
	_ = c.SetReadBuffer(8 << 20)
	_ = c.SetWriteBuffer(8 << 20)
}
