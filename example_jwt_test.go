package realtime_test

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// Clients log in with a JSON Web Token in the auth payload of their connection. An event says who may send it.
func ExampleJWT() {
	secret := []byte("a secret of at least 32 bytes, from the environment")
	key, err := realtime.HMACKey(secret)
	if err != nil {
		panic(err)
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key})
	if err != nil {
		panic(err)
	}
	srv, host, end := inMemory(realtime.Config{Auth: auth})
	defer end()

	realtime.Handle(srv, "kick", func(_ context.Context, c *realtime.Conn, seat int) (string, error) {
		return fmt.Sprintf("%s kicked seat %d", c.UserID(), seat), nil
	}, realtime.Require("host"))

	login := func(user, roles string) map[string]string { // what your login service does
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": user, "roles": roles, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		})
		text, err := token.SignedString(secret)
		if err != nil {
			panic(err)
		}
		return map[string]string{"token": text}
	}
	ann := host.Connect(realtimetest.Options{Auth: login("ann", "player host")})
	bob := host.Connect(realtimetest.Options{Auth: login("bob", "player")})
	fmt.Println(realtimetest.Call[string](ann, "kick", 3))
	_, err = realtimetest.TryCall[string](bob, "kick", 3)
	fmt.Println(err)
	_, err = host.TryConnect(realtimetest.Options{Auth: map[string]string{"token": "made up"}})
	fmt.Println(err)
	// Output:
	// ann kicked seat 3
	// forbidden: not allowed
	// token not accepted
}

// An event may be allowed by its payload: here everyone owns the table that bears their name.
func ExampleAuthorize() {
	srv, host, end := inMemory(realtime.Config{Auth: userByToken{}})
	defer end()

	type Close struct {
		Table string `json:"table"`
	}
	own := func(_ context.Context, c *realtime.Conn, in Close) error {
		if in.Table != c.UserID() {
			return realtime.Errorf(realtime.CodeForbidden, "not your table")
		}
		return nil
	}
	realtime.Handle(srv, "close", func(_ context.Context, _ *realtime.Conn, in Close) (string, error) {
		return in.Table + " is closed", nil
	}, realtime.Authenticated(), realtime.Authorize(own))

	ann := host.Connect(realtimetest.Options{Auth: token("ann")})
	fmt.Println(realtimetest.Call[string](ann, "close", Close{Table: "ann"}))
	_, err := realtimetest.TryCall[string](ann, "close", Close{Table: "bob"})
	fmt.Println(err)
	// Output:
	// ann is closed
	// forbidden: not your table
}
