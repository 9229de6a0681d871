package payload

import (
	"bytes"

	"github.com/realtime-go/realtime/internal/siowire"
)

// onlyOwnPlaceholders tells whether the arguments in text, each with a comma in
// front, hold as many placeholders as were put there on purpose. The protocol
// has no way to escape an object of data that looks like one: in a packet with
// attachments every peer would replace it by an attachment, and an official
// client to which its number means nothing ends the connection. Such data often
// comes from another client, so it must not get that far.
func onlyOwnPlaceholders(text []byte, own int) bool {
	if bytes.Count(text, []byte("_placeholder")) == own && !bytes.Contains(text, []byte(`\u00`)) {
		return true // no other object can have the key
	}
	c := placeholderCount{b: text}
	for i := 0; i < len(text); {
		i = c.value(i + 1)
	}
	return c.n == own
}

// placeholderCount counts the objects that a peer would take for placeholders,
// those inside of others included. b is JSON, perhaps with white space from a custom codec; on anything
// else the walk ends too. One pass, and recursion as deep as the JSON nests.
type placeholderCount struct {
	b []byte
	n int
}

// value counts in the JSON value at or after b[i] and returns the index of the
// first byte after it that is not white space.
func (c *placeholderCount) value(i int) int {
	i = c.space(i)
	switch {
	case i == len(c.b):
		return i
	case c.b[i] == '{':
		i = c.object(i)
	case c.b[i] == '[':
		i = c.array(i)
	default:
		i = siowire.SkipValue(c.b, i)
	}
	return c.space(min(i, len(c.b)))
}

// array counts in the array that opens at b[i].
func (c *placeholderCount) array(i int) int {
	for i = c.space(i + 1); i < len(c.b) && c.b[i] != ']'; {
		next := i
		if c.b[i] == ',' {
			next++
		}
		if next = c.value(next); next == i {
			return len(c.b) // not JSON
		}
		i = next
	}
	return i + 1
}

// object counts in the object that opens at b[i].
func (c *placeholderCount) object(i int) int {
	marked := false
	for i = c.space(i + 1); i < len(c.b) && c.b[i] != '}'; {
		if c.b[i] == ',' {
			i = c.space(i + 1)
		}
		end := siowire.SkipValue(c.b, i)
		if end-1 <= i {
			return len(c.b) // not JSON
		}
		own := sameKey(c.b[i+1:end-1], "_placeholder")
		start := c.space(min(c.space(end)+1, len(c.b))) // behind the colon
		i = c.value(start)
		if own {
			marked = bytes.HasPrefix(c.b[start:], []byte("true"))
		}
	}
	if marked {
		c.n++
	}
	return i + 1
}

// space returns the index of the first byte from i on that is not white space.
func (c *placeholderCount) space(i int) int {
	for i < len(c.b) && (c.b[i] == ' ' || c.b[i] == '\n' || c.b[i] == '\t' || c.b[i] == '\r') {
		i++
	}
	return i
}
