// What the Go server does otherwise than the Node server, on purpose: see lib/differences.mjs.

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { plain, scenario } from '../lib/scenario.mjs';
import { once, within } from '../lib/watch.mjs';

const websocketURL = (server) => `${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;

plain('an event right behind CONNECT is handled', { differs: 'event before the CONNECT reply' }, async (stage) => {
  const ws = new WebSocket(websocketURL(stage.server));
  const answered = within(new Promise((resolve) => {
    ws.on('message', (data) => { if (data.toString().startsWith('43')) resolve(data.toString()); });
  }), 'the answer');
  await once(ws, 'open');
  ws.send('40');
  ws.send('420["echo","early"]');
  assert.equal(await answered, '430["early"]');
  ws.close();
});

scenario('an event that nobody handles is answered', { differs: 'unknown events are answered' }, async (stage) => {
  const client = await stage.connect();
  const { error } = await client.ask('nobody handles this');
  assert.equal(error.code, 'unknown_event');
});

// The timeouts below are longer than the watchdog's patience: only a wait that ended early lets these pass.
scenario('a client that left is not waited for', { differs: 'a client that left is not waited for' }, async (stage) => {
  const [asker, asked] = await Promise.all([stage.connect(), stage.connect()]);
  asked.socket.on('question', () => asked.socket.disconnect());
  const { error } = await asker.ask('ask', { id: asked.id, event: 'question', timeout: 80_000 });
  assert.equal(error.code, 'no_answer');
});

scenario('a broadcast does not wait for a client that left', { differs: 'a client that left is not waited for' }, async (stage) => {
  const [one, leaver] = await Promise.all([stage.connect(), stage.connect()]);
  for (const client of [one, leaver]) await client.request('join', 'room');
  one.socket.on('question', (answer) => answer(1));
  leaver.socket.on('question', () => leaver.socket.disconnect());
  assert.deepEqual(await one.ask('poll', { to: ['room'], event: 'question', timeout: 80_000 }), { answers: [1], complete: false });
});

const door = { origins: ['https://game.example.com'] };
const stranger = { Origin: 'https://evil.test' };

plain('a refused poll names the rule', { server: door, differs: 'refusals name their rule' }, async (stage) => {
  const response = await fetch(`${stage.server.url}/socket.io/?EIO=4&transport=polling`, { headers: stranger });
  assert.equal(response.status, 403);
  assert.equal((await response.json()).code, 4);
  assert.match(response.headers.get('x-realtime-refused') ?? '', /^\S+$/);
});

plain('a refused websocket names the rule', { server: door, differs: 'refusals name their rule' }, async (stage) => {
  const ws = new WebSocket(websocketURL(stage.server), { headers: stranger });
  ws.on('error', () => {});
  const [, response] = await once(ws, 'unexpected-response');
  assert.equal(response.statusCode, 403);
  assert.match(response.headers['x-realtime-refused'] ?? '', /^\S+$/);
  ws.terminate();
});

scenario('the auth payload has a smaller limit than other messages', { differs: 'smaller limit before CONNECT' }, async (stage) => {
  const client = stage.open({ auth: { token: 'x'.repeat(70_000) }, reconnection: false });
  const end = once(client.socket.io, 'close', 'the end of the link');
  await end;
  assert.equal(client.socket.connected, false);
  assert.equal(await stage.server.accepted(), 0);
});
