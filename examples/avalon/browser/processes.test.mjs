// A person at a page that stands before two processes and their Redis. The test breaks what an operator breaks, and the page mends itself.

import assert from 'node:assert/strict';
import test from 'node:test';
import { URL_OF_PAGE, arrive, launch, leave } from './browser.mjs';

const browser = await launch();
test.after(() => browser.close());

test('a page outlives its process, and a Redis that stands still', async (t) => {
  const ann = await arrive(browser, { name: 'Ann', size: 'desktop', cuttable: true });
  const connected = () => ann.page.waitForFunction(() => document.getElementById('link').dataset.link === 'connected');
  const operate = async (what) => assert.equal((await fetch(`${URL_OF_PAGE}/operator/${what}`, { method: 'POST' })).status, 200);
  let table;
  let role;

  await t.test('a game begins', async () => {
    await ann.login();
    table = await ann.createTable(5);
    await ann.press('#fill');
    await ann.press('#start:not(:disabled)');
    await ann.page.waitForFunction(() => document.getElementById('board').dataset.phase !== 'lobby');
    role = await ann.readRole();
  });

  await t.test('its process is killed, and the page goes on with the other', async () => {
    ann.broken = true; // it does not find the other one before this test has seen that it looks for it
    await operate('kill');
    await ann.sees('#link:not([hidden])');
    ann.mendLine();
    await connected();
    await ann.sees('[data-seat="0"][data-online="true"]');
    assert.equal(await ann.data('#game', 'table'), table);
    assert.equal(await ann.readRole(), role);
  });

  await t.test('Redis stands still while the page comes back, and the page keeps its place', async () => {
    await operate('stop');
    await ann.breakLine();
    await ann.sees('#link:not([hidden])');
    ann.mendLine();
    await ann.page.waitForFunction(() => /out of reach/.test(document.getElementById('problem').textContent));
    assert.equal(await ann.data('#game', 'table'), table);
    await operate('resume');
    await ann.page.waitForFunction(() => document.getElementById('problem').textContent === '');
    await ann.play();
    await ann.assertEnd(role);
  });

  // Of links that broke the browser tells, as it should.
  ann.complaints = ann.complaints.filter((complaint) => !/WebSocket connection to/.test(complaint));
  await leave(ann);
});
