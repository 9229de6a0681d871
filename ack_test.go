package realtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-go/realtime"
	"github.com/realtime-go/realtime/realtimetest"
)

func TestEmitWithAck(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		client := f.host.Connect(o)
		realtimetest.Answer(client, "double", func(n int) int { return 2 * n })
		got, err := realtime.EmitWithAck[int](f.Context(), f.conn(client), "double", 21)
		if got != 42 || err != nil {
			f.Errorf("got %d, %v", got, err)
		}
		raw, err := f.conn(client).EmitWithAck(f.Context(), "double", 4)
		var n int
		if err != nil || raw.Len() != 1 || raw.Bind(&n) != nil || n != 8 || raw.Conn != client.ID() {
			f.Errorf("raw answer %+v: %d, %v", raw, n, err)
		}
	})
}

// D50: 5 s without a deadline, and the caller's deadline otherwise.
func TestEmitWithAckTimesOut(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.conn(f.connect())
		short, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		for ctx, want := range map[context.Context]time.Duration{f.Context(): 5 * time.Second, short: time.Second} {
			start := time.Now()
			_, err := c.EmitWithAck(ctx, "silence")
			if !errors.Is(err, realtime.ErrAckTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				f.Errorf("error %v", err)
			}
			if took := time.Since(start); ctx == f.Context() && took != want {
				f.Errorf("waited %v, want %v", took, want)
			}
		}
		cancelled, cancelCause := context.WithCancelCause(f.Context())
		reason := errors.New("enough")
		cancelCause(reason)
		if _, err := c.EmitWithAck(cancelled, "silence"); !errors.Is(err, reason) {
			f.Errorf("cancelled: %v", err)
		}
	})
}

// A handler may ask its own client, because acknowledgements do not pass the mailbox.
func TestHandlerAsksItsOwnClient(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		realtime.Handle(f.Server, "deal", func(ctx context.Context, c *realtime.Conn, _ any) (string, error) {
			return realtime.EmitWithAck[string](ctx, c, "choose", "red or blue")
		})
		client := f.host.Connect(o)
		realtimetest.Answer(client, "choose", func(string) string { return "blue" })
		if got := realtimetest.Call[string](client, "deal"); got != "blue" {
			f.Errorf("got %q", got)
		}
	})
}

func TestAckFailsWhenTheConnectionEnds(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		time.AfterFunc(time.Second, client.Close)
		start := time.Now()
		if _, err := c.EmitWithAck(f.Context(), "silence"); !errors.Is(err, realtime.ErrClosed) {
			f.Errorf("error %v", err)
		}
		if took := time.Since(start); took != time.Second {
			f.Errorf("waited %v", took)
		}
		if _, err := c.EmitWithAck(f.Context(), "late"); !errors.Is(err, realtime.ErrClosed) {
			f.Errorf("after the end: %v", err)
		}
	})
}

// R31: a connection owes at most 256 answers, and a timeout makes room.
func TestPendingAcksAreCapped(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		c := f.conn(f.connect())
		results := make(chan error, 300)
		for range 300 {
			go func() {
				_, err := c.EmitWithAck(f.Context(), "silence")
				results <- err
			}()
		}
		counts := map[error]int{}
		for range 300 {
			switch err := <-results; {
			case errors.Is(err, realtime.ErrTooManyAcks):
				counts[realtime.ErrTooManyAcks]++
			case errors.Is(err, realtime.ErrAckTimeout):
				counts[realtime.ErrAckTimeout]++
			default:
				f.Errorf("unexpected %v", err)
			}
		}
		if counts[realtime.ErrTooManyAcks] != 44 || counts[realtime.ErrAckTimeout] != 256 {
			f.Errorf("%v", counts)
		}
		if _, err := c.EmitWithAck(f.Context(), "silence"); !errors.Is(err, realtime.ErrAckTimeout) {
			f.Errorf("the table did not empty: %v", err)
		}
	})
}

// R30, D15: late and repeated answers are ignored; ids that were never issued count.
func TestUnknownAcks(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		c := f.conn(client)
		if _, err := c.EmitWithAck(f.Context(), "silence"); !errors.Is(err, realtime.ErrAckTimeout) {
			f.Fatal(err)
		}
		send := func(n int, packet string) {
			for range n {
				if err := client.Send(packet); err != nil {
					f.Fatal(err)
				}
			}
			synctest.Wait()
		}
		send(500, `30["late"]`)
		send(100, `37["never issued"]`)
		if client.Reason() != "" {
			f.Fatalf("closed too early: %s", client.Reason())
		}
		send(1, `37["one too many"]`)
		if client.Reason() == "" {
			f.Error("not closed")
		}
		if why, _ := realtime.DisconnectedOf(context.Cause(c.Context())); why.Cause != realtime.CauseProtocolError {
			f.Errorf("cause %v", why)
		}
	})
}

