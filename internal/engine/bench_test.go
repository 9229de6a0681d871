package engine

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// BenchmarkFanOut sends one message to many websockets and counts deliveries.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHarness(b, Options{MaxUnjoined: -1, ConnectTimeout: -1})
			var sessions []*Session
			m := message(`2["tick",{"n":` + strings.Repeat("1", 80) + `}]`)
			ended := make(chan int64, n)
			for range n {
				conn := idleWebSocket(h)
				sessions = append(sessions, h.session().session)
				// Owner: the benchmark; it ends when the server closes the connection.
				go func() {
					read, _ := io.Copy(io.Discard, conn)
					conn.Close()
					ended <- read
				}()
			}
			b.ResetTimer()
			for b.Loop() {
				for _, s := range sessions {
					for {
						if queued, _ := s.Queue(); queued < DefaultMaxQueueItems/2 {
							break
						}
					}
					_ = s.Send(m)
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "deliveries/s")
			h.shutdown()
			for range n {
				if read := <-ended; read < int64(b.N)*int64(m.Size()) {
					b.Errorf("a client read %d of %d bytes", read, int64(b.N)*int64(m.Size()))
				}
			}
		})
	}
}

// BenchmarkReceive measures one inbound websocket message.
func BenchmarkReceive(b *testing.B) {
	done := make(chan struct{}, 1)
	h := newHarness(b, Options{}, func(r *recorder) {
		r.session.Joined()
		left := b.N
		r.handle = func([]byte, bool) error {
			if left--; left == 0 {
				done <- struct{}{}
			}
			return nil
		}
	})
	conn := idleWebSocket(h)
	defer conn.Close()
	h.session()
	frame := frameOf(fin|opText, `42["vote",{"room":"lobby","choice":7,"text":"`+strings.Repeat("x", 80)+`"}]`)
	batch := []byte(strings.Repeat(string(frame), 32))
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= 32 {
		if _, err := conn.Write(batch[:min(left, 32)*len(frame)]); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

// BenchmarkNewMessage measures what a broadcast costs once.
func BenchmarkNewMessage(b *testing.B) {
	text := []byte(`2["vote",{"room":"lobby","choice":7,"text":"` + strings.Repeat("x", 80) + `"}]`)
	b.ReportAllocs()
	for b.Loop() {
		NewMessage(text)
	}
}

// BenchmarkIdle reports the memory of idle websockets.
func BenchmarkIdle(b *testing.B) {
	for _, events := range []bool{false, true} {
		b.Run(fmt.Sprintf("event-driven=%t", events), func(b *testing.B) {
			h := newHarness(b, Options{MaxUnjoined: -1, ConnectTimeout: -1, EventDriven: events})
			before := memory()
			conns := make([]net.Conn, 0, 1000)
			for b.Loop() {
				if len(conns) == cap(conns) {
					break
				}
				conns = append(conns, idleWebSocket(h))
				h.session().session.Joined()
			}
			b.ReportMetric(float64(memory()-before)/float64(len(conns)), "B/conn")
			for _, c := range conns {
				c.Close()
			}
		})
	}
}
