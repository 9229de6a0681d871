// What the client does with its link, by the packet and by the clock: a fake link and fake time, no server.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Client, connect } from "../realtime.mjs";

/** The transport of a test: keeps every link that was opened. */
class FakeLink {
  static opened = [];

  static open = (url) => new FakeLink(url);

  constructor(url) {
    this.url = url;
    this.sent = [];
    this.closed = false;
    this.bufferedAmount = 0;
    FakeLink.opened.push(this);
  }

  send(data) {
    this.sent.push(data);
  }

  close() {
    this.closed = true;
  }

  /** Text or bytes from the server. */
  get(...messages) {
    messages.forEach((data) => this.onmessage({ data }));
  }
}

const OPEN = '0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":10000,"maxPayload":1000000}';
const JOINED = '40{"sid":"aaaaaaaaaaaaaaaaaaaa"}';

beforeEach(() => {
  FakeLink.opened = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});

/** Lets promises settle; time stands still. */
function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A client and a record of its local events. */
function start(options) {
  const socket = connect("http://server:1", { transport: FakeLink.open, randomizationFactor: 0, ...options });
  const told = [];
  socket.on("connect", () => told.push(["connect"]));
  socket.on("disconnect", (reason) => told.push(["disconnect", reason]));
  socket.on("connect_error", (err) => told.push(["connect_error", err.message]));
  mock.timers.tick(0);
  return { socket, told };
}

/** The same, in its namespace. */
async function joined(options) {
  const started = start(options);
  const link = await join();
  started.told.length = 0;
  return { ...started, link };
}

async function join() {
  const link = FakeLink.opened[FakeLink.opened.length - 1];
  link.get(OPEN);
  await settle();
  link.get(JOINED);
  link.sent.length = 0;
  return link;
}

test("builds the URL from its parts", () => {
  const url = (address, options) => {
    connect(address, { transport: FakeLink.open, ...options });
    mock.timers.tick(0);
    return FakeLink.opened.pop().url;
  };
  assert.equal(url("http://a.example:81"), "ws://a.example:81/socket.io/?EIO=4&transport=websocket");
  assert.equal(url("wss://[::1]/", { path: "live" }), "wss://[::1]/live/?EIO=4&transport=websocket");
  assert.equal(url("https://a", { path: "/a/b/", query: { "t n": "ü&", n: 1 } }), "wss://a/a/b/?t%20n=%C3%BC%26&n=1&EIO=4&transport=websocket");
  globalThis.location = { protocol: "https:", host: "page.example" };
  assert.equal(url(""), "wss://page.example/socket.io/?EIO=4&transport=websocket");
  delete globalThis.location;
  assert.throws(() => connect("http://a/chat"), TypeError);
  assert.throws(() => connect("ftp://a"), TypeError);
  assert.throws(() => connect("http://a", { namespace: "/a,b" }), TypeError);
});

test("waits for the open packet, then joins", async () => {
  const { socket, told } = start({ namespace: "game", auth: { token: "x" } });
  const [link] = FakeLink.opened;
  assert.equal(link.binaryType, "arraybuffer");
  link.get(OPEN);
  await settle();
  assert.deepEqual(link.sent, ['40/game,{"token":"x"}']);
  link.get(JOINED, '40/other,{"sid":"b"}');
  assert.equal(socket.connected, false);
  link.get('40/game,{"sid":"c"}', '40/game,{"sid":"d"}');
  assert.equal(socket.id, "c");
  assert.deepEqual(told, [["connect"]]);
});

test("answers pings and dies when none came for interval plus timeout", async () => {
  const { socket, told, link } = await joined();
  mock.timers.tick(25000);
  link.get("2");
  assert.deepEqual(link.sent, ["3"]);
  mock.timers.tick(34999);
  assert.equal(socket.connected, true);
  link.get('42["news"]', "6"); // no sign of life
  mock.timers.tick(1);
  assert.deepEqual(told, [["disconnect", "ping timeout"]]);
  assert.equal(link.closed, true);
  assert.equal(socket.state, "waiting");
});

test("counts the heartbeat from the open packet, not from the CONNECT reply", async () => {
  const { socket, told } = start();
  const [link] = FakeLink.opened;
  link.get(OPEN);
  mock.timers.tick(5000);
  link.get(JOINED);
  mock.timers.tick(29999);
  assert.equal(socket.connected, true);
  mock.timers.tick(1);
  assert.deepEqual(told, [["connect"], ["disconnect", "ping timeout"]]);
});

