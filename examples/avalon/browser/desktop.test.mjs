// Two people at one table: one at a desktop, who cuts the line once, and one with a small phone, who closes the page and returns.

import assert from 'node:assert/strict';
import test from 'node:test';
import { arrive, launch, leave } from './browser.mjs';

const browser = await launch();
test.after(() => browser.close());

test('two people play a game together', async (t) => {
  const ann = await arrive(browser, { name: 'Ann', size: 'desktop', shots: 'desktop', cuttable: true });
  const bob = await arrive(browser, { name: 'Bob', size: 'small', shots: 'small' });
  const token = (person) => person.page.evaluate(() => JSON.parse(sessionStorage.getItem('avalon.session')).token);
  let first;

  await t.test('the second comes through the list of tables', async () => {
    await ann.login();
    const table = await ann.createTable(5);
    first = await token(ann);
    await bob.login();
    await bob.press(`.table-row[data-table="${table}"] button`);
    await bob.sees('#board[data-phase="lobby"]');
    await ann.page.waitForFunction(() => document.querySelectorAll('#seats [data-taken="true"]').length === 2);
    assert.equal(await ann.mySeat(), '0');
    assert.equal(await bob.mySeat(), '1');
    assert.equal(await ann.text('[data-seat="1"] .who'), 'Bob');
    assert.equal(await bob.$('#start').isVisible(), false, 'a guest can start the game');
    await bob.look('guest');
  });

  await t.test('what one says the other reads, as text', async () => {
    await ann.$('#say-text').fill('<b>Welcome</b>, Bob');
    await ann.$('#say-text').press('Enter');
    await bob.sees('#unread:not([hidden])');
    await bob.openPanel('chat');
    await bob.sees('.line');
    assert.equal(await bob.text('.line-text'), '<b>Welcome</b>, Bob');
    await bob.closePanel();
    await bob.sees('[data-tab="chat"]:has(#unread[hidden])');
  });

  const roles = new Map();
  await t.test('each sees the own role, and of the other what it tells', async () => {
    await ann.press('#invite');
    await ann.page.waitForFunction(() => /invitation|address/.test(document.getElementById('herald').textContent));
    await ann.press('#fill');
    await ann.press('#start:not(:disabled)');
    for (const person of [ann, bob]) {
      await person.page.waitForFunction(() => document.getElementById('board').dataset.phase !== 'lobby');
      roles.set(person, await person.readRole());
    }
    await ann.holdRole();
    const hint = 'the seed deals evil to the first two seats; with other rules of dealing it must be another seed';
    assert.deepEqual([...roles.values()], ['assassin', 'minion'], hint);
    assert.deepEqual([ann.known, bob.known], [[['1', 'evil']], [['0', 'evil']]], 'they know each other, and nobody else');
  });

  await t.test('whoever closes the page is away, and has the same seat after coming back', async () => {
    const address = bob.page.url();
    await bob.page.close();
    await ann.sees('[data-seat="1"][data-online="false"]');
    await ann.look('away');
    await bob.openPage(address);
    await bob.sees('#board');
    assert.equal(await bob.mySeat(), '1');
    assert.equal(await bob.readRole(), roles.get(bob));
    await ann.sees('[data-seat="1"][data-online="true"]');
  });

  await t.test('a broken line is told, and mended without help', async () => {
    await ann.breakLine();
    await ann.sees('#link:not([hidden])');
    await ann.look('line-broken');
    assert.match(await ann.text('#link-text'), /^(Connection lost|Connecting)/);
    ann.mendLine();
    await ann.page.waitForFunction(() => document.getElementById('link').dataset.link === 'connected');
    assert.equal(await ann.readRole(), roles.get(ann));
  });

  // Both are evil and never let a quest fail, so that three succeed and the Assassin strikes.
  await t.test('both play to the last blow, and see the same end', async () => {
    await Promise.all([ann.play(), bob.play()]);
    for (const person of [ann, bob]) await person.assertEnd(roles.get(person));
    for (const what of ['#stage', '#stage-line']) assert.equal(await ann.text(what), await bob.text(what));
    assert.match(await ann.text('#stage-line'), /Merlin/);
    assert.ok(ann.seen.has('struck'), 'the Assassin did not strike');
    assert.equal(await ann.count('.quest[data-result="success"]'), 3);
  });

  await t.test('tokens were renewed meanwhile, without a word', async () => {
    await ann.page.waitForFunction((old) => JSON.parse(sessionStorage.getItem('avalon.session')).token !== old, first);
    for (const person of [ann, bob]) {
      assert.equal(await person.data('#link', 'link'), 'connected');
      assert.equal(await person.text('#problem'), '');
    }
  });
  await leave(ann, bob);
});

test('a game can be begun, and the role looked at, from the keyboard', async () => {
  const cid = await arrive(browser, { name: 'Cid', size: 'desktop' });
  const focused = (selector) => cid.page.waitForFunction((what) => document.activeElement.matches(what), selector);
  await cid.sees('#login-form');
  await cid.$('#name').fill('Cid');
  await cid.page.keyboard.press('Tab');
  await focused('#login-go');
  await cid.page.keyboard.press('Enter');
  await cid.sees('#hall');
  await cid.$('[name="size"]:checked').focus();
  await cid.page.keyboard.press('ArrowRight');
  await focused('[name="size"][value="6"]:checked');
  await cid.$('#create-go').focus();
  await cid.page.keyboard.press('Enter');
  await cid.sees('#fill:not(:disabled)');
  await cid.$('#fill').focus();
  await cid.page.keyboard.press('Enter');
  await cid.sees('#start:not(:disabled)');
  await cid.$('#start').focus();
  await cid.page.keyboard.press('Enter');
  await cid.page.waitForFunction(() => document.getElementById('board').dataset.phase !== 'lobby');
  assert.equal(await cid.count('#seats > li'), 6);
  await cid.$('#role-card').focus();
  await cid.page.keyboard.press('Enter');
  await cid.sees('#role-name');
  await cid.page.keyboard.press('Space');
  await cid.sees('#role-card[data-shown="false"]');
  await cid.assertHidden();
  await leave(cid);
});

test('whoever comes with a token that is worth nothing is asked for the name', async () => {
  const dan = await arrive(browser, { name: 'Dan', size: 'desktop' });
  await dan.sees('#login-form');
  await dan.page.evaluate(() => localStorage.setItem('avalon.session', JSON.stringify({ token: 'x.y.z', user: 'dan', expires: Date.now() + 1e9 })));
  await dan.page.reload();
  await dan.sees('#login-problem:not(:empty)');
  assert.equal(await dan.page.evaluate(() => localStorage.getItem('avalon.session')), null);
  await dan.login();
  await dan.sees('#hall');
  await leave(dan);
});
