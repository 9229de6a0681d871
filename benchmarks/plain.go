package main

import (
	"encoding/json"
	"sync"
)

// envelope is every message of the servers that have no protocol of their own.
type envelope struct {
	E string          `json:"e"`
	R string          `json:"r,omitempty"`
	I int             `json:"i,omitempty"`
	D json.RawMessage `json:"d,omitempty"`
}

// hub knows who is in which room.
type hub[T comparable] struct {
	mu    sync.RWMutex
	rooms map[string]map[T]struct{}
}

func (h *hub[T]) join(room string, c T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms == nil {
		h.rooms = map[string]map[T]struct{}{}
	}
	if h.rooms[room] == nil {
		h.rooms[room] = map[T]struct{}{}
	}
	h.rooms[room][c] = struct{}{}
}

// leave takes c out of all rooms; it happens when the benchmark is over.
func (h *hub[T]) leave(c T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, members := range h.rooms {
		delete(members, c)
	}
}

// others calls f for every member but one.
func (h *hub[T]) others(room string, but T, f func(T)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for c := range h.rooms[room] {
		if c != but {
			f(c)
		}
	}
}

// handle does what a message wants: reply answers its sender, send hands something to other members of its room.
func (h *hub[T]) handle(from T, msg []byte, reply func([]byte), send func(members func(func(T)), text []byte)) error {
	var e envelope
	if err := json.Unmarshal(msg, &e); err != nil {
		return err
	}
	room := e.R
	switch e.E {
	case "join":
		h.join(room, from)
	case "say":
		e.R = ""
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if e.E == "say" {
		send(func(f func(T)) { h.others(room, from, f) }, text)
		return nil
	}
	reply(text)
	return nil
}
