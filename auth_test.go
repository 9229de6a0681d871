package realtime_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// secret is an HMAC key of exactly the smallest size.
var secret = []byte("0123456789abcdef0123456789abcdef")

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() (k struct {
	rsa, small *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	ec384      *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
	rsaPEM     []byte
	rsaDER     []byte
},
) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.small, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.ec384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	k.rsaDER, err = x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	must(err)
	k.rsaPEM = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.rsaDER})
	return k
})

// claims are good for an hour, with changes: nil removes one.
func claims(changes map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "ann", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

// sign makes a token with a header of its own; alg names the method.
func sign(alg string, key any, header map[string]any, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(jwt.GetSigningMethod(alg), c)
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// signRaw signs exactly these texts with HS256, whatever they are.
func signRaw(header, payload string) string {
	text := b64(header) + "." + b64(payload)
	signature, err := jwt.SigningMethodHS256.Sign(text, secret)
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// good is a token that the plain configuration accepts.
func good(changes map[string]any) string { return sign("HS256", secret, nil, claims(changes)) }

func hmacConfig() realtime.JWTConfig {
	return realtime.JWTConfig{
		Algorithms: []string{"HS256"},
		Key:        func(context.Context, string) (any, error) { return secret, nil },
	}
}

func newJWT(t testing.TB, cfg realtime.JWTConfig) realtime.Authenticator {
	t.Helper()
	auth, err := realtime.JWT(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

// verify hands a token over as the client's auth payload does, and returns the identity or the code.
func verify(t testing.TB, auth realtime.Authenticator, token string) (*realtime.Identity, string) {
	t.Helper()
	payload, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	id, err := auth.Authenticate(t.Context(), &realtime.Handshake{Auth: payload})
	if err == nil {
		return id, ""
	}
	if id != nil {
		t.Errorf("an identity beside the error %v", err)
	}
	if token != "" && strings.Contains(err.Error(), token) {
		t.Errorf("the error repeats the token: %v", err)
	}
	var public *realtime.Error
	if !errors.As(err, &public) {
		t.Fatalf("error %v is not public", err)
	}
	return nil, public.Code
}

// hostile is a row of the tables of tokens: what is signed, by which configuration it is read, what the client hears.
type hostile struct {
	name  string
	cfg   func(cfg *realtime.JWTConfig)
	token func() string
	want  string // code; "" is accepted
}

func (h hostile) run(t *testing.T) {
	t.Run(h.name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := hmacConfig()
			if h.cfg != nil {
				h.cfg(&cfg)
			}
			if id, code := verify(t, newJWT(t, cfg), h.token()); code != h.want {
				t.Errorf("code %q, identity %+v; want code %q", code, id, h.want)
			}
		})
	})
}

const (
	accepted = ""
	refused  = realtime.CodeUnauthorized
	expired  = realtime.CodeTokenExpired
)

// R49: the algorithm must be listed, and binds the type of key; "none" is refused in every spelling.
func TestTokenAlgorithms(t *testing.T) {
	k := keys()
	with := func(key any, algorithms ...string) func(*realtime.JWTConfig) {
		return func(cfg *realtime.JWTConfig) {
			cfg.Algorithms = algorithms
			cfg.Key = func(context.Context, string) (any, error) { return key, nil }
		}
	}
	none := func(alg string) func() string {
		return func() string {
			body, _ := json.Marshal(claims(nil))
			return b64(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + b64(string(body)) + "."
		}
	}
	by := func(alg string, key any) func() string {
		return func() string { return sign(alg, key, nil, claims(nil)) }
	}
	short := secret[:31]
	for _, row := range []hostile{
		{"HS256", nil, by("HS256", secret), accepted},
		{"HS512 with the same secret", with(secret, "HS256", "HS512"), by("HS512", secret), accepted},
		{"RS256", with(&k.rsa.PublicKey, "RS256"), by("RS256", k.rsa), accepted},
		{"PS256", with(&k.rsa.PublicKey, "PS256"), by("PS256", k.rsa), accepted},
		{"ES256", with(&k.ec.PublicKey, "ES256"), by("ES256", k.ec), accepted},
		{"EdDSA", with(k.ed.Public(), "EdDSA"), by("EdDSA", k.ed), accepted},

		{"not listed", nil, by("HS384", secret), refused},
		{"PS256 where RS256 is listed", with(&k.rsa.PublicKey, "RS256"), by("PS256", k.rsa), refused},
		{"none", with(secret, "HS256"), none("none"), refused},
		{"None", with(secret, "HS256"), none("None"), refused},
		{"NONE", with(secret, "HS256"), none("NONE"), refused},
		{"no alg", nil, func() string { return signRaw(`{"typ":"JWT"}`, `{"sub":"ann","exp":99999999999}`) }, refused},
		{"alg is a number", nil, func() string { return signRaw(`{"alg":5}`, `{"sub":"ann","exp":99999999999}`) }, refused},
		{"alg in lower case", nil, func() string { return signRaw(`{"alg":"hs256"}`, `{"sub":"ann","exp":99999999999}`) }, refused},
		{"unknown alg", nil, func() string { return signRaw(`{"alg":"HS257"}`, `{"sub":"ann","exp":99999999999}`) }, refused},

		{"RSA key as HMAC secret", with(&k.rsa.PublicKey, "RS256", "HS256"), by("HS256", k.rsaPEM), refused},
		{"PEM file as HMAC secret", with(k.rsaPEM, "RS256", "HS256"), by("HS256", k.rsaPEM), refused},
		{"PKIX file as HMAC secret", with(k.rsaDER, "HS256"), by("HS256", k.rsaDER), refused},
		{
			"PKCS 1 file as HMAC secret", with(x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey), "HS256"),
			by("HS256", x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey)), refused,
		},
		{"secret as RSA key", with(secret, "RS256"), by("RS256", k.rsa), refused},
		{"private key", with(k.rsa, "RS256"), by("RS256", k.rsa), refused},
		{"RSA key of 1,024 bits", with(&k.small.PublicKey, "RS256"), by("RS256", k.small), refused},
		{"other curve", with(&k.ec384.PublicKey, "ES256"), by("ES384", k.ec384), refused},
		{"curve that does not fit the algorithm", with(&k.ec384.PublicKey, "ES256"), by("ES256", k.ec), refused},
		{"no key", with(nil, "HS256"), by("HS256", secret), refused},
		{"nil RSA key", with((*rsa.PublicKey)(nil), "RS256"), by("RS256", k.rsa), refused},
		{"nil EC key", with((*ecdsa.PublicKey)(nil), "ES256"), by("ES256", k.ec), refused},
		{"empty EdDSA key", with(ed25519.PublicKey{}, "EdDSA"), by("EdDSA", k.ed), refused},
		{"empty secret", with([]byte{}, "HS256"), by("HS256", secret), refused},
		{"secret as string", with(string(secret), "HS256"), by("HS256", secret), refused},
		{"secret of 31 bytes", with(short, "HS256"), by("HS256", short), refused},
		{"secret of 31 bytes, allowed", func(cfg *realtime.JWTConfig) {
			with(short, "HS256")(cfg)
			cfg.InsecureAllowShortHMACKeys = true
		}, by("HS256", short), accepted},
		{"empty secret, short ones allowed", func(cfg *realtime.JWTConfig) {
			with([]byte{}, "HS256")(cfg)
			cfg.InsecureAllowShortHMACKeys = true
		}, by("HS256", []byte("x")), refused},
		{"other secret", nil, by("HS256", []byte("another secret of at least 32 bytes")), refused},
		{"first byte of the signature", nil, func() string { return flip(good(nil), strings.LastIndexByte(good(nil), '.')+1) }, refused},
		{"last byte of the signature", nil, func() string { return flip(good(nil), len(good(nil))-2) }, refused},
		{"no signature", nil, func() string { return good(nil)[:strings.LastIndexByte(good(nil), '.')+1] }, refused},
		{"claims of another token", nil, func() string {
			a, b := strings.Split(good(nil), "."), strings.Split(good(map[string]any{"sub": "bob"}), ".")
			return a[0] + "." + b[1] + "." + a[2]
		}, refused},
	} {
		row.run(t)
	}
}

// flip changes one character of a token to another one of the alphabet.
func flip(token string, i int) string {
	other := byte('A')
	if token[i] == 'A' {
		other = 'Q'
	}
	return token[:i] + string(other) + token[i+1:]
}

// R50: a header that two readers could understand differently is refused, and what a token says of keys counts for
// nothing.
func TestTokenHeaders(t *testing.T) {
	const alg, body = `"alg":"HS256"`, `{"sub":"ann","exp":99999999999}`
	raw := func(header string) func() string { return func() string { return signRaw(header, body) } }
	byID := func(cfg *realtime.JWTConfig) {
		cfg.Key = func(_ context.Context, kid string) (any, error) {
			return map[string]any{"current": secret}[kid], nil
		}
	}
	for _, row := range []hostile{
		{"plain", nil, raw(`{` + alg + `}`), accepted},
		{"crit of an unknown extension", nil, raw(`{` + alg + `,"crit":["exp2"],"exp2":1}`), refused},
		{"crit of b64", nil, raw(`{` + alg + `,"crit":["b64"],"b64":false}`), refused},
		{"empty crit", nil, raw(`{` + alg + `,"crit":[]}`), refused},
		{"crit null", nil, raw(`{` + alg + `,"crit":null}`), refused},
		{"alg twice", nil, raw(`{"alg":"none",` + alg + `}`), refused},
		{"alg twice, escaped", nil, raw(`{` + alg + `,"\u0061lg":"none"}`), refused},
		{"kid twice", byID, raw(`{` + alg + `,"kid":"x","kid":"current"}`), refused},
		{"Alg beside alg", nil, raw(`{` + alg + `,"Alg":"none"}`), accepted}, // another name
		{"header is a list", nil, raw(`[` + alg + `]`), refused},
		{"header is null", nil, raw(`null`), refused},
		{"something after the header", nil, raw(`{` + alg + `}{}`), refused},
		{"header without an end", nil, raw(`{` + alg), refused},
		{"jku, x5u, jwk", nil, raw(`{` + alg + `,"jku":"https://evil.example/keys","x5u":"https://evil.example/","jwk":{"kty":"oct","k":"AA"}}`), accepted},
		{"jwk of the signer", nil, func() string {
			evil := []byte("the key of somebody else, 32 bytes")
			return sign("HS256", evil, map[string]any{"jwk": map[string]string{"kty": "oct", "k": b64(string(evil))}}, claims(nil))
		}, refused},

		{"kid", byID, raw(`{` + alg + `,"kid":"current"}`), accepted},
		{"kid that is not there", byID, raw(`{` + alg + `,"kid":"old"}`), refused},
		{"no kid where one is needed", byID, raw(`{` + alg + `}`), refused},
		{"kid as a path", byID, raw(`{` + alg + `,"kid":"../../dev/null"}`), refused},
		{"kid as SQL", byID, raw(`{` + alg + `,"kid":"' UNION SELECT 'x"}`), refused},
		{"kid is a number", nil, raw(`{` + alg + `,"kid":7}`), refused},
		{"kid of 128 bytes", nil, raw(`{` + alg + `,"kid":"` + strings.Repeat("k", 128) + `"}`), accepted},
		{"kid of 129 bytes", nil, raw(`{` + alg + `,"kid":"` + strings.Repeat("k", 129) + `"}`), refused},

		{"padding", nil, func() string { return strings.Replace(signRaw(`{`+alg+` }`, body), ".", "==.", 1) }, refused},
		{"line end inside", nil, func() string { return good(nil)[:10] + "\n" + good(nil)[10:] }, refused},
		{"line end at the end", nil, func() string { return good(nil) + "\n" }, refused},
		{"standard alphabet", nil, func() string { return signRaw(`{`+alg+`,"x":"`+"\xc3\xbf\xc3\xbe"+`"}`, body) + "+/" }, refused},
		{"loose last bits", nil, func() string { return loosen(signRaw(`{`+alg+` }`, body)) }, refused},
		{"two parts", nil, func() string { return "a.b" }, refused},
		{"four parts", nil, func() string { return good(nil) + ".x" }, refused},
		{"one part", nil, func() string { return "opaque-session-id" }, refused},
		{"only dots", nil, func() string { return ".." }, refused},
	} {
		row.run(t)
	}
}

// loosen sets a bit of the signature's last character that carries nothing.
func loosen(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

// R52: the times, the issuer and the audience, by the fake clock.
func TestTokenClaims(t *testing.T) {
	now := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	with := func(changes func() map[string]any) func() string {
		return func() string { return good(changes()) }
	}
	issuer := func(cfg *realtime.JWTConfig) { cfg.Issuer = "https://login.example.com" }
	audience := func(cfg *realtime.JWTConfig) { cfg.Audience = "game" }
	raw := func(body string) func() string {
		return func() string { return signRaw(`{"alg":"HS256"}`, body) }
	}
	type m = map[string]any
	for _, row := range []hostile{
		{"no exp", nil, with(func() m { return m{"exp": nil} }), refused},
		{"no exp, allowed", func(cfg *realtime.JWTConfig) { cfg.InsecureAllowMissingExpiry = true }, with(func() m { return m{"exp": nil} }), accepted},
		{"expired, missing allowed", func(cfg *realtime.JWTConfig) { cfg.InsecureAllowMissingExpiry = true }, with(func() m { return m{"exp": now(-time.Hour)} }), expired},
		{"expired inside the leeway", nil, with(func() m { return m{"exp": now(-29 * time.Second)} }), accepted},
		{"expired at the leeway", nil, with(func() m { return m{"exp": now(-30 * time.Second)} }), expired},
		{"expired, no leeway", func(cfg *realtime.JWTConfig) { cfg.Leeway = -1 }, with(func() m { return m{"exp": now(0)} }), expired},
		{"expired an hour ago, wide leeway", func(cfg *realtime.JWTConfig) { cfg.Leeway = 2 * time.Hour }, with(func() m { return m{"exp": now(-time.Hour)} }), accepted},
		{"exp is text", nil, with(func() m { return m{"exp": fmt.Sprint(now(time.Hour))} }), refused},
		{"exp is null", nil, raw(`{"sub":"ann","exp":null}`), refused},
		{"exp is 0", nil, raw(`{"sub":"ann","exp":0}`), expired},
		{"nbf overflows", nil, raw(`{"sub":"ann","exp":99999999999,"nbf":-1e300}`), refused},
		{"iat is text", nil, raw(`{"sub":"ann","exp":99999999999,"iat":"now"}`), refused},
		{"exp is negative", nil, raw(`{"sub":"ann","exp":-1}`), expired},
		{"exp overflows", nil, raw(`{"sub":"ann","exp":1e300}`), refused},
		{"exp beyond the calendar", nil, raw(`{"sub":"ann","exp":9223372036854775807}`), refused},
		{"exp is a list", nil, raw(`{"sub":"ann","exp":[99999999999]}`), refused},
		{"exp twice", nil, raw(`{"sub":"ann","exp":1,"exp":99999999999}`), refused},
		{"sub twice", nil, raw(`{"sub":"ann","sub":"bob","exp":99999999999}`), refused},
		{"something after the claims", nil, raw(`{"sub":"ann","exp":99999999999}{"sub":"bob"}`), refused},
		{"claims are a list", nil, raw(`["sub"]`), refused},
		{"claims are not JSON", nil, raw(`sub=ann`), refused},

		{"nbf inside the leeway", nil, with(func() m { return m{"nbf": now(30 * time.Second)} }), accepted},
		{"nbf beyond it", nil, with(func() m { return m{"nbf": now(31 * time.Second)} }), refused},
		{"iat inside the leeway", nil, with(func() m { return m{"iat": now(30 * time.Second)} }), accepted},
		{"iat beyond it", nil, with(func() m { return m{"iat": now(31 * time.Second)} }), refused},
		{"no iat", nil, with(func() m { return m{"iat": nil} }), accepted},

		{"issuer", issuer, with(func() m { return m{"iss": "https://login.example.com"} }), accepted},
		{"no issuer", issuer, with(func() m { return nil }), refused},
		{"other issuer", issuer, with(func() m { return m{"iss": "https://login.example.com.evil.example"} }), refused},
		{"issuer is a list", issuer, with(func() m { return m{"iss": []string{"https://login.example.com"}} }), refused},
		{"issuer that nobody asked for", nil, with(func() m { return m{"iss": "anyone"} }), accepted},
		{"audience", audience, with(func() m { return m{"aud": "game"} }), accepted},
		{"audience in a list", audience, with(func() m { return m{"aud": []string{"shop", "game"}} }), accepted},
		{"no audience", audience, with(func() m { return nil }), refused},
		{"empty audience", audience, with(func() m { return m{"aud": []string{}} }), refused},
		{"other audience", audience, with(func() m { return m{"aud": "shop"} }), refused},
		{"audience by prefix", audience, with(func() m { return m{"aud": "games"} }), refused},

		{"no user", nil, with(func() m { return m{"sub": nil} }), refused},
		{"empty user", nil, with(func() m { return m{"sub": ""} }), refused},
		{"user is an object", nil, raw(`{"sub":{"id":1},"exp":99999999999}`), refused},
		{"user is a fraction", nil, raw(`{"sub":1.5,"exp":99999999999}`), refused},
	} {
		row.run(t)
	}
}

func TestIdentityOfAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		auth := newJWT(t, hmacConfig())
		iat, exp := time.Unix(time.Now().Unix(), 0), time.Unix(time.Now().Add(time.Hour).Unix(), 0)
		for name, tc := range map[string]struct {
			claims map[string]any
			want   realtime.Identity
		}{
			"sub":        {map[string]any{}, realtime.Identity{UserID: "ann"}},
			"openId":     {map[string]any{"sub": nil, "openId": "o-7"}, realtime.Identity{UserID: "o-7"}},
			"sub wins":   {map[string]any{"openId": "o-7"}, realtime.Identity{UserID: "ann"}},
			"number":     {map[string]any{"sub": 9007199254740993}, realtime.Identity{UserID: "9007199254740993"}},
			"session":    {map[string]any{"sid": "s1"}, realtime.Identity{UserID: "ann", SessionID: "s1"}},
			"role list":  {map[string]any{"roles": []any{"player", "host", 5}}, realtime.Identity{UserID: "ann", Roles: []string{"player", "host"}}},
			"role text":  {map[string]any{"roles": "player host"}, realtime.Identity{UserID: "ann", Roles: []string{"player", "host"}}},
			"scope":      {map[string]any{"scope": "play watch"}, realtime.Identity{UserID: "ann", Roles: []string{"play", "watch"}}},
			"roles win":  {map[string]any{"roles": []any{}, "scope": "play"}, realtime.Identity{UserID: "ann", Roles: []string{}}},
			"no numbers": {map[string]any{"roles": 5}, realtime.Identity{UserID: "ann"}},
		} {
			id, code := verify(t, auth, good(tc.claims))
			if code != "" {
				t.Errorf("%s: refused: %s", name, code)
				continue
			}
			if _, ok := id.Claims.(map[string]any); !ok {
				t.Errorf("%s: claims are %T", name, id.Claims)
			}
			id.Claims = nil
			tc.want.IssuedAt, tc.want.ExpiresAt = iat, exp
			if diff := cmp.Diff(&tc.want, id); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

func TestIdentityOfYourOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type player struct{ Level int64 }
		cfg := hmacConfig()
		cfg.Identity = func(claims map[string]any) (*realtime.Identity, error) {
			level, err := claims["level"].(json.Number).Int64()
			if err != nil {
				return nil, err
			}
			switch level {
			case 0:
				return nil, realtime.Errorf("too_young", "come back at level 1")
			case 1:
				return nil, nil
			}
			return &realtime.Identity{
				UserID: claims["uid"].(string), Claims: player{level}, ExpiresAt: time.Now().Add(time.Duration(level) * time.Minute),
			}, nil
		}
		auth := newJWT(t, cfg)
		id, _ := verify(t, auth, good(map[string]any{"uid": "7", "level": 9}))
		if id.UserID != "7" || id.Claims != (player{9}) || id.ExpiresAt != time.Now().Add(9*time.Minute) {
			t.Errorf("identity %+v", id)
		}
		if id, _ := verify(t, auth, good(map[string]any{"uid": "7", "level": 1000})); id.ExpiresAt.Unix() != time.Now().Add(time.Hour).Unix() {
			t.Errorf("the identity outlives its token: %v", id.ExpiresAt)
		}
		for level, want := range map[any]string{0: "too_young", 1: refused, "x": refused} {
			changes := map[string]any{"uid": "7", "level": level}
			if level == "x" {
				changes["level"] = json.Number("1.5")
			}
			if _, code := verify(t, auth, good(changes)); code != want {
				t.Errorf("level %v: code %q, want %q", level, code, want)
			}
		}
	})
}

