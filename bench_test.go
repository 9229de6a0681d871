package realtime_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

// The benchmarks run against real sockets on loopback, with clients that cost little: raw frames, fixed buffers. Times
// of a shared machine are noisy; writes and allocations per operation are not.

// benchServer is a server on loopback that counts its writes.
type benchServer struct {
	realtime.Server
	addr   string
	writes atomic.Int64
	bytes  atomic.Int64 // in them
}

// newBenchServer starts one; wrap puts something between it and its connections.
func newBenchServer(b testing.TB, wrap ...func(net.Conn) net.Conn) *benchServer {
	b.Helper()
	return newBenchServerWith(b, realtime.Config{}, wrap...)
}

// newBenchServerWith is newBenchServer with other settings than the default. An event-driven server's writes are not
// counted.
func newBenchServerWith(b testing.TB, cfg realtime.Config, wrap ...func(net.Conn) net.Conn) *benchServer {
	b.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Limits.EventRate, cfg.Limits.ByteRate = -1, -1 // a closed loop is a flood by design
	srv, err := realtime.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	s := &benchServer{Server: srv}
	ts := httptest.NewUnstartedServer(srv)
	if !cfg.EventDriven { // which needs the connection itself
		ts.Listener = countingListener{ts.Listener, s, wrap}
	}
	ts.Start()
	s.addr = ts.Listener.Addr().String()
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			b.Error(err)
		}
		ts.Close()
	})
	return s
}

type countingListener struct {
	net.Listener
	s    *benchServer
	wrap []func(net.Conn) net.Conn
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for _, wrap := range l.wrap {
		c = wrap(c)
	}
	return countingConn{c, l.s}, nil
}

type countingConn struct {
	net.Conn
	s *benchServer
}

func (c countingConn) Write(p []byte) (int, error) {
	c.s.writes.Add(1)
	c.s.bytes.Add(int64(len(p)))
	return c.Conn.Write(p)
}

// rawClient is a joined websocket without any library behind it.
type rawClient struct {
	net.Conn
	r *bufio.Reader
}

// dialRaw opens a websocket and joins "/".
func dialRaw(addr string, headers ...string) (*rawClient, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &rawClient{conn, bufio.NewReaderSize(conn, 4096)}
	_, err = fmt.Fprintf(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", addr, strings.Join(headers, ""))
	if err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("handshake: %v, %w", resp, err)
	}
	if err := c.next(); err != nil { // open packet
		return nil, err
	}
	if _, err := conn.Write(clientFrame("40")); err != nil {
		return nil, err
	}
	return c, c.next() // CONNECT reply
}

// clientFrame masks a short text with zeros.
func clientFrame(text string) []byte {
	if len(text) > 125 {
		panic("text too long for this client")
	}
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// next skips one frame.
func (c *rawClient) next() error {
	head, err := c.r.Peek(2)
	if err != nil {
		return err
	}
	n, skip := int(head[1]), 2
	if n == 126 {
		if head, err = c.r.Peek(4); err != nil {
			return err
		}
		n, skip = int(head[2])<<8|int(head[3]), 4
	}
	_, err = c.r.Discard(skip + n)
	return err
}

// drain counts frames until the connection ends.
func (c *rawClient) drain(count func()) {
	for {
		if err := c.next(); err != nil {
			return
		}
		count()
	}
}

// BenchmarkFanout broadcasts to a room in a closed loop with 16 outstanding messages.
func BenchmarkFanout(b *testing.B) {
	for _, members := range []int{100, 1000} {
		b.Run(strconv.Itoa(members), func(b *testing.B) {
			s := newBenchServer(b)
			s.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "r") })
			var delivered atomic.Int64
			tick := make(chan struct{}, 1)
			var readers sync.WaitGroup
			for range members {
				c, err := dialRaw(s.addr)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				readers.Go(func() {
					c.drain(func() {
						if delivered.Add(1)%int64(members) == 0 {
							select {
							case tick <- struct{}{}:
							default:
							}
						}
					})
				})
			}
			waitRoom(b, s, members)
			room, payload := s.To("r"), strings.Repeat("x", 100)
			var sent int64
			before := s.writes.Load()
			b.ReportAllocs()
			for b.Loop() {
				for sent-delivered.Load()/int64(members) >= 16 {
					<-tick
				}
				if err := room.Emit(context.Background(), "msg", payload); err != nil {
					b.Fatal(err)
				}
				sent++
			}
			for delivered.Load() < sent*int64(members) {
				<-tick
			}
			total := float64(sent * int64(members))
			b.ReportMetric(total/b.Elapsed().Seconds(), "deliveries/s")
			b.ReportMetric(float64(s.writes.Load()-before)/total, "writes/delivery")
		})
	}
}

