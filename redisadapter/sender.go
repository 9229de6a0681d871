package redisadapter

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// joinTime is how long what is for a room goes to every node after connections were made
// to join it: a node in which nobody was subscribes the room's shard meanwhile.
const joinTime = 5 * time.Second

// maxJoins bounds how many rooms are remembered for that. Beyond, everything goes to every
// node for as long.
const maxJoins = 1 << 16

// saying is a message that goes out in a frame. It is encoded once for the whole cluster: by
// who publishes it, to whom an error can still be told.
type saying struct {
	m       *realtime.Message
	op      realtime.Op // instead of m's, if set
	ask     uint64      // number of the question that it is, or answers
	to      string      // the node that alone gets it, or everyone; "" for the rooms of m
	encoded []byte

	// Set when it has been packed.
	route   []nativewire.Channel
	refused error
}

// scratch is memory for encoding.
type scratch struct {
	m    nativewire.Message
	data []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// outgoing encodes the message.
func (s *saying) outgoing() (outgoing, error) {
	const kept = 64 << 10
	x := scratches.Get().(*scratch)
	defer scratches.Put(x)
	s.fill(&x.m)
	channel := nativewire.Broadcast(s.m.Namespace) // or a shard of it, which is the same here
	if s.to != "" {
		channel = nativewire.Reply(s.to)
	}
	data, err := nativewire.AppendMessage(x.data[:0], &x.m, channel)
	x.m = nativewire.Message{}
	if x.data = data[:0]; cap(data) > kept {
		x.data = nil
	}
	if err != nil {
		return outgoing{}, fmt.Errorf("redisadapter: encode message: %w", err)
	}
	s.encoded = bytes.Clone(data)
	return outgoing{saying: s}, nil
}

// sender makes frames of what a node says. It belongs to the publisher's worker.
type sender struct {
	layout nativewire.Layout
	keys   *nativewire.Keys
	outbox *nativewire.Outbox

	// sharded: shard channels have no order among themselves and with the others, so only what is for
	// one room goes out on one.
	sharded bool

	joins  map[roomKey]time.Time // rooms that somebody was made to join, and when
	flood  time.Time             // until then everything goes to every node
	looked time.Time

	sealed []nativewire.Sealed
	beat   nativewire.Heartbeat
}

type roomKey struct{ namespace, room string }

func (s *sender) init(cfg *Config, layout nativewire.Layout, keys *nativewire.Keys, origin nativewire.Origin) (err error) {
	const beats = 5 // in which a position is repeated
	s.layout, s.keys, s.joins = layout, keys, make(map[roomKey]time.Time)
	s.outbox, err = nativewire.NewOutbox(nativewire.OutboxConfig{
		Origin: origin, Layout: layout, Keys: keys, Every: cfg.Heartbeat, Window: max(nativewire.DefaultWindow, beats*cfg.Heartbeat),
	})
	if err != nil {
		return fmt.Errorf("redisadapter: %w", err)
	}
	return nil
}

// pack makes frames of all that is queued at this moment, and puts what goes out as it is
// behind them.
func (s *sender) pack(posts []post, batch []*outgoing, now time.Time) []post {
	for _, out := range batch {
		if out.saying != nil {
			s.add(out.saying, now)
		}
	}
	s.sealed = s.outbox.Seal(s.sealed[:0], now)
	for _, f := range s.sealed {
		// A copy: after a timeout rueidis may read it while the outbox fills its memory again.
		posts = append(posts, post{channel: f.Name, payload: string(f.Frame), on: f.Channel})
	}
	for _, out := range batch {
		if out.saying != nil {
			if out.channel != "" && out.saying.refused == nil { // said on another wire too
				posts = append(posts, post{channel: out.channel, payload: rueidis.BinaryString(out.payload), on: out.saying.route[0]})
			}
			continue
		}
		payload := out.payload
		if out.late != nil {
			payload = out.late(now)
		}
		posts = append(posts, post{channel: out.channel, payload: rueidis.BinaryString(payload), of: out})
	}
	return posts
}

func (s *sender) add(out *saying, now time.Time) {
	s.address(out, now)
	if out.refused = s.outbox.Add(out.encoded, out.route...); out.refused == nil && out.m.Op == realtime.OpJoin {
		s.joined(out.m, now)
	}
}

// address finds the channels of a message. Questions go to all nodes, each of which owes an
// answer, and so does what is for rooms that were joined lately.
func (s *sender) address(out *saying, now time.Time) {
	switch {
	case out.to != "":
		out.route = []nativewire.Channel{nativewire.Reply(out.to)}
	case out.ask != 0 || now.Before(s.flood) || s.sharded && (out.m.Op != realtime.OpBroadcast || len(out.m.Rooms) != 1):
		out.route = []nativewire.Channel{nativewire.Broadcast(out.m.Namespace)}
	default:
		out.route = s.layout.Route(nil, out.m.Namespace, out.m.Rooms, func(room string) bool {
			if looksLikeConnID(room) {
				return true
			}
			at, ok := s.joins[roomKey{out.m.Namespace, room}]
			return ok && now.Sub(at) < joinTime
		})
	}
}

// joined remembers rooms that connections were made to join.
func (s *sender) joined(m *realtime.Message, now time.Time) {
	if len(s.joins)+len(m.Names) > maxJoins || now.Sub(s.looked) > joinTime {
		s.looked = now
		for key, at := range s.joins {
			if now.Sub(at) >= joinTime {
				delete(s.joins, key)
			}
		}
	}
	if len(s.joins)+len(m.Names) > maxJoins {
		s.flood = now.Add(joinTime)
		return
	}
	for _, room := range m.Names {
		s.joins[roomKey{m.Namespace, room}] = now
	}
}

// heartbeat encodes one that tells what was packed until now.
func (s *sender) heartbeat(now time.Time, last bool) []byte {
	s.outbox.Heartbeat(&s.beat, now, last)
	text, err := nativewire.AppendHeartbeat(nil, &s.beat, s.keys)
	if err != nil { // an outbox makes none that is refused; without it the others take the node for dead
		return nil
	}
	return text
}
