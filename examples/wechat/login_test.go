package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

func TestLogin(t *testing.T) {
	l := &login{developmentExchange, testSecret, time.Hour}
	post := func(body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		l.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(body)))
		return w
	}
	for body, status := range map[string]int{
		``:                       http.StatusBadRequest,
		`{"code":7}`:             http.StatusBadRequest,
		`{}`:                     http.StatusUnauthorized,
		`{"code":".1"}`:          http.StatusUnauthorized,
		`{"code":"ann.1"}`:       http.StatusOK,
		strings.Repeat(" ", 1e6): http.StatusBadRequest,
		`{"code":"` + strings.Repeat("x", 65) + `"}`: http.StatusUnauthorized,
	} {
		if got := post(body).Code; got != status {
			t.Errorf("%.40s: status %d, want %d", body, got, status)
		}
	}

	var first, second answer
	for code, a := range map[string]*answer{"ann.1": &first, "ann.2": &second} {
		w := post(`{"code":"` + code + `"}`)
		if err := json.Unmarshal(w.Body.Bytes(), a); err != nil {
			t.Fatal(err)
		}
		if a.ExpiresIn != 3_600_000 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d ms, Cache-Control %q", code, a.ExpiresIn, w.Header().Get("Cache-Control"))
		}
	}
	key, err := realtime.HMACKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []answer{first, second} {
		id, err := auth.Authenticate(t.Context(), &realtime.Handshake{Auth: json.RawMessage(`{"token":"` + a.Token + `"}`)})
		if err != nil || id.UserID != "dev-ann" {
			t.Errorf("identity %+v (%v), want that two logins are one player", id, err)
		}
	}
}
