package servers

import (
	"net/http"

	"github.com/olahol/melody"
)

func newMelody() http.Handler {
	m := melody.New()
	m.Config.MessageBufferSize = 4096
	m.Config.MaxMessageSize = 1 << 20
	members := &rooms[*melody.Session]{}
	m.HandleDisconnect(members.leave)
	m.HandleMessage(func(s *melody.Session, message []byte) {
		switch event, d, raw := decode(message); event {
		case "join":
			members.join(d.R, s)
			_ = s.Write(encode("joined", true))
		case "msg":
			out := encode("msg", d)
			members.others(d.R, s, func(o *melody.Session) { _ = o.Write(out) })
		case "echo":
			_ = s.Write(encode("echo", raw))
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = m.HandleRequest(w, r) })
}
