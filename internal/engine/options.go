package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"
)

// Defaults of Options. They are the numbers of the protocol, of the system that
// this library replaces, or of the requirement named.
const (
	DefaultPath                 = "/socket.io/"
	DefaultPingInterval         = 25 * time.Second
	DefaultPingTimeout          = 10 * time.Second
	DefaultConnectTimeout       = 10 * time.Second
	DefaultUpgradeTimeout       = 10 * time.Second
	DefaultMaxPayload           = 1_000_000
	DefaultMaxPayloadBeforeJoin = 64 << 10  // R18
	DefaultMaxQueueItems        = 4096      // R43
	DefaultMaxQueueBytes        = 1 << 20   // R43
	DefaultOutboundBudget       = 256 << 20 // R44
	DefaultMaxUnjoined          = 4096      // R11
	DefaultMaxHandshakes        = 256       // R12
	DefaultHandshakeWait        = 2 * time.Second
	DefaultMaxNonMessages       = 1024 // R7
	DefaultWriteTimeout         = 10 * time.Second
	DefaultMessageTimeout       = 15 * time.Second
	DefaultBodyTimeout          = 10 * time.Second
)

// lingerTime is how long what is queued for a polling session that the server
// closed waits for one more GET (decision D5).
const lingerTime = 30 * time.Second

// Options configure a Server. The zero value of a field means its default; a
// negative number turns a limit or timeout off where the field says so. New
// copies the struct.
type Options struct {
	// Path is the prefix of the raw URL path that is served. With a trailing
	// slash "/socket.io?EIO=4" is not found, as at the official server; without
	// one both forms are served.
	Path string
	// Polling and WebSocket switch the transports on. Both false means both on.
	Polling, WebSocket bool

	// PingInterval is the time between a pong and the next ping; PingTimeout is
	// how long a pong may take. Both are told to the client.
	PingInterval, PingTimeout time.Duration
	// ConnectTimeout ends a session in which no namespace was joined. Negative:
	// never.
	ConnectTimeout time.Duration
	// UpgradeTimeout is how long a probing websocket may take.
	UpgradeTimeout time.Duration

	// MaxPayload is the largest polling body or websocket message in bytes.
	// MaxPayloadBeforeJoin holds instead until Session.Joined is called, if it is
	// smaller.
	MaxPayload, MaxPayloadBeforeJoin int64
	// MaxQueueItems and MaxQueueBytes bound what waits for one client.
	MaxQueueItems int
	MaxQueueBytes int64
	// OutboundBudget bounds what waits for all clients together, in bytes; a
	// message that waits for several counts once. 0 means a quarter of the Go
	// memory limit if there is one, else DefaultOutboundBudget. Negative: no
	// bound.
	OutboundBudget int64
	// MaxUnjoined bounds the sessions in which no namespace was joined yet.
	// Negative: no bound.
	MaxUnjoined int
	// MaxHandshakes bounds the handshakes that are being worked on, HandshakeWait
	// how long others wait for their turn. Negative MaxHandshakes: no bound.
	MaxHandshakes int
	HandshakeWait time.Duration
	// MaxNonMessages bounds the packets of one polling body that are not
	// messages. Messages are bounded by bytes. Negative: no bound.
	MaxNonMessages int
	// WriteTimeout bounds every write to a client. MessageTimeout bounds the time
	// from the first to the last byte of a websocket message, BodyTimeout that of
	// a polling body.
	WriteTimeout, MessageTimeout, BodyTimeout time.Duration
	// FlushDelay lets messages for a websocket gather before they are written
	// together. It ends early when there are enough for a write. 0: off.
	FlushDelay time.Duration
	// EventDriven lets websockets over plain TCP be without a goroutine and a buffer
	// while their clients are silent. Hooks.OnNotPolled tells where that is not possible.
	EventDriven bool

	// Compression takes a client's offer to compress websocket messages of
	// CompressionThreshold bytes or more.
	Compression          bool
	CompressionThreshold int

	// MaxPerAddress bounds the sessions of one client address. It holds only
	// when TrustedProxies is set, because without it carrier NAT or an unknown
	// proxy makes many clients one address (decision D55). 0: no bound.
	MaxPerAddress int
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix

	// Origins lists who may connect from a browser: exact origins such as
	// "https://game.example.com", "https://*.example.com" for every subdomain, or
	// "*" for everyone, which excludes Credentials. An empty list admits pages of
	// the requested host itself; a list takes the place of that rule. Requests
	// without Origin are always admitted: they do not come from a page.
	Origins []string
	// Credentials lets pages send cookies (Access-Control-Allow-Credentials).
	Credentials bool
	// CORS holds the details of cross-origin answers.
	CORS CORS
	// Cookie is set on polling handshakes with the session id as value; nil means
	// none.
	Cookie *http.Cookie

	// NodeTag stands at the end of every session id so that a balancer or a log
	// reader can tell the node: at most 16 letters, digits, '-' or '_'. Empty
	// means a random tag.
	NodeTag string

	// Allow may refuse a handshake: status 403 code 4 with the error's text,
	// which the client sees. It runs inside the handshake limit and may block.
	Allow func(*http.Request) error
	// Hooks tell of what happens.
	Hooks Hooks
}

// CORS holds the details of cross-origin answers. Empty fields mean what the
// official server does by default.
type CORS struct {
	// AllowedHeaders are the request headers a page may set. Empty: those it asks
	// for.
	AllowedHeaders []string
	// ExposedHeaders are the response headers a page may read.
	ExposedHeaders []string
	// Methods are the methods a page may use.
	Methods []string
	// MaxAge is how long a browser may remember a preflight; it is written in
	// whole seconds.
	MaxAge time.Duration
}

