// The client over WeChat's sockets.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { connect, wxTransport } from "../realtime.mjs";
import { startServer } from "./oracle.mjs";
import { stubWx } from "./wx.mjs";

let server;
before(async () => {
  server = await startServer();
});
after(() => server.close());
afterEach(() => {
  delete globalThis.wx;
});

function client(t, options) {
  const socket = connect(server.url, { reconnectionDelay: 10, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

function next(socket, event) {
  return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

test("talks through wx.connectSocket where that exists, with text and binary", async (t) => {
  globalThis.wx = stubWx();
  const socket = client(t, { namespace: "/game", auth: { openId: "o1" } });
  const [hello] = await next(socket, "hello");
  assert.equal(hello.auth.openId, "o1");
  const bytes = Uint8Array.of(0, 1, 2, 3, 4);
  const answer = await socket.emitWithAck("echo", { part: bytes.subarray(1, 3) });
  assert.deepEqual(new Uint8Array(answer.part), Uint8Array.of(1, 2));
  assert.equal(globalThis.wx.tasks.length, 1);
  assert.equal(globalThis.wx.tasks[0].options.timeout, 20000);
});

test("comes back after the background cut its socket", async (t) => {
  globalThis.wx = stubWx(1);
  const socket = client(t);
  await next(socket, "connect");
  globalThis.wx.tasks[0]._socket.terminate();
  assert.equal((await next(socket, "disconnect"))[0], "transport close");
  await next(socket, "connect");
});

test("tries again when WeChat has no socket left", async (t) => {
  globalThis.wx = stubWx(0);
  const socket = client(t);
  const [err] = await next(socket, "connect_error");
  assert.equal(err.message, "websocket error");
  assert.match(err.cause.errMsg, /exceed max task count/);
  globalThis.wx.limit = 1;
  await next(socket, "connect");
});

test("does not close a task before it is open, and leaves none behind", async (t) => {
  globalThis.wx = stubWx();
  const socket = client(t);
  await new Promise((resolve) => setImmediate(resolve));
  while (globalThis.wx.tasks.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [task] = globalThis.wx.tasks;
  assert.equal(task.state, "connecting");
  const closed = new Promise((resolve) => task._socket.on("close", resolve));
  socket.disconnect();
  await closed;
});

test("opens the next socket when the last one has ended, never beside it", async (t) => {
  globalThis.wx = stubWx(1); // a second one would be refused
  const socket = client(t);
  const errors = [];
  socket.on("connect_error", (err) => errors.push(err));
  await next(socket, "connect");
  for (let n = 2; n < 5; n++) {
    const [last] = globalThis.wx.tasks.slice(-1);
    socket.disconnect();
    socket.connect();
    await next(socket, "connect");
    assert.equal(last.state, "closed");
    assert.equal(globalThis.wx.tasks.length, n);
  }
  assert.deepEqual(errors, []);
});

test("waits for the word of the end, but not for ever", async (t) => {
  globalThis.wx = stubWx();
  globalThis.wx.deaf = true;
  const socket = client(t);
  await next(socket, "connect");
  const [first] = globalThis.wx.tasks;
  socket.disconnect();
  await new Promise((resolve) => first._socket.on("close", resolve));
  t.mock.timers.enable({ apis: ["setTimeout"] });
  socket.connect();
  t.mock.timers.tick(0);
  t.mock.timers.tick(999);
  assert.equal(globalThis.wx.tasks.length, 1);
  t.mock.timers.tick(1);
  t.mock.timers.reset();
  assert.equal(globalThis.wx.tasks.length, 2);
  await next(socket, "connect");
  first.tell();
  assert.equal(globalThis.wx.tasks.length, 2);
});

test("opens nothing for an attempt that was given up while it waited", async (t) => {
  globalThis.wx = stubWx();
  globalThis.wx.deaf = true;
  const socket = client(t);
  await next(socket, "connect");
  const [first] = globalThis.wx.tasks;
  socket.disconnect();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  socket.connect();
  t.mock.timers.tick(0);
  socket.disconnect();
  first.tell();
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(2000);
  t.mock.timers.reset();
  assert.equal(globalThis.wx.tasks.length, 1);
  socket.connect();
  await next(socket, "connect");
  assert.equal(globalThis.wx.tasks.length, 2);
});

test("passes further options to wx.connectSocket", async (t) => {
  globalThis.wx = stubWx();
  const socket = client(t, { transport: wxTransport({ header: { "X-Game": "avalon" } }) });
  await next(socket, "connect");
  assert.deepEqual(globalThis.wx.tasks[0].options.header, { "X-Game": "avalon" });
});

test("reports a server that is not there", async (t) => {
  globalThis.wx = stubWx();
  const socket = connect("http://127.0.0.1:1", { reconnection: false });
  t.after(() => socket.disconnect());
  const [err] = await next(socket, "connect_error");
  assert.equal(err.message, "websocket error");
  assert.equal(socket.active, false);
});
