package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/realtime-go/realtime"
)

// limit is how many characters can be said at once.
const limit = 40

// gateway is the chat in Go. nest/chat.gateway.mjs is the same chat as a NestJS gateway, in the same order.
type gateway struct {
	ns   realtime.Namespace
	node string
}

// newGateway registers the chat on a namespace.
func newGateway(ns realtime.Namespace, node string) {
	g := &gateway{ns, node}
	ns.Use(g.admit)
	ns.OnServerSide("where", func(context.Context, *realtime.Event) (any, error) { return node, nil })
	ns.OnDisconnect(g.disconnected)

	realtime.Handle(ns, "enter", at(node, g.enter))
	realtime.Handle(ns, "leave", at(node, g.leave))
	realtime.Handle(ns, "people", at(node, g.people))

	realtime.Handle(ns, "say", at(node, g.say), realtime.With(tooLongFilter))
	realtime.Handle(ns, "photo", at(node, g.photo))
	realtime.On(ns, "whisper", g.whisper)
	realtime.Handle(ns, "announce", at(node, g.announce))

	realtime.Handle(ns, "greet", g.greet)
	realtime.Handle(ns, "count", g.count)
	realtime.Handle(ns, "ask", at(node, g.ask))
	realtime.Handle(ns, "where", at(node, g.where))
	realtime.On(ns, "crash", g.crash)

	realtime.Handle(ns, "invite", at(node, g.invite), realtime.With(hostGuard))
	realtime.Handle(ns, "close", at(node, g.close), realtime.With(hostGuard))
	realtime.Handle(ns, "kick", at(node, g.kick), realtime.With(hostGuard))
}

// data is what the other nodes see of a connection: socket.data there.
type data struct {
	User string `json:"user"`
	Node string `json:"node"`
}

// admit runs before the connection is there, so that no node sees it without its data. The room user:USER it has already.
func (g *gateway) admit(_ context.Context, c *realtime.Conn) error {
	return c.SetPublic(data{User: c.UserID(), Node: g.node})
}

// Presence is what "entered" and "left" tell.
type Presence struct {
	Room string `json:"room"`
	User string `json:"user"`
}

// disconnected still sees the rooms that the connection was in.
func (g *gateway) disconnected(ctx context.Context, c *realtime.Conn, _ realtime.Disconnected) {
	for _, room := range c.Rooms() {
		// Without Redis the other nodes are not told; they miss this node's heartbeat as well.
		_ = g.ns.To(room).Emit(ctx, "left", Presence{room, c.UserID()})
	}
}

// ---- rooms ----

// Room is the payload of "enter", "leave", "people" and "close".
type Room struct {
	Room string `json:"room"`
}

func (g *gateway) enter(ctx context.Context, c *realtime.Conn, in Room) ([]string, error) {
	if err := c.Join(ctx, in.Room); err != nil {
		return nil, err
	}
	if err := c.To(in.Room).Emit(ctx, "entered", Presence{in.Room, c.UserID()}); err != nil {
		return nil, err
	}
	return g.peopleIn(ctx, in.Room)
}

func (g *gateway) leave(ctx context.Context, c *realtime.Conn, in Room) (bool, error) {
	if err := c.Leave(ctx, in.Room); err != nil {
		return false, err
	}
	return true, g.ns.To(in.Room).Emit(ctx, "left", Presence{in.Room, c.UserID()})
}

func (g *gateway) people(ctx context.Context, _ *realtime.Conn, in Room) ([]string, error) {
	return g.peopleIn(ctx, in.Room)
}

func (g *gateway) peopleIn(ctx context.Context, room string) ([]string, error) {
	people := []string{}
	for info, err := range g.ns.To(room).Conns(ctx) {
		if err != nil {
			return nil, err
		}
		var d data
		if err := json.Unmarshal(info.Public, &d); err != nil {
			return nil, err
		}
		people = append(people, d.User+" at "+d.Node)
	}
	slices.Sort(people)
	return people, nil
}

// ---- talking ----

// Say is the payload of "say".
type Say struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// Validate is the pipe: something has to be said.
func (s Say) Validate() error {
	if strings.TrimSpace(s.Text) == "" {
		return realtime.Errorf(realtime.CodeInvalid, "there is nothing to say")
	}
	return nil
}

// Said is the event "said".
type Said struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
	At   string `json:"at"`
}

