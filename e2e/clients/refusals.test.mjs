// Middleware that refuses a connection: the client gets connect_error with a message for people and data for programs.

import assert from 'node:assert/strict';
import { scenario } from '../lib/scenario.mjs';

const guarded = (auth) => ({ namespace: '/guarded', auth });

scenario('a refused client gets the message and the data', {}, async (stage) => {
  const client = stage.open(guarded({ token: 'wrong' }));
  const err = await client.refused();
  assert.ok(err instanceof Error);
  assert.equal(err.message, 'this token is not known');
  assert.deepEqual(err.data, { code: 'token_wrong', data: { hint: 'open' } });
  assert.equal(client.socket.connected, false);
});

scenario('an error without data carries its code alone', {}, async (stage) => {
  const err = await stage.open(guarded({})).refused();
  assert.equal(err.message, 'a token is needed');
  assert.deepEqual(err.data, { code: 'token_missing' });
});

scenario('the right token is admitted', {}, async (stage) => {
  const client = await stage.connect(guarded({ token: 'sesame' }));
  assert.equal((await client.ask('whoami')).namespace, '/guarded');
  assert.equal(await stage.server.accepted(), 1);
});

scenario('a refused client may try again on the same connection', {}, async (stage) => {
  const main = await stage.connect();
  const client = main.beside('/guarded', { auth: { token: 'wrong' } });
  await client.refused();
  client.socket.auth = { token: 'sesame' };
  client.socket.connect();
  await client.connected();
  assert.equal((await client.ask('whoami')).id, client.id);
  assert.equal(await main.ask('echo', 'main'), 'main');
  assert.deepEqual(main.unexpectedDisconnects, []);
});

scenario('a refused client hears nothing of the namespace', {}, async (stage) => {
  const main = await stage.connect();
  const refused = main.beside('/guarded', { auth: {} });
  await refused.refused();
  const member = await stage.connect(guarded({ token: 'sesame' }));
  await member.request('everyone', 'members only');
  assert.deepEqual(await member.next('said'), ['members only']);
  await main.ask('echo', 'round trip on the same connection');
  assert.deepEqual([...refused.got('said'), ...refused.got('welcome')], []);
});

scenario('the middleware of one namespace is not asked for another', {}, async (stage) => {
  const client = await stage.connect({ auth: { token: 'wrong' } });
  assert.equal((await client.ask('whoami')).namespace, '/');
});

scenario('a middleware that fails refuses without telling why', {}, async (stage) => {
  const err = await stage.open(guarded({ crash: true })).refused();
  assert.equal(err.message, 'internal error');
  assert.equal(err.data.code, 'internal');
  assert.doesNotMatch(JSON.stringify(err.data), /secret/);
  const client = await stage.connect(guarded({ token: 'sesame' }));
  assert.equal(await client.ask('echo', 'alive'), 'alive');
});
