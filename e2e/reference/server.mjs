// The suite's application on the official Node server: the tests are proven against the real thing first.
// This file is the control service (see README.md); app.mjs is the application. Prints its address as the first line.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { application } from './app.mjs';
import { faults } from './faults.mjs';

// With E2E_FAULT set the server is broken on purpose (see faults.mjs).
const fault = process.env.E2E_FAULT === undefined ? {} : faults[process.env.E2E_FAULT];
fault.patch?.();

class Instance {
  #port = 0;
  #ended = new Map(); // connection id → what its disconnect handler was told
  #waiting = new Map(); // connection id → those who wait for that
  accepted = 0;

  constructor(options) { this.options = options; }

  get url() { return `http://127.0.0.1:${this.#port}`; }

  async start() {
    const { origins, pingInterval, pingTimeout, connectTimeout, maxPayload, transports } = this.options;
    const http = createServer();
    const options = defined({
      pingInterval,
      pingTimeout,
      connectTimeout,
      transports,
      maxHttpBufferSize: maxPayload,
      // Socket.IO for Node admits every origin unless told otherwise; the application asks for a list, as in Go.
      allowRequest: (req, done) => {
        const { origin } = req.headers;
        const welcome = !origin || !origins || origins.includes(origin);
        done(welcome ? null : 'origin not allowed', welcome);
      },
    });
    this.io = new Server(http, fault.options?.(options) ?? options);
    application(this.io, this);
    fault.server?.(this.io);
    http.listen(this.#port, '127.0.0.1');
    await once(http, 'listening');
    this.#port = http.address().port;
  }

  async stop() {
    const { io } = this;
    this.io = undefined;
    if (io) fault.end?.(io);
    await io?.close();
  }

  // admitted and ended are told by the application.
  admitted() { this.accepted += 1; }

  ended(report) {
    this.#ended.set(report.id, report);
    this.#waiting.get(report.id)?.forEach((tell) => tell(report));
    this.#waiting.delete(report.id);
  }

  gone(id) {
    const report = this.#ended.get(id);
    if (report) return Promise.resolve(report);
    return new Promise((tell) => {
      if (!this.#waiting.has(id)) this.#waiting.set(id, []);
      this.#waiting.get(id).push(tell);
    });
  }
}

function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

const instances = new Map();
let lastId = 0;

async function control(req) {
  const [, collection, id, action, argument] = new URL(req.url, 'http://control').pathname.split('/').map(decodeURIComponent);
  if (collection === '') return { implementation: 'node' };
  if (collection !== 'servers') throw new Error(`unknown: ${req.url}`);
  if (id === undefined) {
    const instance = new Instance(await body(req));
    await instance.start();
    lastId += 1;
    instances.set(String(lastId), instance);
    return { id: lastId, url: instance.url };
  }
  const instance = instances.get(id);
  if (!instance) throw new Error(`no server ${id}`);
  switch (`${req.method} ${action ?? ''}`) {
    case 'POST shutdown': return instance.stop();
    case 'POST restart': return instance.start();
    case 'GET gone': return instance.gone(argument);
    case 'GET accepted': return { accepted: instance.accepted };
    case 'DELETE ':
      instances.delete(id);
      return instance.stop();
    default: throw new Error(`unknown: ${req.method} ${req.url}`);
  }
}

async function body(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

const service = createServer(async (req, res) => {
  try {
    const answer = await control(req);
    res.end(answer === undefined ? '' : JSON.stringify(answer));
  } catch (err) {
    res.writeHead(500).end(String(err.stack));
  }
});
service.listen(0, '127.0.0.1');
await once(service, 'listening');
console.log(`http://127.0.0.1:${service.address().port}`);

// The one who started us holds our standard input; when it closes, we end.
process.stdin.resume().on('end', () => process.exit(0));
