// What the table makes of states that come in another order than that in which they were made: a link of the test's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./loader.mjs";
import { PROJECT, settle } from "./stage.mjs";

/** A table whose link does what the test says. */
async function table() {
  const it = { calls: [], views: [] };
  const openLink = (options) => {
    Object.assign(it, options);
    return { call: (event) => new Promise((resolve) => it.calls.push({ event, resolve })), connected: () => true, wake() {}, again() {} };
  };
  const main = 'import { openTable } from "./table.js"; opened(openTable);';
  const opened = (openTable) => Object.assign(it, openTable(openLink, "https://example.com", (view) => it.views.push({ ...view })));
  await load(PROJECT, "main.js", { "main.js": main }, { wx: { getStorageSync: () => "" }, opened, console });
  it.shown = () => it.views.at(-1).state.rev;
  it.answer = async (event, value) => {
    const i = it.calls.findIndex((call) => call.event === event);
    it.calls.splice(i, 1)[0].resolve(value);
    await settle();
  };
  return it;
}

test("an answer that is older than what was told since does not replace it", async () => {
  const it = await table();
  it.joined();
  it.events.state({ rev: 6 });
  await it.answer("sit", { seat: 1, state: { rev: 5 } });
  assert.equal(it.shown(), 6);
  assert.deepEqual([it.views.at(-1).seat, it.views.at(-1).status], [1, "online"]);
  it.show();
  it.events.state({ rev: 8 });
  await it.answer("state", { rev: 7 });
  assert.equal(it.shown(), 8);
});

test("the count of a server that was restarted begins anew", async () => {
  const it = await table();
  it.joined();
  await it.answer("sit", { seat: 1, state: { rev: 500 } });
  it.lost("transport close");
  it.joined();
  await it.answer("sit", { seat: 0, state: { rev: 1 } });
  assert.equal(it.shown(), 1);
});
