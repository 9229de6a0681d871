package redisadapter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
	"github.com/realtime-go/realtime/redisadapter/internal/nativewire"
)

// The most that goes to Redis at once (requirement R64).
const (
	maxBatch      = 1024
	maxBatchBytes = 1 << 20
)

// publisher brings messages to Redis in the order in which they come, over a connection
// of its own. Its goroutine exists only while there is something to send. A message is
// tried once: what may not have arrived is reported as a gap when Redis answers again.
type publisher struct {
	client  *client
	node    string // id of this node, for gaps
	notices *notices
	breaker breaker
	life    context.Context
	group   *workq.Group
	beacon  func() outgoing // something harmless to publish, to see whether it goes

	// sharded sends frames for shard channels by SPUBLISH, each to where its slot is.
	sharded bool

	// pack makes posts of a batch, on the worker. It says in
	// saying.refused what it cannot.
	pack func(posts []post, batch []*outgoing, now time.Time) []post

	queue  workq.Queue[*outgoing]
	worker *workq.Worker[*outgoing]
	hurry  chan struct{} // wakes the prober

	// The connection is the worker's, and the prober's while the breaker is open, when the
	// worker sends nothing. The breaker's lock hands it over.
	conn  rueidis.DedicatedClient
	posts []post // of the worker, for its memory

	sent, unsent atomic.Uint64

	mu   sync.Mutex    // guards what follows
	lost *realtime.Gap // since the last success
}

func newPublisher(life context.Context, c *client, cfg *Config, node string, n *notices, group *workq.Group) *publisher {
	p := &publisher{client: c, node: node, notices: n, life: life, group: group, pack: plain, hurry: make(chan struct{}, 1)}
	p.queue.Init(cfg.Limits.OutboundMessages, cfg.Limits.OutboundBytes)
	p.worker = workq.Drain(&p.queue, group, maxBatchBytes, p.run)
	return p
}

// send queues a message. It never waits: the error is ErrUnavailable while the breaker is
// open, ErrQueueFull, or ErrClosed, and then the message is certainly not sent and done
// is not called.
func (p *publisher) send(out outgoing) error {
	if err := p.breaker.allow(); err != nil {
		return err
	}
	out.queued = time.Now()
	switch err := p.queue.Push(out.weight(), &out); {
	case errors.Is(err, workq.ErrFull):
		return ErrQueueFull
	case err != nil:
		return ErrClosed
	}
	return nil
}

