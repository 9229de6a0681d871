package e2e

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"sync"

	"github.com/realtime-go/realtime"
)

// observer is told of the connections of a server.
type observer interface {
	admitted()
	ended(report ending)
}

// ending is what a disconnect handler was told, as the control service hands it to the tests.
type ending struct {
	ID        string   `json:"id"`
	Namespace string   `json:"namespace"`
	Reason    string   `json:"reason"`
	Detail    string   `json:"detail"`
	Rooms     []string `json:"rooms"`
}

// application puts the whole application on a server.
func application(srv realtime.Server, obs observer) error {
	dynamic := regexp.MustCompile(`^/dyn-\d+$`)
	for _, r := range []realtime.Router{srv, srv.Of("/other"), srv.OfFunc(dynamic.MatchString)} {
		desk(r, obs)
	}
	guarded := srv.Of("/guarded")
	guarded.Use(checkToken)
	desk(guarded, obs)
	chat(srv.Of("/chat"), obs)
	return members(srv.Of("/members"), obs)
}

// checkToken is the middleware of /guarded.
func checkToken(_ context.Context, c *realtime.Conn) error {
	var auth struct {
		Token *string `json:"token"`
		Crash bool    `json:"crash"`
	}
	if err := c.Handshake().BindAuth(&auth); err != nil {
		return realtime.Errorf("token_wrong", "the auth payload is not understood")
	}
	switch {
	case auth.Crash:
		panic("a secret of the server")
	case auth.Token == nil:
		return realtime.Errorf("token_missing", "a token is needed")
	case *auth.Token != "sesame":
		return &realtime.Error{Code: "token_wrong", Message: "this token is not known", Data: map[string]string{"hint": "open"}}
	}
	return nil
}

// desk registers everything but the chat.
func desk(r realtime.Router, obs observer) {
	watch(r, obs)
	r.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		drawers.Set(c, &drawer{release: make(chan struct{}, 1)})
		return c.Emit(ctx, "welcome", map[string]string{"id": c.ID(), "namespace": c.Namespace().Name()})
	})
	talk(r)
	acknowledgements(r)
	rooms(r)
	broadcasts(r)
	endings(r)
	errorReplies(r)
}

// watch tells the observer who came and who went.
func watch(r realtime.Router, obs observer) {
	r.OnConnect(func(context.Context, *realtime.Conn) error {
		obs.admitted()
		return nil
	})
	r.OnDisconnect(func(_ context.Context, c *realtime.Conn, why realtime.Disconnected) {
		obs.ended(ending{
			ID: c.ID(), Namespace: c.Namespace().Name(), Reason: why.Cause.Reason(), Detail: why.Detail, Rooms: sortedRooms(c),
		})
	})
}

func sortedRooms(c *realtime.Conn) []string {
	names := c.Rooms()
	slices.Sort(names)
	return names
}

// drawer is what a connection keeps at the desk.
type drawer struct {
	release chan struct{} // wakes a handler of "hold"

	mu      sync.Mutex // guards what follows
	numbers []any
}

var drawers = realtime.NewKey[*drawer]("drawer")

func drawerOf(c *realtime.Conn) *drawer {
	d, _ := drawers.Get(c)
	return d
}

// arguments decodes all arguments of an event from the one at index from on.
func arguments(ev *realtime.Event, from int) ([]any, error) {
	args := make([]any, ev.Len())
	dst := make([]any, len(args))
	for i := range args {
		dst[i] = &args[i]
	}
	if err := ev.Bind(dst...); err != nil {
		return nil, err
	}
	return args[min(from, len(args)):], nil
}

// identity is the answer of "whoami".
type identity struct {
	ID        string            `json:"id"`
	Namespace string            `json:"namespace"`
	Transport string            `json:"transport"`
	Auth      any               `json:"auth"`
	Query     map[string]string `json:"query"`
	Header    string            `json:"header"`
	Rooms     []string          `json:"rooms"`
}

func whoami(_ context.Context, c *realtime.Conn, _ struct{}) (identity, error) {
	h := c.Handshake()
	auth := any(map[string]any{})
	if err := h.BindAuth(&auth); err != nil {
		return identity{}, err
	}
	return identity{
		ID: c.ID(), Namespace: c.Namespace().Name(), Transport: c.Transport(), Auth: auth,
		Query: lastValues(h.Query), Header: h.Header.Get("X-E2e"), Rooms: sortedRooms(c),
	}, nil
}

func lastValues(query url.Values) map[string]string {
	last := make(map[string]string, len(query))
	for key, values := range maps.All(query) {
		last[key] = values[len(values)-1]
	}
	return last
}

// parcel has binary values in all the places where they can be.
type parcel struct {
	Name  string            `json:"name"`
	Parts []realtime.Binary `json:"parts"`
	Inner struct {
		Blob realtime.Binary `json:"blob"`
		Note string          `json:"note"`
	} `json:"inner"`
	Count int `json:"count"`
}

func talk(r realtime.Router) {
	realtime.Handle(r, "whoami", whoami)
	r.HandleEvent("echo", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
		args, err := arguments(ev, 0)
		if err != nil {
			return err
		}
		return ev.Reply(args...)
	})
	repeat := func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		var name string
		if err := ev.Bind(&name); err != nil {
			return err
		}
		args, err := arguments(ev, 1)
		if err != nil {
			return err
		}
		return c.Emit(ctx, name, args...)
	}
	r.HandleEvent("repeat", repeat)
	r.HandleEvent("message", func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
		args, err := arguments(ev, 0)
		if err != nil {
			return err
		}
		return c.Emit(ctx, "message", args...)
	})
	realtime.Handle(r, "length", func(_ context.Context, _ *realtime.Conn, text string) (int, error) { return len(text), nil })
	realtime.Handle(r, "parcel", func(ctx context.Context, c *realtime.Conn, p parcel) (parcel, error) {
		return p, c.Emit(ctx, "parcel", p)
	})
	realtime.On(r, "count", func(ctx context.Context, c *realtime.Conn, n int) error {
		for i := range n {
			if err := c.Emit(ctx, "tick", i); err != nil {
				return err
			}
		}
		return nil
	})
	records(r)
	for _, name := range []string{"说话", `say "hi"\`, "a,b", "42", longName} {
		realtime.Handle(r, name, func(context.Context, *realtime.Conn, struct{}) (string, error) { return name, nil })
	}
}

// records keeps what a connection said, in the order of its arrival.
func records(r realtime.Router) {
	realtime.On(r, "record", func(_ context.Context, c *realtime.Conn, n any) error {
		d := drawerOf(c)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.numbers = append(d.numbers, n)
		return nil
	})
	realtime.Handle(r, "recorded", func(_ context.Context, c *realtime.Conn, _ struct{}) ([]any, error) {
		d := drawerOf(c)
		d.mu.Lock()
		defer d.mu.Unlock()
		return append([]any{}, d.numbers...), nil
	})
}
