// Every way in which a connection ends: the reason that each side is told, and whether the client comes back.

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { PollingSession } from '../lib/polling.mjs';
import { polling, websocket } from '../lib/rows.mjs';
import { plain, scenario } from '../lib/scenario.mjs';
import { once, within } from '../lib/watch.mjs';

// What the server is told when the network breaks: a held poll that ends is an error, a websocket that ends is a close
// (or an error, when the network says so by resetting it), and between two polls only the heartbeat tells.
const BROKEN = ['transport close', 'transport error', 'ping timeout'];
const impatient = { pingInterval: 300, pingTimeout: 3000 };

// What the client is told when the server ends: a poll that comes too late finds nobody.
const ended = (row) => (polling(row) ? ['transport close', 'transport error'] : ['transport close']);

// A server that ends a polling session between two polls has another word for it.
const FORCED = ['forced close', 'forced server close'];

scenario('the client disconnects', {}, async (stage) => {
  const client = await stage.connect();
  const { id } = client;
  client.socket.disconnect();
  assert.equal(await client.disconnected(), 'io client disconnect');
  const report = await stage.server.gone(id);
  assert.equal(report.reason, 'client namespace disconnect');
  assert.equal(report.namespace, '/');
  assert.equal(client.socket.active, false);
});

scenario('the client connects again after it disconnected', {}, async (stage) => {
  const client = await stage.connect();
  client.socket.disconnect();
  await client.disconnected();
  client.socket.connect();
  await client.returns();
  assert.equal(await client.ask('echo', 'again'), 'again');
});

scenario('the events before a disconnect are handled', { differs: 'events before a disconnect' }, async (stage) => {
  const [client, witness] = await Promise.all([stage.connect(), stage.connect()]);
  for (let n = 0; n < 20; n += 1) client.emit('others', n);
  client.socket.disconnect();
  assert.deepEqual((await witness.take('said', 20)).flat(), Array.from({ length: 20 }, (_, i) => i));
});

scenario('the server disconnects the client, which stays away', {}, async (stage) => {
  const client = await stage.connect();
  const { id } = client;
  client.emit('kick');
  assert.equal(await client.disconnected(), 'io server disconnect');
  assert.equal((await stage.server.gone(id)).reason, 'server namespace disconnect');
  assert.equal(client.socket.active, false);
  client.socket.connect();
  await client.returns();
  assert.equal(await stage.server.accepted(), 2, 'it came back only when it was asked to');
});

scenario('what the server emitted before a disconnect arrives', {}, async (stage) => {
  const client = await stage.connect();
  client.emit('count', 50);
  client.emit('kick');
  assert.equal(await client.disconnected(), 'io server disconnect');
  assert.deepEqual((await client.take('tick', 50)).flat(), Array.from({ length: 50 }, (_, i) => i));
});

scenario('the server disconnects one namespace, the others stay', {}, async (stage) => {
  const main = await stage.connect();
  const other = main.beside('/other');
  await other.connected();
  other.emit('kick');
  assert.equal(await other.disconnected(), 'io server disconnect');
  assert.equal(await main.ask('echo', 'main'), 'main');
  assert.deepEqual(main.unexpectedDisconnects, []);
});

// Several times, because it depends on where a polling client stands between two polls: an official client handles the
// DISCONNECT packets of a payload later than an Engine.IO close packet in the same payload, and would come back.
scenario('the server closes every namespace of the client', {}, async (stage) => {
  for (let round = 0; round < 6; round += 1) {
    const main = await stage.connect();
    const other = main.beside('/other');
    await other.connected();
    await main.settled();
    const ids = [main.id, other.id];
    const link = once(main.engine, 'close', 'the end of the link');
    main.emit('close');
    for (const client of [main, other]) {
      assert.equal(await client.disconnected(), 'io server disconnect');
      assert.equal(client.socket.active, false);
    }
    for (const id of ids) assert.equal((await stage.server.gone(id)).reason, 'server namespace disconnect');
    await link;
  }
});

scenario('the server disconnects a whole room', {}, async (stage) => {
  const [a, b, outsider] = await Promise.all([stage.connect(), stage.connect(), stage.connect()]);
  await Promise.all([a.request('join', 'red'), b.request('join', 'red')]);
  await outsider.request('kick-room', 'red');
  assert.equal(await a.disconnected(), 'io server disconnect');
  assert.equal(await b.disconnected(), 'io server disconnect');
  assert.equal(await outsider.ask('size', 'red'), 0);
});

scenario('the server cuts the transport, and the client comes back by itself', {}, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  const { id } = client;
  await client.request('join', 'red');
  let calls = 0;
  client.socket.on('said', () => { calls += 1; });
  client.emit('reconnect');
  assert.equal(await client.disconnected(), 'transport close');
  assert.ok(FORCED.includes((await stage.server.gone(id)).reason));
  assert.equal(client.socket.active, true);
  await client.returns();
  assert.deepEqual((await client.ask('whoami')).rooms, [], 'a new connection is in no room');
  // Nothing doubled: neither the client's listeners nor the server's handlers.
  await client.request('everyone', 'once');
  assert.deepEqual(await client.next('said'), ['once']);
  await client.request('record', 1);
  assert.deepEqual(await client.ask('recorded'), [1]);
  assert.equal(calls, 1);
  assert.equal(await stage.server.accepted(), 2);
});