// sendWait is send that waits until Redis has the message, and returns how many receivers
// it counted.
func (p *publisher) sendWait(ctx context.Context, out outgoing) (receivers int64, err error) {
	type result struct {
		n   int64
		err error
	}
	done := make(chan result, 1)
	out.done = func(n int64, err error) { done <- result{n, err} }
	if err := p.send(out); err != nil {
		return 0, err
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// run sends a batch, on the worker.
func (p *publisher) run(batch []*outgoing) {
	for len(batch) > 0 {
		n := min(len(batch), maxBatch)
		p.flush(batch[:n])
		batch = batch[n:]
	}
}

// flush sends up to maxBatch messages with one call.
func (p *publisher) flush(batch []*outgoing) {
	if err := p.breaker.allow(); err != nil { // opened since they were queued
		p.lose(batch, err)
		return
	}
	p.posts = p.pack(p.posts[:0], batch, time.Now())
	defer func() { clear(p.posts) }()
	results, err := p.call(p.posts)
	if err != nil {
		p.lose(batch, err)
		p.fail(err)
		return
	}
	var failed map[nativewire.Channel]error // frames
	taken := 0
	for i, r := range results {
		receivers, err := r.AsInt64()
		switch post := &p.posts[i]; {
		case err == nil:
			taken++
			if post.of != nil {
				p.took(post.of, receivers)
			}
		case post.of != nil:
			p.lose([]*outgoing{post.of}, unavailable(err))
		default:
			if failed == nil {
				failed = make(map[nativewire.Channel]error)
			}
			failed[post.on] = unavailable(err)
		}
	}
	p.settle(batch, failed)
	if taken == 0 && len(results) > 0 {
		p.fail(results[0].Error())
		return
	}
	p.succeed()
}

// settle says of the messages that went out in frames what became of them.
func (p *publisher) settle(batch []*outgoing, failed map[nativewire.Channel]error) {
	for _, out := range batch {
		if out.saying == nil {
			continue
		}
		err := out.saying.refused
		for _, c := range out.saying.route {
			if err == nil {
				err = failed[c]
			}
		}
		if err != nil {
			p.lose([]*outgoing{out}, err)
			continue
		}
		p.took(out, 0)
	}
}

func (p *publisher) took(out *outgoing, receivers int64) {
	p.sent.Add(1)
	if out.done != nil {
		out.done(receivers, nil)
	}
}

// call publishes over the publisher's own connection, made now if need be. The error is one
// of the connection; those of single messages, and of slots, are in the results.
func (p *publisher) call(posts []post) ([]rueidis.RedisResult, error) {
	ctx, cancel := context.WithTimeout(p.life, p.client.timeout)
	defer cancel()
	if p.conn == nil {
		conn, err := p.client.pinned(ctx)
		if err != nil {
			return nil, unavailable(err)
		}
		p.conn = conn
	}
	var cmds, slots rueidis.Commands
	for i := range posts {
		if p.isSharded(&posts[i]) {
			slots = append(slots, p.client.B().Spublish().Channel(posts[i].channel).Message(posts[i].payload).Build())
			continue
		}
		if cmds == nil {
			cmds = make(rueidis.Commands, 0, len(posts)-i)
		}
		cmds = append(cmds, p.conn.B().Publish().Channel(posts[i].channel).Message(posts[i].payload).Build())
	}
	var results, ofSlots []rueidis.RedisResult
	if len(cmds) > 0 {
		results = p.conn.DoMulti(ctx, cmds...)
	}
	for _, r := range results {
		if err := r.NonRedisError(); err != nil {
			p.conn.Close()
			p.conn = nil
			return nil, unavailable(err)
		}
	}
	if len(slots) == 0 {
		return results, nil
	}
	ofSlots = p.client.DoMulti(ctx, slots...)
	all := make([]rueidis.RedisResult, 0, len(posts))
	for i := range posts { // in the order of the posts
		from := &results
		if p.isSharded(&posts[i]) {
			from = &ofSlots
		}
		all = append(all, (*from)[0])
		*from = (*from)[1:]
	}
	return all, nil
}

func (p *publisher) isSharded(post *post) bool {
	return p.sharded && post.of == nil && post.on.Kind == nativewire.KindShard
}

// lose notes that messages may not have arrived.
func (p *publisher) lose(batch []*outgoing, err error) {
	p.unsent.Add(uint64(len(batch)))
	p.mu.Lock()
	if p.lost == nil {
		p.lost = &realtime.Gap{Node: p.node, From: batch[0].queued}
	}
	p.lost.Count += len(batch)
	p.lost.From = earlier(p.lost.From, batch[0].queued)
	p.lost.To = time.Now()
	p.mu.Unlock()
	for _, out := range batch {
		if out.done != nil {
			out.done(0, err)
		}
	}
}

// fail counts a failure; the one that opens the breaker starts the prober.
func (p *publisher) fail(err error) {
	if p.breaker.failed(err) {
		p.notices.sending(unavailable(err))
		p.group.Go(p.probe)
	}
}

// succeed tells of what was lost before.
func (p *publisher) succeed() {
	p.breaker.succeeded()
	p.notices.sending(nil)
	p.mu.Lock()
	lost := p.lost
	p.lost = nil
	p.mu.Unlock()
	if lost != nil {
		p.notices.gap(*lost)
	}
}

// probe looks from time to time whether Redis can be used again. It is owned by the
// publisher and ends when it finds so, or with the publisher's life.
func (p *publisher) probe() {
	b := newBackoff(firstProbe, lastProbe)
	for b.wait(p.life, p.hurry) {
		out := p.beacon()
		results, err := p.call(plain(nil, []*outgoing{&out}, time.Now()))
		if err == nil && results[0].Error() == nil {
			p.succeed()
			return
		}
	}
}

// wake makes the prober look now: something says that Redis is back.
func (p *publisher) wake() {
	select {
	case p.hurry <- struct{}{}:
	default: // somebody has said so already
	}
}

// drain sends what is queued and takes no more. It gives up when ctx ends. The error tells
// what was not sent.
func (p *publisher) drain(ctx context.Context) error {
	p.queue.Close()
	done := make(chan struct{})
	p.group.Go(func() { // owned by the publisher; ends with the last batch, whose calls are bounded
		p.worker.Wait()
		close(done)
	})
	select {
	case <-done:
	case <-ctx.Done():
		n, _ := p.queue.Len()
		return fmt.Errorf("redisadapter: %d messages not sent: %w", n, context.Cause(ctx))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return fmt.Errorf("redisadapter: %d messages not sent: %w", p.lost.Count, ErrUnavailable)
	}
	return nil
}

// disconnect ends the connection. Worker and prober have ended.
func (p *publisher) disconnect() {
	if p.conn != nil {
		p.conn.Close()
	}
}
