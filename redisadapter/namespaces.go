package redisadapter

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// open subscribes a namespace and returns when Redis has confirmed it. While there is no
// connection it only notes the wish: the next one subscribes everything.
func (s *subscriber) open(ctx context.Context, namespace string, sub subscription) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	s.mu.Lock()
	_, known := s.namespaces[namespace]
	l := s.link
	s.mu.Unlock()
	if known {
		return nil
	}
	var err error
	if l != nil {
		ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
		defer cancel()
		err = l.subscribe(ctx, sub)
		var refused *rueidis.RedisError
		if errors.As(err, &refused) { // by an ACL, say: the next link would meet the same
			return err
		}
		if err != nil {
			l.fail(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.namespaces[namespace] = sub
	s.change()
	return err
}

// leave unsubscribes a namespace.
func (s *subscriber) leave(ctx context.Context, namespace string) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	s.mu.Lock()
	sub, known := s.namespaces[namespace]
	l := s.link
	s.mu.Unlock()
	s.drop(sub.channels)
	s.forget(namespace)
	if !known || l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	err := l.unsubscribe(ctx, sub)
	if err != nil {
		l.fail(err)
	}
	return err
}

func (s *subscriber) forget(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.namespaces, namespace)
	s.change()
}

// leaveAll unsubscribes everything, so that no other node counts on this one.
func (s *subscriber) leaveAll(ctx context.Context) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.release()
	all := s.everything()
	s.mu.Lock()
	l := s.link
	s.namespaces, s.base, s.more, s.left = map[string]subscription{}, subscription{}, nil, true
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	return l.unsubscribe(ctx, all)
}

// hears is nil if what belongs to a namespace arrives. A namespace that is being opened
// is waited for, for a moment: the server opens namespaces in the background.
func (s *subscriber) hears(ctx context.Context, namespace string) error {
	const moment = time.Second
	timer := time.NewTimer(moment)
	defer timer.Stop()
	for {
		s.mu.Lock()
		_, open := s.namespaces[namespace]
		up, changed := s.link != nil, s.changed
		s.mu.Unlock()
		switch {
		case !up:
			return unavailable(errDropped)
		case open:
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return ErrNamespaceClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// names returns the namespaces that are open.
func (s *subscriber) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.namespaces))
	for name := range s.namespaces {
		list = append(list, name)
	}
	return list
}
