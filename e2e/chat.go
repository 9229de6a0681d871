package e2e

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
)

// tables are the rooms of the chat.
type tables struct {
	mu    sync.Mutex // also held while a message is emitted: all see the messages in the order of their numbers
	rooms map[string]*table
}

type table struct {
	seq     int
	present map[string]string // connection → name
}

func (t *table) names() []string { return slices.Sorted(maps.Values(t.present)) }

// spoken is a message of the chat.
type spoken struct {
	Seq  int    `json:"seq"`
	From string `json:"from"`
	Text string `json:"text"`
}

// entrance is the answer of "enter".
type entrance struct {
	Room    string   `json:"room"`
	Present []string `json:"present"`
}

var (
	chatName = realtime.NewKey[string]("name")
	chatRoom = realtime.NewKey[string]("room")
)

// chat registers the conversation: a name on connecting, a room, numbered messages, who is here, a leave notice.
func chat(ns realtime.Namespace, obs observer) {
	t := &tables{rooms: make(map[string]*table)}
	ns.Use(func(_ context.Context, c *realtime.Conn) error {
		var auth struct {
			Name string `json:"name"`
		}
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.Name == "" {
			return realtime.Errorf("nameless", "tell your name")
		}
		chatName.Set(c, auth.Name)
		return nil
	})
	watch(ns, obs)
	realtime.Handle(ns, "enter", t.enter)
	realtime.Handle(ns, "message", t.message)
	realtime.Handle(ns, "who", t.who)
	ns.OnDisconnect(t.leave)
}

func (t *tables) enter(ctx context.Context, c *realtime.Conn, room string) (entrance, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := c.Join(ctx, room); err != nil {
		return entrance{}, err
	}
	name, _ := chatName.Get(c)
	chatRoom.Set(c, room)
	if t.rooms[room] == nil {
		t.rooms[room] = &table{present: make(map[string]string)}
	}
	t.rooms[room].present[c.ID()] = name
	return entrance{room, t.rooms[room].names()}, c.To(room).Emit(ctx, "entered", name)
}

func (t *tables) message(ctx context.Context, c *realtime.Conn, text string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, room, err := t.of(c)
	if err != nil {
		return 0, err
	}
	name, _ := chatName.Get(c)
	m := spoken{Seq: at.seq, From: name, Text: text}
	at.seq++
	return m.Seq, c.Namespace().To(room).Emit(ctx, "message", m)
}

func (t *tables) who(_ context.Context, c *realtime.Conn, _ struct{}) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, _, err := t.of(c)
	if err != nil {
		return nil, err
	}
	return at.names(), nil
}

func (t *tables) leave(ctx context.Context, c *realtime.Conn, _ realtime.Disconnected) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, room, err := t.of(c)
	if err != nil {
		return // it never entered
	}
	delete(at.present, c.ID())
	name, _ := chatName.Get(c)
	// At the end of the server there is nobody left to tell.
	_ = c.Namespace().To(room).Emit(ctx, "left", name)
}

// of finds the table of a connection. The caller holds t.mu.
func (t *tables) of(c *realtime.Conn) (*table, string, error) {
	room, ok := chatRoom.Get(c)
	if !ok {
		return nil, "", realtime.Errorf("not_seated", "enter a room first")
	}
	return t.rooms[room], room, nil
}
