package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is another program that this one has started. It ends when its input does, which
// the system closes when this program dies, of whatever cause.
type process struct {
	name  string
	cmd   *exec.Cmd
	input io.WriteCloser
	done  chan struct{} // closed when the program has ended, after err is set
	err   error
}

// launch starts a program and returns the first line that it prints.
func launch(ctx context.Context, name string, cmd *exec.Cmd) (*process, string, error) {
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	var err error
	if p.input, err = cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	first := make(chan string, 1)
	go func() { // owned by the process, ends with the program; stop waits for it
		r := bufio.NewReader(output)
		if line, err := r.ReadString('\n'); err == nil {
			first <- line
		}
		_, _ = io.Copy(io.Discard, r)
		p.err = cmd.Wait()
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case line := <-first:
		return p, line, nil
	case <-p.done:
		return nil, "", fmt.Errorf("%s ended at once: %w", name, errors.Join(p.err, io.ErrUnexpectedEOF))
	case <-ctx.Done():
		return nil, "", errors.Join(fmt.Errorf("%s does not start: %w", name, ctx.Err()), p.stop())
	}
}

// launchNode starts a program that is a node of a cluster.
func launchNode(ctx context.Context, name string, cmd *exec.Cmd, o order) (*process, greeting, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, greeting{}, err
	}
	cmd.Env = append(os.Environ(), asServer+"="+string(data), "NODE_ENV=production")
	p, line, err := launch(ctx, name, cmd)
	if err != nil {
		return nil, greeting{}, err
	}
	var g greeting
	if err := json.Unmarshal([]byte(line), &g); err != nil {
		return nil, g, errors.Join(fmt.Errorf("%s says %q: %w", name, line, err), p.stop())
	}
	return p, g, nil
}

// stop lets the program end by itself, and kills it when it does not.
func (p *process) stop() error {
	p.input.Close()
	overdue := time.NewTimer(patience)
	defer overdue.Stop()
	select {
	case <-p.done:
	case <-overdue.C:
		err := p.cmd.Process.Kill()
		<-p.done
		return errors.Join(fmt.Errorf("%s did not end by itself", p.name), err)
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
	return nil
}
