package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measure measures every cell once a round.
func measure(ctx context.Context, s *settings, all []scenario) ([]result, error) {
	if slices.ContainsFunc(all, func(sc scenario) bool {
		return slices.ContainsFunc(sc.systems, func(sys system) bool { return sys.server == "node" })
	}) {
		if err := install(ctx); err != nil {
			return nil, fmt.Errorf("npm ci: %w", err)
		}
	}
	var results []result
	for round := range s.runs {
		for _, sc := range all {
			for i := range sc.systems { // another one begins each time
				sys := sc.systems[(i+round)%len(sc.systems)]
				r, err := cell(ctx, s, &sc, sys)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", sc.name, sys.name, err)
				}
				r.Scenario, r.System, r.Round = sc.name, sys.name, round
				fmt.Fprintf(os.Stderr, "%d/%d %-15s %-28s %s\n", round+1, s.runs, sc.name, sys.name, r.line())
				results = append(results, r)
			}
		}
	}
	return results, nil
}

func (r *result) line() string {
	if r.BytesPerConn != 0 {
		return fmt.Sprintf("%d B/connection, %v CPU/connect", r.BytesPerConn, r.ConnectCPU)
	}
	text := fmt.Sprintf("%.0f / server CPU s, load %.0f %%, p99 %v", r.perSecond(), 100*r.Load.Seconds()/r.Wall.Seconds(), r.P99)
	text += fmt.Sprintf(", %.2f writes each", float64(r.Writes)/float64(r.Done))
	if r.Missing > 0 {
		text += fmt.Sprintf(", %d MISSING", r.Missing)
	}
	return text
}

// cell measures one system at one kind of work.
func cell(ctx context.Context, s *settings, sc *scenario, sys system) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	j := job{
		Kind: sc.kind, Dialect: sys.dialect, Conns: sc.conns, Size: sc.size, Window: sc.window, Rate: sc.rate, Warm: s.window / 3, For: s.window,
	}
	redis := ""
	if sc.nodes > 0 {
		p, said, err := startRedis(ctx, s)
		if err != nil {
			return r, err
		}
		defer p.stop()
		addr, pid, _ := strings.Cut(said, " ")
		redis = addr
		if j.Redis, err = strconv.Atoi(pid); err != nil {
			return r, err
		}
	}
	for range max(sc.nodes, 1) {
		p, addr, err := startServer(ctx, s, sys, redis)
		if err != nil {
			return r, err
		}
		defer p.stop()
		j.PIDs, j.Addrs = append(j.PIDs, p.cmd.Process.Pid), append(j.Addrs, addr)
	}
	text, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	exe, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := pinned(ctx, s, 1, exe)
	cmd.Env = append(os.Environ(), asGenerator+"="+string(text))
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("load generator: %w", err)
	}
	return r, json.Unmarshal(out, &r)
}
