package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// plot is a picture of docs/performance.
type plot struct{ file, title, svg string }

// plots are all pictures of a set.
func (r *results) plots() []plot {
	if r.Set == "instruments" {
		return nil
	}
	if r.Set == "scale" {
		conns, rooms, nodes := r.points("conns-", same), r.points("idle-rooms-", allRooms), r.points("nodes-rooms-", same)
		return []plot{
			{"connections.svg", "Costs by connections", panels(
				r.curves("CPU µs / delivery, connections", conns, curve{"realtime", "", cost()}, curve{"node", "", cost()}),
				r.curves("KB / connection", conns, curve{"realtime", "", memoryOfOne}, curve{"node", "", memoryOfOne}),
				r.curves("CPU µs / connect", conns, curve{"realtime", "", connecting}, curve{"node", "", connecting}))},
			{"rooms-and-nodes.svg", "Costs by rooms and by nodes", panels(
				r.curves("CPU µs / delivery, rooms that exist", rooms, curve{"realtime", "", cost()}),
				r.curves("CPU µs / delivery, nodes, rooms of 10", nodes, curve{"native", "", cost()}),
				r.curves("CPU µs / delivery, nodes, room of 1,000", nodes, curve{"native", "nodes-fanout-", cost()}))},
		}
	}
	return []plot{
		{"saturation.svg", "Deliveries per second of server CPU, closed loop", panels(
			r.bars("fan-out 1,000", all, closedColumns[1]), r.bars("500 rooms of 10", all, closedColumns[3]), r.bars("echo with ack", all, closedColumns[4]))},
		{"idle.svg", "Idle connections", panels(
			r.bars("KB / connection", all, quietColumns[0]), r.bars("CPU µs / connect", all, quietColumns[2]), r.bars("fan-out 1,000 at 20/s: p99", all, quietColumns[5]))},
		{"cluster.svg", "Two nodes and a Redis: deliveries per second of server CPU", panels(
			r.bars("fan-out 1,000", clustered, clusterColumns[0]), r.bars("500 rooms of 10", clustered, clusterColumns[2]))},
	}
}

const (
	panelWidth, panelHeight = 320, 220
	left, right, top        = 112, 62, 34
	ink, quiet, accent      = "#222", "#8a94a0", "#0a7d5c"
)

// panels puts pictures side by side.
func panels(list ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", panelWidth*len(list), panelHeight)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	for i, p := range list {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)">`+"\n%s</g>\n", i*panelWidth, p)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func text(b *strings.Builder, x, y float64, anchor, fill, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, fill, html.EscapeString(s))
}

// plainTitle is a system's without emphasis.
func plainTitle(name string) string { return strings.ReplaceAll(find(name).title, "**", "") }

// bars is a bar for each system: the median, and a line from the least to the greatest.
func (r *results) bars(title string, names []string, c column) string {
	var b strings.Builder
	text(&b, 10, 18, "start", ink, title)
	spreads, top0 := map[string]spread{}, 0.0
	for _, n := range names {
		spreads[n] = spreadOf(r.values(c.scenario, n, c.get))
		top0 = max(top0, spreads[n].greatest)
	}
	step := float64(panelHeight-top-10) / float64(len(names))
	width := func(v float64) float64 { return v / max(top0, 1e-9) * (panelWidth - left - right) }
	for i, n := range names {
		s, y := spreads[n], top+step*float64(i)
		fill := quiet
		if strings.Contains(find(n).title, "**") {
			fill = accent
		}
		name := plainTitle(n)
		if len(name) > 20 {
			name = strings.TrimPrefix(name, "realtime, ")
		}
		text(&b, left-6, y+step*0.6, "end", ink, strings.TrimSuffix(name, " on Node.js"))
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, y+step*0.15, width(s.median), step*0.7, fill)
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="%s"/>`+"\n", left+width(s.least), y+step*0.5, left+width(s.greatest), ink)
		text(&b, left+width(s.greatest)+4, y+step*0.6, "start", ink, c.format(s.median))
	}
	return b.String()
}

// curve is one line of a diagram.
type curve struct {
	system, prefix string
	metric
}

// curves draws medians over a logarithmic axis; the other begins at 0.
func (r *results) curves(title string, points []point, curves ...curve) string {
	var b strings.Builder
	text(&b, 10, 18, "start", ink, title)
	if len(points) == 0 {
		return b.String()
	}
	const x0, x1, y0, y1 = 46, panelWidth - 16, panelHeight - 30, top
	first, last := math.Log(points[0].x), math.Log(points[len(points)-1].x)
	x := func(v float64) float64 { return x0 + (math.Log(v)-first)/max(last-first, 1e-9)*(x1-x0) }
	highest, at := 0.0, make([][]spread, len(curves))
	for i, c := range curves {
		for _, p := range points {
			s := spreadOf(r.values(seriesColumn{prefix: c.prefix}.prefixed(p.scenario), c.system, c.get))
			at[i] = append(at[i], s)
			highest = max(highest, s.greatest*1.1)
		}
	}
	y := func(v float64) float64 { return y0 - v/max(highest, 1e-9)*(y0-y1) }
	fmt.Fprintf(&b, `<path d="M%d %dV%dH%d" stroke="%s" fill="none"/>`+"\n", x0, y1, y0, x1, ink)
	for _, p := range points {
		text(&b, x(p.x), y0+14, "middle", ink, thousands(p.x))
	}
	for _, v := range []float64{0, highest / 2, highest} {
		text(&b, x0-4, y(v)+4, "end", ink, decimal(v))
	}
	for i, c := range curves {
		color := accent
		if c.system == "node" {
			color = quiet
		}
		d := "M"
		for j, s := range at[i] {
			if s.n > 0 {
				d += fmt.Sprintf("%.1f %.1fL", x(points[j].x), y(s.median))
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", x(points[j].x), y(s.median), color)
			}
		}
		fmt.Fprintf(&b, `<path d="%s" stroke="%s" fill="none" stroke-width="1.5"/>`+"\n", strings.TrimRight(d, "LM"), color)
		text(&b, x1, float64(y1+13*(i+1)), "end", color, plainTitle(c.system))
	}
	return b.String()
}
