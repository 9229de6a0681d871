package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
)

// node is a server of the cluster in Go.
type node struct {
	srv    realtime.Server
	web    *http.Server
	addr   string        // "" as long as it does not serve
	served chan struct{} // closed when it does not any more
}

// startNode starts a node on a port of the loopback interface, 0 for a free one.
func startNode(ctx context.Context, name string, s settings, port int, log *slog.Logger, fail func(error)) (*node, error) {
	srv, err := newServer(name, s, log)
	if err != nil {
		return nil, err
	}
	n := &node{srv: srv, served: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	n.web = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	// Clients come when the node is part of the cluster, not before.
	if err := srv.Start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), n.stop())
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, errors.Join(err, n.stop())
	}
	n.addr = ln.Addr().String()
	go func() { // owned by the node, ends with stop
		defer close(n.served)
		if err := n.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	return n, nil
}

// newServer is the NestJS node's main.mjs, settings.mjs and redis-io.adapter.mjs.
func newServer(name string, s settings, log *slog.Logger) (realtime.Server, error) {
	key, err := realtime.HMACKey([]byte(s.secret))
	if err != nil {
		return nil, err
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key})
	if err != nil {
		return nil, err
	}
	adapter, err := redisadapter.New(s.redis.config())
	if err != nil {
		return nil, err
	}
	srv, err := realtime.New(realtime.Config{
		Auth:        unauthorized{auth},
		Origins:     s.origins,
		Credentials: true,
		Heartbeat:   realtime.Heartbeat{Interval: 25 * time.Second, Timeout: 10 * time.Second},
		Replies:     realtime.NestReplies(),
		Adapter:     adapter,
		NodeName:    name,
		Logger:      log,
	})
	if err != nil {
		return nil, err
	}
	newGateway(srv.Of("/chat"), name)
	return srv, nil
}

// stop ends the node as an operator would: its clients come back by themselves, to another one.
func (n *node) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// First the connections, which would keep the web server waiting.
	err := errors.Join(n.srv.Shutdown(ctx), n.web.Shutdown(ctx))
	if n.addr != "" {
		<-n.served
	}
	return err
}
