package redisadapter_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that were left. One of rueidis ends by itself: a cluster client closes the
// connections to nodes that are gone five seconds after it has learned so.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"))
}