test("lives with a heartbeat that is longer than any timer", async (t) => {
  const { socket } = start();
  const [link] = FakeLink.opened;
  link.get('0{"sid":"x","pingInterval":2147483647,"pingTimeout":10000}');
  const setTimer = t.mock.method(globalThis, "setTimeout");
  link.get(JOINED);
  assert.equal(socket.connected, true);
  assert.deepEqual(setTimer.mock.calls.map((call) => call.arguments[1]), [0x7fffffff]);
});

test("notices on waking up that the heartbeat is overdue, and keeps what is emitted then", async (t) => {
  const { socket, told, link } = await joined();
  const now = Date.now() + 60000;
  t.mock.method(Date, "now", () => now); // the clock went on while the timers were frozen
  assert.equal(socket.volatile.emit("x"), false);
  socket.emit("x");
  assert.deepEqual(told, [["disconnect", "ping timeout"]]);
  assert.deepEqual(link.sent, []);
  assert.equal(link.closed, true);
  mock.timers.tick(1000);
  FakeLink.opened[1].get(OPEN);
  await settle();
  FakeLink.opened[1].get(JOINED);
  assert.deepEqual(FakeLink.opened[1].sent, ["40", '42["x"]']);
});

test("connect() on waking up replaces a link that is overdue", async (t) => {
  const { socket, told } = await joined();
  socket.connect();
  assert.equal(socket.connected, true);
  const now = Date.now() + 60000;
  t.mock.method(Date, "now", () => now);
  socket.connect();
  assert.deepEqual(told, [["disconnect", "ping timeout"]]);
  assert.equal(socket.state, "connecting");
  mock.timers.tick(0);
  assert.equal(FakeLink.opened.length, 2);
});

test("tries at once on connect() while it waits, and once only", async () => {
  const { socket, link } = await joined();
  link.onclose({ code: 1006 });
  assert.equal(socket.state, "waiting");
  socket.connect();
  socket.connect();
  assert.equal(socket.state, "connecting");
  mock.timers.tick(0);
  mock.timers.tick(5000);
  assert.equal(FakeLink.opened.length, 2);
});

test("doubles the delay up to the maximum and starts again after a success", async () => {
  const { socket, link } = await joined({ timeout: 1 });
  const states = [];
  socket.onState((state, detail) => state === "waiting" && states.push(detail));
  link.onclose({});
  for (let i = 0; i < 5; i++) {
    mock.timers.tick(states[i].delay);
    FakeLink.opened[FakeLink.opened.length - 1].onerror({});
  }
  assert.deepEqual(states.map((detail) => detail.delay), [1000, 2000, 4000, 5000, 5000, 5000]);
  assert.deepEqual(states.map((detail) => detail.attempt), [1, 2, 3, 4, 5, 6]);
  mock.timers.tick(5000);
  (await join()).onclose({});
  assert.equal(states.pop().delay, 1000);
});

test("spreads the delay", async (t) => {
  const random = t.mock.method(Math, "random", () => 0);
  const { socket, link } = await joined({ randomizationFactor: 0.5 });
  const delays = [];
  socket.onState((state, detail) => state === "waiting" && delays.push(detail.delay));
  link.onclose({});
  random.mock.mockImplementation(() => 1);
  socket.connect();
  mock.timers.tick(0);
  FakeLink.opened[1].onclose({});
  assert.deepEqual(delays, [500, 3000]);
});

test("gives up after the attempts it was given", () => {
  const { socket, told } = start({ reconnectionAttempts: 1 });
  FakeLink.opened[0].onerror({});
  assert.equal(socket.active, true);
  mock.timers.tick(1000);
  FakeLink.opened[1].onerror({});
  assert.equal(socket.active, false);
  assert.deepEqual(told, [["connect_error", "websocket error"], ["connect_error", "websocket error"]]);
});

test("does not come back without reconnection", async () => {
  const { socket, told, link } = await joined({ reconnection: false });
  link.onclose({});
  assert.deepEqual(told, [["disconnect", "transport close"]]);
  assert.equal(socket.active, false);
});

test("limits an attempt in time, up to the server's CONNECT reply", () => {
  const { socket, told } = start({ timeout: 300 });
  FakeLink.opened[0].get(OPEN);
  mock.timers.tick(300);
  assert.deepEqual(told, [["connect_error", "timeout"]]);
  assert.equal(FakeLink.opened[0].closed, true);
  assert.equal(socket.state, "waiting");
});

test("survives a transport that throws", () => {
  let calls = 0;
  const { socket, told } = start({ transport: (url) => {
    if (++calls < 3) throw new Error("blocked by policy");
    return FakeLink.open(url);
  } });
  mock.timers.tick(1000);
  assert.deepEqual(told, [["connect_error", "blocked by policy"], ["connect_error", "blocked by policy"]]);
  mock.timers.tick(2000);
  assert.equal(socket.state, "connecting");
});

