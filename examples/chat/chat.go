package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/realtime-go/realtime"
)

const (
	maxName    = 24   // runes
	maxText    = 1000 // runes
	maxRooms   = 100
	maxHistory = 50 // messages that a room remembers while somebody is in it
)

// roomName is what a room may be called: it begins with a letter or a digit and has up to 32 of them, spaces, hyphens and underscores.
var roomName = regexp.MustCompile(`^[\pL\pN][\pL\pN _-]{0,31}$`)

// nameOf is the slot in which a connection keeps its person's name, set once by admit.
var nameOf = realtime.NewKey[string]("name")

// Member is a person in a room. Several may have the same name: the id tells them apart.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Message is what a person said. Ids grow over all rooms; a page orders by them and drops what it has already.
type Message struct {
	ID   uint64 `json:"id"`
	Room string `json:"room"`
	From string `json:"from"`
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"` // Unix time in milliseconds
}

// Here is the event "here": everyone in a room. Rev grows with every change, so that a page keeps the newer of two lists.
type Here struct {
	Room    string   `json:"room"`
	Rev     uint64   `json:"rev"`
	Members []Member `json:"members"`
}

// RoomInfo is one row of the event "rooms".
type RoomInfo struct {
	Name   string `json:"name"`
	People int    `json:"people"`
}

// Rooms is the event "rooms": every room that somebody is in, by name. Rev is as in Here.
type Rooms struct {
	Rev   uint64     `json:"rev"`
	Rooms []RoomInfo `json:"rooms"`
}

// Enter is the payload of the event "enter", and Entered its acknowledgement.
type Enter struct {
	Room string `json:"room"`
}

// Entered is what a page needs to show a room.
type Entered struct {
	Here    Here      `json:"here"`
	History []Message `json:"history"`
}

// Validate is called before the handler; its error reaches the page as {"error":{"code":"invalid","message":…}}.
func (e Enter) Validate() error {
	if !roomName.MatchString(e.Room) {
		return errors.New("a room's name has 1 to 32 letters, digits, spaces or hyphens")
	}
	return nil
}

// Say is the payload of the event "say"; its acknowledgement is the Message.
type Say struct {
	Text string `json:"text"`
}

// Validate refuses an empty or an endless text.
func (s Say) Validate() error {
	if strings.TrimSpace(s.Text) == "" {
		return errors.New("there is nothing to say")
	}
	if utf8.RuneCountInString(s.Text) > maxText {
		return errors.New("a message has at most 1,000 characters")
	}
	return nil
}

// chat is the state of all rooms. Its methods are called by the handlers of many connections at once.
type chat struct {
	everyone realtime.Namespace

	mu          sync.Mutex
	rooms       map[string]*room // those that somebody is in
	rev         uint64
	lastMessage uint64
}

type room struct {
	members []Member
	history []Message
}

// newChat registers the chat's handlers on a namespace.
func newChat(ns realtime.Namespace) {
	ch := &chat{everyone: ns, rooms: make(map[string]*room)}
	ns.Use(admit)
	ns.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Emit(ctx, "rooms", ch.list()) })
	// The hooks see every way into and out of a room: handlers, a lost link, a shutdown.
	ns.OnJoin(ch.joined)
	ns.OnLeave(ch.left)
	realtime.Handle(ns, "enter", ch.enter, realtime.RateLimit(10, 10*time.Second))
	realtime.Handle(ns, "say", ch.say, realtime.RateLimit(10, 10*time.Second))
}

// admit refuses a connection without a proper name: the page gets the message in its connect_error.
func admit(_ context.Context, c *realtime.Conn) error {
	var auth struct {
		Name string `json:"name"`
	}
	err := c.Handshake().BindAuth(&auth)
	name := strings.TrimSpace(auth.Name)
	unprintable := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if err != nil || name == "" || utf8.RuneCountInString(name) > maxName || unprintable {
		return realtime.Errorf("bad_name", "choose a name of 1 to %d characters", maxName)
	}
	nameOf.Set(c, name)
	return nil
}

