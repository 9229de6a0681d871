package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/realtime-go/realtime/benchmarks/load"
)

// The kinds of jobs.
const (
	jobIdle  = "idle"
	jobRooms = "rooms" // every member of a room publishes to the others; a room that is the only one has a publisher besides
	jobEcho  = "echo"
)

// job is what the load generator is told.
type job struct {
	Kind         string
	Dialect      string
	Addrs        []string
	PIDs         []int // of the servers
	Redis        int   // process id, 0 if there is none
	Conns, Size  int
	Window, Rate int
	Warm, For    time.Duration
}

// result is what it found out.
type result struct {
	Scenario, System    string
	Round               int
	Done                int64 // deliveries or answers
	Wall                time.Duration
	Server, Redis, Load time.Duration // processor time
	P50, P90, P99, P999 time.Duration
	BytesPerConn        int64
	ConnectCPU          time.Duration // of one connection
	Missing             int64         // deliveries that did not come
	Writes              int64         // system calls of the servers
}

// perSecond is the figure of a cell.
func (r *result) perSecond() float64 {
	if r.Server <= 0 {
		return 0
	}
	return float64(r.Done) / r.Server.Seconds()
}

// limited reports whether the generator was busier than it may be.
func (r *result) limited() bool { return r.Wall > 0 && r.Load.Seconds() > 0.9*r.Wall.Seconds() }

