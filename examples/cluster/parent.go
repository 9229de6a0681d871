package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// withParent ends ctx when "go run", of which this program is a child then, has gone. Ctrl-C reaches both of them, but any other
// signal ends the go tool alone, and would leave this program behind with all that it has started. A program that was built lives on
// without its parent.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	program, err := os.Executable()
	if err != nil || !strings.Contains(filepath.ToSlash(program), "/go-build") {
		return ctx, cancel
	}
	parent := os.Getppid()
	go func() { // owned by main, ends with ctx
		look := time.NewTicker(500 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
				if os.Getppid() != parent {
					cancel()
					return
				}
			}
		}
	}()
	return ctx, cancel
}
