// Namespaces: several conversations on one connection, names that exist, names that do not, names made on demand.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

scenario('several namespaces share one connection and do not mix', {}, async (stage) => {
  const main = await stage.connect();
  const other = main.beside('/other', { auth: { who: 'other' } });
  const dynamic = main.beside('/dyn-7');
  await Promise.all([other.connected(), dynamic.connected()]);
  assert.equal(new Set([main.id, other.id, dynamic.id]).size, 3);
  assert.equal(main.engine, dynamic.engine);
  for (const [client, namespace] of [[main, '/'], [other, '/other'], [dynamic, '/dyn-7']]) {
    assert.deepEqual(await client.next('welcome'), [{ id: client.id, namespace }]);
    const me = await client.ask('whoami');
    assert.equal(me.namespace, namespace);
    assert.equal(me.id, client.id);
  }
  assert.deepEqual((await other.ask('whoami')).auth, { who: 'other' });
  // The same acknowledgement id is in use in each namespace: answers must not cross.
  const answers = await Promise.all([main, other, dynamic].map((client, i) => client.ask('echo', i)));
  assert.deepEqual(answers, [0, 1, 2]);
  other.emit('repeat', 'only', 'here');
  assert.deepEqual(await other.next('only'), ['here']);
  await main.ask('echo', 0);
  assert.deepEqual([...main.got('only'), ...dynamic.got('only')], []);
});

scenario('an unknown namespace is refused and disturbs nobody', {}, async (stage) => {
  const main = await stage.connect();
  const nowhere = main.beside('/nowhere');
  const err = await nowhere.refused();
  assert.equal(err.message, 'Invalid namespace');
  assert.equal(nowhere.socket.connected, false);
  assert.equal(await main.ask('echo', 'still here'), 'still here');
  assert.deepEqual(main.unexpectedDisconnects, []);
});

scenario('a name that almost matches a dynamic namespace is unknown', {}, async (stage) => {
  const client = stage.open({ namespace: '/dyn-7x', reconnection: false });
  assert.equal((await client.refused()).message, 'Invalid namespace');
});

scenario('a namespace can be the first one that is joined', {}, async (stage) => {
  const client = await stage.connect({ namespace: '/other' });
  assert.equal((await client.ask('whoami')).namespace, '/other');
  assert.equal(await stage.server.accepted(), 1);
});

scenario('dynamic namespaces are separate from each other', {}, async (stage) => {
  const [a, b, elsewhere] = await Promise.all([
    stage.connect({ namespace: '/dyn-1' }),
    stage.connect({ namespace: '/dyn-1' }),
    stage.connect({ namespace: '/dyn-2' }),
  ]);
  await a.request('everyone', 'in dyn-1');
  assert.deepEqual(await a.next('said'), ['in dyn-1']);
  assert.deepEqual(await b.next('said'), ['in dyn-1']);
  await elsewhere.ask('echo', 1);
  assert.deepEqual(elsewhere.got('said'), []);
});

scenario('a dynamic namespace can be used again after everybody left it', {}, async (stage) => {
  const first = await stage.connect({ namespace: '/dyn-3' });
  await first.request('join', 'room');
  const { id } = first;
  first.close();
  assert.equal((await stage.server.gone(id)).namespace, '/dyn-3');
  const second = await stage.connect({ namespace: '/dyn-3' });
  assert.equal(await second.ask('size', 'room'), 0);
});

scenario('one namespace is left and joined again while the connection stays', {}, async (stage) => {
  const main = await stage.connect();
  const other = main.beside('/other');
  const before = await other.connected();
  await other.request('join', 'room');
  other.socket.disconnect();
  assert.equal(await other.disconnected(), 'io client disconnect');
  assert.equal((await stage.server.gone(before)).reason, 'client namespace disconnect');
  assert.equal(await main.ask('echo', 'main'), 'main');
  other.socket.connect();
  const after = await other.connected();
  assert.notEqual(after, before);
  assert.deepEqual((await other.ask('whoami')).rooms, []);
  assert.deepEqual(main.unexpectedDisconnects, []);
});

scenario('rooms of the same name in two namespaces are two rooms', {}, async (stage) => {
  const main = await stage.connect();
  const other = main.beside('/other');
  await other.connected();
  await Promise.all([main.request('join', 'table'), other.request('join', 'table')]);
  await main.request('shout', { to: ['table'], value: 'main' });
  assert.deepEqual(await main.next('said'), ['main']);
  await other.ask('echo', 1);
  assert.deepEqual(other.got('said'), []);
});
