package nativewire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var start = time.Unix(1795380910, 0)

func outbox(t testing.TB, cfg OutboxConfig) *Outbox {
	t.Helper()
	if cfg.Origin.Node == "" {
		cfg.Origin = origin
	}
	o, err := NewOutbox(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// text is a message that can be told from others.
func text(i int) *Message {
	return &Message{Op: OpBroadcast, Namespace: "/", Data: fmt.Appendf(nil, `["n",%d]`, i)}
}

func add(t testing.TB, o *Outbox, m *Message, channels ...Channel) {
	t.Helper()
	if err := addTo(o, m, channels...); err != nil {
		t.Fatal(err)
	}
}

// addTo encodes a message and adds it.
func addTo(o *Outbox, m *Message, channels ...Channel) error {
	channel := Broadcast(m.Namespace)
	if len(channels) > 0 {
		channel = channels[0]
	}
	message, err := AppendMessage(nil, m, channel)
	if err != nil {
		return err
	}
	return o.Add(message, channels...)
}

// fillingMessage is one that fills its limit, so that the number of the copies has no place.
func fillingMessage() *Message {
	m := &Message{Op: OpBroadcast, Namespace: "/", Attachments: [][]byte{nil}}
	spare := func() int {
		encoded, err := AppendMessage(nil, m, Broadcast("/"))
		if err != nil {
			panic(err)
		}
		return MaxMessage - len(encoded)
	}
	for spare() > 0 {
		m.Attachments[0] = append(m.Attachments[0], make([]byte, max(1, spare()-16))...)
	}
	return m
}

// TestOutboxBatches: messages for a channel share a frame, numbers and ages go on.
func TestOutboxBatches(t *testing.T) {
	o := outbox(t, OutboxConfig{})
	a, b := Shard("/", 1), Shard("/", 2)
	var got []string
	for round := range 3 {
		for i := range 4 {
			add(t, o, text(i), []Channel{a, b}[i%2])
		}
		add(t, o, &Message{Op: OpAnswer}, Reply("b"))
		for _, s := range o.Seal(nil, start.Add(time.Duration(round)*time.Second)) {
			h, messages, err := read(string(s.Frame), s.Channel, nil)
			if err != nil || len(messages) != s.Messages || h.Origin != origin {
				t.Fatal(h, len(messages), err)
			}
			got = append(got, fmt.Sprintf("%s stream %d seq %d+%d age %v", s.Name, h.Stream, h.Seq, s.Messages, h.Age))
		}
		if again := o.Seal(nil, start); len(again) != 0 {
			t.Errorf("sealed twice: %+v", again)
		}
	}
	same(t, []string{
		"{realtime:1}:s:/ stream 1 seq 1+2 age 0s", "{realtime:2}:s:/ stream 2 seq 1+2 age 0s", "{realtime:27}:r:b stream 3 seq 1+1 age 0s",
		"{realtime:1}:s:/ stream 1 seq 3+2 age 1s", "{realtime:2}:s:/ stream 2 seq 3+2 age 1s", "{realtime:27}:r:b stream 3 seq 2+1 age 1s",
		"{realtime:1}:s:/ stream 1 seq 5+2 age 1s", "{realtime:2}:s:/ stream 2 seq 5+2 age 1s", "{realtime:27}:r:b stream 3 seq 3+1 age 1s",
	}, got)
}

// TestOutboxBounds: frames end at a number of messages and of bytes; a message that is
// larger goes alone.
func TestOutboxBounds(t *testing.T) {
	o := outbox(t, OutboxConfig{})
	count := func() (counts []int) {
		for _, s := range o.Seal(nil, start) {
			if len(s.Frame) > MaxSize {
				t.Errorf("%d bytes", len(s.Frame))
			}
			counts = append(counts, s.Messages)
		}
		return counts
	}
	for i := range 2*fillMessages + 1 {
		add(t, o, text(i), lobbyRoot)
	}
	same(t, []int{fillMessages, fillMessages, 1}, count())
	big := text(0)
	big.Data = []byte(strings.Repeat("x", fillBytes/2))
	for range 3 {
		add(t, o, big, lobbyRoot)
	}
	big.Data = []byte(strings.Repeat("x", MaxMessage-10))
	add(t, o, big, lobbyRoot)
	add(t, o, text(0), lobbyRoot)
	same(t, []int{1, 1, 1, 1, 1}, count())
	add(t, o, text(0), lobbyRoot)
	if c := cap(o.frames[:4][3].body); c > keptBuffer {
		t.Errorf("%d bytes of an earlier batch are kept", c)
	}
}

var lobbyRoot = Shard("/", 17)

// TestOutboxRefuses: what cannot be sent has no effect, on numbers in particular.
func TestOutboxRefuses(t *testing.T) {
	o := outbox(t, OutboxConfig{})
	for name, c := range map[string]struct {
		m        *Message
		channels []Channel
		want     error
	}{
		"no channel":     {text(0), nil, ErrChannel},
		"nodes":          {text(0), []Channel{Nodes()}, ErrValue},
		"bad channel":    {text(0), []Channel{{}}, ErrValue},
		"two namespaces": {text(0), []Channel{Shard("/", 1), Shard("/a", 2)}, ErrChannel},
		"two kinds":      {text(0), []Channel{Shard("/", 1), Broadcast("/")}, ErrChannel},
		"broadcast, too": {text(0), []Channel{Broadcast("/"), Shard("/", 1)}, ErrChannel},
		"namespace":      {text(0), []Channel{Broadcast("/a")}, ErrChannel},
		"operation":      {&Message{Namespace: "/"}, []Channel{Broadcast("/")}, ErrOp},
		"no room left":   {fillingMessage(), []Channel{Shard("/", 1), Shard("/", 2)}, ErrSize},
	} {
		if err := addTo(o, c.m, c.channels...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	m := text(0)
	add(t, o, m, Shard("/", 1), Shard("/", 2))
	sealed := o.Seal(nil, start)
	if len(sealed) != 2 || o.copies != 1 || o.streams.published != 2 {
		t.Errorf("%d frames, %d copies, %d published", len(sealed), o.copies, o.streams.published)
	}
	for _, origin := range []Origin{{}, {Node: "a"}, {Epoch: 1}, {Node: strings.Repeat("n", MaxNode+1), Epoch: 1}} {
		if _, err := NewOutbox(OutboxConfig{Origin: origin}); err == nil {
			t.Errorf("%+v was accepted", origin)
		}
	}
}