// beGenerator does one job and says what came out.
func beGenerator(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	g := &generator{job: &j}
	var err error
	if g.dialect, err = load.DialectOf(j.Dialect); err != nil {
		return err
	}
	if err := g.run(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(&g.result)
}

type generator struct {
	*job
	result  result
	dialect *load.Dialect
	clients *load.Clients
	sent    int64
	last    int // client that has published last
}

func (g *generator) run() error {
	if err := g.connect(); err != nil {
		return err
	}
	defer g.clients.Close()
	switch {
	case g.Kind == jobIdle:
		return nil // measured while connecting
	case g.Kind == jobEcho:
		return g.measured(g.echo)
	case g.Rate > 0:
		return g.measured(g.paced)
	}
	return g.measured(g.closed)
}

// connect dials, and measures what that costs the servers.
func (g *generator) connect() error {
	rooms := make([]string, g.Conns)
	for i := range rooms {
		rooms[i] = fmt.Sprint("room", i/g.Size)
	}
	if g.single() {
		rooms = append(rooms, "publisher")
	}
	if err := g.collect(); err != nil {
		return err
	}
	memory, err := residents(g.PIDs)
	if err != nil {
		return err
	}
	before, err := cpuOf(g.PIDs...)
	if err != nil {
		return err
	}
	if g.clients, err = load.Dial(g.dialect, g.Addrs, rooms); err != nil {
		return err
	}
	after, err := cpuOf(g.PIDs...)
	if err != nil {
		return err
	}
	g.result.ConnectCPU = (after - before) / time.Duration(len(rooms))
	if g.Kind != jobIdle {
		return nil
	}
	if err := errors.Join(g.wait(time.Second), g.collect(), g.wait(time.Second)); err != nil {
		return err
	}
	now, err := residents(g.PIDs)
	g.result.BytesPerConn = (now - memory) / int64(len(rooms))
	return err
}

// single reports whether there is one room, with a publisher who is not in it.
func (g *generator) single() bool { return g.Kind == jobRooms && g.Size >= g.Conns }

// perMessage is how many deliveries a message makes.
func (g *generator) perMessage() int64 {
	if g.single() || g.dialect.Own {
		return int64(g.Size)
	}
	return int64(g.Size - 1)
}

// collect lets the servers give memory back.
func (g *generator) collect() error {
	for _, addr := range g.Addrs {
		resp, err := http.Get("http://" + addr + "/gc") //nolint:gosec,noctx // loopback, and the process is bounded in time
		if err != nil {
			return err
		}
		resp.Body.Close()
	}
	return nil
}

func (g *generator) wait(d time.Duration) error {
	for until := time.Now().Add(d); time.Now().Before(until); {
		if err := g.clients.Poll(50*time.Millisecond, nil); err != nil {
			return err
		}
	}
	return nil
}

// measured does work for a while, and then again with all meters read before and after.
func (g *generator) measured(work func(until time.Time) error) error {
	if err := work(time.Now().Add(g.Warm)); err != nil {
		return err
	}
	latency := &load.Histogram{}
	if g.Rate > 0 {
		g.clients.Measure(latency)
	}
	pids := [][]int{g.PIDs, {os.Getpid()}, nil}
	if g.Redis != 0 {
		pids[2] = []int{g.Redis}
	}
	var before [3]time.Duration
	for i := range pids {
		var err error
		if before[i], err = cpuOf(pids[i]...); err != nil {
			return err
		}
	}
	writes, err := writesOf(g.PIDs)
	if err != nil {
		return err
	}
	done, start := g.clients.Deliveries()+g.clients.Answers(), time.Now()
	if err := work(start.Add(g.For)); err != nil {
		return err
	}
	r := &g.result
	r.Wall, r.Done = time.Since(start), g.clients.Deliveries()+g.clients.Answers()-done
	for i, into := range []*time.Duration{&r.Server, &r.Load, &r.Redis} {
		now, err := cpuOf(pids[i]...)
		if err != nil {
			return err
		}
		*into = now - before[i]
	}
	now, err := writesOf(g.PIDs)
	if err != nil {
		return err
	}
	r.Writes = now - writes
	r.P50, r.P90, r.P99, r.P999 = latency.Quantile(0.5), latency.Quantile(0.9), latency.Quantile(0.99), latency.Quantile(0.999)
	if g.Kind == jobRooms {
		return g.settle()
	}
	return nil
}

// settle waits for what is still on its way.
func (g *generator) settle() error {
	g.clients.Measure(nil)
	want := g.sent * g.perMessage()
	for until := time.Now().Add(5 * time.Second); g.clients.Deliveries() < want && time.Now().Before(until); {
		if err := g.clients.Poll(50*time.Millisecond, nil); err != nil {
			return err
		}
	}
	g.result.Missing = want - g.clients.Deliveries()
	return nil
}

// publish lets the next client send.
func (g *generator) publish() error {
	g.sent++
	if g.single() {
		return g.clients.Publish(g.Conns, g.clients.Room(0))
	}
	g.last = (g.last + g.Size + 1) % g.Conns // another room each time
	return g.clients.Publish(g.last, g.clients.Room(g.last))
}

// closed keeps a number of messages on their way.
func (g *generator) closed(until time.Time) error {
	per := g.perMessage()
	for time.Now().Before(until) {
		for g.sent*per-g.clients.Deliveries() <= int64(g.Window-1)*per {
			if err := g.publish(); err != nil {
				return err
			}
		}
		if err := g.clients.Poll(20*time.Millisecond, nil); err != nil {
			return err
		}
	}
	return nil
}

// paced sends at even times.
func (g *generator) paced(until time.Time) error {
	step := time.Second / time.Duration(g.Rate)
	for next := time.Now(); next.Before(until); next = next.Add(step) {
		for wait := time.Until(next); wait > 0; wait = time.Until(next) {
			if err := g.clients.Poll(max(wait, time.Millisecond), nil); err != nil {
				return err
			}
		}
		if err := g.publish(); err != nil {
			return err
		}
	}
	return g.wait(step)
}

// echo keeps a window of questions open on each connection.
func (g *generator) echo(until time.Time) error {
	if g.sent == 0 {
		for i := range g.Conns {
			for range g.Window {
				g.sent++
				if err := g.clients.Echo(i); err != nil {
					return err
				}
			}
		}
	}
	for time.Now().Before(until) {
		if err := g.clients.Poll(20*time.Millisecond, g.clients.Echo); err != nil {
			return err
		}
	}
	return nil
}
