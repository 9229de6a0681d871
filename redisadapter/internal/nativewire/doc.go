// Package nativewire is the second wire between Go nodes over Redis (decision D33): what
// stands in a publish, on which channel it goes out, and how a node knows that it has
// missed something.
//
// It is pure: no I/O, no clock, no goroutine, no reflection. Where time matters it is a
// parameter. It imports nothing of the library; whoever uses it maps its structs.
//
// # Parts
//
//   - [Message] is what one node says to others. [Frame] is one publish: several messages
//     for one [Channel], numbered. [Heartbeat] repeats the last numbers, so that a loss at
//     the end is noticed too. [Keys] sign all of it.
//   - [Layout] says which channels there are, what they are called, and on which of them a
//     message for given rooms goes out.
//   - [Outbox] is the sending side: it batches messages into frames and numbers them.
//   - [Interest] is which shards to listen to, [Tracker] what was lost on them.
//
// # Format
//
// A number is an unsigned varint in its shortest form, a signed one is zigzag. A text is a
// number of bytes and the bytes. A record is a number of bytes and the fields in them.
//
//	publish   = "R" version kind [record head] messages… [mac]
//	version   = major<<4 | minor                     one byte
//	kind      = 1 frame, 2 heartbeat; | 0x80 signed  one byte
//	frame     = epoch(8, big-endian) node channel stream seq age count
//	heartbeat = epoch(8, big-endian) node beat flags shards every window cycle streams
//	            messages, then a record for each position
//	position  = channel stream last age
//	channel   = 1 shard namespace | 2 namespace | 3 node
//	message   = record: op, then fields
//	field     = tag, number of bytes, value          tags ascend
//	mac       = HMAC-SHA256, 32 bytes
//
// A node's name stands in the head and holds for all messages of the frame, and so does
// the namespace of the channel. Fields without a value are left out, so there is one
// encoding of a message, with one exception: an empty slice or map is the same as nil.
//
// # Versions
//
// Another major version is refused with ErrVersion, an operation that is not known with
// ErrOp, and both say which. A newer minor version may put more at the end of a record,
// and that is skipped: what is decoded then encodes to less than what came. In a publish
// of our own minor version nothing is skipped: what is not known there is an error. So
// old and new nodes understand each other while a cluster is being replaced.
//
// # Untrusted
//
// What comes from Redis is untrusted (requirement R74): a publish has at most [MaxSize]
// bytes, lists have bounds, and a number of bytes is believed only as far as there are
// bytes. What must be UTF-8 is checked: the payload, since a client closes its link over
// text that is not, and what goes into logs. Names (rooms, users, namespaces, ids) are any
// bytes. The payload's JSON is not looked at: the server checks it like a client's packet.
package nativewire
