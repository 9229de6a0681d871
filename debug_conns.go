package realtime

import (
	"cmp"
	"slices"
	"time"
)

// connPage collects the first connections after a place in the order in which they came, in bounded memory. That
// order is what makes a cursor hold while connections come and go: none is shown twice, and none that stays is left out.
type connPage struct {
	after    uint64
	size     int
	matching int // seen, before and after the page too
	list     []*Conn
	last     uint64 // the page is full, and none that came later than this belongs to it; 0: it is not full yet
}

// add is called under the locks of the index.
func (p *connPage) add(c *Conn) {
	p.matching++
	if c.order <= p.after || p.last > 0 && c.order > p.last {
		return
	}
	p.list = append(p.list, c)
	if len(p.list) >= 2*(p.size+1) {
		p.trim()
	}
}

// trim keeps the page, and one connection more, which tells that there is a next page.
func (p *connPage) trim() {
	slices.SortFunc(p.list, func(a, b *Conn) int { return cmp.Compare(a.order, b.order) })
	if len(p.list) > p.size {
		clear(p.list[p.size+1:])
		p.list = p.list[:p.size+1]
		p.last = p.list[p.size].order
	}
}

// conns returns the page, and whether there is another.
func (p *connPage) conns() (list []*Conn, more bool) {
	p.trim()
	if len(p.list) > p.size {
		return p.list[:p.size], true
	}
	return p.list, false
}

// connPage returns the page that a request asks for.
func (s *server) connPage(q debugQuery) *connPage {
	p := &connPage{after: q.after, size: q.limit}
	s.visit(q, p.add)
	return p
}

// connOrders are what connections can be sorted by, the largest first.
var connOrders = map[string]func(c *Conn) int64{
	"rtt": func(c *Conn) int64 { return int64(max(c.RTT(), c.mux.session.AwaitingPong())) },
	"queued": func(c *Conn) int64 {
		_, bytes := c.Queue()
		return bytes
	},
	"waiting": func(c *Conn) int64 {
		events, _ := c.mailbox.Len()
		return int64(events)
	},
}

// topConns returns the connections that are ahead in some respect. It looks at every one that matches.
func (s *server) topConns(q debugQuery) (list []*Conn, matching int) {
	s.visit(q, func(c *Conn) { list = append(list, c) })
	value, of := connOrders[q.sort], make(map[*Conn]int64, len(list))
	for _, c := range list { // once each, and without the locks of the index: it changes all the time
		of[c] = value(c)
	}
	slices.SortFunc(list, func(a, b *Conn) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a.order, b.order)) })
	return list[:min(q.limit, len(list))], len(list)
}

// visit calls add, maybe under the locks of the index, once for each connection of the namespaces meant; of one user, or of one room, only for those.
func (s *server) visit(q debugQuery, add func(*Conn)) {
	namespaces := s.namespaceList()
	if q.namespace != "" {
		namespaces = slices.DeleteFunc(namespaces, func(ns *namespace) bool { return ns.name != q.namespace })
	}
	for _, ns := range namespaces {
		switch {
		case q.conn != "" || q.user != "":
			for _, c := range ns.named(q.conn, q.user) {
				if q.room == "" || c.In(q.room) {
					add(c)
				}
			}
		case q.room != "":
			ns.index.Each([]string{s.roomName(q.room)}, nil, add)
		default:
			ns.index.Each(nil, nil, add)
		}
	}
}

// named returns the connection of an id, if it is one of the user's (who may be ""), or those of a user.
func (ns *namespace) named(conn, user string) []*Conn {
	if conn == "" {
		return ns.with([]string{userPrefix + user}).members()
	}
	c, ok := ns.index.Get(conn)
	if !ok || user != "" && c.UserID() != user {
		return nil
	}
	return []*Conn{c}
}

// debugConn is a ConnStats as JSON. Times are milliseconds.
type debugConn struct {
	ID        string    `json:"id"`
	Namespace string    `json:"namespace"`
	User      string    `json:"user,omitempty"`
	Class     string    `json:"class,omitempty"`
	Address   string    `json:"address"`
	Secure    bool      `json:"secure"`
	Transport string    `json:"transport"`
	Connected time.Time `json:"connected"`
	Rooms     int       `json:"rooms"`
	RoomNames []string  `json:"room_names,omitempty"` // only of a connection that was asked for by its id

	Heartbeats []float64 `json:"heartbeats_ms"`
	RTT        float64   `json:"rtt_ms"`
	Latency    float64   `json:"latency_ms"`
	Unanswered float64   `json:"unanswered_ms"`

	WaitingEvents    int    `json:"waiting_events"`
	WaitingBytes     int64  `json:"waiting_bytes"`
	QueuedMessages   int    `json:"queued_messages"`
	QueuedBytes      int64  `json:"queued_bytes"`
	ReceivedMessages uint64 `json:"received_messages"`
	ReceivedBytes    uint64 `json:"received_bytes"`
	SentMessages     uint64 `json:"sent_messages"`
	SentBytes        uint64 `json:"sent_bytes"`
}

func (c *Conn) debug(withRooms bool) debugConn {
	st := c.Stats()
	d := debugConn{
		ID: st.ID, Namespace: st.Namespace, User: st.UserID, Class: st.Class, Address: st.Address, Secure: st.Secure,
		Transport: st.Transport, Connected: st.Connected, Rooms: st.Rooms, Heartbeats: make([]float64, 0, len(st.Heartbeats)),
		RTT: millis(st.RTT), Latency: millis(st.Latency), Unanswered: millis(st.Unanswered),
		WaitingEvents: st.WaitingEvents, WaitingBytes: st.WaitingBytes, QueuedMessages: st.QueuedMessages, QueuedBytes: st.QueuedBytes,
		ReceivedMessages: st.ReceivedMessages, ReceivedBytes: st.ReceivedBytes, SentMessages: st.SentMessages, SentBytes: st.SentBytes,
	}
	for _, trip := range st.Heartbeats {
		d.Heartbeats = append(d.Heartbeats, millis(trip))
	}
	if withRooms {
		d.RoomNames = c.Rooms()
	}
	return d
}

// millis is a time in milliseconds.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
