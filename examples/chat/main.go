// Chat is the smallest useful program with the library: rooms, names, messages, and who is here.
//
//	go run ./examples/chat
//
// opens port 3001 and prints the address of the page. What the page and the server say to each other is in chat.go and
// page/chat.mjs.
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
	"os/signal"
	"syscall"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/client"
)

//go:embed page
var files embed.FS

func main() {
	addr := flag.String("addr", ":3001", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It writes the page's address to out as soon as it can be opened.
func run(ctx context.Context, addr string, out io.Writer) error {
	srv, err := realtime.New(realtime.Config{})
	if err != nil {
		return err
	}
	newChat(srv)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	// No WriteTimeout: a long poll is an answer that takes its time.
	web := &http.Server{Handler: handler(srv), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }() // owned by run, which closes web and waits for the result
	if _, err := fmt.Fprintln(out, "chat: open", pageURL(ln.Addr())); err != nil {
		slog.Warn("address not printed", "err", err)
	}

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// First the connections, which would keep the web server waiting.
	err = errors.Join(srv.Shutdown(ending), web.Shutdown(ending))
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// handler serves the page, the client module and the real-time server.
func handler(srv http.Handler) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	static := http.FileServerFS(page)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/"+client.Name, client.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		// Nothing from elsewhere runs in the page, whatever somebody writes in the chat.
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		static.ServeHTTP(w, r)
	})
	return mux
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
