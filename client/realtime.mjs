/**
 * A small Socket.IO client: one ES module, no dependency, for browsers, WeChat mini games, mini programs and Node.
 *
 * It speaks Engine.IO protocol 4 and Socket.IO protocol 5 over one websocket, which is all that a Socket.IO v3 or v4 server
 * needs, and it is written so that it can be read: codec first, then the client, then WeChat's socket. It is longer than the other
 * files of this repository because it is meant to be copied: one file that needs no build step.
 *
 *     import { connect } from "./realtime.mjs";
 *     const socket = connect("https://game.example.com", { namespace: "/game", auth: () => ({ token }) });
 *     socket.on("connect", () => socket.emit("join", { room: "42" }));
 *     socket.on("tally", (tally) => show(tally));
 *     const answer = await socket.emitWithAck("vote", { room: "42", yes: true }); // rejects after 5 s
 *
 * What differs from the official client, on purpose:
 * - websocket only (no long-polling), and one namespace for each client and link: connect twice for two namespaces;
 * - `connect` listeners run before what was buffered offline is sent, so that a login or a join they emit goes first;
 * - the offline buffer is bounded (`bufferSize`); when it is full new events are refused, never older ones dropped;
 * - `emitWithAck` always has a timeout, and binary data arrives as ArrayBuffer everywhere.
 *
 * The syntax is ES2018 and no URL, TextEncoder or globalThis is needed, which keeps WeChat's base library happy; its tools want
 * the extension `.js`, so rename the file there.
 *
 * @typedef {"closed" | "connecting" | "connected" | "waiting"} State
 *   `waiting` means that the back-off before the next attempt is running.
 *
 * @typedef {object} Link What a transport gives: the part of a browser's WebSocket that is used here.
 * @property {(data: string | Uint8Array) => void} send
 * @property {() => void} close
 * @property {string} [binaryType] is set to "arraybuffer"
 * @property {number} [bufferedAmount]
 * @property {any} onmessage gets `{ data: string | ArrayBuffer }`
 * @property {any} onerror
 * @property {any} onclose
 *
 * @typedef {object} Options
 * @property {string} [namespace] default "/"
 * @property {object | (() => object | Promise<object>)} [auth] payload of CONNECT; a function is asked before every attempt
 * @property {Record<string, string | number | boolean>} [query] further query parameters of the websocket's URL
 * @property {string} [path] default "/socket.io/"
 * @property {(url: string) => Link} [transport] default: wxTransport where wx.connectSocket exists, else WebSocket
 * @property {boolean} [autoConnect] default true
 * @property {number} [timeout] ms for one attempt, from opening the socket to the server's CONNECT reply; default 20,000
 * @property {number} [ackTimeout] ms that emitWithAck and call wait; default 5,000
 * @property {boolean} [reconnection] default true
 * @property {number} [reconnectionDelay] ms before the first retry, doubled for each further one; default 1,000
 * @property {number} [reconnectionDelayMax] ms, before jitter; default 5,000
 * @property {number} [randomizationFactor] jitter: 0.5 spreads a delay from 50 % to 150 %; default 0.5
 * @property {number} [reconnectionAttempts] retries in a row before giving up; default Infinity
 * @property {boolean | ((err: Error & {data?: any}) => boolean)} [retryRefused] whether to retry after a CONNECT_ERROR; default false
 * @property {number} [bufferSize] events kept while offline; default 1,000
 */

// ---- Socket.IO packets -------------------------------------------------------------------------------------------------

const CONNECT = 0;
const DISCONNECT = 1;
const EVENT = 2;
const ACK = 3;
const CONNECT_ERROR = 4;
const BINARY_EVENT = 5;
const BINARY_ACK = 6;

/** Names of local events: neither side may send them. */
const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/** Official peers refuse a packet with more attachments, and the link dies with it. */
const MAX_ATTACHMENTS = 10;

