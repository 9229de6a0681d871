// One person with a phone, and bots in the other seats.

import assert from 'node:assert/strict';
import test from 'node:test';
import { arrive, launch, leave, URL_OF_PAGE } from './browser.mjs';

const browser = await launch();
test.after(() => browser.close());

const SIDES = { merlin: 'good', percival: 'good', servant: 'good' };
const MOST_GAMES = 3; // a person may have so many tables at once

test('a person plays whole games with bots on a phone', async (t) => {
  const ann = await arrive(browser, { name: 'Ann <i>of</i> Orkney', size: 'phone', shots: 'phone' });
  await ann.login();
  const table = await ann.createTable(5, ['percival', 'morgana']);

  await t.test('the lobby shows who is here, and waits for the host', async () => {
    assert.equal(await ann.count('#seats > li'), 5);
    assert.equal(await ann.text('#seats [data-me="true"] .who'), 'Ann <i>of</i> Orkney');
    assert.equal(await ann.count('#seats [data-taken="true"]'), 1);
    assert.ok(await ann.$('#start').isDisabled(), 'a table with free seats can start');
    await ann.look('lobby');
    await ann.press('#fill');
    await ann.sees('#start:not(:disabled)');
    assert.equal(await ann.count('#seats [data-bot="true"]'), 4);
    await ann.look('lobby-full');
  });

  let role;
  await t.test('the role is hidden until its owner looks', async () => {
    await ann.press('#start');
    await ann.page.waitForFunction(() => document.getElementById('board').dataset.phase !== 'lobby');
    await ann.assertHidden();
    role = await ann.readRole();
    ann.side = SIDES[role] ?? 'evil';
    assert.equal(role, 'merlin', 'the seed deals Merlin to the first seat; with other rules of dealing it must be another seed');
    assert.equal(ann.known.length, 2, 'Merlin sees two of evil');
    assert.ok(ann.known.every(([seat, as]) => seat !== '0' && as === 'evil'));
  });

  await t.test('after a reload everything is where it was', async () => {
    await ann.play(({ now }) => now === 'vote');
    const seat = await ann.mySeat();
    await ann.page.reload();
    await ann.sees('#board');
    assert.equal(await ann.mySeat(), seat);
    assert.equal(await ann.data('#game', 'table'), table);
    await ann.assertHidden();
    assert.equal(await ann.readRole(), role);
  });

  await t.test('a stranger with the address gets no seat and no secret', async () => {
    const eve = await arrive(browser, { name: 'Eve', size: 'small', shots: 'stranger', address: `${URL_OF_PAGE}/#table=${table}` });
    await eve.login();
    await eve.sees('#hall-problem:not(:empty)');
    await eve.sees(`.table-row[data-table="${table}"]`);
    assert.ok(await eve.$(`.table-row[data-table="${table}"] button`).isDisabled(), 'a stranger can take a seat in a running game');
    assert.equal(await eve.count('#seats > li'), 0);
    await eve.look('refused');
    await leave(eve);
  });

  await t.test('the game is played to its end, with every kind of turn', async () => {
    for (let game = 1; ; game++) {
      await ann.play();
      await ann.assertEnd(role);
      if (ann.seen.has('proposed') && ann.seen.has('questing')) break;
      assert.ok(game < MOST_GAMES, `in ${game} games there was no turn of every kind: ${[...ann.seen]}`);
      role = await rematch(ann);
    }
  });

  await t.test('the chronicle and the talk lie behind their tabs', async () => {
    await ann.openPanel('votes');
    await ann.sees('#votes .saga [data-passed]');
    assert.equal(await ann.count('#votes .saga:first-child thead .arms'), 5);
    await ann.look('chronicle');
    await ann.closePanel();
    await ann.openPanel('chat');
    await ann.$('#say-text').fill('<img src=x onerror=alert(1)> well played');
    await ann.press('#say-go');
    await ann.sees('.line');
    assert.equal(await ann.text('.line-text'), '<img src=x onerror=alert(1)> well played');
    await ann.look('talk');
    await ann.closePanel();
    await ann.press('#back');
    await ann.sees('#hall');
    assert.equal(new URL(ann.page.url()).hash, '');
  });
  await leave(ann);
});

async function rematch(person) {
  const old = await person.data('#game', 'table');
  await person.press('#again');
  await person.page.waitForFunction((id) => document.getElementById('game').dataset.table !== id, old);
  await person.press('#fill');
  await person.press('#start:not(:disabled)');
  await person.page.waitForFunction(() => document.getElementById('board').dataset.phase !== 'lobby');
  const role = await person.readRole();
  person.side = SIDES[role] ?? 'evil';
  return role;
}
