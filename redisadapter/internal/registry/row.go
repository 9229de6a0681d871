package registry

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// Bounds of what is believed of Redis (requirement R74).
const (
	maxRow  = 64 << 10
	maxConn = 1 << 10 // bytes of an id
)

// row is a connection as the hash of its user has it: under "LEASE CONN", as "ORDER JSON".
type row struct {
	lease string
	order int64 // when it came, by the clock of Redis in microseconds
	conn  realtime.PresenceConn
}

// encodeRow returns the JSON of a row.
func encodeRow(c realtime.PresenceConn) string {
	data, err := json.Marshal(c)
	if err != nil { // there is nothing in it that could fail
		panic("registry: encode a row: " + err.Error())
	}
	return string(data)
}

func decodeRow(field, value string) (row, error) {
	lease, id, found := strings.Cut(field, " ")
	order, text, foundText := strings.Cut(value, " ")
	if !found || !foundText || len(value) > maxRow || len(id) > maxConn {
		return row{}, fmt.Errorf("registry: row of %d bytes: not one", len(value))
	}
	r := row{lease: lease}
	var err error
	if r.order, err = strconv.ParseInt(order, 10, 64); err != nil {
		return row{}, fmt.Errorf("registry: order of a row: %w", err)
	}
	if err := json.Unmarshal([]byte(text), &r.conn); err != nil {
		return row{}, fmt.Errorf("registry: row: %w", err)
	}
	if r.conn.ID != id {
		return row{}, fmt.Errorf("registry: row of connection %q is that of %q", id, r.conn.ID)
	}
	return r, nil
}

// decodeUser makes sense of the hash of a user. What does not decode is left out: a broken row must not hide the
// others. A connection that stands there twice, because its node got a new lease, is one.
func decodeUser(id string, fields map[string]string) (realtime.UserPresence, error) {
	u := realtime.UserPresence{UserID: id}
	var rows []row
	var broken error
	for field, value := range fields {
		switch {
		case strings.Contains(field, " "):
			r, err := decodeRow(field, value)
			if err != nil {
				broken = err
				continue
			}
			rows = append(rows, r)
		case field == "since":
			u.Since, u.Online = decodeTime(value), true
		case field == "left":
			u.Seen = decodeTime(value)
		case field == "meta" && json.Valid([]byte(value)):
			u.Meta = json.RawMessage(value)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.conn.ID, b.conn.ID), cmp.Compare(a.lease, b.lease))
	})
	known := make(map[[2]string]bool, len(rows))
	for _, r := range rows {
		if key := [2]string{r.conn.Node, r.conn.ID}; !known[key] {
			known[key] = true
			u.Conns = append(u.Conns, r.conn)
		}
	}
	return u, broken
}

// maxTime is the last time that can be written as JSON: the end of the year 9999.
const maxTime = 253402300799_999

// decodeTime reads milliseconds. What is none is no time.
func decodeTime(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 || ms > maxTime-int64(24*time.Hour/time.Millisecond) { // in every time zone
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// ms formats a duration for a script.
func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func decimal[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }
