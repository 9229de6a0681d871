// Events without binary: what goes in comes out, in order, whatever its names and values.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

const texts = [
  '', 'plain', '你好，世界', 'مرحبا', '🎲👩‍👩‍👧‍👦', 'line\nbreak\ttab\r', '\u0000\u0001\u001f\u007f', '\u2028\u2029', '"quotes" \\ and /', '<b>&amp;</b>',
  '\u001e', '4"2[]', 'x'.repeat(5000),
];
const numbers = [0, 1, -1, 0.1, -5.25, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53 - 1, -(2 ** 53 - 1), 4294967296];
const shapes = [
  [], {}, [[]], [null], { '': 0 }, { a: { b: { c: [1, { d: null }] } } }, [true, false], { 'key with "quotes"': '值' },
  { _placeholder: true, num: 0 }, [{ _placeholder: true, num: 7 }], { error: 'not an error' }, { event: 'x', data: 1 },
];

for (const [what, values] of Object.entries({ texts, numbers, shapes })) {
  scenario(`${what} come back as they were`, {}, async (stage) => {
    const client = await stage.connect();
    const answers = await Promise.all(values.map((value) => client.request('echo', value)));
    assert.deepEqual(answers, values.map((value) => [value]));
    for (const value of values) client.emit('repeat', 'back', value);
    assert.deepEqual(await client.take('back', values.length), values.map((value) => [value]));
  });
}

scenario('events carry none, one or many arguments', {}, async (stage) => {
  const client = await stage.connect();
  const many = Array.from({ length: 100 }, (_, i) => (i % 2 ? i : `arg ${i}`));
  for (const args of [[], [null], [1, 'two', { three: 3 }, [4], null, true], many]) {
    assert.deepEqual(await client.request('echo', ...args), args);
    client.emit('repeat', 'back', ...args);
    assert.deepEqual(await client.next('back'), args);
  }
});

scenario('event names may be anything that is not reserved', {}, async (stage) => {
  const client = await stage.connect();
  for (const name of ['说话', 'say "hi"\\', 'a,b', '42', 'x'.repeat(255)]) {
    assert.equal(await client.ask(name), name);
    client.emit('repeat', name, 1);
    assert.deepEqual(await client.next(name), [1]);
  }
});

scenario('a number as event name is the event of that text', {}, async (stage) => {
  const client = await stage.connect();
  assert.equal(await client.ask(42), '42');
});

scenario('events arrive in order in both directions', {}, async (stage) => {
  const client = await stage.connect();
  const order = Array.from({ length: 600 }, (_, i) => i);
  for (const n of order) client.emit('record', n);
  assert.deepEqual(await client.ask('recorded'), order);
  client.emit('count', 3000);
  assert.deepEqual((await client.take('tick', 3000)).flat(), Array.from({ length: 3000 }, (_, i) => i));
  await client.ask('echo', 1);
  assert.deepEqual(client.got('tick'), []);
});

scenario('what the server emits on connecting comes first', {}, async (stage) => {
  const heard = [];
  const client = stage.open();
  client.socket.onAny((event) => heard.push(event));
  client.emit('repeat', 'back', 1);
  await client.connected();
  await client.next('back');
  assert.deepEqual(heard, ['welcome', 'back']);
});

scenario('what is emitted before the connection is delivered after it, in order', {}, async (stage) => {
  const client = stage.open();
  for (let n = 0; n < 50; n += 1) client.emit('record', n);
  const answer = client.ask('recorded');
  assert.equal(client.socket.connected, false);
  assert.deepEqual(await answer, Array.from({ length: 50 }, (_, i) => i));
});

scenario('a large text passes both ways', {}, async (stage) => {
  const client = await stage.connect();
  const text = '桌'.repeat(150_000);
  assert.equal(await client.ask('echo', text), text);
  client.emit('repeat', 'back', text);
  assert.deepEqual(await client.next('back'), [text]);
});

scenario('an event that nobody handles is ignored, if no answer is asked for', {}, async (stage) => {
  const client = await stage.connect();
  client.emit('nobody listens to this', { a: 1 });
  assert.equal(await client.ask('echo', 'alive'), 'alive');
  assert.deepEqual(client.unexpectedDisconnects, []);
  assert.deepEqual(client.got('exception'), []);
});

scenario('send is the event message', {}, async (stage) => {
  const client = await stage.connect();
  client.socket.send('text', 1);
  assert.deepEqual(await client.next('message'), ['text', 1]);
});
