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
)

// process is another program that this one has started. It ends when its input does, which the system closes when this
// program dies, of whatever cause; Linux kills it then, too.
type process struct {
	name  string
	cmd   *exec.Cmd
	input io.WriteCloser
	lines chan string
	done  chan struct{} // closed when the program has ended, after err is set
	err   error
}

// launch starts a program on a processor, or on any if that is negative.
func launch(name string, cpu int, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, lines: make(chan string, 16), done: make(chan struct{})}
	var err error
	if p.input, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = patience
	if err := startOn(cpu, cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { // owned by the process, ends with the program; stop waits for it
		r := bufio.NewReaderSize(output, 1<<20)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				break
			}
			select {
			case p.lines <- line:
			default: // nobody asked for so much
			}
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// read takes the next line that the program prints, which is JSON, into v.
func (p *process) read(ctx context.Context, v any) error {
	var line string
	select {
	case line = <-p.lines:
	default:
		select {
		case line = <-p.lines:
		case <-p.done:
			select {
			case line = <-p.lines: // the last one
			default:
				return fmt.Errorf("%s has ended: %w", p.name, errors.Join(p.err, io.ErrUnexpectedEOF))
			}
		case <-ctx.Done():
			return fmt.Errorf("%s says nothing: %w", p.name, ctx.Err())
		}
	}
	if err := json.Unmarshal([]byte(line), v); err != nil {
		return fmt.Errorf("%s says %q: %w", p.name, line, err)
	}
	return nil
}

// tell has a server do what a line of its input says, and waits for that.
func (p *process) tell(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := io.WriteString(p.input, line+"\n"); err != nil {
		return err
	}
	var answer string
	return p.read(ctx, &answer)
}

// kill ends the program at once: its connections and what it knows are of no more use.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
	p.input.Close()
}

// command makes this program another one: a server or a generator.
func command(variable string, v any) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return withOrder(exec.Command(self), variable, v)
}

func withOrder(cmd *exec.Cmd, variable string, v any) (*exec.Cmd, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), variable+"="+string(data), "NODE_ENV=production")
	return cmd, nil
}
