package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// exchange turns the code of a phone's wx.login into the openid of the player.
//
// In production it asks WeChat's own server: a GET of /sns/jscode2session on its API host, with the app's id and secret, the code as
// js_code, and grant_type=authorization_code. The answer holds openid and session_key, or errcode and errmsg. The secret and
// the session_key never leave the backend, and a code is good for one exchange. An error of it should be told apart
// into "the code is bad" (401) and "WeChat does not answer" (503).
type exchange func(ctx context.Context, code string) (openID string, err error)

var errBadCode = errors.New("this code is not good")

// developmentExchange stands in for WeChat: the openid is what the code says before its first dot, so that "ann.1" and "ann.2" are two logins
// of one player. Anybody can be anybody with it. The codes of the real wx.login have no dot: each is a player of its own.
func developmentExchange(_ context.Context, code string) (string, error) {
	name, _, _ := strings.Cut(code, ".")
	if name == "" || len(name) > 64 {
		return "", errBadCode
	}
	return "dev-" + name, nil
}

// login is POST /login with {"code":"…"}: the phone's way to a token.
type login struct {
	exchange exchange
	secret   []byte
	lifetime time.Duration
}

// answer is what a phone gets. It reckons with the rest of the token's life, not with a date: its clock may be wrong.
type answer struct {
	Token     string `json:"token"`
	ExpiresIn int64  `json:"expires_in"` // ms
}

const maxLoginBody = 4 << 10

func (l *login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Code string `json:"code"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLoginBody)).Decode(&in); err != nil {
		http.Error(w, "the body is {\"code\":\"…\"}", http.StatusBadRequest)
		return
	}
	openID, err := l.exchange(r.Context(), in.Code)
	if err != nil {
		http.Error(w, "this code is not good", http.StatusUnauthorized)
		return
	}
	token, err := sign(l.secret, openID, time.Now(), l.lifetime)
	if err != nil {
		slog.Error("token not signed", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(answer{token, l.lifetime.Milliseconds()}); err != nil {
		slog.Debug("login not answered", "err", err)
	}
}

// sign makes a token of the kind that the server's Authenticator accepts.
func sign(secret []byte, openID string, now time.Time, lifetime time.Duration) (string, error) {
	claims := jwt.RegisteredClaims{
		Subject: openID, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
}
