// Avalon is the game of hidden roles, played in the browser: a whole application with the library.
//
//	go run ./examples/avalon -bots 4
//
// opens port 3001 and prints the address of the page. README.md says what goes over the wire and how the program is built; the
// rules of the game are in the folder game.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "avalon:", err)
		os.Exit(1)
	}
}
