// An official client whose websocket offers compression, as it does unless it is told not to. REALTIME_URL is a server that takes it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { io } from 'socket.io-client';

for (const transports of [['websocket'], ['polling', 'websocket']]) {
  const socket = io(process.env.REALTIME_URL, { transports, forceNew: true, reconnection: false, perMessageDeflate: true });
  await new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });
  const { engine } = socket.io;
  if (engine.transport.name !== 'websocket') await new Promise((resolve) => { engine.once('upgrade', resolve); }); // else it is done
  assert.match(engine.transport.ws.extensions, /permessage-deflate/);
  for (const value of ['x', 'compress me '.repeat(5000), { deep: [{ list: Array(2000).fill(7) }] }, 'é🙂'.repeat(3000)]) {
    assert.deepEqual(await socket.emitWithAck('echo', value), value);
  }
  const bytes = randomBytes(20_000);
  assert.deepEqual(Buffer.from(await socket.emitWithAck('echo', bytes)), bytes);
  const zeros = Buffer.alloc(50_000);
  assert.deepEqual(Buffer.from(await socket.emitWithAck('echo', zeros)), zeros);
  socket.close();
}
