// The part of WeChat's `wx` that weapp.socket.io uses, over `ws`: wx.connectSocket and its SocketTask, as the platform's
// documentation describes them and as strict as a phone is:
//
//   - a message is a string or an ArrayBuffer, anything else fails (typed arrays and Node's Buffer too);
//   - binary messages arrive as ArrayBuffer;
//   - send and close answer through success, fail and complete, later, never from inside the call;
//   - one listener per kind of event and task is what the platform promises, so a second one replaces the first;
//   - a program may hold five sockets; the sixth fails;
//   - what a listener throws ends in the platform's log and goes no further.

import { WebSocket } from 'ws';

const MAX_SOCKETS = 5;

class SocketTask {
  #ws;
  #log;
  #listeners = {};

  constructor(ws, ended, log) {
    this.#ws = ws;
    this.#log = log;
    ws.binaryType = 'arraybuffer';
    ws.on('open', () => this.#tell('open', { header: {} }));
    ws.on('message', (data, binary) => this.#tell('message', { data: binary ? data : Buffer.from(data).toString('utf8') }));
    ws.on('error', (err) => this.#tell('error', { errMsg: `connectSocket:fail ${err.message}` }));
    ws.on('close', (code, reason) => {
      ended();
      this.#tell('close', { code, reason: reason.toString('utf8') });
    });
  }

  onOpen(listener) { this.#listeners.open = listener; }
  onMessage(listener) { this.#listeners.message = listener; }
  onError(listener) { this.#listeners.error = listener; }
  onClose(listener) { this.#listeners.close = listener; }

  send({ data, success, fail, complete }) {
    const answer = answerer('sendSocketMessage', success, fail, complete);
    if (typeof data !== 'string' && !isArrayBuffer(data)) return answer('invalid data type');
    if (this.#ws.readyState !== WebSocket.OPEN) return answer('WebSocket is not connected');
    this.#ws.send(data, (err) => answer(err?.message));
  }

  close({ code = 1000, reason = '', success, fail, complete } = {}) {
    const answer = answerer('closeSocket', success, fail, complete);
    if (this.#ws.readyState > WebSocket.OPEN) return answer('WebSocket is not connected');
    this.#ws.close(code, reason);
    answer();
  }

  // weapp.socket.io does throw: when a connection fails before it opened, it closes it, which its WebSocket refuses.
  #tell(kind, event) {
    try {
      this.#listeners[kind]?.(event);
    } catch (err) {
      this.#log(`${kind}: ${err.message}`);
    }
  }
}

// The bundle may come from another realm, where instanceof says no.
function isArrayBuffer(data) {
  return Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

function answerer(api, success, fail, complete) {
  return (failure) => queueMicrotask(() => {
    const result = { errMsg: failure ? `${api}:fail ${failure}` : `${api}:ok` };
    if (failure) fail?.(result);
    else success?.(result);
    complete?.(result);
  });
}

// newWx makes the `wx` of one mini program. What its listeners threw is in `log`; turnOff ends the program.
export function newWx() {
  const open = new Set();
  const log = [];
  return {
    log,
    turnOff() {
      for (const ws of open) ws.terminate();
    },
    connectSocket({ url, header, protocols, success, fail, complete }) {
      const answer = answerer('connectSocket', success, fail, complete);
      if (open.size >= MAX_SOCKETS) {
        answer(`exceed max count ${MAX_SOCKETS}`);
        throw new Error(`connectSocket:fail exceed max count ${MAX_SOCKETS}`);
      }
      const ws = new WebSocket(url, protocols ?? [], { headers: header, perMessageDeflate: false });
      open.add(ws);
      answer();
      return new SocketTask(ws, () => open.delete(ws), (line) => log.push(line));
    },
  };
}
