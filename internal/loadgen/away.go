package loadgen

import (
	"math/rand/v2"
	"slices"
	"time"
)

// away are the connections that broke and are to come back.
type away struct {
	conns           []*conn
	breaks, returns int
	last            error
}

// broken plans the return of a connection. Who has been there before is told from who tries in vain.
func (c *Client) broken(k *conn, was stage, err error) {
	if was == ready {
		c.ready--
		c.away.breaks++
		k.attempts = 0
	} else {
		c.opening--
		k.attempts++
	}
	c.away.last = err
	pause := c.cfg.Reconnect << min(k.attempts, 5)
	k.due = time.Now().Add(pause/2 + rand.N(pause))
	c.away.conns = append(c.away.conns, k)
}

// bringBack dials those whose time has come, and shortens a wait to that of the next one.
func (c *Client) bringBack(d time.Duration) time.Duration {
	if len(c.away.conns) == 0 {
		return d
	}
	now := time.Now()
	var due []*conn
	c.away.conns = slices.DeleteFunc(c.away.conns, func(k *conn) bool {
		if k.due.After(now) {
			d = min(d, k.due.Sub(now))
			return false
		}
		due = append(due, k)
		return true
	})
	for _, k := range due {
		k.step, k.in, k.out, k.stage = 0, nil, nil, dialing
		if err := c.dial(k); err != nil {
			c.opening++ // broken takes it back
			k.stage = gone
			c.broken(k, dialing, err)
		}
	}
	return d
}

// back counts a connection that is ready again.
func (c *Client) back(k *conn) {
	c.away.returns++
	k.attempts = 0
	if c.run != nil {
		c.run.returned(k)
	}
}

// Away tells how many connections have broken since Dial, how many of these came back, and why the last one broke.
func (c *Client) Away() (breaks, returns int, last error) {
	return c.away.breaks, c.away.returns, c.away.last
}
