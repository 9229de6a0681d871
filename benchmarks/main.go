package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	set       string // of scenarios: main or scale
	only      []string
	chosen    []string // systems
	runs      int
	pin       bool
	quick     bool
	limit     time.Duration
	out, docs string
	render    bool
	profiles  string // folder
}

func main() {
	var err error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	switch server, generator := os.Getenv(asServer), os.Getenv(asLoad); {
	case generator != "":
		err = generate(generator)
	case server != "":
		err = serve(server)
	default:
		var o options
		if o, err = parse(os.Args[1:]); err == nil {
			err = measure(ctx, o, os.Stderr)
		}
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	f.StringVar(&o.set, "scenario", "main", "main, scale, instruments, or the names of scenarios of main, with commas")
	chosen := f.String("systems", "", "only these, with commas")
	f.IntVar(&o.runs, "runs", 3, "how often each system is measured, in turn with the others")
	f.BoolVar(&o.pin, "pin", true, "servers on the first processor, the rest on the second")
	f.BoolVar(&o.quick, "quick", false, "small and short, to see that all works; writes no documentation")
	f.BoolVar(&o.render, "render", false, "measure nothing, make tables and plots of the results that are there")
	f.DurationVar(&o.limit, "limit", 20*time.Minute, "after which the benchmark ends in any case")
	f.StringVar(&o.profiles, "profiles", "", "folder for profiles of the servers, each of one node and in Go; the figures are worth less then")
	f.StringVar(&o.out, "out", "results", "folder for results")
	f.StringVar(&o.docs, "docs", "../docs", "folder of performance.md and of plots; none if empty")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.runs < 1 || f.NArg() > 0 {
		return o, errors.New("the command line makes no sense: see -help")
	}
	if !slices.Contains([]string{"main", "scale", "instruments"}, o.set) {
		o.only, o.set = strings.Split(o.set, ","), "main"
	}
	if *chosen != "" {
		o.chosen = strings.Split(*chosen, ",")
	}
	if o.profiles != "" {
		o.runs, o.docs = 1, ""
	}
	if o.quick || o.only != nil || o.chosen != nil {
		o.docs = ""
	}
	return o, nil
}

// scenarios are those that were asked for.
func (o options) scenarios() ([]scenario, error) {
	t, size := usual, 1
	if o.quick {
		t, size = quick, 10
	}
	list := mainScenarios(t, size)
	switch o.set {
	case "scale":
		list = scaleScenarios(t, size)
	case "instruments":
		list = watchedScenarios(t, size)
	}
	names := slices.Clone(o.only)
	list = slices.DeleteFunc(list, func(s scenario) bool {
		i := slices.Index(names, s.name)
		if i >= 0 {
			names = slices.Delete(names, i, i+1)
		}
		return o.only != nil && i < 0
	})
	if len(names) > 0 {
		return nil, fmt.Errorf("no scenario %q", names)
	}
	if o.chosen != nil {
		for i := range list {
			list[i].systems = slices.DeleteFunc(slices.Clone(list[i].systems), func(s string) bool { return !slices.Contains(o.chosen, s) })
		}
	}
	if o.profiles != "" {
		for i := range list {
			list[i].systems = slices.DeleteFunc(slices.Clone(list[i].systems), func(s string) bool { return find(s).node || list[i].nodes > 1 })
		}
	}
	return list, nil
}

// measure runs all scenarios as often as asked for. What there is when something fails is kept.
func measure(ctx context.Context, o options, log io.Writer) error {
	name := o.set
	if o.quick {
		name = "quick"
	} else if o.only != nil || o.chosen != nil {
		name = "part"
	}
	file := filepath.Join(o.out, name+".json")
	if o.render {
		res, err := readResults(file)
		if err != nil {
			return err
		}
		return res.render(o.docs)
	}
	list, err := o.scenarios()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if slices.ContainsFunc(list, func(s scenario) bool {
		return slices.ContainsFunc(s.systems, func(name string) bool { return find(name).node })
	}) {
		if err := needPackages(ctx); err != nil {
			return err
		}
	}
	res := newResults(ctx, o)
	b := &bench{o.pin, o.profiles, map[string]greeting{}}
	err = b.rounds(ctx, o.runs, list, func(f figures) {
		res.Figures = append(res.Figures, f)
		fmt.Fprintln(log, f.line())
	})
	res.Systems = b.greetings
	if e := res.save(file); e != nil {
		return errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	res.print(os.Stdout)
	return res.render(o.docs)
}

// rounds lets systems take turns. Each round begins with another one.
func (b *bench) rounds(ctx context.Context, runs int, list []scenario, tell func(figures)) error {
	for round := range runs {
		for _, sc := range list {
			for i := range sc.systems {
				s := find(sc.systems[(i+round)%len(sc.systems)])
				f, err := b.run(ctx, s, sc)
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", round+1, sc.name, s.name, err)
				}
				f.Round = round
				tell(f)
			}
		}
	}
	return nil
}
