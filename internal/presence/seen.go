package presence

import "time"

// seenKey names a user of a space.
type seenKey struct{ space, user string }

// seenList remembers when users were seen last, the latest maxSeen of them, each until its time is over. The
// table's lock guards it.
type seenList struct {
	users map[seenKey]seen
	order []departure // as they went; one that came back and went again stands in it twice
}

type departure struct {
	key seenKey
	at  time.Time
}

type seen struct {
	at, until time.Time
}

func (l *seenList) add(key seenKey, at time.Time, remember time.Duration) {
	if remember <= 0 {
		return
	}
	if l.users == nil {
		l.users = make(map[seenKey]seen)
	}
	l.users[key] = seen{at, at.Add(remember)}
	l.order = append(l.order, departure{key, at})
	for now := time.Now(); len(l.order) > 0; l.order = l.order[1:] {
		oldest := l.order[0]
		s, ok := l.users[oldest.key]
		if !ok || !s.at.Equal(oldest.at) { // it went again since
			continue
		}
		if len(l.order) <= maxSeen && s.until.After(now) {
			return
		}
		delete(l.users, oldest.key)
	}
}

// at returns when a user was seen last, zero if that is not known.
func (l *seenList) at(key seenKey) time.Time {
	if s, ok := l.users[key]; ok && s.until.After(time.Now()) {
		return s.at
	}
	return time.Time{}
}
