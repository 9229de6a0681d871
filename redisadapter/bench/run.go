package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// result is one run of one system.
type result struct {
	system     string
	deliveries int64
	messages   int64
	usage      usage
	delays     delays
	load       string // load average of the machine when the run began
	node       greeting
}

// perCPU is deliveries per second of server CPU.
func (r result) perCPU() float64 { return float64(r.deliveries) / r.usage.servers.Seconds() }

// perSecond is deliveries per second of wall time.
func (r result) perSecond() float64 { return float64(r.deliveries) / r.usage.wall.Seconds() }

// redisPer is Redis CPU for a thousand messages, in milliseconds.
func (r result) redisPer() float64 {
	return float64(r.usage.redis.Microseconds()) / float64(r.messages)
}

// cores is how many processors something kept busy.
func (r result) cores(cpu time.Duration) float64 { return cpu.Seconds() / r.usage.wall.Seconds() }

// generatorLimits tells whether more work was done outside of what is measured than inside: then
// the wall throughput is the generator's.
func (r result) generatorLimits() bool { return r.usage.generator > r.usage.servers+r.usage.redis }

// bench is what all runs share.
type bench struct {
	shape    shape
	redis    *redisServer
	packages string // folder of the Node.js server
	runs     int    // started so far
}

// run starts the nodes of a system, measures it, and ends them.
func (b *bench) run(ctx context.Context, s system) (r result, err error) {
	b.runs++
	r = result{system: s.name, load: loadAverage()}
	var nodes []*process
	defer func() {
		for _, p := range nodes {
			err = errors.Join(err, p.stop())
		}
	}()
	var addrs []string
	for i := range s.nodes {
		p, g, err := b.start(ctx, s, string(rune('A'+i)))
		if err != nil {
			return r, err
		}
		nodes, addrs, r.node = append(nodes, p), append(addrs, g.Addr), g
	}
	crowd, err := gather(addrs, b.shape)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, crowd.close()) }()
	if err := crowd.settle(ctx); err != nil {
		return r, err
	}
	if _, err := crowd.closedLoop(ctx, b.shape.warm); err != nil {
		return r, err
	}
	before, err := readMeter(nodes, b.redis.pid)
	if err != nil {
		return r, err
	}
	if r.deliveries, err = crowd.closedLoop(ctx, b.shape.load); err != nil {
		return r, err
	}
	after, err := readMeter(nodes, b.redis.pid)
	if err != nil {
		return r, err
	}
	r.messages, r.usage = r.deliveries/int64(b.shape.members), after.since(before)
	r.delays, err = crowd.pacedLoop(ctx, addrs)
	return r, err
}

// start starts one node.
func (b *bench) start(ctx context.Context, s system, letter string) (*process, greeting, error) {
	o := order{Prefix: fmt.Sprintf("bench-%d", b.runs), Wire: s.wire}
	if s.nodes > 1 {
		o.Redis = b.redis.addr
	}
	program, args := "node", []string{"server.mjs"}
	if !s.js {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, greeting{}, err
		}
		args = nil
	}
	cmd := exec.Command(program, args...)
	if s.js {
		cmd.Dir = b.packages
	}
	return launchNode(ctx, s.name+" "+letter, cmd, o)
}
