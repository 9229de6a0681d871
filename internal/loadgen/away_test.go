package loadgen

import (
	"context"
	"testing"
	"time"
)

// TestBrokenConnectionsComeBack ends connections in the middle of each kind of load.
func TestBrokenConnectionsComeBack(t *testing.T) {
	for name, l := range map[string]Load{
		"paced":            {Rate: 200, Measure: 2 * time.Second},
		"closed":           {Window: 4, Measure: 2 * time.Second},
		"questions":        {Ask: true, Window: 2, Measure: 2 * time.Second},
		"questions, paced": {Ask: true, Rate: 200, Measure: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, addr := serveRealtime(t)
			c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 6, Members: 3, Reconnect: 10 * time.Millisecond, Patience: 2 * time.Second})
			broken := make(chan error, 1)
			l.Tick = func(s Sample) {
				if s.Since == time.Second { // all of one room, while messages are on their way
					go func() { broken <- srv.To("r0").ReconnectAll(context.Background(), "test") }() // ends with the call
				}
			}
			r, err := c.Run(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			if err := <-broken; err != nil {
				t.Fatal(err)
			}
			if r.Breaks != 3 || r.Returns != 3 || r.Break == nil || c.ready != 6 || r.Delivered == 0 {
				t.Errorf("%d breaks, %d returns, %v, %d ready, %d delivered", r.Breaks, r.Returns, r.Break, c.ready, r.Delivered)
			}
		})
	}
}

// TestAServerThatIsGone: nobody comes back, and the load ends all the same, with what was measured.
func TestAServerThatIsGone(t *testing.T) {
	srv, addr := serveRealtime(t)
	c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 4, Members: 2, Reconnect: time.Millisecond, Patience: 2 * time.Second})
	r, err := c.Run(t.Context(), Load{Rate: 100, Measure: 2 * time.Second, Tick: func(s Sample) {
		if s.Since == time.Second {
			if err := srv.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil || r.Breaks != 4 || r.Returns != 0 || r.Break == nil || r.Delivered == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestPollingCarriesTheSame: over long-polling every kind of load arrives whole.
func TestPollingCarriesTheSame(t *testing.T) {
	srv, addr := serveRealtime(t)
	c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 8, Members: 4, Polling: true, Reconnect: 10 * time.Millisecond, Patience: 2 * time.Second})
	measured(t, c, Load{Rate: 50, Measure: short}, 3)
	measured(t, c, Load{Window: 4, Measure: short}, 3)
	measured(t, c, Load{Ask: true, Window: 2, Measure: short}, 1)
	if st := srv.Stats(); st.Polling != 8 {
		t.Errorf("%d sessions poll", st.Polling)
	}
	large := measured(t, c, Load{Rate: 20, Measure: short, Payload: 70_000}, 3)
	if large.Delivered == 0 {
		t.Error("nothing large")
	}
	r, err := c.Run(t.Context(), Load{Rate: 50, Measure: 2 * time.Second, Tick: func(s Sample) {
		if s.Since == time.Second {
			if err := srv.To("r0").ReconnectAll(context.Background(), "test"); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil || r.Breaks != 4 || r.Returns != 4 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAnInterruptedLoadTellsWhatItHas: what was measured until then is not lost.
func TestAnInterruptedLoadTellsWhatItHas(t *testing.T) {
	_, addr := serveRealtime(t)
	c := dial(t, Config{Targets: []string{addr}, Dialect: SocketIO{}, Conns: 2, Members: 2})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := c.Run(ctx, Load{Window: 1, Measure: time.Hour, Tick: func(Sample) { cancel() }})
	if err == nil || r.Delivered == 0 || r.Latency.Count() == 0 || r.Wall <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
