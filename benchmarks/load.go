package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/realtime-go/realtime/internal/loadgen"
)

// asLoad is the environment variable that makes this program a generator.
const asLoad = "REALTIME_BENCH_LOAD"

// task is what a generator is told.
type task struct {
	Targets   []string `json:"targets"`
	Dialect   string   `json:"dialect"`
	Conns     int      `json:"conns"`
	Members   int      `json:"members"`
	Publisher bool     `json:"publisher"`
	Sources   []string `json:"sources"`
	Loads     []load   `json:"loads"`
	Servers   []int    `json:"servers"` // process ids
	Redis     []int    `json:"redis"`
	Wait      bool     `json:"wait"` // for a line of input, between connecting and the first load
}

// load is one load, and its name in a scenario.
type load struct {
	Name    string        `json:"name"`
	Ask     bool          `json:"ask,omitempty"`
	Window  int           `json:"window,omitempty"`
	Rate    float64       `json:"rate,omitempty"`
	Warm    time.Duration `json:"warm"`
	Measure time.Duration `json:"measure"`
	Settle  bool          `json:"settle,omitempty"`
}

// dialed is what the first line of a generator tells: what it took to connect.
type dialed struct {
	Wall   time.Duration `json:"wall"`
	Server time.Duration `json:"server"` // CPU
}

// loaded is what every further line tells.
type loaded struct {
	Wall      time.Duration `json:"wall"`
	Sent      int64         `json:"sent"`
	Delivered int64         `json:"delivered"`
	Lost      int64         `json:"lost"`
	Server    time.Duration `json:"server"`
	Redis     time.Duration `json:"redis"`
	Generator time.Duration `json:"generator"`
	Waited    time.Duration `json:"waited"` // the generator, for a processor
	P50       time.Duration `json:"p50"`
	P90       time.Duration `json:"p90"`
	P99       time.Duration `json:"p99"`
	P999      time.Duration `json:"p999"`
	Max       time.Duration `json:"max"`
	Limit     string        `json:"limit,omitempty"`
}

var dialects = map[string]loadgen.Dialect{"socketio": loadgen.SocketIO{}, "plain": loadgen.Plain{}, "centrifuge": loadgen.Centrifuge{}}

// generate is a generator. When all loads are done it keeps its connections until its input ends.
func generate(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("%s: %w", asLoad, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	proceed := make(chan struct{}, 1)
	go func() { // ends with the input, or with the program
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			proceed <- struct{}{}
		}
		cancel()
	}()
	say := json.NewEncoder(os.Stdout)
	before, err := readClock(t.Servers)
	if err != nil {
		return err
	}
	begin := time.Now()
	c, err := loadgen.Dial(ctx, loadgen.Config{Targets: t.Targets, Dialect: dialects[t.Dialect], Conns: t.Conns, Members: t.Members, Publisher: t.Publisher, Sources: t.Sources})
	if err != nil {
		return err
	}
	after, err := readClock(t.Servers)
	if err != nil {
		return err
	}
	if err := say.Encode(dialed{time.Since(begin), after.since(before)}); err != nil {
		return err
	}
	if err := t.wait(ctx, c, proceed); err != nil {
		return err
	}
	for _, l := range t.Loads {
		out, err := t.put(ctx, c, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		if err := say.Encode(out); err != nil {
			return err
		}
	}
	for err = nil; err == nil; {
		err = c.Idle(ctx, time.Minute)
	}
	if ctx.Err() != nil {
		err = nil
	}
	_ = c.Close()
	return err
}

// wait keeps the connections quiet until there is a line of input, if that is wanted.
func (t task) wait(ctx context.Context, c *loadgen.Client, proceed <-chan struct{}) error {
	for t.Wait {
		if err := c.Idle(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		select {
		case <-proceed:
			return nil
		default:
		}
	}
	return nil
}

// mark is a reading of all clocks.
type mark struct {
	servers, redis clock
	waited         time.Duration
}

func (t task) mark() (m mark, err error) {
	if m.servers, err = readClock(t.Servers); err == nil {
		m.redis, err = readClock(t.Redis)
	}
	_, m.waited = scheduled(os.Getpid())
	return m, err
}

// put puts one load on the servers.
func (t task) put(ctx context.Context, c *loadgen.Client, l load) (loaded, error) {
	var out loaded
	var marks [2]mark
	var failed error
	r, err := c.Run(ctx, loadgen.Load{
		Ask: l.Ask, Window: l.Window, Rate: l.Rate, Warm: l.Warm, Measure: l.Measure, Settle: l.Settle,
		Mark: func(begin bool) {
			m, err := t.mark()
			failed = errors.Join(failed, err)
			if marks[1] = m; begin {
				marks[0] = m
			}
		},
	})
	if err = errors.Join(err, failed); err != nil {
		return out, err
	}
	out.Server, out.Redis = marks[1].servers.since(marks[0].servers), marks[1].redis.since(marks[0].redis)
	out.Waited = marks[1].waited - marks[0].waited
	out.Wall, out.Sent, out.Delivered, out.Lost, out.Generator, out.Limit = r.Wall, r.Sent, r.Delivered, r.Lost, r.CPU, r.Limit
	for q, to := range map[float64]*time.Duration{0.5: &out.P50, 0.9: &out.P90, 0.99: &out.P99, 0.999: &out.P999} {
		*to = r.Latency.Quantile(q)
	}
	out.Max = r.Latency.Max()
	return out, nil
}
