//go:build !race

package engine

// raceEnabled tells that the race detector is on.
const raceEnabled = false
