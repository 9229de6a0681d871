//go:build unix

package redisadapter_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// The figures of the cluster are those of all nodes; without Redis they are what this node knows, with an error.
func TestClusterStatsOverRedis(t *testing.T) {
	redis := redistest.Start(t)
	cfg := options(redis.Addr)
	a, b := startServer(t, cfg), startServer(t, cfg)
	a.as("ann")
	b.as("ann")
	b.as("bob")
	want := []realtime.NamespaceCount{{Name: "/", Conns: 3, Users: 2}}
	awaitAll := func() {
		t.Helper()
		for _, s := range []*server{a, b} {
			redistest.Await(t, "both nodes know all", func() bool {
				st, err := s.ClusterStats(t.Context())
				return err == nil && len(st.Nodes) == 2 && slices.Equal(st.Namespaces, want)
			})
		}
	}
	awaitAll()
	redis.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	st, err := a.ClusterStats(ctx)
	if err == nil || errors.Is(err, realtime.ErrServerClosed) || len(st.Namespaces) != 1 || st.Namespaces[0].Conns != 1 {
		t.Errorf("without Redis: %+v, %v", st, err)
	}
	redis.Restart()
	awaitAll()
}
