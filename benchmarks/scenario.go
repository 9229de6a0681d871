package main

import (
	"slices"
	"strconv"
	"time"
)

// system is a server, or several of one kind, as it is measured.
type system struct {
	name, title string
	dialect     string
	node        bool // runs on Node.js
	order       order
	redis       bool
}

var systems = []system{
	{name: "realtime", title: "**realtime**", dialect: "socketio", order: order{Kind: "realtime"}},
	{name: "realtime-flush", title: "**realtime**, FlushDelay 10 ms", dialect: "socketio", order: order{Kind: "realtime", Flush: 10}},
	{name: "realtime-event", title: "**realtime**, EventDriven", dialect: "socketio", order: order{Kind: "realtime", Event: true}},
	{name: "realtime-metrics", title: "**realtime**, prommetrics", dialect: "socketio", order: order{Kind: "realtime", Watch: "metrics"}},
	{name: "realtime-traces", title: "**realtime**, oteltrace", dialect: "socketio", order: order{Kind: "realtime", Watch: "traces"}},
	{name: "node", title: "socket.io on Node.js", dialect: "socketio", node: true},
	{name: "centrifuge", title: "centrifuge", dialect: "centrifuge", order: order{Kind: "centrifuge"}},
	{name: "gws", title: "gws", dialect: "plain", order: order{Kind: "gws"}},
	{name: "melody", title: "melody", dialect: "plain", order: order{Kind: "melody"}},
	{name: "gorilla", title: "plain gorilla", dialect: "plain", order: order{Kind: "gorilla"}},
	{name: "native", title: "**realtime**, native wire", dialect: "socketio", order: order{Kind: "realtime", Native: true}, redis: true},
	{name: "classic", title: "**realtime**, classic wire", dialect: "socketio", order: order{Kind: "realtime"}, redis: true},
	{name: "node-redis", title: "socket.io, official adapter", dialect: "socketio", node: true, redis: true},
	{name: "centrifuge-redis", title: "centrifuge with Redis", dialect: "centrifuge", order: order{Kind: "centrifuge"}, redis: true},
}

func find(name string) system {
	return systems[slices.IndexFunc(systems, func(s system) bool { return s.name == name })]
}

// scenario is a set of connections and what is sent over them.
type scenario struct {
	name      string
	conns     int
	members   int  // of each room; 0: none
	publisher bool // one connection sends to all
	nodes     int
	extra     int           // order.Extra
	hold      time.Duration // quiet, then memory is measured, before any load
	loads     []load
	systems   []string
}

// times are how long loads take.
type times struct{ warm, measure, paced, hold time.Duration }

var (
	usual = times{500 * time.Millisecond, 2 * time.Second, 3 * time.Second, 2 * time.Second}
	quick = times{100 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond, 100 * time.Millisecond}
)

var (
	all       = []string{"realtime", "node", "centrifuge", "gws", "melody", "gorilla"}
	reading   = append([]string{"realtime-event"}, all...) // where clients send, or are quiet
	watched   = []string{"realtime", "realtime-metrics", "realtime-traces"}
	clustered = []string{"native", "classic", "node-redis", "centrifuge-redis"}
)

// mainScenarios are those of the main table. The size divides how many connections there are.
func mainScenarios(t times, size int) []scenario {
	closed := func(window int) load { return load{Name: "closed", Window: window, Warm: t.warm, Measure: t.measure} }
	paced := load{Name: "paced", Rate: 20, Warm: t.warm, Measure: t.paced}
	settled := func(l load) load { l.Settle = true; return l }
	room := func(n int) scenario {
		return scenario{name: "fanout-" + strconv.Itoa(n), conns: n / size, members: n / size, publisher: true, nodes: 1, loads: []load{paced, closed(16)}, systems: all}
	}
	large := room(5000)
	large.loads = large.loads[1:] // 100,000 deliveries a second would be more than most can
	rooms := scenario{name: "rooms", conns: 5000 / size, members: 10, nodes: 1, loads: []load{closed(200)}, systems: reading}
	dense := rooms
	dense.name, dense.loads, dense.systems = "rooms-dense", []load{closed(4000 / size)}, []string{"realtime-flush", "realtime", "node"}
	clusterFan, clusterRooms := room(1000), rooms
	clusterFan.name, clusterFan.nodes, clusterFan.systems, clusterFan.loads = "cluster-fanout", 2, clustered, []load{settled(closed(16))}
	clusterRooms.name, clusterRooms.nodes, clusterRooms.systems, clusterRooms.loads = "cluster-rooms", 2, clustered, []load{settled(closed(200))}
	return []scenario{
		{name: "idle", conns: 5000 / size, nodes: 1, hold: t.hold, systems: reading},
		room(100), room(1000), large, rooms, dense,
		{name: "echo", conns: 200 / size, nodes: 1, loads: []load{{Name: "closed", Ask: true, Window: 16, Warm: t.warm, Measure: t.measure}}, systems: reading},
		clusterFan, clusterRooms,
	}
}

// watchedScenarios show what instruments cost.
func watchedScenarios(t times, size int) (out []scenario) {
	for _, s := range mainScenarios(t, size) {
		if slices.Contains([]string{"fanout-1000", "rooms", "echo"}, s.name) {
			s.loads, s.systems = s.loads[len(s.loads)-1:], watched
			out = append(out, s)
		}
	}
	return out
}

// scaleScenarios show how costs grow: with connections, with rooms that exist, and with nodes.
func scaleScenarios(t times, size int) (out []scenario) {
	closed := []load{{Name: "closed", Window: 200, Warm: t.warm, Measure: t.measure}}
	for _, n := range []int{1000, 2000, 5000, 10_000, 19_000} {
		out = append(out, scenario{name: "conns-" + strconv.Itoa(n), conns: n / size, members: 10, nodes: 1, hold: t.hold, loads: []load{{Name: "closed", Window: n / 25, Warm: t.warm, Measure: t.measure}}, systems: []string{"realtime", "node"}})
	}
	for _, extra := range []int{0, 1, 10, 100} {
		out = append(out, scenario{name: "idle-rooms-" + strconv.Itoa(extra), conns: 1000 / size, members: 10, nodes: 1, extra: extra, hold: t.hold, loads: closed, systems: []string{"realtime"}})
	}
	for nodes := 1; nodes <= 5; nodes++ {
		s := scenario{name: "nodes-rooms-" + strconv.Itoa(nodes), conns: 1000 / size, members: 10, nodes: nodes, loads: closed, systems: []string{"native"}}
		s.loads = []load{{Name: "closed", Window: 200, Warm: t.warm, Measure: t.measure, Settle: true}}
		out = append(out, s)
		s.name, s.members, s.publisher = "nodes-fanout-"+strconv.Itoa(nodes), 1000/size, true
		s.loads = []load{{Name: "closed", Window: 16, Warm: t.warm, Measure: t.measure, Settle: true}}
		out = append(out, s)
	}
	return out
}
