package realtime

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const (
	roomPrefix = "room:"
	userPrefix = "user:"
	connIDLen  = 20
)

// roomName returns the wire name of a game room.
func (s *server) roomName(room string) string {
	if s.cfg.RawRooms {
		return room
	}
	return roomPrefix + room
}

// checkRoom applies the rules for rooms that connections join. With RawRooms nothing else keeps a room
// name that a client supplied apart from a user's or a connection's own room.
func (s *server) checkRoom(room string) error {
	switch {
	case room == "":
		return fmt.Errorf("%w: empty", ErrRoomName)
	case len(room) > s.cfg.Limits.NameLength:
		return fmt.Errorf("%w: longer than %d bytes", ErrRoomName, s.cfg.Limits.NameLength)
	case s.cfg.RawRooms && (strings.HasPrefix(room, userPrefix) || looksLikeConnID(room)):
		return fmt.Errorf("%w: it could be a user's or a connection's", ErrRoomName)
	}
	return nil
}

// looksLikeConnID reports whether s has the form of a connection id: 20 characters of base64url.
func looksLikeConnID(s string) bool {
	if len(s) != connIDLen {
		return false
	}
	for i := range len(s) {
		ch := s[i]
		if !(ch >= '0' && ch <= '9' || ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z' || ch == '-' || ch == '_') {
			return false
		}
	}
	return true
}

// Join puts the connection into rooms. Once it has returned, later broadcasts on this node reach the
// connection. Rooms that it is in already are fine. It returns ErrRoomName, ErrTooManyRooms (then it
// joined none of them) or ErrClosed. A Join in a Use middleware takes effect, and runs OnJoin, when the
// connection is admitted.
func (c *Conn) Join(ctx context.Context, rooms ...string) error {
	names := make([]string, len(rooms))
	for i, room := range rooms {
		if err := c.ns.srv.checkRoom(room); err != nil {
			return err
		}
		names[i] = c.ns.srv.roomName(room)
	}
	added, err := c.join(names)
	c.ns.runJoinHooks(ctx, c, added)
	return err
}

// join adds wire names and returns those that are new.
func (c *Conn) join(names []string) (added []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == left {
		return nil, ErrClosed
	}
	for _, name := range names {
		if !slices.Contains(c.rooms, name) && !slices.Contains(added, name) {
			added = append(added, name)
		}
	}
	if limit := c.ns.srv.cfg.Limits.Rooms; limit >= 0 && len(c.rooms)+len(added) > limit+c.hiddenRooms() {
		return nil, fmt.Errorf("%w: at most %d", ErrTooManyRooms, limit)
	}
	c.rooms = append(c.rooms, added...)
	if c.phase == connecting {
		c.staged = append(c.staged, added...)
		return nil, nil
	}
	c.enter(added)
	return added, nil
}

// enter makes the index know of rooms. The caller holds c.mu.
func (c *Conn) enter(names []string) {
	for _, name := range names {
		if c.ns.index.Join(c, name) {
			c.ns.roomOpened(name)
		}
	}
}

// Leave takes the connection out of rooms. Rooms that it is not in are fine. It returns ErrClosed if the
// connection has ended.
func (c *Conn) Leave(ctx context.Context, rooms ...string) error {
	names := make([]string, len(rooms))
	for i, room := range rooms {
		names[i] = c.ns.srv.roomName(room)
	}
	removed, err := c.leaveRooms(names)
	c.ns.runLeaveHooks(ctx, c, removed)
	return err
}

// leaveRooms removes wire names and returns those that it was in.
func (c *Conn) leaveRooms(names []string) (removed []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == left {
		return nil, ErrClosed
	}
	for _, name := range names {
		i := slices.Index(c.rooms, name)
		if i < 0 || name == c.userRoom() {
			continue
		}
		c.rooms = slices.Delete(slices.Clone(c.rooms), i, i+1)
		if c.phase == connecting {
			c.staged = slices.DeleteFunc(c.staged, func(staged string) bool { return staged == name })
			continue
		}
		removed = append(removed, name)
		if c.ns.index.Leave(c, name) {
			c.ns.roomClosed(name)
		}
	}
	return removed, nil
}

// Rooms returns the rooms of the connection, without its own and its user's. In OnDisconnect they are
// those that it was in at the end.
func (c *Conn) Rooms() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.visibleRooms()
}

// In reports whether the connection is in a room, or was at its end.
func (c *Conn) In(room string) bool {
	name := c.ns.srv.roomName(room)
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.rooms, name) && name != c.userRoom()
}

// visibleRooms strips prefixes and hides the user's room. The caller holds c.mu.
func (c *Conn) visibleRooms() []string {
	rooms := make([]string, 0, len(c.rooms))
	user := c.userRoom()
	for _, name := range c.rooms {
		if name != user {
			rooms = append(rooms, c.ns.srv.visibleRoom(name))
		}
	}
	return rooms
}

// visibleRoom is the opposite of roomName.
func (s *server) visibleRoom(name string) string {
	if s.cfg.RawRooms {
		return name
	}
	return strings.TrimPrefix(name, roomPrefix)
}

// shown turns what nodes tell each other of a connection into what users see: rooms by the names that they
// were given, without the connection's own and its user's. A node that does not name the user tells it by that
// room.
func (s *server) shown(info ConnInfo) ConnInfo {
	rooms := make([]string, 0, len(info.Rooms))
	for _, name := range info.Rooms {
		user, isUser := strings.CutPrefix(name, userPrefix)
		switch {
		case isUser && info.UserID == "":
			info.UserID = user
		case !isUser && name != info.ID:
			rooms = append(rooms, s.visibleRoom(name))
		}
	}
	info.Rooms = rooms
	return info
}

// userRoom returns the wire name of the user's room, or "". The caller holds c.mu.
func (c *Conn) userRoom() string {
	if c.identity == nil || c.identity.UserID == "" {
		return ""
	}
	return userPrefix + c.identity.UserID
}

// hiddenRooms counts the rooms that Limits.Rooms does not. The caller holds c.mu.
func (c *Conn) hiddenRooms() int {
	if c.userRoom() == "" {
		return 0
	}
	return 1
}
