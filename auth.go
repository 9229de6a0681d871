package realtime

import (
	"context"
	"time"
)

// Authenticator decides who a connecting client is. It runs before the Use middlewares of the namespace,
// for every CONNECT packet. An [*Error] or [*ConnectError] refuses the client with its contents; any other
// error refuses it as code "unauthorized" without giving the text away. It is called concurrently.
type Authenticator interface {
	Authenticate(ctx context.Context, h *Handshake) (*Identity, error)
}

// Identity is who a connection belongs to. It is not changed after Authenticate returned it.
type Identity struct {
	UserID    string // "" is anonymous: the connection has no user room
	SessionID string
	Roles     []string
	IssuedAt  time.Time
	ExpiresAt time.Time
	Claims    any // what the authenticator wants handlers to see, read with ClaimsOf
}

// ClaimsOf returns the claims of a connection's identity as T, and whether they are of that type.
func ClaimsOf[T any](c *Conn) (T, bool) {
	var zero T
	id := c.Identity()
	if id == nil {
		return zero, false
	}
	claims, ok := id.Claims.(T)
	return claims, ok
}