func (g *gateway) say(ctx context.Context, c *realtime.Conn, in Say) (bool, error) {
	if !c.In(in.Room) {
		return false, realtime.Errorf("not_here", "enter the room first")
	}
	if utf8.RuneCountInString(in.Text) > limit {
		return false, tooLong{limit}
	}
	return true, g.ns.To(in.Room).Emit(ctx, "said", Said{in.Room, c.UserID(), in.Text, jsDate(time.Now())})
}

// Photo is the payload of "photo", and the event with From set.
type Photo struct {
	Room  string          `json:"room"`
	From  string          `json:"from"`
	Title string          `json:"title"`
	Data  realtime.Binary `json:"data"`
}

// Thumbnail is the acknowledgement of "photo".
type Thumbnail struct {
	Title     string          `json:"title"`
	Thumbnail realtime.Binary `json:"thumbnail"`
}

func (g *gateway) photo(ctx context.Context, c *realtime.Conn, in Photo) (Thumbnail, error) {
	in.From = c.UserID()
	return Thumbnail{in.Title, in.Data[:min(2, len(in.Data))]}, c.To(in.Room).Emit(ctx, "photo", in)
}

// Whisper is the payload of "whisper", and Whispered the event.
type Whisper struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// Whispered is also the event "announced".
type Whispered struct {
	From string `json:"from"`
	Text string `json:"text"`
}

func (g *gateway) whisper(ctx context.Context, c *realtime.Conn, in Whisper) error {
	return g.ns.ToUser(in.To).Emit(ctx, "whispered", Whispered{c.UserID(), in.Text})
}

func (g *gateway) announce(ctx context.Context, c *realtime.Conn, in Whisper) (bool, error) {
	return true, g.ns.Emit(ctx, "announced", Whispered{c.UserID(), in.Text})
}

// ---- answers ----

func (g *gateway) greet(_ context.Context, c *realtime.Conn, _ any) (realtime.NestEvent, error) {
	return realtime.NestEvent{Event: "greeted", Data: "hello " + c.UserID()}, nil
}

// Count is the payload of "count".
type Count struct {
	To int `json:"to"`
}

func (g *gateway) count(_ context.Context, _ *realtime.Conn, in Count) (iter.Seq[any], error) {
	return func(yield func(any) bool) {
		for n := 1; n <= min(in.To, 10) && yield(realtime.NestEvent{Event: "counted", Data: n}); n++ {
		}
	}, nil
}

// Ask is the payload of "ask".
type Ask struct {
	Room     string `json:"room"`
	Question string `json:"question"`
}

func (g *gateway) ask(ctx context.Context, _ *realtime.Conn, in Ask) ([]string, error) {
	replies, err := realtime.BroadcastWithAck[string](ctx, g.ns.To(in.Room), "asked", in.Question)
	answers := []string{}
	for _, reply := range replies {
		answers = append(answers, reply.Value)
	}
	slices.Sort(answers)
	return answers, err
}

func (g *gateway) where(ctx context.Context, _ *realtime.Conn, _ any) ([]string, error) {
	replies, err := g.ns.ServerSideEmitWithAck(ctx, "where")
	if err != nil {
		return nil, err
	}
	nodes := []string{g.node}
	for _, reply := range replies {
		var node string
		if err := reply.Bind(&node); err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	slices.Sort(nodes)
	return nodes, nil
}

func (g *gateway) crash(context.Context, *realtime.Conn, any) error {
	return errors.New("a secret of the server")
}

// ---- for hosts ----

// Invite is the payload of "invite".
type Invite struct {
	User string `json:"user"`
	Room string `json:"room"`
}

func (g *gateway) invite(ctx context.Context, _ *realtime.Conn, in Invite) (bool, error) {
	return true, g.ns.ToUser(in.User).JoinAll(ctx, in.Room)
}

func (g *gateway) close(ctx context.Context, _ *realtime.Conn, in Room) (bool, error) {
	if err := g.ns.To(in.Room).Emit(ctx, "closed", in); err != nil {
		return false, err
	}
	return true, g.ns.To(in.Room).LeaveAll(ctx, in.Room)
}

// Kick is the payload of "kick".
type Kick struct {
	User string `json:"user"`
}

func (g *gateway) kick(ctx context.Context, _ *realtime.Conn, in Kick) (bool, error) {
	return true, g.ns.ToUser(in.User).DisconnectAll(ctx, "kicked by a host")
}
