package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// delays are times from the publisher's write to the arrival at a member on its own node, at one
// on the other node, and what the second was later.
type delays struct {
	near, far, added []time.Duration
}

// pair is a room of two members, the last of which is on the last node.
type pair struct {
	near, far *client
	arrivals  [2]chan time.Time
	failed    chan error // the end of a reader
	readers   sync.WaitGroup
}

const pairRoom = "pair"

func newPair(addrs []string, want string) (*pair, error) {
	p := &pair{failed: make(chan error, 2)}
	var err error
	if p.near, err = dial(addrs[0], pairRoom); err != nil {
		return nil, err
	}
	if p.far, err = dial(addrs[len(addrs)-1], pairRoom); err != nil {
		return nil, errors.Join(err, p.near.conn.Close())
	}
	for i, c := range []*client{p.near, p.far} {
		arrivals := make(chan time.Time, 64)
		p.arrivals[i] = arrivals
		p.readers.Go(func() { // owned by the pair, ends with the connection; close waits for it
			p.failed <- c.receive(want, func(int) {
				select {
				case arrivals <- time.Now():
				default: // nobody waits for a late one
				}
			})
		})
	}
	return p, nil
}

func (p *pair) close() error {
	err := errors.Join(p.near.conn.Close(), p.far.conn.Close())
	p.readers.Wait()
	return err
}

// once sends one message and waits until both have it.
func (p *pair) once(ctx context.Context, send func() error) (start time.Time, arrived [2]time.Time, err error) {
	start = time.Now()
	if err = send(); err != nil {
		return
	}
	for i, c := range p.arrivals {
		select {
		case arrived[i] = <-c:
		case err = <-p.failed:
			return
		case <-ctx.Done():
			err = fmt.Errorf("a paced message: %w", ctx.Err())
			return
		}
	}
	return
}

// pacedLoop sends a few messages a second for a time.
func (c *crowd) pacedLoop(ctx context.Context, addrs []string) (d delays, err error) {
	p, err := newPair(addrs, c.want)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	text := c.want[len(c.want)-c.size:]
	message := frame(`42["say","`+pairRoom+`",`+text[len(`42["msg",`):], true)
	send := func() error {
		_, err := c.publisher.conn.Write(message)
		return err
	}
	if err := p.settle(ctx, send); err != nil {
		return d, err
	}
	next := time.NewTicker(time.Second / time.Duration(c.rate))
	defer next.Stop()
	for end := time.Now().Add(c.paced); time.Now().Before(end); {
		select {
		case <-next.C:
		case <-ctx.Done():
			return d, ctx.Err()
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		start, arrived, err := p.once(limited, send)
		cancel()
		if err != nil {
			return d, err
		}
		d.near = append(d.near, arrived[0].Sub(start))
		d.far = append(d.far, arrived[1].Sub(start))
		d.added = append(d.added, arrived[1].Sub(arrived[0]))
	}
	return d, nil
}

// settle sends until one message arrives at both.
func (p *pair) settle(ctx context.Context, send func() error) error {
	for range 20 {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		_, _, err := p.once(limited, send)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		for _, c := range p.arrivals {
			for len(c) > 0 {
				<-c
			}
		}
	}
	return errors.New("messages do not reach both members of the room")
}
