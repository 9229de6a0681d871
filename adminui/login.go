package adminui

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/realtime-go/realtime"
)

const (
	sessionTime = 24 * time.Hour
	maxSessions = 1000 // the oldest goes
)

// errCredentials is what the page looks for to show its form again.
var errCredentials = &realtime.ConnectError{Message: "invalid credentials"}

// sessionID is new with each login by password: the page keeps it, and shows it when it comes again.
type sessionID string

// logins lets operators in. It implements realtime.Authenticator.
type logins struct {
	username, hash []byte
	turn           chan struct{} // one comparison at a time: each costs some 100 ms of CPU, on purpose

	mu       sync.Mutex
	waiting  map[string]int          // logins by address
	sessions map[sessionID]time.Time // until when
}

func newLogins(username, hash string) *logins {
	return &logins{
		username: []byte(username), hash: []byte(hash),
		turn: make(chan struct{}, 1), waiting: make(map[string]int), sessions: make(map[sessionID]time.Time),
	}
}

// Authenticate takes a session id or a password.
func (l *logins) Authenticate(ctx context.Context, h *realtime.Handshake) (*realtime.Identity, error) {
	var auth struct {
		Username, Password string
		SessionID          sessionID
	}
	if err := h.BindAuth(&auth); err != nil {
		return nil, errCredentials
	}
	if l.knows(auth.SessionID) {
		return &realtime.Identity{}, nil
	}
	if auth.Username == "" && auth.Password == "" {
		return nil, errCredentials
	}
	if !l.enter(h.Address) {
		return nil, realtime.ErrUnavailable
	}
	defer l.exit(h.Address)
	ok, err := l.matches(ctx, auth.Username, auth.Password)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errCredentials
	}
	return &realtime.Identity{Claims: l.begin()}, nil
}

// Who tries passwords shall not make others wait for long.
const (
	maxWaiting       = 64
	maxWaitingOfHost = 2
)

// enter lets a login wait for its turn; it is false if too many do, of one address or of all.
func (l *logins) enter(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[address] >= maxWaitingOfHost || len(l.waiting) >= maxWaiting {
		return false
	}
	l.waiting[address]++
	return true
}

func (l *logins) exit(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[address]--; l.waiting[address] == 0 {
		delete(l.waiting, address)
	}
}

// matches compares in the same time whether the name or the password is wrong.
func (l *logins) matches(ctx context.Context, username, password string) (bool, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return false, realtime.ErrUnavailable
	}
	right := bcrypt.CompareHashAndPassword(l.hash, []byte(password)) == nil
	return subtle.ConstantTimeCompare(l.username, []byte(username)) == 1 && right, nil
}

func (l *logins) knows(id sessionID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.sessions[id])
}

func (l *logins) begin() sessionID {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	id := sessionID(hex.EncodeToString(b[:]))
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sessions) >= maxSessions {
		l.forgetOldest()
	}
	l.sessions[id] = time.Now().Add(sessionTime)
	return id
}

func (l *logins) forgetOldest() {
	var oldest sessionID
	for id, until := range l.sessions {
		if oldest == "" || until.Before(l.sessions[oldest]) {
			oldest = id
		}
	}
	delete(l.sessions, oldest)
}
