package engine

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// expect receives one packet.
func expect(t *testing.T, p peer, want string) {
	t.Helper()
	if got, ok := p.recv(); !ok || got != want {
		t.Fatalf("received %q, %v, want %q", got, ok, want)
	}
}

// expectEnd waits for the end of the session and checks its cause and that the
// table, the context and later calls know of it.
func expectEnd(t *testing.T, h *harness, r *recorder, want error) error {
	t.Helper()
	cause := await(h, r.closed, "end of the session")
	if !errors.Is(cause, want) {
		t.Fatalf("ended with %v, want %v", cause, want)
	}
	if got := context.Cause(r.session.Context()); !errors.Is(got, want) {
		t.Errorf("the context's cause is %v, want %v", got, want)
	}
	select {
	case <-r.session.Done():
	default:
		t.Error("Done is open")
	}
	if err := r.session.Send(message("late")); !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after the end: %v", err)
	}
	if sent, err := r.session.SendVolatile(message("late")); sent || !errors.Is(err, ErrClosed) {
		t.Errorf("SendVolatile after the end: %v, %v", sent, err)
	}
	r.session.Close(errors.New("a second cause")) // must change nothing
	return cause
}

func TestScenarioMessages(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		p.send("4héllo \u2028 😀")
		p.sendBinary("\x00\x01\xff")
		p.send("bAQID") // base64 text is binary on every transport (capture ws-base64-in)
		for _, want := range []inbound{{"héllo \u2028 😀", false}, {"\x00\x01\xff", true}, {"\x01\x02\x03", true}} {
			if got := await(h, r.got, "message"); got != want {
				t.Errorf("the receiver got %+v, want %+v", got, want)
			}
		}
		for _, m := range []*Message{message("2[1]"), message("52-[0]", "\x01\x02", ""), message("")} {
			if err := r.session.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"42[1]", "452-[0]", "binary:\x01\x02", "binary:", "4"} {
			expect(t, p, want)
		}
	})
}

func TestScenarioOrder(t *testing.T) {
	const n = 2000
	eachTransport(t, Options{}, keep(n), func(t *testing.T, h *harness, p peer, r *recorder) {
		r.session.Joined()
		for i := range n {
			if i%2 == 0 {
				p.send("4" + numbered(i))
			}
			if err := r.session.Send(message(numbered(i))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			expect(t, p, "4"+numbered(i))
		}
		for i := 0; i < n; i += 2 {
			if got := await(h, r.got, "message"); got.data != numbered(i) {
				t.Fatalf("message %d: got %q", i, got.data)
			}
		}
	})
}

// TestScenarioHarmless: packets that mean nothing from a client (captures
// ws-harmless-types, polling-harmless-types), extra pongs among them.
func TestScenarioHarmless(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		for _, packet := range []string{"0", "3", "3probe", "5", "6", `0{"sid":"x"}`} {
			p.send(packet)
		}
		p.send("4still here")
		if got := await(h, r.got, "message"); got.data != "still here" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestScenarioBadPackets is requirement R16.
func TestScenarioBadPackets(t *testing.T) {
	for packet, want := range map[string]error{
		"abc": ErrParse, "7": ErrParse, "9x": ErrParse, "b!!!": ErrParse, "bAAA\n": ErrParse,
		"\x1e": ErrParse, "2": ErrTransportError, "2probe": ErrTransportError,
	} {
		t.Run(packet, func(t *testing.T) {
			eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
				p.send("4before")
				p.send(packet)
				p.send("4after")
				expectEnd(t, h, r, want)
				if got := await(h, r.got, "message"); got.data != "before" || len(r.got) != 0 {
					t.Errorf("got %+v and %d more", got, len(r.got))
				}
				if !p.endsWith(1005) {
					t.Error("the client saw another end")
				}
			})
		})
	}
}

// TestScenarioForced: the receiver refuses a message.
func TestScenarioForced(t *testing.T) {
	refusal := errors.New("not a Socket.IO packet")
	refuse := func(r *recorder) { r.handle = func([]byte, bool) error { return refusal } }
	eachTransport(t, Options{}, refuse, func(t *testing.T, h *harness, p peer, r *recorder) {
		p.send("4x")
		if cause := expectEnd(t, h, r, ErrForced); !errors.Is(cause, refusal) {
			t.Errorf("the receiver's error is not in %v", cause)
		}
		if !p.endsWith(1005) {
			t.Error("the client saw another end")
		}
	})
}

// TestScenarioKick: what is queued comes before the end.
func TestScenarioKick(t *testing.T) {
	kick := errors.New("kicked")
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		for i := range 100 {
			_ = r.session.Send(message(numbered(i)))
		}
		_ = r.session.Send(message("1"))
		r.session.Close(kick)
		expectEnd(t, h, r, kick)
		for i := range 100 {
			expect(t, p, "4"+numbered(i))
		}
		expect(t, p, "41")
		if !p.endsWith(1005) {
			t.Error("the client saw another end")
		}
	})
}

// TestScenarioBlockedReceiver: a session whose receiver we keep waiting counts as
// alive, however long that takes (decision D3), and its context frees the
// receiver.
func TestScenarioBlockedReceiver(t *testing.T) {
	block := func(r *recorder) {
		r.handle = func([]byte, bool) error { <-r.session.Done(); return r.session.Context().Err() }
	}
	eachTransport(t, Options{}, block, func(t *testing.T, h *harness, p peer, r *recorder) {
		r.session.Joined()
		p.silence() // a pong would stand behind the message that blocks
		// Owner: the test; it ends with the session.
		go p.send("4x")
		time.Sleep(10 * time.Minute) // synctest: fake time
		select {
		case <-r.session.Done():
			t.Fatal("the session ended: ", context.Cause(r.session.Context()))
		default:
		}
		r.session.Close(errors.New("enough"))
		await(h, r.closed, "end of the session")
	})
}

