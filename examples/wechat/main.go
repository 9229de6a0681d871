// Wechat is the server of a WeChat mini game: a table with four seats and a die, for phones that come and go.
//
//	go run ./examples/wechat
//
// listens on port 3001. The game is in the folder minigame; docs/wechat.md tells how the two are put to work.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/realtime-go/realtime"
)

// settings is what can be told to the program.
type settings struct {
	addr     string
	origins  string        // comma-separated, for Config.Origins
	secret   string        // of the tokens; "" is a new one at each start
	lifetime time.Duration // of a token
	grace    time.Duration // that a seat waits for its player
}

func main() {
	var s settings
	flag.StringVar(&s.addr, "addr", ":3001", "address to listen on")
	flag.StringVar(&s.origins, "origins", "", "origins to admit, separated by commas; empty: the server's own host")
	flag.StringVar(&s.secret, "secret", os.Getenv("WECHAT_SECRET"), "secret of the tokens, at least 32 bytes; empty: a new one at each start")
	flag.DurationVar(&s.lifetime, "token", 2*time.Hour, "lifetime of a token")
	flag.DurationVar(&s.grace, "grace", 5*time.Minute, "how long a seat waits for a player who is away")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wechat:", err)
		os.Exit(1)
	}
}

// app is the parts of the program that have to be ended.
type app struct {
	http.Handler
	server realtime.Server
	table  *table
}

// newApp makes the real-time server, the table and the login.
func newApp(s settings, log *slog.Logger) (*app, error) {
	secret := []byte(s.secret)
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails since Go 1.24
	}
	key, err := realtime.HMACKey(secret)
	if err != nil {
		return nil, err
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key})
	if err != nil {
		return nil, err
	}
	srv, err := realtime.New(realtime.Config{
		Auth:    auth,
		Origins: list(s.origins), // what phones send as Origin has to be seen: the log names what was refused
		Logger:  log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("POST /login", &login{developmentExchange, secret, s.lifetime})
	return &app{mux, srv, newTable(srv.Of("/table"), s.grace)}, nil
}

// shutdown ends the connections, which come back to another process, and the table.
func (a *app) shutdown(ctx context.Context) error {
	err := a.server.Shutdown(ctx)
	a.table.close()
	return err
}

// run serves until ctx ends. It writes the address to out as soon as it can be reached.
func run(ctx context.Context, s settings, out io.Writer) error {
	a, err := newApp(s, slog.Default())
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(ln) }() // owned by run, which closes web and waits for the result
	fmt.Fprintln(out, "wechat: listening on", ln.Addr())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// First the connections, which would keep the web server waiting.
	err = errors.Join(a.shutdown(ending), web.Shutdown(ending))
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// list splits at commas and drops what is empty.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
