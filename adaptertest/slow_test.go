package adaptertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// The kit must not mistake a network's slowness for a fault: here everything arrives a little later.
func TestSlowBusPasses(t *testing.T) {
	Run(t, Factory{Sizes: []int{1, 3}, NewBus: func(t testing.TB) Bus {
		bus := newTamperedBus(t, nil)
		bus.bus.Delay(3 * time.Millisecond)
		return bus
	}})
}

// Nor may it count on a room from the moment when somebody joins it, where the adapter is told of rooms.
func TestSlowInterestPasses(t *testing.T) {
	Run(t, Factory{Sizes: []int{1, 3}, Lacks: map[Ability]string{JoinOrder: "a subscription takes its time"}, NewBus: func(t testing.TB) Bus {
		return newTamperedBus(t, func(a *tampered) realtime.Adapter {
			var mu sync.Mutex
			told, open := map[string]bool{}, map[string]bool{}
			set := func(namespace, room string, on bool) {
				mu.Lock()
				defer mu.Unlock()
				told[namespace+room] = on
				time.AfterFunc(10*time.Millisecond, func() {
					mu.Lock()
					defer mu.Unlock()
					open[namespace+room] = told[namespace+room] // timers may overtake each other
				})
			}
			losing(func(_ *tampered, m *realtime.Message) bool {
				mu.Lock()
				defer mu.Unlock()
				wanted := func(room string) bool { return open[m.Namespace+room] || len(room) == 20 }
				return len(m.Rooms) > 0 && !slices.ContainsFunc(m.Rooms, wanted)
			})(a)
			return &interested{
				a, func(_ *tampered, namespace, room string) { set(namespace, room, true) },
				func(_ *tampered, namespace, room string) { set(namespace, room, false) },
			}
		})
	}})
}
