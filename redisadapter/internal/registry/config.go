package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
)

// Handler is told what happens in the cluster. realtime.AdapterHandler is one. Calls are made by goroutines of the
// registry, outside of its locks; OnNode and OnPresence each by one at a time. They must not block: the registry
// waits for them.
type Handler interface {
	OnNode(n realtime.Node, up bool)
	OnPresence(change realtime.PresenceChange, decided bool)
	OnRivals(e realtime.PresenceEntry, conns []realtime.PresenceConn)
}

// Config is what a Registry needs. Client, Self, Handler and Announce are required; zero fields mean the documented
// default.
type Config struct {
	// Client is used for commands only, and stays the caller's. A user with an ACL needs the keys that begin with
	// Prefix and the commands DEL, EVAL, EVALSHA, EXISTS, GET, HDEL, HEXISTS, HGET, HGETALL, HINCRBY, HKEYS, HLEN, HMGET,
	// HSCAN, HSET, PEXPIRE, PTTL, SADD, SET, SISMEMBER, SMEMBERS, SREM, TIME, XADD, XRANGE, XREVRANGE, ZADD, ZCARD, ZRANGE,
	// ZRANGEBYLEX, ZRANGEBYSCORE, ZREM, ZREMRANGEBYSCORE and ZSCORE.
	Client  rueidis.Client
	Prefix  string        // of all keys: "realtime"; the same on all nodes, without braces
	Self    realtime.Node // its ID is new with each process
	Handler Handler

	// Announce hands a payload to the Receive of all other nodes. What it loses comes later by itself. It may queue,
	// and must not wait for Redis.
	Announce func(ctx context.Context, payload []byte) error

	Beat      time.Duration // between two heartbeats: 2 s
	Dead      time.Duration // without a heartbeat, a node is: 10 s; the same on all nodes
	Reconcile time.Duration // between two full comparisons with Redis: 30 s
	Call      time.Duration // bounds one call to Redis: 2 s
	Keep      time.Duration // at least this long keys outlive the last node that used them: 2 min
	Questions int           // that may wait for Redis at a time: 1,024 (requirement R64)
	MaxMeta   int           // bytes that PresenceSet attaches: 4 KiB (requirement R84)

	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now; only differences are used
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) withDefaults() (Config, error) {
	set(&c.Prefix, "realtime")
	set(&c.Beat, 2*time.Second)
	set(&c.Dead, 10*time.Second)
	set(&c.Reconcile, 30*time.Second)
	set(&c.Call, 2*time.Second)
	set(&c.Keep, 2*time.Minute)
	set(&c.Questions, 1024)
	set(&c.MaxMeta, 4<<10)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("registry: "+format, args...)) }
	if c.Client == nil || c.Handler == nil || c.Announce == nil || c.Self.ID == "" {
		wrong("Client, Handler, Announce and Self.ID are required")
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		wrong("Prefix %q: braces choose the slot of a key, which the registry does itself", c.Prefix)
	}
	for name, d := range map[string]time.Duration{"Beat": c.Beat, "Reconcile": c.Reconcile, "Call": c.Call, "Keep": c.Keep} {
		if d < time.Millisecond {
			wrong("%s is %v, less than 1 ms", name, d)
		}
	}
	if c.Dead < 3*c.Beat {
		wrong("Dead is %v: at least three times Beat, or one late heartbeat is a death", c.Dead)
	}
	if c.Questions < 0 || c.MaxMeta < 0 {
		wrong("Questions and MaxMeta are positive, or 0 for the default")
	}
	return c, errors.Join(errs...)
}
