package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	shape
	rounds   int
	limit    time.Duration
	systems  []system
	packages string
}

func main() {
	if os.Getenv(asServer) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: node:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := parse(os.Args[1:])
	if err == nil {
		err = measure(ctx, o, os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	all := systems()
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.rounds, "runs", 5, "how often each system is measured, in turn with the others")
	f.DurationVar(&o.warm, "warm", 500*time.Millisecond, "closed loop before the measurement")
	f.DurationVar(&o.load, "load", 2500*time.Millisecond, "closed loop that is measured")
	f.DurationVar(&o.paced, "paced", 2500*time.Millisecond, "paced part, which measures latency")
	f.IntVar(&o.rate, "rate", 50, "messages a second of the paced part")
	f.IntVar(&o.rooms, "rooms", 1, "rooms")
	f.IntVar(&o.members, "members", 100, "members of each room, half of them on either node; even")
	f.IntVar(&o.window, "window", 16, "messages on their way in the closed loop")
	f.IntVar(&o.size, "size", 130, "bytes of the packet that members get, 20 to 8000")
	f.DurationVar(&o.limit, "limit", 175*time.Second, "after which the benchmark ends in any case")
	f.StringVar(&o.packages, "node", "", "folder of the Node.js server, if it is not found")
	chosen := f.String("systems", strings.Join(names, ","), "what to measure")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for name := range strings.SplitSeq(*chosen, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return o, fmt.Errorf("no system %q: there are %s", name, strings.Join(names, ", "))
		}
		o.systems = append(o.systems, all[i])
	}
	if o.rounds < 1 || o.rooms < 1 || o.members < 2 || o.members%2 != 0 || o.window < 1 || o.rate < 1 || o.size < 20 || o.size > 8000 {
		return o, errors.New("a number on the command line makes no sense: see -help")
	}
	return o, nil
}

// measure runs all systems in turn, as often as asked for, and prints what it finds. When the time
// is over it prints what there is, and fails.
func measure(ctx context.Context, o options, out io.Writer) (err error) {
	b := &bench{shape: o.shape}
	if slices.ContainsFunc(o.systems, func(s system) bool { return s.js }) {
		if b.packages, err = findPackages(ctx, o.packages); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if b.redis, err = startRedis(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.redis.stop()) }()
	rep := &report{out: out, systems: o.systems}
	rep.begin(o, b.redis.version)
	for round := range o.rounds {
		for i := range o.systems {
			s := o.systems[(i+round)%len(o.systems)] // so that none always comes first
			r, err := b.run(ctx, s)
			if err != nil {
				rep.end()
				return fmt.Errorf("round %d, %s: %w", round+1, s.name, err)
			}
			rep.add(round, r)
		}
	}
	rep.end()
	return nil
}
