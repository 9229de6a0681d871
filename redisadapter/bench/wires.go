package main

import "github.com/realtime-go/realtime/redisadapter"

// system is a kind of cluster.
type system struct {
	name  string
	nodes int
	js    bool              // nodes run on Node.js
	wire  redisadapter.Wire // of Go nodes; 0: no adapter
}

// systems are all that can be measured.
func systems() []system {
	return []system{
		{name: goAlone, nodes: 1},
		{name: "go-classic", nodes: 2, wire: redisadapter.NodeClassic},
		{name: "go-native", nodes: 2, wire: redisadapter.Native},
		{name: nodeJS, nodes: 2, js: true},
	}
}

const (
	goAlone = "go-alone"
	nodeJS  = "node"
)
