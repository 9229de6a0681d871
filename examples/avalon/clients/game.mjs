// Five people play a whole game, one of them on two devices, and a stranger tries to take part:
//
//   node game.mjs http://127.0.0.1:3001
//
// It ends with an error when somebody does not see what is due, and prints every frame that anybody received, for the test
// that knows the roles.

import assert from 'node:assert/strict';
import { Player, login, stage } from './player.mjs';

const address = process.argv[2];
const NAMES = ['Ann', 'Bob', 'Cid', 'Dan', 'Eve'];
const WAYS = { Ann: ['polling', 'websocket'], Dan: ['polling'] }; // the others have a websocket from the start

// Every event of a client that means a table, and some that only the server sends.
const EVENTS = [
  'table:join', 'table:leave', 'table:bots', 'table:start', 'team:propose', 'team:vote', 'quest:play', 'merlin:guess', 'chat:say',
  'table', 'secret', 'clock',
];

const frames = [];
const refusals = [];

function connect(session) {
  const ways = WAYS[session.name];
  return new Player(address, session, { ways, record: (text) => frames.push({ to: session.name, text }) });
}

const stranger = connect(await login(address, 'Stranger'));
const people = [];
for (const name of NAMES) people.push(connect(await login(address, name)));
const [ann, bob, cid] = people;

const { table: { id: table } } = await ann.enter('table:create', { size: 5, roles: ['percival', 'morgana'] });
for (const player of people.slice(1)) await player.enter('table:join', { table });
const phone = connect(bob.session); // Bob's second device
await phone.enter('table:join', { table });
assert.equal(phone.seat, bob.seat);
assert.equal(phone.table.players.length, 5, 'two devices are one player');

await guess();
await bob.does('chat:say', { table, text: 'who may I trust?' });
await ann.does('table:start', { table });
await play();
sameOnBothDevices();

const players = people.map(({ name, seat, secret, disconnects }) => ({ name, seat, role: secret.role, disconnects }));
const report = JSON.stringify({ table, players, frames, refusals });
for (const player of [...people, phone, stranger]) player.close();
process.stdout.write(report);

/** Everybody does what the game waits for, until it is over. */
async function play() {
  for (let before = 'lobby 0 0'; ;) {
    await ann.until(`something after ${before}`, () => stage(ann.table) !== before);
    before = stage(ann.table);
    await Promise.all([...people, phone].map((player) => player.until(before, () => stage(player.table) === before)));
    const { phase, votes } = ann.table;
    if (phase === 'over') return;
    await guess();
    if (phase === 'proposal') await propose();
    if (phase === 'vote' && votes.length === 1) await interruptedVote();
    else if (phase === 'vote') await Promise.all(people.map((player) => player.does('team:vote', { table, approve: votes.length > 0 })));
    if (phase === 'quest') await quest();
    if (phase === 'assassination') await strike();
  }
}

async function propose() {
  const { leader, quest: number, quests } = ann.table;
  const team = NAMES.map((_, i) => (i + number) % NAMES.length).slice(0, quests[number].size);
  await people[leader].does('team:propose', { table, team });
}

/** The first quest fails if it can. All others succeed, so that Merlin is hunted. */
async function quest() {
  const { team, quest: number } = ann.table;
  await Promise.all(team.map((seat) => people[seat].does('quest:play', { table, success: number > 0 || !people[seat].evil })));
}

async function strike() {
  const assassin = people.find((player) => player.secret.role === 'assassin');
  const other = people.find((player) => player !== assassin);
  assert.equal((await other.ask('merlin:guess', { table, seat: 0 })).error.code, 'not_assassin');
  await assassin.does('merlin:guess', { table, seat: (assassin.seat + 1) % NAMES.length });
}

/** In the middle of a vote Cid's link breaks twice: before the own vote, and after it. */
async function interruptedVote() {
  const { seat, secret: { role } } = cid;
  await ann.does('team:vote', { table, approve: true });
  await cid.until('the vote of Ann', () => cid.table.acted.includes(ann.seat));

  await comeBack();
  assert.deepEqual([cid.seat, cid.secret.role, cid.secret.vote], [seat, role, null], 'seat, role and open vote');
  assert.deepEqual([cid.table.phase, cid.table.acted], ['vote', [ann.seat]]);
  await cid.does('team:vote', { table, approve: false });
  await cid.until('the own vote', () => cid.secret.vote === false);

  await comeBack();
  assert.deepEqual([cid.seat, cid.secret.role, cid.secret.vote], [seat, role, false], 'seat, role and the vote that was cast');
  assert.equal((await cid.ask('team:vote', { table, approve: true })).error.code, 'already_voted');

  await phone.does('team:vote', { table, approve: true }); // Bob votes with one device, both know
  for (const device of [bob, phone]) await device.until('the vote of Bob', () => device.secret.vote === true);
  await Promise.all(people.slice(3).map((player) => player.does('team:vote', { table, approve: true })));
}

/** Breaks Cid's link and waits until the others have seen Cid go and Cid has returned on a new connection. */
async function comeBack() {
  const { socket: { id }, entered, seat } = cid;
  await cid.cut();
  await ann.until('Cid gone', () => !ann.table.players[seat].online);
  cid.mend();
  await cid.until('the return', () => cid.entered !== entered);
  assert.notEqual(cid.socket.id, id, 'a new connection');
  await ann.until('Cid back', () => ann.table.players[seat].online);
}

/** What was told to one of Bob's devices was told to the other. Both have seen the end, after which nothing is told any more. */
function sameOnBothDevices() {
  const roles = (device) => device.secrets.filter(({ role }) => role);
  assert.ok(roles(bob).length > 3, 'Bob was told a role and some own votes');
  assert.deepEqual(roles(phone), roles(bob));
  assert.deepEqual(phone.table, bob.table);
}

/** Once in each phase the stranger tries every event at this table, and at first at others that might be. */
async function guess() {
  const { phase } = ann.table;
  if (refusals.some((one) => one.phase === phase)) return;
  const others = phase === 'lobby' ? [`table:${table}`, `room:table:${table}`, '', 'aaaaaaaa'] : [];
  for (const at of [table, ...others]) {
    const payload = { table: at, team: [0, 1], approve: true, success: false, seat: 0, text: 'let me in' };
    for (const event of EVENTS) {
      const { error } = await stranger.ask(event, payload);
      assert.ok(error?.code, `${event} of the stranger was not refused`);
      refusals.push({ event, phase, at, code: error.code });
    }
  }
  const { tables } = await stranger.ask('tables');
  assert.deepEqual(tables.map(({ id }) => id), [table], 'what everybody may see');
}