// enter moves a connection into a room: it is in one at a time.
func (ch *chat) enter(ctx context.Context, c *realtime.Conn, in Enter) (Entered, error) {
	if ch.full(in.Room) {
		return Entered{}, realtime.Errorf("too_many_rooms", "there are %d rooms already, enter one of them", maxRooms)
	}
	for _, old := range c.Rooms() {
		if old == in.Room {
			continue
		}
		if err := c.Leave(ctx, old); err != nil {
			return Entered{}, err
		}
	}
	if err := c.Join(ctx, in.Room); err != nil {
		return Entered{}, err
	}
	// In this order: what is said between Join and here reaches the page as an event too, and it knows the ids.
	return Entered{Here: ch.here(in.Room), History: ch.history(in.Room)}, nil
}

// say gives a message to the others in the room, and to the sender as the acknowledgement.
func (ch *chat) say(ctx context.Context, c *realtime.Conn, in Say) (Message, error) {
	rooms := c.Rooms()
	if len(rooms) == 0 {
		return Message{}, realtime.Errorf("no_room", "enter a room first")
	}
	m := ch.record(c, rooms[0], in.Text)
	return m, c.To(m.Room).Emit(ctx, "message", m)
}

// joined and left keep the lists and tell them to those who see them.

func (ch *chat) joined(ctx context.Context, c *realtime.Conn, name string) {
	ch.mu.Lock()
	r := ch.rooms[name]
	if r == nil {
		r = &room{history: []Message{}} // in JSON [], not null
		ch.rooms[name] = r
	}
	who, _ := nameOf.Get(c)
	r.members = append(r.members, Member{ID: c.ID(), Name: who})
	ch.mu.Unlock()
	ch.announce(ctx, name)
}

func (ch *chat) left(ctx context.Context, c *realtime.Conn, name string) {
	ch.mu.Lock()
	if r := ch.rooms[name]; r != nil {
		r.members = slices.DeleteFunc(r.members, func(m Member) bool { return m.ID == c.ID() })
		if len(r.members) == 0 {
			delete(ch.rooms, name) // its history goes with it
		}
	}
	ch.mu.Unlock()
	ch.announce(ctx, name)
}

func (ch *chat) announce(ctx context.Context, name string) {
	err := errors.Join(
		ch.everyone.To(name).Emit(ctx, "here", ch.here(name)),
		ch.everyone.Emit(ctx, "rooms", ch.list()),
	)
	if err != nil && !errors.Is(err, realtime.ErrServerClosed) {
		slog.Warn("lists not sent", "room", name, "err", err)
	}
}

// full reports whether a room would be one too many.
func (ch *chat) full(name string) bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.rooms[name] == nil && len(ch.rooms) >= maxRooms
}

// record gives a message its id and remembers it.
func (ch *chat) record(c *realtime.Conn, name, text string) Message {
	who, _ := nameOf.Get(c)
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.lastMessage++
	m := Message{ID: ch.lastMessage, Room: name, From: c.ID(), Name: who, Text: text, At: time.Now().UnixMilli()}
	if r := ch.rooms[name]; r != nil {
		r.history = append(r.history, m)
		r.history = r.history[max(0, len(r.history)-maxHistory):]
	}
	return m
}

// here returns who is in a room.
func (ch *chat) here(name string) Here {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.rev++
	h := Here{Room: name, Rev: ch.rev, Members: []Member{}}
	if r := ch.rooms[name]; r != nil {
		h.Members = append(h.Members, r.members...)
	}
	return h
}

// history returns what a room remembers.
func (ch *chat) history(name string) []Message {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if r := ch.rooms[name]; r != nil {
		return slices.Clone(r.history)
	}
	return []Message{}
}

// list returns all rooms by name.
func (ch *chat) list() Rooms {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.rev++
	l := Rooms{Rev: ch.rev, Rooms: []RoomInfo{}}
	for _, name := range slices.Sorted(maps.Keys(ch.rooms)) {
		l.Rooms = append(l.Rooms, RoomInfo{Name: name, People: len(ch.rooms[name].members)})
	}
	return l
}
