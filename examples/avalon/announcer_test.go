package main

import (
	"sync"
	"sync/atomic"
	"testing"
)

// However many announce at once, the last state is told, states are told in order, and one goroutine tells at a time.
func TestAnnouncementsAreInOrderAndTheLastStateIsTold(t *testing.T) {
	var a announcer
	var state, telling atomic.Int64
	var told []int64 // written by whoever announces, one at a time
	tell := func() {
		if telling.Add(1) != 1 {
			t.Error("two tell at once")
		}
		told = append(told, state.Load())
		telling.Add(-1)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { // ends with its loop, awaited below
			for range 1000 {
				state.Add(1)
				a.announce(tell)
			}
		})
	}
	all.Wait()
	for i := 1; i < len(told); i++ {
		if told[i] < told[i-1] {
			t.Fatalf("state %d was told after %d", told[i], told[i-1])
		}
	}
	if last := told[len(told)-1]; last != 8000 {
		t.Errorf("the last state that was told is %d", last)
	}
}

func TestAnAnnouncementMayCauseAnother(t *testing.T) {
	var a announcer
	told := 0
	var tell func()
	tell = func() {
		if told++; told < 3 {
			a.announce(tell)
		}
	}
	a.announce(tell)
	check(t, "announcements", told, 3)
}
