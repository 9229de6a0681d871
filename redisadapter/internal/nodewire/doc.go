// Package nodewire is the codec of what the Redis adapters of the Node.js server
// put on Redis: @socket.io/redis-adapter 8 in its classic mode, and
// @socket.io/redis-emitter 5.
//
// It is pure: no I/O, no clock, no goroutine, no reflection. Broadcasts are
// msgpack, requests and responses JSON or msgpack, told apart by their first byte.
// The structs hold the payload of a packet as this library has it, a JSON array
// with a placeholder for each attachment; the codec translates between that and
// msgpack, where binary values stand in place, without going through Go values, so
// that the order of keys and large integers survive (decision D36).
//
// # What is read
//
// Everything that comes from Redis is untrusted (requirement R74). A message has at
// most [MaxSize] bytes, nests at most [MaxDepth] deep and holds at most
// [MaxAttachments] binary values. A length is believed only as far as there are
// bytes behind it, so an array that claims four thousand million elements costs
// nothing. Of msgpack's extension types −1 (a point in time) and 0 (what older codecs
// wrote) are read and all others refused (decision D30).
//
// # What is written
//
// Bytes as notepack.io 3 writes them, including the order of keys, so that captured
// messages serve as tests. Two things are written better on purpose: integers beyond
// 64 bits become floats where notepack cuts them, and a lone surrogate becomes
// U+FFFD.
//
// # Note
//
// A message may bear a note, JSON under the key [NoteKey] (in a broadcast: a fourth
// element), with what this library's messages say beyond the format. The Node.js
// server does not look at it.
package nodewire
