package redisadapter

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// adjust makes the channels beside those of the namespaces be what want returns for the
// open namespaces, and returns when Redis has confirmed it. While there is no connection
// the wish is only noted: the next one subscribes everything.
func (s *subscriber) adjust(ctx context.Context, want func(namespaces []string) map[string]struct{}) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	l, add, gone := s.difference(want(s.names()))
	s.drop(gone)
	s.note(nil, gone)
	if l == nil {
		s.note(add, nil)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	err := l.subscribe(ctx, subscription{channels: add})
	var refused *rueidis.RedisError
	if errors.As(err, &refused) { // by an ACL, say: the next link would meet the same
		return err
	}
	s.note(add, nil)
	if err == nil {
		err = l.unsubscribe(ctx, subscription{channels: gone})
	}
	if err != nil {
		l.fail(err)
	}
	return err
}

// difference returns what has to change, and the link on which, nil if there is none.
func (s *subscriber) difference(want map[string]struct{}) (l *link, add, gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return nil, nil, nil
	}
	for channel := range want {
		if _, have := s.more[channel]; !have {
			add = append(add, channel)
		}
	}
	for channel := range s.more {
		if _, wanted := want[channel]; !wanted {
			gone = append(gone, channel)
		}
	}
	return s.link, add, gone
}

func (s *subscriber) note(add, gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, channel := range gone {
		delete(s.more, channel)
	}
	for _, channel := range add {
		s.more[channel] = struct{}{}
	}
}

// drop tells that nothing is expected on channels any more. The caller has the turn.
func (s *subscriber) drop(channels []string) {
	if s.dropped == nil {
		return
	}
	for _, channel := range channels {
		s.dropped(channel)
	}
}
