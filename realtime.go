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
	// Namespaces returns the figures of each namespace on this node, by name.
	Namespaces() []NamespaceStats
	// ClusterStats asks the other nodes too: see [ClusterStats].
	ClusterStats(ctx context.Context) (ClusterStats, error)
	// DebugHandler returns a page of JSON about this node: its figures, and its connections as [ConnStats] has them, the oldest first. It
	// answers GET and HEAD at any path, changes nothing, and shows no credentials; it does show who is connected from
	// where, so mount it where only operators come, as /debug/realtime for instance. Parameters: namespace, room, user and conn (an id)
	// filter, limit (100, at most 1,000) and after (the "next" of the page before) turn pages, sort=rtt, queued or waiting
	// shows those with the slowest answers to pings, the most bytes to be sent or the most events to be handled instead, cluster=1 adds
	// ClusterStats. A page holds while connections come and go, except that one being admitted just now may be missing. Others
	// than these, or wrong ones, are answered with 400.
	DebugHandler() http.Handler
	// Lookup returns a namespace that is there, without making it stay as Of does.
	Lookup(namespace string) (Namespace, bool)
	// Tap begins to watch connections and what they say: see [Tap].
	Tap(t *Tap) (remove func())
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
	order      atomic.Uint64 // connections made so far
	revoked    revocations
	reloading  atomic.Bool // the cluster's revocations are being loaded

	presence        PresenceStore
	localPresence   localPresence // without a store of the adapter's
	presenceIsLocal bool          // although there are other nodes
	watchers        watchers

	taps      atomic.Pointer[[]*Tap] // nil: none; replaced under mu
	sampler   sampler
	refusals  refusals
	anomalies anomalies
	counters  counters

	claimMu sync.Mutex // orders who is counted for Config.Sessions; outermost lock

	mu         sync.RWMutex // guards the namespaces; next lock
	namespaces map[string]*namespace
	dynamic    []dynamicRouter
	nDynamic   int

	startMu  sync.Mutex // serialises starting
	stop     context.Context
	stopOnce context.CancelFunc // ends stop, and with it a Start that hangs
	start    atomic.Uint32
	state    atomic.Uint32

	adapterMu    sync.Mutex // guards what follows
	adapterState AdapterState
	adapterTold  bool // by the adapter itself
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

// New makes a server. It returns the errors of Config.Validate, and dials nothing.
func New(cfg Config) (Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &server{cfg: cfg, namespaces: make(map[string]*namespace)}
	s.self = Node{ID: newNodeID(), Name: cfg.NodeName, Started: time.Now()}
	set(&s.self.Name, s.self.ID)
	s.log = s.sampledLog().With(slog.String("node", s.self.Name))
	s.stop, s.stopOnce = context.WithCancel(context.Background())
	s.interest, _ = cfg.Adapter.(RoomInterest)
	s.wire = siowire.Limits{
		Attachments: cfg.Limits.Attachments, AttachmentBytes: int64(max(cfg.Limits.Attachments, 1)) * cfg.Limits.MessageSize,
		Depth: cfg.Limits.JSONDepth, ConnectDepth: cfg.Limits.ConnectJSONDepth, NameLen: cfg.Limits.NameLength,
	}
	s.admission = admission{make(chan struct{}, cfg.Limits.Handshakes), cfg.Limits.HandshakeWait}
	s.anomalies.init(s)
	s.startPresence()
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
				s.adapterFailed(err)
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
	s.adapterStarted()
	s.start.Store(started)
	var errs []error
	for _, ns := range s.namespaceList() {
		errs = append(errs, s.cfg.Adapter.OpenNamespace(ctx, ns.name))
	}
	if err := s.loadRevocations(ctx); err != nil {
		errs = append(errs, err)
		s.reloadRevocations()
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
	if s.localPresence.table != nil && s.closed() {
		s.localPresence.table.Close()
	}
	return err
}

func (s *server) stopping() bool { return s.state.Load() != stateOpen }
func (s *server) closed() bool   { return s.state.Load() == stateClosed }

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
