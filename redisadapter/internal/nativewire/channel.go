package nativewire

// ChannelKind is what a channel is for. The numbers stand on the wire.
type ChannelKind uint8

// The kinds of channels.
const (
	// KindShard carries what is for rooms of one shard of a namespace.
	KindShard ChannelKind = 1
	// KindBroadcast carries what is for all nodes that serve a namespace.
	KindBroadcast ChannelKind = 2
	// KindReply carries what is for one node, of any namespace: answers, as a rule.
	KindReply ChannelKind = 3
	// KindNodes carries heartbeats, for all nodes. Nothing is numbered on it.
	KindNodes ChannelKind = 4
)

func (k ChannelKind) hasNamespace() bool { return k == KindShard || k == KindBroadcast }

// Channel is one channel on Redis; [Layout] knows its name there. Channels can be compared,
// and be keys of a map.
type Channel struct {
	Kind  ChannelKind
	Shard int    // of KindShard
	Name  string // the namespace, or the node of KindReply
}

// Broadcast is the channel of a namespace.
func Broadcast(namespace string) Channel { return Channel{Kind: KindBroadcast, Name: namespace} }

// Reply is the channel of a node.
func Reply(node string) Channel { return Channel{Kind: KindReply, Name: node} }

// Nodes is the channel of heartbeats.
func Nodes() Channel { return Channel{Kind: KindNodes} }

// Shard is the channel of a shard of a namespace.
func Shard(namespace string, shard int) Channel {
	return Channel{Kind: KindShard, Shard: shard, Name: namespace}
}

// good reports whether the channel can be written.
func (c Channel) good() bool {
	switch c.Kind {
	case KindShard:
		return c.Shard >= 0 && c.Shard < MaxShards && len(c.Name) <= MaxNamespace
	case KindBroadcast:
		return c.Shard == 0 && len(c.Name) <= MaxNamespace
	case KindReply:
		return c.Shard == 0 && c.Name != "" && len(c.Name) <= MaxNode
	case KindNodes:
		return c == Nodes()
	}
	return false
}

// numbered reports whether frames can be made for the channel.
func (c Channel) numbered() bool { return c.good() && c.Kind != KindNodes }

// appendChannel appends a numbered channel as it stands in frames and heartbeats.
func appendChannel(dst []byte, c Channel) []byte {
	dst = append(dst, byte(c.Kind))
	if c.Kind == KindShard {
		dst = appendNumber(dst, uint64(c.Shard))
	}
	return appendText(dst, c.Name)
}

// channelLen is the length of what appendChannel appends.
func channelLen(c Channel) int {
	n := 1 + textLen(len(c.Name))
	if c.Kind == KindShard {
		n += numberLen(uint64(c.Shard))
	}
	return n
}

// channel reads a numbered channel.
func (r *reader) channel() (c Channel) {
	at := r.pos
	c.Kind = ChannelKind(r.byte())
	switch c.Kind {
	case KindShard:
		c.Shard = int(r.atMost(MaxShards-1, ErrValue))
		c.Name = r.text(MaxNamespace)
	case KindBroadcast:
		c.Name = r.text(MaxNamespace)
	case KindReply:
		if c.Name = r.text(MaxNode); c.Name == "" {
			r.failAt(at, ErrValue, 0)
		}
	default:
		r.failAt(at, ErrKind, uint64(c.Kind))
	}
	return c
}
