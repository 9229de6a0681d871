package main

import (
	"slices"
	"strings"
	"time"
)

const (
	maxText    = 300 // runes of a message
	maxHistory = 50  // messages that a table remembers
)

// chat is what was said at a table.
type chat struct {
	Last  uint64     `json:"last"` // id
	Lines []ChatLine `json:"lines"`
}

// since returns what is remembered of what was said after a line.
func (c *chat) since(id uint64) []ChatLine {
	first := slices.IndexFunc(c.Lines, func(line ChatLine) bool { return line.ID > id })
	if first < 0 {
		return []ChatLine{}
	}
	return c.Lines[first:]
}

// say adds a message of a user. Pages order messages by their ids.
func (t *table) say(user, text string, now time.Time) (ChatLine, error) {
	i := t.seatOf(user)
	if i < 0 {
		return ChatLine{}, errNotSeated
	}
	c := &t.Chat
	c.Last++
	line := ChatLine{ID: c.Last, Seat: i, Name: t.Seats[i].Name, Text: strings.TrimSpace(text), At: now.UnixMilli()}
	c.Lines = append(c.Lines, line)
	c.Lines = c.Lines[max(0, len(c.Lines)-maxHistory):]
	return line, nil
}
