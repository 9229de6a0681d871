package registry

import (
	"context"
	"crypto/sha1"
	_ "embed" // the scripts
	"encoding/hex"
	"fmt"

	"github.com/redis/rueidis"
)

//go:embed scripts/common.lua
var commonText string

//go:embed scripts/user.lua
var userText string

//go:embed scripts/enter.lua
var enterText string

//go:embed scripts/exit.lua
var exitText string

//go:embed scripts/expire.lua
var expireText string

//go:embed scripts/attach.lua
var attachText string

//go:embed scripts/look.lua
var lookText string

//go:embed scripts/verify.lua
var verifyText string

//go:embed scripts/beat.lua
var beatText string

//go:embed scripts/plan.lua
var planText string

//go:embed scripts/nodes.lua
var nodesText string

//go:embed scripts/leave.lua
var leaveText string

//go:embed scripts/wipe.lua
var wipeText string

var (
	enterScript  = newScript(commonText, userText, enterText)
	exitScript   = newScript(commonText, userText, exitText)
	expireScript = newScript(commonText, userText, expireText)
	attachScript = newScript(attachText)
	lookScript   = newScript(commonText, lookText)
	verifyScript = newScript(commonText, verifyText)
	beatScript   = newScript(commonText, beatText)
	planScript   = newScript(planText)
	nodesScript  = newScript(commonText, nodesText)
	leaveScript  = newScript(commonText, leaveText)
	wipeScript   = newScript(wipeText)
)

// script is a script by its text and by the name that Redis gives it.
type script struct{ text, sha string }

func newScript(parts ...string) *script {
	s := &script{}
	for _, part := range parts {
		s.text += part + "\n"
	}
	sum := sha1.Sum([]byte(s.text))
	s.sha = hex.EncodeToString(sum[:])
	return s
}

// call is one run of a script. All keys are in one slot.
type call struct {
	script *script
	keys   []string
	args   []string
}

// run makes calls in one pipeline, or one for each node of a Redis Cluster, within Config.Call. A script that a Redis
// does not know yet is sent to it.
func (r *Registry) run(ctx context.Context, calls ...call) []rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Call)
	defer cancel()
	c := r.cfg.Client
	cmds := make([]rueidis.Completed, len(calls))
	for i, k := range calls {
		cmds[i] = c.B().Evalsha().Sha1(k.script.sha).Numkeys(int64(len(k.keys))).Key(k.keys...).Arg(k.args...).Build()
	}
	results := c.DoMulti(ctx, cmds...)
	var unknown []int
	cmds = cmds[:0]
	for i, result := range results {
		if err, is := rueidis.IsRedisErr(result.Error()); is && err.IsNoScript() {
			k := calls[i]
			unknown = append(unknown, i)
			cmds = append(cmds, c.B().Eval().Script(k.script.text).Numkeys(int64(len(k.keys))).Key(k.keys...).Arg(k.args...).Build())
		}
	}
	if len(unknown) > 0 {
		for i, result := range c.DoMulti(ctx, cmds...) {
			results[unknown[i]] = result
		}
	}
	return results
}

// one makes one call.
func (r *Registry) one(ctx context.Context, k call) rueidis.RedisResult { return r.run(ctx, k)[0] }

// do sends commands in one pipeline within Config.Call.
func (r *Registry) do(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Call)
	defer cancel()
	return r.cfg.Client.DoMulti(ctx, cmds...)
}

// values reads the array that a script returned. The first mistake is kept in err, and later reads return zero.
type values struct {
	list []rueidis.RedisMessage
	err  error
}

func valuesOf(result rueidis.RedisResult, least int) values {
	list, err := result.ToArray()
	if err == nil && len(list) < least {
		err = fmt.Errorf("%w: %d values, not %d", errReply, len(list), least)
	}
	return values{list, err}
}

func (v *values) int(i int) (n int64) {
	if v.err == nil {
		n, v.err = v.list[i].AsInt64()
	}
	return n
}

func (v *values) text(i int) (s string) {
	if v.err == nil {
		s, v.err = v.list[i].ToString()
	}
	return s
}

func (v *values) texts(i int) (list []string) {
	if v.err == nil {
		list, v.err = v.list[i].AsStrSlice()
	}
	return list
}
