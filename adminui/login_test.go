package adminui

import (
	"fmt"
	"testing"
)

// TestLoginsThatWait: one address cannot fill the queue, and the queue has an end.
func TestLoginsThatWait(t *testing.T) {
	l := newLogins("admin", "")
	for range 2 {
		if !l.enter("203.0.113.1") {
			t.Fatal("refused")
		}
	}
	if l.enter("203.0.113.1") || !l.enter("203.0.113.2") {
		t.Error("one address fills the queue")
	}
	l.exit("203.0.113.1")
	if !l.enter("203.0.113.1") {
		t.Error("a place that is free is not given")
	}
	entered := 0
	for i := range 2 * maxWaiting {
		if l.enter(fmt.Sprint("host ", i)) {
			entered++
		}
	}
	if len(l.waiting) != maxWaiting || entered != maxWaiting-2 {
		t.Errorf("%d wait", len(l.waiting))
	}
}

// TestSessionsAreBounded: the oldest goes.
func TestSessionsAreBounded(t *testing.T) {
	l := newLogins("admin", "")
	first := l.begin()
	for range maxSessions {
		l.begin()
	}
	if len(l.sessions) != maxSessions || l.knows(first) {
		t.Errorf("%d sessions, the first is known: %t", len(l.sessions), l.knows(first))
	}
}
