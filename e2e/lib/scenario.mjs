// A scenario is one thing that users do, played by every client it makes sense for, each against a server of its own.

import { describe, it } from 'node:test';
import { Cable } from './cable.mjs';
import { Client } from './client.mjs';
import { differences } from './differences.mjs';
import { every, rows } from './rows.mjs';
import { implementation, TestServer } from './servers.mjs';

const LIMIT = 90_000;

// With E2E_CATALOGUE set the scenarios are only listed (see catalogue.mjs) and no server is needed.
const LISTING = process.env.E2E_CATALOGUE !== undefined;
const SERVER = LISTING ? undefined : await implementation();

// catalogue holds what was declared: { name, cast, differs, together }, the cast by the names of its rows.
export const catalogue = [];

class Stage {
  #clients = [];
  #cables = [];

  constructor(row, server) {
    this.row = row;
    this.server = server;
  }

  // open starts a client and waits for nothing.
  open(options = {}, { row = this.row, url = this.server.url } = {}) {
    return this.keep(Client.open(row, url, options));
  }

  // connect starts a client and waits until it has joined.
  async connect(options, where) {
    const client = this.open(options, where);
    await client.connected();
    return client;
  }

  // keep sees to it that the client is closed at the end of the scenario.
  keep(client) {
    this.#clients.push(client);
    return client;
  }

  async cable() {
    const cable = await Cable.to(this.server.url);
    this.#cables.push(cable);
    return cable;
  }

  // strike closes everything.
  async strike() {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#cables.map((cable) => cable.close()));
    await this.server.remove();
  }
}

// scenario declares one: play(stage) runs for every row that options.rows accepts, with a server that has the given options.
// options.differs names an entry of differences.mjs: the scenario is for the Go server only.
export function scenario(name, { rows: meant = every, server = {}, differs }, play) {
  const cast = rows.filter(meant);
  if (cast.length === 0) throw new Error(`no client plays "${name}"`);
  if (!enter({ name, cast: cast.map((row) => row.name), differs, together: false })) return;
  describe(name, { concurrency: cast.length }, () => {
    for (const row of cast) it(row.name, { timeout: LIMIT }, () => perform(row, server, play));
  });
}

// plain declares a scenario that is played once: by the rows named in options.cast together, or without an official client,
// for what they cannot do or cannot see.
export function plain(name, { cast = [], server = {}, differs }, play) {
  if (enter({ name, cast, differs, together: true })) it(name, { timeout: LIMIT }, () => perform(undefined, server, play));
}

// enter puts a scenario into the catalogue, and tells whether it is to be played.
function enter(entry) {
  const { differs } = entry;
  if (differs !== undefined && !(differs in differences)) throw new Error(`"${differs}" is not in differences.mjs`);
  catalogue.push(entry);
  return !LISTING && (differs === undefined || SERVER === 'go');
}

async function perform(row, server, play) {
  const stage = new Stage(row, await TestServer.start(server));
  try {
    await play(stage);
  } finally {
    await stage.strike();
  }
}
