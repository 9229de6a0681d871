package realtime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// watchful is a server that looks for anomalies, and what its hook was told.
type watchful struct {
	*fixture
	told []realtime.Anomaly
}

// vigil runs a test against a server that tells of anomalies. Users log in by token; "" is anonymous in "/open".
func vigil(t *testing.T, limits realtime.AnomalyConfig, test func(w *watchful)) {
	t.Helper()
	w := &watchful{}
	cfg := realtime.Config{Auth: userByToken{}, Anomalies: limits}
	cfg.Hooks.Anomaly = func(a realtime.Anomaly) { w.told = append(w.told, a) }
	bubble(t, cfg, func(f *fixture) {
		w.fixture = f
		f.Of("/open").SetAuth(nil)
		test(w)
	})
}

// expect compares what was told since the last call, without the ids of connections.
func (w *watchful) expect(what string, want ...realtime.Anomaly) {
	w.T.Helper()
	synctest.Wait()
	for i := range w.told {
		if len(w.told[i].Conn) != 20 {
			w.Errorf("%s: connection %q", what, w.told[i].Conn)
		}
		w.told[i].Conn = ""
	}
	if diff := cmp.Diff(want, w.told); diff != "" {
		w.Errorf("%s: %s", what, diff)
	}
	w.told = nil
}

func (w *watchful) visit(user, address string) {
	o := realtimetest.Options{Address: address, Auth: token(user)}
	if user == "" {
		o.Namespace = "/open"
	}
	w.host.Connect(o).Close()
	synctest.Wait()
}

func TestFlappingUser(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{Addresses: -1}, func(w *watchful) {
		quiet := w.host.Connect(realtimetest.Options{Auth: token("ann")})
		begun := time.Now()
		for range 9 {
			w.visit("ann", "203.0.113.1")
			w.visit("bob", "203.0.113.1")
		}
		w.expect("below the threshold")
		pass(30 * time.Second)
		w.visit("ann", "203.0.113.2")
		found := realtime.Anomaly{
			Kind: realtime.AnomalyFlapping, At: time.Now(), Namespace: "/", User: "ann", Address: "203.0.113.2", Count: 10, Window: time.Minute,
		}
		w.expect("at the threshold", found)
		for range 20 {
			w.visit("ann", "203.0.113.2")
		}
		w.expect("once in a window")
		pass(time.Until(begun.Add(time.Minute)))
		quiet.Close() // it has lived for a minute, and is none of those that are counted
		for range 9 {
			w.visit("ann", "203.0.113.2")
		}
		w.expect("a new window")
		w.visit("ann", "203.0.113.2")
		found.At = time.Now()
		w.expect("again", found)
		if got := w.Stats().Anomalies; got["flapping"] != 2 || len(got) != 1 {
			w.Errorf("counted %v", got)
		}
		if lines := w.log.lines("msg=anomaly", "kind=flapping", "user=ann", "count=10", "level=WARN"); len(lines) != 2 {
			w.Errorf("logged %q", lines)
		}
	})
}

func TestFlappingAddress(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{AddressReconnects: 3}, func(w *watchful) {
		for range 2 {
			w.visit("", "203.0.113.1")
			w.visit("", "203.0.113.2")
			w.visit("ann", "203.0.113.1") // known users count by their name
		}
		w.expect("below the threshold")
		w.visit("", "203.0.113.1")
		w.expect("at the threshold", realtime.Anomaly{
			Kind: realtime.AnomalyFlapping, At: time.Now(), Namespace: "/open", Address: "203.0.113.1", Count: 3, Window: time.Minute,
		})
	})
}

// That everything ends when the server does is not odd.
func TestShutdownIsNotFlapping(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{AddressReconnects: 1, Reconnects: 1}, func(w *watchful) {
		w.host.Connect(realtimetest.Options{Auth: token("ann")})
		if err := w.Shutdown(w.Context()); err != nil {
			w.Fatal(err)
		}
		w.expect("shutdown")
		if n := w.Stats().Disconnects["shutdown"]; n != 1 {
			w.Errorf("%v", w.Stats().Disconnects)
		}
	})
}

func TestManyAddresses(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{Reconnects: -1, Addresses: 3}, func(w *watchful) {
		for _, address := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.1", "203.0.113.2"} {
			w.visit("ann", address)
			w.visit("", address)
		}
		w.visit("bob", "203.0.113.3")
		w.expect("below the threshold")
		w.visit("ann", "203.0.113.3")
		w.expect("at the threshold", realtime.Anomaly{
			Kind: realtime.AnomalyManyAddresses, At: time.Now(), Namespace: "/", User: "ann", Address: "203.0.113.3", Count: 3, Window: time.Minute,
		})
		w.visit("ann", "203.0.113.3")
		w.visit("ann", "203.0.113.4")
		w.expect("once in a window")
		pass(time.Minute)
		w.visit("ann", "203.0.113.5")
		w.visit("ann", "203.0.113.6")
		w.expect("a new window")
	})
}

