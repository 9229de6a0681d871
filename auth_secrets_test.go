package realtime_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

// R56: tokens that were accepted, refused, refreshed, expired and revoked stand nowhere: not in a log at debug, an error,
// the figures, what other nodes are told, or a dump of anything that a program holds.
func TestTokensStandNowhere(t *testing.T) {
	twoNodes(t, realtime.Config{Auth: newJWT(t, hmacConfig())}, func(a, b *fixture, busA, _ *busNode) {
		var secrets []string
		make := func(d time.Duration, changes map[string]any) string {
			text := lasting(d, changes)["token"]
			secrets = append(secrets, strings.Split(text, ".")[1:]...) // the header is the same for all, and no secret
			return text
		}
		var shown strings.Builder
		show := func(values ...any) {
			for _, v := range values {
				data, _ := json.Marshal(v)
				fmt.Fprintf(&shown, "%v %+v %#v %s\n", v, v, v, data)
			}
		}
		options := func(token string) []realtimetest.Options {
			return []realtimetest.Options{
				{Auth: map[string]string{"token": token}},
				{Query: map[string][]string{"token": {token}}, Transport: realtimetest.Polling},
				{Header: map[string][]string{"Authorization": {"Bearer " + token}}, Transport: realtimetest.Upgrade},
			}
		}
		for _, bad := range []string{
			make(-time.Hour, nil), make(time.Hour, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
			make(time.Hour, map[string]any{"sub": nil}), make(time.Hour, nil) + "x", strings.Repeat("MARKER.", 2000),
		} {
			for _, o := range options(bad) {
				if o.Transport == realtimetest.Upgrade {
					o.Transport = realtimetest.Polling
				}
				_, err := a.host.TryConnect(o)
				show(err)
			}
		}
		secrets = append(secrets, "MARKER")
		for _, o := range options(make(time.Minute, map[string]any{"sub": "bob"})) {
			c := a.host.Connect(o)
			conn := a.conn(c)
			show(conn, conn.Handshake(), conn.ID())
			_, err := refreshWith(c, map[string]string{"token": make(-time.Hour, nil)})
			show(err)
			_, err = refreshWith(c, map[string]string{"token": make(2*time.Minute, map[string]any{"sub": "bob"})})
			show(err)
		}
		for info, err := range b.Conns(b.Context()) { // over the bus
			show(info, err)
		}
		pass(time.Hour)
		a.host.Connect(realtimetest.Options{Auth: map[string]string{"token": make(time.Hour, nil)}})
		if err := a.User("ann").Revoke(a.Context(), "gone"); err != nil {
			a.Fatal(err)
		}
		synctest.Wait()
		show(a.Stats(), b.Stats())
		text := shown.String() + a.log.String() + b.log.String()
		if len(secrets) < 20 || strings.Count(text, "\n") < 50 {
			a.Fatalf("%d secrets in %d lines: the test does not do its work", len(secrets), strings.Count(text, "\n"))
		}
		for _, secret := range secrets {
			if i := strings.Index(text, secret); secret != "" && i >= 0 {
				a.Errorf("a token stands in\n%.300s", text[max(0, i-200):])
			}
		}
	})
}
