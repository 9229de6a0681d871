// Package payload turns Go values into the arguments of Socket.IO events and
// acks, and arguments back into Go values. It knows nothing of packets: the
// arguments of a packet come as raw JSON (an [Args]) next to its attachments,
// and [AppendArgs] gives the same two things for a packet to be sent.
//
// # Binary values
//
// What travels as an attachment (Socket.IO protocol 5, "Binary"):
//
//   - a [Binary] anywhere in an argument: in fields, slices, maps, behind
//     pointers and in interfaces;
//   - an argument that is itself a plain []byte.
//
// A plain []byte deeper inside stays what encoding/json makes of it, a base64
// string, because most structs with such fields were written for JSON and their
// clients expect the text. So does everything inside a value that has a
// MarshalJSON or MarshalText method: what such a method writes is its own
// business. A nil Binary is null, an empty one is an attachment of length 0.
//
// Nothing that is encoded or decoded is searched for magic text. When sending,
// the value and the JSON that encoding/json made of it are walked side by side,
// and a placeholder is put exactly where the value holds a Binary. When
// receiving, a placeholder object is recognised where the destination is a
// Binary or an interface, and only in a packet that has attachments: in other
// packets an object that looks like one is plain data. What is known about a
// type is worked out once and cached; types that cannot hold a Binary cost
// nothing.
//
// With a codec other than [JSON], only whole arguments can be binary.
//
// # Numbers
//
// Numbers keep their precision in destinations that have it: integers, [json.Number],
// [json.RawMessage]. In an interface they become float64, as encoding/json does it.
package payload
