package registry

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
)

// maxName bounds names of namespaces, users and nodes that come from Redis.
const maxName = 16 << 10

// change is an entry of a shard's log.
type change struct {
	shard     int
	prev, id  logID
	namespace string
	user      string
	online    bool
	at        int64
	by        string // node that decided
}

// tell returns what the handler hears.
func (c *change) tell() realtime.PresenceChange {
	return realtime.PresenceChange{Namespace: c.namespace, User: c.user, Online: c.online, At: time.UnixMilli(c.at)}
}

// decodeChange reads an entry.
func decodeChange(shard int, id string, fields map[string]string) (change, error) {
	c := change{shard: shard, namespace: fields["ns"], user: fields["user"], by: fields["by"]}
	var err error
	if c.id, err = parseLogID(id); err != nil {
		return change{}, err
	}
	switch fields["on"] {
	case "1":
		c.online = true
	case "0":
	default:
		return change{}, fmt.Errorf("registry: change %q: neither online nor offline", id)
	}
	if c.at, err = strconv.ParseInt(fields["at"], 10, 64); err != nil {
		return change{}, fmt.Errorf("registry: change %q: %w", id, err)
	}
	return c, c.check()
}

// check refuses what no script writes.
func (c *change) check() error {
	if c.user == "" || max(len(c.namespace), len(c.user), len(c.by)) > maxName {
		return fmt.Errorf("registry: change %v: names of %d, %d and %d bytes", c.id, len(c.namespace), len(c.user), len(c.by))
	}
	if c.at < 0 || c.at > maxTime {
		return fmt.Errorf("registry: change %v: at %d", c.id, c.at)
	}
	if whoOf(c.namespace, c.user).shard() != c.shard {
		return fmt.Errorf("registry: change %v: not of shard %d", c.id, c.shard)
	}
	return nil
}

// logID is the id of an entry of a stream: the clock of Redis and a count. The zero value stands before all.
type logID struct{ ms, n uint64 }

func parseLogID(text string) (logID, error) {
	first, second, found := strings.Cut(text, "-")
	var id logID
	var err error
	if id.ms, err = strconv.ParseUint(first, 10, 64); err == nil && found {
		id.n, err = strconv.ParseUint(second, 10, 64)
	}
	if err != nil || !found {
		return logID{}, fmt.Errorf("registry: %.40q is no id of a log", text)
	}
	return id, nil
}

func (id logID) String() string {
	return strconv.FormatUint(id.ms, 10) + "-" + strconv.FormatUint(id.n, 10)
}

func (id logID) compare(other logID) int {
	return cmp.Or(cmp.Compare(id.ms, other.ms), cmp.Compare(id.n, other.n))
}
