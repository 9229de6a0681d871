package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// shape says what is sent to whom.
type shape struct {
	rooms, members int // members of one room
	window         int // messages on their way in the closed loop
	size           int // bytes of the packet that members get
	warm, load     time.Duration
	paced          time.Duration
	rate           int // messages a second of the paced part
}

// side counts what arrives from one node.
type side struct {
	arrived atomic.Int64
	members int64 // of one room, on this node
}

// crowd are the members of all rooms, and the publisher. All its errors are final.
type crowd struct {
	shape
	publisher *client
	clients   []*client
	sides     []*side
	want      string        // the frame that members get
	frames    [][]byte      // what the publisher sends, one for each room
	progress  chan struct{} // told when another message may have arrived everywhere
	failed    chan error    // the first failure of a reader
	ended     atomic.Bool
	readers   sync.WaitGroup
	sent      int64
}

// gather connects everybody: to the nodes in turn, so that each room is spread evenly.
func gather(addrs []string, s shape) (*crowd, error) {
	filler := strings.Repeat("x", s.size-len(`42["msg",""]`))
	c := &crowd{shape: s, want: string(frame(`42["msg","`+filler+`"]`, false)), progress: make(chan struct{}, 1), failed: make(chan error, 1)}
	for range addrs {
		c.sides = append(c.sides, &side{members: int64(s.members / len(addrs))})
	}
	var err error
	if c.publisher, err = dial(addrs[0], ""); err != nil {
		return nil, err
	}
	for i := range s.rooms {
		room := fmt.Sprintf("r%d", i)
		c.frames = append(c.frames, frame(fmt.Sprintf(`42["say",%q,%q]`, room, filler), true))
		for j := range s.members {
			node := j % len(addrs)
			m, err := dial(addrs[node], room)
			if err != nil {
				return nil, errors.Join(err, c.close())
			}
			c.clients = append(c.clients, m)
			c.listen(m, c.sides[node])
		}
	}
	return c, nil
}

func (c *crowd) listen(m *client, s *side) {
	c.readers.Go(func() { // owned by the crowd, ends with the connection; close waits for it
		err := m.receive(c.want, func(n int) {
			now := s.arrived.Add(int64(n))
			if (now-int64(n))/s.members != now/s.members {
				select {
				case c.progress <- struct{}{}:
				default:
				}
			}
		})
		if !c.ended.Load() {
			select {
			case c.failed <- err:
			default:
			}
		}
	})
}

// close ends all connections and waits for their readers.
func (c *crowd) close() error {
	c.ended.Store(true)
	err := c.publisher.conn.Close()
	for _, m := range c.clients {
		err = errors.Join(err, m.conn.Close())
	}
	c.readers.Wait()
	return err
}

// complete is how many messages all members have.
func (c *crowd) complete() int64 {
	least := c.sides[0].arrived.Load() / c.sides[0].members
	for _, s := range c.sides[1:] {
		least = min(least, s.arrived.Load()/s.members)
	}
	return least
}

// publish sends the next message.
func (c *crowd) publish() error {
	_, err := c.publisher.conn.Write(c.frames[c.sent%int64(len(c.frames))])
	c.sent++
	return err
}

// await waits until no more than outstanding messages are on their way.
func (c *crowd) await(ctx context.Context, outstanding int64) error {
	if c.sent-c.complete() <= outstanding {
		return nil
	}
	stuck := time.NewTimer(patience)
	defer stuck.Stop()
	for c.sent-c.complete() > outstanding {
		select {
		case <-c.progress:
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-stuck.C:
			return fmt.Errorf("messages were lost: %d sent, %d complete", c.sent, c.complete())
		}
	}
	return nil
}

// settle sends a message to each room until one round arrives everywhere: before, a node may not
// hear a room yet.
func (c *crowd) settle(ctx context.Context) error {
	for range 20 {
		for range c.rooms {
			if err := c.publish(); err != nil {
				return err
			}
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		err := c.await(short, 0)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		c.sent = 0
		for _, s := range c.sides {
			s.arrived.Store(0)
		}
	}
	return errors.New("messages do not reach all members of their rooms")
}

// closedLoop sends for a time as fast as members get what was sent before, waits for the rest, and
// returns how many deliveries that were.
func (c *crowd) closedLoop(ctx context.Context, d time.Duration) (int64, error) {
	before := c.sent
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := c.await(ctx, int64(c.window-1)); err != nil {
			return 0, err
		}
		if err := c.publish(); err != nil {
			return 0, err
		}
	}
	if err := c.await(ctx, 0); err != nil {
		return 0, err
	}
	for _, s := range c.sides {
		if n := s.arrived.Load(); n != c.sent*s.members {
			return 0, fmt.Errorf("%d deliveries of %d messages to %d members", n, c.sent, s.members)
		}
	}
	return (c.sent - before) * int64(c.members), nil
}
