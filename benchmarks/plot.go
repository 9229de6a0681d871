package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// bars draws the medians of a scenario, with a line for the range.
func bars(sc *scenario, results []result) []byte {
	const row, left, width, right, top = 26, 200, 420, 150, 12
	f, format := figure(rate), count
	if sc.kind == jobIdle {
		f, format = memory, kilo
	}
	type bar struct {
		name string
		s    spread
	}
	var list []bar
	most := 0.0
	for _, sys := range sc.systems {
		s := spreadOf(values(of(results, sc.name, sys.name, f)))
		if !math.IsNaN(s.median) {
			list, most = append(list, bar{sys.name, s}), max(most, s.high)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n",
		left+width+right, 2*top+row*len(list))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	for i, bar := range list {
		y := top + i*row
		x := func(v float64) float64 { return left + width*v/most }
		color := "#9aa5b1"
		if i == 0 || bar.name == ours.name {
			color = "#2f6fde"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#222">%s</text>`+"\n", left-8, y+17, html.EscapeString(bar.name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y+3, x(bar.s.median)-left, row-8, color)
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#222"/>`+"\n", x(bar.s.low), x(bar.s.high), y+12, y+12)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#222">%s</text>`+"\n", x(bar.s.high)+6, y+17, format(bar.s.median))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