// R49, R52: what makes a configuration unsafe is an error at the start.
func TestJWTConfigMistakes(t *testing.T) {
	for says, edit := range map[string]func(cfg *realtime.JWTConfig){
		"Algorithms: must list at least one":                 func(cfg *realtime.JWTConfig) { cfg.Algorithms = nil },
		`Algorithms: "none" is not one that can be accepted`: func(cfg *realtime.JWTConfig) { cfg.Algorithms = []string{"HS256", "none"} },
		`Algorithms: "hs256" is not one`:                     func(cfg *realtime.JWTConfig) { cfg.Algorithms = []string{"hs256"} },
		"Key: must be set":                                   func(cfg *realtime.JWTConfig) { cfg.Key = nil },
		"Sources: without one":                               func(cfg *realtime.JWTConfig) { cfg.Sources = []realtime.TokenSource{} },
		"Sources: unknown source 9":                          func(cfg *realtime.JWTConfig) { cfg.Sources = []realtime.TokenSource{9} },
		"MaxTokenSize: must be positive":                     func(cfg *realtime.JWTConfig) { cfg.MaxTokenSize = -1 },
	} {
		cfg := hmacConfig()
		edit(&cfg)
		if auth, err := realtime.JWT(cfg); err == nil || auth != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	if _, err := realtime.JWT(realtime.JWTConfig{}); strings.Count(errorText(err), "realtime: JWTConfig.") != 2 {
		t.Errorf("not every mistake is told: %v", err)
	}
	if _, err := realtime.HMACKey(secret[:31]); err == nil {
		t.Error("HMACKey took 31 bytes")
	}
	changed := append([]byte(nil), secret...)
	key, err := realtime.HMACKey(changed)
	if err != nil {
		t.Fatal(err)
	}
	changed[0]++
	if got, _ := key(t.Context(), "any"); string(got.([]byte)) != string(secret) {
		t.Error("HMACKey shares its caller's memory")
	}
}

// R51: a token that is too long is refused before anything looks at it.
func TestTokenSizeIsCheckedFirst(t *testing.T) {
	auth := newJWT(t, hmacConfig())
	h := &realtime.Handshake{Query: map[string][]string{"token": {strings.Repeat(".", 1<<20)}}}
	var err error
	allocs := testing.AllocsPerRun(100, func() { _, err = auth.Authenticate(t.Context(), h) })
	if err == nil || allocs > 0 {
		t.Errorf("error %v, %.0f allocations; want a refusal and none", err, allocs)
	}
	padded := func(n int) string { // a good token of n bytes
		for pad := n / 2; ; pad++ {
			if token := good(map[string]any{"pad": strings.Repeat("x", pad)}); len(token) >= n {
				return token
			}
		}
	}
	fits := padded(8000)
	if _, code := verify(t, auth, fits); code != accepted || len(fits) > 8<<10 {
		t.Errorf("a token of %d bytes: %q", len(fits), code)
	}
	long := padded(8<<10 + 1)
	if _, code := verify(t, auth, long); code != refused {
		t.Errorf("a token of %d bytes was accepted", len(long))
	}
	cfg := hmacConfig()
	cfg.MaxTokenSize = len(long)
	if _, code := verify(t, newJWT(t, cfg), long); code != accepted {
		t.Errorf("a token of %d bytes, allowed: %q", len(long), code)
	}
}

// R55: three sources, in their order, each of which can be turned off.
func TestTokenSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		user := func(name string) string { return good(map[string]any{"sub": name}) }
		inAuth := func(v any) json.RawMessage {
			data, err := json.Marshal(map[string]any{"token": v})
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		all := realtime.Handshake{
			Auth: inAuth(user("auth")), Query: map[string][]string{"token": {user("query")}},
			Header: map[string][]string{"Authorization": {"Bearer " + user("header")}},
		}
		type h = realtime.Handshake
		for name, tc := range map[string]struct {
			sources []realtime.TokenSource
			edit    func(h *realtime.Handshake)
			want    string // user, or code
		}{
			"auth is first":          {nil, func(*h) {}, "auth"},
			"then the query":         {nil, func(h *h) { h.Auth = nil }, "query"},
			"then the header":        {nil, func(h *h) { h.Auth, h.Query = nil, nil }, "header"},
			"none":                   {nil, func(h *h) { h.Auth, h.Query, h.Header = nil, nil, nil }, refused},
			"no auth":                {[]realtime.TokenSource{realtime.TokenInQuery, realtime.TokenInHeader}, func(*h) {}, "query"},
			"no query":               {[]realtime.TokenSource{realtime.TokenInAuth, realtime.TokenInHeader}, func(h *h) { h.Auth = nil }, "header"},
			"no header":              {[]realtime.TokenSource{realtime.TokenInAuth, realtime.TokenInQuery}, func(h *h) { h.Auth, h.Query = nil, nil }, refused},
			"another order":          {[]realtime.TokenSource{realtime.TokenInHeader, realtime.TokenInAuth}, func(*h) {}, "header"},
			"a bad one decides":      {nil, func(h *h) { h.Auth = inAuth("bad") }, refused},
			"empty is none":          {nil, func(h *h) { h.Auth = inAuth("") }, "query"},
			"null is none":           {nil, func(h *h) { h.Auth = inAuth(nil) }, "query"},
			"a number is bad":        {nil, func(h *h) { h.Auth = inAuth(7) }, refused},
			"auth without token":     {nil, func(h *h) { h.Auth = json.RawMessage(`{"Token":"x"}`) }, "query"},
			"auth with two":          {nil, func(h *h) { h.Auth = json.RawMessage(`{"token":"x","token":"y"}`) }, refused},
			"auth with Bearer":       {nil, func(h *h) { h.Auth = inAuth("Bearer " + user("prefixed")) }, "prefixed"},
			"two in the query":       {nil, func(h *h) { h.Auth = nil; h.Query["token"] = []string{user("a"), user("b")} }, refused},
			"two headers":            {nil, func(h *h) { h.Auth, h.Query = nil, nil; h.Header["Authorization"] = []string{"Bearer x", "Bearer y"} }, refused},
			"scheme in lower case":   {nil, func(h *h) { h.Auth, h.Query = nil, nil; h.Header.Set("Authorization", "bearer "+user("lower")) }, "lower"},
			"another scheme is none": {nil, func(h *h) { h.Auth, h.Query = nil, nil; h.Header.Set("Authorization", "Basic eDp5") }, refused},
		} {
			hs := all
			hs.Header, hs.Query = map[string][]string{"Authorization": {all.Header.Get("Authorization")}}, map[string][]string{"token": all.Query["token"]}
			tc.edit(&hs)
			cfg := hmacConfig()
			cfg.Sources = tc.sources
			id, err := newJWT(t, cfg).Authenticate(t.Context(), &hs)
			var got string
			var public *realtime.Error
			switch {
			case err == nil:
				got = id.UserID
			case errors.As(err, &public):
				got = public.Code
			}
			if got != tc.want {
				t.Errorf("%s: %s (%v), want %s", name, got, err, tc.want)
			}
		}
	})
}

