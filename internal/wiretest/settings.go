package wiretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// settingsOf turns the server options of a case into a Config that says the same, or as nearly the same as it can: where the
// library has no such option, exceptions.go holds the case. What a case does not set is Node's default, not ours.
func settingsOf(o *Options) (realtime.Config, error) {
	ms := func(p *int, otherwise int) time.Duration {
		return time.Duration(valueOr(p, otherwise)) * time.Millisecond
	}
	cfg := realtime.Config{
		Heartbeat: realtime.Heartbeat{
			Interval: ms(o.PingInterval, 25000), Timeout: ms(o.PingTimeout, 20000),
			ConnectTimeout: ms(o.ConnectTimeout, 45000), UpgradeTimeout: ms(o.UpgradeTimeout, 10000),
		},
	}
	cfg.Limits.MessageSize = int64(valueOr(o.MaxHTTPBuffer, 1_000_000))
	for _, name := range o.Transports {
		switch name {
		case "polling":
			cfg.Transports |= realtime.Polling
		case "websocket":
			cfg.Transports |= realtime.WebSocket
		}
	}
	if !valueOr(o.AddTrailingSlash, true) {
		cfg.Path = "/socket.io"
	}
	cfg.Hooks.AllowHandshake = allowOf(o.AllowRequest)
	var err error
	if cfg.Cookie, err = cookieOf(o.Cookie); err != nil {
		return cfg, err
	}
	return cfg, corsOf(o.CORS, &cfg)
}

// allowOf is allowRequest. Node gives a default text if there is none.
func allowOf(js string) func(*http.Request) error {
	switch js {
	case "function: calls back (null,false)":
		return func(*http.Request) error { return errors.New("Forbidden") }
	case `function: calls back ("thou shall not pass",false)`:
		return func(*http.Request) error { return errors.New("thou shall not pass") }
	case `function: calls back ("error",true)`:
		return func(*http.Request) error { return nil }
	}
	return nil
}

func cookieOf(raw json.RawMessage) (*http.Cookie, error) {
	switch string(raw) {
	case "", "false":
		return nil, nil
	case "true":
		return &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}, nil
	}
	var c struct {
		Name, SameSite, Path, Domain string
		HTTPOnly, Secure             bool
		MaxAge                       int
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("cookie option: %w", err)
	}
	sites := map[string]http.SameSite{"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode}
	return &http.Cookie{
		Name: c.Name, Path: c.Path, Domain: c.Domain, MaxAge: c.MaxAge,
		Secure: c.Secure, HttpOnly: c.HTTPOnly, SameSite: sites[c.SameSite],
	}, nil
}

// corsOf is the cors option. Functions and regular expressions become the list that admits the same origins; a function that admits
// none becomes an origin that nobody has.
func corsOf(raw json.RawMessage, cfg *realtime.Config) error {
	if len(raw) == 0 {
		return nil
	}
	var o struct {
		Origin         any
		Credentials    bool
		Methods        []string
		AllowedHeaders []string
		ExposedHeaders []string
		MaxAge         int
	}
	o.Origin = "*"
	if strings.HasPrefix(string(raw), `"`) {
		o.Origin = "http://dyn.example"
	} else if err := json.Unmarshal(raw, &o); err != nil {
		return fmt.Errorf("cors option: %w", err)
	}
	cfg.Credentials = o.Credentials
	cfg.CORS = realtime.CORS{
		AllowedHeaders: o.AllowedHeaders, ExposedHeaders: o.ExposedHeaders, Methods: o.Methods,
		MaxAge: time.Duration(o.MaxAge) * time.Second,
	}
	switch origin := o.Origin.(type) {
	case bool:
		if origin {
			cfg.Origins = []string{"*"}
		}
	case []any:
		for _, v := range origin {
			cfg.Origins = append(cfg.Origins, fmt.Sprint(v))
		}
	case string:
		cfg.Origins = []string{originOf(origin)}
	}
	return nil
}

func originOf(js string) string {
	switch js {
	case `/example\.com$/`, `function: (origin,cb) => cb(null, origin === "http://example.com")`:
		return "http://example.com"
	case `/a\.com$/`:
		return "http://a.com"
	}
	if strings.HasPrefix(js, "function") {
		return "http://nobody.invalid"
	}
	return js
}

// instrument makes the server report what the captures' server reported by itself: refused requests from the hook, ends of sessions and upgrades from the log.
func instrument(cfg *realtime.Config, log func(any)) {
	messages := []string{"Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden", "Unsupported protocol version"}
	cfg.Hooks.Refused = func(f realtime.Finding) {
		if f.Code >= 0 {
			log(map[string]any{"ev": "connection_error", "code": f.Code, "message": messages[f.Code]})
		}
	}
	cfg.Logger = slog.New(&logObserver{log: log})
}

// logObserver reads two lines of the server's log.
type logObserver struct{ log func(any) }

// engineReasons are the engine's texts for causes that have another one in Socket.IO; the rest is the same at both levels.
var engineReasons = map[string]string{
	realtime.CauseServerDisconnect.String(): "forced close",
	realtime.CauseShutdown.String():         "forced close",
}

// Enabled implements slog.Handler.
func (o *logObserver) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (o *logObserver) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	switch r.Message {
	case "session closed":
		reason := engineReasons[attrs["cause"]]
		for c := realtime.CauseUnknown; reason == "" && c <= realtime.CauseShutdown; c++ {
			if c.String() == attrs["cause"] {
				reason = c.Reason()
			}
		}
		o.log(map[string]any{"ev": "engine_close", "reason": reason})
	case "upgraded":
		o.log(map[string]any{"ev": "upgrade", "transport": attrs["transport"]})
	}
	return nil
}

// WithAttrs implements slog.Handler; the attributes of the server itself do not matter here.
func (o *logObserver) WithAttrs([]slog.Attr) slog.Handler { return o }

// WithGroup implements slog.Handler.
func (o *logObserver) WithGroup(string) slog.Handler { return o }
