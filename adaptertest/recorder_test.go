package adaptertest

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder stands in for the test of a rule that should fail: it writes down what a test would print.
type recorder struct {
	testing.TB // the test that looks at the result
	ctx        context.Context

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

// record runs a rule against an adapter and returns its failures.
func record(t *testing.T, f Factory, r rule, size int) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rec := &recorder{TB: t, ctx: ctx}
	ended := make(chan struct{})
	go func() { // ends with the rule, or its FailNow
		defer close(ended)
		r.run(newCluster(rec, &f, size))
	}()
	<-ended
	cancel() // as a test does before its cleanup
	for _, cleanup := range slices.Backward(rec.cleanups) {
		cleanup()
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return strings.Join(rec.failures, "\n")
}

func (r *recorder) Helper()                  {}
func (r *recorder) Name() string             { return r.TB.Name() + "/recorded" }
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Output() io.Writer        { return io.Discard }
func (r *recorder) Log(...any)               {}
func (r *recorder) Logf(string, ...any)      {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, text)
}

func (r *recorder) Error(args ...any)                 { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatal(args ...any) {
	r.fail(fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// byRule finds a rule by its name.
func byRule(t testing.TB, name string) rule {
	t.Helper()
	for _, r := range rules() {
		if r.name == name {
			return r
		}
	}
	t.Fatalf("no rule %s", name)
	return rule{}
}

// A rule that finds nothing says nothing: what the recorder reports of the others is theirs.
func TestWorkingAdapterPasses(t *testing.T) {
	for _, r := range rules() {
		f := Factory{NewBus: func(t testing.TB) Bus { return newTamperedBus(t, nil) }, Watchdog: time.Minute}
		if got := record(t, f, r, 3); got != "" {
			t.Errorf("%s: %s", r.name, got)
		}
	}
}

// noticing is a rule that must fail for a mistake.
type noticing struct {
	mistake mistake
	rule    rule
	says    string
	result  chan string // "" or what is wrong
}

// run looks whether the rule notices the mistake. A rule that waits in vain fails when the watchdog barks; on
// a busy machine a short one may bark too early, which says something else.
func (n *noticing) run(t *testing.T) string {
	for _, watchdog := range []time.Duration{time.Second, 20 * time.Second} {
		f := Factory{NewBus: func(t testing.TB) Bus { return newTamperedBus(t, n.mistake.tamper) }, Watchdog: watchdog}
		got := record(t, f, n.rule, 3)
		if got != "" && strings.Contains(got, n.says) {
			return ""
		}
		if got == "" || watchdog > time.Second {
			return fmt.Sprintf("failures %q, want one with %q", got, n.says)
		}
	}
	return ""
}

// Every mistake is noticed by the rules that are about it, and every rule notices a mistake.
func TestMistakesAreNoticed(t *testing.T) {
	idle := map[string]bool{}
	for _, r := range rules() {
		idle[r.name] = true
	}
	var all []*noticing
	for _, m := range mistakes {
		for name, says := range m.noticed {
			delete(idle, name)
			all = append(all, &noticing{m, byRule(t, name), says, make(chan string, 1)})
		}
	}
	for name := range idle {
		t.Errorf("no mistake shows that %s can fail", name)
	}
	places := make(chan struct{}, 10) // most of them wait for a watchdog, and not for a processor
	var running sync.WaitGroup
	defer running.Wait() // also for those that -run leaves out below
	for _, n := range all {
		running.Go(func() { // ends with the rule
			places <- struct{}{}
			defer func() { <-places }()
			n.result <- n.run(t)
		})
	}
	for _, n := range all {
		t.Run(n.mistake.name+"/"+n.rule.name, func(t *testing.T) {
			if wrong := <-n.result; wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// printer keeps what a test prints.
type printer struct {
	testing.TB
	printed string
}

func (p *printer) Logf(format string, args ...any) { p.printed += fmt.Sprintf(format+"\n", args...) }
