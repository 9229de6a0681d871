package realtime_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// A flood of one kind of line is cut to Config.LogRate a second; what was left out is counted, other kinds are not touched.
func TestLinesAreSampled(t *testing.T) {
	for rate, written := range map[int]int{0: 100, 3: 3, -1: 250} {
		logger, lines := jsonLog()
		bubble(t, realtime.Config{Logger: logger, LogRate: rate, Limits: realtime.Limits{EventBurst: -1, EventRate: -1}}, func(f *fixture) {
			realtime.On(f.Server, "fail", func(context.Context, *realtime.Conn, any) error { return errors.New("db gone") })
			realtime.On(f.Server, "refuse", func(context.Context, *realtime.Conn, any) error { return realtime.Errorf("no", "no") })
			c := f.connect()
			for range 250 {
				c.Emit("fail")
				c.Emit("refuse")
				synctest.Wait()
			}
			if n := len(lines(f.T, "internal error")); n != written {
				f.Errorf("rate %d: %d lines, want %d", rate, n, written)
			}
			if n := len(lines(f.T, "event refused")); n != 250 {
				f.Errorf("rate %d: %d lines at debug", rate, n)
			}
			pass(time.Second)
			c.Emit("fail")
			synctest.Wait()
			found := lines(f.T, "internal error")
			want := any(float64(250 - written))
			if written == 250 {
				want = nil
			}
			if last := found[len(found)-1]; len(found) != written+1 || last["suppressed"] != want || last["node"] == nil {
				f.Errorf("rate %d: %d lines, the last is %v", rate, len(found), last)
			}
			if n := len(lines(f.T, "connected")); n != 1 {
				f.Errorf("rate %d: %d other lines", rate, n)
			}
		})
	}
}

// Codes of an application fill neither the counts nor the log.
func TestRefusalsAreBounded(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		n := 0
		f.Use(func(context.Context, *realtime.Conn) error {
			n++
			return realtime.Errorf("code-"+string(rune('a'+n)), "no")
		})
		for range 300 {
			if _, err := f.host.TryConnect(realtimetest.Options{}); err == nil {
				f.Fatal("not refused")
			}
		}
		counts := f.Stats().Refused
		if len(counts) != 257 || counts["other"] != 300-256 {
			f.Errorf("%d rules, %d others", len(counts), counts["other"])
		}
	})
}

// The id in a client's "internal" error is in exactly one line, whether a handler failed or panicked.
func TestInternalErrorsAreFoundInTheLog(t *testing.T) {
	logger, lines := jsonLog()
	bubble(t, realtime.Config{Logger: logger}, func(f *fixture) {
		realtime.On(f.Server, "fail", func(context.Context, *realtime.Conn, any) error { return errors.New("db gone") })
		realtime.On(f.Server, "panic", func(context.Context, *realtime.Conn, any) error { panic("boom") })
		c := f.connect()
		for event, msg := range map[string]string{"fail": "internal error", "panic": "panic recovered"} {
			c.Emit(event)
			reply := realtimetest.Expect[struct{ Error struct{ Code, ID string } }](c, "exception")
			found := lines(f.T, msg)
			if len(found) != 1 || reply.Error.Code != "internal" || len(reply.Error.ID) != 12 || found[0]["id"] != reply.Error.ID {
				f.Errorf("%s: %+v, %v", event, reply, found)
			}
		}
	})
}
