package main

import (
	"context"
	"slices"
	"time"

	"github.com/realtime-go/realtime"
)

// rowEvent is what a process says to the others when it has saved a table: a row.
const rowEvent = "table"

const (
	pace   = time.Second // of the looks
	maxGap = 2           // looks in a row that miss a process, and then it has died
)

// start begins to look at all tables, which close ends.
func (l *lobby) start() {
	ctx, stop := context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		stop()
		return
	}
	l.stop = stop
	l.running.Go(func() { l.watch(ctx) }) // owned by the lobby, ends with ctx
}

// watch looks again and again, until ctx ends. Whatever another process said in vain, or did not live to say, is seen here.
func (l *lobby) watch(ctx context.Context) {
	beat := time.NewTicker(pace)
	defer beat.Stop()
	for ctx.Err() == nil {
		l.look(ctx)
		select {
		case <-beat.C:
		case <-ctx.Done():
		}
	}
}

func (l *lobby) look(ctx context.Context) {
	known := l.tables() // before the question: what opens or closes meanwhile may be in the answer or not
	bounded, cancel := context.WithTimeout(ctx, patienceWithStore)
	defer cancel()
	rows, err := l.store.rows(bounded)
	if ctx.Err() != nil || l.reached(err) != nil {
		return
	}
	for i := range rows {
		l.learn(rows[i], nil, true)
		known = slices.DeleteFunc(known, func(id string) bool { return id == rows[i].ID })
	}
	for _, id := range known {
		l.drop(id)
	}
	dead := l.dead(ctx, rows)
	for i := range rows {
		l.review(ctx, &rows[i], dead)
	}
}

// tables returns the ids of all tables that are known as a look begins.
func (l *lobby) tables() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.gone)
	ids := make([]string, 0, len(l.desks))
	for id := range l.desks {
		ids = append(ids, id)
	}
	return ids
}

// review puts right who is at a table: this process may not have been able to say who is here, and one that has died says nothing.
func (l *lobby) review(ctx context.Context, r *row, dead []string) {
	l.mu.Lock()
	wrong := l.late[r.ID] || slices.Contains(r.Processes, l.process) != (len(l.here[r.ID]) > 0)
	l.mu.Unlock()
	if wrong {
		l.attend(ctx, r.ID)
	}
	for _, process := range r.Processes {
		if !slices.Contains(dead, process) {
			continue
		}
		err := l.change(ctx, r.ID, func(t *table) error { return t.attend(process, nil, time.Now()) })
		l.log.Info("connections of a process are gone", "table", r.ID, "process", process, "err", err)
	}
}

// dead returns the processes that some table takes for alive and the cluster does not.
func (l *lobby) dead(ctx context.Context, rows []row) []string {
	var named []string
	for i := range rows {
		for _, process := range rows[i].Processes {
			if process != l.process && !slices.Contains(named, process) {
				named = append(named, process)
			}
		}
	}
	if len(named) == 0 {
		clear(l.missed)
		return nil
	}
	nodes, err := l.nodes(ctx)
	if err != nil {
		return nil // nobody knows
	}
	var dead []string
	missed := make(map[string]int)
	for _, process := range named {
		if slices.ContainsFunc(nodes, func(n realtime.Node) bool { return n.Name == process }) {
			continue
		}
		if missed[process] = l.missed[process] + 1; missed[process] >= maxGap {
			dead = append(dead, process)
		}
	}
	l.missed = missed
	return dead
}

// onRow hears of a table that another process has saved.
func (l *lobby) onRow(_ context.Context, ev *realtime.Event) (any, error) {
	var r row
	if err := ev.Bind(&r); err != nil {
		return nil, err
	}
	l.learn(r, nil, false)
	return nil, nil
}
