package wiretest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/realtime-go/realtime"
)

// sessionApps are the programs behind the sessions of socketio-sessions.json.
var sessionApps = map[string]application{
	"client-default-connect": {run: func(srv realtime.Server, _ func(any)) {
		realtime.Handle(srv, "hi", func(context.Context, *realtime.Conn, int) (string, error) { return "yo", nil })
	}},
	"client-polling-disconnect":                      {run: reportEnds("/")},
	"client-auth-query-namespace":                    {run: reportHandshake},
	"client-query-in-url-only":                       {run: reportQuery},
	"invalid-namespace":                              {run: idle},
	"reason-client-disconnect":                       {run: reportEnds("/")},
	"reason-client-disconnect-one-of-two-namespaces": {run: reportEnds("/a", "/b")},
	"reason-server-disconnect":                       {run: endAtOnce((*realtime.Conn).Disconnect)},
	"reason-server-disconnect-close":                 {run: endAtOnce((*realtime.Conn).Close)},
	"reason-server-shutdown":                         {run: reportEnds("/")},
	"reason-conn-close":                              {run: endAtOnce((*realtime.Conn).Reconnect)},
	"reason-ping-timeout-server":                     {run: reportEnds("/")},
	"reason-ping-timeout-client":                     {run: reportEnds("/")},
	"reason-network-cut":                             {run: reportEnds("/")},
	"reason-parse-error-client":                      {run: reportEnds("/")},
	"reason-parse-error-engine":                      {run: reportEnds("/")},
	"reason-server-polling-lost":                     {run: idle},
	"ack-server-to-client":                           {run: askClient},
	"ack-client-to-server": {run: func(srv realtime.Server, _ func(any)) {
		srv.HandleEvent("q", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
			_ = ev.Reply("one")
			_ = ev.Reply("two") // without effect
			return nil
		})
	}},
	"ack-broadcast":                    {run: askEveryone},
	"client-retries":                   {configure: func(cfg *realtime.Config) { cfg.Replies = leaveAcks{} }, run: answerThird},
	"client-buffering":                 {run: idle},
	"middleware-and-packet-middleware": {run: middleware},
	"dynamic-namespace":                {run: dynamicNamespace},
	"emit-values":                      {run: emitValues},
	"recovery-real-client":             {run: recoveryReal},
	"recovery-raw":                     {run: recoveryRaw},
	"recovery-not-recoverable-reasons": {run: recoveryReasons},
	"recovery-ack-and-volatile":        {run: recoveryFlags},
}

func idle(realtime.Server, func(any)) {}

// reportEnds reports the reason of every disconnect; with several namespaces the name too.
func reportEnds(namespaces ...string) func(realtime.Server, func(any)) {
	return func(srv realtime.Server, log func(any)) {
		for _, name := range namespaces {
			srv.Of(name).OnDisconnect(func(_ context.Context, _ *realtime.Conn, why realtime.Disconnected) {
				entry := map[string]any{"ev": "disconnect", "reason": why.Cause.Reason()}
				if len(namespaces) > 1 {
					entry["nsp"] = name
				}
				log(entry)
			})
		}
	}
}

// endAtOnce ends every connection as soon as it is there.
func endAtOnce(end func(*realtime.Conn, context.Context, string) error) func(realtime.Server, func(any)) {
	return func(srv realtime.Server, log func(any)) {
		reportEnds("/")(srv, log)
		srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return end(c, ctx, "the case says so") })
	}
}

func queryOf(h *realtime.Handshake) map[string]any {
	query := map[string]any{}
	for name := range h.Query {
		query[name] = h.Query.Get(name)
	}
	return query
}

func reportHandshake(srv realtime.Server, log func(any)) {
	srv.Of("/my/ns").OnConnect(func(_ context.Context, c *realtime.Conn) error {
		h := c.Handshake()
		log(map[string]any{
			"nsp": c.Namespace().Name(), "auth": h.Auth, "query": queryOf(h),
			"url":     h.Path + "?inurl=1&EIO=4&transport=websocket", // the library keeps the path and the decoded query
			"xdomain": h.XDomain, "secure": h.Secure,
		})
		return nil
	})
}

