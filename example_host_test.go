package realtime_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// inMemory makes a server whose clients need no port, for the examples of this package. In a program's own
// tests that is realtime.New and realtimetest.Serve(t, srv).
func inMemory(cfg realtime.Config) (srv realtime.Server, host *realtimetest.Server, end func()) {
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := realtime.New(cfg)
	if err != nil {
		panic(err)
	}
	t := &exampleT{}
	return srv, realtimetest.Serve(t, srv), t.end
}

// exampleT is the testing.TB of an example, which has none: what would fail a test ends the example.
type exampleT struct {
	testing.TB // nil: only what is below may be called
	cleanups   []func()
}

func (t *exampleT) Helper()                           {}
func (t *exampleT) Cleanup(fn func())                 { t.cleanups = append(t.cleanups, fn) }
func (t *exampleT) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleT) end() {
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
