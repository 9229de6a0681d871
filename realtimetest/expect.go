package realtimetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/payload"
	"github.com/realtime-go/realtime/internal/siowire"
)

// Call sends an event, waits for the acknowledgement and decodes its first argument (a struct that embeds
// realtime.Positional takes several). It fails the test if there is none, or if it is an error.
func Call[Out any](c *Client, event string, args ...any) Out {
	c.link.host.t.Helper()
	out, err := TryCall[Out](c, event, args...)
	if err != nil {
		c.link.host.t.Fatalf("realtimetest: Call %s: %v", event, err)
	}
	return out
}

// TryCall is Call that returns the error: a *realtime.Error if the acknowledgement has the shape
// {"error":{"code","message","data"}}; its Data is a json.RawMessage then.
func TryCall[Out any](c *Client, event string, args ...any) (Out, error) {
	var out Out
	c.link.mu.Lock()
	id := c.nextAck
	c.nextAck++
	c.acks[id] = nil
	c.link.mu.Unlock()
	if err := c.send(siowire.Event, event, id, true, args); err != nil {
		return out, err
	}
	err := c.wait(func() bool { return c.acks[id] != nil })
	c.link.mu.Lock()
	p := c.acks[id]
	delete(c.acks, id)
	c.link.mu.Unlock()
	if err != nil {
		return out, fmt.Errorf("no acknowledgement: %w", err)
	}
	if refusal := errorOf(p); refusal != nil {
		return out, refusal
	}
	return out, payload.BindInto(payload.JSON, packetArgs{p, 0}, p.Attachments, &out)
}

// errorOf returns the error that an acknowledgement holds, or nil.
func errorOf(p *siowire.Packet) error {
	if p.Args.Len() == 0 {
		return nil
	}
	var body struct {
		Error *struct {
			Code    string          `json:"code"`
			Message string          `json:"message"`
			Data    json.RawMessage `json:"data"`
		} `json:"error"`
	}
	if json.Unmarshal(p.Args.Raw(p.Data, 0), &body) != nil || body.Error == nil || body.Error.Code == "" {
		return nil
	}
	e := &realtime.Error{Code: body.Error.Code, Message: body.Error.Message}
	if body.Error.Data != nil {
		e.Data = body.Error.Data
	}
	return e
}

// Expect waits for the next event of a name that was not expected before, and decodes its first argument
// (a struct that embeds realtime.Positional takes several). Events of other names stay for later calls.
// It fails the test if none comes or if it does not decode.
func Expect[In any](c *Client, event string) In {
	c.link.host.t.Helper()
	var in In
	var p *siowire.Packet
	err := c.wait(func() bool {
		i := slices.IndexFunc(c.events, func(r received) bool { return r.name == event })
		if i < 0 {
			return false
		}
		p = c.events[i].packet
		c.events = slices.Delete(c.events, i, i+1)
		return true
	})
	if err != nil {
		c.link.host.t.Fatalf("realtimetest: Expect %s: %v; pending: %s", event, err, strings.Join(c.Pending(), ", "))
	}
	if err := payload.BindInto(payload.JSON, packetArgs{p, 1}, p.Attachments, &in); err != nil {
		c.link.host.t.Fatalf("realtimetest: Expect %s: %v in %s", event, err, p.Data)
	}
	return in
}

// Answer makes the client answer an event with what fn returns, whenever it comes, instead of keeping it for
// Expect. Each call of fn has a goroutine of its own. An argument that does not decode is not answered.
func Answer[In, Out any](c *Client, event string, fn func(In) Out) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.answers == nil {
		c.answers = make(map[string]func(args, attachments [][]byte) ([]any, error))
	}
	c.answers[event] = func(args, attachments [][]byte) ([]any, error) {
		var in In
		if err := payload.BindInto(payload.JSON, rawArgs(args), attachments, &in); err != nil {
			return nil, err
		}
		return payload.Spread(fn(in)), nil
	}
}

// Pending returns the names of the events that arrived and were not expected yet, in their order. Inside of
// testing/synctest, synctest.Wait before it makes sure that nothing is on its way.
func (c *Client) Pending() []string {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	names := make([]string, len(c.events))
	for i, r := range c.events {
		names[i] = r.name
	}
	return names
}

// packetArgs are the arguments of a packet.
type packetArgs struct {
	packet *siowire.Packet
	skip   int
}

func (a packetArgs) Len() int         { return max(a.packet.Args.Len()-a.skip, 0) }
func (a packetArgs) Raw(i int) []byte { return a.packet.Args.Raw(a.packet.Data, i+a.skip) }

// rawArgs are arguments one by one.
type rawArgs [][]byte

func (a rawArgs) Len() int         { return len(a) }
func (a rawArgs) Raw(i int) []byte { return a[i] }
