package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/adminui"
	"github.com/realtime-go/realtime/client"
	"github.com/realtime-go/realtime/prommetrics"
)

//go:embed page
var files embed.FS

// ending is how long the end of the program may take.
const ending = 10 * time.Second

// app is the whole program as an http.Handler: the page, the logins and the game.
type app struct {
	http.Handler
	srv     realtime.Server
	metrics *prometheus.Registry
	admin   *adminui.UI // nil: none
	logins  *logins
	lobby   *lobby
}

// newApp makes the program with the tables of a store, and with an adapter if other processes have the same tables.
func newApp(s settings, tables store, adapter realtime.Adapter, log *slog.Logger) (*app, error) {
	logins, err := newLogins(s.secret, s.session)
	if err != nil {
		return nil, fmt.Errorf("-secret: %w", err)
	}
	registry := prometheus.NewRegistry()
	metrics, err := prommetrics.New(registry, prommetrics.Options{})
	if err != nil {
		return nil, err
	}
	process := strings.ToLower(rand.Text()[:8])
	srv, err := realtime.New(realtime.Config{
		Auth: logins.auth, Origins: s.origins, Adapter: adapter, NodeName: process, Logger: log,
		Presence: realtime.PresenceConfig{Off: true}, // tables know by themselves who is there
		Observer: metrics.Observer(), Credentials: s.admin.on,
	})
	if err == nil {
		err = metrics.Watch(srv)
	}
	if err != nil {
		return nil, err
	}
	var ui *adminui.UI
	if s.admin.on {
		ui, err = adminui.Mount(srv, adminui.Options{
			Username: s.admin.user, PasswordHash: s.admin.password, Mode: adminui.Development, ServerID: process, Logger: log,
		})
		if err != nil {
			return nil, fmt.Errorf("AVALON_ADMIN_HASH: %w", err)
		}
	}
	lobby := newLobby(srv, process, s, tables, log)
	lobby.register()
	return &app{handler(srv, logins), srv, registry, ui, logins, lobby}, nil
}

// Start joins the other processes, if there are any, and begins to look after the tables. Shutdown ends that.
func (a *app) Start(ctx context.Context) error {
	if err := a.srv.Start(ctx); err != nil {
		return err
	}
	a.lobby.start()
	return nil
}

// Shutdown closes all connections, so that pages come back to another process. It closes the store too.
func (a *app) Shutdown(ctx context.Context) error {
	if a.admin != nil {
		a.admin.Close()
	}
	err := a.srv.Shutdown(ctx)
	a.lobby.close()
	return err
}

// handler serves the page, the client module, the logins and the real-time server.
func handler(srv realtime.Server, logins *logins) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	static := http.FileServerFS(page)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/"+client.Name, client.Handler())
	mux.HandleFunc("GET /readyz", ready(srv))
	mux.HandleFunc("POST /login", logins.login)
	mux.HandleFunc("POST /token", logins.renew)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// Nothing from elsewhere runs in the page, whatever somebody writes in the chat.
		w.Header().Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		static.ServeHTTP(w, r)
	})
	return mux
}

// open makes the program that the settings ask for.
func open(s settings, log *slog.Logger) (*app, error) {
	if s.redis == "" {
		return newApp(s, newMemory(), nil, log)
	}
	bus, err := redisBus(s.redis)
	if err != nil {
		return nil, err
	}
	tables, err := openRedis(s.redis)
	if err != nil {
		return nil, err
	}
	a, err := newApp(s, tables, bus, log)
	if err != nil {
		tables.close()
	}
	return a, err
}

// run serves until ctx ends. It writes the page's address to out as soon as it can be opened.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	s, err := readSettings(args, env, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	a, err := open(s, slog.Default())
	if err != nil {
		return err
	}
	return serve(ctx, a, s, out)
}

// site is one of the addresses at which the program serves.
type site struct {
	what, addr string
	web        *http.Server
}

// sites are the page and, if they were asked for, the pages of operators.
func sites(a *app, s settings) []site {
	// No WriteTimeout: a long poll is an answer that takes its time.
	list := []site{{"open", s.addr, &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}}}
	if s.operators != "" {
		list = append(list, site{"for operators", s.operators, &http.Server{Handler: operators(a.srv, a.metrics), ReadHeaderTimeout: 10 * time.Second}})
	}
	return list
}

// serve returns when ctx has ended, or why it could not go on until then, and ends the program either way.
func serve(ctx context.Context, a *app, s settings, out io.Writer) (err error) {
	sites := sites(a, s)
	var serving sync.WaitGroup
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ending)
		defer cancel()
		// First the connections, which would keep the web server waiting.
		err = errors.Join(err, a.Shutdown(ctx))
		for _, site := range sites {
			err = errors.Join(err, site.web.Shutdown(ctx))
		}
		serving.Wait()
	}()
	starting, cancel := context.WithTimeout(ctx, ending)
	defer cancel()
	if err := a.Start(starting); err != nil {
		return err
	}
	failed := make(chan error, len(sites))
	for _, site := range sites {
		ln, err := net.Listen("tcp", site.addr)
		if err != nil {
			return err
		}
		serving.Go(func() { // owned by serve, ends when web is shut down
			if err := site.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
		if _, err := fmt.Fprintf(out, "avalon: %s %s\n", site.what, pageURL(ln.Addr())); err != nil {
			slog.Warn("address not printed", "err", err)
		}
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// pageURL is an address that a browser on this machine can open, also when the program listens on all interfaces.
func pageURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
