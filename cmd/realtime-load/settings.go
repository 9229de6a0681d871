package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/realtime-go/realtime/internal/loadgen"
)

// settings are what the program is told.
type settings struct {
	target, path       string
	namespace, auth    string
	join, say, echo    string
	transport          string
	connections, rooms int
	publisher, ack     bool
	rate               float64
	window, payload    int
	ramp               float64
	warm, duration     time.Duration
	reconnect          time.Duration
	jsonFile, plotFile string
	quiet              bool
}

const about = `realtime-load puts load on a Socket.IO v4 server and measures it.

  realtime-load -url http://127.0.0.1:3001 -connections 1000 -rooms 100 -rate 500 -duration 30s -plot latency.svg

The server has to answer these events (their names are flags):
  ("join", room)           joins the client to the room and acknowledges it
  ("say", room, payload)   sends the payload, as any event, to the others in the room
  ("echo", payload)        acknowledges with the payload; with -ack only this one is needed

Latency of a paced load (-rate) counts from the moment at which a message was due, so a generator or a server that is late hides
nothing. A closed loop (-window) keeps so many messages on their way: it shows how much a server can do. With neither, nothing
is sent and the connections are held.

`

func readSettings(args []string, usage io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("realtime-load", flag.ContinueOnError)
	f.SetOutput(usage)
	f.Usage = func() { fmt.Fprint(usage, about); f.PrintDefaults() }
	address := f.String("url", "http://127.0.0.1:3001", "`address` of the server, with the path of Socket.IO if that is not /socket.io/; TLS is not spoken")
	f.StringVar(&s.namespace, "namespace", "/", "`namespace` to join")
	f.StringVar(&s.auth, "auth", "", "JSON `object` for CONNECT, a token for instance")
	f.StringVar(&s.transport, "transport", "websocket", "`transport`: websocket, or polling, which costs the generator several times as much")
	f.IntVar(&s.connections, "connections", 100, "`number` of connections")
	f.IntVar(&s.rooms, "rooms", 0, "`number` of rooms, which the connections share evenly; 0: one tenth of the connections, none with -ack")
	f.BoolVar(&s.publisher, "publisher", false, "one connection more, in no room, sends everything; else the members of the rooms do in turn")
	f.BoolVar(&s.ack, "ack", false, "measure acknowledgements instead of messages to rooms")
	f.Float64Var(&s.rate, "rate", 0, "`messages` a second, of all connections together")
	f.IntVar(&s.window, "window", 0, "closed loop instead of a rate: `messages` on their way, of the whole load or, with -ack, of each connection")
	f.IntVar(&s.payload, "payload", 100, "`bytes` of JSON in each message")
	f.Float64Var(&s.ramp, "ramp", 0, "`connections` opened in a second; 0: as fast as the server allows")
	f.DurationVar(&s.warm, "warm", 2*time.Second, "`time` of load before it is measured")
	f.DurationVar(&s.duration, "duration", 10*time.Second, "`time` that is measured")
	f.DurationVar(&s.reconnect, "reconnect", time.Second, "`time` after which a broken connection comes back, longer with each attempt; 0: the first break ends the run")
	f.StringVar(&s.join, "join", "join", "`event` that joins a room")
	f.StringVar(&s.say, "say", "say", "`event` that speaks to a room")
	f.StringVar(&s.echo, "echo", "echo", "`event` that is answered with its payload")
	f.StringVar(&s.jsonFile, "json", "", "`file` for the result as JSON, - for standard output instead of the table")
	f.StringVar(&s.plotFile, "plot", "", "`file` for a picture (SVG) of latency over time")
	f.BoolVar(&s.quiet, "quiet", false, "no progress")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	return s, s.complete(*address, f.Args())
}

