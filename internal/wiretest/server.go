package wiretest

import (
	"encoding/json"
	"net"
	"sync"
	"time"
)

// Server is a server under test, started for one case with the application that the case needs.
type Server interface {
	// Dial opens a connection to it, as a client's TCP connection would be.
	Dial() (net.Conn, error)
	// Shutdown does what the application does when it ends (io.close() in the captures).
	Shutdown() error
	// Restart replaces the server by a fresh one that knows no session.
	Restart() error
	// Settle returns once the server has dealt with all it was sent, as far as it can without waiting for time to pass.
	Settle()
	// Journal is what the application and the server have reported.
	Journal() *Journal
	// Reports tells whether the server can report observations of this kind ("sio_connection", "engine_close", …).
	Reports(kind string) bool
	// Stop ends everything; the server is not used afterwards.
	Stop() error
}

// Factory starts a server for a case.
type Factory func(s *Script) (Server, error)

// Journal collects observations in the order in which they are made. Its methods may be called concurrently.
type Journal struct {
	mu      sync.Mutex
	entries []json.RawMessage
	changed chan struct{} // closed and replaced with every entry
}

// NewJournal returns an empty journal.
func NewJournal() *Journal { return &Journal{changed: make(chan struct{})} }

// Add appends an observation; v must be encodable as JSON.
func (j *Journal) Add(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		data, _ = json.Marshal(map[string]string{"ev": "unencodable", "error": err.Error()})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, data)
	close(j.changed)
	j.changed = make(chan struct{})
}

// Len is the number of observations so far.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.entries)
}

// All returns the observations so far.
func (j *Journal) All() []json.RawMessage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]json.RawMessage(nil), j.entries...)
}

// Await waits until accept is content with the observations so far, and says whether that came in time.
func (j *Journal) Await(accept func(entries []json.RawMessage) bool) bool {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		j.mu.Lock()
		entries, changed := append([]json.RawMessage(nil), j.entries...), j.changed
		j.mu.Unlock()
		if accept(entries) {
			return true
		}
		select {
		case <-changed:
		case <-timeout.C:
			return false
		}
	}
}
