// The one list of what the Go server does otherwise than the Node server, on purpose. A scenario that names one of these
// in its option `differs` is played against the Go server only; everything else must hold for both.

export const differences = Object.freeze({
  'events before a disconnect': {
    node: 'drops events that arrived in the same batch as the DISCONNECT packet behind them',
    go: 'handles every event that came before the disconnect, then calls OnDisconnect',
    why: 'contract point 4 of the API: OnDisconnect comes after all events of the connection',
  },
  'event before the CONNECT reply': {
    node: 'closes the connection',
    go: 'keeps the event until the connection is admitted, and drops it if it is refused',
    why: 'decision D12',
  },
  'unknown events are answered': {
    node: 'never answers an event that nobody listens to',
    go: 'answers with the error "unknown_event"',
    why: 'every acknowledgement is answered (decision D51)',
  },
  'a client that left is not waited for': {
    node: 'waits for its acknowledgement until the timeout',
    go: 'ends the wait at once',
    why: 'no wait is longer than it can be of use',
  },
  'refusals name their rule': {
    node: 'has no such header, and answers a refused websocket with 400',
    go: 'puts the rule into X-Realtime-Refused, and answers a refused origin with 403 on both transports',
    why: 'contract point 6, decisions D6 and D14',
  },
  'identities': {
    node: 'has no tokens, no users and no permissions: programs bring their own',
    go: 'takes a JSON Web Token, ends the connection with it, and knows the connections of a user',
    why: 'what the programs that move here had built around the Node server',
  },
  'smaller limit before CONNECT': {
    node: 'has one limit for all messages',
    go: 'accepts at most 64 KiB from a client that has not joined yet',
    why: 'requirement R18, decision D7',
  },
});
