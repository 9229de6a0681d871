// A Socket.IO server of the cluster, and clients of any server, driven by lines of JSON on
// standard input: {id, code} runs code, the body of an async function, and answers
// {id, result} or {id, error}. The process ends when its input does.
//
// The argument is JSON: {package: "redis" | "ioredis", addresses: ["host:port"], cluster,
// options: of createAdapter}.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { Server } from "socket.io";
import { io as connectTo } from "socket.io-client";

const watchdog = 60_000;
const config = JSON.parse(process.argv[2]);
const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function redisClient() {
  const hosts = config.addresses.map((address) => {
    const [host, port] = address.split(":");
    return { host, port: Number(port) };
  });
  if (config.package === "ioredis") {
    return config.cluster ? new Cluster(hosts) : new Redis(hosts[0]);
  }
  const client = config.cluster
    ? createCluster({ rootNodes: config.addresses.map((address) => ({ url: `redis://${address}` })) })
    : createClient({ url: `redis://${config.addresses[0]}` });
  client.on("error", () => {}); // the tests look at what arrives
  await client.connect();
  return client;
}

// tagged turns a value into JSON in which binary data can be told.
function tagged(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return { $binary: Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength).toString("hex") };
  }
  if (Array.isArray(value)) {
    return value.map((v) => tagged(v === undefined ? null : v));
  }
  if (value instanceof Set) {
    return [...value].map(tagged);
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, tagged(v)]));
  }
  return value;
}

// within fails instead of waiting for ever.
function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${watchdog} ms`)), watchdog);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Client notes what it gets.
class Client {
  constructor(url, options) {
    this.events = [];
    this.reasons = [];
    this.wake = () => {};
    this.socket = connectTo(url, { forceNew: true, reconnection: false, ...options });
    this.socket.onAny((name, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
      if (ack && name !== "silent") {
        ack(this.answer ? this.answer(name, ...args) : undefined);
      }
      this.events.push(tagged([name, ...args]));
      this.wake();
    });
    this.socket.on("connect", () => this.wake());
    this.socket.on("disconnect", (reason) => {
      this.reasons.push(reason);
      this.wake();
    });
    this.socket.on("connect_error", (err) => {
      this.failed = err;
      this.wake();
    });
  }

  // until waits for ok, which is looked at whenever something has come.
  until(what, ok) {
    return within(what, new Promise((resolve) => {
      this.wake = () => ok(this) && resolve();
      this.wake();
    }));
  }

  // take waits for an event, and returns what came before it; both are forgotten.
  async take(name) {
    await this.until(`event ${name}`, () => this.events.some(([n]) => n === name));
    const at = this.events.findIndex(([n]) => n === name);
    return this.events.splice(0, at + 1).slice(0, -1);
  }
}

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
const [pub, sub, emitting] = await Promise.all([redisClient(), redisClient(), redisClient()]);
io.adapter(createAdapter(pub, sub, config.options));
const emitter = new Emitter(emitting, { key: config.options.key });
const clients = {};

async function connect(name, url, options = {}) {
  const client = new Client(url, { transports: ["websocket"], ...options });
  clients[name] = client;
  await client.until(`connection of ${name}`, () => client.socket.connected || client.failed);
  if (client.failed) {
    throw client.failed;
  }
  return client.socket.id;
}

io.on("connection", (socket) => {
  if (socket.handshake.auth.user) {
    socket.join(`user:${socket.handshake.auth.user}`);
  }
});

const AsyncFunction = (async () => {}).constructor;
const scope = { io, emitter, clients, connect, within, state: {} };

http.listen(0, "127.0.0.1", () => send({ url: `http://127.0.0.1:${http.address().port}` }));

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  const { id, code } = JSON.parse(line);
  try {
    const result = await new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope));
    send({ id, result: result === undefined ? null : tagged(result) });
  } catch (err) {
    send({ id, error: String(err?.stack ?? err) });
  }
});
lines.on("close", () => process.exit(0));
process.on("uncaughtException", (err) => {
  send({ fatal: String(err?.stack ?? err) });
  process.exit(1);
});
