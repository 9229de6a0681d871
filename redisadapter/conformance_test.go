//go:build unix

package redisadapter_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adaptertest"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// bus is the nodes of one subtest: they share a prefix, and each has a cable of its own.
type bus struct {
	t      testing.TB
	cfg    redisadapter.Config
	wires  []redisadapter.Wire // of the nodes in turn, if not that of cfg
	cables map[realtime.Adapter]*redistest.Cable
}

func newBus(t testing.TB, cfg redisadapter.Config) *bus {
	cfg.Prefix = fmt.Sprintf("test-%d", prefixes.Add(1))
	cfg.Heartbeat = 200 * time.Millisecond // three of them are longer than a busy machine keeps a node waiting
	return &bus{t: t, cfg: cfg, cables: map[realtime.Adapter]*redistest.Cable{}}
}

func (b *bus) Node() realtime.Adapter {
	cable := &redistest.Cable{}
	cfg := b.cfg
	cfg.Redis.DialCtxFn = cable.Dial
	if len(b.wires) > 0 {
		cfg.Wire = b.wires[len(b.cables)%len(b.wires)]
	}
	a, err := redisadapter.New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.cables[a] = cable
	return a
}

func (b *bus) Crash(a realtime.Adapter) { b.cables[a].Cut() }
func (b *bus) Sever(a realtime.Adapter) { b.cables[a].Cut() }
func (b *bus) Mend(a realtime.Adapter)  { b.cables[a].Mend() }

// conform runs the kit, on clusters of some sizes if not of all.
func conform(t *testing.T, cfg redisadapter.Config, sizes ...int) {
	adaptertest.Run(t, adaptertest.Factory{
		Sizes:  sizes,
		NewBus: func(t testing.TB) adaptertest.Bus { return newBus(t, cfg) },
	})
}

// TestConformance runs the kit on one Redis.
func TestConformance(t *testing.T) {
	conform(t, redisadapter.Config{Redis: rueidis.ClientOption{InitAddress: []string{redistest.Start(t).Addr}}})
}

// TestConformanceCluster runs it on a Redis Cluster of three masters, with as many nodes. What more nodes change does not
// depend on how many masters there are, and is seen above.
func TestConformanceCluster(t *testing.T) {
	conform(t, redisadapter.Config{Redis: rueidis.ClientOption{InitAddress: redistest.StartCluster(t, 3).Addrs}}, 3)
}

// TestConformanceNative runs the kit with the wire between Go nodes.
func TestConformanceNative(t *testing.T) {
	conform(t, redisadapter.Config{Wire: redisadapter.Native, Redis: rueidis.ClientOption{InitAddress: []string{redistest.Start(t).Addr}}})
}

// TestConformanceNativeSigned does so with keys.
func TestConformanceNativeSigned(t *testing.T) {
	conform(t, redisadapter.Config{
		Wire: redisadapter.Native, Keys: [][]byte{bytes.Repeat([]byte("k"), 32)},
		Redis: rueidis.ClientOption{InitAddress: []string{redistest.Start(t).Addr}},
	}, 2)
}

// TestConformanceNativeCluster does so on a Redis Cluster.
func TestConformanceNativeCluster(t *testing.T) {
	conform(t, redisadapter.Config{Wire: redisadapter.Native, Redis: rueidis.ClientOption{InitAddress: redistest.StartCluster(t, 3).Addrs}}, 3)
}

// TestConformanceNativeSharded does so with sharded publish and subscribe.
func TestConformanceNativeSharded(t *testing.T) {
	conform(t, redisadapter.Config{
		Wire: redisadapter.Native, ShardedPubSub: true,
		Redis: rueidis.ClientOption{InitAddress: redistest.StartCluster(t, 3).Addrs},
	}, 3)
}

// TestConformanceRolling runs the kit on the clusters that there are on the way from one wire to the
// other (D34).
func TestConformanceRolling(t *testing.T) {
	server := redistest.Start(t)
	for name, wires := range map[string][]redisadapter.Wire{
		"first half":  {redisadapter.Rolling, redisadapter.NodeClassic},
		"between":     {redisadapter.Rolling},
		"second half": {redisadapter.Native, redisadapter.Rolling},
	} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, adaptertest.Factory{Sizes: []int{3}, NewBus: func(t testing.TB) adaptertest.Bus {
				b := newBus(t, redisadapter.Config{Redis: rueidis.ClientOption{InitAddress: []string{server.Addr}}})
				b.wires = wires
				return b
			}})
		})
	}
}
