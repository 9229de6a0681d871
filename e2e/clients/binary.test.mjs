// Binary: attachments at the top, nested, many, empty, in events and in acknowledgements, both ways.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

const noise = (length, seed = 7) => Array.from({ length }, (_, i) => (i * 31 + seed) % 256);

// legible turns every binary value, of whichever kind the client received it, into { hex }.
function legible(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { hex: hex(value) };
  if (Array.isArray(value)) return value.map(legible);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, legible(v)]));
  return value;
}

function hex(binary) {
  const bytes = ArrayBuffer.isView(binary) ? Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength) : Buffer.from(binary);
  return bytes.toString('hex');
}

scenario('binary arguments come back in an acknowledgement', {}, async (stage) => {
  const client = await stage.connect();
  const { binary } = stage.row;
  const args = ['text', binary([1, 2, 3]), { n: 1 }, binary(noise(256)), binary([0]), binary([255, 254])];
  assert.deepEqual(legible(await client.request('echo', ...args)), legible(args));
});

scenario('binary arguments come back in an event', {}, async (stage) => {
  const client = await stage.connect();
  const { binary } = stage.row;
  const args = [binary(noise(1000)), '中', binary([9])];
  client.emit('repeat', 'back', ...args);
  assert.deepEqual(legible(await client.next('back')), legible(args));
});

scenario('an attachment may be empty', {}, async (stage) => {
  const client = await stage.connect();
  const args = [stage.row.binary([]), stage.row.binary([1]), stage.row.binary([])];
  assert.deepEqual(legible(await client.request('echo', ...args)), legible(args));
});

scenario('binary is nested in objects and lists, both ways', {}, async (stage) => {
  const client = await stage.connect();
  const { binary } = stage.row;
  const parcel = {
    name: '包裹', parts: [binary([1]), binary([2, 2]), binary([3, 3, 3])], inner: { blob: binary(noise(300)), note: '"n"' }, count: 4,
  };
  assert.deepEqual(legible(await client.ask('parcel', parcel)), legible(parcel));
  assert.deepEqual(legible(await client.next('parcel')), [legible(parcel)]);
});

scenario('ten attachments in one packet', {}, async (stage) => {
  const client = await stage.connect();
  const args = Array.from({ length: 10 }, (_, i) => stage.row.binary(noise(i * 7, i)));
  assert.deepEqual(legible(await client.request('echo', ...args)), legible(args));
  client.emit('repeat', 'back', ...args);
  assert.deepEqual(legible(await client.next('back')), legible(args));
});

scenario('a large attachment passes both ways', {}, async (stage) => {
  const client = await stage.connect();
  const large = stage.row.binary(noise(600_000));
  const [answer] = await client.request('echo', large);
  assert.equal(hex(answer), hex(large));
});

// A client's view may show a part of a larger buffer: only that part is the value.
scenario('a view of a part of a buffer is that part', { rows: (r) => !r.phone }, async (stage) => {
  const client = await stage.connect();
  const whole = Uint8Array.from(noise(100));
  assert.deepEqual(legible(await client.request('echo', whole.subarray(10, 15), Buffer.from(whole.buffer, 50, 3))), [
    { hex: hex(whole.slice(10, 15)) }, { hex: hex(whole.slice(50, 53)) },
  ]);
});

scenario('binary and text events keep their order', {}, async (stage) => {
  const client = await stage.connect();
  for (let n = 0; n < 60; n += 1) {
    if (n % 3 === 0) client.emit('repeat', 'back', n, stage.row.binary([n]), stage.row.binary([n, n]));
    else client.emit('repeat', 'back', n);
    client.emit('record', n);
  }
  const back = await client.take('back', 60);
  assert.deepEqual(back.map(([n]) => n), Array.from({ length: 60 }, (_, i) => i));
  assert.deepEqual(legible(back[57]), [57, { hex: '39' }, { hex: '3939' }]);
  assert.deepEqual(await client.ask('recorded'), Array.from({ length: 60 }, (_, i) => i));
});

scenario('binary is broadcast to a room of mixed receivers', {}, async (stage) => {
  const [a, b] = await Promise.all([stage.connect(), stage.connect()]);
  await Promise.all([a.request('join', 'room'), b.request('join', 'room')]);
  const value = { card: stage.row.binary([5, 6]), list: [stage.row.binary([7])] };
  await a.request('shout-parcel', { to: ['room'], parcel: { name: 'p', parts: value.list, inner: { blob: value.card, note: '' }, count: 2 } });
  const expected = [{ name: 'p', parts: [{ hex: '07' }], inner: { blob: { hex: '0506' }, note: '' }, count: 2 }];
  for (const client of [a, b]) assert.deepEqual(legible(await client.next('parcel')), expected);
});

scenario('the client acknowledges with binary', {}, async (stage) => {
  const client = await stage.connect();
  client.socket.on('question', (question, answer) => answer(stage.row.binary([...new Uint8Array(question).map((b) => b + 1)])));
  const answer = await client.ask('ask', { event: 'question', args: [stage.row.binary([1, 2, 3])], timeout: 10_000 });
  assert.equal(hex(answer), '020304');
});
