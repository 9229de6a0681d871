package redisadapter

import (
	"sync"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/internal/workq"
)

// The bounds of answers that have come and that Ask has not handed over yet.
const (
	maxAnswers      = 1 << 16
	maxAnswersBytes = 64 << 20
)

// asks are the open questions of this node, by the id under which they are answered. All
// methods may be called concurrently.
type asks struct {
	limit int

	mu   sync.Mutex // guards what follows
	open map[string]*ask
}

// ask is one open question. Answers are queued until the goroutine that asked takes them.
type ask struct {
	id      string
	m       *realtime.Message
	answers workq.Queue[*realtime.Message]
	ready   chan struct{} // one slot: there are answers
}

// add opens a question under an id that the wire has made.
func (a *asks) add(m *realtime.Message, id string) (*ask, error) {
	q := &ask{id: id, m: m, ready: make(chan struct{}, 1)}
	q.answers.Init(maxAnswers, maxAnswersBytes)
	q.answers.OnReady(func() {
		select {
		case q.ready <- struct{}{}:
		default: // told already
		}
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.open) >= a.limit {
		return nil, ErrTooManyRequests
	}
	if a.open == nil {
		a.open = make(map[string]*ask)
	}
	a.open[q.id] = q
	return q, nil
}

// find returns the question of an id, nil if there is none (any more).
func (a *asks) find(id string) *ask {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[id]
}

func (a *asks) remove(q *ask) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, q.id)
}

// answer queues an answer for whoever asks. It reports whether there was room.
func (q *ask) answer(m *realtime.Message) bool {
	return q.answers.Push(len(m.Data)+overhead, m) == nil
}

func (a *asks) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}
