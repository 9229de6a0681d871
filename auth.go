package realtime

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Authenticator decides who a connecting client is. It runs before the Use middlewares of the namespace,
// for every CONNECT packet, and again when a client sends new credentials (see [ExpiryPolicy]). An [*Error]
// or [*ConnectError] refuses the client with its contents, an error that wraps [ErrUnavailable] closes the
// link so that the client tries again, and any other error refuses it as code "unauthorized" without giving
// the text away. It is called concurrently, at most Limits.Handshakes times at once.
type Authenticator interface {
	Authenticate(ctx context.Context, h *Handshake) (*Identity, error)
}

// Identity is who a connection belongs to. It is not changed after Authenticate returned it.
type Identity struct {
	UserID    string // "" is anonymous: the connection has no user room; at most Limits.NameLength bytes
	SessionID string // a login of the user, the same in refreshed tokens; may be empty
	Roles     []string
	IssuedAt  time.Time // User.Revoke refuses what was issued before it; zero counts as before
	ExpiresAt time.Time // the connection ends Expiry.Grace later; zero is never
	Claims    any       // what the authenticator wants handlers to see, read with ClaimsOf
}

// ClaimsOf returns the claims of a connection's identity as T, and whether they are of that type. Those of
// [JWT] are a map[string]any with numbers as json.Number, unless JWTConfig.Identity made something else.
func ClaimsOf[T any](c *Conn) (T, bool) {
	var zero T
	id := c.Identity()
	if id == nil {
		return zero, false
	}
	claims, ok := id.Claims.(T)
	return claims, ok
}

// JWTConfig says which JSON Web Tokens (RFC 7519) are accepted.
type JWTConfig struct {
	// Algorithms that tokens may be signed with, of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384,
	// PS512, ES256, ES384, ES512 and EdDSA. There is no default: a server that believed the token's own word
	// would take a public key for an HMAC secret (RFC 8725, section 3.1). "none" is never accepted.
	Algorithms []string

	// Key finds the key of a token.
	Key KeyFunc

	Issuer   string        // if set, "iss" must be this
	Audience string        // if set, "aud" must hold this
	Leeway   time.Duration // for clocks that differ, at "exp", "nbf" and "iat"; 30 s, negative: none

	// Sources are where a token is looked for; the first that has one decides. Nil means all three, in the
	// order of their constants.
	Sources []TokenSource

	// Identity makes the identity of a token that was verified. Its errors are treated as those of an
	// Authenticator. The token's times are filled in where it leaves them zero, and it cannot outlive the
	// token. Nil means: "sub", else "openId", is the user; "sid" the session; "roles" (a list, or text with
	// spaces), else "scope", the roles; the claims are the claims.
	Identity func(claims map[string]any) (*Identity, error)

	// MaxTokenSize is the size in bytes above which a token is refused unseen; 8 KiB.
	MaxTokenSize int

	// InsecureAllowMissingExpiry accepts tokens without "exp", which are good for ever.
	InsecureAllowMissingExpiry bool
	// InsecureAllowShortHMACKeys accepts HMAC keys under 32 bytes, which can be guessed offline from any
	// token (RFC 7518, section 3.2).
	InsecureAllowShortHMACKeys bool
}

// KeyFunc returns the public key, or for HMAC the secret, of a key id, which is "" when the token names
// none. The id is what a client sent, at most 128 bytes of it: look it up, and do not make a path or a query of it.
// A nil key refuses the token, as an error does, which also stands in the log; an error that wraps
// [ErrUnavailable] lets the client try again. It is called concurrently.
type KeyFunc func(ctx context.Context, kid string) (any, error)

// HMACKey returns a KeyFunc for tokens that are all signed with one secret. It returns an error for a
// secret under 32 bytes. The secret is copied.
func HMACKey(secret []byte) (KeyFunc, error) {
	if len(secret) < minHMACKey {
		return nil, fmt.Errorf("realtime: HMACKey: the secret has %d bytes, at least %d are needed", len(secret), minHMACKey)
	}
	secret = slices.Clone(secret)
	return func(context.Context, string) (any, error) { return secret, nil }, nil
}

const (
	minHMACKey          = 32
	minRSAKey           = 2048 // bits
	maxKeyID            = 128
	defaultMaxTokenSize = 8 << 10
	defaultLeeway       = 30 * time.Second
)

// JWT returns an Authenticator for signed JSON Web Tokens. It returns an error that tells every mistake in
// the configuration. The result may be used concurrently, and neither keeps, logs nor repeats a token.
func JWT(cfg JWTConfig) (Authenticator, error) {
	set(&cfg.Leeway, defaultLeeway)
	set(&cfg.MaxTokenSize, defaultMaxTokenSize)
	cfg.Leeway = max(cfg.Leeway, 0)
	cfg.Algorithms = slices.Clone(cfg.Algorithms)
	if cfg.Sources == nil {
		cfg.Sources = []TokenSource{TokenInAuth, TokenInQuery, TokenInHeader}
	}
	cfg.Sources = slices.Clone(cfg.Sources)
	if cfg.Identity == nil {
		cfg.Identity = identityOf
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(cfg.Algorithms), jwt.WithStrictDecoding(), jwt.WithJSONNumber(),
		jwt.WithLeeway(cfg.Leeway), jwt.WithIssuedAt(), jwt.WithIssuer(cfg.Issuer),
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	if !cfg.InsecureAllowMissingExpiry {
		options = append(options, jwt.WithExpirationRequired())
	}
	return &jwtAuthenticator{cfg, jwt.NewParser(options...)}, nil
}

func (cfg *JWTConfig) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("realtime: JWTConfig."+format, args...))
		}
	}
	check(len(cfg.Algorithms) > 0, "Algorithms: must list at least one, there is no default")
	for _, alg := range cfg.Algorithms {
		method := jwt.GetSigningMethod(alg)
		check(method != nil && method != jwt.SigningMethodNone, "Algorithms: %q is not one that can be accepted", alg)
	}
	check(cfg.Key != nil, "Key: must be set")
	check(len(cfg.Sources) > 0, "Sources: without one there is never a token")
	for _, source := range cfg.Sources {
		check(source <= TokenInHeader, "Sources: unknown source %d", source)
	}
	check(cfg.MaxTokenSize > 0, "MaxTokenSize: must be positive")
	return errors.Join(errs...)
}

