// Acknowledgements: of the client's events by the server, of the server's by the client, and those that never come.

import assert from 'node:assert/strict';
import { modern } from '../lib/rows.mjs';
import { scenario } from '../lib/scenario.mjs';

scenario('every request gets its own answer', {}, async (stage) => {
  const client = await stage.connect();
  const questions = Array.from({ length: 200 }, (_, i) => i);
  assert.deepEqual(await Promise.all(questions.map((n) => client.ask('echo', n))), questions);
});

scenario('an event without a result is acknowledged with nothing', {}, async (stage) => {
  const client = await stage.connect();
  assert.deepEqual(await client.request('record', 1), []);
});

scenario('the answer comes once', {}, async (stage) => {
  const client = await stage.connect();
  let answers = 0;
  client.socket.emit('echo', 1, () => { answers += 1; });
  for (let i = 0; i < 5; i += 1) await client.ask('echo', i);
  assert.equal(answers, 1);
});

scenario('a request that is never answered does not hold up the others', {}, async (stage) => {
  const client = await stage.connect();
  let answered = false;
  client.socket.emit('never', () => { answered = true; });
  for (let i = 0; i < 10; i += 1) assert.equal(await client.ask('echo', i), i);
  assert.equal(answered, false);
});

scenario('emitWithAck times out when nobody answers', { rows: modern }, async (stage) => {
  const client = await stage.connect();
  await assert.rejects(client.socket.timeout(50).emitWithAck('never'), { message: 'operation has timed out' });
  assert.equal(await client.socket.timeout(15_000).emitWithAck('echo', 'next'), 'next');
});

scenario('an answer that comes after the timeout is ignored', { rows: modern }, async (stage) => {
  const client = await stage.connect();
  await assert.rejects(client.socket.timeout(50).emitWithAck('hold'), { message: 'operation has timed out' });
  await client.request('release');
  assert.equal(await client.ask('echo', 'alive'), 'alive');
  assert.deepEqual(client.unexpectedDisconnects, []);
});

scenario('a request answered later than others keeps its answer', {}, async (stage) => {
  const client = await stage.connect();
  const held = client.request('hold');
  assert.equal(await client.ask('echo', 'meanwhile'), 'meanwhile');
  await client.request('release');
  assert.deepEqual(await held, ['released']);
});

scenario('a client that leaves ends its waiting requests', { rows: modern }, async (stage) => {
  const client = await stage.connect();
  const waiting = client.socket.timeout(60_000).emitWithAck('never');
  await client.ask('echo', 1);
  client.socket.disconnect();
  await assert.rejects(waiting, { message: 'socket has been disconnected' });
});

scenario('the server asks the client and gets its answer', {}, async (stage) => {
  const client = await stage.connect();
  client.socket.on('question', (a, b, answer) => answer({ sum: a + b, text: '答' }));
  client.socket.on('nothing', (answer) => answer());
  assert.deepEqual(await client.ask('ask', { event: 'question', args: [2, 3], timeout: 15_000 }), { sum: 5, text: '答' });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => client.ask('ask', { event: 'question', args: [i, i], timeout: 15_000 })));
  assert.deepEqual(answers.map(({ sum }) => sum), Array.from({ length: 20 }, (_, i) => 2 * i));
});

scenario('the server stops waiting for a client that does not answer', {}, async (stage) => {
  const client = await stage.connect();
  let late;
  client.socket.on('question', (answer) => { late = answer; });
  const { error } = await client.ask('ask', { event: 'question', timeout: 100 });
  assert.equal(error.code, 'no_answer');
  late('too late');
  late = undefined;
  assert.equal(await client.ask('echo', 'alive'), 'alive');
  assert.deepEqual(client.unexpectedDisconnects, []);
});

scenario('the server asks another client', {}, async (stage) => {
  const [asker, asked] = await Promise.all([stage.connect(), stage.connect()]);
  asked.socket.on('question', (text, answer) => answer(`${text}!`));
  assert.equal(await asker.ask('ask', { id: asked.id, event: 'question', args: ['you'], timeout: 15_000 }), 'you!');
});

scenario('a client that leaves instead of answering is not waited for in vain', {}, async (stage) => {
  const [asker, asked] = await Promise.all([stage.connect(), stage.connect()]);
  asked.socket.on('question', () => asked.socket.disconnect());
  const { error } = await asker.ask('ask', { id: asked.id, event: 'question', timeout: 500 });
  assert.equal(error.code, 'no_answer');
});

const askAll = { to: ['room'], event: 'question', timeout: 15_000 };

scenario('a broadcast collects the answers of a room', {}, async (stage) => {
  const clients = await Promise.all([stage.connect(), stage.connect(), stage.connect()]);
  const outsider = await stage.connect();
  outsider.socket.on('question', (text, answer) => answer('not asked'));
  for (const [i, client] of clients.entries()) {
    client.socket.on('question', (text, answer) => answer(`${text} ${i}`));
    await client.request('join', 'room');
  }
  const { answers, complete } = await clients[0].ask('poll', { ...askAll, args: ['from'] });
  assert.deepEqual(answers.toSorted(), ['from 0', 'from 1', 'from 2']);
  assert.equal(complete, true);
});

scenario('a broadcast with one silent client gives the other answers and says so', {}, async (stage) => {
  const [one, two, silent] = await Promise.all([stage.connect(), stage.connect(), stage.connect()]);
  for (const client of [one, two, silent]) await client.request('join', 'room');
  one.socket.on('question', (answer) => answer(1));
  two.socket.on('question', (answer) => answer(2));
  silent.socket.on('question', () => {});
  const { answers, complete } = await one.ask('poll', { ...askAll, timeout: 300 });
  assert.deepEqual(answers.toSorted(), [1, 2]);
  assert.equal(complete, false);
});

scenario('a broadcast to an empty room has no answers and is complete', {}, async (stage) => {
  const client = await stage.connect();
  assert.deepEqual(await client.ask('poll', askAll), { answers: [], complete: true });
});

scenario('answers to a broadcast may be binary', {}, async (stage) => {
  const [one, two] = await Promise.all([stage.connect(), stage.connect()]);
  for (const [i, client] of [one, two].entries()) {
    client.socket.on('question', (answer) => answer(stage.row.binary([i, 7])));
    await client.request('join', 'room');
  }
  const { answers } = await one.ask('poll-binary', askAll);
  assert.deepEqual(answers.map((answer) => Buffer.from(answer).toString('hex')).toSorted(), ['0007', '0107']);
});
