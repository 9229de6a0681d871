package realtime

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
)

// What is looked at before a token's signature: where it is found, and a header that two readers cannot
// understand differently.

// TokenSource is a place of a handshake where a token may stand.
type TokenSource uint8

// The sources of tokens.
const (
	// TokenInAuth is the member "token" of the CONNECT packet's auth payload, where the official client's
	// option auth puts it. A prefix "Bearer " is dropped, which some clients write there too.
	TokenInAuth TokenSource = iota
	// TokenInQuery is the parameter "token" of the first request. Proxies log queries; this library does not.
	TokenInQuery
	// TokenInHeader is "Authorization: Bearer" of the first request. Browsers cannot set it on a websocket.
	TokenInHeader
)

// tokenError refuses a token: what the client may know, and the rule that it broke, for the log.
type tokenError struct {
	public *Error
	rule   string
	cause  error // of the server's own, nil for most
}

func (e *tokenError) Error() string { return "realtime: token refused: " + e.rule }

func (e *tokenError) Unwrap() error { return e.public }

// keyError marks what a KeyFunc returned, on its way through the JWT library.
type keyError struct{ err error }

func (e *keyError) Error() string { return e.err.Error() }

// The rules for tokens. A client learns no more than that it needs to log in, or to fetch a fresh token.
var (
	errNotAccepted = &Error{Code: CodeUnauthorized, Message: "token not accepted"}
	errExpired     = &Error{Code: CodeTokenExpired, Message: "token has expired"}
	errRevoked     = &Error{Code: CodeTokenRevoked, Message: "token was revoked"}

	errTokenMissing   = &tokenError{&Error{Code: CodeUnauthorized, Message: "no token"}, "no token", nil}
	errTokenForm      = &tokenError{errNotAccepted, "malformed", nil}
	errTokenSize      = &tokenError{errNotAccepted, "too long", nil}
	errTokenTwice     = &tokenError{errNotAccepted, "more than one token in a source", nil}
	errTokenMember    = &tokenError{errNotAccepted, "a member stands twice", nil}
	errTokenCritical  = &tokenError{errNotAccepted, "critical header member", nil}
	errTokenKeyID     = &tokenError{errNotAccepted, "key id", nil}
	errTokenAlgorithm = &tokenError{errNotAccepted, "algorithm", nil}
	errTokenKey       = &tokenError{errNotAccepted, "no key", nil}
	errTokenKeyType   = &tokenError{errNotAccepted, "key does not fit the algorithm", nil}
	errTokenSignature = &tokenError{errNotAccepted, "signature or algorithm", nil}
	errTokenExpired   = &tokenError{errExpired, "expired", nil}
	errTokenEarly     = &tokenError{errNotAccepted, "not valid yet", nil}
	errTokenIssuer    = &tokenError{errNotAccepted, "issuer", nil}
	errTokenAudience  = &tokenError{errNotAccepted, "audience", nil}
	errTokenClaims    = &tokenError{errNotAccepted, "claims", nil}
	errTokenUser      = &tokenError{errNotAccepted, "no user", nil}
	errTokenRevoked   = &tokenError{errRevoked, "revoked", nil}
	errTokenOtherUser = &tokenError{&Error{Code: CodeForbidden, Message: "token of another user"}, "another user", nil}
)

const bearer = "bearer "

// findToken returns the token of the first source that has one. Two tokens in one source are refused, so
// that this server and whoever looked at the request before it cannot take different ones.
func findToken(h *Handshake, sources []TokenSource) (string, error) {
	for _, source := range sources {
		var token string
		var err error
		switch source {
		case TokenInAuth:
			token, err = tokenOfAuth(h.Auth)
		case TokenInQuery:
			token, err = only(h.Query["token"])
		case TokenInHeader:
			if token, err = only(h.Header["Authorization"]); err == nil {
				token, _ = cutBearer(token) // another scheme is not for us
			}
		}
		if token != "" || err != nil {
			return token, err
		}
	}
	return "", errTokenMissing
}

func tokenOfAuth(auth json.RawMessage) (string, error) {
	if len(auth) == 0 {
		return "", nil
	}
	members, err := topLevel(auth)
	if err != nil {
		return "", err
	}
	raw, ok := members["token"]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	var token string
	if json.Unmarshal(raw, &token) != nil {
		return "", errTokenForm
	}
	if rest, ok := cutBearer(token); ok {
		token = rest
	}
	return token, nil
}

