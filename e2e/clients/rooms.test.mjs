// Rooms: who gets a broadcast, and who does not. "Nobody else got it" is asserted after a round trip, since the answer to
// a request comes after everything the server had sent to that client before.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

// company connects one client for each name and puts it into its rooms.
async function company(stage, members) {
  const entries = await Promise.all(Object.entries(members).map(async ([name, joined]) => {
    const client = await stage.connect();
    if (joined.length > 0) await client.request('join', ...joined);
    return [name, client];
  }));
  return Object.fromEntries(entries);
}

// heard tells for every client what was said to it.
async function heard(clients) {
  const entries = await Promise.all(Object.entries(clients).map(async ([name, client]) => {
    await client.ask('echo', 'round trip');
    return [name, client.got('said').flat()];
  }));
  return Object.fromEntries(entries);
}

scenario('joining and leaving is told by the server', {}, async (stage) => {
  const { a } = await company(stage, { a: [] });
  assert.deepEqual(await a.ask('join', 'red', 'blue'), ['blue', 'red']);
  assert.deepEqual(await a.ask('join', 'red'), ['blue', 'red']);
  assert.equal(await a.ask('size', 'red'), 1);
  assert.deepEqual(await a.ask('leave', 'red', 'never joined'), ['blue']);
  assert.equal(await a.ask('size', 'red'), 0);
  assert.deepEqual((await a.ask('whoami')).rooms, ['blue']);
});

scenario('a broadcast reaches the room and nobody else', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'], c: ['blue'], d: [] });
  await all.a.request('shout', { to: ['red'], value: 'hello' });
  assert.deepEqual(await heard(all), { a: ['hello'], b: ['hello'], c: [], d: [] });
});

scenario('a broadcast of a client leaves out the sender', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'], c: [] });
  await all.a.request('say', { to: ['red'], value: 'hello' });
  await all.c.request('say', { to: ['red'], value: 'from outside' });
  assert.deepEqual(await heard(all), { a: ['from outside'], b: ['hello', 'from outside'], c: [] });
});

scenario('a member of several rooms gets one copy', {}, async (stage) => {
  const all = await company(stage, { a: ['red', 'blue'], b: ['blue'], c: ['red'], d: ['green'] });
  await all.a.request('shout', { to: ['red', 'blue', 'red'], value: 'once' });
  assert.deepEqual(await heard(all), { a: ['once'], b: ['once'], c: ['once'], d: [] });
});

scenario('a broadcast can leave out a room', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red', 'quiet'], c: ['blue', 'quiet'], d: ['blue'] });
  await all.a.request('shout', { to: ['red', 'blue'], except: ['quiet'], value: 'psst' });
  await all.a.request('say', { to: [], except: ['quiet'], value: 'all but quiet' });
  assert.deepEqual(await heard(all), { a: ['psst'], b: [], c: [], d: ['psst', 'all but quiet'] });
});

scenario('everyone, or everyone else', {}, async (stage) => {
  const all = await company(stage, { a: [], b: ['red'], c: [] });
  await all.a.request('everyone', 1);
  await all.b.request('others', 2);
  assert.deepEqual(await heard(all), { a: [1, 2], b: [1], c: [1, 2] });
});

scenario('one connection is told something', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'], c: ['red'] });
  await all.a.request('tell', { id: all.b.id, value: 'secret' });
  assert.deepEqual(await heard(all), { a: [], b: ['secret'], c: [] });
});

scenario('who left hears nothing more', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'] });
  await all.a.request('shout', { to: ['red'], value: 'before' });
  await all.b.request('leave', 'red');
  await all.a.request('shout', { to: ['red'], value: 'after' });
  assert.deepEqual(await heard(all), { a: ['before', 'after'], b: ['before'] });
});

scenario('broadcasts arrive in the order they were made', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'], c: ['red'] });
  const order = Array.from({ length: 200 }, (_, i) => i);
  for (const value of order) all.a.emit('shout', { to: ['red'], value });
  for (const client of Object.values(all)) {
    assert.deepEqual((await client.take('said', order.length)).flat(), order);
  }
});

scenario('a whole room is moved to another', {}, async (stage) => {
  const all = await company(stage, { a: ['red'], b: ['red'], c: ['blue'] });
  await all.a.request('move', { from: 'red', to: 'green' });
  assert.equal(await all.a.ask('size', 'red'), 0);
  await all.c.request('shout', { to: ['green'], value: 'moved' });
  assert.deepEqual(await heard(all), { a: ['moved'], b: ['moved'], c: [] });
});

scenario('a disconnect leaves the rooms, and the handler still sees them', {}, async (stage) => {
  const { a, b } = await company(stage, { a: ['red', 'blue'], b: ['red'] });
  const { id } = a;
  a.socket.disconnect();
  assert.deepEqual((await stage.server.gone(id)).rooms, ['blue', 'red']);
  assert.equal(await b.ask('size', 'red'), 1);
  assert.equal(await b.ask('size', 'blue'), 0);
});

scenario('a room may have any name, and belongs to nobody else', {}, async (stage) => {
  const names = ['42', '房间 一', 'a,b:c/d#e*[x]', 'user:7', '__proto__', ' '];
  const all = await company(stage, { a: names, b: [] });
  assert.deepEqual((await all.a.ask('whoami')).rooms, names.toSorted());
  for (const name of names) await all.b.request('shout', { to: [name], value: name });
  assert.deepEqual(await heard(all), { a: names, b: [] });
});

scenario('the clients of a room hear each other whatever their transport', {}, async (stage) => {
  const lone = await stage.connect();
  const mixed = await Promise.all([['polling'], ['websocket'], ['polling', 'websocket']].map((transports) => (
    stage.row.phone ? stage.connect() : stage.connect({ transports }))));
  const all = { lone, first: mixed[0], second: mixed[1], third: mixed[2] };
  await Promise.all(Object.values(all).map((client) => client.request('join', 'red')));
  await lone.request('say', { to: ['red'], value: 'hello' });
  assert.deepEqual(await heard(all), { lone: [], first: ['hello'], second: ['hello'], third: ['hello'] });
});
