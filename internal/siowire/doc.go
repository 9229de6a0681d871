// Package siowire is the packet codec of Socket.IO protocol 5.
//
// It is pure: no I/O, no clock, no goroutine, no reflection. A [Decoder] turns
// text and binary messages into [Packet] values that point into those messages
// and copy nothing; the Append functions write packets. Values are the caller's
// business: arguments stay raw JSON.
//
// # Grammar
//
// A packet is one text message, followed by as many binary messages as it
// announces:
//
//	<type>[<count>-][<namespace>,][<id>][<json>]
//
// The decoder accepts what the official parser (socket.io-parser 4.2.7) accepts
// and yields the same value, except for rules that are stricter on purpose:
//
//   - the attachment count is made of digits only, 1 to a limit (requirement R25);
//   - a placeholder's number is an integer inside the announced attachments and
//     has at most 32 characters, which is checked before the attachments arrive
//     and also in values that a repeated key hides (R26);
//   - an ack id has at most 16 digits and is at most 2^53−1, and no white space
//     counts as a digit of it (R29);
//   - namespaces and event names have at most 255 bytes (R32);
//   - JSON nests at most 64 deep, 16 in CONNECT (R33, R18);
//   - an empty text and a type that is no digit are errors, where the official
//     parser sees a CONNECT.
//
// The test table named stricter lists every known case of a difference.
//
// # UTF-8
//
// The transport refuses text that is not UTF-8 (R21), so this package does not
// look at it again: bytes from 0x80 up pass through strings and namespaces. A
// lone surrogate written as an escape is valid JSON and stays as it is in raw
// arguments; where an event name is unescaped it becomes U+FFFD, since Go has no
// text for it.
package siowire
