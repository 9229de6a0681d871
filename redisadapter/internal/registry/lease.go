package registry

import (
	"slices"
	"strings"
	"sync"
)

// lease is this node's right to have rows. It may get several one after the other. All methods may be called
// concurrently.
type lease struct {
	mu    sync.Mutex
	name  string // "" before the first and after a loss
	until int64  // it holds at least until then, by the clock of Redis
	olds  []string
}

// get returns the lease, "" if there is none now, and until when it is known to hold.
func (l *lease) get() (name string, until int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name, l.until
}

func (l *lease) renew(name string, until int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name, l.until = name, until
}

// lose notes that the lease is gone. Its rows may be there yet.
func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name != "" {
		l.olds = append(l.olds, l.name)
	}
	l.name, l.until = "", 0
}

// lost returns the earlier leases whose rows have not been cleared away.
func (l *lease) lost() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.olds)
}

func (l *lease) forget(old string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.olds = slices.DeleteFunc(l.olds, func(name string) bool { return name == old })
}

// A lease is named after its node, "ID.MILLISECONDS" with the id escaped.

// leaseStart begins the names of all leases of a node.
func leaseStart(node string) string { return escape(node) + "." }

// nodeOf returns the id of the node that a lease belongs to.
func nodeOf(lease string) (id string, ok bool) {
	i := strings.LastIndexByte(lease, '.')
	if i <= 0 || len(lease) > maxName {
		return "", false
	}
	return unescape(lease[:i])
}
