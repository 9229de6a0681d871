package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// patience is how long a process may take to start, or to end.
const patience = 30 * time.Second

// process is another program. It ends when its input does, which the system closes when this program dies.
type process struct {
	cmd   *exec.Cmd
	input io.WriteCloser
}

// pinned is a command on one processor, if the settings say so.
func pinned(ctx context.Context, s *settings, cpu int, args ...string) *exec.Cmd {
	if s.pin {
		args = append([]string{"taskset", "-c", strconv.Itoa(cpu)}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // our own programs
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a server and returns its address, which is the first thing that it says.
func start(cmd *exec.Cmd) (p *process, addr string, err error) {
	p = &process{cmd: cmd}
	if p.input, err = cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	line := make(chan string, 1)
	go func() { // ends with the process
		r := bufio.NewReader(out)
		text, _ := r.ReadString('\n')
		line <- strings.TrimSpace(text)
		_, _ = io.Copy(io.Discard, r)
	}()
	select {
	case addr = <-line:
	case <-time.After(patience):
	}
	if addr == "" {
		p.stop()
		return nil, "", fmt.Errorf("%v has not started", cmd.Args)
	}
	return p, addr, nil
}

func (p *process) stop() {
	p.input.Close()
	kill := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait() // a server that is ended may say so
	kill.Stop()
}

// startServer starts one process of a system.
func startServer(ctx context.Context, s *settings, sys system, redis string) (*process, string, error) {
	o := sys.options
	o.Redis = redis
	options, err := json.Marshal(o)
	if err != nil {
		return nil, "", err
	}
	if sys.server == "node" {
		cmd := pinned(ctx, s, 0, "node", "--expose-gc", "node/server.mjs")
		cmd.Env = append(os.Environ(), "NODE_ENV=production", "BENCH_REDIS="+redis)
		return start(cmd)
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := pinned(ctx, s, 0, exe)
	cmd.Env = append(os.Environ(), asServer+"="+sys.server, asOptions+"="+string(options))
	return start(cmd)
}

// startRedis starts a redis-server that keeps nothing.
func startRedis(ctx context.Context, s *settings) (*process, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	// The shell ends redis-server when its input ends, and is replaced by nothing: the id is said first.
	script := `redis-server --port "$0" --bind 127.0.0.1 --save "" --appendonly no --daemonize no >/dev/null & pid=$!; echo $pid; read -r line; kill -9 $pid`
	p, pid, err := start(pinned(ctx, s, 1, "/bin/sh", "-c", script, port))
	if err != nil {
		return nil, "", errors.Join(err, errors.New("redis-server is needed"))
	}
	for until := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return p, addr + " " + pid, nil
		}
		if time.Now().After(until) {
			p.stop()
			return nil, "", err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// install gets the packages of Node.js, once.
func install(ctx context.Context) error {
	if _, err := os.Stat("node/node_modules/socket.io"); err == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--prefix", "node", "--no-audit", "--no-fund")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
