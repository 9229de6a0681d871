package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-go/realtime/client"
)

//go:embed page
var files embed.FS

// website serves the page, tokens for its visitors, and, at /socket.io/, the first node that answers: the one address that clients
// of a cluster know.
type website struct {
	addr   string
	web    *http.Server
	served chan struct{}
}

// startWebsite serves on ln. addresses are those of the nodes, in the order in which they are tried.
func startWebsite(ln net.Listener, secret string, addresses func() []address, fail func(error)) *website {
	w := &website{addr: ln.Addr().String(), served: make(chan struct{})}
	w.web = &http.Server{Handler: pages(secret, addresses), ReadHeaderTimeout: 10 * time.Second}
	go func() { // owned by the website, ends with stop
		defer close(w.served)
		if err := w.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("page: %w", err))
		}
	}()
	return w
}

// stop comes after the nodes have ended their connections, some of which go through here.
func (w *website) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := w.web.Shutdown(ctx)
	<-w.served
	return err
}

// address of a node, as the page gets it.
type address struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

func (a address) host() string { return strings.TrimPrefix(a.URL, "http://") }

func pages(secret string, addresses func() []address) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	static := http.FileServerFS(page)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", anyNode(addresses))
	mux.Handle("/"+client.Name, client.Handler())
	mux.HandleFunc("GET /nodes", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, addresses()) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { giveToken(w, r, secret) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy(addresses()))
		static.ServeHTTP(w, r)
	})
	return mux
}

// policy lets the page talk to the nodes, and to nobody else.
func policy(nodes []address) string {
	sources := []string{"'self'"}
	for _, node := range nodes {
		sources = append(sources, node.URL, "ws://"+node.host())
	}
	return "default-src 'self'; connect-src " + strings.Join(sources, " ") + "; frame-ancestors 'none'"
}

// anyNode passes a request on to the first node that takes connections. That is the same one for all requests of a session, until it
// ends: sticky enough for an example. A balancer in earnest spreads clients, and is sticky by a cookie or for websockets only.
func anyNode(addresses func() []address) http.Handler {
	transport := &http.Transport{
		DisableKeepAlives: true, // each request finds out anew who is there
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			var errs []error
			for _, node := range addresses() {
				conn, err := dialer.DialContext(ctx, network, node.host())
				if err == nil {
					return conn, nil
				}
				errs = append(errs, err)
			}
			return nil, errors.Join(errs...)
		},
	}
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "any"})
			r.Out.Host = r.In.Host // the nodes compare it with the origin of the page
			r.SetXForwarded()
		},
		// Nobody there, or a client that has gone: the next attempt of the client tells more than a line in the log.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// giveToken lets anybody in under any name, and makes everyone a host: a login is not the subject of this program, which listens on
// the loopback interface only.
func giveToken(w http.ResponseWriter, r *http.Request, secret string) {
	user := strings.TrimSpace(r.FormValue("user"))
	if user == "" || len(user) > 24 {
		http.Error(w, "a name has 1 to 24 letters", http.StatusBadRequest)
		return
	}
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "roles": []string{"host"}, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}).SignedString([]byte(secret))
	if err != nil {
		http.Error(w, "no token", http.StatusInternalServerError)
		return
	}
	answerJSON(w, map[string]string{"token": token})
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked has gone if this fails
}
