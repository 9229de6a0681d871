package memadapter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/memadapter"
)

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y, z := started(t, b, "x").answering(), started(t, b, "y").answering(), started(t, b, "z").answering()
		x.heard("+ y", "+ z")
		y.heard("+ x", "+ z")
		z.heard("+ x", "+ y")

		begin := time.Now()
		b.Partition(z.Adapter)
		x.heard("down")
		z.heard("down")
		if err := z.states[0].Err; !errors.Is(err, memadapter.ErrPartitioned) {
			t.Errorf("why the bus is down: %v", err)
		}
		x.publish(1, "r")
		pass(time.Second)
		x.publish(2, "r")
		x.publish(3, "s")
		y.publish(4)
		end := time.Now()
		y.heard("down", "x:[1]", "x:[2]", "x:[3]")
		x.heard("y:[4]")
		if err := z.Publish(t.Context(), z.message(5)); !errors.Is(err, memadapter.ErrPartitioned) {
			t.Errorf("Publish of a node that reaches nobody: %v", err)
		}
		answers, expected, err := x.ask(realtime.OpFetch, time.Second)
		if diff := cmp.Diff([]string{"y"}, answers); diff != "" || expected != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a question across: %d nodes, %v %s", expected, err, diff)
		}
		asked := time.Now().Add(-time.Second)
		if nodes, err := z.Nodes(t.Context()); len(nodes) != 3 || err != nil {
			t.Errorf("nodes during a partition: %v, %v", nodes, err)
		}
		y.heard("x?")
		z.heard()

		b.Heal()
		x.heard("up", "gap")
		y.heard("up", "gap")
		z.heard("up", "gap", "gap")
		if diff := cmp.Diff([]realtime.Gap{
			{Node: "x", Namespace: "/", Count: 4, From: begin, To: asked}, // three messages and the question
			{Node: "y", Namespace: "/", Count: 1, From: end, To: end},
		}, z.gaps()); diff != "" {
			t.Error(diff)
		}
		z.publish(6)
		x.heard("z:[6]")
	})
}

// A gap names the room if all of it is about one.
func TestGapOfOneRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		b.Partition(y.Adapter)
		for range 3 {
			_ = x.Publish(t.Context(), x.message(1, "r")) // ErrPartitioned: there is nobody else
		}
		b.Heal()
		now := time.Now()
		if diff := cmp.Diff([]realtime.Gap{{Node: "x", Namespace: "/", Room: "r", Count: 3, From: now, To: now}}, y.gaps()); diff != "" {
			t.Error(diff)
		}
		b.Partition(y.Adapter)
		m := x.message(1, "r")
		m.Namespace = "/other"
		_, _ = x.Publish(t.Context(), x.message(1, "r")), x.Publish(t.Context(), m)
		b.Heal()
		if diff := cmp.Diff(realtime.Gap{Node: "x", Count: 2, From: now, To: now}, y.gaps()[1]); diff != "" {
			t.Error(diff)
		}
	})
}

// The state follows who is there, and not only Partition and Heal.
func TestPartitionWhoseSidesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x := started(t, b, "x")
		b.Partition(x.Adapter) // from nobody yet
		x.heard()
		x.publish(1)
		y := started(t, b, "y")
		x.heard("+ y", "down")
		y.heard("+ x", "down")
		b.Partition(x.Adapter, y.Adapter)
		x.heard("up")
		b.Partition(y.Adapter)
		x.heard("down")
		b.Crash(y.Adapter)
		x.heard("- y", "up")
	})
}

func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y, z := started(t, b, "x"), started(t, b, "y").answering(), started(t, b, "z")
		b.Delay(time.Second)
		y.publish(1)
		ended := make(chan error, 1)
		go func() { // ends with the question
			_, expected, err := x.ask(realtime.OpFetch, time.Hour)
			if expected != 1 {
				t.Errorf("%d nodes expected, want 1", expected)
			}
			ended <- err
		}()
		pass(3 * time.Second) // y has answered, z will not
		x.publish(2)
		b.Crash(z.Adapter)
		if err := <-ended; err != nil {
			t.Errorf("Ask: %v", err)
		}
		x.heard("+ y", "+ z", "y:[1]", "- z")
		z.heard("+ x", "+ y", "y:[1]", "x?") // and not the last message
		for call, err := range map[string]error{
			"Publish": z.Publish(t.Context(), z.message(3)), "OpenNamespace": z.OpenNamespace(t.Context(), "/"),
		} {
			if !errors.Is(err, memadapter.ErrCrashed) {
				t.Errorf("%s after the crash: %v", call, err)
			}
		}
		if _, _, err := z.ask(realtime.OpFetch, time.Second); !errors.Is(err, memadapter.ErrCrashed) {
			t.Errorf("Ask after the crash: %v", err)
		}
		if err := z.Close(t.Context()); err != nil {
			t.Errorf("Close after the crash: %v", err)
		}
		if err := z.Close(t.Context()); !errors.Is(err, memadapter.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
}

