package nativewire

import (
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// asLibrary is the broadcast of 130 bytes as the library has it, for its own JSON.
func asLibrary() *realtime.Message {
	return &realtime.Message{
		Op: realtime.OpBroadcast, Node: origin.Node, Namespace: broadcast.Namespace, Rooms: broadcast.Rooms, Data: broadcast.Data,
	}
}

// BenchmarkEncode: one broadcast as a publish, beside the JSON of the library.
func BenchmarkEncode(b *testing.B) {
	h := Header{Origin: origin, Channel: lobby, Stream: 3, Seq: 1000, Age: time.Second}
	for _, c := range []struct {
		name string
		keys *Keys
	}{{"native", nil}, {"native-signed", testKeys(b, "k")}} {
		b.Run(c.name, func(b *testing.B) {
			var message, records, frame []byte
			var err error
			b.ReportAllocs()
			for b.Loop() {
				if message, err = AppendMessage(message[:0], &broadcast, lobby); err != nil {
					b.Fatal(err)
				}
				records = AppendRecord(records[:0], message)
				if frame, err = AppendFrame(frame[:0], &h, 1, records, c.keys); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(frame)), "bytes")
		})
	}
	b.Run("json", func(b *testing.B) {
		m := asLibrary()
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			out, err := m.MarshalBinary()
			if err != nil {
				b.Fatal(err)
			}
			n = len(out)
		}
		b.ReportMetric(float64(n), "bytes")
	})
}

// BenchmarkDecode: the same the other way.
func BenchmarkDecode(b *testing.B) {
	h := Header{Origin: origin, Channel: lobby, Stream: 3, Seq: 1000, Age: time.Second}
	for _, c := range []struct {
		name string
		keys *Keys
	}{{"native", nil}, {"native-signed", testKeys(b, "k")}} {
		b.Run(c.name, func(b *testing.B) {
			wire := frameOf(b, h, c.keys, broadcast)
			b.ReportAllocs()
			for b.Loop() {
				decodeOnce(b, wire, c.keys)
			}
		})
	}
	b.Run("json", func(b *testing.B) {
		wire, err := asLibrary().MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			var m realtime.Message
			if err := m.UnmarshalBinary(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func decodeOnce(b *testing.B, wire string, keys *Keys) {
	var f Frame
	var m Message
	if err := f.Decode(wire, lobby, keys); err != nil {
		b.Fatal(err)
	}
	for {
		more, err := f.Next(&m)
		if err != nil {
			b.Fatal(err)
		}
		if !more {
			return
		}
	}
}

// BenchmarkBatch is what a broadcast costs from Add to Tracker in frames of 16.
func BenchmarkBatch(b *testing.B) {
	o := outbox(b, OutboxConfig{})
	tracker := NewTracker(TrackerConfig{})
	tracker.Subscribed(lobby, start)
	var sealed []Sealed
	var message []byte
	var err error
	m := broadcast
	now := start
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			if message, err = AppendMessage(message[:0], &broadcast, lobby); err == nil {
				err = o.Add(message, lobby)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		now = now.Add(time.Millisecond)
		sealed = o.Seal(sealed[:0], now)
		var f Frame
		if err := f.Decode(string(sealed[0].Frame), lobby, nil); err != nil {
			b.Fatal(err)
		}
		v, gaps := tracker.Frame(&f.Header, f.Messages, now, nil)
		if v.Outcome != Fresh || len(gaps) > 0 {
			b.Fatal(v, gaps)
		}
		for range 16 {
			if more, err := f.Next(&m); !more || err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/message")
}

func BenchmarkRoute(b *testing.B) {
	l := layout(b, DefaultPrefix, 0)
	rooms := []string{"room:lobby", "room:42"}
	var channels []Channel
	b.ReportAllocs()
	for b.Loop() {
		channels = l.Route(channels[:0], "/chat", rooms, nil)
	}
}

func BenchmarkTrackerFrame(b *testing.B) {
	tracker := NewTracker(TrackerConfig{})
	tracker.Subscribed(lobby, start)
	h := Header{Origin: origin, Channel: lobby, Stream: 1}
	b.ReportAllocs()
	for b.Loop() {
		h.Seq++
		if v, _ := tracker.Frame(&h, 1, start, nil); v.Outcome != Fresh {
			b.Fatal(v)
		}
	}
}
