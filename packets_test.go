package realtime_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// badPackets are Socket.IO packets, without the engine's digit, that end a link (R25, R26, R28, R29, R32, R33).
var badPackets = map[string]string{
	"no type":                   "",
	"unknown type":              "7",
	"letter":                    "x",
	"event object":              `2{"a":1}`,
	"event string":              `2"x"`,
	"event number":              `21"x"`,
	"event without name":        `2[]`,
	"event named true":          `2[true]`,
	"event named null":          `2[null,1]`,
	"event named by an object":  `2[{"toString":1}]`,
	"reserved connect":          `2["connect"]`,
	"reserved connect_error":    `2["connect_error"]`,
	"reserved disconnect":       `2["disconnect"]`,
	"reserved disconnecting":    `2["disconnecting"]`,
	"reserved newListener":      `2["newListener"]`,
	"reserved removeListener":   `2["removeListener"]`,
	"reserved with escapes":     `2["\u0063onnect"]`,
	"truncated":                 `2["x"`,
	"trailing":                  `2["x"]y`,
	"not JSON":                  `2['x']`,
	"disconnect with a payload": `1{}`,
	"ack object":                `31{"a":1}`,
	"connect with an array":     `0/n,[1]`,
	"connect with a string":     `0/n,"x"`,
	"connect error":             `4{"message":"x"}`,
	"connect again":             `0`,
	"namespace not joined":      `2/n,["x"]`,
	"id 2^53":                   `29007199254740992["x"]`,
	"id 2^64":                   `218446744073709551616["x"]`,
	"id 10^400":                 `21` + strings.Repeat("0", 400) + `["x"]`,
	"id -1":                     `2-1["x"]`,
	"ack id 2^53":               `39007199254740992[]`,
	"attachments 0":             `50-["x"]`,
	"attachments 11":            `511-["x"]`,
	"attachments none":          `5["x",{"_placeholder":true,"num":0}]`,
	"attachments negative":      `5-1-["x"]`,
	"attachments +1":            `5+1-["x"]`,
	"attachments 1e0":           `51e0-["x"]`,
	"attachments with a space":  `5 1-["x"]`,
	"attachments huge":          `5` + strings.Repeat("9", 300) + `-["x"]`,
	"placeholder outside":       `51-["x",{"_placeholder":true,"num":1}]`,
	"placeholder negative":      `51-["x",{"_placeholder":true,"num":-1}]`,
	"placeholder fraction":      `51-["x",{"_placeholder":true,"num":0.5}]`,
	"placeholder name":          `51-["x",{"_placeholder":true,"num":"splice"}]`,
	"placeholder huge":          `51-["x",{"_placeholder":true,"num":1000000000}]`,
	"placeholder without num":   `51-["x",{"_placeholder":true}]`,
	"text for an attachment":    `51-["x",{"_placeholder":true,"num":0}]` + "\x1e4" + `2["x"]`,
	"depth 65":                  `2["x",` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `]`,
	"depth 500,000":             `2["x",` + strings.Repeat("[", 490_000) + strings.Repeat("]", 490_000) + `]`,
	"event name of 256 bytes":   `2["` + strings.Repeat("x", 256) + `"]`,
	"event name of 900 KB":      `2["` + strings.Repeat("x", 900_000) + `"]`,
	"namespace of 256 bytes":    `0/` + strings.Repeat("x", 255) + `,`,
}

// R28, R29, R33, R36: a packet that breaks the rules ends the link of its sender. No handler runs, not even for
// good packets right behind it, and others notice nothing.
func TestBadPacketsEndTheLink(t *testing.T) {
	good := `2["good"]`
	serve := func(f *fixture) (handled *atomic.Int32, ends <-chan ended, other *realtimetest.Client) {
		handled = &atomic.Int32{}
		f.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) {
			if ev.Name != "alive" {
				handled.Add(1)
			}
		})
		realtime.Handle(f.Server, "alive", value(true))
		return handled, endings(f, f.Server), f.connect()
	}
	check := func(f *fixture, handled *atomic.Int32, ends <-chan ended, other *realtimetest.Client, id string) {
		f.T.Helper()
		if e := <-ends; e.conn.ID() != id || e.why.Cause != realtime.CauseProtocolError || e.why.Cause.Reason() != "forced close" {
			f.Errorf("%s ended with %+v", e.conn, e.why)
		}
		if n := handled.Load(); n != 0 {
			f.Errorf("%d handlers ran", n)
		}
		if !realtimetest.Call[bool](other, "alive") || other.Reason() != "" || f.Stats().Sessions != 1 {
			f.Errorf("others suffered: %q, %+v", other.Reason(), f.Stats())
		}
	}
	for name, packet := range badPackets {
		t.Run(name, func(t *testing.T) {
			t.Run("websocket", func(t *testing.T) {
				bubble(t, realtime.Config{}, func(f *fixture) {
					handled, ends, other := serve(f)
					s := f.joined()
					go func() { // ends when the socket is closed
						for _, text := range strings.Split("4"+packet+"\x1e4"+good, "\x1e") {
							_ = s.write(opText, text)
						}
						if strings.HasPrefix(packet, "51-") {
							_ = s.write(opBinary, "x") // a wrong placeholder is told when the packet is whole
						}
					}()
					if status := s.closed(); status != 0 {
						f.Errorf("close status %d, the reference server sends none", status)
					}
					_ = s.conn.Close()
					check(f, handled, ends, other, s.id)
				})
			})
			t.Run("polling", func(t *testing.T) {
				bubble(t, realtime.Config{}, func(f *fixture) {
					handled, ends, other := serve(f)
					s := f.raw()
					s.do(http.MethodPost, "4"+packet+"\x1e4"+good)
					if strings.HasPrefix(packet, "51-") {
						s.do(http.MethodPost, "beA==")
					}
					check(f, handled, ends, other, s.id)
				})
			})
		})
	}
}

// The other side of each limit: what is just allowed.
func TestPacketsWithinTheLimits(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		names := make(chan string, 100)
		f.OnAny(func(_ context.Context, _ *realtime.Conn, ev *realtime.Event) { names <- ev.Name })
		c := f.connect()
		long := strings.Repeat("x", 255)
		for packet, name := range map[string]string{
			`29007199254740991["id"]`: "id",
			`2["deep",` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `]`: "deep",
			`2["` + long + `"]`: long,
			`2[5,"x"]`:          "5", // D19
			`2[1e21]`:           "1e+21",
			`2["error","x"]`:    "error", // not reserved by the parser
			`2["__proto__",{"__proto__":1,"constructor":9223372036854775808,"n":1e999}]`: "__proto__", // R35
			`2 ["space"]`: "",
		} {
			if err := c.Send(packet); err != nil {
				f.Fatal(err)
			}
			synctest.Wait()
			if name == "" {
				if c.Reason() == "" {
					f.Errorf("%.40s: a space is no digit for us", packet)
				}
				c = f.connect()
				continue
			}
			select {
			case got := <-names:
				if got != name {
					f.Errorf("%.40s: event %q", packet, got)
				}
			default:
				f.Errorf("%.40s was not handled: %s", packet, c.Reason())
				c = f.connect()
			}
		}
	})
}
