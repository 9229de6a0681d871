package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// keeper runs redis-server, says its process id, and ends it when its own input ends.
const keeper = `"$0" "$@" >/dev/null & echo $!; read -r _; kill $!; wait $!; exit 0`

// redisServer is a Redis of this program's own.
type redisServer struct {
	*process
	addr    string
	pid     int
	version string
}

// startRedis starts a redis-server that keeps nothing, on a free port of the loopback interface.
func startRedis(ctx context.Context) (*redisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is missing: apt-get install redis-server, brew install redis")
	}
	version, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("redis-server --version: %w", err)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", keeper, program, "--bind", host, "--port", port, "--dir", os.TempDir(), "--save", "", "--appendonly", "no")
	p, line, err := launch(ctx, "redis-server", cmd)
	if err != nil {
		return nil, err
	}
	r := &redisServer{process: p, addr: addr, version: short(string(version))}
	if _, err := fmt.Sscan(line, &r.pid); err != nil {
		return nil, errors.Join(fmt.Errorf("process id of redis-server, %q: %w", line, err), p.stop())
	}
	if err := r.await(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return r, nil
}

// short makes "Redis 7.0.15" of what redis-server says of itself.
func short(version string) string {
	for word := range strings.FieldsSeq(version) {
		if v, found := strings.CutPrefix(word, "v="); found {
			return "Redis " + v
		}
	}
	return strings.TrimSpace(version)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// await waits until the server answers.
func (r *redisServer) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := r.ping()
		if err == nil {
			return nil
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("redis-server on %s: %w", r.addr, err)
		}
	}
}

func (r *redisServer) ping() error {
	conn, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("answer to PING: %q", line)
	}
	return err
}