// A node that dies while it asks gets an error.
func TestCrashOfTheAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x := started(t, b, "x")
		started(t, b, "y")
		ended := make(chan error, 1)
		go func() { // ends with the question
			_, _, err := x.ask(realtime.OpFetch, time.Hour)
			ended <- err
		}()
		synctest.Wait()
		b.Crash(x.Adapter)
		if err := <-ended; !errors.Is(err, memadapter.ErrCrashed) {
			t.Errorf("Ask: %v", err)
		}
	})
}

// A full queue loses what comes last, and tells of it where it would have come.
func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y, z := started(t, b, "x"), started(t, b, "y"), started(t, b, "z")
		y.heard("+ x", "+ z")
		b.Delay(time.Minute)
		var want []string
		for i := range 4096 + 10 {
			x.publish(i)
			if i < 4096 {
				want = append(want, fmt.Sprintf("x:[%d]", i))
			}
		}
		z.publish(0, "r")
		lost := time.Now()
		pass(time.Minute)
		x.publish(1)
		pass(time.Minute)
		y.heard(append(want, "gap", "gap", "x:[1]")...)
		if diff := cmp.Diff([]realtime.Gap{
			{Node: "x", Namespace: "/", Count: 10, From: lost, To: lost},
			{Node: "z", Namespace: "/", Room: "r", Count: 1, From: lost, To: lost},
		}, y.gaps()); diff != "" {
			t.Error(diff)
		}
		if y.states[0].Status != realtime.AdapterGap {
			t.Errorf("status %s", y.states[0].Status)
		}
	})
}

func TestOverflowOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		b.Delay(time.Minute)
		m := x.message(1)
		m.Attachments = [][]byte{bytes.Repeat([]byte{1}, 13<<20)} // more than 16 MiB as text
		for range 2 {                                             // an empty queue takes one of any size
			if err := x.Publish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		y.heard("+ x", "x:[1]", "gap")
	})
}

// Of answers that nobody takes in time those that do not fit are missing, and Ask says so.
func TestOverflowOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y := started(t, b, "x"), started(t, b, "y")
		b.Delay(time.Second)
		y.onAsk = func(_ *realtime.Message, reply func(*realtime.Message)) {
			reply(&realtime.Message{Op: realtime.OpCount, Node: "y", Count: 5000})
			for range 5000 {
				reply(&realtime.Message{Op: realtime.OpAnswer, Node: "y"})
			}
		}
		answers, expected, err := x.ask(realtime.OpBroadcastAck, time.Minute)
		if len(answers) != 4096 || expected != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d answers of %d nodes, %v", len(answers), expected, err)
		}
	})
}

// What a node answers beyond its word is not passed on.
func TestAnswersBeyondTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memadapter.NewBus()
		x, y, z := started(t, b, "x"), started(t, b, "y"), started(t, b, "z").answering()
		b.Delay(time.Second) // so that all of y's answers are there before z's
		y.onAsk = func(_ *realtime.Message, reply func(*realtime.Message)) {
			for range 3 {
				reply(&realtime.Message{Op: realtime.OpAnswer, Node: "y"})
			}
		}
		z.onAsk = func(_ *realtime.Message, reply func(*realtime.Message)) {
			time.AfterFunc(time.Second, func() { reply(&realtime.Message{Op: realtime.OpAnswer, Node: "z"}) })
		}
		answers, expected, err := x.ask(realtime.OpFetch, time.Minute)
		if diff := cmp.Diff([]string{"y", "z"}, answers); diff != "" || expected != 2 || err != nil {
			t.Errorf("%d nodes, %v %s", expected, err, diff)
		}
	})
}
