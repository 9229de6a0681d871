package nativewire

import (
	"errors"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// What a layout has where nothing else is configured, and the bounds.
const (
	DefaultPrefix = "realtime"
	DefaultShards = 64
	DefaultSpread = 8
	MaxShards     = 4096
)

// Layout says which channels there are, what they are called and which of them a message
// goes out on. It is a value that nothing changes, and may be used concurrently. All nodes
// of a cluster need the same one; heartbeats tell the number of shards so that a node that
// has another one is noticed.
//
// # Names
//
// A channel is called
//
//	{prefix:tag}:kind:name
//
// with s, b, r or n as its kind. The only braces are the layout's, so Redis Cluster hashes
// prefix and tag and nothing else (requirement R73). The tag of a shard is its number and
// that of another channel the shard that its name would be in as a room: however many
// namespaces and nodes there are, they share as many slots as there are shards, and those
// are spread over all nodes of the Redis Cluster. In prefix and name all but letters,
// digits and "-._/" is written %XX. So names are injective, and hold nothing that is
// special in a pattern.
type Layout struct {
	prefix string // escaped
	shards int
	spread int
}

// NewLayout returns a layout. The prefix may be any text, "" included; shards is at most
// MaxShards; spread is the number of shards up to which a message for rooms in several of
// them goes out on each, and above which on the broadcast channel. Zero means the default
// for both; anything else is an error.
func NewLayout(prefix string, shards, spread int) (Layout, error) {
	if shards == 0 {
		shards = DefaultShards
	}
	if spread == 0 {
		spread = DefaultSpread
	}
	if shards < 1 || shards > MaxShards {
		return Layout{}, errors.New("nativewire: the number of shards must be from 1 to " + strconv.Itoa(MaxShards))
	}
	if spread < 1 {
		return Layout{}, errors.New("nativewire: the spread must be 1 or more")
	}
	return Layout{prefix: string(appendEscaped(nil, prefix)), shards: shards, spread: spread}, nil
}

// Shards is the number of shards of a namespace.
func (l Layout) Shards() int { return l.shards }

// ShardOf is the shard that a room belongs to. It is the same for all nodes, releases and
// namespaces. The hash is no secret: who can choose names of rooms can choose ones of the
// same shard, and so make shards useless but not wrong.
func (l Layout) ShardOf(room string) int {
	high, _ := bits.Mul64(mixed(room), uint64(l.shards))
	return int(high)
}

// Room is the channel of a room.
func (l Layout) Room(namespace, room string) Channel { return Shard(namespace, l.ShardOf(room)) }

// mixed is FNV-1a with the finish of MurmurHash3, which makes the upper bits good.
func mixed(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Route appends the channels that a message for the rooms goes out on, each once, in
// ascending order of shards: those of the rooms' shards, or the broadcast channel if the
// message is for everyone, if the shards are more than the spread, or if everywhere (which
// may be nil) says of a room that nodes do not tell whether they have it, as with a
// connection's own room.
//
// A node that listens to several of the channels gets several copies of the message, whole
// ones: see [Message].Copy.
func (l Layout) Route(dst []Channel, namespace string, rooms []string, everywhere func(room string) bool) []Channel {
	start := len(dst)
	for _, room := range rooms {
		if everywhere != nil && everywhere(room) {
			return append(dst[:start], Broadcast(namespace))
		}
		shard := l.ShardOf(room)
		at := start
		for at < len(dst) && dst[at].Shard < shard {
			at++
		}
		if at < len(dst) && dst[at].Shard == shard {
			continue
		}
		if len(dst)-start == l.spread {
			return append(dst[:start], Broadcast(namespace))
		}
		dst = slices.Insert(dst, at, Shard(namespace, shard))
	}
	if len(dst) == start {
		dst = append(dst, Broadcast(namespace))
	}
	return dst
}

// AppendName appends the name of a channel.
func (l Layout) AppendName(dst []byte, c Channel) []byte {
	tag := 0
	switch c.Kind {
	case KindShard:
		tag = c.Shard
	case KindBroadcast, KindReply:
		tag = l.ShardOf(c.Name)
	}
	dst = append(append(append(dst, '{'), l.prefix...), ':')
	dst = append(strconv.AppendInt(dst, int64(tag), 10), '}', ':', letters[c.Kind&7], ':')
	return appendEscaped(dst, c.Name)
}

// letters are the kinds as names of channels have them.
const letters = "?sbrn???"

// Name is the name of a channel.
func (l Layout) Name(c Channel) string { return string(l.AppendName(nil, c)) }

// Parse returns the channel that a name belongs to. It is false for any name that Name
// does not make.
func (l Layout) Parse(name string) (c Channel, ok bool) {
	rest, ok := strings.CutPrefix(name, "{"+l.prefix+":")
	tag, rest, ok2 := strings.Cut(rest, "}:")
	kind, escaped, ok3 := strings.Cut(rest, ":")
	if !ok || !ok2 || !ok3 || len(kind) != 1 || kind == "?" {
		return Channel{}, false
	}
	c.Kind = ChannelKind(max(strings.Index(letters, kind), 0))
	if c.Kind == KindShard {
		shard, err := strconv.Atoi(tag)
		if err != nil || shard >= l.shards {
			return Channel{}, false
		}
		c.Shard = shard
	}
	c.Name = unescape(escaped)
	if !c.good() || l.Name(c) != name { // also what is escaped without need, "+1", "01"
		return Channel{}, false
	}
	return c, true
}

func plain(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '/'
}

const hexDigits = "0123456789ABCDEF"

func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; plain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return dst
}

// unescape undoes appendEscaped; what that does not make comes out as anything.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b = append(b, byte(strings.IndexByte(hexDigits, s[i+1])<<4|strings.IndexByte(hexDigits, s[i+2])))
			i += 2
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}
