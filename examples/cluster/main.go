// Cluster is a chat on three nodes that share a Redis: one NestJS gateway and two servers of this library. It shows how a system
// of NestJS nodes is replaced node by node; docs/migrating-from-nestjs.md tells the way.
//
//	go run ./examples/cluster          # all three, and a page to choose one
//	go run ./examples/cluster -demo    # a conversation that plays itself
//
// The gateway is there twice, in nest/chat.gateway.mjs and in gateway.go. Single nodes are started one at a time, each in a terminal
// of its own, with the Redis and the secret that they share in the environment:
//
//	export REDIS_PORT=6379 JWT_SECRET=$(openssl rand -hex 32)
//	go run ./examples/cluster -node nest
//	go run ./examples/cluster -node go-a,page
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := withParent(ctx)
	defer cancel()
	s, err := parse(os.Args[1:], os.Getenv)
	if err == nil {
		err = run(ctx, s, os.Stdout, logger(s))
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// logger leaves the words to the demonstration, but for errors.
func logger(s settings) *slog.Logger {
	level := slog.LevelInfo
	if s.demo {
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// run keeps the cluster until ctx ends or the demonstration is over, and leaves nothing behind.
func run(ctx context.Context, s settings, out io.Writer, log *slog.Logger) error {
	c, err := open(ctx, s, out, log)
	if err != nil {
		return err
	}
	if s.demo {
		return errors.Join(c.demonstrate(ctx), c.close())
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-c.failed:
	}
	return errors.Join(err, c.close())
}
