package realtime

// Key is a typed slot of per-connection data, made once with [NewKey] and kept in a package variable.
// Two keys are never the same slot, whatever their names.
type Key[T any] struct{ id *keyID }

type keyID struct{ name string }

// NewKey makes a slot. The name is for people who read a dump.
func NewKey[T any](name string) Key[T] { return Key[T]{&keyID{name}} }

// String returns the name that was given to NewKey.
func (k Key[T]) String() string { return k.id.name }

// Get returns the connection's value, and whether one was set. It may be called from any goroutine.
func (k Key[T]) Get(c *Conn) (T, bool) {
	c.valuesMu.Lock()
	defer c.valuesMu.Unlock()
	v, ok := c.values[k.id].(T)
	return v, ok
}

// Set stores the connection's value; it lives as long as the Conn. It may be called from any goroutine.
func (k Key[T]) Set(c *Conn, v T) {
	c.valuesMu.Lock()
	defer c.valuesMu.Unlock()
	if c.values == nil {
		c.values = make(map[*keyID]any)
	}
	c.values[k.id] = v
}
