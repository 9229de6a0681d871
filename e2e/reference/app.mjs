// The application of the suite (README.md has the contract as a table), for the official Node server. What the Go library
// does for its users by itself, such as replies with an error, is written out here.

import { chat } from './chat.mjs';

class Refusal extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

// application puts everything on a server, and tells the instance who was admitted and who ended.
export function application(io, instance) {
  for (const namespace of [io, io.of('/other'), io.of(/^\/dyn-\d+$/)]) {
    namespace.on('connection', (socket) => desk(socket, instance));
  }
  guarded(io.of('/guarded'), instance);
  chat(io.of('/chat'), (socket) => watch(socket, instance));
}

function watch(socket, instance) {
  instance.admitted();
  socket.on('disconnecting', (reason) => {
    instance.ended({
      id: socket.id,
      namespace: socket.nsp.name,
      reason,
      rooms: [...socket.rooms].filter((room) => room !== socket.id).sort(),
    });
  });
}

function guarded(namespace, instance) {
  namespace.use((socket, next) => {
    const { token, crash } = socket.handshake.auth;
    if (crash) return next(refusal('internal', 'internal error'));
    if (token === undefined) return next(refusal('token_missing', 'a token is needed'));
    if (token !== 'sesame') return next(refusal('token_wrong', 'this token is not known', { hint: 'open' }));
    return next();
  });
  namespace.on('connection', (socket) => desk(socket, instance));
}

// A refused connection carries the code in data; see "Policy refusals" in the contract of the library.
function refusal(code, message, more) {
  return Object.assign(new Error(message), { data: { code, ...(more && { data: more }) } });
}

// on registers an event whose result is the acknowledgement, and whose errors reach the caller.
function on(socket, event, handle) {
  socket.on(event, async (...args) => {
    const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    try {
      const answer = await handle(...args);
      if (answer === SILENCE) return;
      ack?.(...(answer ?? []));
    } catch (err) {
      const error = err instanceof Refusal
        ? { code: err.code, message: err.message, ...(err.data !== undefined && { data: err.data }) }
        : { code: 'internal', message: 'internal error', id: 'in-the-log' };
      if (ack) ack({ error });
      else socket.emit('exception', { error, event });
    }
  });
}

const SILENCE = Symbol('no acknowledgement');

function desk(socket, instance) {
  watch(socket, instance);
  socket.emit('welcome', { id: socket.id, namespace: socket.nsp.name });
  talk(socket);
  acknowledgements(socket);
  rooms(socket);
  broadcasts(socket);
  endings(socket);
  errors(socket);
}

function talk(socket) {
  const numbers = [];
  on(socket, 'whoami', () => [{
    id: socket.id,
    namespace: socket.nsp.name,
    transport: socket.conn.transport.name,
    auth: socket.handshake.auth,
    query: socket.handshake.query,
    header: socket.handshake.headers['x-e2e'] ?? '',
    rooms: [...socket.rooms].filter((room) => room !== socket.id).sort(),
  }]);
  on(socket, 'echo', (...args) => args);
  on(socket, 'length', (text) => [text.length]);
  on(socket, 'message', (...args) => { socket.emit('message', ...args); });
  on(socket, 'repeat', (event, ...args) => { socket.emit(event, ...args); });
  on(socket, 'parcel', (parcel) => {
    socket.emit('parcel', parcel);
    return [parcel];
  });
  on(socket, 'record', (n) => { numbers.push(n); });
  on(socket, 'recorded', () => [numbers]);
  on(socket, 'count', (n) => { for (let i = 0; i < n; i += 1) socket.emit('tick', i); });
  for (const name of ['说话', 'say "hi"\\', 'a,b', '42', 'x'.repeat(255)]) on(socket, name, () => [name]);
}

function acknowledgements(socket) {
  let release;
  on(socket, 'never', () => SILENCE);
  on(socket, 'hold', () => new Promise((resolve) => { release = resolve; }));
  on(socket, 'release', () => { release?.(['released']); });
  on(socket, 'ask', async ({ id, event, args = [], timeout }) => {
    const whom = id === undefined ? socket : socket.nsp.sockets.get(id);
    try {
      return [await whom.timeout(timeout).emitWithAck(event, ...args)];
    } catch {
      throw new Refusal('no_answer', 'nobody answered');
    }
  });
  for (const poll of ['poll', 'poll-binary']) on(socket, poll, ({ to, event, args = [], timeout }) => new Promise((resolve) => {
    socket.nsp.to(to).timeout(timeout).emit(event, ...args, (err, answers) => resolve([{ answers, complete: !err }]));
  }));
}

function rooms(socket) {
  const mine = () => [...socket.rooms].filter((room) => room !== socket.id).sort();
  on(socket, 'join', (...names) => {
    socket.join(names);
    return [mine()];
  });
  on(socket, 'leave', (...names) => {
    names.forEach((name) => socket.leave(name));
    return [mine()];
  });
  on(socket, 'size', (name) => [socket.nsp.adapter.rooms.get(name)?.size ?? 0]);
  on(socket, 'move', ({ from, to }) => {
    const members = socket.nsp.in(from);
    members.socketsJoin(to);
    members.socketsLeave(from);
  });
  on(socket, 'kick-room', (name) => { socket.nsp.in(name).disconnectSockets(); });
}

function broadcasts(socket) {
  on(socket, 'say', ({ to, except = [], value }) => { socket.to(to).except(except).emit('said', value); });
  on(socket, 'shout', ({ to, except = [], value }) => { socket.nsp.to(to).except(except).emit('said', value); });
  on(socket, 'shout-parcel', ({ to, parcel }) => { socket.nsp.to(to).emit('parcel', parcel); });
  on(socket, 'others', (value) => { socket.broadcast.emit('said', value); });
  on(socket, 'everyone', (value) => { socket.nsp.emit('said', value); });
  on(socket, 'tell', ({ id, value }) => { socket.nsp.to(id).emit('said', value); });
  on(socket, 'flash', (value) => { socket.volatile.emit('flash', value); });
  on(socket, 'behind', () => {
    socket.emit('first');
    socket.volatile.emit('lost');
    socket.emit('second');
  });
}

function endings(socket) {
  on(socket, 'kick', () => { socket.disconnect(); });
  on(socket, 'close', () => { socket.disconnect(true); });
  on(socket, 'reconnect', () => { socket.conn.close(); });
}

function errors(socket) {
  on(socket, 'fail', ({ code, message, data }) => { throw new Refusal(code, message, data); });
  on(socket, 'sum', (terms) => {
    if (typeof terms?.a !== 'number' || typeof terms?.b !== 'number') throw new Refusal('invalid_payload', 'payload does not fit the event');
    if (terms.a < 0) throw new Refusal('invalid', 'a must not be negative');
    return [{ sum: terms.a + terms.b }];
  });
  on(socket, 'crash', () => { throw new Error('a secret of the server'); });
}