// BenchmarkRooms sends to 100 rooms of 10 in turn, with 4,000 deliveries outstanding: so many that a delay before a write
// gathers some.
func BenchmarkRooms(b *testing.B) {
	const rooms, members, outstanding = 100, 10, 4000
	for _, delay := range []time.Duration{0, 2 * time.Millisecond, 10 * time.Millisecond} {
		b.Run("delay="+delay.String(), func(b *testing.B) {
			s := newBenchServerWith(b, realtime.Config{FlushDelay: delay})
			var joined atomic.Int64
			s.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
				return c.Join(ctx, strconv.FormatInt((joined.Add(1)-1)%rooms, 10))
			})
			count := newDeliveries(b, s, rooms*members)
			for joined.Load() < rooms*members {
				runtime.Gosched()
			}
			var to [rooms]realtime.Broadcaster
			for i := range to {
				to[i] = s.To(strconv.Itoa(i))
			}
			payload := strings.Repeat("x", 100)
			before := s.writes.Load()
			var sent int64
			b.ReportAllocs()
			for b.Loop() {
				count.await(sent - outstanding)
				if err := to[sent/members%rooms].Emit(context.Background(), "msg", payload); err != nil {
					b.Fatal(err)
				}
				sent += members
			}
			count.await(sent)
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "deliveries/s")
			b.ReportMetric(float64(s.writes.Load()-before)/float64(sent), "writes/delivery")
		})
	}
}

// BenchmarkCompression broadcasts the state of a table to a room of 100, to clients that take compression and to clients that do not.
func BenchmarkCompression(b *testing.B) {
	const members = 100
	for _, players := range []int{20, 200} {
		state := make([]map[string]any, players)
		for i := range state {
			state[i] = map[string]any{"seat": i, "name": fmt.Sprintf("player %d", i*7919%1000), "ready": i%3 == 0, "score": i * i, "hand": []int{i % 13, i * 5 % 13, i * 7 % 13}}
		}
		for _, on := range []bool{false, true} {
			b.Run(fmt.Sprintf("players=%d/compressed=%t", players, on), func(b *testing.B) {
				s := newBenchServerWith(b, realtime.Config{Compression: realtime.Compression{Enabled: on}})
				s.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "r") })
				count := newDeliveries(b, s, members, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
				waitRoom(b, s, members)
				room, before := s.To("r"), s.bytes.Load()
				var sent int64
				b.ReportAllocs()
				for b.Loop() {
					count.await(sent - 4*members)
					if err := room.Emit(context.Background(), "state", state); err != nil {
						b.Fatal(err)
					}
					sent += members
				}
				count.await(sent)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(sent), "ns/delivery")
				b.ReportMetric(float64(s.bytes.Load()-before)/float64(sent), "bytes/delivery")
			})
		}
	}
}

// deliveries counts what clients get.
type deliveries struct {
	n    atomic.Int64
	tick chan struct{}
}

// newDeliveries connects clients that count.
func newDeliveries(b *testing.B, s *benchServer, clients int, headers ...string) *deliveries {
	b.Helper()
	d := &deliveries{tick: make(chan struct{}, 1)}
	for range clients {
		c, err := dialRaw(s.addr, headers...)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		// Owner: the benchmark; it ends when its connection is closed.
		go c.drain(func() {
			if d.n.Add(1)%64 == 0 {
				d.wake()
			}
		})
	}
	return d
}

