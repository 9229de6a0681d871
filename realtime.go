package realtime

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime/internal/engine"
	"github.com/realtime-go/realtime/internal/siowire"
	"github.com/realtime-go/realtime/internal/workq"
)

// Server is a Socket.IO server: an http.Handler to mount at Config.Path, and the default namespace "/".
// All methods may be called from any goroutine and from every callback, except that Shutdown waits for
// callbacks and so must not be waited for in one.
type Server interface {
	http.Handler
	Namespace // "/"

	// Of returns the namespace of a name (a leading slash is added), made now if need be. A name that a
	// function of OfFunc matches is one of that function's namespaces, and stays although it is empty.
	Of(namespace string) Namespace
	// OfFunc makes namespaces when clients name them: all names that match share the handlers that are
	// registered on the result, and go away when the last client has left. Functions are asked in the order
	// of registration, must be quick, and may be called concurrently.
	OfFunc(match func(namespace string) bool) Router
	// Start joins the cluster. The first request does it if nobody did. Without an adapter it does nothing.
	Start(ctx context.Context) error
	// Nodes lists the live nodes, this one included.
	Nodes(ctx context.Context) ([]Node, error)
	// Explain says why the server refuses a handshake, and which setting would admit it; nothing if it would
	// be admitted. It changes nothing.
	Explain(r *http.Request) []Finding
	// Ready is nil while the server should get new clients, that is until it shuts down. A broken adapter, or one
	// that was not started yet, does not make it unready: a dead Redis would take every node out of the
	// balancer, and the first request starts the adapter.
	Ready(ctx context.Context) error
	// Health says how the server is.
	Health() Health
	// Stats returns a snapshot of its figures.
	Stats() Stats
	// Shutdown refuses new sessions, closes all others without a DISCONNECT packet, so that clients come back
	// by themselves (to another node), and waits until what was queued is written and every OnDisconnect has
	// returned. If ctx ends first it cuts the sockets and returns the error of ctx. Call it before
	// http.Server.Shutdown, which does not know of websockets. It may be called again, to wait again.
	Shutdown(ctx context.Context) error
}

// server implements Server.
type server struct {
	*namespace // "/"

	cfg      Config
	wire     siowire.Limits
	self     Node
	log      *slog.Logger
	engine   *engine.Server
	interest RoomInterest // the adapter's, or nil

	tasks      workq.Group // mailboxes, Concurrent handlers, background
	background workq.Queue[backgroundTask]
	admission  admission
	refusals   refusalLog
	counters   counters

	mu         sync.RWMutex // guards the namespaces; outermost lock
	namespaces map[string]*namespace
	dynamic    []dynamicRouter
	nDynamic   int

	startMu  sync.Mutex // serialises starting
	stop     context.Context
	stopOnce context.CancelFunc // ends stop, and with it a Start that hangs
	start    atomic.Uint32
	state    atomic.Uint32

	adapterMu    sync.Mutex // guards adapterState
	adapterState AdapterState
}

// The values of server.state.
const (
	stateOpen uint32 = iota
	stateStopping
	stateClosed
)

// The values of server.start.
const (
	notStarted uint32 = iota
	startTried
	started
)

type dynamicRouter struct {
	match  func(string) bool
	router *router
}

// backgroundTask is user code that must not run where it became due.
type backgroundTask struct {
	where string
	run   func()
}

// New makes a server. It returns the errors of Config.Validate, and dials nothing.
func New(cfg Config) (Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &server{cfg: cfg, namespaces: make(map[string]*namespace)}
	s.self = Node{ID: newNodeID(), Name: cfg.NodeName, Started: time.Now()}
	set(&s.self.Name, s.self.ID)
	s.log = cfg.Logger.With(slog.String("node", s.self.Name))
	s.stop, s.stopOnce = context.WithCancel(context.Background())
	s.interest, _ = cfg.Adapter.(RoomInterest)
	s.wire = siowire.Limits{
		Attachments: cfg.Limits.Attachments, AttachmentBytes: int64(max(cfg.Limits.Attachments, 1)) * cfg.Limits.MessageSize,
		Depth: cfg.Limits.JSONDepth, ConnectDepth: cfg.Limits.ConnectJSONDepth, NameLen: cfg.Limits.NameLength,
	}
	s.admission = admission{make(chan struct{}, cfg.Limits.Handshakes), cfg.Limits.HandshakeWait}
	s.background.Init(hookQueue, 0)
	workq.Drain(&s.background, &s.tasks, 0, s.runBackground)
	s.namespace = newNamespace(s, "/", newRouter(cfg.Limits.NameLength))
	s.namespace.pinned = true
	s.namespaces["/"] = s.namespace
	s.engine = engine.New(s.engineOptions(), func(session *engine.Session) engine.Receiver { return newMux(s, session) })
	if cfg.Auth == nil {
		s.log.Warn("no Config.Auth: connections are anonymous")
	}
	return s, nil
}

