package redisadapter

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
	"github.com/realtime-go/realtime/redisadapter/internal/nodewire"
)

// Wire is the language that nodes speak over Redis. All nodes of a cluster speak the
// same.
type Wire uint8

// NodeClassic is the language of the Node.js adapter @socket.io/redis-adapter
// (createAdapter with its default parser) and of @socket.io/redis-emitter: Go and Node.js
// nodes form one cluster. The package documentation tells what it cannot say.
const NodeClassic Wire = 1

// Native is the language of Go nodes alone (decision D33): compact, batched, sent only to
// nodes that have somebody in the rooms, and numbered, so that every loss is noticed and
// counted.
const Native Wire = 2

// Rolling speaks both, for the time in which a cluster goes from NodeClassic to Native
// (decision D34): everything goes out twice, and is heard once. Replace the nodes by ones with
// Rolling, one after the other, and when all have it by ones with Native, all with the same
// Prefix, which is "socket.io" by default. Node.js nodes and emitters must be gone before the
// first Native node comes, since they do not hear each other.
const Rolling Wire = 3

// linger is how long a node listens to a shard in which it has no rooms any more.
const linger = 30 * time.Second

// Config says how to reach Redis and how to speak. Zero fields mean the documented
// default; New copies the struct.
type Config struct {
	// Redis says where Redis is: a single server, a Redis Cluster, or, with
	// Redis.Sentinel.MasterSet, one behind Sentinel. TLS, user and password are set here
	// too. A user needs PING, HELLO, PUBLISH, SUBSCRIBE, PSUBSCRIBE, UNSUBSCRIBE,
	// PUNSUBSCRIBE and PUBSUB, in a Redis Cluster CLUSTER, and the channels &PREFIX* as well
	// as, since Redis compares patterns letter by letter, &PREFIX#NAMESPACE#* for each
	// namespace (&socket.io#/#*). With Native it is the channels &PREFIX-* and &{PREFIX:*.
	// For presence and revocations it also needs the keys ~PREFIX-presence:* and
	// ~PREFIX-revoked:* with the categories @read, @write and @scripting, and TIME; without
	// them, see Adapter.WithoutKeys.
	//
	// Fields that are zero get defaults made for this use: dialing 1 s, reading and
	// writing 2 s, buffers of 64 KiB, one connection beside those of the adapter, no
	// client-side cache. Retries are off, so that every break is seen (requirement R61).
	Redis rueidis.ClientOption

	// Client is used instead of Redis if it is set. The adapter takes connections of its
	// own from it, and does not close it. Its time limits are the client's.
	Client rueidis.Client

	Wire Wire // 0: NodeClassic

	// Prefix begins the names of all channels and keys, and must be the same on all nodes. With
	// NodeClassic it is the "key" of the Node.js adapter, "socket.io" by default, with Native
	// "realtime".
	Prefix string

	// Shards is into how many channels Native divides the rooms of a namespace: 64, at most
	// 4,096. It must be the same on all nodes; a node that has another number is logged.
	Shards int

	// ShardedPubSub lets Native use the sharded publish and subscribe of Redis 7 for the rooms, on a Redis
	// Cluster: a message goes to the master of its shard's slot alone, instead of to every node of the
	// cluster. All nodes must have it, and emitters. It costs what only one connection can keep: a message
	// to one room, and one to that room and others or to everyone, may change places. Elsewhere than on a
	// cluster it has no effect. A user needs the commands SSUBSCRIBE, SUNSUBSCRIBE and SPUBLISH too.
	ShardedPubSub bool

	// Keys sign what Native nodes say to each other (requirement R76): the first signs, all
	// are accepted, each has at least 32 bytes. To replace a key add the new one behind it
	// on all nodes, then put it first, then take the old one away. Without keys nothing is
	// signed, and what is signed is not checked. Signed are messages, answers and positions;
	// not which nodes there are. A node that can write to Redis can repeat what it has seen.
	Keys [][]byte

	// AcceptUnsigned takes unsigned messages in spite of Keys, and so makes them pointless:
	// it is meant for the time in which the nodes of a running cluster get their keys.
	AcceptUnsigned bool

	// RequestsTimeout bounds a question to other nodes whose context has no deadline: 5 s.
	RequestsTimeout time.Duration

	// PublishOnSpecificResponseChannel answers requests on a channel that only the asking
	// node listens to, instead of one that wakes every node. It may differ from node to
	// node; use it unless there are nodes with an adapter older than 8.
	PublishOnSpecificResponseChannel bool

	// PublishTimeout bounds one call to Redis: 1 s.
	PublishTimeout time.Duration

	// Heartbeat is how often the adapter publishes something to itself, to see whether
	// messages still come, and looks which other nodes are there: 2 s. What is not seen
	// three times counts as lost.
	Heartbeat time.Duration

	Limits Limits
	Logger *slog.Logger // nil: slog.Default()
}

