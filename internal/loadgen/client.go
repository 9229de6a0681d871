package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"
)

// Config says which connections there are.
type Config struct {
	Targets   []string // host:port of each server; connections take them in turn
	Dialect   Dialect
	Conns     int
	Members   int      // of each room; the first so many connections are in the first one; 0: no rooms
	Rooms     string   // what the names of rooms begin with, before a number; "r"
	Publisher bool     // one more connection, to the first target, in no room; it sends instead of the members
	Ramp      float64  // connections begun in a second; 0: as fast as Opening allows
	Opening   int      // connections that are not ready yet, at most; 64
	Sources   []string // local addresses, taken in turn where one has too few ports; none
	Polling   bool     // long-polling instead of websockets, by goroutines and net/http: it costs several times as much

	// Reconnect lets a connection that breaks after Dial come back: after so long at first, then twice that and so on up to 32 times,
	// each time more or less by half. 0: the first break ends the use of the client.
	Reconnect time.Duration

	Patience time.Duration       // for one connection to get ready, and for lost messages; 30 s
	Progress func(ready, of int) // called when a connection is ready; nil: nobody
}

func (c Config) check() error {
	switch {
	case len(c.Targets) == 0 || c.Dialect == nil:
		return errors.New("loadgen: no target or no dialect")
	case c.Conns < 0 || c.Conns == 0 && !c.Publisher || c.Members < 0 || c.Ramp < 0 || c.Opening < 0 || c.Patience < 0 || c.Reconnect < 0:
		return errors.New("loadgen: a negative number, or no connection at all")
	case c.Members > 0 && c.Conns%c.Members != 0:
		return fmt.Errorf("loadgen: %d connections do not fill rooms of %d", c.Conns, c.Members)
	}
	return nil
}

// Client is a set of connections. Only the goroutine that called Dial may use it.
type Client struct {
	cfg     Config
	targets []netip.AddrPort
	sources []netip.Addr
	sockets sockets
	byID    []*conn // by the id of its socket
	conns   []*conn // those of Config.Conns, then the publisher
	ready   int
	opening int
	begun   int
	err     error  // what ended it: the first failure of any connection
	scratch []byte // for messages that are sent rarely
	opened  bool   // Dial is over
	away    away
	run     *run // nil between two
}

// Dial opens all connections and joins their rooms. It locks the calling goroutine to its thread until Close. The
// failure of one connection ends all.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Opening == 0 {
		cfg.Opening = 64
	}
	if cfg.Patience == 0 {
		cfg.Patience = 30 * time.Second
	}
	c := &Client{cfg: cfg}
	for _, t := range cfg.Targets {
		a, err := net.ResolveTCPAddr("tcp", t)
		if err != nil {
			return nil, fmt.Errorf("loadgen: %w", err)
		}
		p := a.AddrPort()
		c.targets = append(c.targets, netip.AddrPortFrom(p.Addr().Unmap(), p.Port()))
	}
	for _, s := range cfg.Sources {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("loadgen: %w", err)
		}
		c.sources = append(c.sources, a)
	}
	var err error
	if cfg.Polling {
		c.sockets = newPollingSockets()
	} else if c.sockets, err = newSockets(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.opened = true
	return c, nil
}

// Close ends all connections.
func (c *Client) Close() error {
	for _, k := range c.conns {
		if k.stage != gone {
			k.stage = gone
			c.sockets.drop(k.id)
		}
	}
	runtime.UnlockOSThread()
	return c.sockets.close()
}

// Idle keeps the connections alive for so long: it answers pings and does nothing else.
func (c *Client) Idle(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	for time.Now().Before(end) {
		if err := c.step(ctx, time.Until(end)); err != nil {
			return err
		}
	}
	return nil
}

// open begins connections on schedule until all are ready.
func (c *Client) open(ctx context.Context) error {
	total := c.cfg.Conns
	if c.cfg.Publisher {
		total++
	}
	begin, moved := time.Now(), time.Now()
	for last := 0; c.ready < total; {
		due := total
		if c.cfg.Ramp > 0 {
			due = min(total, 1+int(time.Since(begin).Seconds()*c.cfg.Ramp))
		}
		for c.begun < due && c.opening < c.cfg.Opening {
			if err := c.begin(); err != nil {
				return err
			}
		}
		pause := 100 * time.Millisecond
		if c.cfg.Ramp > 0 && c.begun < total && c.opening < c.cfg.Opening {
			pause = min(pause, max(0, time.Until(begin.Add(time.Duration(float64(c.begun)/c.cfg.Ramp*float64(time.Second))))))
			moved = time.Now()
		}
		if err := c.step(ctx, pause); err != nil {
			return err
		}
		if c.ready > last {
			last, moved = c.ready, time.Now()
		}
		if time.Since(moved) > c.cfg.Patience {
			return fmt.Errorf("loadgen: %d of %d connections are ready, and nothing happens", c.ready, total)
		}
	}
	return nil
}

// begin dials the next connection.
func (c *Client) begin() error {
	k := &conn{target: c.begun % len(c.targets), room: -1}
	if c.begun < c.cfg.Conns && c.cfg.Members > 0 {
		k.room = c.begun / c.cfg.Members
	}
	if c.begun == c.cfg.Conns {
		k.target = 0
	}
	if len(c.sources) > 0 {
		k.source = c.sources[c.begun%len(c.sources)]
	}
	if err := c.dial(k); err != nil {
		return err
	}
	c.conns = append(c.conns, k)
	c.begun++
	return nil
}

func (c *Client) dial(k *conn) (err error) {
	if k.id, err = c.sockets.dial(c.targets[k.target], k.source); err != nil {
		return fmt.Errorf("loadgen: %w", err)
	}
	for len(c.byID) <= k.id {
		c.byID = append(c.byID, nil)
	}
	c.byID[k.id] = k
	c.opening++
	return nil
}

// step waits for what happens, but no longer than d, and handles it.
func (c *Client) step(ctx context.Context, d time.Duration) error {
	const look = 250 * time.Millisecond // how often ctx is looked at
	d = c.bringBack(d)
	if err := c.sockets.wait(min(max(d, 0), look), c); err != nil {
		return err
	}
	if c.err == nil {
		c.err = ctx.Err()
	}
	return c.err
}

// fail ends a connection. Unless it may come back the first failure is that of the client.
func (c *Client) fail(k *conn, err error) {
	if k.stage == gone {
		return
	}
	err = fmt.Errorf("loadgen: connection to %s: %w", c.cfg.Targets[k.target], err)
	was := k.stage
	k.stage = gone
	c.sockets.drop(k.id)
	switch {
	case c.opened && c.cfg.Reconnect > 0:
		c.broken(k, was, err)
	case c.err == nil:
		c.err = err
	}
}

// room is the name of one.
func (c *Client) room(i int) string {
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", or(c.cfg.Rooms, "r"), i)
}
