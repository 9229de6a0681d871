package registry

import (
	"sync"

	"github.com/realtime-go/realtime/internal/workq"
)

// errand is work that is asked for from time to time. Its goroutine lives while there is some; run is called by one
// at a time, and once more when somebody asked meanwhile. All methods may be called concurrently.
type errand struct {
	group *workq.Group
	run   func()

	mu      sync.Mutex
	running bool
	asked   bool
	ended   bool
}

// ask has run called, by and by. It does not block.
func (e *errand) ask() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.asked = true
	if !e.running {
		e.running = true
		e.group.Go(e.loop) // owned by the registry; ends when nobody asks any more, or with end
	}
}

func (e *errand) loop() {
	for e.next() {
		e.run()
	}
}

func (e *errand) next() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || !e.asked {
		e.running = false
		return false
	}
	e.asked = false
	return true
}

// end makes the errand run no more. A run that is going on is not interrupted.
func (e *errand) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
}
