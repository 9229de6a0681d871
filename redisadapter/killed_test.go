//go:build unix

package redisadapter_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// The environment of a process that is a whole server, so that it can be killed.
const (
	processEnv     = "REDISADAPTER_TEST_SERVER" // address of Redis
	processPrefix  = "REDISADAPTER_TEST_PREFIX"
	processWire    = "REDISADAPTER_TEST_WIRE"
	processTalkers = 4
)

// beServer is the main function of such a process. It says the id of its node and where it listens, talks to everyone as fast
// as a ticker goes, and ends with its input.
func beServer(addr string) {
	if err := serve(addr); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func serve(addr string) error {
	cfg := redisadapter.Config{
		Redis: rueidis.ClientOption{InitAddress: []string{addr}}, Prefix: os.Getenv(processPrefix), Heartbeat: 200 * time.Millisecond,
	}
	if os.Getenv(processWire) == "native" {
		cfg.Wire = redisadapter.Native
	}
	adapter, err := redisadapter.New(cfg)
	if err != nil {
		return err
	}
	srv, err := realtime.New(realtime.Config{
		Adapter: adapter, Auth: byName{}, NodeName: "process", Logger: slog.New(slog.DiscardHandler),
		Presence: realtime.PresenceConfig{Grace: time.Millisecond},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err = errors.Join(err, srv.Start(ctx)); err != nil {
		return err
	}
	go func() { _ = http.Serve(l, srv) }() //nolint:gosec // ends with the process
	for i := range processTalkers {
		go func() { // ends with the process
			for n := range time.Tick(time.Millisecond) {
				_ = srv.To(fmt.Sprint("room", i)).Emit(context.Background(), "n", n.UnixNano())
			}
		}()
	}
	fmt.Println("serves", l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// process is a running one.
type process struct {
	addr string
	kill func()
}

func startProcess(t *testing.T, redis string, cfg redisadapter.Config) *process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-test.run=^$") //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), processEnv+"="+redis, processPrefix+"="+cfg.Prefix, processWire+"="+map[bool]string{true: "native"}[cfg.Wire == redisadapter.Native])
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err = errors.Join(err, outErr); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	p := &process{kill: func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill() // SIGKILL
			_ = cmd.Wait()
			in.Close()
		}
	}}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "serves ") {
		t.Fatalf("the process says %q, %v", line, err)
	}
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "serves "))
	return p
}

// user connects over a real websocket and joins "/".
func (p *process) user(t *testing.T, name string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+p.addr+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`40{"name":"`+name+`"}`)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestProcessIsKilled ends a server with kill -9 that talks and has users: the others are told of its loss once, do not wait
// for it any more, see its users go, once, and are told of what it may have said last. What they say to each other meanwhile
// is not lost unreported.
func TestProcessIsKilled(t *testing.T) { bothWires(t, testProcessIsKilled) }

func testProcessIsKilled(t *testing.T, wire redisadapter.Wire) {
	redis := redistest.Start(t)
	cfg := options(redis.Addr)
	cfg.Wire = wire
	a, b := startServer(t, cfg), startServer(t, cfg)
	ctx := t.Context()
	a.as("ann")
	h := newHistory(t, cfg, cfg) // two more nodes
	victim := startProcess(t, redis.Addr, cfg)
	eve := victim.user(t, "eve")
	victim.user(t, "ann") // on her second device
	for _, s := range []*server{a, b} {
		redistest.Await(t, "five nodes with two users and three connections", func() bool {
			nodes, err := s.Nodes(ctx)
			n, countErr := s.Presence().Count(ctx)
			u, userErr := s.Presence().User(ctx, "ann")
			return errors.Join(err, countErr, userErr) == nil && len(nodes) == 5 && n == 2 && len(u.Conns) == 2
		})
	}
	h.through(victim.kill)
	if _, _, err := eve.NextReader(); err == nil {
		for err == nil {
			_, _, err = eve.NextReader()
		}
	}
	for _, s := range []*server{a, b} {
		redistest.Await(t, "that the node is lost", func() bool { return slices.Contains(s.told(), "process lost") })
		if nodes, err := s.Nodes(ctx); err != nil || len(nodes) != 4 {
			t.Errorf("nodes %v, %v", nodes, err)
		}
		found := 0
		for info, err := range s.Conns(ctx) { // everybody says ann's
			if err != nil || info.UserID != "ann" {
				t.Errorf("a question after the loss: %+v, %v", info, err)
			}
			found++
		}
		if want := 1 + len(h.nodes); found != want {
			t.Errorf("%d connections, want %d", found, want)
		}
		if wire == redisadapter.Native {
			redistest.Await(t, "a gap of unknown size", func() bool { return slices.Contains(s.told(), "gap of unknown size of the process") })
		}
	}
	everywhere := func() []string { // who is offline is told on any one node
		lines := told(a, b)
		for _, p := range h.nodes {
			p.note(func() {
				for _, user := range p.offline {
					lines = append(lines, user+" offline")
				}
			})
		}
		return lines
	}
	redistest.Await(t, "that eve is offline", func() bool { return slices.Contains(everywhere(), "eve offline") })
	for _, s := range []*server{a, b} {
		redistest.Await(t, "the truth about who is online", func() bool {
			n, err := s.Presence().Count(ctx)
			u, userErr := s.Presence().User(ctx, "ann")
			return errors.Join(err, userErr) == nil && n == 1 && len(u.Conns) == 1
		})
	}
	times := map[string]int{}
	for _, line := range everywhere() {
		times[line]++
	}
	if times["process lost"] != 2 || times["eve offline"] != 1 || times["ann offline"] != 0 {
		t.Errorf("told %v", times)
	}
}
