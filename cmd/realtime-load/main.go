// Command realtime-load puts load on a Socket.IO v4 server, this library's or Node's, and measures it: how long messages take, how many are
// lost, how many connections break. It is one thread on Linux, and says when it is the limit itself.
//
//	realtime-load -url http://127.0.0.1:3001/socket.io/ -connections 1000 -rooms 100 -rate 500 -duration 30s -plot latency.svg
//
// A server answers three events: it joins a client to a room ("join", room) and acknowledges that, passes what it says on to the
// others in the room ("say", room, payload), and acknowledges a question with what was asked ("echo", payload). With
// -ack only the last is needed; with neither -rate nor -window nothing is sent, and connections are only held.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	ok     = 0
	failed = 1 // the server, or a file
	usage  = 2 // flags
)

// run is the program. The table goes to out, progress and errors to errs.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	s, err := readSettings(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return ok
	}
	if err != nil {
		fmt.Fprintf(errs, "realtime-load: %v\n", err)
		return usage
	}
	r, err := load(ctx, s, newProgress(errs, s.quiet))
	if r != nil {
		err = errors.Join(err, r.publish(s, out))
	}
	if err != nil {
		fmt.Fprintf(errs, "realtime-load: %v\n", err)
		return failed
	}
	return ok
}

// progress tells how far a load is: on a terminal in one line that changes, elsewhere in a line every ten seconds.
type progress struct {
	w        io.Writer
	terminal bool
	last     time.Time
}

func newProgress(w io.Writer, quiet bool) *progress {
	if quiet {
		w = io.Discard
	}
	f, isFile := w.(*os.File)
	p := &progress{w: w}
	if isFile {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) line(final bool, format string, args ...any) {
	const often, rarely = 100 * time.Millisecond, 10 * time.Second
	pause := rarely
	if p.terminal {
		pause = often
	}
	if now := time.Now(); final || now.Sub(p.last) >= pause {
		p.last = now
		end := "\n"
		if p.terminal && !final {
			end = "\x1b[K\r"
		}
		fmt.Fprintf(p.w, format+end, args...)
	}
}
