package realtime_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-go/realtime"
)

// FuzzToken hands any text over as a token (R97). It never panics, every refusal is one that a client may see, and what is
// accepted is accepted by the JWT library alone too: this server is only stricter.
func FuzzToken(f *testing.F) {
	token := good(nil)
	for _, seed := range []string{
		"", ".", "..", "...", token, token + "x", token[:20], strings.Repeat(".", 10_000),
		signRaw(`{"alg":"HS256","crit":[]}`, `{"sub":"ann","exp":99999999999}`),
		signRaw(`{"alg":"HS256","alg":"none"}`, `{"sub":"ann","exp":99999999999}`),
		signRaw(`{"alg":"HS256","kid":"`+strings.Repeat("k", 200)+`"}`, `{"sub":"ann","exp":99999999999}`),
		signRaw(`{"alg":"HS256"}`, `{"sub":["ann"],"exp":1e999,"iat":"x"}`),
		signRaw(`{"alg":"HS256"}`, strings.Repeat("[", 3000)),
		b64(`{"alg":"none"}`) + "." + b64(`{"sub":"ann","exp":99999999999}`) + ".",
	} {
		f.Add(seed, "", "")
	}
	f.Add("", `{"alg":"HS256"}`, `{"sub":7,"exp":99999999999}`) // with a good signature
	f.Add("", `{"alg":"HS256","x":{"alg":1}}`, `{"sub":"a","exp":99999999999,"exp ":1}`)
	auth := newJWT(f, hmacConfig())
	f.Fuzz(func(t *testing.T, text, header, claims string) {
		if header != "" || claims != "" {
			text = signRaw(header, claims)
		}
		id, err := auth.Authenticate(t.Context(), &realtime.Handshake{Query: map[string][]string{"token": {text}}})
		if err != nil {
			var public *realtime.Error
			if id != nil || !errors.As(err, &public) || public.Code == realtime.CodeInternal {
				t.Errorf("identity %+v, error %v", id, err)
			}
			return
		}
		if id == nil || id.UserID == "" || id.ExpiresAt.IsZero() {
			t.Fatalf("accepted as %+v", id)
		}
		plain := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second))
		if _, err := plain.Parse(text, func(*jwt.Token) (any, error) { return secret, nil }); err != nil {
			t.Errorf("the library alone refuses it: %v", err)
		}
	})
}
