package loadgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	stampSize = 19 // digits of a time in nanoseconds
	maxAsked  = 900
	busy      = 0.9                   // share of a core from which on the generator is the limit
	tardy     = 10 * time.Millisecond // lateness of one send in a hundred from which on it is, too
)

var stampMark = []byte(`"t":"`)

// message is a frame with places for the time of sending and, in a question, for its id.
type message struct {
	frame     []byte
	stamp, id int // -1: none
}

// run is one load on its way.
type run struct {
	Load
	c         *Client
	messages  []message // one for each room; one for questions
	senders   []*conn
	receivers int64 // arrivals that one message makes
	turn      int

	epoch         int64 // what was sent before is not of this load
	sent, got     int64
	due           time.Time // paced: of the next message
	measuring     bool
	from          int64 // stamps from here on are measured
	latency, late *Histogram
	second        Histogram
	sentAt, gotAt int64 // at the last tick
	misfit        int64 // arrivals without a time of sending
	given         int64 // closed loop: messages that are not waited for any more
}

// Run puts one load on the connections and measures it. An error ends the use of the client; with that of ctx the result has what was
// measured until then.
func (c *Client) Run(ctx context.Context, l Load) (Result, error) {
	if l.Payload == 0 {
		l.Payload = 100
	}
	if err := l.check(c.cfg); err != nil {
		return Result{}, err
	}
	r := &run{Load: l, c: c, latency: new(Histogram), late: new(Histogram)}
	if err := r.prepare(); err != nil {
		return Result{}, err
	}
	c.run = r
	defer func() { c.run = nil }()
	if l.Settle && !l.Ask {
		if err := r.settle(ctx); err != nil {
			return Result{}, err
		}
	}
	r.restart()
	r.due = time.Now()
	if err := r.drive(ctx, time.Now().Add(l.Warm)); err != nil {
		return Result{}, err
	}
	breaks, returns := c.away.breaks, c.away.returns
	res, err := r.measure(ctx)
	res.Breaks, res.Returns, res.Break = c.away.breaks-breaks, c.away.returns-returns, c.away.last
	if err != nil {
		return res, err
	}
	if res.Lost, err = r.drain(ctx); err == nil && r.misfit > 0 {
		err = fmt.Errorf("loadgen: %d messages without a time of sending", r.misfit)
	}
	return res, err
}

// prepare builds all frames.
func (r *run) prepare() error {
	payload := []byte(`{"t":"` + strings.Repeat("0", stampSize) + `","x":"`)
	payload = append(payload, strings.Repeat("x", max(0, r.Payload-len(payload)-2))...)
	payload = append(payload, `"}`...)
	cfg, d := r.c.cfg, r.c.cfg.Dialect
	r.senders = r.c.conns[:cfg.Conns]
	if r.Ask {
		text, id := d.Ask(nil, payload)
		r.messages, r.receivers = []message{build(text, id)}, 1
		return nil
	}
	for i := range cfg.Conns / cfg.Members {
		r.messages = append(r.messages, build(d.Say(nil, r.c.room(i), payload), -1))
	}
	r.receivers = int64(cfg.Members)
	if cfg.Publisher {
		r.senders = r.c.conns[cfg.Conns:]
	} else if !d.ToSelf() {
		r.receivers--
	}
	if r.messages[0].stamp < 0 {
		return errors.New("loadgen: the dialect hides the payload")
	}
	return nil
}

func build(text []byte, id int) message {
	m := message{frame: appendFrame(nil, opText, text), id: id}
	if id >= 0 {
		m.id += headerSize(len(text))
	}
	if m.stamp = bytes.Index(m.frame, stampMark); m.stamp >= 0 {
		m.stamp += len(stampMark)
	}
	return m
}

// restart makes everything that is on its way count for nothing.
func (r *run) restart() {
	r.epoch = stamp(time.Now())
	r.sent, r.got, r.given = 0, 0, 0
}

// send writes a message of its own, as a client that knows nothing of others does. It is false if the connection is away.
func (r *run) send(k *conn, m *message, at int64) bool {
	if k.stage != ready {
		return false
	}
	putDigits(m.frame[m.stamp:m.stamp+stampSize], at)
	if m.id >= 0 {
		putDigits(m.frame[m.id:m.id+3], int64(100+k.asked%maxAsked))
		k.asked++
	}
	k.out = append(k.out, m.frame...)
	r.sent++
	r.c.flush(k)
	return true
}

