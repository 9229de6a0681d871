// Errors of handlers: in the acknowledgement if one was asked for, otherwise as the event "exception". The connection lives.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

const seat = { code: 'not_seated', message: '先坐下', data: { table: 7 } };

scenario('the error of a handler is the answer', {}, async (stage) => {
  const client = await stage.connect();
  assert.deepEqual(await client.request('fail', seat), [{ error: seat }]);
  assert.deepEqual(await client.request('fail', { code: 'c', message: 'm' }), [{ error: { code: 'c', message: 'm' } }]);
});

scenario('without an acknowledgement the error is an exception event', {}, async (stage) => {
  const client = await stage.connect();
  client.emit('fail', seat);
  assert.deepEqual(await client.next('exception'), [{ error: seat, event: 'fail' }]);
  assert.equal(await client.ask('echo', 'alive'), 'alive');
});

scenario('a request that fails causes no exception event', {}, async (stage) => {
  const client = await stage.connect();
  await client.request('fail', seat);
  await client.ask('echo', 1);
  assert.deepEqual(client.got('exception'), []);
});

scenario('a handler that panics tells nothing but an id', {}, async (stage) => {
  const client = await stage.connect();
  const [{ error }, ...rest] = await client.request('crash');
  assert.deepEqual(rest, []);
  assert.equal(error.code, 'internal');
  assert.match(error.id, /^\S+$/);
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  client.emit('crash');
  const [exception] = await client.next('exception');
  assert.equal(exception.error.code, 'internal');
  assert.equal(exception.event, 'crash');
  assert.doesNotMatch(JSON.stringify(exception), /secret/);
  assert.equal(await client.ask('echo', 'alive'), 'alive');
  assert.deepEqual(client.unexpectedDisconnects, []);
});

scenario('a payload that does not fit never reaches the handler', {}, async (stage) => {
  const client = await stage.connect();
  assert.deepEqual(await client.ask('sum', { a: 2, b: 3 }), { sum: 5 });
  for (const misfit of ['text', { a: 'two', b: 3 }, [1]]) {
    const { error } = await client.ask('sum', misfit);
    assert.equal(error.code, 'invalid_payload', JSON.stringify(misfit));
    assert.notEqual(error.message, '');
  }
});

scenario('a payload that is not valid is refused with its reason', {}, async (stage) => {
  const client = await stage.connect();
  const { error } = await client.ask('sum', { a: -1, b: 3 });
  assert.deepEqual(error, { code: 'invalid', message: 'a must not be negative' });
});

scenario('the errors of one client are not heard by another', {}, async (stage) => {
  const [one, two] = await Promise.all([stage.connect(), stage.connect()]);
  one.emit('fail', seat);
  await one.next('exception');
  await two.ask('echo', 1);
  assert.deepEqual(two.got('exception'), []);
});
