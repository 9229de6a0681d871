package wiretest

import (
	"errors"
	"fmt"
	"strings"
)

// open performs a handshake and registers the link under its tag.
func (p *player) open(s *Step) bool {
	if s.Op == OpPollOpen {
		return p.openPolling(s)
	}
	conn, err := p.server.Dial()
	if err != nil {
		p.differ(s.At, "dial: %v", err)
		return false
	}
	c, a := openWebsocket(conn, p.ids.subst(s.Path), s.Header)
	if c != nil {
		p.links[s.Tag] = &wsLink{c: c}
	}
	switch want := s.Want; {
	case want == nil && c == nil:
		p.differ(s.At, "handshake answered %d %s (%v)", a.status, clip(string(a.body)), a.err)
	case want == nil:
	case want.Status == 0: // The captured client saw its connection end without an answer.
		if a.err == nil || errors.Is(a.err, errTimeout) {
			p.differ(s.At, "handshake answered %d (%v), want the connection closed without a byte", a.status, a.err)
		}
		return false
	default:
		p.compareAnswer(s, a)
	}
	return c != nil || (s.Want != nil && s.Want.Status != 101)
}

func (p *player) openPolling(s *Step) bool {
	l := &pollLink{dial: p.server.Dial, target: s.Path}
	a, err := l.exchange("GET", nil, nil)
	if err != nil {
		p.differ(s.At, "handshake: %v", err)
		return false
	}
	if err := p.ids.match(string(s.Data), string(a.body)); err != nil {
		p.differ(s.At, "open packet: %v", err)
		return false
	}
	sid := variables(string(s.Data))[0]
	l.target += "&sid=" + p.ids.subst(string(s.Data)[sid.start:sid.end])
	p.links[s.Tag] = l
	return true
}

// linkStep runs a step on the link of its tag.
func (p *player) linkStep(s *Step) bool {
	l, ok := p.links[s.Tag]
	if !ok {
		p.differ(s.At, "no connection%s", onTag(s.Tag))
		return false
	}
	var err error
	switch s.Op {
	case OpSend:
		err = p.send(l, s)
	case OpRecv:
		err = p.recv(l, s)
	case OpClosed:
		err = p.closed(l, s)
	case OpClose:
		p.server.Settle()
		if ev, ok := l.buffered(); ok {
			p.differ(s.At, "not expected before the close: %s", ev)
		}
		err = l.close(s.Code)
		p.server.Settle()
	case OpUpgrade:
		err = p.upgrade(l, s)
	case OpRaw, OpPong:
		ws, isWS := l.(*wsLink)
		switch {
		case !isWS:
			err = errors.New("not a websocket")
		case s.Op == OpRaw:
			_, err = ws.c.conn.Write(s.Data)
		case !ws.c.awaitPong():
			err = errors.New("no control pong")
		}
	}
	if err != nil {
		p.differ(s.At, "%s%s: %v", s.Op, onTag(s.Tag), err)
		return false
	}
	return true
}

func (p *player) send(l link, s *Step) error {
	err := l.send(s.Binary, []byte(p.ids.subst(string(s.Data))), s.Together)
	if !s.Together && p.following != OpRecv && p.following != OpClosed { // those wait by themselves
		p.server.Settle()
	}
	return err
}

func (p *player) recv(l link, s *Step) error {
	ev, err := l.recv()
	switch {
	case err != nil:
		return fmt.Errorf("want %s: %w", wsEvent{binary: s.Binary, data: []byte(p.ids.subst(string(s.Data)))}, err)
	case ev.ended || ev.binary != s.Binary:
		return fmt.Errorf("want %s, got %s", wsEvent{binary: s.Binary, data: s.Data}, ev)
	case s.Binary && string(ev.data) != string(s.Data):
		return fmt.Errorf("want %s, got %s", wsEvent{binary: true, data: s.Data}, ev)
	case s.Binary:
		return nil
	default:
		return p.ids.match(string(s.Data), string(ev.data))
	}
}

func (p *player) closed(l link, s *Step) error {
	ev, err := l.recv()
	switch {
	case err != nil:
		return fmt.Errorf("want the server to close with %d: %w", s.Code, err)
	case ev.ended && ev.code == s.Code && s.Code == closeAbnormal:
		return nil // with or without bytes that are no frame: Node writes a refusal as plain text into an open websocket
	case !ev.ended || ev.code != s.Code || ev.err != nil:
		return fmt.Errorf("want the server to close with %d, got %s", s.Code, ev)
	}
	return nil
}

func (p *player) upgrade(l link, s *Step) error {
	polling, ok := l.(*pollLink)
	if !ok {
		return errors.New("not a polling session")
	}
	open := func(target string) (*wsClient, error) {
		conn, err := p.server.Dial()
		if err != nil {
			return nil, err
		}
		c, a := openWebsocket(conn, target, nil)
		if c == nil {
			return nil, errors.Join(fmt.Errorf("upgrade answered %d %s", a.status, clip(string(a.body))), a.err)
		}
		return c, nil
	}
	upgraded, err := polling.upgrade(open, strings.Replace(polling.target, "transport=polling", "transport=websocket", 1), p.server.Settle)
	if upgraded != nil {
		p.links[s.Tag] = upgraded
	}
	return err
}
