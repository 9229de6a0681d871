package e2e

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// longName is the longest event name that is allowed.
var longName = strings.Repeat("x", 255)

// question is what "ask" and "poll" want to know, from whom, and for how long.
type question struct {
	ID      string   `json:"id"` // of the connection to ask; "": the one that sent this
	To      []string `json:"to"` // the rooms to ask
	Event   string   `json:"event"`
	Args    []any    `json:"args"`
	Timeout int      `json:"timeout"` // milliseconds
}

func (q question) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(q.Timeout)*time.Millisecond)
}

// answers are those of "poll".
type answers struct {
	Answers  []any `json:"answers"`
	Complete bool  `json:"complete"`
}

func acknowledgements(r realtime.Router) {
	// Both wait beside the connection's other events; "never" ends with the connection.
	r.HandleEvent("never", func(ctx context.Context, _ *realtime.Conn, _ *realtime.Event) error {
		<-ctx.Done()
		return nil
	}, realtime.Concurrent())
	realtime.Handle(r, "hold", func(ctx context.Context, c *realtime.Conn, _ struct{}) (string, error) {
		select {
		case <-drawerOf(c).release:
			return "released", nil
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}, realtime.Concurrent())
	realtime.On(r, "release", func(_ context.Context, c *realtime.Conn, _ struct{}) error {
		select {
		case drawerOf(c).release <- struct{}{}:
		default: // somebody released already
		}
		return nil
	})
	realtime.Handle(r, "ask", ask)
	realtime.Handle(r, "poll", poll)
	realtime.Handle(r, "poll-binary", poll)
}

// ask lets the server ask one client, from inside of a handler.
func ask(ctx context.Context, c *realtime.Conn, q question) (any, error) {
	whom := c
	if q.ID != "" {
		var ok bool
		if whom, ok = c.Namespace().Conn(q.ID); !ok {
			return nil, realtime.Errorf("no_answer", "nobody is there")
		}
	}
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	answer, err := realtime.EmitWithAck[any](ctx, whom, q.Event, q.Args...)
	if errors.Is(err, realtime.ErrAckTimeout) || errors.Is(err, realtime.ErrClosed) {
		return nil, realtime.Errorf("no_answer", "nobody answered")
	}
	return answer, err
}

// poll asks rooms and tells whether everybody answered.
func poll(ctx context.Context, c *realtime.Conn, q question) (answers, error) {
	ctx, cancel := q.deadline(ctx)
	defer cancel()
	replies, err := realtime.BroadcastWithAck[any](ctx, c.Namespace().To(q.To...), q.Event, q.Args...)
	if err != nil && !errors.Is(err, realtime.ErrPartial) {
		return answers{}, err
	}
	got := answers{Answers: make([]any, 0, len(replies)), Complete: err == nil}
	for _, reply := range replies {
		if reply.Err != nil {
			return answers{}, reply.Err
		}
		got.Answers = append(got.Answers, reply.Value)
	}
	return got, nil
}

func rooms(r realtime.Router) {
	change := func(move func(*realtime.Conn, context.Context, ...string) error) realtime.HandlerFunc {
		return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
			names := make([]string, ev.Len())
			dst := make([]any, len(names))
			for i := range names {
				dst[i] = &names[i]
			}
			if err := ev.Bind(dst...); err != nil {
				return err
			}
			if err := move(c, ctx, names...); err != nil {
				return err
			}
			return ev.Reply(sortedRooms(c))
		}
	}
	r.HandleEvent("join", change((*realtime.Conn).Join))
	r.HandleEvent("leave", change((*realtime.Conn).Leave))
	realtime.Handle(r, "size", func(ctx context.Context, c *realtime.Conn, name string) (int, error) {
		return c.Namespace().Room(name).Len(ctx)
	})
	realtime.On(r, "move", func(ctx context.Context, c *realtime.Conn, in struct{ From, To string }) error {
		members := c.Namespace().To(in.From)
		if err := members.JoinAll(ctx, in.To); err != nil {
			return err
		}
		return members.LeaveAll(ctx, in.From)
	})
	realtime.On(r, "kick-room", func(ctx context.Context, c *realtime.Conn, name string) error {
		return c.Namespace().To(name).DisconnectAll(ctx, "the room is closed")
	})
}

// said is a broadcast that a client asks for.
type said struct {
	To     []string `json:"to"`
	Except []string `json:"except"`
	Value  any      `json:"value"`
}

func broadcasts(r realtime.Router) {
	realtime.On(r, "say", func(ctx context.Context, c *realtime.Conn, s said) error {
		return c.To(s.To...).Except(s.Except...).Emit(ctx, "said", s.Value)
	})
	realtime.On(r, "shout", func(ctx context.Context, c *realtime.Conn, s said) error {
		return c.Namespace().To(s.To...).Except(s.Except...).Emit(ctx, "said", s.Value)
	})
	realtime.On(r, "shout-parcel", func(ctx context.Context, c *realtime.Conn, s struct {
		To     []string `json:"to"`
		Parcel parcel   `json:"parcel"`
	},
	) error {
		return c.Namespace().To(s.To...).Emit(ctx, "parcel", s.Parcel)
	})
	realtime.On(r, "others", func(ctx context.Context, c *realtime.Conn, value any) error {
		return c.Others().Emit(ctx, "said", value)
	})
	realtime.On(r, "everyone", func(ctx context.Context, c *realtime.Conn, value any) error {
		return c.Namespace().Emit(ctx, "said", value)
	})
	realtime.On(r, "tell", func(ctx context.Context, c *realtime.Conn, in struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	},
	) error {
		return c.Namespace().ToConn(in.ID).Emit(ctx, "said", in.Value)
	})
	realtime.On(r, "flash", func(ctx context.Context, c *realtime.Conn, value any) error {
		return c.Volatile().Emit(ctx, "flash", value)
	})
	realtime.On(r, "behind", func(ctx context.Context, c *realtime.Conn, _ struct{}) error {
		return errors.Join(c.Emit(ctx, "first"), c.Volatile().Emit(ctx, "lost"), c.Emit(ctx, "second"))
	})
}

func endings(r realtime.Router) {
	for event, end := range map[string]func(*realtime.Conn, context.Context, string) error{
		"kick": (*realtime.Conn).Disconnect, "close": (*realtime.Conn).Close, "reconnect": (*realtime.Conn).Reconnect,
	} {
		realtime.On(r, event, func(ctx context.Context, c *realtime.Conn, _ struct{}) error {
			return end(c, ctx, "the client asked for it")
		})
	}
}

// terms are the payload of "sum".
type terms struct {
	A float64 `json:"a"`
	B float64 `json:"b"`
}

// Validate refuses what the type cannot.
func (t terms) Validate() error {
	if t.A < 0 {
		return errors.New("a must not be negative")
	}
	return nil
}

func errorReplies(r realtime.Router) {
	realtime.On(r, "fail", func(_ context.Context, _ *realtime.Conn, in struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	},
	) error {
		return &realtime.Error{Code: in.Code, Message: in.Message, Data: in.Data}
	})
	realtime.On(r, "crash", func(context.Context, *realtime.Conn, struct{}) error { panic("a secret of the server") })
	realtime.Handle(r, "sum", func(_ context.Context, _ *realtime.Conn, t terms) (map[string]float64, error) {
		return map[string]float64{"sum": t.A + t.B}, nil
	})
}
