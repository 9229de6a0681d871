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

// startRedis starts a redis-server that keeps nothing, on a free port of the loopback interface.
func startRedis(ctx context.Context, cpu int) (p *process, addr string, err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", errors.New("redis-server is missing: apt-get install redis-server")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	addr = ln.Addr().String()
	host, port, err := net.SplitHostPort(addr)
	ln.Close()
	if err != nil {
		return nil, "", err
	}
	p, err = launch("redis-server", cpu, exec.Command(program, "--bind", host, "--port", port, "--dir", os.TempDir(), "--save", "", "--appendonly", "no"))
	if err != nil {
		return nil, "", err
	}
	if err := awaitRedis(ctx, addr); err != nil {
		p.kill()
		return nil, "", err
	}
	return p, addr, nil
}

// awaitRedis waits until the server answers.
func awaitRedis(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := pingRedis(addr)
		if err == nil {
			return nil
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return fmt.Errorf("redis-server on %s: %w", addr, err)
		}
	}
}

func pingRedis(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
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

// redisVersion makes "Redis 7.0.15" of what redis-server says of itself.
func redisVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return "no Redis"
	}
	for word := range strings.FieldsSeq(string(out)) {
		if v, found := strings.CutPrefix(word, "v="); found {
			return "Redis " + v
		}
	}
	return strings.TrimSpace(string(out))
}
