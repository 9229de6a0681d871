package realtime_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-go/realtime"
)

// TestDocsMessages plays the conversations of docs/messages.md against a server, byte for byte.
func TestDocsMessages(t *testing.T) {
	page, err := os.ReadFile("docs/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := codeBlocks(string(page))
	played := 0
	for _, b := range blocks {
		kind, flavour, _ := strings.Cut(b.info, " ")
		if kind != "wire" {
			continue
		}
		played++
		t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) { playWire(t, flavour, b.text) })
	}
	if played < 10 {
		t.Fatalf("only %d conversations found", played)
	}
}

// playWire plays one conversation: "raw" from the first byte on, otherwise with "/" joined already, "nest"
// with NestReplies, "polling" over long-polling.
func playWire(t *testing.T, flavour, text string) {
	cfg := realtime.Config{Logger: (&logBook{}).logger()}
	if flavour == "nest" {
		cfg.Replies = realtime.NestReplies()
	}
	srv, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	messagesProgram(srv)
	web := httptest.NewServer(srv)
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		if err := srv.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	var w wireClient
	upgrades := ""
	if flavour == "polling" {
		w, upgrades = &pollingWire{t: t, url: web.URL + "/socket.io/?EIO=4&transport=polling"}, `"websocket"`
	} else {
		w = dialWire(t, web.URL)
	}
	t.Cleanup(w.close)
	if flavour != "raw" {
		w.expect(`0{"sid":"…","upgrades":[` + upgrades + `],"pingInterval":25000,"pingTimeout":10000,"maxPayload":1000000}`)
		w.send("40")
		w.expect(`40{"sid":"…"}`)
	}
	for line := range strings.Lines(text) {
		switch mark, packet, _ := strings.Cut(strings.TrimRight(line, "\n"), " "); mark {
		case ">":
			w.send(packet)
		case "<":
			w.expect(packet)
		default:
			t.Fatalf("neither > nor <: %q", line)
		}
	}
	if flavour != "raw" { // and nothing else was sent
		w.send(`4299["sync"]`)
		w.expect(`4399[true]`)
	}
}

// messagesProgram is the program whose messages docs/messages.md shows.
func messagesProgram(srv realtime.Server) {
	srv.OnConnect(func(ctx context.Context, c *realtime.Conn) error { return c.Join(ctx, "42") })
	realtime.Handle(srv, "sync", func(context.Context, *realtime.Conn, any) (bool, error) { return true, nil })
	realtime.On(srv, "say", func(ctx context.Context, c *realtime.Conn, in struct {
		Text string `json:"text"`
	},
	) error {
		type said struct {
			From string `json:"from"`
			Text string `json:"text"`
		}
		return srv.To("42").Emit(ctx, "said", said{c.ID(), in.Text})
	})
	realtime.Handle(srv, "move", func(_ context.Context, _ *realtime.Conn, m Move) (Move, error) {
		m.X++
		return m, nil
	})
	realtime.Handle(srv, "vote", func(_ context.Context, c *realtime.Conn, v Vote) (Tally, error) {
		if !c.In(v.Room) {
			return Tally{}, realtime.Errorf("not_seated", "join the table first")
		}
		return Tally{Yes: 1}, nil
	})
	realtime.Handle(srv, "vote.2", func(context.Context, *realtime.Conn, struct{ Choice string }) (any, error) {
		return struct {
			Tally
			Abstain int `json:"abstain"`
		}{Abstain: 1}, nil
	})
	realtime.On(srv, "sit", func(_ context.Context, _ *realtime.Conn, in struct{ Room string }) error {
		if in.Room == "full" {
			return &realtime.Error{Code: "table_full", Message: "the table is full", Data: map[string]int{"seats": 4}}
		}
		return nil
	})
	realtime.On(srv, "buy", func(ctx context.Context, c *realtime.Conn, item string) error {
		if sure, err := realtime.EmitWithAck[bool](ctx, c, "sure?", item); err != nil || !sure {
			return err
		}
		return c.Emit(ctx, "bought", item)
	})
	realtime.On(srv, "crash", func(context.Context, *realtime.Conn, any) error { return errors.New("a secret") })
	realtime.Handle(srv, "total", func(_ context.Context, _ *realtime.Conn, n []int) (realtime.NestEvent, error) {
		return realtime.NestEvent{Event: "total", Data: n[0] + n[1] + n[2]}, nil
	})
	realtime.Handle(srv, "photo", func(_ context.Context, _ *realtime.Conn, p Photo) (Photo, error) {
		return Photo{Title: "small " + p.Title, Data: p.Data[:2]}, nil
	})
	srv.Of("/closed").OnConnect(func(context.Context, *realtime.Conn) error {
		return realtime.Errorf("closed", "come back tomorrow")
	})
	srv.Of("/table").Use(func(_ context.Context, c *realtime.Conn) error {
		var auth struct{ Token string }
		switch err := c.Handshake().BindAuth(&auth); {
		case err != nil:
			return err
		case auth.Token == "":
			return realtime.Errorf(realtime.CodeUnauthorized, "log in first")
		case auth.Token == "bob":
			return &realtime.Error{Code: "banned", Message: "banned until tomorrow", Data: map[string]string{"until": "2026-01-02"}}
		}
		return nil
	})
	srv.Of("/game").SetAuth(visitors{})
	for _, ns := range []realtime.Namespace{srv, srv.Of("/game")} {
		realtime.On(ns, "kick", func(context.Context, *realtime.Conn, any) error { return nil }, realtime.Require("host"))
	}
	srv.Of("/v2").Use(func(_ context.Context, c *realtime.Conn) error {
		var auth struct{ Version int }
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.Version < 2 {
			return &realtime.Error{Code: "too_old", Message: "please update", Data: map[string]int{"least": 2}}
		}
		return nil
	})
}