// next sends the message whose turn it is. Members of different rooms follow one another.
func (r *run) next(at int64) bool {
	i := r.turn
	r.turn++
	switch rooms := len(r.messages); {
	case r.Ask:
		return r.send(r.senders[i%len(r.senders)], &r.messages[0], at)
	case r.c.cfg.Publisher:
		return r.send(r.senders[0], &r.messages[i%rooms], at)
	default:
		members := r.c.cfg.Members
		room, member := i%rooms, i/rooms%members
		return r.send(r.senders[room*members+member], &r.messages[room], at)
	}
}

// arrived counts a message or an answer. In a closed loop of questions the next one follows at once.
func (r *run) arrived(k *conn, kind Kind, body []byte) {
	if r.Ask != (kind == Answer) {
		return
	}
	at := bytes.Index(body, stampMark) + len(stampMark)
	if at < len(stampMark) || len(body) < at+stampSize {
		r.misfit++
		return
	}
	sent := digits(body[at : at+stampSize])
	if sent < r.epoch {
		return
	}
	r.got++
	now := stamp(time.Now())
	if r.measuring && sent >= r.from {
		r.latency.Record(time.Duration(now - sent))
		if r.Tick != nil {
			r.second.Record(time.Duration(now - sent))
		}
	}
	if r.Ask && r.Rate == 0 && r.Window > 0 {
		r.send(k, &r.messages[0], now)
	}
}

// outstanding is how many messages are on their way: sent, and not arrived everywhere.
func (r *run) outstanding() int64 { return r.sent - r.got/r.receivers - r.given }

// returned lets a connection that came back go on with its questions.
func (r *run) returned(k *conn) {
	if !r.Ask || r.Rate > 0 {
		return
	}
	for range r.Window {
		r.send(k, &r.messages[0], stamp(time.Now()))
	}
}

// feed sends what the load wants now, and says how long nothing more is wanted.
func (r *run) feed() time.Duration {
	const long = time.Hour
	if r.Rate > 0 {
		interval := time.Duration(float64(time.Second) / r.Rate)
		now := time.Now()
		for ; !r.due.After(now); r.due = r.due.Add(interval) {
			if r.measuring {
				r.late.Record(now.Sub(r.due))
			}
			r.next(stamp(r.due))
		}
		return time.Until(r.due)
	}
	if r.Ask {
		if r.sent == 0 {
			now := stamp(time.Now())
			for range r.Window * len(r.senders) {
				r.next(now)
			}
		}
		return long
	}
	now := stamp(time.Now())
	for away := 0; r.outstanding() < int64(r.Window); {
		if !r.next(now) {
			if away++; away > len(r.senders) {
				return awayLook
			}
		}
	}
	return long
}

// awayLook is how often is looked whether anybody has come back, patience how long a closed loop waits for messages that broken
// connections may have lost.
const (
	awayLook     = 50 * time.Millisecond
	losePatience = time.Second
)

// drive keeps the load up until a moment.
func (r *run) drive(ctx context.Context, until time.Time) error {
	moved, last := time.Now(), r.got
	for {
		pause := r.feed()
		left := time.Until(until)
		if left <= 0 {
			return r.c.err
		}
		if err := r.c.step(ctx, min(pause, left)); err != nil {
			return err
		}
		if r.got != last || r.Rate > 0 {
			moved, last = time.Now(), r.got
		} else if r.c.cfg.Reconnect > 0 && time.Since(moved) > losePatience {
			r.given += max(r.outstanding(), 0)
			moved = time.Now()
		} else if time.Since(moved) > r.c.cfg.Patience {
			return fmt.Errorf("loadgen: nothing arrives, with %d messages on their way", r.outstanding())
		}
	}
}

var origin = time.Now()

// stamp is a moment as a number that goes with a message. It follows the monotonic clock.
func stamp(t time.Time) int64 { return int64(t.Sub(origin)) }

// putDigits fills dst with the last digits of v.
func putDigits(dst []byte, v int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = '0' + byte(v%10)
		v /= 10
	}
}

func digits(p []byte) (v int64) {
	for _, c := range p {
		v = v*10 + int64(c-'0')
	}
	return v
}
