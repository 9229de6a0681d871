package e2e

import (
	"context"

	"github.com/realtime-go/realtime"
)

// memberSecret signs the tokens of /members; clients/identity.test.mjs makes them with the same.
const memberSecret = "a secret of the tests, longer than 32 bytes"

// members puts the namespace on a server whose clients log in with a token.
func members(ns realtime.Namespace, obs observer) error {
	key, err := realtime.HMACKey([]byte(memberSecret))
	if err != nil {
		return err
	}
	auth, err := realtime.JWT(realtime.JWTConfig{Algorithms: []string{"HS256"}, Key: key})
	if err != nil {
		return err
	}
	ns.SetAuth(auth)
	watch(ns, obs)
	realtime.Handle(ns, "who", func(_ context.Context, c *realtime.Conn, _ any) (string, error) { return c.UserID(), nil })
	realtime.On(ns, "host", func(context.Context, *realtime.Conn, any) error { return nil }, realtime.Require("host"))
	realtime.On(ns, "revoke", func(ctx context.Context, _ *realtime.Conn, user string) error {
		return ns.User(user).Revoke(ctx, "asked to")
	})
	return nil
}
