//go:build unix

package registry

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/realtime-go/realtime"
)

func ledgerEntry(user, conn string) realtime.PresenceEntry {
	return realtime.PresenceEntry{Namespace: "/", User: user, Conn: realtime.PresenceConn{ID: conn}}
}

// waiting returns how many items there are, and how many wait.
func (l *ledger) waiting() (items, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.books {
		items += len(l.books[i].items)
		waiting += len(l.books[i].waiting)
	}
	return items, waiting
}

// However many come and go while Redis is away, the ledger is as large as what is there.
func TestLedgerDoesNotGrow(t *testing.T) {
	l := newLedger(time.Now)
	l.enter(ledgerEntry("stays", "c"))
	for i := range 100_000 {
		e := ledgerEntry(fmt.Sprint("u", i), "c")
		l.enter(e)
		l.enter(e)
		l.exit(e)
		l.exit(e)
	}
	if items, waiting := l.waiting(); items != 1 || waiting > shards*130 {
		t.Errorf("%d items, %d wait", items, waiting)
	}
	ops, wait := l.take(1000)
	if len(ops) != 1 || wait != 0 || !ops[0].enter || ops[0].entry.User != "stays" {
		t.Errorf("%+v, %v", ops, wait)
	}
	if _, waiting := l.waiting(); waiting != 0 || !l.idle() {
		t.Errorf("%d wait", waiting)
	}
}

// Whatever calls come while answers are outstanding, fail, or belong to an earlier lease: in the end Redis has the truth.
func TestLedgerAgainstAModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		l := newLedger(time.Now)
		truth, redis := map[itemKey]bool{}, map[itemKey]bool{}
		var flight []op
		var life uint64
		apply := func(o op, fail bool) {
			lost := fail && rng.IntN(2) == 0 // the write, or only its answer
			if !lost && o.life == life {
				if o.enter {
					redis[o.item.key] = true
				} else {
					delete(redis, o.item.key)
				}
			}
			l.done(o, answer{ok: !fail, order: 1, since: 1, birth: "b"})
		}
		for range 2000 {
			e := ledgerEntry(fmt.Sprint("u", rng.IntN(5)), fmt.Sprint("c", rng.IntN(3)))
			key := itemKey{whoOf(e.Namespace, e.User), e.Conn.ID}
			switch p := rng.IntN(100); {
			case p < 40:
				l.enter(e)
				truth[key] = true
			case p < 80:
				l.exit(e)
				delete(truth, key)
			case p < 90 && len(flight) == 0: // one batch at a time
				flight, _ = l.take(1 + rng.IntN(5))
			case p < 98:
				for _, o := range flight {
					apply(o, rng.IntN(5) == 0)
				}
				flight = nil
			case p < 99:
				l.renew()
				life++
				clear(redis)
			default:
				for k := range redis { // it was lost, and a comparison shows it
					delete(redis, k)
					l.missing(k)
					break
				}
			}
		}
		for _, o := range flight {
			apply(o, false)
		}
		for !l.idle() {
			ops, _ := l.take(10)
			for _, o := range ops {
				apply(o, false)
			}
		}
		items, waiting := l.waiting()
		if fmt.Sprint(truth) != fmt.Sprint(redis) || items != len(truth) || waiting != 0 {
			t.Fatalf("seed %d: truth %v, redis %v, %d items, %d wait", seed, truth, redis, items, waiting)
		}
	}
}
