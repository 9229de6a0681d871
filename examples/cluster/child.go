package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// patience is how long a program may take to start, or to end before it is killed.
const patience = 30 * time.Second

// child is another program that this one has started. It ends when its input does: when it is stopped, and also when this
// program is killed, because the system then closes the pipe.
type child struct {
	name  string
	cmd   *exec.Cmd
	input io.WriteCloser
	done  chan struct{} // closed when the program has ended, after err is set
	err   error

	stopping atomic.Bool
}

// launch starts a program and gives every line of its output to hear.
func launch(name string, cmd *exec.Cmd, hear func(line string)) (*child, error) {
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	var err error
	if c.input, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.WaitDelay = patience
	apart(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // owned by the child, ends with the program; stop and those who read done wait for it
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			hear(lines.Text())
		}
		_, _ = io.Copy(io.Discard, output) // what no scanner takes, so that the program can go on
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// watch calls fail if the program ends without having been told to.
func (c *child) watch(fail func(error)) {
	go func() { // owned by the child, ends with the program
		<-c.done
		if !c.stopping.Load() {
			fail(fmt.Errorf("%s ended: %w", c.name, c.ended()))
		}
	}()
}

// start launches a program and waits for the line of its output that ready knows.
func start(ctx context.Context, name string, cmd *exec.Cmd, ready func(line string) bool) (*child, error) {
	up := make(chan struct{})
	var said []string // before it was up
	c, err := launch(name, cmd, func(line string) {
		select {
		case <-up:
		default:
			said = append(said, line)
			if ready(line) {
				close(up)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-up:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("%s ended at once: %w\n%s", name, c.ended(), strings.Join(said, "\n"))
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("%s does not start: %w", name, context.Cause(ctx)), c.stop())
	}
}

// ended says how a program ended that has ended.
func (c *child) ended() error {
	if c.err != nil {
		return c.err
	}
	return errors.New("exit status 0")
}

// stop lets the program end by itself, and kills it when it does not.
func (c *child) stop() error {
	c.stopping.Store(true)
	c.input.Close()
	overdue := time.NewTimer(patience)
	defer overdue.Stop()
	select {
	case <-c.done:
		return nil
	case <-overdue.C:
		err := kill(c.cmd)
		<-c.done
		return errors.Join(fmt.Errorf("%s did not end by itself", c.name), err)
	}
}
