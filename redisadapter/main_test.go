package redisadapter_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that were left. Two of rueidis end by themselves, within five seconds: a cluster
// client closes the connections to nodes that are gone, and looks at the cluster, after a while.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
	)
}
