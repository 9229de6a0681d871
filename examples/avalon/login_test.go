package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// post sends a request and decodes the answer, which is a session or an error.
func (w *world) post(path, token, body string) (status int, s Session, code string) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	recorded := httptest.NewRecorder()
	w.app.ServeHTTP(recorded, r)
	var answer struct {
		Session
		Error struct{ Code string }
	}
	if err := json.Unmarshal(recorded.Body.Bytes(), &answer); err != nil {
		w.t.Fatalf("%s: %v in %q", path, err, recorded.Body)
	}
	return recorded.Code, answer.Session, answer.Error.Code
}

func TestLogin(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		_, ann, _ := w.post("/login", "", `{"name":" Ann "}`)
		_, namesake, _ := w.post("/login", "", `{"name":"Ann"}`)
		check(t, "name", ann.Name, "Ann")
		check(t, "end", ann.Expires, time.Now().Add(12*time.Hour).UnixMilli())
		if ann.User == namesake.User || len(ann.User) < 20 {
			t.Errorf("users %q and %q", ann.User, namesake.User)
		}
		in := w.device(ann).enter("table:create", Create{Size: 5})
		check(t, "name at the table", in.Table.Players[0].Name, "Ann")

		time.Sleep(time.Hour) // synctest: time for another token
		_, fresh, _ := w.post("/token", ann.Token, "")
		check(t, "the same user", []string{fresh.User, fresh.Name}, []string{ann.User, "Ann"})
		check(t, "the new end", fresh.Expires, time.Now().Add(12*time.Hour).UnixMilli())
	})
}

func TestLoginsThatAreRefused(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		for body, want := range map[string]string{
			`{}`:                  "bad_name",
			`{"name":""}`:         "bad_name",
			`{"name":" \t"}`:      "bad_name",
			`{"name":"a\u202eb"}`: "bad_name",
			`{"name":"a\nb"}`:     "bad_name",
			`{"name":7}`:          "invalid_payload",
			`Ann`:                 "invalid_payload",
			``:                    "invalid_payload",
			`{"name":"` + strings.Repeat("x", maxName+1) + `"}`:    "bad_name",
			`{"name":"` + strings.Repeat("x", maxLogin) + `"}`:     "invalid_payload",
			`{"name":"` + strings.Repeat("\u0000", maxName) + `"}`: "invalid_payload",
		} {
			if status, _, code := w.post("/login", "", body); status != http.StatusBadRequest || code != want {
				t.Errorf("%.40q: status %d, code %q, want 400 and %q", body, status, code, want)
			}
		}
		if status, s, _ := w.post("/login", "", `{"name":"`+strings.Repeat("ü", maxName)+`"}`); status != http.StatusOK {
			t.Errorf("a long name: %d, %+v", status, s)
		}
	})
}

func TestTokensThatAreRefused(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		_, ann, _ := w.post("/login", "", `{"name":"Ann"}`)
		sign := func(secret string, claims jwt.MapClaims) string {
			text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		secret, hour := string(w.app.logins.secret), time.Now().Add(time.Hour).Unix()
		tokens := map[string]string{
			"none":          "",
			"not a token":   "x",
			"forged":        sign(strings.Repeat("x", 32), jwt.MapClaims{"sub": ann.User, "name": "Ann", "exp": hour}),
			"without end":   sign(secret, jwt.MapClaims{"sub": ann.User, "name": "Ann"}),
			"without name":  sign(secret, jwt.MapClaims{"sub": ann.User, "exp": hour}),
			"without user":  sign(secret, jwt.MapClaims{"name": "Ann", "exp": hour}),
			"with bad name": sign(secret, jwt.MapClaims{"sub": ann.User, "name": "\u202e", "exp": hour}),
			"ended":         sign(secret, jwt.MapClaims{"sub": ann.User, "name": "Ann", "exp": time.Now().Add(-time.Hour).Unix()}),
		}
		for what, token := range tokens {
			if status, _, code := w.post("/token", token, ""); status != http.StatusUnauthorized || code != realtime.CodeUnauthorized {
				t.Errorf("%s: status %d, code %q", what, status, code)
			}
			_, err := w.host.TryConnect(realtimetest.Options{Namespace: "/game", Auth: map[string]string{"token": token}})
			var refused *realtime.ConnectError
			if !errors.As(err, &refused) {
				t.Errorf("%s: connected with error %v", what, err)
			}
		}
		if status, _, _ := w.post("/token", sign(secret, jwt.MapClaims{"sub": ann.User, "name": "Ann", "exp": hour}), ""); status != http.StatusOK {
			t.Errorf("a token of another program with the same secret: status %d", status)
		}
		if strings.Contains(w.log.String(), ann.Token) {
			t.Error("the log has a token")
		}
	})
}

// A page is told before its token ends; one that does nothing is cut, and comes back with a fresh one.
func TestATokenEnds(t *testing.T) {
	inBubble(t, []string{"-session", "10m"}, func(t *testing.T, w *world) {
		ann := w.table(5, nil, "Ann")[0]
		warned := realtimetest.Expect[struct {
			In int64 `json:"expires_in"`
		}](ann.Client, "auth:expiring")
		check(t, "time that is left", warned.In, time.Minute.Milliseconds())
		_, fresh, _ := w.post("/token", ann.session.Token, "")
		check(t, "end of the connection", ann.WaitClosed(), realtimetest.ReasonTransportClose)
		check(t, "the same seat", w.device(fresh).enter("table:join", At{ann.at}).Secret.Seat, 0)
		synctest.Wait()
	})
}
