package adminui

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"time"

	"github.com/realtime-go/realtime"
)

// socket describes a connection to the page.
type socket struct {
	ID        string          `json:"id"`
	ClientID  string          `json:"clientId"`
	Transport string          `json:"transport"`
	Nsp       string          `json:"nsp"`
	Data      json.RawMessage `json:"data"`
	Handshake handshake       `json:"handshake"`
	Rooms     []string        `json:"rooms"`
}

type handshake struct {
	Address string            `json:"address"`
	Headers map[string]string `json:"headers"`
	Query   map[string]string `json:"query"`
	Issued  int64             `json:"issued"` // milliseconds since 1970
	Secure  bool              `json:"secure"`
	Time    string            `json:"time"`
	URL     string            `json:"url"`
	XDomain bool              `json:"xdomain"`
}

// What is shown of a request: a list of what may be seen, since secrets may stand anywhere else.
var (
	shownHeaders    = []string{"User-Agent", "Host", "Origin"}
	shownParameters = []string{"EIO", "transport"}
)

// listBytes bounds the list that a page gets when it connects.
const listBytes = 512 << 10

// allSockets lists connections of the whole cluster, at most Options.Sockets of them and listBytes.
func (u *UI) allSockets(ctx context.Context) []json.RawMessage {
	list, size := []json.RawMessage{}, 0
	for _, n := range u.srv.Namespaces() {
		ns, ok := u.srv.Lookup(n.Name)
		if !ok {
			continue
		}
		for info, err := range ns.Conns(ctx) {
			if err != nil {
				u.log.Warn("admin ui: connections of other nodes unknown", slog.Any("err", err))
				break
			}
			s := remote(ns.Name(), info)
			if c, ok := ns.Conn(info.ID); ok {
				s = describe(c)
			}
			text, err := json.Marshal(s)
			if err != nil {
				continue // nothing in it can fail to encode
			}
			if size += len(text); len(list) == u.opts.Sockets || size > listBytes {
				u.log.Warn("admin ui: connections left out of a list", slog.Int("shown", len(list)))
				return list
			}
			list = append(list, text)
		}
	}
	return list
}

// describe shows a connection of this node.
func describe(c *realtime.Conn) socket {
	h, st := c.Handshake(), c.Stats()
	s := socket{
		ID: c.ID(), ClientID: st.Link, Transport: st.Transport, Nsp: st.Namespace, Data: publicData(c.Public()),
		Rooms: append([]string{c.ID()}, c.Rooms()...),
		Handshake: handshake{
			Address: h.Address, Headers: map[string]string{}, Query: map[string]string{}, Issued: h.Issued.UnixMilli(),
			Secure: h.Secure, Time: h.Issued.Format(time.RFC1123), XDomain: h.XDomain,
		},
	}
	for _, name := range shownHeaders {
		if v := h.Header.Get(name); v != "" {
			s.Handshake.Headers[name] = v
		}
	}
	query := url.Values{}
	for _, name := range shownParameters {
		if v := h.Query.Get(name); v != "" {
			s.Handshake.Query[name] = v
			query.Set(name, v)
		}
	}
	s.Handshake.URL = h.Path + "?" + query.Encode()
	return s
}

// remote shows a connection of another node. A Node.js server says in its data what it knows beside.
func remote(nsp string, info realtime.ConnInfo) socket {
	s := socket{
		ID: info.ID, ClientID: info.ID[:min(12, len(info.ID))], Transport: info.Transport, Nsp: nsp, Data: publicData(info.Public),
		Rooms: append([]string{info.ID}, info.Rooms...),
		Handshake: handshake{
			Address: info.Address, Headers: map[string]string{}, Query: map[string]string{}, Issued: info.Connected.UnixMilli(),
			Secure: info.Secure, Time: info.Connected.Format(time.RFC1123),
		},
	}
	var data struct {
		Admin struct{ ClientID, Transport string } `json:"_admin"`
	}
	if json.Unmarshal(info.Public, &data) == nil && data.Admin.ClientID != "" {
		s.ClientID, s.Transport = data.Admin.ClientID, data.Admin.Transport
	}
	return s
}

// publicData is what SetPublic stored, as an object: the page takes nothing else. The reference keeps notes of its own in it.
func publicData(public json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(public, &fields) != nil || fields == nil {
		if len(public) == 0 {
			return json.RawMessage(`{}`)
		}
		fields = map[string]json.RawMessage{"public": public}
	}
	delete(fields, "_admin")
	data, err := json.Marshal(fields)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return data
}
