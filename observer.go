package realtime

import "time"

// Observer is told what a server does, for metrics: package prommetrics is one. A nil function costs a comparison. The
// functions run concurrently where the thing happens, some of them for every message, and sometimes under locks: they must be
// quick and must not call the server. A panic in one is recovered and logged.
//
// Names that a client has chosen freely never appear: a namespace that [Server.OfFunc] made is "(dynamic)", an event
// without a handler "(unregistered)", so that a client cannot make a label set grow. What a server is at the moment, such as
// how many connections it has, is in [Server.Stats].
type Observer struct {
	// Connected tells of a connection that was admitted, with "websocket" or "polling"; Disconnected of its end.
	Connected    func(namespace, transport string)
	Disconnected func(namespace string, cause Cause, lifetime time.Duration)
	// Refused tells of a refused handshake, request or CONNECT, by the rule that Stats.Refused has.
	Refused func(rule string)

	// Handled tells of an inbound event: how long its handler ran, and the code of the error that the client was told,
	// "" for none. size is that of its JSON and attachments in bytes.
	Handled func(namespace, event string, size int, took time.Duration, code string)
	// Emitted tells of an event for clients: how many connections of this node it was queued for, how many were
	// skipped because they were busy (Volatile), and its size in bytes as a websocket has it.
	Emitted func(namespace, event string, queued, skipped, size int)
	// Acked tells of a client's answer to EmitWithAck and how long it took; of one that did not come in time, ok is
	// false. Clients on other nodes are told of on theirs, by the name "(cluster)".
	Acked func(namespace, event string, took time.Duration, ok bool)

	// Received tells of a message of a client (an attachment is one of its own) with its size in bytes, before it is decoded.
	Received func(transport string, size int)
	// Written tells of one write to a client, or one answer to its poll: how many messages it carried, and their size in bytes.
	// Many messages in a write tell of a queue that has waited.
	Written func(transport string, messages, size int)
	// Pinged tells how late a ping left, because this process was busy; Ponged how long its answer took.
	Pinged func(transport string, late time.Duration)
	Ponged func(transport string, took time.Duration)

	// Published tells what became of a message, or a question and its answers, for other nodes, and how long the call took.
	Published func(op Op, took time.Duration, err error)
	// Delivered tells of a message of another node. For a broadcast, receivers are the connections of this node that it
	// was queued for: none means that it came for nothing. It is -1 for other operations.
	Delivered func(op Op, receivers int)
	// AdapterState and NodeChanged tell of the bus and of other nodes.
	AdapterState func(s AdapterState)
	NodeChanged  func(n Node, up bool)

	// Anomaly, Panicked and HookLost count what Stats has under these names.
	Anomaly  func(kind AnomalyKind)
	Panicked func()
	HookLost func()
}

// String returns the operation's name, as a metric label has it.
func (o Op) String() string {
	if int(o) < len(opNames) && o > 0 {
		return opNames[o]
	}
	return "unknown"
}

var opNames = [...]string{
	OpBroadcast: "broadcast", OpBroadcastAck: "broadcast_ack", OpJoin: "join", OpLeave: "leave", OpDisconnect: "disconnect",
	OpReconnect: "reconnect", OpFetch: "fetch", OpCountMembers: "count_members", OpServerSide: "server_side",
	OpServerSideAck: "server_side_ack", OpAnswer: "answer", OpCount: "count", OpReplace: "replace", OpRevoke: "revoke",
}
