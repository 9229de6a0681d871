package redisadapter

import (
	"slices"
	"strings"

	"github.com/realtime-go/realtime"
)

// rolling is the wire Rolling: both others at once (decision D34). What it says on the
// classic one bears a mark by which nodes that hear both know that it comes on the native
// one too, and drop it. So each message is heard once, whatever is known of its node.
type rolling struct {
	classic *classic
	native  *native
}

func newRolling(n *node, w *native) *rolling {
	c := newClassic(n)
	c.both = true
	return &rolling{classic: c, native: w}
}

// isNative reports whether a channel is of the native wire: a Prefix has no brace.
func isNative(channel string) bool { return strings.HasPrefix(channel, "{") }

// rollers is a channel by which nodes are counted that are heard on both wires.
func (r *rolling) rollers(namespace string) string {
	return r.native.n.cfg.Prefix + "-rolling#" + namespace + "#"
}

func (r *rolling) subscription(namespace string) subscription {
	c, w := r.classic.subscription(namespace), r.native.subscription(namespace)
	return subscription{channels: append(slices.Concat(c.channels, w.channels), r.rollers(namespace)), patterns: c.patterns}
}

func (r *rolling) isAnswer(channel string) bool {
	return r.native.isAnswer(channel) || r.classic.isAnswer(channel)
}

func (r *rolling) isEcho(in *incoming) bool {
	if isNative(in.channel) {
		return r.native.isEcho(in)
	}
	return r.classic.isEcho(in)
}

func (r *rolling) message(m *realtime.Message) (outgoing, error) {
	w, err := r.native.message(m)
	if err != nil {
		return outgoing{}, err
	}
	c, err := r.classic.message(m)
	return joined(w, c), err
}

// newID makes one that both wires can write.
func (r *rolling) newID() string { return r.native.newID() }

func (r *rolling) question(m *realtime.Message, id string) (outgoing, error) {
	w, err := r.native.question(m, id)
	if err != nil {
		return outgoing{}, err
	}
	c, err := r.classic.question(m, id)
	return joined(w, c), err
}

// joined is a message in both forms.
func joined(native, classic outgoing) outgoing {
	native.channel, native.payload = classic.channel, classic.payload
	return native
}

func (r *rolling) audience(namespace string) audience {
	return audience{
		heard: slices.Concat(r.classic.audience(namespace).heard, r.native.audience(namespace).heard),
		twice: []string{r.rollers(namespace)},
	}
}

func (r *rolling) nameless() bool { return r.classic.nameless() }

func (r *rolling) receive(in incoming) error {
	if isNative(in.channel) {
		return r.native.receive(in)
	}
	return r.classic.receive(in)
}

func (r *rolling) answer(in incoming) error {
	if isNative(in.channel) {
		return r.native.answer(in)
	}
	return r.classic.answer(in)
}
