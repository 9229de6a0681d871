package main

import (
	"context"
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
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/client"
)

//go:embed page
var files embed.FS

// ending is how long the end of the program may take.
const ending = 10 * time.Second

// app is the whole program as an http.Handler: the page, the logins and the game.
type app struct {
	http.Handler
	srv    realtime.Server
	logins *logins
	lobby  *lobby
}

func newApp(s settings, log *slog.Logger) (*app, error) {
	logins, err := newLogins(s.secret, s.session)
	if err != nil {
		return nil, fmt.Errorf("-secret: %w", err)
	}
	srv, err := realtime.New(realtime.Config{Auth: logins.auth, Origins: s.origins, Logger: log})
	if err != nil {
		return nil, err
	}
	lobby := newLobby(srv.Of("/game"), s, log)
	lobby.register()
	return &app{handler(srv, logins), srv, logins, lobby}, nil
}

// Shutdown closes all connections, so that pages come back to the next process, and ends all tables.
func (a *app) Shutdown(ctx context.Context) error {
	err := a.srv.Shutdown(ctx)
	a.lobby.close()
	return err
}

// handler serves the page, the client module, the logins and the real-time server.
func handler(srv http.Handler, logins *logins) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	static := http.FileServerFS(page)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/"+client.Name, client.Handler())
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

// run serves until ctx ends. It writes the page's address to out as soon as it can be opened.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer) error {
	s, err := readSettings(args, env, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	a, err := newApp(s, slog.Default())
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	// No WriteTimeout: a long poll is an answer that takes its time.
	web := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { // owned by run, which closes web and waits for the result
		defer close(served)
		if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			served <- err
		}
	}()
	if _, err := fmt.Fprintln(out, "avalon: open", pageURL(ln.Addr())); err != nil {
		slog.Warn("address not printed", "err", err)
	}

	select {
	case err = <-served: // it could not go on
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ending)
	defer cancel()
	// First the connections, which would keep the web server waiting.
	return errors.Join(err, a.Shutdown(ctx), web.Shutdown(ctx), <-served)
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
