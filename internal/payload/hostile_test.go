package payload

import (
	"runtime"
	"strings"
	"testing"
)

// TestBindMemory decodes what is small on the wire and large in memory. What is
// allocated stays below 64 times the input plus 1 MiB (requirement R37). It does
// not run in parallel, because it counts the allocations of the process.
func TestBindMemory(t *testing.T) {
	repeat := func(s string, n int) string { return "[" + strings.Repeat(s+",", n-1) + s + "]" }
	deep := strings.Repeat("[", 60) + "0" + strings.Repeat("]", 60)
	for name, raw := range map[string]string{
		"small objects":      repeat(`{"":0}`, MaxNodes/2-2),
		"empty objects":      repeat(`{}`, MaxNodes-2),
		"empty arrays":       repeat(`[]`, MaxNodes-2),
		"numbers":            repeat(`0`, MaxNodes-2),
		"placeholders":       repeat(ph(0), MaxNodes/3-2),
		"too many values":    repeat(`{"a":0}`, 125_000),
		"too many to be any": repeat(ph(0), 33_000),
		"deep":               repeat(deep, MaxNodes/61-2),
		"one key":            `{` + strings.Repeat(`"a":[],`, MaxNodes-2) + `"b":{}}`,
		"escapes":            repeat(`"\u0000"`, MaxNodes-2),
	} {
		for _, dst := range []any{new(any), new([]map[string]any), new([]Binary), new(recursive)} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_ = Bind(nil, texts(raw), abc(), dst)
			runtime.ReadMemStats(&after)
			got, limit := after.TotalAlloc-before.TotalAlloc, uint64(64*len(raw)+1<<20)
			if got > limit {
				t.Errorf("%s into %T: %d bytes allocated, %d times the input of %d", name, dst, got, got/uint64(len(raw)), len(raw))
			}
		}
	}
}