func only(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errTokenTwice
}

// cutBearer returns what follows the scheme of RFC 6750, section 2.1.
func cutBearer(s string) (token string, ok bool) {
	if len(s) < len(bearer) || !strings.EqualFold(s[:len(bearer)], bearer) {
		return "", false
	}
	return strings.TrimSpace(s[len(bearer):]), true
}

// maxTokenTime bounds "exp" and its neighbours, in seconds: beyond the year 9999 sums of times overflow.
const maxTokenTime = 253_402_300_799

// checkForm applies the rules that the JWT library leaves to others (R50) and returns the key id: three
// parts in strict base64url, no member twice in header or claims, nothing critical (RFC 7515, section 4.1.11: we know no
// extensions), times that can be reckoned with. "jku", "x5u" and "jwk" are not looked at: keys come from the
// configuration alone.
func checkForm(token string) (kid string, err error) {
	header, rest, _ := strings.Cut(token, ".")
	claims, signature, three := strings.Cut(rest, ".")
	if !three || strings.Contains(signature, ".") || strings.ContainsAny(token, "\r\n") { // line ends are skipped by base64 decoders
		return "", errTokenForm
	}
	members, err := segment(claims)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		raw, ok := members[name]
		var seconds float64
		if ok && (json.Unmarshal(raw, &seconds) != nil || math.Abs(seconds) > maxTokenTime) {
			return "", errTokenClaims
		}
	}
	members, err = segment(header)
	if err != nil {
		return "", err
	}
	if _, critical := members["crit"]; critical {
		return "", errTokenCritical
	}
	if raw, ok := members["kid"]; ok && (json.Unmarshal(raw, &kid) != nil || len(kid) > maxKeyID) {
		return "", errTokenKeyID
	}
	return kid, nil
}

func segment(s string) (map[string]json.RawMessage, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errTokenForm
	}
	return topLevel(data)
}

// topLevel reads an object, once, and refuses one in which a member stands twice.
func topLevel(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errTokenForm
	}
	members := make(map[string]json.RawMessage)
	for d.More() {
		name, err := d.Token()
		key, ok := name.(string)
		if err != nil || !ok {
			return nil, errTokenForm
		}
		if _, twice := members[key]; twice {
			return nil, errTokenMember
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, errTokenForm
		}
		members[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errTokenForm
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // something follows the object
		return nil, errTokenForm
	}
	return members, nil
}

// looksLikePublicKey recognises the forms that public keys are handed out in.
func looksLikePublicKey(secret []byte) bool {
	text := bytes.TrimSpace(secret)
	if bytes.HasPrefix(text, []byte("-----BEGIN ")) || bytes.HasPrefix(text, []byte("ssh-")) {
		return true
	}
	_, pkixErr := x509.ParsePKIXPublicKey(secret)
	_, pkcs1Err := x509.ParsePKCS1PublicKey(secret)
	return pkixErr == nil || pkcs1Err == nil
}

// identityOf is the default of JWTConfig.Identity.
func identityOf(claims map[string]any) (*Identity, error) {
	id := &Identity{UserID: textOf(claims["sub"]), SessionID: textOf(claims["sid"]), Claims: claims}
	set(&id.UserID, textOf(claims["openId"]))
	if id.UserID == "" {
		return nil, errTokenUser
	}
	id.Roles = wordsOf(claims["roles"])
	if id.Roles == nil {
		id.Roles = wordsOf(claims["scope"])
	}
	return id, nil
}

// textOf reads a claim that is text, or a whole number as many user ids are.
func textOf(claim any) string {
	switch v := claim.(type) {
	case string:
		return v
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return v.String()
		}
	}
	return ""
}

// wordsOf reads a claim that is a list of texts, or one text with spaces (RFC 8693, section 4.2).
func wordsOf(claim any) []string {
	switch v := claim.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		words := make([]string, 0, len(v))
		for _, item := range v {
			if word, ok := item.(string); ok {
				words = append(words, word)
			}
		}
		return words
	}
	return nil
}
