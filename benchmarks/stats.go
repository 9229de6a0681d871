package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// spread is what several runs of one cell have given.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(values)
	n := len(values)
	return spread{values[0], (values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}

// text is the median, with the range if there is one.
func (s spread) text(format func(float64) string) string {
	if math.IsNaN(s.median) {
		return "–"
	}
	if s.low == s.high {
		return format(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", format(s.median), format(s.low), format(s.high))
}

// figure is what is read off a result.
type figure func(*result) float64

func rate(r *result) float64     { return r.perSecond() }
func memory(r *result) float64   { return float64(r.BytesPerConn) }
func connects(r *result) float64 { return r.ConnectCPU.Seconds() }
func late(r *result) float64     { return r.P99.Seconds() }

// of are the values of one cell, by round.
func of(results []result, scenario, system string, f figure) map[int]float64 {
	values := make(map[int]float64)
	for i := range results {
		if r := &results[i]; r.Scenario == scenario && r.System == system {
			values[r.Round] = f(r)
		}
	}
	return values
}

// values are those of a cell in no order.
func values(byRound map[int]float64) (list []float64) {
	for _, v := range byRound {
		list = append(list, v)
	}
	return list
}

// ratios are those of two cells in the same rounds.
func ratios(a, b map[int]float64) (list []float64) {
	for round, v := range a {
		if w, ok := b[round]; ok && w > 0 {
			list = append(list, v/w)
		}
	}
	return list
}

// count writes a number with three digits that count, in groups.
func count(v float64) string {
	if v <= 0 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(v))-2))
	digits := strconv.FormatFloat(math.Round(v/unit)*unit, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func times(v float64) string {
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func micros(v float64) string { return strconv.FormatFloat(v*1e6, 'f', 0, 64) }
func millis(v float64) string { return strconv.FormatFloat(v*1e3, 'f', 1, 64) }
func kilo(v float64) string   { return strconv.FormatFloat(v/1024, 'f', 1, 64) }
