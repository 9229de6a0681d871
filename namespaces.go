package realtime

import (
	"context"
	"log/slog"
	"slices"
)

// The namespaces of a server: static ones, which Of makes, and dynamic ones, which exist while clients use them.

// dynamicRouter holds the handlers of all namespaces that a function matches.
type dynamicRouter struct {
	match  func(string) bool
	router *router
}

// Of returns a namespace.
func (s *server) Of(name string) Namespace {
	if len(name) == 0 || name[0] != '/' {
		name = "/" + name
	}
	r := s.matching(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	ns := s.namespaces[name]
	if ns == nil {
		ns = s.addLocked(name, r)
	}
	ns.pinned = true
	return ns
}

// Lookup returns a namespace that is there.
func (s *server) Lookup(name string) (Namespace, bool) {
	if len(name) == 0 || name[0] != '/' {
		name = "/" + name
	}
	ns := s.existing(name)
	if ns == nil {
		return nil, false
	}
	return ns, true
}

// OfFunc makes namespaces when clients name them.
func (s *server) OfFunc(match func(namespace string) bool) Router {
	mustNotBeNil(match != nil, "OfFunc")
	r := newRouter(s.cfg.Limits.NameLength)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dynamic = append(slices.Clip(s.dynamic), dynamicRouter{match, r})
	return r
}

// acquire returns the namespace that a client names, counted as used until namespace.release. Without one,
// known tells that only the number of dynamic namespaces stands against it.
func (s *server) acquire(name string) (ns *namespace, known bool) {
	s.mu.Lock()
	if ns = s.namespaces[name]; ns != nil {
		ns.refs++
		s.mu.Unlock()
		return ns, true
	}
	s.mu.Unlock()
	r := s.matching(name)
	if r == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ns = s.namespaces[name]; ns == nil {
		if limit := s.cfg.Limits.DynamicNamespaces; limit >= 0 && s.nDynamic >= limit {
			return nil, true
		}
		ns = s.addLocked(name, r)
	}
	ns.refs++
	return ns, true
}

// matching asks the functions of OfFunc.
func (s *server) matching(name string) *router {
	s.mu.RLock()
	dynamic := s.dynamic
	s.mu.RUnlock()
	for _, d := range dynamic {
		matches := false
		s.guard("OfFunc", func() { matches = d.match(name) })
		if matches {
			return d.router
		}
	}
	return nil
}

// addLocked makes a namespace; a nil router makes a static one.
func (s *server) addLocked(name string, r *router) *namespace {
	ns := newNamespace(s, name, r)
	if r == nil {
		ns.router = newRouter(s.cfg.Limits.NameLength)
	} else {
		ns.dynamic = true
		s.nDynamic++
	}
	s.namespaces[name] = ns
	s.tellNamespace(name)
	return ns
}

// releaseNamespace removes a dynamic namespace that nobody uses any more.
func (s *server) releaseNamespace(ns *namespace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns.refs--
	if ns.refs > 0 || ns.pinned || !ns.dynamic {
		return
	}
	delete(s.namespaces, ns.name)
	s.nDynamic--
	s.tellNamespace(ns.name)
}

// tellNamespace lets the adapter know, in the background, whether a namespace is open here: the truth at
// that time, so that the order of opening and closing does not matter.
func (s *server) tellNamespace(name string) {
	if s.cfg.Adapter == nil || s.start.Load() != started {
		return
	}
	s.later("adapter", func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.AckTimeout)
		defer cancel()
		tell := s.cfg.Adapter.CloseNamespace
		if s.existing(name) != nil {
			tell = s.cfg.Adapter.OpenNamespace
		}
		if err := tell(ctx, name); err != nil {
			s.log.Warn("adapter was not told of a namespace", slog.String("namespace", name), slog.Any("err", err))
		}
	})
}

func (s *server) existing(name string) *namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name]
}

func (s *server) namespaceList() []*namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*namespace, 0, len(s.namespaces))
	for _, ns := range s.namespaces {
		list = append(list, ns)
	}
	return list
}
