package main

import (
	"context"
	"slices"
	"sync"
)

// store keeps the tables, for this process or for all. What it keeps is replaced and never changed. Its methods may be called
// concurrently; their errors other than errNoTable mean that nobody knows whether they had an effect.
type store interface {
	// number returns a number that grows with every call.
	number(ctx context.Context) (uint64, error)
	// load returns a table as it was saved last, or errNoTable.
	load(ctx context.Context, id string) ([]byte, error)
	// save puts a table in the place of its revision r.Rev-1, which is 0 for a new one; a closed one goes away. It is false if that
	// is not the last revision any more.
	save(ctx context.Context, r row, table []byte) (bool, error)
	// rows returns the rows of all tables.
	rows(ctx context.Context) ([]row, error)
	close()
}

// memory is the store of a process that serves its tables alone. They end with it.
type memory struct {
	mu     sync.Mutex
	last   uint64 // number
	tables map[string]saved
}

type saved struct {
	row   row
	table []byte
}

func newMemory() *memory { return &memory{tables: make(map[string]saved)} }

func (m *memory) number(context.Context) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	return m.last, nil
}

func (m *memory) load(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.tables[id]
	if !ok {
		return nil, errNoTable
	}
	return slices.Clone(s.table), nil
}

func (m *memory) save(_ context.Context, r row, table []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tables[r.ID].row.Rev != r.Rev-1 {
		return false, nil
	}
	if r.Closed {
		delete(m.tables, r.ID)
	} else {
		m.tables[r.ID] = saved{r, slices.Clone(table)}
	}
	return true, nil
}

func (m *memory) rows(context.Context) ([]row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := make([]row, 0, len(m.tables))
	for _, s := range m.tables {
		rows = append(rows, s.row)
	}
	return rows, nil
}

func (m *memory) close() {}
