package realtime

import (
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/realtime-go/realtime/internal/payload"
)

// Transport is a set of Engine.IO transports.
type Transport uint8

// The transports of Engine.IO 4.
const (
	WebSocket Transport = 1 << iota
	Polling
)

// Config is everything a server can be told. The zero value works: every zero field means the default
// named beside it, and a negative number turns a limit off where that makes sense. New copies it, so
// changing it later has no effect.
type Config struct {
	Path       string    // where the server is mounted; "/socket.io/"
	Transports Transport // WebSocket|Polling; clients may start on polling and upgrade

	// Origins that browsers may come from: exact ("https://game.example.com") or every subdomain of a host
	// ("https://*.example.com"). Empty means the same host as the request's; a request
	// without an Origin header is always allowed. "*" admits every origin, and is refused by Validate
	// together with Credentials.
	Origins     []string
	Credentials bool         // Access-Control-Allow-Credentials for allowed origins
	CORS        CORS         // further CORS headers
	Cookie      *http.Cookie // sticky-session cookie whose value is the session id; nil: none

	// TrustedProxies are the peers whose X-Forwarded-For is believed. Limits.ConnectionsPerAddress works
	// only if some are named, because many players share one address behind a carrier's NAT.
	TrustedProxies []netip.Prefix

	// FlushDelay lets messages gather that are on their way to a websocket, so that one write takes several:
	// up to a second, counted from the first of any connection; less when there is enough for a write. It saves a busy server
	// most of its work and costs every message that much time. 0: off.
	FlushDelay time.Duration

	// EventDriven lets a websocket be without a goroutine and a read buffer while its client is silent, which is a
	// third of the memory of an idle connection: for servers with very many of them. Its price is a goroutine that is
	// started for every message after a silence, hence some latency; docs/performance.md has figures. It works on
	// Linux, for plain TCP connections: behind a proxy that ends TLS. Connections with TLS of this process, or from a
	// listener that wraps them, have their goroutine as ever; so have all where the platform lacks it, and the log
	// says so once.
	EventDriven bool

	Heartbeat   Heartbeat
	Limits      Limits
	AckTimeout  time.Duration // for acknowledgements and cluster requests when ctx has no deadline; 5 s
	Compression Compression   // off

	Auth     Authenticator // nil: connections are anonymous, and the log says so once
	Expiry   ExpiryPolicy  // what happens as identities grow old
	Sessions SessionPolicy // how many connections a user may have; no limit
	Presence PresenceConfig
	Adapter  Adapter     // nil: a single node
	NodeName string      // for logs and Nodes; default: the random id of the node
	RawRooms bool        // room names go on the wire as they are, without "room:"
	Codec    Codec       // nil: encoding/json
	Replies  ReplyPolicy // nil: every acknowledgement is answered; NestReplies() for clients of NestJS

	// ReconnectAfterGap closes the transports of the connections that may have missed something between nodes (an
	// AdapterGap), so that official clients come back by themselves and load anew what they show (requirement
	// R69). It is meant for programs that send a client everything when it connects.
	ReconnectAfterGap bool

	// ClosePanicked closes the connection whose handler panicked. By default it goes on.
	ClosePanicked bool

	Logger *slog.Logger // nil: slog.Default()
	// LogRate is how many lines with the same message a second may bring at level info and above; the next one that
	// is written says how many were "suppressed". Each rule of "refused" has one line a second. 100; negative: no limit.
	LogRate   int
	Hooks     Hooks
	Observer  *Observer     // metrics; nil: nobody is told
	Tracer    *Tracer       // spans; nil: nobody is told
	Anomalies AnomalyConfig // from where on something is odd, for Hooks.Anomaly
}

// Heartbeat holds the times of Engine.IO 4. The first two are told to clients in the handshake.
type Heartbeat struct {
	Interval       time.Duration // between pings; 25 s
	Timeout        time.Duration // for the pong; 10 s
	ConnectTimeout time.Duration // for a session to join its first namespace; 10 s
	UpgradeTimeout time.Duration // for an upgrade to websocket; 10 s
}

// CORS holds the response headers that allowed origins get beside Access-Control-Allow-Origin.
type CORS struct {
	AllowedHeaders []string      // of preflights; empty: the requested ones, if they are header names
	ExposedHeaders []string      // none
	Methods        []string      // GET, HEAD, PUT, PATCH, POST, DELETE, as the reference server
	MaxAge         time.Duration // how long a browser may keep a preflight; 0: not said
}

// Compression compresses websocket messages for clients that offer it (permessage-deflate, RFC 7692), as browsers and the official clients
// do. What goes to many connections is compressed once. It saves the network what it costs in CPU, so it is for large messages
// and for networks that are dear; [Broadcaster.Compress] leaves out what is compressed already. Limits hold for what is inflated.
type Compression struct {
	Enabled   bool
	Threshold int // messages of fewer bytes stay as they are; 1,024
}

