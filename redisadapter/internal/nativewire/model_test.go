package nativewire

import (
	"testing"
	"time"
)

func TestTrackerAgainstModel(t *testing.T) {
	base := worldConfig{settle: DefaultSettle, delay: DefaultSettle, quiet: 128, steps: 1500}
	for name, change := range map[string]func(*worldConfig){
		"nothing":         func(*worldConfig) {},
		"drops":           func(c *worldConfig) { c.drop = 0.1 },
		"repeats":         func(c *worldConfig) { c.repeat = 0.3 },
		"resubscriptions": func(c *worldConfig) { c.resubscribe, c.repeat = true, 0.1 },
		"breaks":          func(c *worldConfig) { c.breaks = true },
		"crashes":         func(c *worldConfig) { c.crashes = true },
		"cycles":          func(c *worldConfig) { c.quiet, c.breaks, c.crashes, c.drop = 1, true, true, 0.05 },
		"forgetful":       func(c *worldConfig) { c.retain, c.breaks, c.drop, c.resubscribe = 40*time.Second, true, 0.05, true },
		"everything": func(c *worldConfig) {
			c.drop, c.repeat, c.resubscribe, c.breaks, c.crashes, c.quiet = 0.2, 0.2, true, true, true, 2
		},
		"quick": func(c *worldConfig) { c.delay, c.drop, c.resubscribe = 20*time.Millisecond, 0.1, true },
		"slow":  func(c *worldConfig) { c.delay, c.drop, c.resubscribe, c.breaks = 3*c.settle, 0.1, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lost, excused, gaps, items := 0, 0, 0, 0
			for seed := range uint64(modelSeeds) {
				cfg := base
				change(&cfg)
				if cfg.repeat > 0 { // what is published again has less time
					cfg.delay = cfg.settle / 2
				}
				w := newWorld(t, seed, cfg)
				for range cfg.steps {
					w.step()
				}
				l, e := w.settle()
				lost, excused, gaps, items = lost+l, excused+e, gaps+w.checked, items+len(w.items)
			}
			t.Logf("%d messages on channels, %d lost, %d of them excused, %d gaps", items, lost, excused, gaps)
			switch faults := name != "nothing" && name != "repeats" && name != "resubscriptions"; {
			case !faults && (gaps > 0 || lost > excused):
				t.Errorf("%d gaps, %d losses without a fault", gaps, lost-excused)
			case faults && (gaps == 0 || excused*5 > lost):
				t.Errorf("%d gaps, %d of %d losses are excused", gaps, excused, lost)
			}
		})
	}
}
