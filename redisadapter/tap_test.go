//go:build unix

package redisadapter_test

import (
	"context"
	"sync"
	"testing"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// tap reads along what is published, and publishes by hand.
type tap struct {
	t testing.TB
	c rueidis.Client

	mu       sync.Mutex // guards what follows
	messages []rueidis.PubSubMessage
}

// newTap reads along all channels of a prefix, by pattern, so that nobody counts it.
func newTap(t testing.TB, server *redistest.Server, prefix string) *tap {
	t.Helper()
	p := &tap{t: t, c: server.Client()}
	d, cancel := p.c.Dedicate()
	t.Cleanup(cancel)
	d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.messages = append(p.messages, m)
	}})
	if err := d.Do(context.Background(), d.B().Psubscribe().Pattern(prefix+"*").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	return p
}

// find waits for a message of a channel of which ok is true.
func (p *tap) find(channel string, ok func(payload string) bool) string {
	p.t.Helper()
	found := ""
	redistest.Await(p.t, "a message on "+channel, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.messages {
			if m.Channel == channel && ok(m.Message) {
				found = m.Message
				return true
			}
		}
		return false
	})
	return found
}

// take waits for a message of a channel, and forgets all that came until then.
func (p *tap) take(channel string) string {
	p.t.Helper()
	found := p.find(channel, func(string) bool { return true })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = nil
	return found
}

// publish publishes by hand, and returns how many listened.
func (p *tap) publish(channel, payload string) int64 {
	p.t.Helper()
	n, err := p.c.Do(context.Background(), p.c.B().Publish().Channel(channel).Message(payload).Build()).AsInt64()
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// subscribe listens to channels by name, as one that is counted.
func (p *tap) subscribe(hear func(channel, payload string), channels ...string) {
	p.t.Helper()
	d, cancel := p.c.Dedicate()
	p.t.Cleanup(cancel)
	d.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { hear(m.Channel, m.Message) }})
	if err := d.Do(context.Background(), d.B().Subscribe().Channel(channels...).Build()).Error(); err != nil {
		p.t.Fatal(err)
	}
}
