package redisadapter

// Stats is a snapshot of an adapter. Counters count from Start.
type Stats struct {
	Received uint64 // messages from Redis, its own among them
	Invalid  uint64 // of them: dropped, because they break the rules of the wire
	Overflow uint64 // of them: dropped, because too many were waiting; each lies in a gap

	Sent     uint64 // messages that Redis took
	Unsent   uint64 // messages that were accepted and may not have arrived; each lies in a gap
	Answers  uint64 // answers to other nodes that could not be sent
	Breaks   uint64 // subscriptions that were lost; each is a gap
	Outbound int    // messages that wait for Redis now
	Inbound  int    // messages that wait to be worked off now
	Requests int    // questions to other nodes that are open now
	Peers    int    // other Go nodes that are known now
}

// Stats returns the figures of the adapter, all zero before Start.
func (a *Adapter) Stats() Stats {
	a.mu.Lock()
	n := a.node
	a.mu.Unlock()
	if n == nil {
		return Stats{}
	}
	s := Stats{
		Received: n.inbox.received.Load(), Invalid: n.inbox.invalid.Load(), Overflow: n.inbox.overflow.Load(),
		Sent: n.publisher.sent.Load(), Unsent: n.publisher.unsent.Load(), Answers: n.failures.Load(),
	}
	s.Outbound, _ = n.publisher.queue.Len()
	messages, _ := n.inbox.messages.Len()
	answers, _ := n.inbox.answers.Len()
	s.Inbound = messages + answers
	s.Requests, s.Peers, s.Breaks = n.asks.len(), n.peers.len(), n.subscriber.broken()
	if n.native != nil && n.native.rooms != nil {
		s.Breaks += n.native.rooms.breaks.Load()
	}
	return s
}
