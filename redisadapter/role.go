package redisadapter

import (
	"context"
	"errors"
	"strings"

	"github.com/realtime-go/realtime/internal/workq"
)

var errDemoted = errors.New("redisadapter: the master with the subscription has become a replica")

// roleEvery is after how many heartbeats a subscriber of a Redis Cluster looks whether it
// still subscribes to a master.
const roleEvery = 5

// nodeID is the name that a node of a Redis Cluster gives itself, "" if it does not tell: a
// user may lack the permission, and the look at roles is left out.
func (l *link) nodeID(ctx context.Context) string {
	id, err := l.conn.Do(ctx, l.conn.B().Arbitrary("CLUSTER", "MYID").Build()).ToString()
	if err != nil {
		return ""
	}
	return id
}

// lookRole ends a link to a node that is no master any more. A replica delivers too, but
// Node.js nodes count subscribers on masters only, and would not wait for this one.
func (s *subscriber) lookRole(life context.Context, group *workq.Group, l *link) {
	if l.id == "" || !s.looking.CompareAndSwap(false, true) {
		return
	}
	group.Go(func() { // owned by the subscriber; ends after one call to Redis, which is bounded
		defer s.looking.Store(false)
		ctx, cancel := context.WithTimeout(life, s.client.timeout)
		defer cancel()
		list, err := s.client.Do(ctx, s.client.B().Arbitrary("CLUSTER", "NODES").Build()).ToString()
		if err == nil && demoted(list, l.id) {
			l.fail(errDemoted)
		}
	})
}

// demoted looks for a node in what CLUSTER NODES says: id, address, flags, and more.
func demoted(list, id string) bool {
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == id {
			return strings.Contains(fields[2], "slave")
		}
	}
	return false
}