func TestKeyTrouble(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want string // what the client sees
		log  []string
	}{
		"unknown key":   {nil, `token not accepted {"code":"unauthorized"}`, []string{"connect:unauthorized", `token="no key"`}},
		"broken source": {errors.New("disk on fire"), `token not accepted {"code":"unauthorized"}`, []string{`token="no key"`, "disk on fire"}},
		"not now":       {fmt.Errorf("%w: no answer", realtime.ErrUnavailable), "not refused", []string{"connect:busy"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := hmacConfig()
			cfg.Key = func(context.Context, string) (any, error) { return nil, tc.err }
			bubble(t, realtime.Config{Auth: newJWT(t, cfg)}, func(f *fixture) {
				got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: token(good(nil))}))
				if !strings.HasPrefix(got, tc.want) {
					f.Errorf("client saw %s, want %s", got, tc.want)
				}
				synctest.Wait()
				if len(f.log.lines(tc.log...)) != 1 {
					f.Errorf("the log does not say %v:\n%s", tc.log, f.log)
				}
			})
		})
	}
}

// A refused handshake is a CONNECT_ERROR with a code, on every transport, and the log says which rule refused it.
func TestRefusedTokens(t *testing.T) {
	transports(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture, o realtimetest.Options) {
		f.OnConnect(func(context.Context, *realtime.Conn) error { f.Error("OnConnect ran"); return nil })
		if o.Transport == realtimetest.Upgrade {
			o.Transport = realtimetest.Polling
		}
		for _, tc := range []struct {
			token any
			want  string
			rule  string
		}{
			{nil, `no token {"code":"unauthorized"}`, `token="no token"`},
			{"nonsense", `token not accepted {"code":"unauthorized"}`, `token=malformed`},
			{good(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), `token has expired {"code":"token_expired"}`, `token=expired`},
		} {
			if tc.token != nil {
				o.Auth = map[string]any{"token": tc.token}
			}
			if got := refusalText(f.host.TryConnect(o)); got != tc.want {
				f.Errorf("client saw %s, want %s", got, tc.want)
			}
			synctest.Wait()
			if len(f.log.lines("refused", tc.rule)) != 1 {
				f.Errorf("the log does not tell of %s:\n%s", tc.rule, f.log)
			}
			pass(2 * time.Second) // synctest: the next line of the same rule may be written
		}
	})
}

