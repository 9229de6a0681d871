package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-go/realtime"
)

const (
	maxName  = 24      // runes
	maxLogin = 4 << 10 // bytes of a request
)

// person is what the token of a user says beside the user's id: the claims of the identity.
type person struct{ name string }

// nameOf returns the name of whoever is at the other end of a connection.
func nameOf(c *realtime.Conn) string {
	p, _ := realtime.ClaimsOf[person](c)
	return p.name
}

// Session is the answer of a login. Whoever has the token is the user: it stays between the browser and the server.
type Session struct {
	Token   string `json:"token"`
	User    string `json:"user"`
	Name    string `json:"name"`
	Expires int64  `json:"expires"` // Unix time in milliseconds
}

// logins gives tokens to everyone who says a name. It stands where a real program has its user accounts; all that the game asks of a token is a
// subject, a name and an end. Its methods may be called concurrently.
type logins struct {
	secret []byte
	life   time.Duration
	auth   realtime.Authenticator
}

func newLogins(secret []byte, life time.Duration) (*logins, error) {
	key, err := realtime.HMACKey(secret)
	if err != nil {
		return nil, err
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key, Identity: identity})
	if err != nil {
		return nil, err
	}
	return &logins{secret, life, auth}, nil
}

// identity makes somebody of the claims of a token.
func identity(claims map[string]any) (*realtime.Identity, error) {
	user, _ := claims["sub"].(string)
	text, _ := claims["name"].(string)
	name, ok := cleanName(text)
	if user == "" || !ok {
		return nil, errors.New("a token needs a subject and a name")
	}
	return &realtime.Identity{UserID: user, Claims: person{name}}, nil
}

// issue signs a token.
func (l *logins) issue(user, name string) (Session, error) {
	now := time.Now()
	expires := now.Add(l.life)
	claims := jwt.MapClaims{"sub": user, "name": name, "iat": now.Unix(), "exp": expires.Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(l.secret)
	return Session{Token: token, User: user, Name: name, Expires: expires.UnixMilli()}, err
}

// login is POST /login: a new user.
func (l *logins) login(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, refusal(realtime.CodeInvalidPayload, "this is not the JSON of a login"))
		return
	}
	name, ok := cleanName(in.Name)
	if !ok {
		answer(w, http.StatusBadRequest, refusal("bad_name", "choose a name of 1 to 24 characters"))
		return
	}
	l.answer(w, rand.Text(), name)
}

// renew is POST /token: a fresh token for the user of the one in the header.
func (l *logins) renew(w http.ResponseWriter, r *http.Request) {
	id, err := l.auth.Authenticate(r.Context(), &realtime.Handshake{Header: r.Header})
	if err != nil {
		answer(w, http.StatusUnauthorized, refusal(realtime.CodeUnauthorized, "log in again"))
		return
	}
	l.answer(w, id.UserID, id.Claims.(person).name)
}

func (l *logins) answer(w http.ResponseWriter, user, name string) {
	session, err := l.issue(user, name)
	if err != nil {
		slog.Error("token not signed", "err", err)
		answer(w, http.StatusInternalServerError, refusal(realtime.CodeInternal, "internal error"))
		return
	}
	answer(w, http.StatusOK, session)
}

// cleanName returns a name without spaces around it, and whether it is one.
func cleanName(name string) (string, bool) {
	name = strings.TrimSpace(name)
	unprintable := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	return name, name != "" && utf8.RuneCountInString(name) <= maxName && !unprintable
}

// refusal has the shape of an acknowledgement with an error.
func refusal(code, message string) any {
	return map[string]any{"error": map[string]string{"code": code, "message": message}}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.Debug("answer not written", "err", err)
	}
}
