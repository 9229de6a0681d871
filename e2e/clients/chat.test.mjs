// Five clients of different kinds in one conversation: everyone sees the same messages in the same order, everyone knows who
// is here, and everyone hears who left.

import assert from 'node:assert/strict';
import { row } from '../lib/rows.mjs';
import { plain } from '../lib/scenario.mjs';

const CASTS = {
  'five kinds': ['client 4.8, polling', 'client 4.8, websocket', 'client 4.8, upgrade', 'client 3.1, polling', 'weapp 3.0, wx websocket'],
  'five others': ['client 3.1, upgrade', 'client 3.1, websocket', 'weapp 3.0, wx websocket', 'client 4.8, upgrade', 'client 4.8, polling'],
};
const NAMES = ['Arthur', 'Merlin', '莫甘娜', 'Percival', 'Mordred'];
const LINES = 20;
const server = { pingInterval: 300, pingTimeout: 3000 }; // so that a broken line is noticed within the test

class Table {
  players = new Map();

  constructor(stage) { this.stage = stage; }

  async seat(name, kind, url = this.stage.server.url) {
    const client = await this.stage.connect({ namespace: '/chat', auth: { name } }, { row: row(kind), url });
    const { present } = await client.ask('enter', 'camelot');
    this.players.set(name, client);
    return present;
  }

  // hears asserts that each of those, and in this order, is what everyone named is told next.
  async hears(names, event, ...values) {
    for (const name of names) {
      assert.deepEqual((await this.players.get(name).take(event, values.length)).flat(), values, `${name}: ${event}`);
    }
  }
}

function conversation(what, play) {
  for (const [title, cast] of Object.entries(CASTS)) {
    plain(`${title}: ${what}`, { cast, server }, async (stage) => {
      const table = new Table(stage);
      for (const [i, name] of NAMES.entries()) {
        assert.deepEqual(await table.seat(name, cast[i]), NAMES.slice(0, i + 1).toSorted());
      }
      await play(table, cast);
    });
  }
}

conversation('everyone hears the same conversation in the same order', async (table) => {
  // Everyone talks at once, and is told what number its messages were given.
  const numbers = await Promise.all(NAMES.map((name) => (
    Promise.all(Array.from({ length: LINES }, (_, line) => table.players.get(name).ask('message', `${name} ${line}`))))));
  const heard = await Promise.all(NAMES.map((name) => table.players.get(name).take('message', NAMES.length * LINES)));
  const [spoken, ...others] = heard.map((events) => events.flat());
  for (const same of others) assert.deepEqual(same, spoken);
  assert.deepEqual(spoken.map(({ seq }) => seq), Array.from({ length: NAMES.length * LINES }, (_, i) => i));
  for (const [i, name] of NAMES.entries()) {
    const own = spoken.filter(({ from }) => from === name);
    assert.deepEqual(own.map(({ text }) => text), Array.from({ length: LINES }, (_, line) => `${name} ${line}`));
    assert.deepEqual(own.map(({ seq }) => seq), numbers[i]);
  }
});

conversation('everyone hears who came', async (table) => {
  await everyoneCame(table);
  for (const name of NAMES) assert.deepEqual(await table.players.get(name).ask('who'), NAMES.toSorted());
});

conversation('everyone hears who left, whoever it is', async (table) => {
  const here = [...NAMES];
  while (here.length > 1) {
    const gone = here.shift();
    table.players.get(gone).socket.disconnect();
    await table.hears(here, 'left', gone);
    for (const name of here) assert.deepEqual(await table.players.get(name).ask('who'), here.toSorted());
  }
});

conversation('who loses the line is missed, and is welcome back', async (table, cast) => {
  await everyoneCame(table);
  for (const kind of cast) {
    const cable = await table.stage.cable();
    await table.seat('Lancelot', kind, cable.url);
    const lancelot = table.players.get('Lancelot');
    await table.hears(NAMES, 'entered', 'Lancelot');
    await lancelot.settled();
    cable.cut();
    await lancelot.disconnected();
    await table.hears(NAMES, 'left', 'Lancelot');
    cable.mend();
    await lancelot.returns();
    assert.deepEqual((await lancelot.ask('enter', 'camelot')).present, [...NAMES, 'Lancelot'].toSorted());
    await table.hears(NAMES, 'entered', 'Lancelot');
    lancelot.socket.disconnect();
    await table.hears(NAMES, 'left', 'Lancelot');
  }
});

async function everyoneCame(table) {
  for (const [i, name] of NAMES.entries()) await table.hears([name], 'entered', ...NAMES.slice(i + 1));
}
