package main

import (
	"fmt"
	"slices"

	"github.com/realtime-go/realtime/benchmarks/servers"
)

// system is one that is compared.
type system struct {
	name    string
	server  string // for servers.New, or "node"
	dialect string
	options servers.Options
}

var (
	ours       = system{"realtime", "realtime", "socket.io", servers.Options{}}
	node       = system{"socket.io (Node)", "node", "socket.io", servers.Options{}}
	gorilla    = system{"plain gorilla", "gorilla", "plain", servers.Options{}}
	melody     = system{"melody", "melody", "plain", servers.Options{}}
	gws        = system{"gws", "gws", "plain", servers.Options{}}
	centrifuge = system{"centrifuge", "centrifuge", "centrifuge", servers.Options{}}

	everybody = []system{ours, node, gorilla, melody, gws, centrifuge}
)

func (s system) with(name string, change func(*servers.Options)) system {
	s.name = name
	change(&s.options)
	return s
}

// scenario is one kind of work.
type scenario struct {
	name    string
	title   string
	kind    string // of the job
	conns   int
	size    int // of a room
	window  int // messages that are on their way, or for each connection with echo
	rate    int // messages a second instead
	nodes   int // processes of the server, joined by Redis if there are several
	systems []system
	byHand  bool // not one of all
}

func (s *scenario) unit() string {
	switch s.kind {
	case jobIdle:
		return "bytes a connection"
	case jobEcho:
		return "answers / server CPU s"
	}
	return "deliveries / server CPU s"
}

func scenarios() []scenario {
	later := ours.with("realtime, 50 ms flush delay", func(o *servers.Options) { o.FlushDelay = "50ms" })
	delayed := ours.with("realtime, 10 ms flush delay", func(o *servers.Options) { o.FlushDelay = "10ms" })
	cluster := []system{
		ours.with("realtime, classic wire", func(o *servers.Options) { o.Wire = "classic" }),
		ours.with("realtime, native wire", func(o *servers.Options) { o.Wire = "native" }), node, centrifuge,
	}
	all := []scenario{
		{name: "idle", title: "Idle connections", kind: jobIdle, conns: 5000, size: 5000, systems: everybody},
		{name: "fanout100", title: "A room of 100, near saturation", kind: jobRooms, conns: 100, size: 100, window: 16, systems: everybody},
		{name: "fanout1000", title: "A room of 1,000, near saturation", kind: jobRooms, conns: 1000, size: 1000, window: 16, systems: everybody},
		{name: "fanout5000", title: "A room of 5,000, near saturation", kind: jobRooms, conns: 5000, size: 5000, window: 16, systems: everybody},
		{name: "paced1000", title: "A room of 1,000, 20 messages a second", kind: jobRooms, conns: 1000, size: 1000, rate: 20, systems: everybody},
		{name: "rooms", title: "500 rooms of 10, 200 messages on their way", kind: jobRooms, conns: 5000, size: 10, window: 200, systems: everybody},
		{name: "dense", title: "500 rooms of 10, 4,000 messages on their way", kind: jobRooms, conns: 5000, size: 10, window: 4000,
			systems: append([]system{delayed, later}, everybody...)},
		{name: "echo", title: "Events with an acknowledgement, 200 connections, 16 on their way on each", kind: jobEcho, conns: 200, size: 1, window: 16, systems: everybody},
		{name: "cluster-fanout", title: "Two nodes and a Redis: a room of 1,000, near saturation", kind: jobRooms, conns: 1000, size: 1000, window: 16, nodes: 2, systems: cluster},
		{name: "cluster-rooms", title: "Two nodes and a Redis: 100 rooms of 10, 200 messages on their way", kind: jobRooms, conns: 1000, size: 10, window: 200, nodes: 2, systems: cluster},
	}
	for _, conns := range []int{1000, 2000, 5000, 10_000, 19_000} {
		all = append(all,
			scenario{name: fmt.Sprint("scale-idle-", conns), title: fmt.Sprintf("%d idle connections", conns), kind: jobIdle, conns: conns, size: conns, systems: []system{ours}, byHand: true},
			scenario{name: fmt.Sprint("scale-conns-", conns), title: fmt.Sprintf("%d connections in rooms of 10", conns), kind: jobRooms, conns: conns, size: 10, window: 200, systems: []system{ours}, byHand: true},
			scenario{name: fmt.Sprint("scale-fanout-", conns), title: fmt.Sprintf("A room of %d", conns), kind: jobRooms, conns: conns, size: conns, window: 16, systems: []system{ours}, byHand: true})
	}
	for _, rooms := range []int{10, 100, 1000, 10_000} {
		all = append(all, scenario{name: fmt.Sprint("scale-rooms-", rooms), title: fmt.Sprintf("10,000 connections in %d rooms", rooms), kind: jobRooms, conns: 10_000, size: 10_000 / rooms,
			window: 200, systems: []system{ours}, byHand: true})
	}
	for nodes := 1; nodes <= 5; nodes++ {
		all = append(all, scenario{name: fmt.Sprint("scale-nodes-", nodes), title: fmt.Sprintf("%d nodes, 100 rooms of 10", nodes), kind: jobRooms, conns: 1000, size: 10, window: 200,
			nodes: nodes, systems: []system{cluster[1]}, byHand: true})
	}
	return all
}

// chosen are the scenarios and systems that the command was told to measure.
func chosen(s *settings) ([]scenario, error) {
	all := scenarios()
	for _, name := range s.scenarios {
		if !slices.ContainsFunc(all, func(sc scenario) bool { return sc.name == name || isGroup(name, sc.name) }) {
			return nil, fmt.Errorf("no scenario %q", name)
		}
	}
	var list []scenario
	for _, sc := range all {
		wanted := len(s.scenarios) == 0 && !sc.byHand
		for _, name := range s.scenarios {
			wanted = wanted || sc.name == name || isGroup(name, sc.name)
		}
		if len(s.systems) > 0 {
			sc.systems = slices.DeleteFunc(slices.Clone(sc.systems), func(sys system) bool { return !slices.Contains(s.systems, sys.server) })
		}
		if !wanted || len(sc.systems) == 0 {
			continue
		}
		if s.quick {
			sc.conns = max(20, sc.conns/100)
			sc.size = min(sc.size, sc.conns)
		}
		list = append(list, sc)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("nothing is left to measure")
	}
	return list, nil
}

// isGroup reports whether a name stands for several scenarios, as scale does.
func isGroup(group, name string) bool {
	return len(name) > len(group) && name[:len(group)] == group && name[len(group)] == '-'
}
