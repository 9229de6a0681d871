//go:build unix

package redisadapter_test

import (
	"encoding/json"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// counting is a node that gives a token for each message that it hears.
type counting struct {
	*peer
	tokens chan struct{}
}

func (c counting) OnMessage(*realtime.Message) { c.tokens <- struct{}{} }

// BenchmarkAcross sends messages of 130 bytes for a room from one node to another over one
// Redis, as many at a time as the window says, and counts one operation for each that was delivered.
// Allocations are those of both nodes.
func BenchmarkAcross(b *testing.B) {
	server := redistest.Start(b)
	for name, wire := range map[string]redisadapter.Wire{"classic": redisadapter.NodeClassic, "native": redisadapter.Native} {
		for window, size := range map[string]int{"window=1": 1, "window=1000": 1000} {
			b.Run(name+"/"+window, func(b *testing.B) {
				cfg := options(server.Addr)
				cfg.Wire = wire
				from, to := startPeer(b, cfg), newPeer(b, cfg)
				tokens := make(chan struct{}, size)
				if err := to.Start(b.Context(), to.self, counting{to, tokens}); err != nil {
					b.Fatal(err)
				}
				to.RoomOpened("/", "room:42")
				from.RoomOpened("/", "room:1")
				if err := to.OpenNamespace(b.Context(), "/"); err != nil {
					b.Fatal(err)
				}
				m := &realtime.Message{
					Op: realtime.OpBroadcast, Node: from.self.ID, Namespace: "/", Rooms: []string{"room:42"},
					Data: json.RawMessage(`["move",{"x":12,"y":34,"id":"abcdefghijklmnopqrstuvwxyz","text":"some text, so that it is a message as people send them, more or less"}]`),
				}
				for range size {
					tokens <- struct{}{}
				}
				b.ReportAllocs()
				b.SetBytes(int64(len(m.Data)))
				for b.Loop() {
					<-tokens
					if err := from.Publish(b.Context(), m); err != nil {
						b.Fatal(err)
					}
				}
				for range size {
					<-tokens
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			})
		}
	}
}