// Limits bound what clients can make the server do. Sizes are bytes.
type Limits struct {
	MessageSize        int64 // largest message, inbound, told to clients as maxPayload; 1,000,000
	ConnectMessageSize int64 // the same before the first joined namespace; 64 KiB

	Attachments      int // binary values in one packet, in and out; 10
	JSONDepth        int // nesting of a packet's JSON; 64
	ConnectJSONDepth int // nesting of the auth payload; 16
	NameLength       int // namespace, event and room names; 255

	OutboundMessages int   // queued for one session, then it is closed as a slow consumer; 4,096
	OutboundBytes    int64 // the same in bytes; 1 MiB
	OutboundMemory   int64 // queued for all sessions, then the largest queue is closed; 256 MiB, or a quarter of GOMEMLIMIT if that is less

	InboundEvents int           // waiting for one connection's handlers, then reading pauses; 128
	InboundBytes  int64         // the same in bytes; 1 MiB
	EventRate     int           // events per second and session, those above wait; 200
	EventBurst    int           // events that need not wait; 1,000
	ByteRate      int64         // bytes of events per second and session; 1 MiB
	ByteBurst     int64         // bytes that need not wait; 4 MiB
	FloodTimeout  time.Duration // a queue that is full this long without a pause ends the session; 30 s
	Concurrent    int           // handlers of Concurrent events that one connection may have running; 16
	PartialPacket time.Duration // for the attachments of a packet to arrive; 15 s

	Rooms             int // rooms of one connection, not counting its own and its user's; 256
	Namespaces        int // connections of one session; 32
	ConnectAttempts   int // CONNECT packets of one session in a minute; 64
	DynamicNamespaces int // namespaces that exist because clients named them; 10,000

	PendingAcks int // answers that one connection may owe; 256
	UnknownAcks int // answers with an id that was never issued, then the session is closed; 100
	PublicData  int // size of SetPublic's value as JSON; 4 KiB

	WriteTimeout   time.Duration // for every write to a client; 10 s
	MessageTimeout time.Duration // from the first to the last byte of a websocket message; 15 s
	BodyTimeout    time.Duration // for the body of a polling request; 10 s
	ControlPackets int           // packets of one polling body that are no messages, then the session is closed; 1,024

	UnjoinedSessions      int           // sessions without a joined namespace, then 503; 4,096
	Handshakes            int           // handshakes and authentications in progress; 256
	HandshakeWait         time.Duration // for a free place among them, then 503; 2 s
	ConnectionsPerAddress int           // sessions of one address, only with TrustedProxies; 0: off
}

const (
	defaultPath       = "/socket.io/"
	defaultAckTimeout = 5 * time.Second
	slowHandler       = 30 * time.Second // R88: a handler that runs longer is named in the log
	mailboxBatch      = 1                // one event at a time leaves the mailbox, so that its bound is exact
	hookQueue         = 1024             // hooks that operations of other nodes may have waiting
	maxAskTimeout     = time.Minute      // acknowledgements are collected for another node no longer than this
	defaultLogRate    = 100
	maxOutboundMemory = 256 << 20
	maxArguments      = payload.MaxArgs
)

// withDefaults returns a copy with every zero field replaced.
func (c Config) withDefaults() Config {
	set(&c.Path, defaultPath)
	set(&c.Transports, WebSocket|Polling)
	set(&c.AckTimeout, defaultAckTimeout)
	set(&c.LogRate, defaultLogRate)
	set(&c.Heartbeat.Interval, 25*time.Second)
	set(&c.Heartbeat.Timeout, 10*time.Second)
	set(&c.Heartbeat.ConnectTimeout, 10*time.Second)
	set(&c.Heartbeat.UpgradeTimeout, 10*time.Second)
	c.Limits = c.Limits.withDefaults()
	c.Expiry = c.Expiry.withDefaults()
	c.Presence = c.Presence.withDefaults()
	c.Anomalies = c.Anomalies.withDefaults(c.Heartbeat)
	if c.Codec == nil {
		c.Codec = payload.JSON
	}
	if c.Replies == nil {
		c.Replies = standardReplies{}
	}
	if c.Observer == nil {
		c.Observer = &Observer{}
	}
	if c.Tracer == nil {
		c.Tracer = &Tracer{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Origins = append([]string(nil), c.Origins...)
	c.TrustedProxies = append([]netip.Prefix(nil), c.TrustedProxies...)
	return c
}

func (l Limits) withDefaults() Limits {
	set(&l.MessageSize, 1_000_000)
	set(&l.ConnectMessageSize, min(64<<10, l.MessageSize))
	set(&l.Attachments, 10)
	set(&l.JSONDepth, 64)
	set(&l.ConnectJSONDepth, 16)
	set(&l.NameLength, 255)
	set(&l.OutboundMessages, 4096)
	set(&l.OutboundBytes, 1<<20)
	set(&l.OutboundMemory, defaultOutboundMemory())
	set(&l.InboundEvents, 128)
	set(&l.InboundBytes, 1<<20)
	set(&l.EventRate, 200)
	set(&l.EventBurst, 1000)
	set(&l.ByteRate, 1<<20)
	set(&l.ByteBurst, 4<<20)
	set(&l.FloodTimeout, 30*time.Second)
	set(&l.Concurrent, 16)
	set(&l.PartialPacket, 15*time.Second)
	set(&l.Rooms, 256)
	set(&l.Namespaces, 32)
	set(&l.ConnectAttempts, 64)
	set(&l.DynamicNamespaces, 10_000)
	set(&l.PendingAcks, 256)
	set(&l.UnknownAcks, 100)
	set(&l.PublicData, 4<<10)
	set(&l.WriteTimeout, 10*time.Second)
	set(&l.MessageTimeout, 15*time.Second)
	set(&l.BodyTimeout, 10*time.Second)
	set(&l.ControlPackets, 1024)
	set(&l.UnjoinedSessions, 4096)
	set(&l.Handshakes, 256)
	set(&l.HandshakeWait, 2*time.Second)
	return l
}

// defaultOutboundMemory is 256 MiB, or a quarter of GOMEMLIMIT if that is less.
func defaultOutboundMemory() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return maxOutboundMemory
	}
	return min(maxOutboundMemory, limit/4)
}

// set replaces a zero value by its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
