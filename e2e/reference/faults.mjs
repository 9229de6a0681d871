// A suite that cannot fail proves nothing. Each entry breaks the Node server in one way that a file of scenarios must notice;
// `npm run prove` plays them all. A fault may patch the library once, or change the options of each server, each server
// after the application is on it, or its end.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Namespace, Socket } from 'socket.io';

// The package does not export this one.
const require = createRequire(import.meta.url);
const { BroadcastOperator } = require(join(dirname(require.resolve('socket.io')), 'broadcast-operator.js'));

// instead replaces a method by one that is given the original.
function instead(owner, method, make) {
  const original = owner.prototype[method];
  owner.prototype[method] = function replaced(...args) {
    return make.call(this, (...other) => original.apply(this, other), ...args);
  };
}

// onEvent lets a fault see every event of every socket: it returns false to drop it, and may change its arguments.
function onEvent(fault) {
  instead(Socket, 'onevent', function intercepted(original, packet) {
    const last = packet.data.length - 1;
    if (fault(this, packet.data, last, packet) !== false) original(packet);
  });
}

// onAnswer lets a fault change the arguments of an acknowledgement.
function onAnswer(fault) {
  instead(Socket, 'packet', function answered(original, packet, opts) {
    if (packet.type === 3 || packet.type === 6) fault(packet.data, packet);
    return original(packet, opts);
  });
}

export const faults = {
  'a broadcast arrives twice': { file: 'rooms', patch() {
    instead(BroadcastOperator, 'emit', (original, event, ...args) => {
      if (event === 'said') original(event, ...args);
      return original(event, ...args);
    });
  } },
  'the sender gets its own broadcast': { file: 'rooms', patch() {
    Socket.prototype.to = function to(rooms) { return this.nsp.to(rooms); };
  } },
  'leaving a room is forgotten': { file: 'rooms', patch() { Socket.prototype.leave = () => {}; } },
  'one event of a burst is lost': { file: 'offline', patch() {
    onEvent((socket, [event, n]) => !(event === 'record' && n === 1500));
  } },
  'one event of a burst is doubled': { file: 'offline', patch() {
    instead(Socket, 'onevent', (original, packet) => {
      if (packet.data[0] === 'record' && packet.data[1] === 7) original({ ...packet, data: [...packet.data] });
      original(packet);
    });
  } },
  'two events to the client change places': { file: 'events', patch() {
    let held;
    instead(Socket, 'emit', (original, event, n) => {
      if (event === 'tick' && n === 500) { held = n; return true; }
      const sent = original(event, n);
      if (event === 'tick' && held !== undefined) { original('tick', held); held = undefined; }
      return sent;
    });
  } },
  'every text loses its last character': { file: 'events', patch() {
    onAnswer((data) => { if (typeof data[0] === 'string') data[0] = data[0].slice(0, -1); });
  } },
  'answers get mixed up': { file: 'acks', patch() {
    let previous;
    onAnswer((data) => { [data[0], previous] = [previous ?? data[0], data[0]]; });
  } },
  'late answers are sent with a new id': { file: 'acks', patch() {
    onAnswer((data, packet) => { if (data[0] === 'released') packet.id += 1; });
  } },
  'binary becomes text': { file: 'binary', patch() {
    onAnswer((data, packet) => {
      data.forEach((value, i) => { if (Buffer.isBuffer(value)) data[i] = value.toString('base64'); });
      packet.type = 3;
    });
  } },
  'unknown namespaces are admitted': { file: 'namespaces', server(io) { io.of(/.*/).on('connection', () => {}); } },
  'namespaces hear each other': { file: 'namespaces', patch() {
    instead(Namespace, 'emit', function everywhere(original, event, ...args) {
      if (event === 'said') this.server.of('/dyn-2').sockets.forEach((socket) => socket.emit(event, ...args));
      return original(event, ...args);
    });
  } },
  'refusals have no data': { file: 'refusals', patch() {
    instead(Socket, '_error', (original, { message }) => original({ message }));
  } },
  'the secret of a failure is told': { file: 'errors', patch() {
    onAnswer(([answer]) => { if (answer?.error?.code === 'internal') answer.error.message = 'a secret of the server'; });
  } },
  'exceptions are not told': { file: 'errors', patch() {
    instead(Socket, 'emit', (original, event, ...args) => event === 'exception' || original(event, ...args));
  } },
  'volatile events wait': { file: 'volatile', patch() {
    Object.defineProperty(Socket.prototype, 'volatile', { get() { return this; } });
  } },
  'volatile events never come': { file: 'volatile', patch() {
    instead(Socket, 'emit', (original, event, ...args) => event === 'flash' || original(event, ...args));
  } },
  'no heartbeat': { file: 'connect', options: (options) => ({ ...options, pingInterval: 1e6 }) },
  'no upgrade': { file: 'connect', options: (options) => ({ ...options, transports: options.transports ?? ['polling'] }) },
  'a packet is lost in the upgrade': { file: 'connect', server(io) {
    io.engine.on('connection', (link) => link.once('upgrade', () => {
      const { sendPacket } = link;
      let left = 3;
      link.sendPacket = function lossy(type, ...rest) {
        left -= type === 'message';
        if (type !== 'message' || left !== 0) sendPacket.call(this, type, ...rest);
      };
    }));
  } },
  'every origin is admitted': { file: 'connect', options: (options) => ({ ...options, allowRequest: undefined }) },
  'no largest message': { file: 'limits', options: (options) => ({ ...options, maxHttpBufferSize: 1e7 }) },
  'the largest message is a byte too small': {
    file: 'limits', options: (options) => ({ ...options, maxHttpBufferSize: (options.maxHttpBufferSize ?? 1e6) - 1 }),
  },
  'a shutdown sends DISCONNECT packets': { file: 'disconnect', end: (io) => {
    for (const namespace of io._nsps.values()) namespace.disconnectSockets();
  } },
  'reconnect is a kick': { file: 'disconnect', patch() {
    onEvent((socket, [event]) => {
      if (event !== 'reconnect') return true;
      socket.disconnect(true);
      return false;
    });
  } },
  'a kick is a transport close': { file: 'disconnect', patch() {
    Socket.prototype.disconnect = function disconnect() { this.conn.close(); };
  } },
  'a disconnected client stays in its rooms': { file: 'rooms', patch() { Socket.prototype.leaveAll = () => {}; } },
  'two of a table hear the messages in another order': { file: 'chat', patch() {
    instead(BroadcastOperator, 'emit', function shuffled(original, event, message) {
      if (event !== 'message' || message.seq % 10 !== 0) return original(event, message);
      setImmediate(() => original(event, message));
      return true;
    });
  } },
  'nobody hears who left': { file: 'chat', patch() {
    instead(BroadcastOperator, 'emit', (original, event, ...args) => event === 'left' || original(event, ...args));
  } },
};
