package main

import (
	"context"
	"net/http"

	"github.com/lxzan/gws"
)

type gwsServer struct {
	gws.BuiltinEventHandler
	hub hub[*gws.Conn]
}

func (s *gwsServer) OnClose(c *gws.Conn, _ error) { s.hub.leave(c) }

func (s *gwsServer) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

func (s *gwsServer) OnMessage(c *gws.Conn, m *gws.Message) {
	defer func() { _ = m.Close() }() // gives its buffer back
	err := s.hub.handle(c, m.Bytes(), func(text []byte) { _ = c.WriteMessage(gws.OpcodeText, text) }, func(members func(func(*gws.Conn)), text []byte) {
		b := gws.NewBroadcaster(gws.OpcodeText, text)
		defer func() { _ = b.Close() }() // gives its buffer back
		members(func(to *gws.Conn) { _ = b.Broadcast(to) })
	})
	if err != nil {
		_ = c.WriteClose(1007, nil)
	}
}

func newGws(order) (service, error) {
	up := gws.NewUpgrader(&gwsServer{}, &gws.ServerOption{})
	serve := func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r); err == nil {
			go c.ReadLoop() // so that the handler of net/http returns, as that library advises; ends with the connection
		}
	}
	return service{http.HandlerFunc(serve), "Broadcaster, ReadLoop in a goroutine of its own", func(context.Context) error { return nil }}, nil
}
