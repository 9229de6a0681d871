// Volatile events: worth sending only at once.

import assert from 'node:assert/strict';
import { plain, scenario } from '../lib/scenario.mjs';
import { PollingSession } from '../lib/polling.mjs';

scenario('a volatile event reaches a client that is not busy', {}, async (stage) => {
  const client = await stage.connect();
  await client.settled();
  // A polling client may be between two polls: then the event is rightly lost, and the next one has its chance. If none
  // ever comes, the watchdog barks.
  let flash;
  client.next('flash').then((args) => { flash = args; }, (err) => { flash = err; });
  for (let n = 0; flash === undefined; n += 1) await client.request('flash', n);
  assert.equal(typeof flash[0], 'number', String(flash));
});

plain('a volatile event is dropped while a polling client is busy', {}, async (stage) => {
  const session = await PollingSession.open(stage.server.url);
  await session.send('40');
  await session.until((packet) => packet.startsWith('42["welcome"'));
  // No poll is held now, and the first event is queued: the volatile one behind it must go.
  await session.send('420["behind"]');
  const packets = await session.until((packet) => packet.startsWith('430'));
  assert.deepEqual(packets, ['42["first"]', '42["second"]', '430[]']);
});