func reportQuery(srv realtime.Server, log func(any)) {
	srv.OnConnect(func(_ context.Context, c *realtime.Conn) error {
		log(map[string]any{"query": queryOf(c.Handshake())})
		return nil
	})
}

// timedOut is the text that Node gives to an acknowledgement that did not come, or null.
func timedOut(err error) any {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, realtime.ErrAckTimeout):
		return "operation has timed out"
	default:
		return err.Error()
	}
}

// values decodes an answer; binary values are written as the captures write them.
func values(r realtime.RawReply) []any {
	list := []any{}
	args, dst := make([]any, r.Len()), make([]any, r.Len())
	for i := range args {
		dst[i] = &args[i]
	}
	_ = r.Bind(dst...)
	for _, v := range args {
		switch b := v.(type) {
		case realtime.Binary:
			v = map[string]any{"$binary": hex.EncodeToString(b)}
		case []byte:
			v = map[string]any{"$binary": hex.EncodeToString(b)}
		}
		list = append(list, v)
	}
	return list
}

// askClient asks four times without waiting for the answers in between. The third is never answered.
func askClient(srv realtime.Server, log func(any)) {
	type answer struct {
		values []any
		err    error
	}
	srv.OnConnect(func(_ context.Context, c *realtime.Conn) error {
		questions := [][]any{{"q", 1}, {"q", []byte{1, 2}}, {"noreply"}, {"q", 2}}
		answers := make([]chan answer, len(questions))
		for i, q := range questions {
			answers[i] = make(chan answer, 1)
			go func() { // ends with the answer, the timeout or the connection
				ctx, cancel := context.WithTimeout(c.Context(), 400*time.Millisecond)
				defer cancel()
				r, err := c.EmitWithAck(ctx, q[0].(string), q[1:]...)
				answers[i] <- answer{values(r), err}
			}()
			pause()
		}
		go func() { // ends when the last question has, which is the one that runs into its timeout
			for _, i := range []int{0, 1, 3, 2} {
				a := <-answers[i]
				switch i {
				case 2:
					log(map[string]any{"err": timedOut(a.err), "ack": a.values})
				case 3:
					log(map[string]any{"emitWithAck": a.values[0]})
				default:
					log(map[string]any{"ack": a.values})
				}
			}
		}()
		return nil
	})
}

// askEveryone asks two clients together once both are there.
func askEveryone(srv realtime.Server, log func(any)) {
	ask := func(b realtime.Broadcaster, timeout time.Duration, event string) (any, []any) {
		ctx := context.Background()
		if timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		replies, err := b.EmitWithAck(ctx, event)
		responses := []any{}
		for _, r := range replies {
			responses = append(responses, values(r)[0])
		}
		return timedOut(err), responses
	}
	var conns atomic.Int32
	srv.OnConnect(func(context.Context, *realtime.Conn) error {
		if conns.Add(1) < 2 {
			return nil
		}
		go func() { // ends with the last of its timeouts at the latest
			pause()
			err, responses := ask(srv, time.Second, "q")
			log(map[string]any{"err": err, "responses": responses})
			err, responses = ask(srv, 150*time.Millisecond, "half")
			log(map[string]any{"err": err, "responses": responses})
			err, responses = ask(srv, 0, "q")
			log(map[string]any{"without_timeout_err": err, "responses": responses})
			err, responses = ask(srv.To("nobody"), 100*time.Millisecond, "q")
			log(map[string]any{"empty_room": true, "err": err, "responses": responses})
		}()
		return nil
	})
}

// leaveAcks is a reply policy that answers nothing by itself: an application can want that.
type leaveAcks struct{}

func (leaveAcks) Succeed(context.Context, *realtime.Conn, *realtime.Event, ...any) error { return nil }

