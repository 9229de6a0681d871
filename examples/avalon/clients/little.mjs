// One person plays among bots until the first quest is decided, says so, and waits for the server to end:
//
//   node little.mjs http://127.0.0.1:3001

import { Player, login } from './player.mjs';

const address = process.argv[2];
const ann = new Player(address, await login(address, 'Ann'), { ways: ['polling', 'websocket'] });
const { table: { id: table } } = await ann.enter('table:create', { size: 5 });
await ann.does('table:start', { table });

for (let done = ''; ;) {
  await ann.until('something to do', () => due() && due() !== done);
  done = due();
  const { phase, quests, quest } = ann.table;
  if (quests[0].result) break;
  if (phase === 'proposal') await ann.ask('team:propose', { table, team: [0, 1, 2].slice(0, quests[quest].size) });
  if (phase === 'vote') await ann.ask('team:vote', { table, approve: true });
  if (phase === 'quest') await ann.ask('quest:play', { table, success: true });
}
console.log('the first quest is decided');
await ann.until('the end of the server', () => ann.disconnects.length > 0);
ann.close();
if (ann.disconnects[0] !== 'transport close') throw new Error(`the connection ended with ${ann.disconnects[0]}`);

/** Something to do, as a text that changes with it; "" if the game waits for others. */
function due() {
  const { phase, leader, team, acted, quests, votes } = ann.table;
  const mine = {
    proposal: leader === ann.seat,
    vote: !acted.includes(ann.seat),
    quest: team.includes(ann.seat) && !acted.includes(ann.seat),
  };
  return quests[0].result || (mine[phase] ? `${phase} ${votes.length}` : '');
}
