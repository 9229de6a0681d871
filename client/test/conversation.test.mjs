// A conversation with a real server over real sockets.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { connect, ReplyError } from "../realtime.mjs";
import { startServer } from "./oracle.mjs";

let server;
before(async () => {
  server = await startServer();
});
after(() => server.close());

/** A client that is closed at the end of the test. */
function client(t, options) {
  const socket = connect(server.url, { transport: (url) => new WebSocket(url), reconnectionDelay: 10, ...options });
  t.after(() => socket.disconnect());
  return socket;
}

/** The arguments of the next event. */
function next(socket, event) {
  return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

test("joins the main namespace and is told an id", async (t) => {
  const socket = client(t);
  assert.equal(socket.connected, false);
  assert.equal(socket.active, true);
  const hello = next(socket, "hello");
  await next(socket, "connect");
  assert.equal(socket.connected, true);
  assert.match(socket.id, /^[\w-]{20}$/);
  assert.deepEqual(await hello, [{ auth: {}, color: "", namespace: "/" }]);
});

test("joins another namespace with auth and a query", async (t) => {
  const socket = client(t, { namespace: "/game", auth: { token: "ü\u2028" }, query: { color: "dark blue&" } });
  const [hello] = await next(socket, "hello");
  assert.deepEqual(hello, { auth: { token: "ü\u2028" }, color: "dark blue&", namespace: "/game" });
});

test("asks an auth function before every attempt", async (t) => {
  let asked = 0;
  const socket = client(t, { auth: async () => ({ token: String(++asked) }) });
  assert.deepEqual((await next(socket, "hello"))[0].auth, { token: "1" });
  socket.emit("cut me");
  assert.deepEqual((await next(socket, "hello"))[0].auth, { token: "2" });
});

test("repeats the attempt when the auth function fails", async (t) => {
  let asked = 0;
  const socket = client(t, {
    auth: () => {
      if (++asked === 1) throw new Error("no token yet");
      return {};
    },
  });
  const [err] = await next(socket, "connect_error");
  assert.equal(err.message, "no token yet");
  assert.equal(socket.active, true);
  await next(socket, "connect");
});

test("surfaces a CONNECT_ERROR with its data and stays away", async (t) => {
  const socket = client(t, { namespace: "/closed" });
  const [err] = await next(socket, "connect_error");
  assert.ok(err instanceof Error);
  assert.equal(err.message, "not today");
  assert.deepEqual(err.data, { code: "closed", days: [1, 2] });
  assert.equal(socket.active, false);
  assert.equal(socket.state, "closed");
});

test("is refused an unknown namespace", async (t) => {
  const socket = client(t, { namespace: "/nowhere" });
  const [err] = await next(socket, "connect_error");
  assert.equal(err.message, "Invalid namespace");
});

test("repeats a refused attempt if asked to", async (t) => {
  const refusals = [];
  const socket = client(t, { namespace: "/second", auth: { key: randomUUID() }, retryRefused: (err) => refusals.push(err.message) > 0 });
  await next(socket, "connect");
  assert.deepEqual(refusals, ["come again"]);
});

test("can be connected again after a refusal", async (t) => {
  const socket = client(t, { namespace: "/second", auth: { key: randomUUID() } });
  await next(socket, "connect_error");
  socket.connect();
  await next(socket, "connect");
});

test("carries JSON values both ways", async (t) => {
  const socket = client(t);
  const values = [null, true, -1.5, "ü 😀 \u2028 \" \\ \n", [], [[1]], {}, { a: { b: [null, "c"] } }];
  socket.emit("echo", ...values);
  assert.deepEqual(await next(socket, "echo"), values);
});

test("carries binary data both ways, nested too", async (t) => {
  const socket = client(t);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const view = bytes.subarray(10, 13);
  socket.emit("echo", bytes.buffer, { list: [view, { empty: new Uint8Array(0) }], n: 1 }, Buffer.from("node"));
  const [all, nested, node] = await next(socket, "echo");
  assert.ok(all instanceof ArrayBuffer);
  assert.deepEqual(new Uint8Array(all), bytes);
  assert.deepEqual(new Uint8Array(nested.list[0]), Uint8Array.of(10, 11, 12));
  assert.equal(nested.list[1].empty.byteLength, 0);
  assert.equal(nested.n, 1);
  assert.deepEqual(new Uint8Array(node), new Uint8Array(Buffer.from("node")), "and not what Buffer's toJSON makes of it");
});

test("carries binary data in acks both ways", async (t) => {
  const socket = client(t);
  const answer = await socket.emitWithAck("echo", { data: Uint8Array.of(1, 2) });
  assert.deepEqual(new Uint8Array(answer.data), Uint8Array.of(1, 2));
  socket.on("question", (question, ack) => ack({ question: new Uint8Array(question) }, "second"));
  const back = await new Promise((resolve) => socket.emit("ask me", Uint8Array.of(7), (...args) => resolve(args)));
  assert.deepEqual(new Uint8Array(back[0].question), Uint8Array.of(7));
  assert.equal(back[1], "second");
});

test("keeps the order of events with and without attachments", async (t) => {
  const socket = client(t);
  const order = [];
  socket.on("echo", (n) => order.push(n));
  for (let i = 0; i < 20; i++) socket.emit("echo", i, i % 3 === 0 ? Uint8Array.of(i) : i);
  await socket.emitWithAck("echo", "end");
  assert.deepEqual(order, Array.from({ length: 20 }, (_, i) => i));
});

test("gives an ack callback all arguments", async (t) => {
  const socket = client(t);
  const args = await new Promise((resolve) => socket.emit("echo", 1, "two", { three: 3 }, (...answer) => resolve(answer)));
  assert.deepEqual(args, [1, "two", { three: 3 }]);
});

test("answers many questions at once, each to its asker", async (t) => {
  const socket = client(t);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => socket.emitWithAck("echo", i)));
  assert.deepEqual(answers, Array.from({ length: 100 }, (_, i) => i));
});

