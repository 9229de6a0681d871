//go:build race

package nativewire

const (
	raceAllocs = 200
	modelSeeds = 3
)
