package nodewire

import "strings"

// DefaultPrefix is what channels begin with unless another prefix is configured.
const DefaultPrefix = "socket.io"

// EmitterUID is the uid of every emitter; a node must not have it.
const EmitterUID = "emitter"

// Channels are the names that one namespace has on Redis. Every node listens to all of
// them, and to the response channel of its own uid.
type Channels struct {
	base, request, response string
}

// NamesOf returns the channels of a namespace, given with its slash.
func NamesOf(prefix, namespace string) Channels {
	return Channels{
		base:     prefix + "#" + namespace + "#",
		request:  prefix + "-request#" + namespace + "#",
		response: prefix + "-response#" + namespace + "#",
	}
}

// Request is the channel of requests.
func (c Channels) Request() string { return c.request }

// Responses is the channel of responses that all nodes share.
func (c Channels) Responses() string { return c.response }

// ResponsesTo is the channel of responses to one node. Node.js calls a node that told
// no uid "undefined".
func (c Channels) ResponsesTo(uid string) string {
	if uid == "" {
		uid = "undefined"
	}
	return c.response + uid + "#"
}

// Broadcast is the channel of broadcasts to rooms: its own if there is just one.
func (c Channels) Broadcast(rooms []string) string {
	if len(rooms) != 1 {
		return c.base
	}
	return c.base + rooms[0] + "#"
}

// Pattern is the pattern of all broadcast channels of the namespace. Node.js does not
// escape what the name may hold of the pattern language; this does, and so hears
// nothing of other namespaces.
func (c Channels) Pattern() string {
	return globEscaper.Replace(c.base) + "*"
}

var globEscaper = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)

// Room returns the room that a broadcast channel names, "" if none.
func (c Channels) Room(channel string) string {
	room, _ := strings.CutPrefix(channel, c.base)
	return strings.TrimSuffix(room, "#")
}

// ResponsePrefix begins all response channels of all namespaces.
func ResponsePrefix(prefix string) string { return prefix + "-response#" }

// RequestedNamespace returns the namespace of a request channel.
func RequestedNamespace(prefix, channel string) (namespace string, ok bool) {
	rest, ok := strings.CutPrefix(channel, prefix+"-request#")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "#")
}

// PatternNamespace returns the namespace of a pattern.
func PatternNamespace(prefix, pattern string) (namespace string, ok bool) {
	if strings.IndexByte(pattern, '\\') >= 0 {
		pattern = unescapeGlob(pattern)
	}
	rest, ok := strings.CutPrefix(pattern, prefix+"#")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "#*")
}

func unescapeGlob(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