func TestRefusedEvents(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{RefusedEvents: 3}, func(w *watchful) {
		realtime.On(w.Server, "number", func(context.Context, *realtime.Conn, int) error { return nil })
		realtime.On(w.Server, "no", func(context.Context, *realtime.Conn, any) error { return realtime.Errorf("no", "no") })
		realtime.On(w.Server, "fail", func(context.Context, *realtime.Conn, any) error { return errors.New("ours") })
		ann := w.host.Connect(realtimetest.Options{Auth: token("ann"), Address: "203.0.113.1"})
		bob := w.host.Connect(realtimetest.Options{Auth: token("bob")})
		for range 10 {
			ann.Emit("number", 1) // that is fine
			ann.Emit("fail")      // that is the server's fault
		}
		bob.Emit("no")
		bob.Emit("no")
		ann.Emit("number", "one")
		synctest.Wait()
		ann.Emit("unknown")
		w.expect("below the threshold")
		ann.Emit("no")
		w.expect("at the threshold", realtime.Anomaly{
			Kind: realtime.AnomalyRefusedEvents, At: time.Now(), Namespace: "/", User: "ann", Address: "203.0.113.1", Count: 3, Window: time.Minute,
		})
		ann.Emit("no")
		w.expect("once in a window")
	})
}

func TestLateHeartbeat(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{LatencyJump: -1}, func(w *watchful) {
		client := w.host.Connect(realtimetest.Options{Auth: token("ann"), Address: "203.0.113.1"})
		w.lateBy(client, 5*time.Second-time.Millisecond)
		w.expect("in time")
		w.lateBy(client, 5*time.Second)
		w.expect("late", realtime.Anomaly{
			Kind: realtime.AnomalyLateHeartbeat, At: time.Now(), Namespace: "/", User: "ann", Address: "203.0.113.1",
			Latency: 5 * time.Second, Average: 5*time.Second - time.Millisecond,
		})
		if lines := w.log.lines("msg=anomaly", "kind=late_heartbeat", "latency=5s", "average=4.999s"); len(lines) != 1 {
			w.Errorf("logged %q", lines)
		}
	})
}

func TestLatencyJump(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{}, func(w *watchful) {
		client := w.host.Connect(realtimetest.Options{Auth: token("ann"), Address: "203.0.113.1"})
		for _, trip := range []time.Duration{200, 200, 200, 800, 200, 200} { // the fourth comes too early to be one
			w.lateBy(client, trip*time.Millisecond)
		}
		average := w.conn(client).Stats().Latency // (200·7+800)/8, and back by an eighth twice
		if average != 257421*time.Microsecond {
			w.Errorf("the average is %s", average)
		}
		w.expect("few answers, and ordinary ones")
		w.lateBy(client, 4*average)
		w.expect("a jump", realtime.Anomaly{
			Kind: realtime.AnomalyLatencyJump, At: time.Now(), Namespace: "/", User: "ann", Address: "203.0.113.1", Latency: 4 * average, Average: average,
		})
		average = w.conn(client).Stats().Latency
		w.lateBy(client, 4*average-time.Microsecond)
		w.expect("less than four times")
	})
}

// A jump from next to nothing to little is none.
func TestSmallLatencyJump(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{}, func(w *watchful) {
		client := w.host.Connect(realtimetest.Options{Auth: token("ann")})
		for range 6 {
			w.lateBy(client, 2*time.Millisecond)
		}
		w.lateBy(client, 499*time.Millisecond)
		w.expect("under half a second")
	})
}

func TestAnomaliesCanBeOff(t *testing.T) {
	off := realtime.AnomalyConfig{Reconnects: -1, AddressReconnects: -1, Addresses: -1, RefusedEvents: -1, LateHeartbeat: -1, LatencyJump: -1}
	vigil(t, off, func(w *watchful) {
		for i := range 150 {
			w.visit("ann", string(rune('a'+i)))
			w.visit("", "203.0.113.1")
		}
		client := w.host.Connect(realtimetest.Options{Auth: token("ann")})
		for range 6 {
			w.lateBy(client, 5*time.Millisecond)
		}
		w.lateBy(client, 9*time.Second)
		for range 200 {
			client.Emit("unknown")
		}
		w.expect("everything off")
		if n := len(w.Stats().Anomalies); n != 0 {
			w.Errorf("%v", w.Stats().Anomalies)
		}
	})
}

// Many anomalies at once are all counted; the hook is told of a hundred a second and the log of one.
func TestAnomaliesAreSampled(t *testing.T) {
	vigil(t, realtime.AnomalyConfig{RefusedEvents: 1, Addresses: -1}, func(w *watchful) {
		for range 150 {
			w.host.Connect(realtimetest.Options{Namespace: "/open"}).Emit("unknown")
		}
		synctest.Wait()
		if st := w.Stats(); len(w.told) != 100 || st.Anomalies["refused_events"] != 150 || st.HooksLost != 50 {
			w.Errorf("%d told, %v counted, %d lost", len(w.told), st.Anomalies, st.HooksLost)
		}
		if n := len(w.log.lines("msg=anomaly")); n != 1 {
			w.Errorf("%d lines", n)
		}
		pass(time.Second)
		w.host.Connect(realtimetest.Options{Namespace: "/open"}).Emit("unknown")
		synctest.Wait()
		if len(w.told) != 101 || len(w.log.lines("msg=anomaly", "suppressed=149")) != 1 {
			w.Errorf("%d told, logged %q", len(w.told), w.log.lines("msg=anomaly"))
		}
	})
}
