package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/internal/workq"
)

// client is the way to Redis, whatever kind it is: one server, the master that Sentinel
// names, or a cluster. It belongs to one adapter or emitter. All methods may be called
// concurrently.
type client struct {
	rueidis.Client
	owned   bool
	cluster bool
	timeout time.Duration // of one command
	group   *workq.Group
}

// dial connects, trying again until ctx ends: then the error tells why it failed last.
func dial(ctx context.Context, cfg *Config, group *workq.Group) (*client, error) {
	c := &client{Client: cfg.Client, timeout: cfg.PublishTimeout, group: group}
	b := newBackoff(firstRetry, lastRetry)
	for c.Client == nil {
		fresh, err := dialOnce(ctx, cfg.Redis, group)
		if err == nil {
			c.Client, c.owned = fresh, true
			break
		}
		if !b.wait(ctx, nil) {
			return nil, fmt.Errorf("%w: %w", unavailable(err), context.Cause(ctx))
		}
	}
	c.cluster = c.Mode() == rueidis.ClientModeCluster
	return c, nil
}

// dialOnce connects. rueidis knows no context here, so a connection that comes too late is
// closed by the goroutine that has made it.
func dialOnce(ctx context.Context, o rueidis.ClientOption, group *workq.Group) (rueidis.Client, error) {
	type result struct {
		c   rueidis.Client
		err error
	}
	results := make(chan result)
	group.Go(func() { // owned by the adapter; ends when rueidis does, within its dial timeouts
		c, err := rueidis.NewClient(o)
		select {
		case results <- result{c, err}:
		case <-ctx.Done():
			if err == nil {
				c.Close()
			}
		}
	})
	select {
	case r := <-results:
		return r.c, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// close ends the connections, unless they are the user's.
func (c *client) close() {
	if c.owned {
		c.Close()
	}
}

// pinned takes a connection that belongs to the caller alone. In a cluster it is one to a
// master, and another one each time: any node of a cluster carries all channels, but
// other adapters count subscribers on masters only, and messages keep their order only
// as long as they take one way.
func (c *client) pinned(ctx context.Context) (rueidis.DedicatedClient, error) {
	d, _ := c.Dedicate() // closed instead of being released: a connection in doubt must not go back into the pool
	if !c.cluster {
		return d, nil
	}
	key := strconv.FormatUint(rand.Uint64(), 36) // its slot chooses the master
	cmd := d.B().Arbitrary("PUBSUB", "NUMSUB").Keys(key).Build()
	if err := d.Do(ctx, cmd).NonRedisError(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// count returns how many subscribers each channel has. In a cluster every node is asked,
// and one that does not answer counts as having none: its subscribers hear nothing.
func (c *client) count(ctx context.Context, channels ...string) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if !c.cluster {
		return numsub(ctx, c, channels)
	}
	nodes := c.Nodes()
	type result struct {
		counts []int64
		err    error
	}
	results := make(chan result, len(nodes))
	for _, node := range nodes {
		c.group.Go(func() { // owned by the adapter; ends with ctx
			counts, err := numsub(ctx, node, channels)
			results <- result{counts, err}
		})
	}
	sums := make([]int64, len(channels))
	errs := []error{errors.New("no node of the cluster answers")}
	for range nodes {
		r := <-results
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		for i, n := range r.counts {
			sums[i] += n
		}
	}
	if len(errs) > len(nodes) {
		return nil, unavailable(errors.Join(errs...))
	}
	return sums, nil
}

func numsub(ctx context.Context, c rueidis.Client, channels []string) ([]int64, error) {
	reply, err := c.Do(ctx, c.B().PubsubNumsub().Channel(channels...).Build()).ToArray()
	if err != nil {
		return nil, unavailable(err)
	}
	// The reply is a flat list of names and numbers; with RESP3 it is the same.
	if len(reply) != 2*len(channels) {
		return nil, unavailable(fmt.Errorf("PUBSUB NUMSUB has answered %d values for %d channels", len(reply), len(channels)))
	}
	counts := make([]int64, len(channels))
	for i := range counts {
		if counts[i], err = reply[2*i+1].AsInt64(); err != nil {
			return nil, unavailable(err)
		}
	}
	return counts, nil
}
