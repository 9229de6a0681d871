// Who a client is: tokens, their end, and the ways in which a user loses a connection. The Node server leaves all of this to programs.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { scenario } from '../lib/scenario.mjs';

const differs = 'identities';
const SECRET = 'a secret of the tests, longer than 32 bytes';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const seconds = () => Math.floor(Date.now() / 1000);

// token lasts so many seconds from now.
function token(user, lasts, claims = {}) {
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, iat: seconds() - 60, exp: seconds() + lasts, ...claims })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

const member = (auth) => ({ namespace: '/members', auth });
const someone = () => `user-${randomUUID()}`;

scenario('a token says who a client is', { differs }, async (stage) => {
  const user = someone();
  const client = await stage.connect(member({ token: token(user, 600) }));
  assert.equal(await client.ask('who', null), user);
});

scenario('a client without a good token is refused, and connects once it has one', { differs }, async (stage) => {
  let fresh;
  const auth = (give) => give(fresh ? { token: fresh } : {});
  const client = stage.open(member(auth));
  assert.equal((await client.refused()).data.code, 'unauthorized');
  for (const [given, code] of [['nonsense', 'unauthorized'], [token('ann', -600), 'token_expired'], [token('ann', 600).slice(0, -1), 'unauthorized']]) {
    fresh = given;
    client.socket.connect();
    assert.equal((await client.refused()).data.code, code);
  }
  fresh = token('ann', 600);
  client.socket.connect();
  await client.connected();
});

scenario('a client that is warned refreshes its token and stays', { differs, server: { warning: 3_600_000, grace: -1 } }, async (stage) => {
  const user = someone();
  const client = await stage.connect(member({ token: token(user, 600) }));
  const [{ expires_in: left }] = await client.next('auth:expiring');
  assert.ok(left > 0 && left <= 600_000, `${left} ms left`);
  const { expires_in: longer } = await client.ask('auth:refresh', { token: token(user, 7200) });
  assert.ok(longer > 7_000_000, `${longer} ms after the refresh`);
  assert.equal((await client.ask('auth:refresh', { token: token('another', 600) })).error.code, 'forbidden');
  assert.equal((await client.ask('auth:refresh', { token: 'nonsense' })).error.code, 'unauthorized');
  assert.equal(await client.ask('who', null), user);
  assert.deepEqual(client.unexpectedDisconnects, []);
});

scenario('a client whose token ends comes back by itself with a fresh one', { differs, server: { grace: -1 } }, async (stage) => {
  let asked = 0;
  const user = someone();
  const client = await stage.connect(member((give) => give({ token: token(user, asked++ === 0 ? 2 : 600) })));
  const id = client.id;
  assert.notEqual(await client.disconnected(), 'io server disconnect');
  await client.returns();
  assert.equal(asked, 2);
  assert.equal(await client.ask('who', null), user);
  assert.equal((await stage.server.gone(id)).reason, 'forced close');
});

scenario('a client that comes back with the old token is refused', { differs, server: { grace: -1 } }, async (stage) => {
  const client = await stage.connect(member({ token: token(someone(), 2) }));
  await client.disconnected();
  assert.equal((await client.refused()).data.code, 'token_expired');
});

scenario('a revoked user is sent away, stays away, and needs a new login', { differs }, async (stage) => {
  const user = someone();
  let current = token(user, 600);
  const auth = (give) => give({ token: current });
  const client = await stage.connect(member(auth));
  const admin = await stage.connect(member({ token: token('admin', 600) }));
  await admin.request('revoke', user);
  assert.equal(await client.disconnected(), 'io server disconnect');
  await admin.ask('who', null);
  assert.equal(client.unexpectedConnects, 0);
  client.socket.connect();
  assert.equal((await client.refused()).data.code, 'token_revoked');
  current = token(user, 600, { iat: seconds() + 5 });
  client.socket.connect();
  await client.connected();
});

scenario('the newest connection of a user wins', { differs, server: { connections: 1 } }, async (stage) => {
  const login = member({ token: token(someone(), 600) });
  const first = await stage.connect(login);
  const second = await stage.connect(login);
  assert.equal(await first.disconnected(), 'io server disconnect');
  await second.ask('who', null);
  assert.equal(first.unexpectedConnects, 0);
});

scenario('an event that a client may not send is refused', { differs }, async (stage) => {
  const player = await stage.connect(member({ token: token(someone(), 600) }));
  const host = await stage.connect(member({ token: token(someone(), 600, { roles: ['host'] }) }));
  assert.equal((await player.ask('host', null)).error.code, 'forbidden');
  assert.deepEqual(await host.request('host', null), []);
});
