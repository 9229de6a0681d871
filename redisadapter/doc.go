// Package redisadapter joins servers of package realtime into a cluster over Redis, with
// each other and with Socket.IO servers on Node.js.
//
//	adapter, err := redisadapter.New(redisadapter.Config{
//		Redis: rueidis.ClientOption{InitAddress: []string{"redis:6379"}},
//	})
//	// ...
//	srv, err := realtime.New(realtime.Config{Adapter: adapter})
//
// One Redis server, one behind Sentinel, or a Redis Cluster: [Config].Redis says which.
//
// Messages are published and subscribed. Keys hold who is where, under leases that end with
// their node, and which users are revoked; each has an expiry, and none holds a credential.
// Where keys may not be touched give the server [Adapter.WithoutKeys].
//
// # A Redis that fails
//
// Local clients do not notice: they are served before a message is published, and Publish
// only puts it into a queue. It fails at once when Redis has failed five times in a row
// (ErrUnavailable) or too much is waiting (ErrQueueFull). What was accepted and is lost
// later is told to the server as a gap, as is everything that may have been missed while a
// subscription was broken. A gap has a span of time; how many messages it holds is known
// only for those that this node could not send, or had no room for.
//
// Broken subscriptions come back by themselves, within a second of Redis. One that
// delivers nothing although its connection is alive is found by beats that the node
// publishes to itself, within three and a quarter heartbeats.
//
// # Go nodes alone
//
// With Config.Wire: Native nodes speak a wire of their own (decision D33), which is some times
// faster and notices more:
//
//   - Messages that wait at the same moment go out as one, and what is for rooms goes only to
//     nodes that have somebody in a room of the same shard, of which a namespace has 64.
//   - Messages are numbered, and heartbeats repeat the last numbers: each loss is a gap that names
//     the node and the namespace, and how many messages, where that can be known; a node that
//     has died is one too. A message that comes twice is dropped. Config.Heartbeat is how often
//     heartbeats go out; what was lost at the end is told within two of them and two seconds.
//   - Config.Keys sign messages and heartbeats.
//
// A node that had nobody in a room has to subscribe the room's shard when the first one comes,
// and may miss what other nodes send until then. Who is made to join by another node misses nothing:
// what that node sends to the room goes to every node for the next five seconds.
// A node that could not subscribe in three seconds is told of a gap. It ends a subscription 30 s
// after the last room of the shard has.
//
// On a Redis Cluster it uses publish and subscribe too, and sharded pub/sub only if Config.ShardedPubSub
// says so: only over one connection do messages on several channels keep their order, which an adapter promises.
// There are no Node.js nodes and no @socket.io/redis-emitter on this wire; an [Emitter] speaks it. The wire Rolling speaks both, for
// the way from one to the other while the cluster runs: everything goes out twice then.
//
// Of the channels Native needs &{PREFIX:* and &PREFIX-*; a prefix with other characters than letters, digits and "-._/" is
// escaped in the first.
//
// # Together with Node.js
//
// The wire NodeClassic is that of @socket.io/redis-adapter 8, createAdapter with its default parser, and
// of @socket.io/redis-emitter 5. Set Config.RawRooms of the servers when the Node.js servers
// use bare room names, and the same Prefix as their "key". Both kinds of node see each
// other's broadcasts, with text and binary data, acknowledgements, connections, joins,
// leaves, disconnects, server-side events and rooms.
//
// What the two kinds do not have in common:
//
//	ReconnectAll          Node.js nodes do nothing: they know no such operation, and their
//	                      disconnect would make official clients stay away
//	User.Revoke           Node.js nodes disconnect the sockets in the room "user:ID", and
//	                      remember nothing
//	SessionPolicy         Node.js nodes disconnect the connections that it gives up
//	CloseAll              is disconnectSockets(true)
//	reasons, metadata     reach Go nodes only
//	RawReply.Conn, .Node  are empty, or a made-up number, in answers of Node.js nodes, which
//	                      do not say from whom they are; acknowledgements of theirs have one argument
//	Nodes                 Node.js nodes can be counted and not named
//	Room.Len              costs them a list of ids
//	server-side events    of Node.js are JSON: a Buffer arrives as {"type":"Buffer","data":[…]}.
//	                      Of Go with binary data they are msgpack, and arrive as Buffers.
//	                      A function without result answers undefined; in Node.js a missing
//	                      listener leaves the asking node waiting
//	presence              Node.js nodes keep none: answers are marked as partial, and a user who is
//	                      online nowhere else is asked for by its room
//	handshake, data       of a Go connection, in fetchSockets: every key is there, headers, query
//	                      and auth are empty, url is "/"; data is what Conn.SetPublic has stored
//	dates, typed arrays   are encoded by Node.js: a Date arrives as ISO text, Float32Array and
//	                      its like lose what is beyond one byte an element
//	offsets               connection state recovery is not supported by the classic adapter
//
// A Node.js node counts subscribers to know how many answers to expect. Do not subscribe to
// its request channel for anything else.
//
// # Locks
//
// notices.mu, peers.mu, subscriber.mu, sharded.mu, asks.mu, interest.mu, shards.mu, native.mu, breaker.mu,
// pulse.mu: native.mu is inside of peers.mu; else none is
// held together with another, but that presence.mu is outside of the registry's and the first two may be held while something is pushed
// to a queue of workq. None is held during a call to Redis or to the handler.
package redisadapter
