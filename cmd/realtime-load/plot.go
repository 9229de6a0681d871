package main

import (
	"fmt"
	"math"
	"strings"
)

const (
	width, height            = 900, 360
	left, right, top, bottom = 70, 20, 30, 40
)

// curves are the lines of the picture.
var curves = []struct {
	name, color string
	value       func(second) float64
}{
	{"max", "#c9b8a0", func(s second) float64 { return s.Max }},
	{"p99", "#b5552b", func(s second) float64 { return s.P99 }},
	{"p50", "#0a7d5c", func(s second) float64 { return s.P50 }},
}

// plot draws latency over time; the latency is logarithmic.
func plot(seconds []second) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n" + `<text x="10" y="18">latency in ms, second by second</text>` + "\n")
	low, high, end := extent(seconds)
	x := func(at float64) float64 { return left + at/end*(width-left-right) }
	y := func(v float64) float64 {
		return top + (math.Log10(high)-math.Log10(max(v, low)))/(math.Log10(high)-math.Log10(low))*(height-top-bottom)
	}
	for v := low; v <= high*1.0001; v *= 10 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, y(v), width-right, left-6, y(v)+4, v)
	}
	for i := range 6 {
		at := end * float64(i) / 5
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f s</text>`+"\n", x(at), height-bottom+18, at)
	}
	for i, c := range curves {
		points := make([]string, 0, len(seconds))
		for _, s := range seconds {
			if s.Received > 0 {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x(s.At), y(c.value(s))))
			}
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), c.color)
		fmt.Fprintf(&b, `<text x="%d" y="18" text-anchor="end" fill="%s">%s</text>`+"\n", width-right-50*i, c.color, c.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// extent is from which power of ten to which the latencies go, and how long the load took.
func extent(seconds []second) (low, high, end float64) {
	low, high, end = math.Inf(1), 0, 1
	for _, s := range seconds {
		end = max(end, s.At)
		if s.Received > 0 {
			low, high = min(low, max(s.P50, 1e-3)), max(high, s.Max)
		}
	}
	if high == 0 {
		return 0.1, 10, end
	}
	low = math.Pow(10, math.Floor(math.Log10(low)))
	return low, max(math.Pow(10, math.Ceil(math.Log10(high))), low*10), end
}