test("ignores a link that it has given up", async () => {
  const { socket, told, link } = await joined();
  socket.disconnect();
  assert.deepEqual(link.sent, ["41"]);
  link.get('42["late"]', "2");
  link.onclose({});
  link.onerror({});
  assert.deepEqual(told, [["disconnect", "io client disconnect"]]);
  assert.deepEqual(link.sent, ["41"]);
});

test("sends nothing when it is closed before it was open", async () => {
  const { socket, told } = start({ auth: () => new Promise(() => {}) });
  FakeLink.opened[0].get(OPEN);
  socket.disconnect();
  await settle();
  mock.timers.tick(100000);
  assert.deepEqual(told, []);
  assert.deepEqual(FakeLink.opened[0].sent, []);
  assert.equal(FakeLink.opened.length, 1);
});

test("drops volatile events when the link is busy", async () => {
  const { socket, link } = await joined();
  link.bufferedAmount = 1;
  assert.equal(socket.volatile.emit("x"), false);
  link.bufferedAmount = 0;
  assert.equal(socket.volatile.emit("x"), true);
  assert.deepEqual(link.sent, ['42["x"]']);
});

test("takes a buffered event back when its ack times out", async () => {
  const { socket } = start();
  const answer = socket.timeout(50).emitWithAck("late");
  socket.emit("kept");
  mock.timers.tick(50);
  await assert.rejects(answer, { message: "operation has timed out" });
  const [link] = FakeLink.opened;
  link.get(OPEN);
  await settle();
  link.sent.length = 0;
  link.get(JOINED);
  assert.deepEqual(link.sent, ['42["kept"]']);
});

test("writes exactly what the official client writes", async () => {
  const { socket, link } = await joined();
  socket.emit("e", undefined, NaN, new Date(0), "ü<&>\u2028", { f() {}, u: undefined });
  socket.emit(7);
  socket.emit("ack", () => {});
  socket.emit("b", { z: Uint8Array.of(1), a: [new ArrayBuffer(2)] }, () => {});
  assert.deepEqual(link.sent, [
    '42["e",null,null,"1970-01-01T00:00:00.000Z","ü<&>\u2028",{}]',
    "42[7]",
    '420["ack"]',
    '452-1["b",{"z":{"_placeholder":true,"num":0},"a":[{"_placeholder":true,"num":1}]}]',
    Uint8Array.of(1),
    new Uint8Array(2),
  ]);
});

test("refuses to send what would kill the link", async () => {
  const { socket, link } = await joined();
  assert.throws(() => socket.emit("connect"), /reserved/);
  assert.throws(() => socket.emit("x", Array.from({ length: 11 }, () => new Uint8Array(1))), RangeError);
  assert.throws(() => socket.emit("x", new Blob(["a"])), TypeError);
  await assert.rejects(socket.emitWithAck("x", 1n), TypeError);
  assert.deepEqual(link.sent, []);
});

test("acknowledges once, and not on another link", async () => {
  const { socket, link } = await joined();
  const acks = [];
  socket.on("q", (...args) => acks.push(args[args.length - 1]));
  link.get('421["q"]', '422["q","arg"]');
  acks[0]("a", 1);
  acks[0]("again");
  assert.deepEqual(link.sent, ['431["a",1]']);
  link.onclose({});
  socket.connect();
  mock.timers.tick(0);
  const second = await join();
  acks[1]("late");
  assert.deepEqual(second.sent, []);
});

test("hands an ack to its callback once", async () => {
  const { socket, link } = await joined();
  const got = [];
  socket.emit("q", (...args) => got.push(args));
  link.get('430["a"]', '430["b"]');
  assert.deepEqual(got, [["a"]]);
});

test("keeps the acks of buffered events when a connect listener leaves at once", async () => {
  const { socket } = start();
  const answer = socket.emitWithAck("kept");
  socket.once("connect", () => socket.disconnect());
  await join();
  socket.connect();
  mock.timers.tick(0);
  FakeLink.opened[1].get(OPEN, JOINED, '430["here"]');
  assert.equal(await answer, "here");
});

test("forgets a packet whose attachments were cut off", async () => {
  const { socket, told, link } = await joined();
  link.get('451-["x",{"_placeholder":true,"num":0}]');
  link.onclose({});
  socket.connect();
  mock.timers.tick(0);
  await join();
  assert.deepEqual(told, [["disconnect", "transport close"], ["connect"]]);
});

test("ignores acks that nobody waits for, and packets of other namespaces", async () => {
  const { socket, told, link } = await joined();
  socket.on("x", () => told.push(["x"]));
  link.get("4399[]", '42/other,["x"]', "41/other,");
  assert.deepEqual(told, []);
});

