package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"
)

// figures are what one run of a system in a scenario gave.
type figures struct {
	Scenario string            `json:"scenario"`
	System   string            `json:"system"`
	Round    int               `json:"round"`
	Conns    int               `json:"conns"`
	Load     string            `json:"load"` // average of the machine, before
	Connect  dialed            `json:"connect"`
	Memory   *memory           `json:"memory,omitempty"`
	Loads    map[string]loaded `json:"loads,omitempty"`
}

// memory is resident memory of all servers, in bytes.
type memory struct {
	Before    int64 `json:"before"` // after a collection
	After     int64 `json:"after"`
	Collected int64 `json:"collected"` // after another one
}

// bench runs things.
type bench struct {
	pin       bool
	profiles  string              // folder; "": none are made
	greetings map[string]greeting // what the systems said of themselves last
}

// The processors of the two sides.
func (b *bench) cpus() (servers, others int) {
	if b.pin {
		return 0, 1
	}
	return -1, -1
}

// crew is everything that one run has started.
type crew struct {
	servers []*process
	pids    []int
	redis   *process
	targets []string
}

func (c *crew) end() {
	for _, p := range c.servers {
		p.kill()
	}
	if c.redis != nil {
		c.redis.kill()
	}
}

// start brings the servers of a system up.
func (b *bench) start(ctx context.Context, s system, sc scenario) (c *crew, err error) {
	c = &crew{}
	defer func() {
		if err != nil {
			c.end()
		}
	}()
	serverCPU, otherCPU := b.cpus()
	o := s.order
	o.Extra, o.Prefix = sc.extra, "bench"
	if b.profiles != "" {
		if o.Profile, err = profilePath(b.profiles, sc, s); err != nil {
			return c, err
		}
	}
	if s.redis {
		if c.redis, o.Redis, err = startRedis(ctx, otherCPU); err != nil {
			return c, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range sc.nodes {
		var cmd *exec.Cmd
		if s.node {
			cmd, err = withOrder(exec.Command("node", "--expose-gc", filepath.Join(nodeDir, "server.mjs")), asServer, o)
		} else {
			cmd, err = command(asServer, o)
		}
		if err != nil {
			return c, err
		}
		p, err := launch(s.name, serverCPU, cmd)
		if err != nil {
			return c, err
		}
		c.servers, c.pids = append(c.servers, p), append(c.pids, p.pid())
		var g greeting
		if err := p.read(ctx, &g); err != nil {
			return c, err
		}
		c.targets = append(c.targets, g.Addr)
		b.greetings[s.name] = g
	}
	return c, nil
}

// tell has all servers do something.
func (c *crew) tell(ctx context.Context, line string) error {
	for _, p := range c.servers {
		if err := p.tell(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// run measures a system once.
func (b *bench) run(ctx context.Context, s system, sc scenario) (f figures, err error) {
	f = figures{Scenario: sc.name, System: s.name, Conns: sc.conns, Load: loadAverage()}
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	c, err := b.start(ctx, s, sc)
	if err != nil {
		return f, err
	}
	defer c.end()
	if sc.hold > 0 {
		f.Memory = &memory{}
		if f.Memory.Before, err = c.weigh(ctx, true); err != nil {
			return f, err
		}
	}
	t := task{Targets: c.targets, Dialect: s.dialect, Conns: sc.conns, Members: sc.members, Publisher: sc.publisher, Servers: c.pids, Loads: sc.loads, Wait: sc.hold > 0}
	if c.redis != nil {
		t.Redis = []int{c.redis.pid()}
	}
	for i := range sc.conns / 8000 {
		t.Sources = append(t.Sources, fmt.Sprintf("127.0.0.%d", 2+i)) // one address has too few ports
	}
	return f, b.generate(ctx, c, t, sc.hold, &f)
}

// weigh reads the resident memory of all servers.
func (c *crew) weigh(ctx context.Context, collect bool) (int64, error) {
	if collect {
		if err := c.tell(ctx, "collect"); err != nil {
			return 0, err
		}
	}
	return memoryOf(c.pids)
}

// generate runs a generator and takes what it says.
func (b *bench) generate(ctx context.Context, c *crew, t task, hold time.Duration, f *figures) error {
	cmd, err := command(asLoad, t)
	if err != nil {
		return err
	}
	_, cpu := b.cpus()
	p, err := launch("generator", cpu, cmd)
	if err != nil {
		return err
	}
	defer p.kill()
	if err := p.read(ctx, &f.Connect); err != nil {
		return err
	}
	if t.Wait {
		if err := c.hold(ctx, hold, f.Memory); err != nil {
			return err
		}
		if _, err := io.WriteString(p.input, "proceed\n"); err != nil {
			return err
		}
	}
	if b.profiles != "" {
		if err := c.tell(ctx, profileLine); err != nil {
			return err
		}
	}
	f.Loads = map[string]loaded{}
	for _, l := range t.Loads {
		var r loaded
		if err := p.read(ctx, &r); err != nil {
			return err
		}
		if r.Lost != 0 {
			return fmt.Errorf("%s: %d messages were lost of %d", l.Name, r.Lost, r.Sent)
		}
		f.Loads[l.Name] = r
	}
	if b.profiles != "" {
		return c.tell(ctx, profileLine)
	}
	return nil
}

// hold waits, and weighs quiet connections.
func (c *crew) hold(ctx context.Context, d time.Duration, m *memory) (err error) {
	if err := pause(ctx, d); err != nil {
		return err
	}
	if m.After, err = c.weigh(ctx, false); err != nil {
		return err
	}
	m.Collected, err = c.weigh(ctx, true)
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
