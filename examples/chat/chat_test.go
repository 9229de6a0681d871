package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T) *realtimetest.Server {
	t.Helper()
	srv, err := realtime.New(realtime.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	newChat(srv)
	return realtimetest.Serve(t, srv)
}

// person connects under a name.
func person(host *realtimetest.Server, name string) *realtimetest.Client {
	return host.Connect(realtimetest.Options{Auth: map[string]string{"name": name}})
}

func enter(c *realtimetest.Client, room string) Entered {
	return realtimetest.Call[Entered](c, "enter", Enter{Room: room})
}

// names of those in a room, in the order of their coming.
func names(h Here) []string {
	list := []string{}
	for _, m := range h.Members {
		list = append(list, m.Name)
	}
	return list
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAMessageReachesTheRoomAndItsHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		ann, bob, eve := person(host, "Ann"), person(host, " Bob "), person(host, "Eve")
		enter(ann, "lobby")
		enter(bob, "lobby")
		enter(eve, "cellar")

		said := realtimetest.Call[Message](ann, "say", Say{Text: "<b>hello</b>"})
		want := Message{ID: said.ID, Room: "lobby", From: ann.ID(), Name: "Ann", Text: "<b>hello</b>", At: time.Now().UnixMilli()}
		check(t, "acknowledgement", said, want)
		check(t, "message to Bob", realtimetest.Expect[Message](bob, "message"), want)

		late := enter(person(host, "Late"), "lobby")
		check(t, "history", late.History, []Message{want})
		check(t, "who is here", names(late.Here), []string{"Ann", "Bob", "Late"})

		synctest.Wait()
		for _, pending := range append(ann.Pending(), eve.Pending()...) {
			if strings.Contains(pending, "message") {
				t.Errorf("the sender or another room got %s", pending)
			}
		}
	})
}

func TestEveryoneSeesWhoComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		ann, bob := person(host, "Ann"), person(host, "Bob")
		here := func() []string { return names(realtimetest.Expect[Here](ann, "here")) }

		enter(ann, "lobby")
		check(t, "Ann alone", here(), []string{"Ann"})
		enter(bob, "lobby")
		check(t, "Bob came", here(), []string{"Ann", "Bob"})
		enter(bob, "cellar")
		check(t, "Bob moved on", here(), []string{"Ann"})
		enter(bob, "lobby")
		check(t, "Bob came back", here(), []string{"Ann", "Bob"})
		bob.Cut()               // nobody is told: the heartbeat finds out
		time.Sleep(time.Minute) // synctest: interval and timeout of the heartbeat pass
		check(t, "Bob was lost", here(), []string{"Ann"})
	})
}

func TestRoomsAreListedWhileSomebodyIsInThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		ann := person(host, "Ann")
		rooms := func() []RoomInfo { return realtimetest.Expect[Rooms](ann, "rooms").Rooms }
		check(t, "on connecting", rooms(), []RoomInfo{})
		enter(ann, "lobby")
		check(t, "after entering", rooms(), []RoomInfo{{"lobby", 1}})
		bob := person(host, "Bob")
		enter(bob, "attic")
		check(t, "with another", rooms(), []RoomInfo{{"attic", 1}, {"lobby", 1}})
		realtimetest.Call[Message](bob, "say", Say{Text: "gone with the room"})
		bob.Disconnect()
		check(t, "after that", rooms(), []RoomInfo{{"lobby", 1}})
		check(t, "history of an emptied room", enter(ann, "attic").History, []Message{})
	})
}

func TestNamesThatAreRefused(t *testing.T) {
	host := serve(t)
	for _, auth := range []any{
		nil,
		map[string]any{"name": ""},
		map[string]any{"name": " \t "},
		map[string]any{"name": strings.Repeat("x", maxName+1)},
		map[string]any{"name": "a\u202eb"},
		map[string]any{"name": 7},
	} {
		_, err := host.TryConnect(realtimetest.Options{Auth: auth})
		var refused *realtime.ConnectError
		if !errors.As(err, &refused) || refused.Message != "choose a name of 1 to 24 characters" {
			t.Errorf("auth %v: error %v, want a refusal", auth, err)
		}
	}
	host.Connect(realtimetest.Options{Auth: map[string]string{"name": strings.Repeat("ü", maxName)}})
}

func TestEventsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		ann := person(host, "Ann")
		code := func(event string, payload any) string {
			_, err := realtimetest.TryCall[Message](ann, event, payload)
			var e *realtime.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s %v: error %v, want a reply with a code", event, payload, err)
			}
			return e.Code
		}
		check(t, "say without a room", code("say", Say{Text: "x"}), "no_room")
		for _, room := range []string{"", " lobby", "a/b", "user:7", strings.Repeat("x", 33), "a\nb"} {
			check(t, "room "+room, code("enter", Enter{Room: room}), realtime.CodeInvalid)
		}
		enter(ann, "lobby")
		check(t, "empty text", code("say", Say{Text: " \n"}), realtime.CodeInvalid)
		check(t, "endless text", code("say", Say{Text: strings.Repeat("x", maxText+1)}), realtime.CodeInvalid)
		check(t, "wrong type", code("say", map[string]int{"text": 1}), realtime.CodeInvalidPayload)
		for range 10 {
			_, _ = realtimetest.TryCall[Message](ann, "say", Say{Text: "x"})
		}
		check(t, "the eleventh", code("say", Say{Text: "x"}), realtime.CodeRateLimited)
	})
}

func TestTheNumberOfRoomsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		for i := range maxRooms {
			enter(person(host, "N"), "room "+strings.Repeat("x", i%10)+string(rune('a'+i/10)))
		}
		late := person(host, "Late")
		_, err := realtimetest.TryCall[Entered](late, "enter", Enter{Room: "one too many"})
		var e *realtime.Error
		if !errors.As(err, &e) || e.Code != "too_many_rooms" {
			t.Fatalf("error %v, want too_many_rooms", err)
		}
		enter(late, "room a")
	})
}

func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := serve(t)
		ann := person(host, "Ann")
		enter(ann, "lobby")
		for range maxHistory + 5 {
			realtimetest.Call[Message](ann, "say", Say{Text: "x"})
			time.Sleep(time.Second) // synctest: within the rate
		}
		history := enter(person(host, "Bob"), "lobby").History
		check(t, "messages remembered", len(history), maxHistory)
		check(t, "the last one", history[maxHistory-1].ID, uint64(maxHistory+5))
	})
}

func TestFiles(t *testing.T) {
	h := handler(http.NotFoundHandler())
	for path, contentType := range map[string]string{
		"/":             "text/html; charset=utf-8",
		"/chat.css":     "text/css; charset=utf-8",
		"/chat.mjs":     "text/javascript; charset=utf-8",
		"/icon.svg":     "image/svg+xml",
		"/realtime.mjs": "text/javascript; charset=utf-8",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType {
			t.Errorf("%s: status %d, type %q; want 200 and %q", path, w.Code, w.Header().Get("Content-Type"), contentType)
		}
	}
}

// TestRun starts the program on a free port of the loopback interface, as a person would, and ends it.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "127.0.0.1:0", in) }() // ends with ctx, awaited below
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(line, "chat: open "))
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{
		"/":                                   "<title>Chat</title>",
		"/socket.io/?EIO=4&transport=polling": `"upgrades":["websocket"]`,
	} {
		resp, err := web.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %q (%v), want %q in it", path, body, err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run ended with %v", err)
	}
}
