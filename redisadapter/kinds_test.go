//go:build unix

package redisadapter_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
	"github.com/realtime-go/realtime/redisadapter/internal/redistest"
)

// TestACL uses a user that may do just what the documentation asks for, and ones that may
// less (R78).
func TestACL(t *testing.T) {
	server := redistest.Start(t)
	allowed := []string{"+ping", "+publish", "+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe", "+pubsub", "+hello"}
	cfg := options(server.Addr)
	channels := []string{"&" + cfg.Prefix + "*", "&" + cfg.Prefix + "#/#*"}
	user := func(name string, more ...string) {
		rules := append(append([]string{"ACL", "SETUSER", name, "on", ">secret", "resetkeys", "resetchannels", "-@all"}, channels...), allowed...)
		server.Do(append(rules, more...)...)
	}
	user("app", "~"+cfg.Prefix+"-presence:*", "~"+cfg.Prefix+"-revoked:*", "+@read", "+@write", "+@scripting", "+time")
	user("keyless")
	server.Do("ACL", "SETUSER", "mute", "on", ">secret", "allchannels", "allkeys", "+@all", "-publish")
	cfg.Redis.Username, cfg.Redis.Password = "app", "secret"
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	if n, err := a.Ask(t.Context(), &realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, func(*realtime.Message) {}); n != 1 || err != nil {
		t.Errorf("Ask: %d, %v", n, err)
	}

	cfg.Redis.Username = "keyless"
	c := newPeer(t, cfg)
	if _, ok := c.WithoutKeys().(realtime.PresenceStore); ok {
		t.Error("an adapter without keys claims to keep presence")
	}
	c.begin()
	connected(t, a, c)

	cfg.Redis.Username = "mute"
	p := startPeer(t, cfg)
	var err error
	redistest.Await(t, "an error of Publish without the permission", func() bool {
		err = p.emit("x")
		return err != nil
	})
	if !errors.Is(err, redisadapter.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Publish without the permission: %v", err)
	}
	p.await("the bus is down", func() bool { return p.last() == realtime.AdapterDown })

	for name, change := range map[string]func(*redisadapter.Config){
		"a wrong password":           func(c *redisadapter.Config) { c.Redis.Username, c.Redis.Password = "app", "wrong" },
		"channels of another prefix": func(c *redisadapter.Config) { c.Redis.Username, c.Prefix = "app", "other" },
	} {
		wrong := cfg
		change(&wrong)
		p := newPeer(t, wrong)
		p.WithoutKeys()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := p.Start(ctx, p.self, p)
		cancel()
		if !errors.Is(err, redisadapter.ErrUnavailable) || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "WRONGPASS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTLS connects to a server that speaks nothing but TLS.
func TestTLS(t *testing.T) {
	dir, pool := t.TempDir(), x509.NewCertPool()
	certify(t, dir, pool)
	addr := ""
	server := redistest.StartTLS(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), &addr)
	cfg := options(addr)
	cfg.Redis.TLSConfig = &tls.Config{RootCAs: pool, ServerName: "localhost"}
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	server.KillClients("pubsub")
	for _, p := range []*peer{a, b} {
		p.await("a gap", func() bool { return gapCount(p) > 0 })
	}
	connected(t, a, b)
	cfg.Redis.TLSConfig = &tls.Config{ServerName: "localhost"} // does not know the authority
	p := newPeer(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Start(ctx, p.self, p); err == nil {
		t.Error("a certificate of an unknown authority is accepted")
	}
}

// certify writes a certificate for this machine.
func certify(t *testing.T, dir string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(cert)
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSentinelFailover kills the master behind Sentinel (R66).
func TestSentinelFailover(t *testing.T) { bothWires(t, testSentinelFailover) }

func testSentinelFailover(t *testing.T, wire redisadapter.Wire) {
	t.Parallel() // Redis takes its time
	s := redistest.StartSentinel(t)
	cfg := options(s.Sentinel.Addr)
	cfg.Wire = wire
	cfg.Redis.Sentinel.MasterSet = s.MasterSet
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	connected(t, a, b)
	s.Master.Kill()
	for _, p := range []*peer{a, b} {
		p.await("a gap, and the bus is back on the new master", func() bool { return gapCount(p) > 0 && p.last() != realtime.AdapterDown })
	}
	connected(t, a, b)
	if n, err := a.Ask(t.Context(), &realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, func(*realtime.Message) {}); n != 1 || err != nil {
		t.Errorf("Ask after the failover: %d, %v", n, err)
	}
}

// TestClusterMasterDies kills one master of three after the other: whoever was connected to
// it goes to another one.
func TestClusterMasterDies(t *testing.T) { bothWires(t, testClusterMasterDies) }

func testClusterMasterDies(t *testing.T, wire redisadapter.Wire) {
	cluster := redistest.StartCluster(t, 3)
	cfg := options(cluster.Addrs...)
	cfg.Wire = wire
	var nodes []*peer
	for range 4 {
		nodes = append(nodes, startPeer(t, cfg))
	}
	connected(t, nodes...)
	for _, server := range cluster.Servers[:2] {
		server.Kill()
		connected(t, nodes...)
		for _, p := range nodes {
			redistest.Await(t, "an answer of everyone", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), watchdog)
				defer cancel()
				answers := 0
				n, err := p.Ask(ctx, &realtime.Message{Op: realtime.OpFetch, Namespace: "/"}, func(*realtime.Message) { answers++ })
				return err == nil && n == 3 && answers == 3
			})
		}
		server.Restart()
		connected(t, nodes...)
	}
	gaps := 0
	for _, p := range nodes {
		gaps += len(p.gaps())
	}
	if gaps == 0 {
		t.Error("masters have died and nobody was told of a gap")
	}
}

