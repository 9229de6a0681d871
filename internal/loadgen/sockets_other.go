//go:build !linux

package loadgen

import (
	"context"
	"net"
	"net/netip"
)

func newSockets() (sockets, error) { return newPlainSockets(openTCP, func() {}), nil }

// openTCP is an opener.
func openTCP(ctx context.Context, target netip.AddrPort, source netip.Addr) (net.Conn, error) {
	d := net.Dialer{}
	if source.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	return d.DialContext(ctx, "tcp", target.String())
}
