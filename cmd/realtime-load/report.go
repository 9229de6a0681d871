package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/realtime-go/realtime/internal/loadgen"
)

// report is what was measured. Times are in the units of their names.
type report struct {
	Connections    int      `json:"connections"`
	Rooms          int      `json:"rooms"`
	Transport      string   `json:"transport"`
	ConnectSeconds float64  `json:"connect_seconds"`
	WallSeconds    float64  `json:"wall_seconds"`
	Interrupted    bool     `json:"interrupted"`
	Sent           int64    `json:"sent"`
	Received       int64    `json:"received"` // deliveries, or acknowledgements
	Lost           int64    `json:"lost"`
	Breaks         int      `json:"breaks"`
	Returns        int      `json:"reconnects"`
	Break          string   `json:"last_break,omitempty"`
	Latency        latency  `json:"latency_ms"`
	CPUSeconds     float64  `json:"own_cpu_seconds"`
	Limit          string   `json:"limit,omitempty"` // why the generator was the limit itself
	Seconds        []second `json:"seconds,omitempty"`
}

type latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// second is a second of the load.
type second struct {
	At       float64 `json:"at"`
	Ready    int     `json:"connections"`
	Sent     int64   `json:"sent"`
	Received int64   `json:"received"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
}

func secondOf(t loadgen.Sample) second {
	return second{t.Since.Seconds(), t.Ready, t.Sent, t.Delivered, ms(t.P50), ms(t.P99), ms(t.Max)}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// take enters what Run has measured.
func (r *report) take(res loadgen.Result) {
	r.WallSeconds, r.CPUSeconds = res.Wall.Seconds(), res.CPU.Seconds()
	r.Sent, r.Received, r.Lost, r.Limit = res.Sent, res.Delivered, res.Lost, res.Limit
	r.Breaks, r.Returns, r.Break = breaks(res.Breaks, res.Returns, res.Break)
	if h := res.Latency; h != nil {
		r.Latency = latency{ms(h.Quantile(.5)), ms(h.Quantile(.9)), ms(h.Quantile(.99)), ms(h.Quantile(.999)), ms(h.Max())}
	}
}

// publish writes what was asked for.
func (r *report) publish(s settings, out io.Writer) error {
	var errs []error
	if s.plotFile != "" {
		errs = append(errs, os.WriteFile(s.plotFile, []byte(plot(r.Seconds)), 0o644)) //nolint:gosec // a picture is for everybody
	}
	if s.jsonFile != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		text = append(text, '\n')
		switch {
		case err != nil:
		case s.jsonFile == "-":
			_, err = out.Write(text)
		default:
			err = os.WriteFile(s.jsonFile, text, 0o644) //nolint:gosec // figures are for everybody
		}
		errs = append(errs, err)
	}
	if s.jsonFile != "-" {
		_, err := io.WriteString(out, r.table(s))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// table is the result for people.
func (r *report) table(s settings) string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s  "+format+"\n", append([]any{name}, args...)...)
	}
	row("connections", "%d %s, connected in %.1f s", r.Connections, r.Transport, r.ConnectSeconds)
	if !s.silent() {
		what := "deliveries"
		if s.ack {
			what = "acknowledgements"
		}
		row("sent", "%d messages in %.1f s, %.0f a second", r.Sent, r.WallSeconds, rate(r.Sent, r.WallSeconds))
		row("received", "%d %s, %.0f a second", r.Received, what, rate(r.Received, r.WallSeconds))
		row("lost", "%d", r.Lost)
	}
	row("reconnects", "%d, of %d broken connections", r.Returns, r.Breaks)
	if r.Break != "" {
		row("", "the last one: %s", r.Break)
	}
	if !s.silent() {
		l := r.Latency
		row("latency", "p50 %.2f ms   p90 %.2f ms   p99 %.2f ms   p99.9 %.2f ms   max %.2f ms", l.P50, l.P90, l.P99, l.P999, l.Max)
		row("own CPU", "%.0f %% of a core", 100*r.CPUSeconds/max(r.WallSeconds, 1e-9))
	}
	if r.Limit != "" {
		row("LIMIT", "%s: the figures are the generator's, not the server's", r.Limit)
	}
	if r.Interrupted {
		row("", "interrupted: messages on their way count as neither received nor lost")
	}
	return b.String()
}

func rate(n int64, seconds float64) float64 { return float64(n) / max(seconds, 1e-9) }

// brief is a time in three digits or so.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}
