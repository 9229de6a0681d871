// One person with an official client. It keeps what it was told as a page does: the newest table and its own secret.

import { io } from 'socket.io-client';
import { NodeWebSocket, NodeXHR } from 'engine.io-client';

/** Milliseconds after which a wait has failed. It bounds what would hang, and says nothing of speed. */
const PATIENCE = 60_000;

export async function login(address, name) {
  const response = await fetch(`${address}/login`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name }),
  });
  if (!response.ok) throw new Error(`login of ${name}: ${response.status}`);
  return response.json();
}

export class Player {
  table = null; // the newest Table
  secret = null; // the own Secret
  entered = null; // the last Entered
  secrets = []; // every secret that came as an event
  disconnects = [];
  #watchers = new Set();

  /** Connects as the user of a session. record is called with everything that arrives, before the client looks at it. */
  constructor(address, session, { ways = ['websocket'], record = () => {} } = {}) {
    this.session = session;
    this.name = session.name;
    const recorded = (Transport) => class extends Transport {
      onData(data) {
        record(String(data));
        super.onData(data);
      }
    };
    const transports = ways.map((way) => recorded(way === 'polling' ? NodeXHR : NodeWebSocket));
    this.socket = io(`${address}/game`, {
      transports, forceNew: true, auth: { token: session.token },
    });
    // A connection that came back sits nowhere: it enters its table again, as the page does.
    this.socket.on('connect', () => this.table && this.enter('table:join', { table: this.table.id }).catch((err) => this.#fail(err)));
    this.socket.on('disconnect', (reason) => this.#changed(this.disconnects.push(reason)));
    this.socket.on('connect_error', (err) => this.socket.active || this.#fail(err));
    this.socket.on('table', (table) => this.#take(table));
    this.socket.on('secret', (secret) => {
      this.secrets.push(secret);
      if (!this.secret || secret.table !== this.secret.table || secret.rev > this.secret.rev) this.secret = secret;
      this.#changed();
    });
  }

  get seat() { return this.secret.seat; }
  get evil() { return this.secret.side === 'evil'; }

  /** Sends an event and gives its acknowledgement, whatever it is. */
  ask(event, payload = {}) {
    return this.socket.timeout(PATIENCE).emitWithAck(event, payload);
  }

  /** Sends an event that must not be refused. */
  async does(event, payload) {
    const answer = await this.ask(event, payload);
    if (answer.error) throw new Error(`${this.name}: ${event} was refused: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  /** Sits down, or comes back. */
  async enter(event, payload) {
    const entered = await this.does(event, payload);
    this.secret = entered.secret;
    this.entered = entered;
    this.#take(entered.table);
    return entered;
  }

  /** Waits until cond is true of this player. */
  until(what, cond) {
    if (cond(this)) return Promise.resolve(this);
    return new Promise((resolve, reject) => {
      const dog = setTimeout(() => done(reject, new Error(`${this.name} waited in vain for ${what}: ${JSON.stringify(this.table)}`)), PATIENCE);
      const done = (settle, value) => {
        clearTimeout(dog);
        this.#watchers.delete(watcher);
        settle(value);
      };
      const watcher = (err) => {
        if (err) done(reject, err);
        else if (cond(this)) done(resolve, this);
      };
      this.#watchers.add(watcher);
    });
  }

  /** Breaks the websocket without a word, and the way back. */
  cut() {
    this.socket.io.reconnection(false);
    this.socket.io.engine.transport.ws.terminate();
    return this.until('the end of the link', () => !this.socket.connected);
  }

  /** Lets a client come back after cut, or after stay; to another address if one is given, as behind a balancer. */
  mend(address) {
    if (address) this.socket.io.uri = address;
    this.socket.io.reconnection(true);
    this.socket.connect();
  }

  /** Keeps a client from coming back when its link breaks. */
  stay() { this.socket.io.reconnection(false); }

  close() { this.socket.disconnect(); }

  #take(table) {
    if (!this.table || table.rev > this.table.rev) this.table = table;
    this.#changed();
  }

  #changed() { this.#watchers.forEach((watcher) => watcher()); }

  #fail(err) { this.#watchers.forEach((watcher) => watcher(err)); }
}

/** Tells one wait of the game from the next. */
export function stage({ phase, quest, votes }) { return `${phase} ${quest} ${votes.length}`; }
