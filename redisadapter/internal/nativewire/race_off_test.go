//go:build !race

package nativewire

// raceAllocs is what the race detector may add, under which pools drop things at random.
const raceAllocs = 0

// modelSeeds is how many runs of each model there are.
const modelSeeds = 12
