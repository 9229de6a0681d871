package redistest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
)

// Cable is a way to Redis that can be cut. Dial is for rueidis.ClientOption.DialCtxFn. All
// methods may be called concurrently. The zero value is ready for use.
type Cable struct {
	mu    sync.Mutex // guards what follows
	cut   bool
	conns map[net.Conn]struct{}
}

var errCut = errors.New("redistest: the cable is cut")

// Dial connects, unless the cable is cut.
func (c *Cable) Dial(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	if c.isCut() {
		return nil, errCut
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if cfg != nil {
		conn = tls.Client(conn, cfg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		conn.Close()
		return nil, errCut
	}
	if c.conns == nil {
		c.conns = make(map[net.Conn]struct{})
	}
	c.conns[conn] = struct{}{}
	return conn, nil
}

func (c *Cable) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// Cut ends all connections and lets none come about.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// Mend ends a Cut.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}
