//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestEverySystemIsMeasured runs the benchmark for an instant: real servers, a real Redis, two rounds.
func TestEverySystemIsMeasured(t *testing.T) {
	o, err := parse(strings.Fields("-runs 2 -warm 10ms -load 100ms -paced 100ms -rate 100 -rooms 2 -members 4 -window 4 -limit 5m"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := measure(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, s := range systems() {
		// A tiny run may take less than a tick of processor time, hence no figures here.
		runs := regexp.MustCompile(`(?m)^\| [12] \| `+s.name+` \| [0-9.]+ \| `).FindAllString(out.String(), -1)
		if len(runs) != 2 {
			t.Errorf("%s has %d runs", s.name, len(runs))
		}
		if !regexp.MustCompile(`(?m)^\| ` + s.name + ` \| .* \([0-9.]+–[0-9.]+\) \|`).MatchString(out.String()) {
			t.Errorf("%s has no row in the table", s.name)
		}
	}
	for _, version := range []string{"Redis ", "go1.", "Node.js ", "socket.io 4.", "@socket.io/redis-adapter 8."} {
		if !strings.Contains(out.String(), version) {
			t.Errorf("no version of %s", version)
		}
	}
	if t.Failed() {
		t.Logf("%s", &out)
	}
}

// TestTheLimitEndsTheBenchmark gives it no time, and it says so.
func TestTheLimitEndsTheBenchmark(t *testing.T) {
	o, err := parse(strings.Fields("-systems go-alone -load 1h -limit 2s -members 2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := measure(t.Context(), o, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}

// TestEveryFrameIsCompared feeds a reader in pieces.
func TestEveryFrameIsCompared(t *testing.T) {
	want, ping := string(frame(`42["msg","`+strings.Repeat("x", 200)+`"]`, false)), string(frame("2", false))
	for name, tc := range map[string]struct {
		stream string
		pieces int // size of each
		frames int
		bad    bool
	}{
		"whole frames":       {strings.Repeat(want, 3), 4096, 3, false},
		"pieces":             {strings.Repeat(want, 3), 7, 3, false},
		"more than a buffer": {strings.Repeat(want, 500), 64 << 10, 500, false},
		"pings between":      {want + ping + want + ping, 1, 2, false},
		"another letter":     {want + strings.Replace(want, "xx", "xy", 1), 4096, 1, true},
		"another event":      {string(frame(`42["gone"]`, false)), 3, 0, true},
		"a close frame":      {want + "\x88\x00", 4096, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			go func() { // ends when the reader has all or closes
				defer there.Close()
				for rest := []byte(tc.stream); len(rest) > 0; {
					n, err := there.Write(rest[:min(tc.pieces, len(rest))])
					if err != nil {
						return
					}
					rest = rest[n:]
				}
			}()
			frames := 0
			err := (&client{conn: here}).receive(want, func(n int) { frames += n })
			here.Close()
			if frames != tc.frames || errors.Is(err, io.EOF) == tc.bad {
				t.Errorf("%d frames, then %v", frames, err)
			}
		})
	}
}

// TestProcessorTimeGrows works until it shows.
func TestProcessorTimeGrows(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := busy()
	if err != nil {
		t.Fatal(err)
	}
	for t.Context().Err() == nil {
		now, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		all, err := busy()
		if err != nil {
			t.Fatal(err)
		}
		if now >= before+3*tick && all > whole {
			return
		}
	}
}

func TestFigures(t *testing.T) {
	r := result{messages: 1000, deliveries: 100_000, usage: usage{wall: 2 * time.Second, servers: time.Second, redis: 50 * time.Millisecond, generator: 500 * time.Millisecond}}
	if r.perCPU() != 100_000 || r.perSecond() != 50_000 || r.redisPer() != 50 || r.cores(r.usage.generator) != 0.25 || r.generatorLimits() {
		t.Errorf("%.0f per CPU second, %.0f per second, %.1f ms of Redis, generator %.2f cores, limits: %t",
			r.perCPU(), r.perSecond(), r.redisPer(), r.cores(r.usage.generator), r.generatorLimits())
	}
	r.usage.generator = 1100 * time.Millisecond
	if !r.generatorLimits() {
		t.Error("a generator that works most is not told")
	}
	for want, values := range map[string][]float64{"3 (1–5)": {5, 1, 3}, "2 (1–3)": {3, 1}, "7 (7–7)": {7}, "–": nil} {
		if got := spread(values, "%.0f"); got != want {
			t.Errorf("spread of %v is %s, not %s", values, got, want)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, args := range []string{"-systems go-quantum", "-members 3", "-runs 0", "-size 10", "-rate 0"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
}
