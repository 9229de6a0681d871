// Package memadapter joins several servers of one process into a cluster, for tests and demonstrations. It
// is also the reference implementation of the [realtime.Adapter] contract: what a rule there means can be
// read here, without a network in between.
//
//	bus := memadapter.NewBus()
//	a, err := realtime.New(realtime.Config{Adapter: bus.Node(), NodeName: "a"})
//	b, err := realtime.New(realtime.Config{Adapter: bus.Node(), NodeName: "b"})
//
// Every message crosses the bus encoded, and each node decodes a copy of its own, so that servers share as
// little as two processes do. A node hears through a queue of 4,096 messages and 16 MiB; what does not fit is
// lost and told as a gap, as everything else that the bus loses.
//
// The nodes share one table of who is where, and one list of revocations, as if both stood in a database: a
// partition does not cut anybody off from them.
//
// # Faults
//
// [Bus.Partition] cuts nodes off, [Bus.Heal] joins them again, [Bus.Crash] ends a node without a goodbye, and
// [Bus.Delay] makes messages take their time. A partition does not change who is listed as alive: it is the
// time before a failure detector of a real cluster has made up its mind, so questions wait in vain for the
// nodes beyond. A crash is the moment when it has.
//
// # Fake time
//
// A bus works inside of testing/synctest, where a delay passes at once. All of its nodes must then be started
// in the same bubble, and closed there, which Server.Shutdown does.
package memadapter