// Limits bound what waits in memory.
type Limits struct {
	// What has come from Redis and is not worked off yet: 4,096 messages, 16 MiB; as much
	// again for answers to this node. What does not fit is dropped, and reported as a gap
	// (requirement R63).
	InboundMessages int
	InboundBytes    int64

	// What waits for Redis: 4,096 messages, 16 MiB. Publish fails with ErrQueueFull
	// beyond (decision D32).
	OutboundMessages int
	OutboundBytes    int64

	// Requests are the questions to other nodes that may be open at a time: 256
	// (requirement R75).
	Requests int
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) withDefaults() Config {
	set(&c.Wire, NodeClassic)
	if c.Wire == Native {
		set(&c.Prefix, nativewire.DefaultPrefix)
	}
	set(&c.Prefix, nodewire.DefaultPrefix)
	set(&c.RequestsTimeout, 5*time.Second)
	set(&c.PublishTimeout, time.Second)
	set(&c.Heartbeat, 2*time.Second)
	set(&c.Limits.InboundMessages, 4096)
	set(&c.Limits.InboundBytes, 16<<20)
	set(&c.Limits.OutboundMessages, 4096)
	set(&c.Limits.OutboundBytes, 16<<20)
	set(&c.Limits.Requests, 256)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Redis = redisDefaults(c.Redis)
	return c
}

// redisDefaults fills the options that are zero, and turns off what would hide a break.
func redisDefaults(o rueidis.ClientOption) rueidis.ClientOption {
	const buffer = 64 << 10
	set(&o.Dialer.Timeout, time.Second)
	set(&o.Dialer.KeepAlive, time.Second) // also how often rueidis pings an idle connection
	set(&o.ConnWriteTimeout, 2*time.Second)
	set(&o.ReadBufferEachConn, buffer)
	set(&o.WriteBufferEachConn, buffer)
	set(&o.PipelineMultiplex, -1)
	if o.Sentinel.MasterSet != "" {
		set(&o.Sentinel.Dialer.Timeout, time.Second)
		// Without it one missed event binds the client to a demoted master for ever.
		set(&o.Sentinel.TopologyRefreshInterval, 5*time.Second)
	}
	set(&o.ClusterOption.ShardsRefreshInterval, 5*time.Second)
	o.DisableRetry = true
	o.DisableCache = true
	return o
}

// Validate reports every mistake at once.
func (c Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("redisadapter: "+format, args...)) }
	if c.Client == nil && len(c.Redis.InitAddress) == 0 {
		wrong("Redis.InitAddress is empty, and there is no Client")
	}
	if c.Wire > Rolling {
		wrong("Wire %d is not known", c.Wire)
	}
	c.validateNative(wrong)
	if strings.ContainsRune(c.Prefix, '#') {
		wrong("Prefix must not contain #, which ends it on the wire")
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		wrong("Prefix must not contain braces, which choose the slot of a key")
	}
	for name, d := range map[string]time.Duration{
		"RequestsTimeout": c.RequestsTimeout, "PublishTimeout": c.PublishTimeout, "Heartbeat": c.Heartbeat,
	} {
		if d < 0 {
			wrong("%s is negative", name)
		}
	}
	if l := c.Limits; l.InboundMessages < 0 || l.InboundBytes < 0 || l.OutboundMessages < 0 || l.OutboundBytes < 0 || l.Requests < 0 {
		wrong("Limits are positive, or 0 for the default: nothing may wait without bound")
	}
	return errors.Join(errs...)
}

// validateNative reports the mistakes in what is for the wire Native.
func (c *Config) validateNative(wrong func(format string, args ...any)) {
	if c.Wire <= NodeClassic && (len(c.Keys) > 0 || c.Shards != 0 || c.AcceptUnsigned) {
		wrong("Shards, Keys and AcceptUnsigned are for the wires Native and Rolling")
	}
	if c.ShardedPubSub && c.Wire != Native {
		wrong("ShardedPubSub is for the wire Native")
	}
	if _, err := newLayout(c); err != nil {
		wrong("Shards: %w", err)
	}
	if _, err := newKeys(c); err != nil {
		wrong("Keys: %w", err)
	}
}
