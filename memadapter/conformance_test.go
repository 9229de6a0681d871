package memadapter_test

import (
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adaptertest"
	"github.com/realtime-go/realtime/memadapter"
)

// bus gives the kit the faults that it knows.
type bus struct{ *memadapter.Bus }

func (b bus) Node() realtime.Adapter   { return b.Bus.Node() }
func (b bus) Crash(a realtime.Adapter) { b.Bus.Crash(a.(*memadapter.Adapter)) }
func (b bus) Sever(a realtime.Adapter) { b.Partition(a.(*memadapter.Adapter)) }
func (b bus) Mend(_ realtime.Adapter)  { b.Heal() }

func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Factory{
		NewBus: func(testing.TB) adaptertest.Bus { return bus{memadapter.NewBus()} },
	})
}
