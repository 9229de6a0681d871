package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/realtime-go/realtime/internal/workq"
)

// Registry is the presence store and the list of nodes of one process. All methods may be called concurrently.
type Registry struct {
	cfg       Config
	keys      keys
	questions chan struct{} // holds a token for each question that waits for Redis

	lease  lease
	ledger *ledger
	roster *roster
	heart  *heart
	writer *writer
	teller *teller
	house  *house

	group   workq.Group // all goroutines
	ctx     context.Context
	stop    context.CancelFunc
	joined  chan struct{} // closed with the first lease
	started chan struct{} // holds a token once Start has been called
	closed  chan struct{} // holds a token once Close has been called
}

// New makes a Registry. Nothing is sent before Start; what is entered before waits.
func New(cfg Config) (*Registry, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Registry{
		cfg: cfg, keys: keys{cfg.Prefix}, questions: make(chan struct{}, cfg.Questions), ledger: newLedger(cfg.Now),
		joined: make(chan struct{}), started: make(chan struct{}, 1), closed: make(chan struct{}, 1),
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.roster = &roster{r: r, peers: make(map[string]*peer)}
	r.writer, r.teller, r.house = newWriter(r), newTeller(r), newHouse(r)
	if r.heart, err = newHeart(r); err != nil {
		return nil, err
	}
	return r, nil
}

// Start joins the cluster, trying again until ctx ends. Then it returns an error, and nothing is left running.
func (r *Registry) Start(ctx context.Context) error {
	select {
	case r.started <- struct{}{}:
	default:
		return ErrStarted
	}
	if r.ctx.Err() != nil {
		return ErrClosed
	}
	r.group.Go(func() { r.heart.loop(r.ctx) }) // owned by the registry, ends with r.stop
	select {
	case <-r.joined:
		return nil
	case <-r.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
	}
	err := fmt.Errorf("%w: not joined: %w", ErrUnavailable, context.Cause(ctx))
	r.halt()
	wait, cancel := context.WithTimeout(context.Background(), 2*r.cfg.Call)
	defer cancel()
	return errors.Join(err, r.group.Wait(wait))
}

// halt ends all goroutines.
func (r *Registry) halt() {
	r.stop()
	r.writer.end()
	r.teller.end()
	r.house.stop()
}

// Close takes everything out of Redis that this node has entered, and leaves the cluster. Graces that run go on there:
// another node ends them, and without one they expire. What could not be cleaned when ctx ended, or because Redis
// does not answer, is an *UncleanError (requirement R92). Later calls return ErrClosed. It waits for calls of the handler,
// so it must not be called in one.
func (r *Registry) Close(ctx context.Context) error {
	select {
	case r.closed <- struct{}{}:
	default:
		return ErrClosed
	}
	r.halt()
	if err := r.group.Wait(ctx); err != nil {
		return &UncleanError{Users: r.ledger.users(), Lease: true, Err: err}
	}
	rest := r.ledger.seal()
	lease, _ := r.lease.get()
	if lease == "" {
		if len(rest) > 0 || len(r.lease.lost()) > 0 {
			return &UncleanError{Users: len(rest), Err: errors.New("the lease was lost")}
		}
		return nil
	}
	left, err := r.clean(ctx, lease, rest)
	for _, old := range r.lease.lost() {
		if left > 0 {
			break
		}
		for shard := range shards {
			r.house.bury(ctx, shard, old, 0) // what that leaves expires
		}
	}
	r.teller.work(ctx) // what that decided
	clean := left == 0
	last, leaveErr := r.leave(ctx, lease, clean)
	if last && clean && leaveErr == nil {
		leaveErr = r.wipe(ctx)
	}
	if err = errors.Join(err, leaveErr); err != nil {
		return &UncleanError{Users: left, Lease: leaveErr != nil, Err: err}
	}
	return nil
}

// clean takes out all rows, and returns how many it could not. When a whole page fails it tries once more, and no longer.
func (r *Registry) clean(ctx context.Context, lease string, rest []op) (left int, err error) {
	for attempts := 2; len(rest) > 0 && attempts > 0 && ctx.Err() == nil; {
		page := rest[:min(len(rest), batch)]
		calls := make([]call, len(page))
		for i, o := range page {
			calls[i] = r.exitCall(o, lease, "")
		}
		out := newOutcome()
		var failed []op
		for i, result := range r.run(ctx, calls...) {
			if _, e := r.readExit(page[i], result, out); e != nil {
				failed, err = append(failed, page[i]), unavailable(ctx, e)
			}
		}
		r.settle(ctx, out)
		if rest = append(rest[len(page):], failed...); len(failed) > 0 {
			attempts--
		}
	}
	if len(rest) == 0 {
		return 0, nil
	}
	return len(rest), err
}

// leave gives the lease back. last is whether there is no other node.
func (r *Registry) leave(ctx context.Context, lease string, clean bool) (last bool, err error) {
	dirty := "1"
	if clean {
		dirty = "0"
	}
	k := r.keys
	n, err := r.one(ctx, call{
		leaveScript, []string{k.nodes(), k.meta(), k.dead(), k.plan()}, []string{lease, dirty},
	}).AsInt64()
	if err != nil {
		return false, unavailable(ctx, err)
	}
	r.announce(nil, true)
	return n == 0, nil
}

// wipe clears away what belongs to no node, where there is no user.
func (r *Registry) wipe(ctx context.Context) error {
	calls := make([]call, shards)
	for shard := range calls {
		k := r.keys
		calls[shard] = call{wipeScript, []string{
			k.grace(shard), k.leases(shard), k.log(shard), k.birth(shard), k.gone(shard),
		}, nil}
	}
	for _, result := range r.run(ctx, calls...) {
		if err := result.Error(); err != nil {
			r.cfg.Logger.Debug("logs not cleared", slog.Any("err", err)) // they expire
			return unavailable(ctx, err)
		}
	}
	return nil
}
