package main

import (
	"strings"
	"time"
)

const (
	maxText    = 300 // runes of a message
	maxHistory = 50  // messages that a table remembers
)

// chat is what was said at a table. It belongs to the table, under the table's lock.
type chat struct {
	last  uint64 // id
	lines []ChatLine
}

func (c *chat) add(line ChatLine) ChatLine {
	c.last++
	line.ID = c.last
	c.lines = append(c.lines, line)
	c.lines = c.lines[max(0, len(c.lines)-maxHistory):]
	return line
}

// history returns what is remembered.
func (c *chat) history() []ChatLine { return append([]ChatLine{}, c.lines...) }

// say gives a message to everybody at the table. Pages order messages by their ids.
func (t *table) say(user, text string) (ChatLine, error) {
	t.mu.Lock()
	i := t.seatOf(user)
	if i < 0 {
		t.mu.Unlock()
		return ChatLine{}, errNotSeated
	}
	line := t.chat.add(ChatLine{Seat: i, Name: t.seats[i].name, Text: strings.TrimSpace(text), At: time.Now().UnixMilli()})
	t.mu.Unlock()
	t.lobby.send(t.lobby.everyone.To(t.room()), "chat", line)
	return line, nil
}