// TestClusterMasterIsDemoted lets a replica take the place of a living master: Node.js nodes
// count subscribers on masters only, so nobody may stay behind.
func TestClusterMasterIsDemoted(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	cfg := options(cluster.Addrs...)
	var nodes []*peer
	for range 4 {
		nodes = append(nodes, startPeer(t, cfg))
	}
	connected(t, nodes...)
	subscribers := func(s *redistest.Server) int64 {
		reply, err := s.Do("PUBSUB", "NUMSUB", cfg.Prefix+"-request#/#").ToArray()
		if err != nil || len(reply) != 2 {
			t.Fatalf("%v, %v", reply, err)
		}
		n, err := reply[1].AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var master *redistest.Server
	for _, s := range cluster.Servers {
		if subscribers(s) > 0 {
			master = s
		}
	}
	before := subscribers(master)
	cluster.AddReplica(master).Do("CLUSTER", "FAILOVER")
	redistest.Await(t, "a demoted master that nobody subscribes to", func() bool { return subscribers(master) == 0 })
	connected(t, nodes...)
	gaps := int64(0)
	for _, p := range nodes {
		gaps += int64(len(p.gaps()))
	}
	if gaps < before {
		t.Errorf("%d nodes have changed their place, %d gaps were told", before, gaps)
	}
}

// TestOwnClient uses a client that the program has made.
func TestOwnClient(t *testing.T) { bothWires(t, testOwnClient) }

func testOwnClient(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	client := server.Client()
	cfg := options(server.Addr)
	cfg.Wire = wire
	own := cfg
	own.Client, own.Redis.InitAddress = client, nil
	a, b := startPeer(t, own), startPeer(t, cfg)
	connected(t, a, b)
	for i := range 3 {
		server.KillClients("pubsub")
		a.await("a gap", func() bool { return gapCount(a) > i })
		connected(t, a, b)
	}
	if err := a.end(); err != nil {
		t.Error(err)
	}
	if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err != nil {
		t.Errorf("the program's client after Close: %v", err)
	}
}

// TestOddNames uses namespaces and rooms that hold what is special in channels and in
// patterns (R73).
func TestOddNames(t *testing.T) { bothWires(t, testOddNames) }

func testOddNames(t *testing.T, wire redisadapter.Wire) {
	server := redistest.Start(t)
	cfg := options(server.Addr)
	cfg.Wire = wire
	a, b := startPeer(t, cfg), startPeer(t, cfg)
	names := []string{"/*", "/?", "/a", "/[ab]", `/\`, `/\*`, "/a#b", "/#", "/ü", "/a/b", "/a-request#/"}
	for _, p := range []*peer{a, b} {
		for _, name := range names {
			if err := p.OpenNamespace(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	rooms := []string{"", "#", "x", "*", `\`, "a#b", "{x}", "é\x00"}
	for _, name := range names {
		for _, room := range rooms {
			b.note(func() { b.heard = nil })
			m := &realtime.Message{Op: realtime.OpBroadcast, Namespace: name, Data: []byte(fmt.Sprintf("[%q]", "e"))}
			if room != "" {
				m.Rooms = []string{room}
			}
			side := &realtime.Message{Op: realtime.OpServerSide, Namespace: name, Data: []byte(`["side"]`)}
			if err := errors.Join(a.Publish(t.Context(), m), a.Publish(t.Context(), side), a.emit("last")); err != nil {
				t.Fatal(err)
			}
			b.await("a last message", func() bool { return b.hears("last") })
			var got []string
			for _, m := range b.heard {
				got = append(got, fmt.Sprintf("%d %s %s", m.Op, m.Namespace, m.Rooms))
			}
			want := []string{
				fmt.Sprintf("%d %s %s", m.Op, name, m.Rooms), fmt.Sprintf("%d %s []", side.Op, name), fmt.Sprintf("%d / []", m.Op),
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("namespace %q, room %q: got %q, want %q", name, room, got, want)
			}
		}
	}
}
