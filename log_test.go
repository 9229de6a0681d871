package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// logLine is a line of a JSON log.
type logLine map[string]any

// jsonLog logs everything as JSON, and returns what was logged so far.
func jsonLog() (logger *slog.Logger, lines func(t *testing.T, msg string) []logLine) {
	book := &logBook{}
	logger = slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return logger, func(t *testing.T, msg string) (found []logLine) {
		t.Helper()
		for text := range strings.Lines(book.String()) {
			var line logLine
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if msg == "" || line["msg"] == msg {
				found = append(found, line)
			}
		}
		return found
	}
}

// without drops members that differ from run to run.
func (l logLine) without(keys ...string) logLine {
	for _, key := range keys {
		delete(l, key)
	}
	return l
}

func TestConnectAndDisconnectLines(t *testing.T) {
	logger, lines := jsonLog()
	bubble(t, realtime.Config{Logger: logger, Auth: userByToken{}, NodeName: "n1"}, func(f *fixture) {
		f.Of("/game").SetAuth(nil)
		ann := f.host.Connect(realtimetest.Options{Auth: token("ann"), Transport: realtimetest.Polling})
		game := ann.Join(realtimetest.Options{Namespace: "/game"})
		annID, gameID := ann.ID(), game.ID()
		synctest.Wait() // the lines come after the CONNECT replies
		want := []logLine{
			{"level": "INFO", "msg": "connected", "node": "n1", "conn": annID, "namespace": "/", "user": "ann", "transport": "polling"},
			{"level": "INFO", "msg": "connected", "node": "n1", "conn": gameID, "namespace": "/game", "transport": "polling"},
		}
		var got []logLine
		for _, line := range lines(f.T, "connected") {
			got = append(got, line.without("time"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Error(diff)
		}
		pass(90 * time.Second)
		if err := f.conn(ann).Disconnect(f.Context(), "cheating"); err != nil {
			f.Fatal(err)
		}
		pass(10 * time.Second)
		game.Disconnect()
		synctest.Wait()
		want = []logLine{
			{"level": "INFO", "msg": "disconnected", "node": "n1", "conn": annID, "namespace": "/", "user": "ann", "cause": "server_disconnect", "detail": "cheating", "lifetime": float64(90 * time.Second)},
			{"level": "INFO", "msg": "disconnected", "node": "n1", "conn": gameID, "namespace": "/game", "cause": "client_disconnect", "detail": "", "lifetime": float64(100 * time.Second)},
		}
		got = nil
		for _, line := range lines(f.T, "disconnected") {
			got = append(got, line.without("time"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Error(diff)
		}
		for _, line := range lines(f.T, "") {
			if level := line["level"]; level != "INFO" && level != "DEBUG" {
				f.Errorf("nothing went wrong, but %v", line)
			}
		}
	})
}

// A line about an event has connection, user, namespace, event and node; one about the adapter has the node.
func TestKeysOfOtherLines(t *testing.T) {
	logger, lines := jsonLog()
	bubble(t, realtime.Config{Logger: logger, Auth: userByToken{}, NodeName: "n1"}, func(f *fixture) {
		realtime.On(f.Server, "fail", func(context.Context, *realtime.Conn, any) error { return errors.New("db gone") })
		realtime.On(f.Server, "panic", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		realtime.On(f.Server, "refuse", func(context.Context, *realtime.Conn, any) error { return realtime.Errorf("no", "no") })
		realtime.On(f.Server, "slow", func(context.Context, *realtime.Conn, any) error { <-time.After(time.Minute); return nil })
		c := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		for _, event := range []string{"fail", "panic", "refuse", "slow"} {
			c.Emit(event)
		}
		pass(2 * time.Minute)
		about := logLine{"node": "n1", "conn": c.ID(), "user": "ann", "namespace": "/"}
		for msg, more := range map[string]logLine{
			"internal error":                {"level": "ERROR", "event": "fail", "err": "db gone"},
			"panic recovered":               {"level": "ERROR", "where": "panic", "panic": "boom"},
			"event refused":                 {"level": "DEBUG", "event": "refuse", "code": "no"},
			"handler blocks its connection": {"level": "WARN", "event": "slow"},
		} {
			found := lines(f.T, msg)
			if len(found) != 1 {
				f.Errorf("%d lines %q", len(found), msg)
				continue
			}
			for _, members := range []logLine{about, more} {
				for key, value := range members {
					if found[0][key] != value {
						f.Errorf("%s: %s is %v, want %v", msg, key, found[0][key], value)
					}
				}
			}
		}
	})
}

// The keys are a closed list, so that what is searched by key can be relied on.
func TestKeysAreStable(t *testing.T) {
	logger, lines := jsonLog()
	bubble(t, realtime.Config{Logger: logger, Auth: userByToken{}}, func(f *fixture) {
		mischief(f, "x")
		known := []string{
			"time", "level", "msg", // of slog
			"node", "conn", "namespace", "user", "event", "room", "cause", "detail", "lifetime", "transport", "address", // what it is about
			"id", "err", "code", "for", "where", "panic", "stack", // what went wrong
			"rule", "suppressed", "method", "status", "setting", // what was refused
			"kind", "count", "latency", "average", // what is odd
			"peer", "name", "up", "state", "op", "from", // other nodes
		}
		for _, line := range lines(f.T, "") {
			for key := range line {
				if !slices.Contains(known, key) {
					f.Errorf("key %q is new: %v", key, line)
				}
			}
			if line["node"] == nil {
				f.Errorf("no node: %v", line)
			}
		}
	})
}

// R47, contract point 6: each refused handshake is counted, and logged at most once a second for each rule.
func TestRefusalsAreRateLimited(t *testing.T) {
	logger, lines := jsonLog()
	bubble(t, realtime.Config{Logger: logger}, func(f *fixture) {
		refuse := func(n int, o realtimetest.Options) {
			for range n {
				if _, err := f.host.TryConnect(o); err == nil {
					f.Fatal("not refused")
				}
			}
		}
		foreign := realtimetest.Options{Header: http.Header{"Origin": {"https://evil.example"}}}
		refuse(100, foreign)
		refuse(50, realtimetest.Options{Namespace: "/nowhere"})
		found := lines(f.T, "refused")
		if len(found) != 2 || found[0]["rule"] != "origin" || found[0]["suppressed"] != nil {
			f.Fatalf("%v", found)
		}
		pass(time.Second)
		refuse(10, foreign)
		found = lines(f.T, "refused")
		if len(found) != 3 || found[2]["suppressed"] != float64(99) || found[2]["level"] != "INFO" {
			f.Errorf("%v", found[2:])
		}
		pass(time.Second)
		refuse(1, foreign)
		if found = lines(f.T, "refused"); len(found) != 4 || found[3]["suppressed"] != float64(9) {
			f.Errorf("%v", found[3:])
		}
		if got := f.Stats().Refused["origin"]; got != 111 {
			f.Errorf("%d counted", got)
		}
		if line := found[0]; line["status"] != float64(403) || line["setting"] != `Origins: "https://evil.example"` || line["address"] != "192.0.2.1" {
			f.Errorf("%v", line)
		}
	})
}

// What ends together with its connection is no error: a handler that was waiting, an OnConnect that was too late.
func TestEndsAreNoErrors(t *testing.T) {
	logger, lines := jsonLog()
	told := 0
	bubble(t, realtime.Config{Logger: logger, Hooks: realtime.Hooks{
		HandlerError: func(*realtime.Conn, *realtime.Event, error) { told++ },
	}}, func(f *fixture) {
		realtime.On(f.Server, "wait", func(ctx context.Context, _ *realtime.Conn, _ any) error { <-ctx.Done(); return ctx.Err() })
		realtime.On(f.Server, "cause", func(ctx context.Context, _ *realtime.Conn, _ any) error { <-ctx.Done(); return context.Cause(ctx) })
		realtime.On(f.Server, "emit", func(ctx context.Context, c *realtime.Conn, _ any) error {
			<-ctx.Done()
			return fmt.Errorf("deal: %w", c.Emit(ctx, "card"))
		})
		realtime.On(f.Server, "ask", func(ctx context.Context, c *realtime.Conn, _ any) error {
			_, err := c.EmitWithAck(ctx, "silence")
			return err
		})
		f.OnConnect(func(ctx context.Context, c *realtime.Conn) error {
			if c.Handshake().Query.Get("late") == "" {
				return nil
			}
			<-ctx.Done()
			return c.Join(context.WithoutCancel(ctx), "r")
		})
		for _, event := range []string{"wait", "cause", "emit", "ask"} {
			c := f.connect()
			c.Emit(event)
			synctest.Wait()
			c.Close()
		}
		c := f.host.Connect(realtimetest.Options{Query: map[string][]string{"late": {"1"}}})
		c.Close()
		synctest.Wait()
		for _, line := range lines(f.T, "") {
			if line["level"] == "ERROR" {
				f.Errorf("%v", line)
			}
		}
		if told != 0 {
			f.Errorf("the hook was told %d times", told)
		}
	})
}

// mischief does many things, most of them wrong, and puts a text in every place where a client can put one. It
// returns the session ids that it has seen, and what the server has answered to refused requests.
func mischief(f *fixture, text string) (secrets []string, answers []string) {
	f.T.Helper()
	realtime.On(f.Server, "typed", func(context.Context, *realtime.Conn, vote) error { return nil })
	// A room that the application has accepted is an identifier, as a user's id is: its name is logged at debug.
	realtime.On(f.Server, "join", func(ctx context.Context, c *realtime.Conn, _ string) error { return c.Join(ctx, "r") })
	realtime.On(f.Server, "limited", returnsNothing, realtime.RateLimit(1, time.Hour))
	realtime.On(f.Server, "fail", func(context.Context, *realtime.Conn, any) error { return errors.New("db gone") })
	realtime.On(f.Server, "panic", func(context.Context, *realtime.Conn, string) error { panic("boom") })
	realtime.On(f.Server, "ask", func(ctx context.Context, c *realtime.Conn, _ any) error {
		_, err := realtime.EmitWithAck[int](ctx, c, "question")
		return err
	})
	f.Of("/refusing").Use(func(context.Context, *realtime.Conn) error { return errors.New("middleware broke") })
	f.Of("/exact").Use(func(context.Context, *realtime.Conn) error { return &realtime.ConnectError{Message: "full"} })

	o := realtimetest.Options{
		Auth: token(text), Query: map[string][]string{"token": {text}, "t": {text}},
		Header: http.Header{"Authorization": {"Bearer " + text}, "Cookie": {"sid=" + text}, "User-Agent": {text}, "X-Forwarded-For": {text}},
	}
	for _, tr := range []realtimetest.Transport{realtimetest.WebSocket, realtimetest.Polling, realtimetest.Upgrade} {
		o.Transport = tr
		c := f.host.Connect(o)
		realtimetest.Answer(c, "question", func(any) string { return text })
		for _, event := range []string{"typed", "join", "limited", "limited", "fail", "panic", "ask", "unheard-" + text} {
			_, _ = realtimetest.TryCall[any](c, event, text)
			c.Emit(event, text, map[string]any{"token": text}, realtime.Binary(text))
		}
		for _, ns := range []string{"/refusing", "/exact", "/nowhere-" + text} {
			_, _ = c.TryJoin(realtimetest.Options{Namespace: ns, Auth: token(text)})
		}
		conn := f.conn(c)
		_ = conn.Emit(f.Context(), "reserved", text)
		_ = conn.Emit(f.Context(), "connect", text)
		_ = conn.SetPublic(map[string]string{"text": text})
		_, _ = conn.EmitWithAck(f.Context(), "silence", text)
		_ = f.Server.Emit(f.Context(), "broadcast", text)
		c.Close()
	}
	for _, packet := range []string{
		"9" + text, `2["connect","` + text + `"]`, `2{"` + text + `":1}`, `2["` + text, `0/` + text, `0/n,"` + text + `"`, `1"` + text + `"`,
		`2/` + text + `,["x"]`, `51-["` + text + `",{"_placeholder":true,"num":"` + text + `"}]`, `4{"message":"` + text + `"}`, `3999["` + text + `"]`,
		`2["x","` + strings.Repeat(text+" ", 1_000_000/len(text)) + `"]`,
	} {
		c := f.host.Connect(realtimetest.Options{Auth: token("ann")})
		_ = c.Send(packet)
		synctest.Wait()
	}
	_, _ = f.host.TryConnect(realtimetest.Options{Auth: map[string]string{"other": text}}) // refused by the authenticator

	for _, url := range []string{
		"/socket.io/?EIO=3&transport=polling&token=" + text,
		"/socket.io/?EIO=" + text + "&transport=polling",
		"/socket.io/?EIO=4&transport=" + text,
		"/socket.io/?EIO=4&transport=polling&sid=" + text,
		"/socket.io/?EIO=4&transport=websocket&token=" + text,
		"/elsewhere/" + text,
	} {
		answers = append(answers, f.get(url, nil))
	}
	answers = append(answers,
		f.get("/socket.io/?EIO=4&transport=polling&token="+text, http.Header{"Origin": {"https://evil.example"}, "Cookie": {"sid=" + text}}),
		f.get("/socket.io/?EIO=4&transport=polling", http.Header{"Origin": {"https://" + text + ".example", text}}))

	for _, body := range []string{text, "b" + text, "b!!", "2" + text, "1", "6" + text, "42[\"x\",\"" + text + "\"]", strings.Repeat(text, 1_100_000/len(text)), "\xff\xfe" + text} {
		s := f.raw(`{"token":"` + text + `"}`)
		s.do(http.MethodPost, body)
		s.do(http.MethodDelete, body)
		secrets = append(secrets, s.sid)
	}
	pass(time.Minute)
	return secrets, answers
}

// R2, R14, R55, R56: whatever a client sends, none of it stands in the log, and neither do session ids. Nothing
// of it comes back in the answer to a refused request.
func TestLogHoldsNothingOfClients(t *testing.T) {
	const marker = "s3cret-MARKER"
	bubble(t, realtime.Config{Auth: userByID{}}, func(f *fixture) {
		sids, answers := mischief(f, marker)
		log := f.log.String()
		if n := strings.Count(log, "\n"); n < 100 {
			f.Errorf("only %d lines were logged, the test does not do its work", n)
		}
		for _, secret := range append(sids, marker, "MARKER", strings.ToLower(marker)) {
			for line := range strings.Lines(log) {
				if secret != "" && strings.Contains(line, secret) {
					f.Errorf("%q stands in the log: %.300s", secret, line)
				}
			}
		}
		for _, answer := range answers {
			if strings.Contains(answer, "MARKER") {
				f.Errorf("a refused request was answered with what it held:\n%s", answer)
			}
		}
		for rule := range f.Stats().Refused {
			if strings.Contains(rule, "MARKER") {
				f.Errorf("a rule is named after a client's text: %s", rule)
			}
		}
	})
}

// userByID authenticates any token, under a name that is not the token.
type userByID struct{}

func (userByID) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	id, err := userByToken{}.Authenticate(ctx, h)
	if err == nil {
		id.UserID = "7"
	}
	return id, err
}
