// One official client in a test: everything it hears goes into an inbox, every wait has a watchdog.

import { Inbox, PATIENCE, once, within } from './watch.mjs';

const BACK_OFF = { reconnectionDelay: 10, reconnectionDelayMax: 50, randomizationFactor: 0 };

export class Client {
  #lifecycle = new Inbox();
  #events = new Inbox();
  #lastId;

  // How long requests wait for their answer, in milliseconds.
  patience = PATIENCE;

  constructor(socket, row) {
    this.socket = socket;
    this.row = row;
    socket.on('connect', () => this.#lifecycle.put('connect', socket.id));
    socket.on('disconnect', (reason, details) => this.#lifecycle.put('disconnect', { reason, details }));
    socket.on('connect_error', (err) => this.#lifecycle.put('connect_error', err));
    socket.onAny((event, ...args) => this.#events.put(event, args));
  }

  // open starts a connection of its own (never shared with another client of the test).
  static open(row, url, options = {}) {
    const { namespace = '/', ...rest } = options;
    return new Client(row.io(url + namespace, { transports: row.transports, forceNew: true, ...BACK_OFF, ...rest }), row);
  }

  // beside joins another namespace on the same connection.
  beside(namespace, options = {}) {
    return new Client(this.socket.io.socket(namespace, options), this.row);
  }

  get id() { return this.socket.id; }
  get engine() { return this.socket.io.engine; }

  // connected waits for the next time the namespace is joined and gives the new id.
  async connected() {
    const id = await this.#lifecycle.next('connect');
    this.#lastId = id;
    return id;
  }

  // disconnected waits for the next disconnect and gives its reason.
  async disconnected() { return (await this.disconnection()).reason; }

  // disconnection is disconnected with the details that client 4.8 adds.
  disconnection() { return this.#lifecycle.next('disconnect'); }

  // refused waits for the next connect_error and gives the error.
  refused() { return this.#lifecycle.next('connect_error'); }

  // What happened although nobody asked for it with the methods above.
  get unexpectedConnects() { return this.#lifecycle.waiting('connect').length; }
  get unexpectedDisconnects() { return this.#lifecycle.waiting('disconnect').map((d) => d.reason); }

  // settled waits until the connection has the transport it will keep.
  async settled() {
    if (this.engine.transport.name !== this.row.transport) {
      // "upgrade" tells that the transport changed; the engine does so before it tells.
      await once(this.engine, 'upgrade', 'the upgrade to websocket');
    }
    return this;
  }

  // heartbeat waits for the next ping of the server.
  heartbeat() {
    let listener;
    const ping = new Promise((resolve) => {
      listener = (packet) => { if (packet.type === 'ping') resolve(); };
      this.engine.on('packet', listener);
    });
    return within(ping, 'a heartbeat').finally(() => this.engine.off('packet', listener));
  }

  emit(event, ...args) { this.socket.emit(event, ...args); }

  // request emits with an acknowledgement and gives all the arguments of the answer.
  request(event, ...args) {
    return within(
      new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer))),
      `the acknowledgement of "${event}"`,
      this.patience,
    );
  }

  // returns waits until the client has come back by itself after a disconnect.
  async returns() {
    const before = this.#lastId;
    const id = await this.connected();
    if (id === before) throw new Error(`the connection came back with its old id ${id}`);
    return id;
  }

  // ask is request for the usual answer of one value.
  async ask(event, ...args) {
    const answer = await this.request(event, ...args);
    if (answer.length !== 1) throw new Error(`"${event}" was answered with ${answer.length} values: ${JSON.stringify(answer)}`);
    return answer[0];
  }

  // next gives the arguments of the oldest event of that name not yet taken.
  next(event, ms = PATIENCE) { return this.#events.next(event, ms); }
  take(event, n, ms = PATIENCE) { return this.#events.take(event, n, ms); }

  // got tells what arrived under that name and was not taken. It says nothing about what is still under way: first make
  // sure with a request, whose answer comes after everything the server had sent before.
  got(event) { return this.#events.waiting(event); }

  // close ends the connection and everything that would open it again.
  close() {
    const manager = this.socket.io;
    manager.reconnection(false);
    try {
      this.socket.disconnect();
      manager._close();
    } catch (err) {
      // weapp.socket.io refuses to close what is just being opened.
      if (!this.row.phone) throw err;
    }
    this.socket.turnOff?.();
  }
}
