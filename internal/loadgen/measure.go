package loadgen

import (
	"context"
	"fmt"
	"time"
)

// settle sends every room a message until one round has arrived everywhere.
func (r *run) settle(ctx context.Context) error {
	const patience = time.Second // for one round
	rooms := int64(len(r.messages))
	for begin := time.Now(); ; {
		r.restart()
		now := time.Now()
		for range rooms {
			r.next(stamp(now))
		}
		for r.got < rooms*r.receivers && time.Since(now) < patience {
			if err := r.c.step(ctx, patience-time.Since(now)); err != nil {
				return err
			}
		}
		if r.got == rooms*r.receivers {
			return nil
		}
		if time.Since(begin) > r.c.cfg.Patience {
			return fmt.Errorf("loadgen: of %d messages, one to each room, only %d of %d deliveries arrive", rooms, r.got, rooms*r.receivers)
		}
	}
}

// measure drives the load for the time that counts.
func (r *run) measure(ctx context.Context) (Result, error) {
	if r.Mark != nil {
		r.Mark(true)
	}
	begin, cpu, sent, got := time.Now(), ownCPU(), r.sent, r.got
	r.measuring, r.from, r.sentAt, r.gotAt = true, stamp(begin), sent, got
	end := begin.Add(r.Measure)
	var err error
	if r.Tick != nil {
		for second := begin.Add(time.Second); err == nil && second.Before(end); second = second.Add(time.Second) {
			if err = r.drive(ctx, second); err == nil {
				r.tick(second.Sub(begin))
			}
		}
	}
	if err == nil {
		err = r.drive(ctx, end)
	}
	res := Result{Wall: time.Since(begin), Sent: r.sent - sent, Delivered: r.got - got, CPU: ownCPU() - cpu, Latency: r.latency, Late: r.late}
	if r.Tick != nil {
		r.tick(res.Wall)
	}
	if r.Mark != nil {
		r.Mark(false)
	}
	r.measuring = r.Rate > 0 // the last ones of a schedule belong to it, however late they arrive
	if share := res.CPU.Seconds() / res.Wall.Seconds(); share > busy {
		res.Limit = fmt.Sprintf("the generator used %.0f %% of a core", share*100)
	} else if late := r.late.Quantile(0.99); late > tardy {
		res.Limit = fmt.Sprintf("the generator sent one message in a hundred more than %s late", late.Round(time.Millisecond))
	}
	return res, err
}

func (r *run) tick(since time.Duration) {
	r.Tick(Sample{since, r.sent - r.sentAt, r.got - r.gotAt, r.second.Quantile(0.5), r.second.Quantile(0.99), r.second.Max(), r.c.ready})
	r.second.Reset()
	r.sentAt, r.gotAt = r.sent, r.got
}

// drain waits for what is on its way, and returns how many deliveries never came.
func (r *run) drain(ctx context.Context) (lost int64, err error) {
	r.Window = 0
	moved, last := time.Now(), r.got
	for r.got < r.sent*r.receivers {
		if err := r.c.step(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
		if r.got != last {
			moved, last = time.Now(), r.got
		} else if time.Since(moved) > min(r.c.cfg.Patience, quiet) {
			break
		}
	}
	return r.sent*r.receivers - r.got, nil
}

// quiet is how long nothing may arrive until what is missing counts as lost.
const quiet = 5 * time.Second
