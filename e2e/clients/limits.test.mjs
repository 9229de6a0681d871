// The largest message and what lies beyond it.

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { PollingSession } from '../lib/polling.mjs';
import { modern, polling, websocket } from '../lib/rows.mjs';
import { plain, scenario } from '../lib/scenario.mjs';
import { once } from '../lib/watch.mjs';

const LIMIT = 30_000;
const server = { maxPayload: LIMIT };

// textFor makes the text with which the packet 42<id>["length","<text>"] has exactly that many bytes.
const textFor = (bytes, id = '') => 'x'.repeat(bytes - `42${id}["length",""]`.length);

scenario('a message of exactly the limit is accepted', { server }, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  const text = textFor(LIMIT, '0'); // the first request of a client has the id 0
  assert.equal(await client.ask('length', text), text.length);
  assert.deepEqual(client.unexpectedDisconnects, []);
});

scenario('a message over the limit ends the connection, and the client comes back', { server }, async (stage) => {
  const witness = await stage.connect();
  const client = await stage.connect();
  await client.settled();
  const { id } = client;
  client.emit('everyone', textFor(LIMIT + 100));
  assert.equal(await client.disconnected(), polling(stage.row) ? 'transport error' : 'transport close');
  // On polling the session outlives the refused body (413); the client ends it by itself.
  assert.equal((await stage.server.gone(id)).reason, polling(stage.row) ? 'transport close' : 'transport error');
  await client.returns();
  assert.equal(await client.ask('echo', 'back'), 'back');
  assert.equal(await witness.ask('echo', 'untouched'), 'untouched');
  assert.deepEqual(witness.got('said'), []);
});

scenario('the client sees status 413 on polling', { server, rows: (r) => polling(r) && modern(r) }, async (stage) => {
  const client = await stage.connect();
  client.emit('length', textFor(LIMIT + 1));
  const { reason, details } = await client.disconnection();
  assert.equal(reason, 'transport error');
  assert.equal(details.description, 413);
});

scenario('the client sees close code 1009 on websocket', { server, rows: (r) => websocket(r) && modern(r) }, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  client.emit('length', textFor(LIMIT + 1));
  const { reason, details } = await client.disconnection();
  assert.equal(reason, 'transport close');
  assert.equal(details.context.code, 1009);
});

scenario('a binary message over the limit ends the connection', { server }, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  client.emit('repeat', 'back', stage.row.binary(new Array(LIMIT + 1).fill(7)));
  assert.equal(await client.disconnected(), polling(stage.row) ? 'transport error' : 'transport close');
  await client.returns();
});

scenario('eleven attachments in one packet end the connection', {}, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  const { id } = client;
  client.emit('echo', ...Array.from({ length: 11 }, () => stage.row.binary([1])));
  assert.equal(await client.disconnected(), 'transport close');
  assert.ok(['forced close', 'forced server close'].includes((await stage.server.gone(id)).reason));
  await client.returns();
});

plain('a body of exactly the limit is accepted, one byte more is refused with 413, and the session lives', { server }, async (stage) => {
  const session = await PollingSession.open(stage.server.url);
  assert.equal(session.handshake.maxPayload, LIMIT);
  await session.send('40');
  await session.until((packet) => packet.startsWith('40'));
  assert.equal((await session.post(`42["length","${textFor(LIMIT + 1)}"]`)).status, 413);
  const response = await session.post(`427["length","${textFor(LIMIT, '7')}"]`);
  assert.equal(response.status, 200);
  const packets = await session.until((packet) => packet.startsWith('437'));
  assert.equal(packets.at(-1), `437[${textFor(LIMIT, '7').length}]`);
});

plain('a websocket message over the limit is closed with 1009', { server }, async (stage) => {
  const ws = new WebSocket(`${stage.server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  await once(ws, 'open');
  const closed = once(ws, 'close');
  ws.send('40');
  await once(ws, 'message');
  ws.send(`42["length","${textFor(LIMIT + 1)}"]`);
  const [code] = await closed;
  assert.equal(code, 1009);
});