func (leaveAcks) Fail(context.Context, *realtime.Conn, *realtime.Event, *realtime.Error, string) error {
	return nil
}

func answerThird(srv realtime.Server, _ func(any)) {
	var asked atomic.Int32
	srv.HandleEvent("q", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error {
		if asked.Add(1) == 3 {
			return ev.Reply("ok")
		}
		return nil
	})
}

// middleware admits clients that say so, and refuses the event "bad".
func middleware(srv realtime.Server, log func(any)) {
	srv.Use(func(_ context.Context, c *realtime.Conn) error {
		var auth struct{ OK int }
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.OK != 0 {
			return err
		}
		return &realtime.ConnectError{Message: "nope", Data: map[string]int{"code": 1}}
	})
	srv.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) {
		seen := []any{ev.Name}
		args, _ := argumentsOf(ev)
		seen = append(seen, args...)
		if ev.WantAck {
			seen = append(seen, map[string]bool{"$function": true})
		}
		log(map[string]any{"any": seen})
	})
	srv.UseEvent(func(next realtime.HandlerFunc) realtime.HandlerFunc {
		return func(ctx context.Context, c *realtime.Conn, ev *realtime.Event) error {
			if ev.Name != "bad" {
				return next(ctx, c, ev)
			}
			log(map[string]any{"ev": "error", "message": "refused"})
			return realtime.Errorf("refused", "refused")
		}
	})
	srv.HandleEvent("good", func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) error { return ev.Reply("fine") })
}

// dynamicNamespace reports how many namespaces there are; the library counts them and does not list them.
func dynamicNamespace(srv realtime.Server, log func(any)) {
	names := func(others ...string) any {
		if n := srv.Stats().Namespaces; n != len(others)+1 {
			return n
		}
		return append([]string{"/"}, others...)
	}
	dyn := srv.OfFunc(regexp.MustCompile(`^/dyn-\d+$`).MatchString)
	dyn.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		name := c.Namespace().Name()
		log(map[string]any{"nsp": name})
		log(map[string]any{"namespaces": names(name)})
		return c.Emit(ctx, "welcome", name)
	})
	dyn.OnDisconnect(func(context.Context, *realtime.Conn, realtime.Disconnected) {
		go func() { // ends at once: the namespace goes when this handler has returned
			pause()
			log(map[string]any{"namespaces_after": names()})
		}()
	})
}

func emitValues(srv realtime.Server, _ func(any)) {
	type object struct {
		D      string   `json:"d"`
		N      any      `json:"n"`
		Nested struct{} `json:"nested"`
	}
	type nested struct {
		D realtime.Binary `json:"d"`
	}
	none := struct{}{}
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
		emit := func(event string, args ...any) error { return c.Emit(ctx, event, args...) }
		return firstError(
			emit("v", nil, nil, nil, nil, 0, 1e21, 1e-7, 0.1, 123456789012345680000.0),
			emit("v", object{D: "1970-01-01T00:00:00.000Z"}, []any{nil, nil}),
			emit("v", none, none, none, none),
			emit("v", "\u2028\u2029\u0000\u001e\"\\/</script>", json.RawMessage(`"\ud800"`), "é😀"),
			emit("empty"),
			unlessRefused(emit("", 1)),
			emit("v", []byte{1, 2}, []byte{0, 0, 0xc0, 0x3f}, []byte("x")),
			emit("v", map[string]any{"b": map[string]any{"c": []any{realtime.Binary{1}, nested{realtime.Binary{2}}}}}),
			unlessRefused(emit("v", []byte{3}, json.RawMessage(`{"_placeholder":true,"num":0}`))),
			emit("v", map[string]int{"x": 1}),
			emit("v", "nc"),
			emit("message", "hello"),
		)
	})
}

// unlessRefused lets an emit be refused without ending the application: the replay then misses the event.
func unlessRefused(error) error { return nil }
