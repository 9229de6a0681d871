// Five clients of different kinds in one conversation: everyone sees the same messages in the same order, everyone knows who
// is here, and everyone hears who left.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Client } from '../lib/client.mjs';
import { Cable } from '../lib/cable.mjs';
import { row } from '../lib/rows.mjs';
import { TestServer } from '../lib/servers.mjs';

const CASTS = {
  'five kinds': ['client 4.8, polling', 'client 4.8, websocket', 'client 4.8, upgrade', 'client 3.1, polling', 'weapp 3.0, wx websocket'],
  'five others': ['client 3.1, upgrade', 'client 3.1, websocket', 'weapp 3.0, wx websocket', 'client 4.8, upgrade', 'client 4.8, polling'],
};
const NAMES = ['Arthur', 'Merlin', '莫甘娜', 'Percival', 'Mordred'];
const LINES = 20;
const server = { pingInterval: 300, pingTimeout: 1500 }; // so that a broken line is noticed within the test

class Table {
  #open = [];
  players = new Map();

  constructor(host) { this.host = host; }

  async seat(name, kind, url = this.host.url) {
    const client = Client.open(row(kind), url, { namespace: '/chat', auth: { name } });
    this.#open.push(client);
    await client.connected();
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

  // heard takes the messages up to a number and gives them to compare.
  async heard(name, count) { return (await this.players.get(name).take('message', count)).flat(); }

  async clear() {
    for (const client of this.#open) client.close();
    await this.host.remove();
  }
}

async function conversation(kinds, play) {
  const table = new Table(await TestServer.start(server));
  try {
    for (const [i, name] of NAMES.entries()) {
      assert.deepEqual(await table.seat(name, kinds[i]), NAMES.slice(0, i + 1).toSorted());
    }
    await play(table);
  } finally {
    await table.clear();
  }
}

async function everyoneCame(table) {
  for (const [i, name] of NAMES.entries()) await table.hears([name], 'entered', ...NAMES.slice(i + 1));
}

for (const [cast, kinds] of Object.entries(CASTS)) {
  it(`${cast}: everyone hears the same conversation in the same order`, { timeout: 60_000 }, () => conversation(kinds, async (table) => {
    // Everyone talks at once, and tells what number its messages were given.
    const numbers = await Promise.all(NAMES.map((name) => (
      Promise.all(Array.from({ length: LINES }, (_, line) => table.players.get(name).ask('message', `${name} ${line}`))))));
    const spoken = await Promise.all(NAMES.map((name) => table.heard(name, NAMES.length * LINES)));
    for (const heard of spoken.slice(1)) assert.deepEqual(heard, spoken[0]);
    assert.deepEqual(spoken[0].map(({ seq }) => seq), Array.from({ length: NAMES.length * LINES }, (_, i) => i));
    for (const [i, name] of NAMES.entries()) {
      const own = spoken[0].filter(({ from }) => from === name);
      assert.deepEqual(own.map(({ text }) => text), Array.from({ length: LINES }, (_, line) => `${name} ${line}`));
      assert.deepEqual(own.map(({ seq }) => seq), numbers[i]);
    }
  }));

  it(`${cast}: everyone hears who came`, { timeout: 60_000 }, () => conversation(kinds, async (table) => {
    await everyoneCame(table);
    for (const name of NAMES) assert.deepEqual(await table.players.get(name).ask('who'), NAMES.toSorted());
  }));

  it(`${cast}: everyone hears who left, whoever it is`, { timeout: 60_000 }, () => conversation(kinds, async (table) => {
    const here = [...NAMES];
    while (here.length > 1) {
      const gone = here.shift();
      table.players.get(gone).socket.disconnect();
      await table.hears(here, 'left', gone);
      for (const name of here) assert.deepEqual(await table.players.get(name).ask('who'), here.toSorted());
    }
  }));

  it(`${cast}: who loses the line is missed, and is welcome back`, { timeout: 60_000 }, () => conversation(kinds, async (table) => {
    await everyoneCame(table);
    for (const kind of kinds) {
      const cable = await Cable.to(table.host.url);
      try {
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
      } finally {
        await cable.close();
      }
    }
  }));
}
