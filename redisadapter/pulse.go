package redisadapter

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxUnseen beats that Redis took and did not deliver mean that the subscription is dead
// although its connection is alive (requirement R68).
const maxUnseen = 3

// pulse is what a node publishes to itself. That a beat comes back proves that everything
// before it has come. All methods may be called concurrently.
type pulse struct {
	channel string
	alone   bool // one server has all subscribers, so its counts can be believed

	mu      sync.Mutex // guards what follows
	sent    int        // number of the last beat
	seen    int        // number of the last one that came back
	first   int        // number of the first one that counts
	unseen  int        // how many Redis took since the last that came back
	unheard bool       // Redis took one and had no receiver for it
	times   [16]time.Time
	proof   time.Time // when the last one that came back was sent
}

// restart begins anew, with a subscription of which is known that it is good at this time.
func (p *pulse) restart(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first, p.unseen, p.unheard, p.proof = p.sent+1, 0, false, now
}

// beat makes the next beat.
func (p *pulse) beat(now time.Time) outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	n := p.sent
	p.times[n%len(p.times)] = now
	return outgoing{
		channel: p.channel, payload: strconv.AppendInt([]byte(beatPrefix), int64(n), 10),
		done: func(receivers int64, err error) { p.took(n, receivers, err) },
	}
}

const beatPrefix = "beat "

func (p *pulse) took(n int, receivers int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || n < p.first || n <= p.seen { // not sent, of an earlier subscription, or back already
		return
	}
	p.unseen++
	p.unheard = p.alone && receivers == 0
}

// saw notes a beat that came back. It is false if the payload is none.
func (p *pulse) saw(payload string) bool {
	number, ok := strings.CutPrefix(payload, beatPrefix)
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > p.seen && n >= p.first && n <= p.sent {
		p.seen, p.unseen = n, 0
		if p.sent-n < len(p.times) { // else its time is forgotten
			p.proof = p.times[n%len(p.times)]
		}
	}
	return true
}

// check returns why the subscription must be dead, if it must.
func (p *pulse) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.unheard:
		return errNoReceiver
	case p.unseen >= maxUnseen:
		return errSilent
	}
	return nil
}

// alive returns the last time of which is known that the subscription was good.
func (p *pulse) alive() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proof
}
