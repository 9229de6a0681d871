package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
)

// cluster is everything that the program has started. Its methods are called by one goroutine; only addresses is called by those
// of the website as well.
type cluster struct {
	settings settings
	out      io.Writer // what people read
	log      *slog.Logger
	failed   chan error // the first thing that ended without having been told to

	redis    *child // nil: somebody else's
	workshop workshop
	nest     *child
	nodes    map[string]*node
	website  *website

	mu    sync.Mutex // guards what follows
	hosts map[string]string
}

// open starts what the settings name, and ends what it has started if something fails.
func open(ctx context.Context, s settings, out io.Writer, log *slog.Logger) (*cluster, error) {
	c := &cluster{
		settings: s, out: out, log: log, failed: make(chan error, 1),
		nodes: make(map[string]*node), hosts: make(map[string]string),
	}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cluster) open(ctx context.Context) error {
	if err := c.openRedis(ctx); err != nil {
		return err
	}
	ln, err := c.listen()
	if err != nil {
		return err
	}
	// The page is served last, when the nodes that it offers are there.
	if err := c.openNodes(ctx); err != nil {
		if ln != nil {
			ln.Close()
		}
		return err
	}
	if ln != nil {
		c.website = startWebsite(ln, c.settings.secret, c.addresses, c.fail)
		_, port, _ := net.SplitHostPort(c.website.addr)
		c.say("page", "open http://localhost:%s", port)
	}
	return nil
}

func (c *cluster) openRedis(ctx context.Context) (err error) {
	if !c.settings.redis.given() {
		if c.redis, c.settings.redis, err = startRedis(ctx); err != nil {
			return err
		}
		c.redis.watch(c.fail)
	}
	c.say("redis", "%s", c.settings.redis.addr())
	return nil
}

// listen opens the page's port, which has to be known before the nodes start: they admit its origin.
func (c *cluster) listen() (ln net.Listener, err error) {
	port := fmt.Sprint(c.settings.port)
	if slices.Contains(c.settings.start, thePage) {
		if ln, err = net.Listen("tcp", "127.0.0.1:"+port); err != nil {
			return nil, err
		}
		_, port, _ = net.SplitHostPort(ln.Addr().String())
	}
	c.settings.origins = append(slices.Clone(c.settings.origins), "http://localhost:"+port, "http://127.0.0.1:"+port)
	return ln, nil
}

func (c *cluster) openNodes(ctx context.Context) error {
	for i, name := range nodeNames {
		if c.settings.port != 0 { // where the others are, whoever starts them
			c.hosts[name] = fmt.Sprintf("127.0.0.1:%d", c.settings.port+1+i)
		}
	}
	for _, name := range nodeNames {
		if !slices.Contains(c.settings.start, name) {
			continue
		}
		err := c.startNode(ctx, name)
		if name == nest && errors.Is(err, errNoNode) && len(c.settings.start) > 1 && !c.settings.demo {
			c.say(name, "not started: %v", err)
			continue
		}
		if err != nil {
			return err
		}
		c.say(name, "http://%s", c.hosts[name])
	}
	return nil
}

// startNode starts a node, where it was before if it was there before.
func (c *cluster) startNode(ctx context.Context, name string) (err error) {
	host := c.hosts[name]
	port := 0
	if host != "" {
		if _, err = fmt.Sscanf(host, "127.0.0.1:%d", &port); err != nil {
			return err
		}
	}
	if name == nest {
		host, err = c.startNest(ctx, port)
	} else {
		var n *node
		if n, err = startNode(ctx, name, c.settings, port, c.log, c.fail); err == nil {
			c.nodes[name], host = n, n.addr
		}
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts[name] = host
	return nil
}

func (c *cluster) startNest(ctx context.Context, port int) (host string, err error) {
	if c.workshop.dir == "" {
		if c.workshop, err = findWorkshop(ctx, c.settings.nest); err != nil {
			return "", err
		}
	}
	if c.nest, host, err = c.workshop.startNest(ctx, c.settings, port); err != nil {
		return "", err
	}
	c.nest.watch(c.fail)
	return host, nil
}

// stopNode stops a node; one that does not run is none.
func (c *cluster) stopNode(name string) error {
	if name == nest {
		running := c.nest
		c.nest = nil
		if running == nil {
			return nil
		}
		return running.stop()
	}
	running := c.nodes[name]
	delete(c.nodes, name)
	if running == nil {
		return nil
	}
	return running.stop()
}

// close ends everything, what others need last.
func (c *cluster) close() error {
	var errs []error
	for _, name := range nodeNames {
		errs = append(errs, c.stopNode(name))
	}
	if c.website != nil {
		errs = append(errs, c.website.stop())
	}
	if c.redis != nil {
		errs = append(errs, c.redis.stop())
	}
	return errors.Join(errs...)
}

// addresses lists the nodes.
func (c *cluster) addresses() []address {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []address{}
	for _, name := range nodeNames {
		if host := c.hosts[name]; host != "" {
			list = append(list, address{name, "http://" + host})
		}
	}
	return list
}

// fail tells run that something has ended by itself. The first is enough.
func (c *cluster) fail(err error) {
	select {
	case c.failed <- err:
	default:
	}
}

// say prints a line for people.
func (c *cluster) say(who, format string, args ...any) {
	fmt.Fprintf(c.out, "cluster: %-5s %s\n", who, fmt.Sprintf(format, args...))
}
