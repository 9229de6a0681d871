package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/redis/rueidis"

	"github.com/realtime-go/realtime/redisadapter"
)

// errNoRedis says how to get what is missing.
var errNoRedis = errors.New("redis-server is not installed: apt-get install redis-server, brew install redis, " +
	"or name a Redis of yours with REDIS_HOST and REDIS_PORT")

// keeper runs redis-server and ends it when its own input ends.
const keeper = `
exec 3<&0
"$0" "$@" <&- 3<&- & server=$!
{ read -r _ <&3; kill $server; } & guard=$!
wait $server; status=$?
kill $guard 2>/dev/null
exit $status`

// startRedis starts a redis-server that keeps nothing, on a free port of the loopback interface.
func startRedis(ctx context.Context) (*child, redisSettings, error) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, redisSettings{}, errNoRedis
	}
	for attempt := range 3 {
		var r redisSettings
		if r.host, r.port, err = freePort(); err != nil {
			return nil, r, err
		}
		cmd := exec.Command("/bin/sh", "-c", keeper, server, "--bind", r.host, "--port", r.port, "--dir", os.TempDir(), "--save", "", "--appendonly", "no")
		var c *child
		c, err = start(ctx, "redis-server", cmd, func(line string) bool { return strings.Contains(line, "Ready to accept connections") })
		if err == nil {
			return c, r, nil
		}
		if ctx.Err() != nil || attempt == 2 { // else somebody else may have taken the port meanwhile
			break
		}
	}
	return nil, redisSettings{}, err
}

// freePort finds a port of the loopback interface that nobody listens on right now.
func freePort() (host, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	return net.SplitHostPort(l.Addr().String())
}

// environment is what a NestJS node is told of Redis.
func (r redisSettings) environment() []string {
	return []string{
		"REDIS_HOST=" + r.host, "REDIS_PORT=" + r.port, "REDIS_USERNAME=" + r.username, "REDIS_PASSWORD=" + r.password,
		fmt.Sprintf("REDIS_TLS=%t", r.tls),
	}
}

// config is what a Go node is told of it.
func (r redisSettings) config() redisadapter.Config {
	options := rueidis.ClientOption{InitAddress: []string{r.addr()}, Username: r.username, Password: r.password}
	if r.tls {
		options.TLSConfig = &tls.Config{ServerName: r.host, MinVersion: tls.VersionTLS12}
	}
	return redisadapter.Config{Redis: options, PublishOnSpecificResponseChannel: true}
}
