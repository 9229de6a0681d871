package nativewire

import "time"

// DefaultLinger is how long a shard is listened to that has no rooms any more.
const DefaultLinger = 30 * time.Second

// Interest is which shards of a namespace a node has to listen to: those in which it has
// rooms, and for a while those in which it had some. So a room that opens and closes all
// the time costs a subscription once, and a subscription that ends has lasted at least the
// linger.
//
// What it decides is to be done in the order of the decisions. It must not be used
// concurrently.
type Interest struct {
	layout    Layout
	namespace string
	linger    time.Duration
	shards    []shardInterest
	lingering int
}

type shardInterest struct {
	rooms int
	on    bool      // listened to, or about to be
	empty time.Time // when the last room closed, while it lingers
}

// NewInterest returns one without rooms. A linger of zero is DefaultLinger, a negative one
// none.
func NewInterest(layout Layout, namespace string, linger time.Duration) *Interest {
	if linger == 0 {
		linger = DefaultLinger
	}
	return &Interest{layout: layout, namespace: namespace, linger: max(linger, 0), shards: make([]shardInterest, layout.shards)}
}

// Open counts a room that has members now. If it returns true, the channel is to be
// subscribed to.
func (i *Interest) Open(room string) (c Channel, subscribe bool) {
	n := i.layout.ShardOf(room)
	s := &i.shards[n]
	s.rooms++
	c = Shard(i.namespace, n)
	if !s.on {
		s.on = true
		return c, true
	}
	if s.rooms == 1 {
		i.lingering--
	}
	return c, false
}

// Close counts a room that has no members any more; each call belongs to one of Open
// before it. One too many has no effect.
func (i *Interest) Close(room string, now time.Time) {
	s := &i.shards[i.layout.ShardOf(room)]
	if s.rooms == 0 {
		return
	}
	if s.rooms--; s.rooms == 0 {
		s.empty = now
		i.lingering++
	}
}

// Due appends the channels whose subscription is to be ended now.
func (i *Interest) Due(dst []Channel, now time.Time) []Channel {
	if i.lingering == 0 {
		return dst
	}
	for n := range i.shards {
		s := &i.shards[n]
		if s.on && s.rooms == 0 && now.Sub(s.empty) >= i.linger {
			s.on = false
			i.lingering--
			dst = append(dst, Shard(i.namespace, n))
		}
	}
	return dst
}

// Next is when Due will have something; ok is false if nothing lingers.
func (i *Interest) Next() (at time.Time, ok bool) {
	if i.lingering == 0 {
		return time.Time{}, false
	}
	for n := range i.shards {
		s := &i.shards[n]
		if s.on && s.rooms == 0 && (!ok || s.empty.Add(i.linger).Before(at)) {
			at, ok = s.empty.Add(i.linger), true
		}
	}
	return at, ok
}

// Again appends the channels that are to be subscribed to on a new connection, the old one
// and its subscriptions being gone. What lingered is not among them: it ends here.
func (i *Interest) Again(dst []Channel) []Channel {
	for n := range i.shards {
		s := &i.shards[n]
		if s.on && s.rooms == 0 {
			s.on = false
		}
		if s.on {
			dst = append(dst, Shard(i.namespace, n))
		}
	}
	i.lingering = 0
	return dst
}

// Rooms is the number of rooms in a shard.
func (i *Interest) Rooms(shard int) int { return i.shards[shard].rooms }
