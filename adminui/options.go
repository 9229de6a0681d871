package adminui

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/crypto/bcrypt"
)

// Mode says how much the page sees.
type Mode uint8

// The modes of the reference.
const (
	// Production shows servers, namespaces and traffic, and takes commands.
	Production Mode = iota
	// Development shows sockets, rooms and what every event carries as well.
	Development
)

// Options are the settings of Mount.
type Options struct {
	Namespace string // "/admin"

	// Username and PasswordHash let somebody in; both must be set. The hash is bcrypt's of the password, which may
	// have 72 bytes.
	Username     string
	PasswordHash string

	Mode     Mode
	ReadOnly bool   // takes no commands
	ServerID string // of this node on the page, unique in the cluster; the name of the host and the number of the process

	Sockets   int // connections in the list that a page gets when it connects, at most; 1,000
	EventRate int // lines of sockets, rooms and events that are told to pages in a second; 500

	Logger *slog.Logger // nil: slog.Default()
}

const (
	defaultNamespace = "/admin"
	defaultSockets   = 1000
	defaultEventRate = 500
)

func (o Options) withDefaults() (Options, error) {
	if o.Username == "" || o.PasswordHash == "" {
		return o, errors.New("adminui: Options.Username and PasswordHash must be set")
	}
	if _, err := bcrypt.Cost([]byte(o.PasswordHash)); err != nil {
		return o, fmt.Errorf("adminui: Options.PasswordHash is no bcrypt hash: %w", err)
	}
	if o.Sockets < 0 || o.EventRate < 0 {
		return o, errors.New("adminui: Options.Sockets and EventRate must not be negative")
	}
	if o.Namespace == "" {
		o.Namespace = defaultNamespace
	}
	if o.Sockets == 0 {
		o.Sockets = defaultSockets
	}
	if o.EventRate == 0 {
		o.EventRate = defaultEventRate
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.ServerID == "" {
		o.ServerID = fmt.Sprintf("%s#%d", hostname(), os.Getpid())
	}
	return o, nil
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}
