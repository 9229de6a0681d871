package adminui

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
)

const (
	statsInterval = 2 * time.Second // of the reference; after 10 s without, a page calls a server unhealthy
	watchTime     = 30 * time.Second
	queueLength   = 4096
	eventWatch    = "adminui:watch" // tells the other nodes, for watchTime, that a page of this one watches
)

// UI is what Mount has put onto a server. Its methods may be called concurrently.
type UI struct {
	srv    realtime.Server
	ns     realtime.Namespace
	opts   Options
	log    *slog.Logger
	logins *logins
	report report

	lines   chan line // told to pages, bounded
	left    allowance
	lost    atomic.Uint64
	watched atomic.Int64 // until when, in nanoseconds since 1970
	untap   func()

	stop  chan struct{}
	close sync.Once
	ended sync.WaitGroup
}

// line is an event for pages.
type line struct {
	event string
	args  []any
}

// Mount serves the namespace of the Admin UI. It returns errors about options. Like other handlers it is registered once,
// before clients come.
func Mount(srv realtime.Server, o Options) (*UI, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	u := &UI{
		srv: srv, ns: srv.Of(o.Namespace), opts: o, log: o.Logger, logins: newLogins(o.Username, o.PasswordHash),
		lines: make(chan line, queueLength), stop: make(chan struct{}), untap: func() {},
	}
	u.report.init(srv, o.ServerID)
	u.ns.SetAuth(u.logins)
	u.ns.OnConnect(u.greet)
	if !o.ReadOnly {
		u.registerCommands()
	}
	if o.Mode == Development {
		u.ns.OnServerSide(eventWatch, func(context.Context, *realtime.Event) (any, error) {
			u.watch()
			return nil, nil //nolint:nilnil // there is nothing to answer
		})
		u.untap = srv.Tap(u.tap())
	}
	u.ended.Add(1)
	go u.run() // owned by the UI, ends with Close
	return u, nil
}

// Close ends the work of the UI and disconnects its pages. Call it before Server.Shutdown.
func (u *UI) Close() {
	u.close.Do(func() {
		u.untap()
		close(u.stop)
		u.ended.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = u.ns.Local().CloseAll(ctx, "adminui: Close") // local connections need no bus
	})
}

// greet tells a page that was let in what there is.
func (u *UI) greet(ctx context.Context, c *realtime.Conn) error {
	if id, ok := realtime.ClaimsOf[sessionID](c); ok && id != "" {
		if err := c.Emit(ctx, "session", string(id)); err != nil {
			return err
		}
	}
	u.log.Info("operator connected to the admin ui", slog.String("conn", c.ID()), slog.String("address", c.Handshake().Address))
	if err := c.Emit(ctx, "config", map[string]any{"supportedFeatures": u.features()}); err != nil {
		return err
	}
	if u.opts.Mode != Development {
		return nil
	}
	u.watch()
	u.tellNodes(ctx)
	return c.Emit(ctx, "all_sockets", u.allSockets(ctx))
}

// features are the names that the page knows.
func (u *UI) features() []string {
	var list []string
	if !u.opts.ReadOnly {
		list = append(list, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	list = append(list, "AGGREGATED_EVENTS")
	if u.opts.Mode == Development {
		list = append(list, "ALL_EVENTS")
	}
	return list
}

// run tells pages of the server every two seconds, and of everything else as it happens.
func (u *UI) run() {
	defer u.ended.Done()
	ticker := time.NewTicker(statsInterval)
	defer ticker.Stop()
	u.tick()
	for {
		select {
		case <-u.stop:
			return
		case <-ticker.C:
			u.tick()
		case l := <-u.lines:
			u.emit(l.event, l.args...)
		}
	}
}

// tick tells how this server is, and the other nodes whether somebody watches here.
func (u *UI) tick() {
	u.left.renew(u.opts.EventRate * int(statsInterval/time.Second))
	u.emit("server_stats", u.report.next())
	if lost := u.lost.Swap(0); lost > 0 {
		u.log.Warn("admin ui: lines left out", slog.Uint64("count", lost))
	}
	if u.opts.Mode == Development && u.pages() > 0 {
		u.watch()
		ctx, cancel := context.WithTimeout(context.Background(), statsInterval)
		defer cancel()
		u.tellNodes(ctx)
	}
}

// pages counts those of this node.
func (u *UI) pages() int {
	for _, n := range u.srv.Namespaces() {
		if n.Name == u.ns.Name() {
			return n.Conns
		}
	}
	return 0
}

// watch notes that somebody watches, here or on another node.
func (u *UI) watch() { u.watched.Store(time.Now().Add(watchTime).UnixNano()) }

func (u *UI) isWatched() bool { return time.Now().UnixNano() < u.watched.Load() }

// tellNodes lets the other nodes tell of their connections.
func (u *UI) tellNodes(ctx context.Context) {
	if err := u.ns.ServerSideEmit(ctx, eventWatch); err != nil {
		u.log.Warn("admin ui: other nodes not asked", slog.Any("err", err))
	}
}

// emit sends to the pages of all nodes. While the bus is down those of other nodes miss it; the log of the server tells of that.
func (u *UI) emit(event string, args ...any) {
	ctx, cancel := context.WithTimeout(context.Background(), statsInterval)
	defer cancel()
	_ = u.ns.Emit(ctx, event, args...)
}