func TestBroadcastWithAck(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		a, b, silent := f.connect(), f.connect(), f.connect()
		for i, c := range []*realtimetest.Client{a, b} {
			realtimetest.Answer(c, "vote", func(string) int { return i + 1 })
		}
		got, err := realtime.BroadcastWithAck[int](f.Context(), f.ToConn(a.ID(), b.ID()), "vote", "?")
		if err != nil || len(got) != 2 || got[0].Value+got[1].Value != 3 || got[0].Node == "" {
			f.Errorf("got %+v, %v", got, err)
		}
		replies, err := f.Server.EmitWithAck(f.Context(), "vote", "?")
		var partial *realtime.PartialError
		if !errors.As(err, &partial) || !errors.Is(err, realtime.ErrPartial) || !errors.Is(err, realtime.ErrAckTimeout) {
			f.Fatalf("error %v", err)
		}
		if diff := cmp.Diff([]string{silent.ID()}, partial.Conns); diff != "" || len(replies) != 2 {
			f.Errorf("%s, %d replies", diff, len(replies))
		}
		if none, err := f.To("nobody").EmitWithAck(f.Context(), "vote"); err != nil || len(none) != 0 {
			f.Errorf("no target: %v, %v", none, err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, silent.Close)
		_, err = f.ToConn(silent.ID()).EmitWithAck(f.Context(), "vote", "?")
		if took := time.Since(start); !errors.Is(err, realtime.ErrPartial) || took != time.Second {
			f.Errorf("a connection that ended was waited for %v: %v", took, err)
		}
	})
}

func TestAnswerThatDoesNotDecode(t *testing.T) {
	bubble(t, realtime.Config{}, func(f *fixture) {
		client := f.connect()
		realtimetest.Answer(client, "n", func(any) string { return "text" })
		if _, err := realtime.EmitWithAck[int](f.Context(), f.conn(client), "n"); err == nil {
			f.Error("text became an int")
		}
		replies, err := realtime.BroadcastWithAck[int](f.Context(), f.ToConn(client.ID()), "n")
		if err != nil || len(replies) != 1 || replies[0].Err == nil {
			f.Errorf("%+v, %v", replies, err)
		}
	})
}

// The order of messages to one connection is the order of the calls, whoever made them.
func TestEmitOrder(t *testing.T) {
	transports(t, realtime.Config{}, func(f *fixture, o realtimetest.Options) {
		client := f.host.Connect(o)
		c := f.conn(client)
		var want, got []int
		for i := range 200 {
			var err error
			if i%2 == 0 {
				err = c.Emit(f.Context(), "n", i)
			} else {
				err = f.ToConn(client.ID()).Emit(f.Context(), "n", i)
			}
			if err != nil {
				f.Fatal(err)
			}
			want = append(want, i)
		}
		for range 200 {
			got = append(got, realtimetest.Expect[int](client, "n"))
		}
		if !slices.Equal(got, want) {
			f.Error(fmt.Sprint("order: ", got))
		}
	})
}

// fakeBroadcaster shows that the seams can be faked: it implements what the test needs, and nothing is sealed.
type fakeBroadcaster struct {
	realtime.Broadcaster
	replies []realtime.RawReply
}

func (f fakeBroadcaster) EmitWithAck(context.Context, string, ...any) ([]realtime.RawReply, error) {
	return f.replies, nil
}

func TestFakes(t *testing.T) {
	good, err := realtime.NewRawReply("c1", "n1", photo{"t", realtime.Binary{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	bad, err := realtime.NewRawReply("c2", "n1", "text")
	if err != nil {
		t.Fatal(err)
	}
	got, err := realtime.BroadcastWithAck[photo](t.Context(), fakeBroadcaster{replies: []realtime.RawReply{good, bad}}, "show")
	if err != nil || len(got) != 2 || got[0].Value.Title != "t" || len(got[0].Value.Data) != 2 || got[0].Conn != "c1" || got[1].Err == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := realtime.NewRawReply("", "", make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}