// visitors authenticates {"token":"USER"} for half a minute and {"token":"USER, an hour"} for longer.
type visitors struct{}

func (visitors) Authenticate(_ context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct{ Token string }
	if err := h.BindAuth(&auth); err != nil {
		return nil, err
	}
	user, long := strings.CutSuffix(auth.Token, ", an hour")
	if user == "nobody" {
		return nil, realtime.Errorf(realtime.CodeUnauthorized, "token not accepted")
	}
	lasts := 30 * time.Second
	if long {
		lasts = time.Hour
	}
	return &realtime.Identity{UserID: user, ExpiresAt: time.Now().Add(lasts)}, nil
}

// wireClient sends and reads messages as the page writes them.
type wireClient interface {
	send(packet string)
	expect(packet string)
	close()
}

const binaryMark = "(binary) "

// matchWire compares a message with the page, where … stands for anything without a quote.
func matchWire(t *testing.T, got, want string) {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", `[^"]+`) + "$"
	if !regexp.MustCompile(pattern).MatchString(got) {
		t.Fatalf("the server sent\n\t%s\nand the page says\n\t%s", got, want)
	}
}

// websocketWire is a wireClient over websocket.
type websocketWire struct {
	t    *testing.T
	conn *websocket.Conn
}

func dialWire(t *testing.T, url string) *websocketWire {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(),
		strings.Replace(url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &websocketWire{t, conn}
}

func (w *websocketWire) close() { _ = w.conn.Close() }

func (w *websocketWire) send(packet string) {
	w.t.Helper()
	kind, data := websocket.TextMessage, []byte(packet)
	if text, binary := strings.CutPrefix(packet, binaryMark); binary {
		var err error
		if data, err = hex.DecodeString(strings.ReplaceAll(text, " ", "")); err != nil {
			w.t.Fatal(err)
		}
		kind = websocket.BinaryMessage
	}
	if err := w.conn.WriteMessage(kind, data); err != nil {
		w.t.Fatal(err)
	}
}

func (w *websocketWire) expect(packet string) {
	w.t.Helper()
	kind, data, err := w.conn.ReadMessage()
	if err != nil {
		w.t.Fatalf("instead of %s: %v", packet, err)
	}
	got := string(data)
	if kind == websocket.BinaryMessage {
		got = binaryMark + fmt.Sprintf("% x", data)
	}
	matchWire(w.t, got, packet)
}

// pollingWire is a wireClient over long-polling. ␞ stands for the separator.
type pollingWire struct {
	t   *testing.T
	url string
}

func (w *pollingWire) close() {}

func (w *pollingWire) send(packet string) {
	w.t.Helper()
	if got := w.do(http.MethodPost, strings.ReplaceAll(packet, "␞", "\x1e")); got != "ok" {
		w.t.Fatalf("POST answered with %q", got)
	}
}

func (w *pollingWire) expect(packet string) {
	w.t.Helper()
	got := w.do(http.MethodGet, "")
	if sid := regexp.MustCompile(`^0\{"sid":"([^"]+)"`).FindStringSubmatch(got); sid != nil {
		w.url += "&sid=" + sid[1]
	}
	matchWire(w.t, strings.ReplaceAll(got, "\x1e", "␞"), packet)
}

func (w *pollingWire) do(method, body string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s %v", method, resp.Status, err)
	}
	return string(data)
}

// codeBlock is a fenced block of a page.
type codeBlock struct {
	info string // behind the fence, e.g. "go"
	line int    // of the fence
	text string
}

// codeBlocks returns the fenced blocks of a page.
func codeBlocks(page string) (blocks []codeBlock) {
	inside := false
	number := 0
	for line := range strings.Lines(page) {
		number++
		line = strings.TrimPrefix(line, "   ") // in a list
		info, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && inside:
			inside = false
		case fence:
			inside = true
			blocks = append(blocks, codeBlock{info: info, line: number})
		case inside:
			blocks[len(blocks)-1].text += line
		}
	}
	return blocks
}