// ServeHTTP serves Engine.IO requests below Config.Path.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Adapter != nil && s.start.CompareAndSwap(notStarted, startTried) {
		s.tasks.Go(func() { // owned by the server, ends when the adapter's Start does
			ctx, cancel := context.WithTimeout(context.Background(), s.cfg.AckTimeout)
			defer cancel()
			if err := s.Start(ctx); err != nil {
				s.setAdapterState(AdapterState{Status: AdapterDown, Err: err})
				s.log.Error("joining the cluster failed", slog.Any("err", err))
			}
		})
	}
	s.engine.ServeHTTP(w, r)
}

// Start joins the cluster.
func (s *server) Start(ctx context.Context) error {
	s.startMu.Lock()
	defer s.startMu.Unlock()
	if s.stopping() {
		return ErrServerClosed
	}
	if s.cfg.Adapter == nil || s.start.Load() == started {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stop, cancel)()
	if err := s.cfg.Adapter.Start(ctx, s.self, clusterHandler{s}); err != nil {
		return fmt.Errorf("realtime: start adapter: %w", err)
	}
	s.setAdapterState(AdapterState{Status: AdapterUp})
	s.start.Store(started)
	var errs []error
	for _, ns := range s.namespaceList() {
		errs = append(errs, s.cfg.Adapter.OpenNamespace(ctx, ns.name))
	}
	return errors.Join(errs...)
}

// Nodes lists the live nodes.
func (s *server) Nodes(ctx context.Context) ([]Node, error) {
	if s.cfg.Adapter == nil || s.start.Load() != started {
		return []Node{s.self}, nil
	}
	return s.cfg.Adapter.Nodes(ctx)
}

// Explain says why a handshake is refused.
func (s *server) Explain(r *http.Request) []Finding {
	refusals := s.engine.Explain(r)
	findings := make([]Finding, 0, len(refusals))
	for i := range refusals {
		findings = append(findings, finding(&refusals[i]))
	}
	return findings
}

// Ready is nil while the server should get new clients.
func (s *server) Ready(context.Context) error {
	if s.stopping() {
		return ErrServerClosed
	}
	return nil
}

// Shutdown ends the server.
func (s *server) Shutdown(ctx context.Context) error {
	s.state.CompareAndSwap(stateOpen, stateStopping)
	s.stopOnce()
	err := s.engine.Shutdown(ctx)
	if err == nil {
		err = s.tasks.Wait(ctx)
	}
	s.startMu.Lock()
	defer s.startMu.Unlock()
	if s.state.CompareAndSwap(stateStopping, stateClosed) && s.start.Load() == started {
		err = errors.Join(err, s.cfg.Adapter.Close(ctx))
	}
	return err
}

func (s *server) stopping() bool { return s.state.Load() != stateOpen }
func (s *server) closed() bool   { return s.state.Load() == stateClosed }

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

// later queues user code for the background goroutine. A full queue drops it: then the result is false and the
// log says so.
func (s *server) later(where string, run func()) bool {
	if err := s.background.Push(0, backgroundTask{where, run}); err != nil {
		s.log.Warn("background queue full: call dropped", slog.String("where", where))
		return false
	}
	return true
}

func (s *server) runBackground(batch []backgroundTask) {
	for _, t := range batch {
		s.guard(t.where, t.run)
	}
}

// guard recovers panics of user code that concerns no connection.
func (s *server) guard(where string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(&panicError{where: where, value: v, id: newErrorID()}, debug.Stack())
		}
	}()
	fn()
}

// admission bounds the authentications in progress.
type admission struct {
	slots chan struct{}
	wait  time.Duration
}

// enter takes a place; it is false if none became free in time.
func (a *admission) enter(ctx context.Context) bool {
	select {
	case a.slots <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(a.wait)
	defer t.Stop()
	select {
	case a.slots <- struct{}{}:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (a *admission) exit() { <-a.slots }

// newConnID makes a public id of 20 characters, as long as a Node.js server's.
func newConnID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newNodeID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