// jwtAuthenticator verifies tokens.
type jwtAuthenticator struct {
	cfg    JWTConfig
	parser *jwt.Parser
}

// Authenticate finds the token of a handshake and verifies it.
func (a *jwtAuthenticator) Authenticate(ctx context.Context, h *Handshake) (*Identity, error) {
	sources := a.cfg.Sources
	if h.Refresh { // of the handshake's three sources the event is only the first
		sources = []TokenSource{TokenInAuth}
	}
	token, err := findToken(h, sources)
	if err != nil {
		return nil, err
	}
	return a.verify(ctx, token)
}

func (a *jwtAuthenticator) verify(ctx context.Context, text string) (*Identity, error) {
	if len(text) > a.cfg.MaxTokenSize { // R51: before anything looks at it
		return nil, errTokenSize
	}
	kid, err := checkForm(text)
	if err != nil {
		return nil, err
	}
	claims := jwt.MapClaims{}
	_, err = a.parser.ParseWithClaims(text, claims, func(token *jwt.Token) (any, error) {
		key, err := a.cfg.Key(ctx, kid)
		if err != nil {
			return nil, &keyError{err}
		}
		return key, a.checkKey(token.Method, key)
	})
	if err != nil { // the claims mean nothing now (CVE-2024-51744)
		return nil, refusedToken(err)
	}
	return a.identity(claims)
}

// checkKey binds the type of key to the algorithm (R49). A PEM file as an HMAC secret is a public key that
// somebody signs with: RFC 8725, section 2.1.
func (a *jwtAuthenticator) checkKey(method jwt.SigningMethod, key any) error {
	fits := false
	switch k := key.(type) {
	case nil:
		return errTokenKey
	case []byte:
		_, hmac := method.(*jwt.SigningMethodHMAC)
		long := len(k) >= minHMACKey || a.cfg.InsecureAllowShortHMACKeys && len(k) > 0
		fits = hmac && long && !looksLikePublicKey(k)
	case *rsa.PublicKey:
		fits = fitsRSA(method, k)
	case *ecdsa.PublicKey:
		fits = fitsECDSA(method, k)
	case ed25519.PublicKey:
		_, ed := method.(*jwt.SigningMethodEd25519)
		fits = ed && len(k) == ed25519.PublicKeySize
	}
	if !fits {
		return errTokenKeyType
	}
	return nil
}

func fitsRSA(method jwt.SigningMethod, key *rsa.PublicKey) bool {
	switch method.(type) {
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		return key != nil && key.N != nil && key.N.BitLen() >= minRSAKey
	}
	return false
}

func fitsECDSA(method jwt.SigningMethod, key *ecdsa.PublicKey) bool {
	m, ok := method.(*jwt.SigningMethodECDSA)
	return ok && key != nil && key.Curve != nil && key.Curve.Params().BitSize == m.CurveBits
}

// identity makes the identity of claims that were verified.
func (a *jwtAuthenticator) identity(claims jwt.MapClaims) (*Identity, error) {
	issued, issuedErr := claims.GetIssuedAt()
	expires, expiresErr := claims.GetExpirationTime()
	if issuedErr != nil || expiresErr != nil {
		return nil, errTokenClaims
	}
	made, err := a.cfg.Identity(claims)
	if err != nil || made == nil {
		return nil, errors.Join(err, errTokenUser)
	}
	id := *made
	if issued != nil && id.IssuedAt.IsZero() {
		id.IssuedAt = issued.Time
	}
	if expires != nil && (id.ExpiresAt.IsZero() || id.ExpiresAt.After(expires.Time)) {
		id.ExpiresAt = expires.Time
	}
	return &id, nil
}

// refusedToken translates the library's errors. Their texts may repeat parts of the token, so they go no further.
func refusedToken(err error) error {
	var own *tokenError
	var key *keyError
	switch {
	case errors.As(err, &key):
		if errors.Is(key.err, ErrUnavailable) {
			return key.err
		}
		return &tokenError{errTokenKey.public, errTokenKey.rule, key.err}
	case errors.As(err, &own):
		return own
	case errors.Is(err, jwt.ErrTokenMalformed):
		return errTokenForm
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return errTokenAlgorithm
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errTokenSignature
	case errors.Is(err, jwt.ErrTokenExpired):
		return errTokenExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return errTokenEarly
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return errTokenIssuer
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return errTokenAudience
	}
	return errTokenClaims
}