// complete checks everything at once.
func (s *settings) complete(address string, rest []string) error {
	var errs mistakes
	errs.is(len(rest) > 0, "unexpected argument %q", strings.Join(rest, " "))
	if err := s.setTarget(address); err != nil {
		errs = append(errs, err)
	}
	if s.rooms == 0 && !s.ack && !s.silent() {
		s.rooms = max(1, s.connections/10)
	}
	s.checkConnections(&errs)
	s.checkLoad(&errs)
	return errors.Join(errs...)
}

// mistakes are what is wrong with flags.
type mistakes []error

func (m *mistakes) is(wrong bool, format string, args ...any) {
	if wrong {
		*m = append(*m, fmt.Errorf(format, args...))
	}
}

func (s *settings) checkConnections(m *mistakes) {
	rooms := max(s.rooms, 1)
	m.is(s.connections < 1, "-connections: %d is not 1 or more", s.connections)
	m.is(s.rooms < 0 || s.connections%rooms != 0, "-rooms: %d connections cannot share %d rooms evenly", s.connections, s.rooms)
	m.is(s.rooms > 0 && !s.ack && !s.publisher && s.connections/rooms < 2, "-rooms: with one connection in a room, without -publisher, nobody gets what it says")
	m.is(s.ramp < 0, "-ramp: %v is negative", s.ramp)
	m.is(s.reconnect < 0, "-reconnect: %v is negative", s.reconnect)
	m.is(s.transport != "websocket" && s.transport != "polling", "-transport: %q is neither websocket nor polling", s.transport)
	m.is(!strings.HasPrefix(s.namespace, "/") || strings.Contains(s.namespace, ","), "-namespace: %q does not begin with a slash, or has a comma", s.namespace)
	if s.auth != "" {
		var object map[string]any
		m.is(json.Unmarshal([]byte(s.auth), &object) != nil || object == nil, "-auth: not a JSON object") // it is a secret: not repeated
	}
}

func (s *settings) checkLoad(m *mistakes) {
	m.is(s.rate < 0, "-rate: %v is negative", s.rate)
	m.is(s.window < 0, "-window: %d is negative", s.window)
	m.is(s.rate > 0 && s.window > 0, "-rate and -window: a load is paced or a closed loop, not both")
	m.is(s.payload < 40, "-payload: %d bytes are less than the 40 that hold the time of sending", s.payload)
	m.is(s.duration <= 0, "-duration: %v is not more than 0", s.duration)
	m.is(s.warm < 0, "-warm: %v is negative", s.warm)
}

func (s *settings) setTarget(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("-url: %w", err)
	}
	switch u.Scheme {
	case "http", "ws":
	case "https", "wss":
		return fmt.Errorf("-url: TLS is not spoken: put the load on the port behind whatever ends it")
	default:
		return fmt.Errorf("-url: %q does not begin with http:// or ws://", address)
	}
	if u.Host == "" || u.RawQuery != "" {
		return fmt.Errorf("-url: %q has no host, or a query", address)
	}
	s.target = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	if s.path = u.Path; s.path == "" || s.path == "/" {
		s.path = "/socket.io/"
	}
	return nil
}

func (s *settings) config() loadgen.Config {
	c := loadgen.Config{
		Targets: []string{s.target}, Conns: s.connections, Publisher: s.publisher && s.rooms > 0, Ramp: s.ramp,
		Rooms:   "load-" + rand.Text()[:8] + "-", // other runs may be there
		Polling: s.transport == "polling", Reconnect: s.reconnect,
		Dialect: loadgen.SocketIO{HTTPPath: s.path, Namespace: s.namespace, Auth: s.auth, Joins: s.join, Says: s.say, Asks: s.echo},
	}
	if s.rooms > 0 {
		c.Members = s.connections / s.rooms
	}
	return c
}

func (s *settings) load() loadgen.Load {
	return loadgen.Load{Ask: s.ack, Window: s.window, Rate: s.rate, Payload: s.payload, Warm: s.warm, Measure: s.duration}
}

// silent tells whether connections are only held.
func (s *settings) silent() bool { return s.rate == 0 && s.window == 0 }
