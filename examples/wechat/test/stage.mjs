// What the tests have in common: servers, phones, and their players. PROJECT is the folder of the game as a developer puts it together,
// CONTROL the address at which servers are started.

import assert from "node:assert/strict";
import { Phone, WATCHDOG } from "./phone.mjs";

export const { PROJECT } = process.env;

const { CONTROL } = process.env;

export const HOUR = 3600000; // ms
export const MS = 1e6; // as Go counts

/** Starts a server. */
export async function serve(t, options = {}) {
  const response = await fetch(`${CONTROL}/servers`, { method: "POST", body: JSON.stringify(options) });
  assert.equal(response.status, 200);
  const server = await response.json();
  t.after(() => fetch(`${CONTROL}/servers/${server.id}`, { method: "DELETE" }));
  return server;
}

/** The next line of the server's log with a message. */
export async function logged(server, msg) {
  const url = `${CONTROL}/servers/${server.id}/log?msg=${encodeURIComponent(msg)}`;
  return (await fetch(url, { signal: AbortSignal.timeout(WATCHDOG) })).json();
}

/** Lets promises and callbacks settle; the phone's time stands still. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A phone on which the game has been started. */
export async function play(t, entry, server, player, options = {}) {
  const phone = new Phone({ player, server: server.url, ...options });
  t.after(() => phone.off());
  await phone.start(PROJECT, entry);
  return phone;
}

/** The same, and its player has a seat. */
export async function seated(t, entry, server, player, options) {
  const phone = await play(t, entry, server, player, options);
  await phone.sees(/^online$/);
  await phone.sees(/\(you\)$/);
  return phone;
}

/** The first roll of a seat, and its points, when all have seen it. */
export async function roll(phone, seat, ...watching) {
  phone.touch();
  await phone.sees(new RegExp(`^seat ${seat} rolled`));
  const points = phone.screen.find((line) => line.startsWith(`seat ${seat}:`)).match(/\d+ points/)[0];
  await Promise.all(watching.map((other) => other.sees(new RegExp(`^seat ${seat}: ${points}`))));
  return points;
}
