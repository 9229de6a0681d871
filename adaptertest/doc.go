// Package adaptertest is the conformance kit for adapters: every implementation of [realtime.Adapter] has to
// pass [Run], in a test of its own.
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Factory{
//			NewBus: func(t testing.TB) adaptertest.Bus { return newBus(t) },
//		})
//	}
//
// Each rule of the contract is a subtest, named by what it demands, and runs on clusters of one, two, three
// and five nodes: TestConformance/nodes=3/BroadcastExcept. Rules about what users see go through real servers
// with clients that speak the real protocol (package realtimetest); rules about the contract itself call the
// adapter directly. Of the adapter nothing is assumed but the contract, so its wire may be a network: the kit
// waits for events, as long as [Factory].Watchdog, and asserts no duration. It runs in real time, and is best
// run with the race detector and a check for leaked goroutines in TestMain.
//
// # Abilities
//
// What an adapter may lack has a name, an [Ability]. The kit does not find out by itself and leaves nothing
// out silently: each lack is declared, with its reason, in [Factory].Lacks. The subtest "Abilities" prints the
// lacks and the rules that do not run for them (see go test -v), and fails when the list is wrong.
package adaptertest
