package servers

import (
	"net/http"

	"github.com/lxzan/gws"
)

type gwsHandler struct {
	gws.BuiltinEventHandler
	rooms rooms[*gws.Conn]
}

func newGWS() http.Handler {
	h := &gwsHandler{}
	up := gws.NewUpgrader(h, &gws.ServerOption{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err != nil {
			return
		}
		go c.ReadLoop() // apart, so that what net/http holds for the request goes
	})
}

func (h *gwsHandler) OnClose(c *gws.Conn, _ error) { h.rooms.leave(c) }

func (h *gwsHandler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	switch event, d, raw := decode(m.Bytes()); event {
	case "join":
		h.rooms.join(d.R, c)
		_ = c.WriteMessage(gws.OpcodeText, encode("joined", true))
	case "msg":
		b := gws.NewBroadcaster(gws.OpcodeText, encode("msg", d))
		defer b.Close()
		h.rooms.others(d.R, c, func(o *gws.Conn) { _ = b.Broadcast(o) })
	case "echo":
		_ = c.WriteMessage(gws.OpcodeText, encode("echo", raw))
	}
}
