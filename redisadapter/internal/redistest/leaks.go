package redistest

import (
	"testing"

	"go.uber.org/goleak"
)

// VerifyMain runs the tests of a package and looks for goroutines that were left. Two of rueidis end by themselves,
// within five seconds: a cluster client closes the connections to nodes that are gone, and looks at the cluster, after a while.
func VerifyMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
	)
}
