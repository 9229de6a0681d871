package main

import (
	"context"
	"net/http"

	"github.com/olahol/melody"
)

func newMelody(order) (service, error) {
	h := &hub[*melody.Session]{}
	m := melody.New()
	m.Config.MaxMessageSize = 4096
	m.HandleDisconnect(h.leave)
	m.HandleMessage(func(s *melody.Session, msg []byte) {
		write := func(to *melody.Session, text []byte) {
			if to.Write(text) != nil {
				_ = to.Close()
			}
		}
		if h.handle(s, msg, func(text []byte) { write(s, text) }, func(members func(func(*melody.Session)), text []byte) {
			members(func(to *melody.Session) { write(to, text) })
		}) != nil {
			_ = s.Close()
		}
	})
	serve := func(w http.ResponseWriter, r *http.Request) { _ = m.HandleRequest(w, r) }
	return service{http.HandlerFunc(serve), "MaxMessageSize 4096, MessageBufferSize 256", func(context.Context) error { return m.Close() }}, nil
}