scenario('all namespaces come back after the transport was cut', {}, async (stage) => {
  const main = await stage.connect();
  const other = main.beside('/other', { auth: { who: 'other' } });
  await other.connected();
  await main.settled();
  main.emit('reconnect');
  for (const client of [main, other]) assert.equal(await client.disconnected(), 'transport close');
  await Promise.all([main.returns(), other.returns()]);
  assert.equal((await other.ask('whoami')).namespace, '/other');
  assert.deepEqual((await other.ask('whoami')).auth, { who: 'other' });
});

scenario('the server cuts the transport again and again', {}, async (stage) => {
  const client = await stage.connect();
  for (let n = 0; n < 5; n += 1) {
    await client.settled();
    client.emit('reconnect');
    await client.disconnected();
    await client.returns();
    await client.request('record', n);
    assert.deepEqual(await client.ask('recorded'), [n]);
  }
  assert.equal(await stage.server.accepted(), 6);
});

scenario('the network breaks, and the client comes back by itself', { server: impatient }, async (stage) => {
  const cable = await stage.cable();
  const client = await stage.connect({}, { url: cable.url });
  await client.settled();
  const { id } = client;
  await client.request('join', 'red');
  cable.cut();
  assert.equal(await client.disconnected(), polling(stage.row) ? 'transport error' : 'transport close');
  const report = await stage.server.gone(id);
  assert.ok(BROKEN.includes(report.reason), report.reason);
  assert.deepEqual(report.rooms, ['red']);
  cable.mend();
  await client.returns();
  assert.equal(await client.ask('echo', 'back'), 'back');
});

scenario('the network goes silent: both sides notice by the heartbeat', { server: impatient }, async (stage) => {
  const cable = await stage.cable();
  const client = await stage.connect({}, { url: cable.url });
  await client.settled();
  await client.heartbeat();
  const { id } = client;
  cable.stall();
  assert.equal(await client.disconnected(), 'ping timeout');
  assert.equal((await stage.server.gone(id)).reason, 'ping timeout');
  cable.mend();
  await client.returns();
  assert.equal(await client.ask('echo', 'back'), 'back');
});

scenario('the server shuts down: the client is never told to stay away, and finds the next one', {}, async (stage) => {
  const client = await stage.connect();
  const other = client.beside('/other');
  await other.connected();
  await client.settled();
  const ids = [client.id, other.id];
  await stage.server.shutdown();
  for (const one of [client, other]) {
    const reason = await one.disconnected();
    assert.ok(ended(stage.row).includes(reason), reason);
  }
  for (const id of ids) assert.equal((await stage.server.gone(id)).reason, 'server shutting down');
  assert.equal(client.socket.active, true);
  await stage.server.restart();
  await Promise.all([client.returns(), other.returns()]);
  assert.equal(await client.ask('echo', 'the next server'), 'the next server');
});

scenario('packets that nobody may send end the connection', {}, async (stage) => {
  for (const rubbish of ['9', '2["disconnect"]', '2{}', '0', '3[]x', '2/never-joined,["echo"]', '51-["x"']) {
    const client = await stage.connect();
    await client.settled();
    const { id } = client;
    client.engine.write(rubbish);
    assert.equal(await client.disconnected(), 'transport close', rubbish);
    assert.ok(FORCED.includes((await stage.server.gone(id)).reason), rubbish);
    await client.returns();
  }
});

scenario('one client breaking the protocol is not noticed by another', { rows: websocket }, async (stage) => {
  const [good, bad] = await Promise.all([stage.connect(), stage.connect()]);
  await bad.settled();
  bad.engine.write('2["connect"]');
  await bad.disconnected();
  assert.equal(await good.ask('echo', 'untouched'), 'untouched');
  assert.deepEqual(good.unexpectedDisconnects, []);
});

// The official clients report a reason; these two look at the wire itself: a DISCONNECT packet ("41") would keep every
// client away from the next server.
plain('a shutdown sends no DISCONNECT packet on websocket', {}, async (stage) => {
  const ws = new WebSocket(`${stage.server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  const frames = [];
  const joined = new Promise((resolve) => {
    ws.on('message', (data) => {
      frames.push(data.toString());
      if (frames.at(-1).startsWith('42["welcome"')) resolve();
    });
  });
  await once(ws, 'open');
  ws.send('40');
  await within(joined, 'the welcome');
  const closed = once(ws, 'close');
  const before = frames.length;
  await stage.server.shutdown();
  const [code] = await closed;
  assert.deepEqual(frames.slice(before), []);
  assert.equal(code, 1005, 'a close frame without a status');
});

plain('a shutdown sends no DISCONNECT packet on polling', {}, async (stage) => {
  const session = await PollingSession.open(stage.server.url);
  await session.send('40');
  await session.until((packet) => packet.startsWith('42["welcome"'));
  const held = session.poll().catch((err) => {
    if (err instanceof TypeError) return ['1']; // the poll came after the end and found nobody
    throw err;
  });
  await stage.server.shutdown();
  // A poll that was not there yet is answered with a noop and the close packet, in one payload.
  assert.deepEqual((await held).filter((packet) => packet !== '6'), ['1']);
});

// A close packet behind a DISCONNECT packet in one payload would overtake it inside of the official clients.
for (const verb of ['close', 'kick']) {
  plain(`after "${verb}" between two polls the DISCONNECT packet comes in a payload without a close packet`, {}, async (stage) => {
    const session = await PollingSession.open(stage.server.url);
    await session.send('40');
    const [, , id] = /^(40)\{"sid":"([^"]+)"/.exec((await session.until((packet) => packet.startsWith('42["welcome"'))).join(''));
    await session.send(`42["${verb}"]`);
    await stage.server.gone(id);
    assert.deepEqual(await session.poll(), ['41']);
    if (verb === 'close') assert.deepEqual(await session.poll(), ['6', '1']);
  });
}