func (d *deliveries) wake() {
	select {
	case d.tick <- struct{}{}:
	default:
	}
}

// await waits until n messages have been delivered.
func (d *deliveries) await(n int64) {
	for d.n.Load() < n {
		select {
		case <-d.tick:
		case <-time.After(time.Millisecond): // fewer than 64 are left
		}
	}
}

// waitRoom waits until the room is full: OnConnect runs after the CONNECT reply.
func waitRoom(b testing.TB, s *benchServer, members int) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
		n, err := s.Room("r").Len(context.Background())
		if err != nil || time.Now().After(deadline) {
			b.Fatalf("room has %d members: %v", n, err)
		}
		if n == members {
			return
		}
	}
}

// BenchmarkEcho sends events with an acknowledgement from 50 connections, 16 outstanding on each.
func BenchmarkEcho(b *testing.B) {
	bothReaders(b, benchmarkEcho)
}

// bothReaders runs a benchmark with goroutines that read, and event-driven.
func bothReaders(b *testing.B, run func(*testing.B, *benchServer)) {
	b.Helper()
	for _, events := range []bool{false, true} {
		b.Run(fmt.Sprintf("event-driven=%t", events), func(b *testing.B) {
			run(b, newBenchServerWith(b, realtime.Config{EventDriven: events}))
		})
	}
}

func benchmarkEcho(b *testing.B, s *benchServer) {
	type in struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	}
	realtime.Handle(s, "echo", func(_ context.Context, _ *realtime.Conn, v in) (in, error) { return v, nil })
	const conns, window = 50, 16
	frame := clientFrame(`427["echo",{"n":1,"text":"` + strings.Repeat("x", 60) + `"}]`)
	clients := make([]*rawClient, conns)
	for i := range clients {
		c, err := dialRaw(s.addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		clients[i] = c
	}
	before := s.writes.Load()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	for _, c := range clients {
		wg.Go(func() {
			inFlight := 0
			for {
				for inFlight < window && left.Add(-1) >= 0 {
					if _, err := c.Write(frame); err != nil {
						b.Error(err)
						return
					}
					inFlight++
				}
				if inFlight == 0 {
					return
				}
				if err := c.next(); err != nil {
					b.Error(err)
					return
				}
				inFlight--
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "echoes/s")
	b.ReportMetric(float64(s.writes.Load()-before)/float64(b.N), "writes/echo")
}

const idleClientsEnv = "REALTIME_BENCH_IDLE_CLIENTS" // "addr count": be the clients of BenchmarkIdle

// BenchmarkIdle holds joined websockets from another process and reports what each costs this one.
func BenchmarkIdle(b *testing.B) {
	bothReaders(b, benchmarkIdle)
}

func benchmarkIdle(b *testing.B, s *benchServer) {
	const conns = 1000
	heap0, stack0, goroutines0 := memory()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestIdleClients$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", idleClientsEnv, s.addr, conns))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "connected\n" {
		b.Fatalf("clients: %q, %v", line, err)
	}
	for b.Loop() {
		heap, stack, goroutines := memory()
		b.ReportMetric(float64(heap-heap0)/conns, "heap-B/conn")
		b.ReportMetric(float64(stack-stack0)/conns, "stack-B/conn")
		b.ReportMetric(float64(goroutines-goroutines0)/conns, "goroutines/conn")
	}
	b.ReportMetric(0, "ns/op")
	if err := stdin.Close(); err != nil {
		b.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Error(err)
	}
}

func memory() (heap, stack, goroutines int64) {
	runtime.GC()
	runtime.GC() // pools empty on the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse), int64(runtime.NumGoroutine())
}

// TestIdleClients is the other process of BenchmarkIdle; without its environment there is nothing to do.
func TestIdleClients(t *testing.T) {
	var addr string
	var n int
	if _, err := fmt.Sscan(os.Getenv(idleClientsEnv), &addr, &n); err != nil {
		return
	}
	for range n {
		c, err := dialRaw(addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark is over
}
