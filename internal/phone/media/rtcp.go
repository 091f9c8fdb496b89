package media

import (
	"net/netip"
	"time"
)

func (l *Line) receiveReport(b []byte, from netip.AddrPort, at time.Time) {}
