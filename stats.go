package realtime

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// NamespaceStats are the figures of a namespace on one node.
type NamespaceStats struct {
	Name    string `json:"name"`
	Dynamic bool   `json:"dynamic,omitempty"` // a client has named it, and a function of OfFunc matched
	Conns   int    `json:"conns"`
	Users   int    `json:"users"` // with a connection to this node
	Rooms   int    `json:"rooms"` // users' rooms included
}

func (ns *namespace) stats() NamespaceStats {
	return NamespaceStats{Name: ns.name, Dynamic: ns.dynamic, Conns: ns.index.Len(), Users: int(ns.users.Load()), Rooms: ns.index.RoomCount()}
}

// Namespaces returns the figures of each namespace.
func (s *server) Namespaces() []NamespaceStats {
	namespaces := s.namespaceList()
	list := make([]NamespaceStats, 0, len(namespaces))
	for _, ns := range namespaces {
		list = append(list, ns.stats())
	}
	slices.SortFunc(list, func(a, b NamespaceStats) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// ClusterStats are the figures of all nodes together, as far as they answered.
type ClusterStats struct {
	Nodes      []Node           `json:"nodes"`
	Namespaces []NamespaceCount `json:"namespaces"`                // those that this node serves, by name, at most 100
	More       int              `json:"more_namespaces,omitempty"` // that were left out
}

// NamespaceCount says who is in a namespace, on all nodes.
type NamespaceCount struct {
	Name  string `json:"name"`
	Conns int    `json:"conns"`
	Users int    `json:"users"` // online, as [Presence] has it; 0 with Presence.Off
}

// maxClusterNamespaces bounds the questions of one ClusterStats.
const maxClusterNamespaces = 100

// ClusterStats asks the adapter for the nodes and, for each namespace, how many connections and users there are. It is for a
// page that somebody looks at, not for every scrape: each namespace is two questions to the cluster, one after the other, within the deadline of ctx
// (Config.AckTimeout without one). With an error it returns what it knows: a [*PartialError] when some nodes did not answer, or the adapter keeps no presence.
func (s *server) ClusterStats(ctx context.Context) (ClusterStats, error) {
	ctx, cancel := s.ackContext(ctx)
	defer cancel()
	var st ClusterStats
	nodes, err := s.Nodes(ctx)
	st.Nodes = nodes
	errs := []error{err}
	namespaces := s.namespaceList()
	slices.SortFunc(namespaces, func(a, b *namespace) int { return cmp.Compare(a.name, b.name) })
	if len(namespaces) > maxClusterNamespaces {
		st.More = len(namespaces) - maxClusterNamespaces
		namespaces = namespaces[:maxClusterNamespaces]
	}
	for _, ns := range namespaces {
		if ctx.Err() != nil {
			st.More += len(namespaces) - len(st.Namespaces)
			errs = append(errs, ackError(ctx))
			break
		}
		count := NamespaceCount{Name: ns.name}
		if count.Conns, err = ns.count(ctx); err != nil {
			errs = append(errs, err)
		}
		if !s.cfg.Presence.Off {
			if count.Users, err = ns.Presence().Count(ctx); err != nil {
				errs = append(errs, err)
			}
		}
		st.Namespaces = append(st.Namespaces, count)
	}
	return st, errors.Join(errs...)
}
