// Connecting: what the handshake carries, the change of transport, staying alive, and the door that stays shut.

import assert from 'node:assert/strict';
import { modern, polling, upgrading, websocket } from '../lib/rows.mjs';
import { scenario } from '../lib/scenario.mjs';
import { once, within } from '../lib/watch.mjs';

scenario('a client connects and both sides agree on who it is', {}, async (stage) => {
  const client = await stage.connect();
  assert.match(client.id, /^[\w-]{20}$/);
  assert.deepEqual(await client.next('welcome'), [{ id: client.id, namespace: '/' }]);
  const me = await client.ask('whoami');
  assert.equal(me.id, client.id);
  assert.equal(me.namespace, '/');
  assert.deepEqual(me.rooms, []);
  assert.equal(await stage.server.accepted(), 1);
});

scenario('the handshake carries auth, query and headers', {}, async (stage) => {
  const client = await stage.connect({
    auth: { token: 'tok-密', nested: { list: [1, null, 'x'] } },
    query: { game: 'avalon & co', 名: '桌' },
    extraHeaders: { 'x-e2e': stage.row.name },
  });
  const me = await client.ask('whoami');
  assert.deepEqual(me.auth, { token: 'tok-密', nested: { list: [1, null, 'x'] } });
  assert.equal(me.query.game, 'avalon & co');
  assert.equal(me.query.名, '桌');
  assert.equal(me.query.EIO, '4');
  assert.equal(me.header, stage.row.name);
});

scenario('auth may be a function, asked on every connect', {}, async (stage) => {
  let asked = 0;
  const client = await stage.connect({ auth: (tell) => tell({ attempt: (asked += 1) }) });
  assert.deepEqual((await client.ask('whoami')).auth, { attempt: 1 });
  client.emit('reconnect');
  await client.disconnected();
  await client.connected();
  assert.deepEqual((await client.ask('whoami')).auth, { attempt: 2 });
});

scenario('without auth the payload is an empty object', {}, async (stage) => {
  const client = await stage.connect();
  assert.deepEqual((await client.ask('whoami')).auth, {});
});

scenario('the transport is the one that was asked for', {}, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  assert.equal(client.engine.transport.name, stage.row.transport);
  assert.equal((await client.ask('whoami')).transport, stage.row.transport);
});

scenario('nothing is lost, doubled or reordered while the transport changes', { rows: upgrading }, async (stage) => {
  const client = stage.open();
  const upgraded = once(client.socket.io, 'open', 'the link').then(() => client.settled());
  await client.connected();
  // Numbers flow both ways without a pause before, during and after the change.
  let sent = 0;
  let settled = false;
  upgraded.then(() => { settled = true; }, () => { settled = true; });
  for (let after = 0; after < 20; after += settled ? 1 : 0) {
    for (let i = 0; i < 5; i += 1, sent += 1) {
      client.emit('record', sent);
      client.emit('repeat', 'back', sent);
    }
    await client.ask('echo', sent);
  }
  await upgraded;
  const numbers = Array.from({ length: sent }, (_, i) => i);
  assert.deepEqual(await client.ask('recorded'), numbers);
  assert.deepEqual((await client.take('back', sent)).flat(), numbers);
  assert.equal((await client.ask('whoami')).transport, 'websocket');
  assert.deepEqual(client.got('back'), []);
});

scenario('a burst from the server crosses the change of transport in order', { rows: upgrading }, async (stage) => {
  const client = stage.open();
  await client.connected();
  client.emit('count', 1000);
  await client.settled();
  client.emit('count', 1000);
  const once1000 = Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual((await client.take('tick', 2000)).flat(), [...once1000, ...once1000]);
});

scenario('binary crosses the change of transport', { rows: upgrading }, async (stage) => {
  const client = stage.open();
  await client.connected();
  const big = stage.row.binary(Array.from({ length: 50_000 }, (_, i) => i % 251));
  const before = client.request('echo', big, 'before');
  await client.settled();
  const after = client.request('echo', big, 'after');
  for (const answer of [await before, await after]) {
    assert.equal(Buffer.compare(Buffer.from(answer[0]), Buffer.from(big)), 0);
  }
});

const heartbeat = { pingInterval: 100, pingTimeout: 15_000 };

scenario('an idle client stays connected over its heartbeats', { server: heartbeat }, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  for (let beat = 0; beat < 4; beat += 1) await client.heartbeat();
  assert.equal(await client.ask('echo', 'alive'), 'alive');
  assert.deepEqual(client.unexpectedDisconnects, []);
});

const door = { origins: ['https://game.example.com'] };

scenario('an origin on the list is admitted', { server: door }, async (stage) => {
  const client = await stage.connect({ extraHeaders: { Origin: 'https://game.example.com' } });
  assert.equal(await client.ask('echo', 1), 1);
});

scenario('an origin that is not on the list is refused', { server: door }, async (stage) => {
  const client = stage.open({ extraHeaders: { Origin: 'https://game.example.com.evil.test' }, reconnection: false });
  const err = await client.refused();
  assert.equal(err.message, stage.row.transports[0] === 'polling' ? 'xhr poll error' : 'websocket error');
  assert.equal(client.socket.connected, false);
  assert.equal(await stage.server.accepted(), 0);
});

scenario('a refused origin is told the status that says so', { server: door, rows: (r) => polling(r) && modern(r) }, async (stage) => {
  const client = stage.open({ extraHeaders: { Origin: 'https://evil.test' }, reconnection: false });
  const err = await client.refused();
  assert.equal(err.description, 403);
});

scenario('a transport that the server does not serve is refused', {
  server: { transports: ['polling'] }, rows: (r) => websocket(r) && !upgrading(r),
}, async (stage) => {
  const client = stage.open({ reconnection: false });
  assert.equal((await client.refused()).message, 'websocket error');
  assert.equal(await stage.server.accepted(), 0);
});

scenario('a server without websocket keeps an upgrading client on polling', {
  server: { transports: ['polling'] }, rows: upgrading,
}, async (stage) => {
  const client = await stage.connect();
  assert.equal(await client.ask('echo', 1), 1);
  assert.equal((await client.ask('whoami')).transport, 'polling');
});

scenario('many clients connect at the same time', {}, async (stage) => {
  const clients = await within(
    Promise.all(Array.from({ length: 12 }, () => stage.connect())),
    'twelve clients',
  );
  assert.equal(new Set(clients.map((client) => client.id)).size, 12);
  const answers = await Promise.all(clients.map((client, i) => client.ask('echo', i)));
  assert.deepEqual(answers, clients.map((_, i) => i));
});
