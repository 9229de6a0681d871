package adaptertest

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/realtime-go/realtime"
)

// same fails the test unless two messages say the same, but for what the adapter lacks. JSON may be spaced
// and escaped in another way.
func (c *cluster) same(got, want *realtime.Message) {
	c.Helper()
	a, b := c.reduced(got), c.reduced(want)
	if !reflect.DeepEqual(a, b) {
		c.Errorf("message differs\n got %s\nwant %s", encoded(a), encoded(b))
	}
}

// reduced returns a copy in one form, without the fields that are not looked at.
func (c *cluster) reduced(m *realtime.Message) *realtime.Message {
	r := *m
	r.Data, r.Time = normal(m.Data), m.Time.UTC().Round(0)
	r.Conns = nil
	for _, conn := range m.Conns {
		if !c.has(ConnDetails) {
			conn = realtime.ConnInfo{ID: conn.ID, Node: conn.Node, Rooms: conn.Rooms, Public: conn.Public}
		}
		if !c.has(NodeNames) {
			conn.Node = ""
		}
		conn.Public, conn.Connected = normal(conn.Public), conn.Connected.UTC().Round(0)
		r.Conns = append(r.Conns, conn)
	}
	for a, blank := range map[Ability]func(){
		Meta: func() { r.Meta = nil }, Reason: func() { r.Reason = "" }, Compress: func() { r.Compress = nil },
		NodeNames: func() { r.Node = "" }, AnswerConn: func() { r.Conn = "" },
	} {
		if !c.has(a) {
			blank()
		}
	}
	// What is empty may be nil, and the other way round.
	for _, list := range []*[]string{&r.Rooms, &r.Except, &r.Names} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(r.Attachments) == 0 {
		r.Attachments = nil
	}
	if len(r.Meta) == 0 {
		r.Meta = nil
	}
	return &r
}

// normal returns JSON without spaces and needless escapes, numbers as they are written.
func normal(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return append(json.RawMessage("(invalid) "), data...)
	}
	return encoded(v)
}

func encoded(v any) json.RawMessage {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage(err.Error())
	}
	return bytes.TrimSpace(buf.Bytes())
}