// A user id becomes the name of a room, so it is bounded as one.
func TestUserIDIsBounded(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		long := strings.Repeat("u", 256)
		if got := refusalText(f.host.TryConnect(realtimetest.Options{Auth: token(good(map[string]any{"sub": long}))})); !strings.Contains(got, "unauthorized") {
			f.Errorf("client saw %s", got)
		}
		c := f.host.Connect(realtimetest.Options{Auth: token(good(map[string]any{"sub": long[1:]}))})
		if err := f.User(long[1:]).Emit(t.Context(), "hello"); err != nil {
			f.Error(err)
		}
		_ = realtimetest.Expect[any](c, "hello")
	})
}

// SetAuth gives a namespace an authenticator of its own; nil makes it anonymous.
func TestAuthOfANamespace(t *testing.T) {
	bubble(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(f *fixture) {
		f.Of("/open").SetAuth(nil)
		f.Of("/named").SetAuth(userByToken{})
		if c := f.host.Connect(realtimetest.Options{Namespace: "/open"}); c.ID() == "" {
			f.Error("no connection")
		}
		f.host.Connect(realtimetest.Options{Namespace: "/named", Auth: token("bob")})
		if n, err := f.Of("/named").User("bob").Online(t.Context()); !n || err != nil {
			f.Errorf("online %v, %v", n, err)
		}
		if _, err := f.host.TryConnect(realtimetest.Options{Auth: token("bob")}); err == nil {
			f.Error("the default namespace took a token of /named")
		}
	})
}
