package engine

import (
	"strings"
	"testing"

	"github.com/realtime-go/realtime/internal/workq"
)

// TestSlowSocketHoldsNobodyUp: what a client's socket does not take at once waits on a goroutine of its
// own, while the sweeper goes on with others; when the client reads, it gets every byte, in order. All
// connections share one sweeper.
func TestSlowSocketHoldsNobodyUp(t *testing.T) {
	h := newHarness(t, Options{MaxQueueBytes: 1 << 30, OutboundBudget: 1 << 30, MaxQueueItems: 1 << 20})
	h.srv.sweepers = []*workq.Sweeper[*Message]{h.srv.sweepers[0]}
	slow, r := h.openWebSocket()
	other, q := h.openWebSocket()
	if newDirect(r.session.wire.Load().Conn) == nil {
		t.Log("every write may wait on this platform")
	}
	filler := strings.Repeat("x", 10_000)
	const n = 4000 // 40 MB, more than sockets buffer
	for i := range n {
		if err := r.session.Send(message(filler + numbered(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if err := q.session.Send(message(numbered(i))); err != nil {
			t.Fatal(err)
		}
		if got := h.read(other); got != "4"+numbered(i) {
			t.Errorf("got %.40q", got)
		}
	}
	if waits, _ := r.session.Queue(); waits == 0 {
		t.Error("nothing waits: the socket has taken all")
	}
	for i := range n {
		if got := h.read(slow); got != "4"+filler+numbered(i) {
			t.Fatalf("message %d: got %d bytes, ends %.40q", i, len(got), got[max(0, len(got)-20):])
		}
	}
	h.eventually("an idle writer", func() bool { return !r.session.wire.Load().busy() })
	if err := r.session.Send(message("after")); err != nil {
		t.Fatal(err)
	}
	if got := h.read(slow); got != "4after" {
		t.Errorf("got %.40q", got)
	}
	// The client may have the message before the writer has closed its books.
	h.eventually("nothing that counts against the budget", func() bool { return h.srv.Stats().BudgetBytes == 0 })
}
