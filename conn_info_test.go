package realtime_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// lateBy lets the next ping of a client be answered after exactly d, at most 9 s.
func (f *fixture) lateBy(client *realtimetest.Client, d time.Duration) {
	f.T.Helper()
	const jitter = 5 * time.Second // of the first ping
	conn := f.conn(client)
	client.Stall()
	pass(25*time.Second - jitter)
	for conn.Stats().Unanswered == 0 {
		pass(time.Millisecond)
	}
	pass(d - conn.Stats().Unanswered)
	client.Resume()
	synctest.Wait()
}

func TestConnStats(t *testing.T) {
	transports(t, realtime.Config{Auth: userByToken{}}, func(f *fixture, o realtimetest.Options) {
		release := make(chan struct{})
		realtime.On(f.Server, "block", func(context.Context, *realtime.Conn, string) error { <-release; return nil })
		begun := time.Now()
		o.Auth, o.Address = token("ann"), "203.0.113.9"
		client := f.host.Connect(o)
		conn := f.conn(client)
		if err := conn.Join(f.Context(), "lobby", "table"); err != nil {
			f.Fatal(err)
		}
		for range 3 { // one is being handled, two wait
			client.Emit("block", "x")
		}
		if err := conn.Emit(f.Context(), "hello", "ann"); err != nil {
			f.Fatal(err)
		}
		synctest.Wait()
		transport := map[realtimetest.Transport]string{realtimetest.Polling: "polling"}[o.Transport]
		if transport == "" {
			transport = "websocket"
		}
		const event, reply, hello = `2["block","x"]`, `40{"sid":"01234567890123456789"}`, `42["hello","ann"]`
		want := realtime.ConnStats{
			ID: client.ID(), Namespace: "/", UserID: "ann", Address: "203.0.113.9", Transport: transport, Connected: begun, Rooms: 2,
			WaitingEvents: 2, WaitingBytes: int64(2 * len(`["block","x"]`)),
			ReceivedMessages: 4, ReceivedBytes: uint64(len(`0{"token":"ann"}`) + 3*len(event)),
			SentMessages: 2, SentBytes: uint64(2 + len(reply) + 2 + len(hello)), Heartbeats: []time.Duration{},
		}
		got := conn.Stats()
		if want.Link = got.Link; len(got.Link) != 12 {
			f.Errorf("link %q", got.Link)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Error(diff)
		}
		close(release)
		synctest.Wait()
		if st := conn.Stats(); st.WaitingEvents != 0 || st.WaitingBytes != 0 {
			f.Errorf("%+v", st)
		}
		client.Close()
		synctest.Wait()
		if st := conn.Stats(); st.ID != want.ID || st.Rooms != 2 || st.UserID != "ann" {
			f.Errorf("after the end: %+v", st)
		}
	})
}

func TestConnStatsTellOfHeartbeats(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		conn := f.conn(client)
		f.lateBy(client, 8*time.Second)
		st := conn.Stats()
		if diff := cmp.Diff([]time.Duration{8 * time.Second}, st.Heartbeats); diff != "" || st.RTT != 8*time.Second || st.Latency != 8*time.Second {
			f.Errorf("%s %+v", diff, st)
		}
		f.lateBy(client, 0)
		st = conn.Stats()
		if len(st.Heartbeats) != 2 || st.Heartbeats[0] != 8*time.Second || st.RTT > time.Millisecond || st.Latency < 7*time.Second || st.Latency > 7001*time.Millisecond {
			f.Errorf("%+v", st)
		}
		if st.RTT != conn.RTT() {
			f.Errorf("%s and %s", st.RTT, conn.RTT())
		}
	})
}

