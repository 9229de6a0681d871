package realtime

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// ConnStats is how one connection of this node is doing. It holds no credentials: nothing of the client's headers, query or
// auth payload. What concerns the link is that of all connections of the client's session together.
type ConnStats struct {
	ID        string
	Link      string // of the client's session: the same for all of its connections. It is no session id and opens nothing
	Namespace string
	UserID    string // "" if it is anonymous
	Class     string // of SessionPolicy.Class
	Address   string // the client's IP address
	Secure    bool   // TLS
	Transport string // "websocket" or "polling"
	Connected time.Time
	Rooms     int // without its own and its user's

	// Heartbeats holds how long the client took to answer the last pings, in whole milliseconds, at most eight, the
	// oldest first; RTT is the last of them, Latency the moving average (a new one counts an eighth), and Unanswered how
	// long a ping has been waiting for its answer. 0 means none so far.
	Heartbeats []time.Duration
	RTT        time.Duration
	Latency    time.Duration
	Unanswered time.Duration

	WaitingEvents  int   // received, not handled yet
	WaitingBytes   int64 // in them
	QueuedMessages int   // to be sent on the link
	QueuedBytes    int64 // in them

	// Messages of the link since it was opened, in bytes of what they carry (inbound) and as frames of a
	// websocket (outbound). Attachments count as messages of their own when they come in.
	ReceivedMessages, ReceivedBytes uint64
	SentMessages, SentBytes         uint64
}

// link names the session without being its id, which is a secret of the client (requirement R56).
func (m *mux) link() string {
	sum := sha256.Sum256([]byte(m.session.ID()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Stats returns how the connection is doing. It may be called at any time, also after its end.
func (c *Conn) Stats() ConnStats {
	link := c.mux.session.Stats()
	st := ConnStats{
		ID: c.id, Link: c.mux.link(), Namespace: c.ns.name, UserID: c.UserID(),
		Address: c.mux.address(), Secure: c.mux.session.Handshake().TLS, Transport: c.Transport(), Connected: c.connected,
		Heartbeats: link.Heartbeats, RTT: c.RTT(), Latency: link.Average, Unanswered: link.Awaiting,
		QueuedMessages: link.QueuedMessages, QueuedBytes: link.QueuedBytes,
		ReceivedMessages: link.Received, ReceivedBytes: link.ReceivedBytes,
		SentMessages: link.Sent, SentBytes: link.SentBytes,
	}
	st.WaitingEvents, st.WaitingBytes = c.mailbox.Len()
	c.mu.Lock()
	defer c.mu.Unlock()
	st.Rooms = len(c.rooms) - c.hiddenRooms()
	if c.admitted { // the class is settled before
		st.Class = c.class
	}
	return st
}
