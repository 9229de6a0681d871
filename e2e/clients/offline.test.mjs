// What a client emits while it is offline waits in the client and comes in one burst when it is back: 3,000 events must
// arrive complete, once and in order, and the server must neither refuse nor reorder them.

import assert from 'node:assert/strict';
import { modern, polling } from '../lib/rows.mjs';
import { scenario } from '../lib/scenario.mjs';

const BURST = 3000;
const LONG = 60_000; // a server may slow a flood down, as long as it takes it

const numbers = Array.from({ length: BURST }, (_, i) => i);

// offline connects a client over a cable, and cuts it.
async function offline(stage) {
  const cable = await stage.cable();
  const client = await stage.connect({}, { url: cable.url });
  client.patience = LONG;
  await client.settled();
  cable.cut();
  await client.disconnected();
  return { cable, client };
}

for (const [what, options] of [
  ['in one body', {}],
  // Client 4.8 splits what it polls with by the limit that the server announces.
  ['in several bodies', { server: { maxPayload: 15_000 }, rows: (r) => polling(r) && modern(r) }],
]) {
  scenario(`a burst of ${BURST} events buffered while offline arrives complete, once and in order, ${what}`, options, async (stage) => {
    const { cable, client } = await offline(stage);
    for (const n of numbers) client.emit('record', n);
    cable.mend();
    await client.returns();
    assert.deepEqual(await client.ask('recorded'), numbers);
    assert.deepEqual(client.unexpectedDisconnects, []);
    assert.deepEqual(client.got('exception'), []);
  });
}

scenario('a burst with binary keeps its order', {}, async (stage) => {
  const { cable, client } = await offline(stage);
  for (const n of numbers.slice(0, 300)) {
    client.emit('record', n);
    if (n % 10 === 0) client.emit('repeat', 'back', n, stage.row.binary([n % 256, 1]));
  }
  cable.mend();
  await client.returns();
  assert.deepEqual(await client.ask('recorded'), numbers.slice(0, 300));
  const back = await client.take('back', 30);
  assert.deepEqual(back.map(([n]) => n), Array.from({ length: 30 }, (_, i) => 10 * i));
});

scenario('requests made while offline are answered when the client is back', {}, async (stage) => {
  const { cable, client } = await offline(stage);
  const answers = Promise.all(Array.from({ length: 100 }, (_, i) => client.ask('echo', i)));
  cable.mend();
  assert.deepEqual(await answers, Array.from({ length: 100 }, (_, i) => i));
});

scenario('a burst does not hold up another client', {}, async (stage) => {
  const other = await stage.connect();
  const { cable, client } = await offline(stage);
  for (const n of numbers) client.emit('record', n);
  cable.mend();
  await client.returns();
  const all = client.ask('recorded');
  for (let i = 0; i < 20; i += 1) assert.equal(await other.ask('echo', i), i);
  assert.equal((await all).length, BURST);
});
