// Five people and two bots play a whole game over two processes, one of which is killed:
//
//   node processes.mjs http://127.0.0.1:3001 http://127.0.0.1:3002
//
// It says on its output what has to be done with the processes, a line each, and waits for a line on its input that tells that it was done:
//
//   kill     the first address answers no more
//   begin    there is another process, whose address is the line
//
// It ends with an error when somebody does not see what is due. Its last line is a report in JSON, with every frame that anybody received.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { Player, login, stage } from './player.mjs';

const [first, second] = process.argv.slice(2);
const HOME = { Ann: first, Bob: second, Cid: first, Dan: second, Eve: first };
const NAMES = Object.keys(HOME);

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const frames = [];

const people = [];
for (const name of NAMES) people.push(connect(await login(HOME[name], name), HOME[name]));
const [ann, bob, cid, dan, eve] = people;
const stranger = connect(await login(second, 'Stranger'), second);

const { table: { id: table } } = await ann.enter('table:create', { size: 7, roles: ['percival', 'morgana'] });
for (const player of people.slice(1)) await player.enter('table:join', { table });
const phone = connect(bob.session, first); // a token of one process is good for the other, and so is a seat
await phone.enter('table:join', { table });
assert.equal(phone.seat, bob.seat);
await ann.does('table:bots', { table });

await refused(stranger);
const said = await dan.does('chat:say', { table, text: 'who is over there?' });
await ann.does('table:start', { table });
await play();
assert.deepEqual((await ann.enter('table:join', { table })).chat, [said]);

const players = people.map(({ name, seat, secret, disconnects }) => ({ name, seat, role: secret.role, disconnects }));
const report = JSON.stringify({ table, players, frames });
for (const player of [...people, phone, stranger]) player.close();
answers.return();
process.stdin.destroy();
process.stdout.write(`${report}\n`);

function connect(session, address) {
  const record = (text) => frames.push({ to: session.name, by: new URL(player.socket.io.uri).origin, text });
  const player = new Player(address, session, { record });
  return player;
}

/** Asks the test for something. */
async function tell(line) {
  process.stdout.write(`${line}\n`);
  return (await answers.next()).value;
}

/** Everybody does what the game waits for, until it is over. Bob is in the second process the whole time. */
async function play() {
  for (let before = 'lobby 0 0'; ;) {
    await bob.until(`something after ${before}`, () => stage(bob.table) !== before);
    before = stage(bob.table);
    const { phase, votes, leader, team } = bob.table;
    const here = (player) => player.until(before, () => stage(player.table) === before);
    if (phase === 'over') {
      await Promise.all([...people, phone].map(here));
      return;
    }
    if (phase === 'proposal' && people[leader]) await propose(await here(people[leader]));
    if (phase === 'vote' && votes.length === 1) await interruptedVote();
    else if (phase === 'vote') await Promise.all(people.map(async (player) => (await here(player)).does('team:vote', { table, approve: votes.length > 0 })));
    if (phase === 'quest') await Promise.all(team.filter((seat) => people[seat]).map(async (seat) => quest(await here(people[seat]))));
    if (phase === 'assassination') await strike();
  }
}

function propose(player) {
  const { quest: number, quests } = player.table;
  return player.does('team:propose', { table, team: Array.from({ length: quests[number].size }, (_, i) => (i + number) % 7) });
}

/** The first quest fails if people can make it. All others succeed, as far as it is for people to say. */
function quest(player) {
  return player.does('quest:play', { table, success: player.table.quest > 0 || !player.evil });
}

async function strike() {
  const assassin = people.find((player) => player.secret.role === 'assassin');
  if (assassin) await assassin.does('merlin:guess', { table, seat: (assassin.seat + 1) % 7 });
}

/** All but Eve have voted when their process dies. The other one knows who is away, and votes for Eve when the time is over. */
async function interruptedVote() {
  const away = [ann, cid, eve];
  const known = people.map(({ seat, secret: { role } }) => [seat, role]);
  const open = stage(bob.table);
  await Promise.all(people.map((player) => player.until(open, () => stage(player.table) === open)));
  for (const player of [bob, dan, cid, ann]) await player.does('team:vote', { table, approve: player !== cid });
  await bob.until('all votes but one', () => bob.table.acted.length === 6);
  for (const player of [...away, phone]) player.stay();
  await tell('kill');
  await Promise.all([...away, phone].map((player) => player.until('the end of the link', () => !player.socket.connected)));

  // The first to come back finds the vote as it was.
  cid.mend(second);
  await cid.until('the return of Cid', () => cid.socket.connected && cid.entered.table.acted.length === 6);
  assert.deepEqual([cid.seat, cid.secret.role, cid.secret.vote], [...known[cid.seat], false], 'seat, role and the vote that was cast');
  assert.equal((await cid.ask('team:vote', { table, approve: true })).error.code, 'already_voted');

  const online = (...names) => NAMES.every((name, seat) => bob.table.players[seat].online === names.includes(name));
  await bob.until('who is away', () => online('Bob', 'Cid', 'Dan'));
  await bob.until('the vote of the absent', () => stage(bob.table) !== open);
  const { approve } = bob.table.votes[1];
  assert.deepEqual(approve.slice(0, 5), NAMES.map((name) => name !== 'Cid'), 'everybody’s vote, and the one of the server');

  for (const player of [ann, eve, phone]) player.mend(second);
  await bob.until('the return of all', () => online(...NAMES));
  await refused(stranger);

  const third = await tell('begin');
  dan.stay();
  await dan.cut();
  dan.mend(third);
  await dan.until('the return of Dan', () => dan.socket.connected && dan.entered.table.phase !== 'lobby' && dan.entered.table.votes.length > 1);
  assert.deepEqual(people.map(({ seat, secret: { role } }) => [seat, role]), known, 'seats and roles');
}

/** A stranger gets nothing but refusals. */
async function refused(player) {
  const payload = { table, team: [0, 1], approve: true, success: false, seat: 0, text: 'let me in' };
  for (const event of ['table:join', 'table:leave', 'table:bots', 'table:start', 'team:propose', 'team:vote', 'quest:play', 'merlin:guess', 'chat:say']) {
    const { error } = await player.ask(event, payload);
    assert.ok(['not_seated', 'table_full', 'already_started'].includes(error?.code), `${event} of a stranger: ${error?.code}`);
  }
}
