package realtime

import (
	"log/slog"
	"runtime/debug"
)

// backgroundTask is user code that must not run where it became due.
type backgroundTask struct {
	where string
	run   func()
}

// later queues user code for the background goroutine. A full queue drops it: then the result is false, it is
// counted, and the log says so.
func (s *server) later(where string, run func()) bool {
	if err := s.background.Push(0, backgroundTask{where, run}); err != nil {
		s.hookLost()
		s.log.Warn("background queue full: call dropped", slog.String("where", where))
		return false
	}
	return true
}

// hookLost counts a call that was dropped.
func (s *server) hookLost() {
	s.counters.hooksLost.Add(1)
	s.observeHookLost()
}

func (s *server) runBackground(batch []backgroundTask) {
	for _, t := range batch {
		s.guard(t.where, t.run)
	}
}

// guard recovers panics of user code that concerns no connection.
func (s *server) guard(where string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(&panicError{where: where, value: v, id: newErrorID()}, debug.Stack())
		}
	}()
	fn()
}