test("gives up waiting for an ack", async (t) => {
  const socket = client(t, { ackTimeout: 20 });
  await next(socket, "connect");
  await assert.rejects(socket.emitWithAck("silence"), { message: "operation has timed out" });
  await assert.rejects(socket.timeout(10).emitWithAck("silence"), { message: "operation has timed out" });
});

test("turns an error reply into a ReplyError", async (t) => {
  const socket = client(t);
  await assert.rejects(socket.call("refuse", "42"), (err) => {
    assert.ok(err instanceof ReplyError);
    assert.equal(err.code, "not_seated");
    assert.equal(err.message, "join the table first");
    assert.deepEqual(err.data, { room: "42" });
    return true;
  });
  assert.equal(await socket.call("echo", "fine"), "fine");
});

test("stays away when the server disconnects it", async (t) => {
  const socket = client(t);
  await next(socket, "connect");
  socket.emit("kick me");
  const [reason] = await next(socket, "disconnect");
  assert.equal(reason, "io server disconnect");
  assert.equal(socket.active, false);
  assert.equal(socket.id, undefined);
  socket.connect();
  await next(socket, "connect");
});

test("comes back when the link is cut, under a new id", async (t) => {
  const socket = client(t);
  await next(socket, "connect");
  const { id } = socket;
  socket.emit("cut me");
  const [reason] = await next(socket, "disconnect");
  assert.equal(reason, "transport close");
  assert.equal(socket.active, true);
  await next(socket, "connect");
  assert.notEqual(socket.id, id);
});

test("rejects open acks when the link is cut", async (t) => {
  const socket = client(t);
  await next(socket, "connect");
  const answer = socket.emitWithAck("silence");
  socket.emit("cut me");
  await assert.rejects(answer, { message: "socket has been disconnected" });
});

test("leaves on request", async (t) => {
  const socket = client(t);
  await next(socket, "connect");
  const left = next(socket, "disconnect");
  socket.disconnect();
  assert.deepEqual(await left, ["io client disconnect", undefined]);
  assert.equal(socket.active, false);
  socket.disconnect();
});

test("sends a burst of 3,000 events that was buffered offline, in order, after what a connect listener emits", async (t) => {
  const socket = client(t, { autoConnect: false, bufferSize: 3000 });
  const got = [];
  socket.on("count", (n) => got.push(n));
  for (let i = 0; i < 3000; i++) assert.equal(socket.emit("count", i), true);
  assert.equal(socket.emit("count", -1), false);
  await assert.rejects(socket.emitWithAck("count", -1), { message: "the offline buffer is full" });
  socket.once("connect", () => socket.emit("count", "first"));
  const last = new Promise((resolve) => socket.on("count", (n) => n === 2999 && resolve()));
  socket.connect();
  await last;
  assert.deepEqual(got, ["first", ...Array.from({ length: 3000 }, (_, i) => i)]);
});

test("sends volatile events while connected", async (t) => {
  const socket = client(t);
  assert.equal(socket.volatile.emit("count", 0), false);
  await next(socket, "connect");
  assert.equal(socket.volatile.emit("count", 1), true);
  assert.deepEqual(await next(socket, "count"), [1]);
});