// Hooks are functions that are told what happens; nil ones cost nothing. They may
// be called concurrently and must not block.
type Hooks struct {
	// OnRefused is called for every request that is refused, also for requests of
	// sessions that exist. r is valid during the call.
	OnRefused func(r *http.Request, ref *Refusal)
	// OnUpgrade is called when a session has changed to websocket, or with an
	// error when an attempt failed (the session goes on).
	OnUpgrade func(s *Session, err error)
	// OnPong is called with each pong that was asked for: how long it took, and
	// the moving average of those before it, 0 for the first. It must not block.
	OnPong func(s *Session, trip, average time.Duration)
	// OnPing is called with each ping that leaves: how long after it was due.
	OnPing func(s *Session, late time.Duration)
	// OnReceive is called with the size of each message before the receiver gets
	// it, OnWrite with each write to a client: how many messages it carries, pings
	// and frames left out, and their bytes. They stand on the hot path.
	OnReceive func(transport string, size int)
	OnWrite   func(transport string, messages, size int)
	// OnNotPolled is called at most once, when EventDriven is set but the connection
	// of a websocket cannot be polled although it is plain TCP:
	// errors.ErrUnsupported if that is so everywhere on this platform.
	OnNotPolled func(error)
}

// withDefaults returns a copy with all defaults filled in.
func (o Options) withDefaults() Options {
	o.Path = cmp.Or(o.Path, DefaultPath)
	if !o.Polling && !o.WebSocket {
		o.Polling, o.WebSocket = true, true
	}
	o.PingInterval = cmp.Or(o.PingInterval, DefaultPingInterval)
	o.PingTimeout = cmp.Or(o.PingTimeout, DefaultPingTimeout)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, DefaultConnectTimeout)
	o.UpgradeTimeout = cmp.Or(o.UpgradeTimeout, DefaultUpgradeTimeout)
	o.MaxPayload = cmp.Or(o.MaxPayload, DefaultMaxPayload)
	o.MaxPayloadBeforeJoin = min(cmp.Or(o.MaxPayloadBeforeJoin, DefaultMaxPayloadBeforeJoin), o.MaxPayload)
	o.MaxQueueItems = cmp.Or(o.MaxQueueItems, DefaultMaxQueueItems)
	o.MaxQueueBytes = cmp.Or(o.MaxQueueBytes, DefaultMaxQueueBytes)
	o.OutboundBudget = cmp.Or(o.OutboundBudget, defaultBudget())
	o.MaxUnjoined = orUnlimited(cmp.Or(o.MaxUnjoined, DefaultMaxUnjoined))
	o.MaxHandshakes = cmp.Or(o.MaxHandshakes, DefaultMaxHandshakes)
	o.HandshakeWait = cmp.Or(o.HandshakeWait, DefaultHandshakeWait)
	o.MaxNonMessages = orUnlimited(cmp.Or(o.MaxNonMessages, DefaultMaxNonMessages))
	o.WriteTimeout = cmp.Or(o.WriteTimeout, DefaultWriteTimeout)
	o.MessageTimeout = cmp.Or(o.MessageTimeout, DefaultMessageTimeout)
	o.CompressionThreshold = cmp.Or(o.CompressionThreshold, DefaultCompressionThreshold)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, DefaultBodyTimeout)
	if o.OutboundBudget < 0 {
		o.OutboundBudget = math.MaxInt64
	}
	if o.NodeTag == "" {
		o.NodeTag = randomTag()
	}
	o.TrustedProxies = slices.Clone(o.TrustedProxies)
	o.Origins = slices.Clone(o.Origins)
	if o.Cookie != nil {
		c := *o.Cookie
		o.Cookie = &c
	}
	return o
}

// Validate reports every mistake in the options at once.
func (o Options) Validate() error {
	var errs []error
	if o.Path != "" && o.Path[0] != '/' {
		errs = append(errs, errors.New("option Path must begin with a slash"))
	}
	for _, c := range []struct {
		name  string
		value int64
	}{
		{"PingInterval", int64(o.PingInterval)},
		{"PingTimeout", int64(o.PingTimeout)},
		{"UpgradeTimeout", int64(o.UpgradeTimeout)},
		{"HandshakeWait", int64(o.HandshakeWait)},
		{"WriteTimeout", int64(o.WriteTimeout)},
		{"MessageTimeout", int64(o.MessageTimeout)},
		{"BodyTimeout", int64(o.BodyTimeout)},
		{"FlushDelay", int64(o.FlushDelay)},
		{"MaxPayload", o.MaxPayload},
		{"MaxPayloadBeforeJoin", o.MaxPayloadBeforeJoin},
		{"MaxQueueItems", int64(o.MaxQueueItems)},
		{"MaxQueueBytes", o.MaxQueueBytes},
		{"MaxPerAddress", int64(o.MaxPerAddress)},
		{"CompressionThreshold", int64(o.CompressionThreshold)},
	} {
		if c.value < 0 {
			errs = append(errs, fmt.Errorf("option %s must not be negative", c.name))
		}
	}
	if !validTag(o.NodeTag) {
		errs = append(errs, errors.New("option NodeTag must be at most 16 letters, digits, '-' or '_'"))
	}
	if _, err := newOriginPolicy(o.Origins, o.Credentials); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func orUnlimited(n int) int {
	if n < 0 {
		return math.MaxInt
	}
	return n
}

// defaultBudget is a quarter of the memory limit that GOMEMLIMIT or the program
// has set, so that queues alone cannot drive the process into it.
func defaultBudget() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 4
	}
	return DefaultOutboundBudget
}