// What waits to be sent is the connection's queue.
func TestConnStatsTellOfTheQueue(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		conn := f.conn(client)
		client.Stall()
		for range 5 {
			if err := conn.Emit(f.Context(), "x", 1); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
		}
		messages, bytes := conn.Queue()
		if st := conn.Stats(); st.QueuedMessages != messages || st.QueuedBytes != bytes || messages < 2 {
			f.Errorf("%+v, queue %d, %d", st, messages, bytes)
		}
		client.Resume()
	})
}

// Users are counted once each in a namespace, however many connections they have, and the anonymous not at all.
func TestNamespacesAndUsers(t *testing.T) {
	bubble(t, realtime.Config{Auth: userByToken{}}, func(f *fixture) {
		f.Of("/game")
		f.Of("/open").SetAuth(nil)
		login := func(name, namespace string) *realtimetest.Client {
			return f.host.Connect(realtimetest.Options{Auth: token(name), Namespace: namespace})
		}
		login("ann", "/")
		bob := login("bob", "/")
		twin := login("bob", "/")
		login("ann", "/game")
		login("", "/open")
		if err := f.conn(bob).Join(f.Context(), "lobby"); err != nil {
			f.Fatal(err)
		}
		check := func(users int, want ...realtime.NamespaceStats) {
			f.T.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, f.Namespaces()); diff != "" {
				f.Error(diff)
			}
			if got := f.Stats().Users; got != users {
				f.Errorf("%d users, want %d", got, users)
			}
		}
		game := realtime.NamespaceStats{Name: "/game", Conns: 1, Users: 1, Rooms: 1}
		open := realtime.NamespaceStats{Name: "/open", Conns: 1}
		check(3, realtime.NamespaceStats{Name: "/", Conns: 3, Users: 2, Rooms: 3}, game, open)
		bob.Close()
		check(3, realtime.NamespaceStats{Name: "/", Conns: 2, Users: 2, Rooms: 2}, game, open)
		twin.Disconnect()
		check(2, realtime.NamespaceStats{Name: "/", Conns: 1, Users: 1, Rooms: 1}, game, open)
	})
}

func TestClusterStats(t *testing.T) {
	var joined bus
	bubble(t, realtime.Config{Auth: userByToken{}, Adapter: joined.node(), NodeName: "a"}, func(f *fixture) {
		other := newFixture(f.T, realtime.Config{Auth: userByToken{}, Adapter: joined.node(), NodeName: "b"})
		for _, n := range []*fixture{f, other} {
			if err := n.Start(f.Context()); err != nil {
				f.Fatal(err)
			}
		}
		f.host.Connect(realtimetest.Options{Auth: token("ann")})
		other.host.Connect(realtimetest.Options{Auth: token("ann")})
		other.host.Connect(realtimetest.Options{Auth: token("bob")})
		f.Of("/empty")
		synctest.Wait()
		st, err := f.ClusterStats(f.Context())
		if err != nil || len(st.Nodes) != 2 {
			f.Errorf("%+v, %v", st.Nodes, err)
		}
		want := []realtime.NamespaceCount{{Name: "/", Conns: 3, Users: 2}, {Name: "/empty"}}
		if diff := cmp.Diff(want, st.Namespaces); diff != "" || st.More != 0 {
			f.Error(diff, st.More)
		}
	})
}

// Without an adapter the cluster is this node, and what is asked is bounded.
func TestClusterStatsAlone(t *testing.T) {
	bubble(t, realtime.Config{Presence: realtime.PresenceConfig{Off: true}}, func(f *fixture) {
		for i := range 120 {
			f.Of(string(rune('A' + i)))
		}
		f.connect()
		st, err := f.ClusterStats(f.Context())
		if err != nil || len(st.Nodes) != 1 || len(st.Namespaces) != 100 || st.More != 21 {
			f.Errorf("%d nodes, %d namespaces, %d more, %v", len(st.Nodes), len(st.Namespaces), st.More, err)
		}
		if st.Namespaces[0] != (realtime.NamespaceCount{Name: "/", Conns: 1}) {
			f.Errorf("%+v", st.Namespaces[0])
		}
	})
}
