package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/redisadapter"
)

// demonstrate plays nest/demo.mjs: official clients, on all nodes, and prints what they heard. A line of the script that begins with
// @ is an order, which it awaits.
func (c *cluster) demonstrate(ctx context.Context) error {
	orders := make(chan string, 1) // the script has one at a time
	cmd := exec.Command(c.workshop.node, "demo.mjs")
	cmd.Dir = c.workshop.dir
	cmd.Env = append(os.Environ(), c.settings.redis.environment()...)
	cmd.Env = append(cmd.Env, "JWT_SECRET="+c.settings.secret, "ANY=http://"+c.website.addr)
	for _, node := range c.addresses() {
		cmd.Env = append(cmd.Env, strings.ToUpper(strings.ReplaceAll(node.Name, "-", "_"))+"="+node.URL)
	}
	script, err := launch("the demonstration", cmd, func(line string) {
		if order, found := strings.CutPrefix(line, "@"); found {
			orders <- order
			return
		}
		fmt.Fprintln(c.out, line)
	})
	if err != nil {
		return err
	}
	for {
		select {
		case order := <-orders:
			if err = c.follow(ctx, order); err == nil {
				_, err = io.WriteString(script.input, "done\n")
			}
		case <-script.done:
			return script.err
		case err = <-c.failed:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return errors.Join(err, script.stop())
		}
	}
}

// follow does what the script cannot do.
func (c *cluster) follow(ctx context.Context, order string) error {
	what, which, _ := strings.Cut(order, " ")
	switch what {
	case "stop":
		return c.stopNode(which)
	case "start":
		return c.startNode(ctx, which)
	case "emit":
		return c.emit(ctx, which)
	}
	return fmt.Errorf("the demonstration orders %q", order)
}

// emit says something to everyone in room 42 from outside of the cluster, as a program without clients does.
func (c *cluster) emit(ctx context.Context, text string) error {
	emitter, err := redisadapter.NewEmitter(ctx, c.settings.redis.config(), realtime.Config{})
	if err != nil {
		return err
	}
	err = emitter.Of("/chat").To("42").Emit(ctx, "said", struct {
		Said
		Data realtime.Binary `json:"data"`
	}{Said{"42", "emitter in Go", text, jsDate(time.Now())}, realtime.Binary{1, 2, 3, 4}})
	return errors.Join(err, emitter.Close(ctx))
}
