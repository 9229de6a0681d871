package nativewire

import "time"

// epochRandom is how many bits of an epoch are random.
const epochRandom = 20

// NewEpoch makes an epoch for a node that starts now. A later start has a greater epoch, as
// far as the clock can be trusted to a millisecond; random bits tell two of one millisecond
// apart.
func NewEpoch(now time.Time, random uint64) uint64 {
	return max(uint64(max(now.UnixMilli(), 0)), 1)<<epochRandom | random&(1<<epochRandom-1)
}

// streams numbers what one epoch publishes.
type streams struct {
	every, window, retain time.Duration
	quiet                 int

	byChannel map[Channel]*stream
	list      []*stream // in order of their numbers
	cursor    int       // of the list, where the next quiet ones are taken from
	made      uint64
	published uint64
	beat      uint64
}

// stream is the messages on one channel, as the sender knows them.
type stream struct {
	channel Channel
	name    string // of the channel on Redis
	number  uint64
	last    uint64    // number of the last message
	at      time.Time // when it went out
	open    int       // index of the frame of the present batch that takes more, or −1
}

// of returns the stream of a channel.
func (s *streams) of(c Channel, layout *Layout) *stream {
	st := s.byChannel[c]
	if st == nil {
		if s.byChannel == nil {
			s.byChannel = make(map[Channel]*stream)
		}
		s.made++
		st = &stream{channel: c, name: layout.Name(c), number: s.made, open: -1}
		s.byChannel[c] = st
		s.list = append(s.list, st)
	}
	return st
}

// forget drops the streams that have been quiet for the time of retain.
func (s *streams) forget(now time.Time) {
	before, kept := s.cursor, s.list[:0]
	for i, st := range s.list {
		if st.last > 0 && now.Sub(st.at) < s.retain {
			kept = append(kept, st)
			continue
		}
		delete(s.byChannel, st.channel)
		if i < before {
			s.cursor--
		}
	}
	clear(s.list[len(kept):])
	s.list = kept
}

// positions fills a heartbeat: with what was published in the window, and with the next of
// the others. If that is too much for one heartbeat there is no window, and all streams
// take turns.
func (s *streams) positions(h *Heartbeat, now time.Time) {
	recent := 0
	for _, st := range s.list {
		if now.Sub(st.at) <= s.window {
			recent++
		}
	}
	most, window := s.quiet, s.window
	if recent+s.quiet > MaxPositions {
		most, window = MaxPositions, -1
	}
	h.Window, h.Cycle = max(window, 0), max(1, (len(s.list)+most-1)/most)
	add := func(st *stream) {
		h.Positions = append(h.Positions, Position{Channel: st.channel, Stream: st.number, Last: st.last, Age: now.Sub(st.at)})
	}
	for _, st := range s.list {
		if now.Sub(st.at) <= window {
			add(st)
		}
	}
	walked := 0
	for taken := 0; walked < len(s.list) && taken < most; walked++ {
		if st := s.list[(s.cursor+walked)%len(s.list)]; now.Sub(st.at) > window {
			add(st)
			taken++
		}
	}
	if len(s.list) > 0 {
		s.cursor = (s.cursor + walked) % len(s.list)
	}
}

// heartbeat makes the next one.
func (s *streams) heartbeat(h *Heartbeat, now time.Time) {
	s.forget(now)
	s.beat++
	*h = Heartbeat{
		Beat: s.beat, Every: s.every, Streams: uint64(len(s.list)), Messages: s.published, Positions: h.Positions[:0],
	}
	s.positions(h, now)
}
