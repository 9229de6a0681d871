package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/realtime-go/realtime/benchmarks/servers"
)

// The environment of a process that is not the command itself.
const (
	asServer    = "BENCH_SERVER"    // name: be that server; options in asOptions
	asOptions   = "BENCH_OPTIONS"   // JSON of servers.Options
	asGenerator = "BENCH_GENERATOR" // JSON of a job: be the load generator
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case os.Getenv(asServer) != "":
		err = beServer(ctx, os.Getenv(asServer))
	case os.Getenv(asGenerator) != "":
		err = beGenerator(os.Getenv(asGenerator))
	default:
		err = command(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// beServer serves until its input ends, which the system closes when the command dies.
func beServer(ctx context.Context, name string) error {
	var o servers.Options
	if err := json.Unmarshal([]byte(os.Getenv(asOptions)), &o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the input
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return servers.Serve(ctx, name, o)
}

// settings are what the command was told.
type settings struct {
	runs      int
	window    time.Duration
	pin       bool
	quick     bool
	scenarios []string
	systems   []string
	results   string
	docs      string
}

func command(ctx context.Context) error {
	var s settings
	var only, systems string
	flag.IntVar(&s.runs, "runs", 3, "rounds, in each of which every cell is measured once")
	flag.DurationVar(&s.window, "window", 3*time.Second, "how long a cell is measured")
	flag.BoolVar(&s.pin, "pin", true, "server on the first processor, load on the second")
	flag.BoolVar(&s.quick, "quick", false, "a hundredth of the connections and of the time: to see that it works")
	flag.StringVar(&only, "scenarios", "", "names, comma-separated; all by default, but scale")
	flag.StringVar(&systems, "systems", "", "names, comma-separated; all by default")
	flag.StringVar(&s.results, "results", "results", "directory for JSON")
	flag.StringVar(&s.docs, "docs", "../docs", "directory of performance.md, whose tables are written anew; empty: standard output")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("what is %q?", flag.Args())
	}
	s.scenarios, s.systems = list(only), list(systems)
	if s.quick {
		s.window /= 10
	}
	all, err := chosen(&s)
	if err != nil {
		return err
	}
	results, err := measure(ctx, &s, all)
	if err != nil {
		return err
	}
	return errors.Join(save(&s, results), publish(&s, results))
}

func list(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}