/** The longest delay that setTimeout takes; a longer one would fire at once. */
const MAX_TIMER = 0x7fffffff;

function isBinary(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function bytesOf(value) {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * Encodes an EVENT or ACK as Engine.IO messages: the text, then one binary message for each ArrayBuffer or view found in args.
 * Placeholders are numbered depth first, in the order in which JSON.stringify meets them.
 */
function encode(type, namespace, id, args) {
  const attachments = [];
  const json = JSON.stringify(args, function (key, value) {
    // `this[key]` is the value before its toJSON: a Node Buffer would be an array of numbers by now.
    const binary = isBinary(this[key]) ? this[key] : value;
    if (typeof Blob !== "undefined" && binary instanceof Blob) {
      throw new TypeError("realtime: a Blob cannot be sent, read it with arrayBuffer() first");
    }
    if (!isBinary(binary)) return value;
    attachments.push(bytesOf(binary));
    return { _placeholder: true, num: attachments.length - 1 };
  });
  if (attachments.length > MAX_ATTACHMENTS) {
    throw new RangeError("realtime: a packet carries at most " + MAX_ATTACHMENTS + " binary attachments");
  }
  const head = attachments.length === 0 ? String(type) : (type === EVENT ? BINARY_EVENT : BINARY_ACK) + String(attachments.length) + "-";
  return ["4" + head + prefix(namespace) + (id === undefined ? "" : id) + json, ...attachments];
}

function prefix(namespace) {
  return namespace === "/" ? "" : namespace + ",";
}

/** Splits `<type>[<n>-][<namespace>,][<id>][<json>]`; the JSON stays text until all attachments are there. */
function parseHead(text) {
  const match = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d+)?([^]*)$/.exec(text);
  if (!match) throw new SyntaxError("unknown packet type");
  const type = Number(match[1]);
  const missing = Number(match[2] || 0);
  const binary = type === BINARY_EVENT || type === BINARY_ACK;
  if (binary ? missing < 1 || missing > MAX_ATTACHMENTS : match[2] !== undefined) throw new SyntaxError("illegal attachments");
  return {
    type: binary ? type - (BINARY_EVENT - EVENT) : type,
    namespace: match[3] || "/",
    id: match[4] === undefined ? undefined : Number(match[4]),
    json: match[5],
    missing,
    attachments: [],
  };
}

/** Parses and checks the payload of a packet that is complete. */
function parseData(packet) {
  const data = packet.json === "" ? undefined : JSON.parse(packet.json, packet.missing === 0 ? undefined : (key, value) => {
    if (!value || value._placeholder !== true) return value;
    if (typeof value.num !== "number" || !(value.num in packet.attachments)) throw new SyntaxError("illegal attachments");
    return packet.attachments[value.num];
  });
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  let legal = true;
  if (packet.type === CONNECT) legal = isObject && typeof data.sid === "string";
  if (packet.type === DISCONNECT) legal = data === undefined;
  if (packet.type === CONNECT_ERROR) legal = isObject || typeof data === "string";
  if (packet.type === ACK) legal = Array.isArray(data) && packet.id !== undefined;
  if (packet.type === EVENT) {
    legal = Array.isArray(data) && (typeof data[0] === "number" || (typeof data[0] === "string" && !RESERVED.includes(data[0])));
  }
  if (!legal) throw new SyntaxError("invalid payload");
  return data;
}

// ---- The client --------------------------------------------------------------------------------------------------------

const DEFAULTS = {
  namespace: "/",
  path: "/socket.io/",
  autoConnect: true,
  timeout: 20000,
  ackTimeout: 5000,
  reconnection: true,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
  randomizationFactor: 0.5,
  reconnectionAttempts: Infinity,
  retryRefused: false,
  bufferSize: 1000,
};

/** What `call` rejects with when the server answered `{"error":{"code","message","data","id"}}`. */
export class ReplyError extends Error {
  constructor(error) {
    super(error.message || error.code);
    this.name = "ReplyError";
    /** @type {string} stable code, e.g. "not_seated" */
    this.code = error.code;
    /** @type {any} whatever the server added */
    this.data = error.data;
    /** @type {string | undefined} names the line in the server's log, for internal errors */
    this.id = error.id;
  }
}

/**
 * One namespace of one server, over a link that is made again when it breaks. Local events:
 * - `connect` (): the namespace is joined; `socket.id` is new each time;
 * - `disconnect` (reason, cause): reason is one of the official texts, "io server disconnect", "io client disconnect",
 *   "ping timeout", "transport close", "transport error", "parse error"; after the first two the client stays away;
 * - `connect_error` (err): an attempt failed. With `socket.active` it will be repeated. A CONNECT_ERROR of the server has its
 *   message in `err.message` and its data in `err.data`, and is final unless `retryRefused` says otherwise.
 */
export class Client {
  /** @param {string} url @param {Options} [options] */
  constructor(url, options) {
    /** @type {any} */
    this._options = Object.assign({}, DEFAULTS, options);
    this._namespace = this._options.namespace.replace(/^\/?/, "/");
    if (this._namespace.includes(",")) throw new TypeError("realtime: a namespace has no comma");
    this._url = address(url, this._options);
    this._transport = this._options.transport || defaultTransport(this._options.timeout);
    /** @type {State} */
    this.state = "closed";
    /** @type {string | undefined} the connection's id on the server, while connected */
    this.id = undefined;
    /** @type {Link | null} */
    this._link = null; // the link in use; callbacks of any other link are ignored
    this._timer = undefined; // the only timer: back-off, attempt timeout or heartbeat, by state
    this._deadline = 0; // when _timer is due, for environments that freeze timers in the background
    this._heartbeat = 0; // ms without a ping after which the link is dead
    this._lastPing = 0;
    this._attempt = 0; // failed attempts in a row
    this._partial = null; // binary packet whose attachments are on their way
    this._buffer = []; // { id, frames } emitted while offline
    this._acks = new Map(); // id → (err, args)
    this._nextId = 0;
    this._listeners = new Map();
    this._observers = [];
    if (this._options.autoConnect) this.connect();
  }

  /** Whether the namespace is joined. */
  get connected() {
    return this.state === "connected";
  }

  /** Whether the client is connected or will be without further help. */
  get active() {
    return this.state !== "closed";
  }

  /**
   * Connects a closed client; one that waits for its next attempt tries at once, and one whose heartbeat is overdue (a phone that
   * slept) drops the link and tries again. Otherwise nothing happens. Call it from wx.onShow, "online" and "visibilitychange".
   */
  connect() {
    if (this._overdue()) this._lost("ping timeout");
    if (this.state === "connected" || this.state === "connecting") return this;
    if (this.state === "closed") this._attempt = 0;
    this._openAfter(0); // not at once, so that listeners can be added first
    this._become("connecting");
    return this;
  }

  /** Leaves the namespace, closes the link and stays away until connect is called. Events buffered offline are kept. */
  disconnect() {
    if (this._link && this.connected) this._link.send("4" + DISCONNECT + prefix(this._namespace));
    this._end("io client disconnect", undefined, false);
    return this;
  }

  /**
   * Adds a listener. If the server asked for an acknowledgement, its last argument is a function that sends it.
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   * @returns {() => void} removes the listener
   */
  on(event, listener) {
    return this._add(event, listener, false);
  }

  /** Like on, for the next event only. */
  once(event, listener) {
    return this._add(event, listener, true);
  }

  /** Removes one listener, all of an event, or all. */
  off(event, listener) {
    if (event === undefined) this._listeners.clear();
    else if (listener === undefined) this._listeners.delete(event);
    else this._listeners.set(event, (this._listeners.get(event) || []).filter((entry) => entry.listener !== listener));
    return this;
  }

  /**
   * Tells of every change of state, for an indicator on the page.
   * @param {(state: State, detail: { attempt: number, delay: number }) => void} observer delay: ms until the next attempt
   * @returns {() => void} removes the observer
   */
  onState(observer) {
    this._observers = this._observers.concat(observer);
    return () => {
      this._observers = this._observers.filter((other) => other !== observer);
    };
  }

  /**
   * Sends an event, or buffers it while offline. A function as last argument gets the arguments of the server's acknowledgement;
   * it is never called if the link breaks first (use emitWithAck to be told).
   * @returns {boolean} false if the event was not taken because the offline buffer is full
   */
  emit(event, ...args) {
    const ack = typeof args[args.length - 1] === "function" ? args.pop() : undefined;
    return this._emit(event, args, ack && ((err, answer) => err || ack(...answer)));
  }

  /**
   * Sends an event and resolves with the first argument of the acknowledgement. Rejects with the official messages
   * "operation has timed out" (after `ackTimeout`; an event still buffered is taken back) and "socket has been disconnected".
   * @returns {Promise<any>}
   */
  emitWithAck(event, ...args) {
    return this._ask(this._options.ackTimeout, event, args);
  }

  /** Like emitWithAck, and an answer `{error: {code, message}}` rejects with a ReplyError. @returns {Promise<any>} */
  call(event, ...args) {
    return this.emitWithAck(event, ...args).then((answer) => {
      if (answer && answer.error && typeof answer.error.code === "string") throw new ReplyError(answer.error);
      return answer;
    });
  }

  /** `socket.timeout(ms).emitWithAck(event, …)` waits ms instead of `ackTimeout`. */
  timeout(ms) {
    return { emitWithAck: (event, ...args) => this._ask(ms, event, args) };
  }

  /** `socket.volatile.emit(event, …)` drops the event, and returns false, when offline or when the link is busy. */
  get volatile() {
    return {
      emit: (event, ...args) => {
        const frames = encode(EVENT, this._namespace, undefined, checkName(event, args));
        const ready = this.connected && !this._overdue() && !(this._link.bufferedAmount > 0);
        return ready && this._write(frames);
      },
    };
  }

  // -- sending --

  _emit(event, args, done) {
    const id = done ? this._nextId : undefined;
    const frames = encode(EVENT, this._namespace, id, checkName(event, args));
    if (this._overdue()) this._lost("ping timeout"); // the link is dead and nobody told us: keep the event for the next one
    if (!this.connected && this._buffer.length >= this._options.bufferSize) return false;
    if (done) this._acks.set(this._nextId++, done);
    if (this.connected) this._write(frames);
    else this._buffer.push({ id, frames });
    return true;
  }

  _ask(ms, event, args) {
    return new Promise((resolve, reject) => {
      const id = this._nextId;
      const timer = setTimeout(() => {
        this._acks.delete(id);
        this._buffer = this._buffer.filter((entry) => entry.id !== id);
        reject(new Error("operation has timed out"));
      }, Math.min(ms, MAX_TIMER));
      const done = (err, answer) => {
        clearTimeout(timer);
        if (err) reject(err);
        else resolve(answer[0]);
      };
      try {
        if (!this._emit(event, args, done)) done(new Error("the offline buffer is full"));
      } catch (err) {
        done(err);
      }
    });
  }

  _write(frames) {
    frames.forEach((frame) => this._link.send(frame));
    return true;
  }

  // -- the life of a link --

  _openAfter(delay) {
    this._after(delay, () => {
      this._become("connecting");
      if (this.state === "connecting") this._open(); // an observer may have called disconnect
    });
  }

  _open() {
    let link;
    try {
      link = this._transport(this._url);
    } catch (err) {
      this._lost("transport error", err);
      return;
    }
    const current = (handler) => (event) => {
      if (this._link === link) handler(event);
    };
    this._link = link;
    link.binaryType = "arraybuffer";
    link.onmessage = current((event) => this._receive(event.data));
    link.onerror = current((event) => this._lost("transport error", event));
    link.onclose = current((event) => this._lost("transport close", event));
    this._after(this._options.timeout, () => this._lost("timeout", new Error("timeout")));
  }

  /** The link, or the attempt to make one, is over: tells the listeners, and tries again if that makes sense. */
  _lost(reason, cause) {
    this._end(reason, cause, this._options.reconnection);
  }

  _end(reason, cause, again) {
    const was = this.state;
    const link = this._link;
    // First everything is set for what comes next, then listeners are told: they may call connect, disconnect or emit.
    this._link = null;
    this._partial = null;
    this.id = undefined;
    clearTimeout(this._timer);
    this._deadline = 0;
    let delay = 0;
    if (again && this._attempt < this._options.reconnectionAttempts) {
      delay = backoff(this._attempt++, this._options);
      this._openAfter(delay);
      this.state = "waiting";
    } else {
      this.state = "closed";
    }
    if (link) link.close();
    if (this.state !== was) this._tellState(delay);
    if (was === "connected") {
      this._dropAcks();
      this._fire("disconnect", [reason, cause]);
    } else if (was === "connecting" && reason !== "io client disconnect") {
      this._fire("connect_error", [cause instanceof Error ? cause : Object.assign(new Error("websocket error"), { cause })]);
    }
  }

  /** Acks of this link will not come. Those of events that are still buffered will. */
  _dropAcks() {
    const buffered = new Set(this._buffer.map((entry) => entry.id));
    const lost = Array.from(this._acks.keys()).filter((id) => !buffered.has(id));
    lost.forEach((id) => this._settle(id, new Error("socket has been disconnected")));
  }

  _settle(id, err, args) {
    const done = this._acks.get(id);
    this._acks.delete(id); // an unknown or late ack is ignored
    if (done) guard(done, [err, args]);
  }

  _after(ms, action) {
    clearTimeout(this._timer);
    this._deadline = Date.now() + ms;
    this._timer = setTimeout(action, Math.min(ms, MAX_TIMER));
  }

  /** Whether a link's timer should have fired: phones freeze timers in the background and thaw them late. */
  _overdue() {
    return this._link !== null && Date.now() > this._deadline;
  }

  _become(state) {
    if (this.state === state) return;
    this.state = state;
    this._tellState(0);
  }

  _tellState(delay) {
    const detail = { attempt: this._attempt, delay };
    const state = this.state;
    this._observers.forEach((observer) => guard(observer, [state, detail]));
  }

  // -- receiving --

  _receive(data) {
    try {
      if (typeof data === "string") this._text(data);
      else this._attachment(data);
    } catch (err) {
      this._lost("parse error", err);
    }
  }

  /** One Engine.IO packet: the first character is its type. */
  _text(data) {
    switch (data.charAt(0)) {
      case "0":
        return this._opened(JSON.parse(data.slice(1)));
      case "1":
        return this._lost("transport close");
      case "2":
        this._link.send("3" + data.slice(1));
        this._lastPing = Date.now();
        if (this.connected) this._watch();
        return undefined;
      case "4":
        return this._message(data.slice(1));
      case "6":
        return undefined;
      default:
        throw new SyntaxError("unknown packet type");
    }
  }

  _opened(handshake) {
    this._heartbeat = handshake.pingInterval + handshake.pingTimeout;
    if (!(this._heartbeat > 0)) throw new SyntaxError("invalid handshake");
    this._lastPing = Date.now();
    const link = this._link;
    const auth = this._options.auth;
    Promise.resolve().then(() => (typeof auth === "function" ? auth() : auth)).then((payload) => {
      if (this._link === link) link.send("4" + CONNECT + prefix(this._namespace) + (payload ? JSON.stringify(payload) : ""));
    }).catch((err) => {
      if (this._link === link) this._lost("transport error", err instanceof Error ? err : new Error(String(err)));
    });
  }

  _message(text) {
    if (this._partial) throw new SyntaxError("text while attachments are missing");
    const packet = parseHead(text);
    if (packet.missing > 0) this._partial = packet;
    else this._packet(packet, parseData(packet));
  }

  _attachment(data) {
    const packet = this._partial;
    if (!packet) throw new SyntaxError("attachment without a packet");
    if (packet.attachments.push(data) < packet.missing) return;
    this._partial = null;
    this._packet(packet, parseData(packet));
  }

  _packet(packet, data) {
    if (packet.namespace !== this._namespace) return;
    if (packet.type === CONNECT && this.state === "connecting") this._joined(data.sid);
    else if (packet.type === CONNECT_ERROR && this.state === "connecting") this._refused(data);
    else if (!this.connected) return;
    else if (packet.type === DISCONNECT) this._end("io server disconnect", undefined, false);
    else if (packet.type === ACK) this._settle(packet.id, null, data);
    else if (packet.type === EVENT) this._event(packet.id, data);
  }

  _event(id, [name, ...args]) {
    if (id !== undefined) args.push(this._acker(id));
    this._fire(String(name), args);
  }

  _joined(sid) {
    this.id = sid;
    this._attempt = 0;
    this._watch();
    this._become("connected");
    this._fire("connect", []);
    while (this.connected && this._buffer.length > 0) this._write(this._buffer.shift().frames);
  }

  _refused(data) {
    const err = Object.assign(new Error(data.message || String(data)), { data: data.data });
    const retry = this._options.retryRefused;
    this._end("transport close", err, this._options.reconnection && Boolean(typeof retry === "function" ? retry(err) : retry));
  }

  /** The server pings; when no ping came for an interval and a timeout, it is gone. */
  _watch() {
    this._after(this._lastPing + this._heartbeat - Date.now(), () => this._lost("ping timeout"));
  }

  /** Answers an event once, and only on the link that it came from: on another one the id means nothing. */
  _acker(id) {
    let link = this._link;
    return (...args) => {
      if (link && link === this._link) this._write(encode(ACK, this._namespace, id, args));
      link = undefined;
    };
  }

  // -- listeners --

  _add(event, listener, once) {
    const entry = { listener, once };
    const entries = () => this._listeners.get(event) || [];
    this._listeners.set(event, entries().concat(entry));
    return () => {
      this._listeners.set(event, entries().filter((other) => other !== entry));
    };
  }

  _fire(event, args) {
    const entries = this._listeners.get(event) || [];
    if (entries.some((entry) => entry.once)) this._listeners.set(event, entries.filter((entry) => !entry.once));
    entries.forEach((entry) => guard(entry.listener, args));
  }
}

/** A listener that throws is reported as an uncaught error and disturbs neither the others nor the link. */
function guard(fn, args) {
  try {
    fn(...args);
  } catch (err) {
    setTimeout(() => {
      throw err;
    }, 0);
  }
}

function checkName(event, args) {
  if (RESERVED.includes(event)) throw new Error('realtime: "' + event + '" is a reserved event name');
  return [event, ...args];
}

/** ms before a retry: doubled each time up to the maximum, then spread, so that a restarted server is not stormed. */
function backoff(attempt, options) {
  const delay = Math.min(options.reconnectionDelayMax, options.reconnectionDelay * Math.pow(2, attempt));
  return Math.round(delay * (1 + options.randomizationFactor * (2 * Math.random() - 1)));
}

/** The websocket's URL. Written without the URL class, which WeChat lacks. */
function address(url, options) {
  const match = /^(?:http|ws)(s?):\/\/([^/?#]+)\/?$/i.exec(url || location.protocol + "//" + location.host);
  if (!match) throw new TypeError('realtime: the URL is like "https://host:port", path and namespace are options');
  const query = Object.assign({}, options.query, { EIO: "4", transport: "websocket" });
  const pairs = Object.keys(query).map((key) => encodeURIComponent(key) + "=" + encodeURIComponent(query[key]));
  return "ws" + match[1].toLowerCase() + "://" + match[2] + options.path.replace(/^\/?/, "/").replace(/\/?$/, "/") + "?" + pairs.join("&");
}

// ---- Transports --------------------------------------------------------------------------------------------------------

/** ms that a new socket of WeChat waits for the end of the last one; an end that is never told must not keep a game offline. */
const END_WAIT = 1000;

/** The transport of a client that names none. A page inside WeChat's browser has a `wx` too, but without connectSocket. */
function defaultTransport(timeout) {
  const wechat = wxTransport({ timeout });
  return (url) => (typeof wx !== "undefined" && wx.connectSocket ? wechat(url) : new WebSocket(url));
}

/**
 * A transport over WeChat's sockets, of which a game may have only a few: the next one is opened when the last one has ended, or after
 * a second without a word of it. Make one for each client, for instance to send a header: `transport: wxTransport({ header: { … } })`.
 * @param {object} [options] further options of wx.connectSocket
 * @returns {(url: string) => Link}
 */
export function wxTransport(options) {
  let last;
  return (url) => {
    const link = wxSocket(url, options, last);
    last = link.ended;
    return link;
  };
}

/**
 * WeChat's SocketTask in the shape of a WebSocket.
 * @param {string} url
 * @param {object} [options] further options of wx.connectSocket
 * @param {Promise<void>} [last] is waited for before the socket is opened, but not longer than a second
 * @returns {Link & { ended: Promise<void> }} ended: WeChat has no socket of this link any more, or never had one
 */
export function wxSocket(url, options, last) {
  let task;
  let open = false;
  let closed = false;
  let end;
  const ended = new Promise((resolve) => {
    end = resolve;
  });
  /** @type {any} */
  const link = { send, close, ended, onmessage: null, onerror: null, onclose: null };
  const fail = (result) => setTimeout(() => link.onerror && link.onerror(result), 0);
  if (last) within(END_WAIT, last, start);
  else start();

  function start() {
    if (closed) return end();
    try {
      task = wx.connectSocket(Object.assign({}, options, { url, fail: refused }));
    } catch (err) {
      return refused(err);
    }
    return task && listen();
  }

  /** With too many sockets there is only this callback, at once or later, and no task or one that stays silent. */
  function refused(result) {
    end();
    fail(result);
  }

  function listen() {
    task.onOpen(() => {
      open = true;
      if (closed) task.close({});
    });
    task.onMessage((result) => link.onmessage && link.onmessage(result));
    task.onError((result) => {
      end();
      if (link.onerror) link.onerror(result);
    });
    task.onClose((result) => {
      end();
      if (link.onclose) link.onclose(result);
    });
  }

  function send(data) {
    // wx takes strings and ArrayBuffers, and of a view it would send the whole buffer.
    const exact = typeof data === "string" ? data : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    task.send({ data: exact, fail });
  }

  function close() {
    closed = true;
    if (open) task.close({}); // closing earlier is an error in WeChat and leaves the socket to open later: onOpen above
  }

  return link;
}

/** Calls action once: when the promise settles, or after ms. */
function within(ms, promise, action) {
  let waiting = true;
  const run = () => {
    if (!waiting) return;
    waiting = false;
    clearTimeout(timer);
    action();
  };
  const timer = setTimeout(run, ms);
  promise.then(run);
}

/**
 * Connects to a Socket.IO server.
 * @param {string} [url] like "https://host:port"; empty means the page's own origin
 * @param {Options} [options]
 * @returns {Client}
 */
export function connect(url, options) {
  return new Client(url || "", options);
}
