//go:build race

package engine

// raceEnabled tells that the race detector is on: then memory per object is not
// what it is in production.
const raceEnabled = true
