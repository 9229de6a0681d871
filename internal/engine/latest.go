package engine

import "sync"

// latest is what a session knows of the messages in its queue that newer ones may
// replace. It is made with the first such message. The queue holds a place for
// each key, which is a Message of its own, and the place holds the newest message:
// it keeps its turn, so a state that changes all the time is never put off.
type latest struct {
	mu     sync.Mutex // outside of the queue's lock
	places map[string]*Message
}

// placed is what a message with a key, and a place, have besides.
type placed struct {
	key     string
	current *Message // of a place, guarded by latest.mu; nil once taken, or given up
	weight  int      // of a place in the queue
}

// SetKey makes newer messages with the same key take this one's place in the queue
// of a session as long as it waits there. It must be called before the message is
// sent.
func (m *Message) SetKey(key string) { m.placed = &placed{key: key} }

// sendLatest is Send for a message with a key.
func (s *Session) sendLatest(m *Message) error {
	l := s.latestOnce()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.ended.Load() {
		return ErrClosed
	}
	key := m.placed.key
	place := l.places[key]
	s.srv.budget.hold(m)
	if place != nil {
		p := place.placed
		old := p.current
		defer s.srv.budget.release(old)
		if len(m.frames) <= p.weight {
			p.current = m
			return nil
		}
		// The queue counts less for the place than the message weighs: it goes to
		// the end, and nobody takes the place.
		p.current = nil
		delete(l.places, key)
	}
	place = &Message{kind: placeMessage, placed: &placed{key: key, current: m, weight: len(m.frames)}}
	if err := s.push(place, len(m.frames)); err != nil {
		s.srv.budget.release(m)
		return err
	}
	l.places[key] = place
	return nil
}

// latestOnce makes the table when it is first needed.
func (s *Session) latestOnce() *latest {
	if l := s.latest.Load(); l != nil {
		return l
	}
	s.latest.CompareAndSwap(nil, &latest{places: make(map[string]*Message)})
	return s.latest.Load()
}

// claim replaces the places in a batch that has left the queue by the messages in
// them, in place; those that were given up are left out.
func (s *Session) claim(batch []*Message) []*Message {
	l := s.latest.Load()
	if l == nil {
		return batch
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := batch[:0]
	for _, m := range batch {
		if m.kind == placeMessage {
			m = l.take(m)
		}
		if m != nil {
			kept = append(kept, m)
		}
	}
	return kept
}

// take empties a place. The lock is held.
func (l *latest) take(place *Message) *Message {
	p := place.placed
	m := p.current
	p.current = nil
	if l.places[p.key] == place {
		delete(l.places, p.key)
	}
	return m
}

// take takes a batch from the queue. It is empty only if the queue is.
func (s *Session) take(maxWeight int) []*Message {
	for {
		batch := s.queue.Take(nil, maxWeight)
		if len(batch) == 0 {
			return nil
		}
		if batch = s.claim(batch); len(batch) > 0 {
			return batch
		}
	}
}

// discard drops what is queued.
func (s *Session) discard() {
	s.queue.DiscardFunc(func(m *Message) {
		for _, m := range s.claim([]*Message{m}) {
			s.srv.budget.release(m)
		}
	})
}
