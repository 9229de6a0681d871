package engine

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMessageForms(t *testing.T) {
	for _, c := range []struct {
		m                       *Message
		frames, base64, polling string
	}{
		{message("2[1]"), "\x81\x0542[1]", "\x81\x0542[1]", "42[1]"},
		{message(""), "\x81\x014", "\x81\x014", "4"},
		{
			message("51-[0]", "\x01\x02\x03", ""),
			"\x81\x07451-[0]\x82\x03\x01\x02\x03\x82\x00",
			"\x81\x07451-[0]\x81\x05bAQID\x81\x01b",
			"451-[0]\x1ebAQID\x1eb",
		},
		{pingPacket, "\x81\x012", "\x81\x012", "2"},
		{newPong("x"), "\x8a\x01x", "\x8a\x01x", ""},
		{newClose(1009), "\x88\x02\x03\xf1", "\x88\x02\x03\xf1", ""},
		{closeFrame, "\x88\x00", "\x88\x00", ""},
	} {
		for range 2 { // made once, the same afterwards
			if got := string(c.m.websocket(false)); got != c.frames {
				t.Errorf("frames %q, want %q", got, c.frames)
			}
			if got := string(c.m.websocket(true)); got != c.base64 {
				t.Errorf("base64 frames %q, want %q", got, c.base64)
			}
			if got := string(c.m.polling()); got != c.polling {
				t.Errorf("polling %q, want %q", got, c.polling)
			}
		}
		if c.m.Size() != len(c.frames) {
			t.Errorf("Size() = %d", c.m.Size())
		}
	}
	// The inputs are copied.
	text, att := []byte("x"), []byte("y")
	m := NewMessage(text, att)
	text[0], att[0] = '?', '?'
	if got := string(m.polling()); got != "4x\x1ebeQ==" {
		t.Errorf("polling %q", got)
	}
}

// TestMessageShared: many sessions of all kinds use one message at once.
func TestMessageShared(t *testing.T) {
	m := message(strings.Repeat("t", 100), strings.Repeat("a", 300), "b")
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { m.polling() })
		group.Go(func() { m.websocket(true) })
		group.Go(func() { m.websocket(false) })
	}
	group.Wait()
}

// TestAllocs: a broadcast costs a constant number of allocations per message and
// none per receiver.
func TestAllocs(t *testing.T) {
	text, att := []byte(`2["vote",{"room":"lobby"}]`), []byte("attachment")
	if got := testing.AllocsPerRun(100, func() { NewMessage(text) }); got > 2 {
		t.Errorf("NewMessage: %v allocations", got)
	}
	if got := testing.AllocsPerRun(100, func() { NewMessage(text, att) }); got > 4 {
		t.Errorf("NewMessage with an attachment: %v allocations", got)
	}
	srv := New(Options{}, nil)
	sessions := make([]*Session, 100)
	for i := range sessions {
		s := &Session{srv: srv}
		s.queue.Init(DefaultMaxQueueItems, DefaultMaxQueueBytes)
		sessions[i] = s
	}
	m := NewMessage(text)
	batch := make([]*Message, 0, 4)
	send := func() {
		for _, s := range sessions {
			if s.Send(m) != nil {
				t.Error("Send failed")
			}
		}
		for _, s := range sessions {
			batch = s.queue.Take(batch[:0], 0)
			srv.budget.releaseAll(batch)
		}
	}
	send()
	// The queues' chunks come from a pool, which the garbage collector may empty.
	if got := testing.AllocsPerRun(100, send); got > 10 && !raceEnabled {
		t.Errorf("Send to %d receivers: %v allocations", len(sessions), got)
	}
	if got := srv.Stats().BudgetBytes; got != 0 {
		t.Errorf("%d bytes are left in the budget", got)
	}
}

func TestErrors(t *testing.T) {
	behind := errors.New("behind")
	err := because(ErrForced, "detail", behind)
	if !errors.Is(err, ErrForced) || !errors.Is(err, behind) || err.Error() != "engine: forced close: detail: behind" {
		t.Errorf("%v", err)
	}
	if err := because(ErrParse, "", nil); !errors.Is(err, ErrParse) || err.Error() != ErrParse.Error() {
		t.Errorf("%v", err)
	}
	if !errors.Is(ErrClosed, net.ErrClosed) {
		t.Error("ErrClosed does not match net.ErrClosed")
	}
	tooLarge := &PayloadTooLarge{Size: 5, Limit: 4}
	if !errors.Is(tooLarge, ErrTransportError) || errors.Is(tooLarge, ErrParse) || !strings.Contains(tooLarge.Error(), "5") || !strings.Contains((&PayloadTooLarge{Limit: 4}).Error(), "4") {
		t.Errorf("%v", tooLarge)
	}
	ref := refuse(codeForbidden, "rule", "detail", "")
	if ref.Error() != "engine: refused by rule rule: detail" || ref.Status != 403 {
		t.Errorf("%v", ref)
	}
}

func TestOptionsValidate(t *testing.T) {
	if err := (Options{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := Options{
		Path: "x", PingInterval: -1, PingTimeout: -1, UpgradeTimeout: -1, HandshakeWait: -1, WriteTimeout: -1, MessageTimeout: -1, BodyTimeout: -1,
		MaxPayload: -1, MaxQueueItems: -1, NodeTag: "a/b", Origins: []string{"x"},
	}
	err := bad.Validate()
	for _, word := range []string{"Path", "PingInterval", "PingTimeout", "UpgradeTimeout", "HandshakeWait", "WriteTimeout", "MessageTimeout", "BodyTimeout", "MaxPayload", "MaxQueueItems", "NodeTag", "origin"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s is not reported in %v", word, err)
		}
	}
	defer func() {
		if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "engine: ") {
			t.Errorf("New panicked with %v", v)
		}
	}()
	New(bad, nil)
}

func TestOptionsDefaults(t *testing.T) {
	o := Options{MaxUnjoined: -1, MaxNonMessages: -1, OutboundBudget: -1, ConnectTimeout: -1}.withDefaults()
	if !o.Polling || !o.WebSocket || o.Path != DefaultPath || o.MaxUnjoined != math.MaxInt || o.MaxNonMessages != math.MaxInt || o.OutboundBudget != math.MaxInt64 || o.ConnectTimeout >= 0 || len(o.NodeTag) != 8 {
		t.Errorf("%+v", o)
	}
	if o := (Options{MaxPayload: 10}).withDefaults(); o.MaxPayloadBeforeJoin != 10 || o.OutboundBudget <= 0 || o.PingInterval != 25*time.Second {
		t.Errorf("%+v", o)
	}
}
