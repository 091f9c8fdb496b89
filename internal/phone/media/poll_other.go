//go:build !linux

package media

import "net/netip"

func listenPort(at netip.AddrPort) (port, error) { return listenSocket(at) }