// TestScenarioPingTimeout is requirement R15: a silent client is found within
// interval plus timeout, whatever else it sends, and an honest one lives.
func TestScenarioPingTimeout(t *testing.T) {
	eachTransport(t, Options{}, keep(1000), func(t *testing.T, h *harness, p peer, r *recorder) {
		r.session.Joined()
		time.Sleep(10 * time.Minute) // synctest: fake time
		if r.session.ended.Load() {
			t.Fatal("an honest client was closed: ", context.Cause(r.session.Context()))
		}
		p.silence()
		begin := time.Now()
		for !r.session.ended.Load() {
			p.send("4only a pong counts")
			time.Sleep(time.Second) // synctest: fake time
		}
		expectEnd(t, h, r, ErrPingTimeout)
		if took := time.Since(begin); took > DefaultPingInterval+DefaultPingTimeout+heartGrace+time.Second {
			t.Errorf("found dead after %s", took)
		}
		if !p.endsWith(1005) {
			t.Error("the client saw another end")
		}
	})
}

// TestScenarioConnectTimeout is decision D13.
func TestScenarioConnectTimeout(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		begin := r.session.Handshake().Issued
		expectEnd(t, h, r, ErrConnectTimeout)
		if took := time.Since(begin); took != DefaultConnectTimeout {
			t.Errorf("closed after %s", took)
		}
		if !p.endsWith(1005) {
			t.Error("the client saw another end")
		}
	})
}

func TestScenarioConnectTimeoutHeld(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		begin := r.session.Handshake().Issued
		time.Sleep(4*time.Second - time.Since(begin)) // synctest: fake time
		release, second := r.session.HoldConnectTimeout(), r.session.HoldConnectTimeout()
		time.Sleep(20 * time.Second) // synctest: fake time
		release()
		release()               // once counts
		time.Sleep(time.Second) // synctest: fake time
		if r.session.ended.Load() {
			t.Fatal("closed while held: ", context.Cause(r.session.Context()))
		}
		second()
		expectEnd(t, h, r, ErrConnectTimeout)
		if took := time.Since(begin); took != 31*time.Second {
			t.Errorf("closed after %s, want 4 s before the hold and 6 s after", took)
		}
	})
}

func TestScenarioJoined(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		r.session.Joined()
		r.session.Joined()
		r.session.HoldConnectTimeout()()
		time.Sleep(time.Minute) // synctest: fake time
		if r.session.ended.Load() {
			t.Fatal("closed: ", context.Cause(r.session.Context()))
		}
		if got := h.srv.Stats().Unjoined; got != 0 {
			t.Errorf("%d sessions count as unjoined", got)
		}
		if rtt := r.session.RTT(); rtt < 0 || rtt > time.Second {
			t.Errorf("RTT() = %s", rtt)
		}
	})
}

// TestScenarioPayloadLimits is requirement R18: before a namespace is joined a
// smaller limit holds; exactly the limit is accepted, one byte more is not.
func TestScenarioPayloadLimits(t *testing.T) {
	o := Options{MaxPayload: 3000, MaxPayloadBeforeJoin: 1000}
	for name, limit := range map[string]int{"before": 1000, "after": 3000} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, o, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
				if name == "after" {
					r.session.Joined()
				}
				fits := strings.Repeat("x", limit-1)
				p.send("4" + fits)
				if got := await(h, r.got, "message"); got.data != fits {
					t.Errorf("got %d bytes, want %d", len(got.data), len(fits))
				}
				p.send("4" + fits + "x")
				if p.refusesOversize() == "kept" {
					p.send("4next")
					if got := await(h, r.got, "message"); got.data != "next" {
						t.Errorf("got %q", got.data)
					}
					return
				}
				cause := expectEnd(t, h, r, ErrTransportError)
				var tooLarge *PayloadTooLarge
				if !errors.As(cause, &tooLarge) || tooLarge.Limit != int64(limit) {
					t.Errorf("cause %v", cause)
				}
				if !p.endsWith(1009) {
					t.Error("the client saw another end than 1009")
				}
			})
		})
	}
}

// TestScenarioHangUp: the client goes without a word.
func TestScenarioHangUp(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		synctest.Wait() // a GET is parked
		p.hangUp()
		want := ErrTransportClose
		if p.transport() == "polling" {
			want = ErrTransportError // capture polling-get-aborted
		}
		expectEnd(t, h, r, want)
	})
}

// TestScenarioVolatile is decision D16.
func TestScenarioVolatile(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		synctest.Wait()
		if sent, err := r.session.SendVolatile(message("idle")); !sent || err != nil {
			t.Errorf("idle: %v, %v", sent, err)
		}
		if sent, err := r.session.SendVolatile(message("busy")); sent || err != nil {
			t.Errorf("busy: %v, %v", sent, err)
		}
		expect(t, p, "4idle")
	})
}

// TestScenarioShutdown is decision D1: the end comes at the Engine.IO level.
func TestScenarioShutdown(t *testing.T) {
	eachTransport(t, Options{}, nil, func(t *testing.T, h *harness, p peer, r *recorder) {
		synctest.Wait()
		_ = r.session.Send(message("last"))
		h.shutdown()
		expectEnd(t, h, r, ErrServerClosed)
		expect(t, p, "4last")
		if p.transport() == "websocket" && !p.endsWith(1005) {
			t.Error("the client saw another end")
		}
	})
}