test("assembles attachments in order", async () => {
  const { socket, link } = await joined();
  const got = [];
  socket.on("b", (...args) => got.push(args));
  const [one, two] = [Uint8Array.of(1).buffer, Uint8Array.of(2).buffer];
  const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
  link.get(`452-["b",${placeholder(1)},[${placeholder(0)},${placeholder(0)}],{"_placeholder":false}]`, one);
  assert.deepEqual(got, []);
  link.get(two, `42["b",${placeholder(0)}]`);
  assert.equal(got[0][0], two);
  assert.equal(got[0][1][0], one);
  assert.equal(got[0][1][1], one);
  assert.deepEqual(got[0][2], { _placeholder: false });
  assert.deepEqual(got[1], [{ _placeholder: true, num: 0 }], "plain events pass such an object through");
});

const BROKEN = {
  "an empty message": [""],
  "an unknown engine packet": ["9"],
  "a bad handshake": ["0{}"],
  "an unknown packet type": ["47"],
  "no JSON": ["42["],
  "an event that is no array": ["42{}"],
  "an event without a name": ["42[]"],
  "an event with an object for a name": ["42[{}]"],
  "a reserved event": ['42["disconnect"]'],
  "an ack without an id": ["43[]"],
  "a disconnect with a payload": ["41{}"],
  "a count of attachments on a text event": ['421-["x"]'],
  "no attachments": ['450-["x"]'],
  "too many attachments": ['4511-["x"]'],
  "an attachment out of turn": [new ArrayBuffer(1)],
  "text out of turn": ['451-["x",{"_placeholder":true,"num":0}]', '42["y"]'],
  "a placeholder out of range": ['451-["x",{"_placeholder":true,"num":1}]', new ArrayBuffer(1)],
  "a placeholder with a name": ['451-["x",{"_placeholder":true,"num":"length"}]', new ArrayBuffer(1)],
};

for (const [what, messages] of Object.entries(BROKEN)) {
  test("closes the link on " + what + ", and comes back", async () => {
    const { socket, told, link } = await joined();
    link.get(...messages);
    assert.deepEqual(told, [["disconnect", "parse error"]]);
    assert.equal(link.closed, true);
    assert.equal(socket.active, true);
  });
}

test("takes a close packet for a close", async () => {
  const { told, link } = await joined();
  link.get("1");
  assert.deepEqual(told, [["disconnect", "transport close"]]);
});

test("adds and removes listeners", async () => {
  const { socket, link } = await joined();
  const got = [];
  const add = (name) => () => got.push(name);
  const off = socket.on("x", add("on"));
  const same = add("off");
  socket.on("x", same);
  socket.once("x", add("once"));
  link.get('42["x"]', '42["x"]');
  off();
  socket.off("x", same);
  link.get('42["x"]');
  assert.deepEqual(got, ["on", "off", "once", "on", "off"]);
  socket.on("x", same);
  socket.on("y", same);
  socket.off("x");
  link.get('42["x"]', '42["y"]');
  socket.off();
  link.get('42["y"]');
  assert.equal(got.length, 6);
});

test("isolates a listener that throws", async () => {
  const { socket, told, link } = await joined();
  socket.on("x", () => {
    throw new Error("a mistake on the page");
  });
  socket.on("x", () => told.push(["x"]));
  link.get('42["x"]');
  assert.deepEqual(told, [["x"]]);
  assert.equal(socket.connected, true);
  assert.throws(() => mock.timers.tick(0), /a mistake on the page/, "it is reported as an uncaught error");
});

test("lets listeners decide: disconnect() inside of them is obeyed", async () => {
  const { socket, told, link } = await joined();
  socket.on("disconnect", () => socket.disconnect());
  link.onclose({});
  assert.equal(socket.active, false);
  mock.timers.tick(100000);
  assert.equal(FakeLink.opened.length, 1);
  assert.deepEqual(told, [["disconnect", "transport close"]]);
});

test("an observer may stop an attempt", async () => {
  const { socket, link } = await joined();
  socket.onState((state) => state === "connecting" && socket.disconnect());
  link.onclose({});
  mock.timers.tick(100000);
  assert.equal(socket.active, false);
  assert.equal(FakeLink.opened.length, 1);
});

test("tells its state", async () => {
  const socket = new Client("http://server", { transport: FakeLink.open, autoConnect: false });
  const states = [];
  const off = socket.onState((state) => states.push(state));
  socket.connect();
  mock.timers.tick(0);
  const link = await join();
  link.get("41");
  assert.deepEqual(states, ["connecting", "connected", "closed"]);
  off();
  socket.connect();
  assert.equal(states.length, 3);
});
